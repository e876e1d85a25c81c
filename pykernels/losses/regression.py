"""Losses of regression beside the squared and the absolute error: functions and classes."""

from __future__ import annotations

import math
from types import MappingProxyType

from .. import ops
from ..config import epsilon
from .classes import NamedLoss
from .functions import float_pair
from .loss import squeeze_or_expand_to_same_rank


def _pair(y_true, y_pred):
    return squeeze_or_expand_to_same_rank(*float_pair(y_true, y_pred))


def mean_absolute_percentage_error(y_true, y_pred):
    """`100 * mean(|(y_true - y_pred) / y_true|)` over the last axis.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.absolute((y_true - y_pred) / ops.maximum(ops.absolute(y_true), epsilon())), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean over the last axis of `(log(y_true + 1) - log(y_pred + 1))^2`; what is below epsilon counts as epsilon.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    logs = [ops.log(ops.maximum(y, epsilon()) + 1.0) for y in (y_pred, y_true)]
    return ops.mean(ops.square(logs[0] - logs[1]), axis=-1)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between `y_true` and `y_pred`: -1 for vectors of one direction.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        axis: int, the axis of the vectors. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def huber(y_true, y_pred, delta=1.0):
    """Mean over the last axis of `e^2 / 2` where the error `|e| <= delta`, of `delta * |e| - delta^2 / 2` elsewhere.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        delta: float, the error from which on the loss is linear. Default 1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    size, delta = ops.absolute(error), float(delta)
    within = ops.less_equal(size, delta)
    return ops.mean(ops.where(within, ops.square(error) * 0.5, size * delta - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true, y_pred):
    """Mean over the last axis of `log(cosh(y_pred - y_true))`.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


class MeanAbsolutePercentageError(NamedLoss):
    """Mean of `100 * |(y_true - y_pred) / y_true|`; see `mean_absolute_percentage_error`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(NamedLoss):
    """Mean of `(log(y_true + 1) - log(y_pred + 1))^2`; see `mean_squared_logarithmic_error`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(NamedLoss):
    """Minus the cosine of the angle between targets and predictions; see `cosine_similarity`.

    Args:
        axis: int, the axis of the vectors. Default -1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _left_out = MappingProxyType({"axis": -1})

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        options = {"axis": axis}
        super().__init__(cosine_similarity, reduction, name, dtype, **options)
        self.axis = axis


class Huber(NamedLoss):
    """Squared for small errors, absolute for large ones; see `huber`.

    Args:
        delta: float, the error from which on the loss is linear. Default 1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _left_out = MappingProxyType({"delta": 1.0})

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        options = {"delta": delta}
        super().__init__(huber, reduction, name, dtype, **options)
        self.delta = delta


class LogCosh(NamedLoss):
    """Mean of `log(cosh(y_pred - y_true))`; see `log_cosh`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction, name, dtype)
