"""Hinge losses: functions and classes."""

from __future__ import annotations

from .. import ops
from .classes import NamedLoss
from .functions import float_pair


def _signs(y_true):
    """Targets of 0 and 1 as -1 and 1, others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, y_true * 2.0 - 1.0, y_true)


def hinge(y_true, y_pred):
    """Mean over the last axis of `max(1 - y_true * y_pred, 0)`.

    Args:
        y_true: targets of -1 and 1, or all of them 0 and 1, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true, y_pred):
    """Mean over the last axis of `max(1 - y_true * y_pred, 0)^2`.

    Args:
        y_true: targets of -1 and 1, or all of them 0 and 1, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


def categorical_hinge(y_true, y_pred):
    """`max(neg - pos + 1, 0)` with `pos = sum(y_true * y_pred)` and `neg = max((1 - y_true) * y_pred)`.

    Args:
        y_true: one-hot targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    pos = ops.sum(y_true * y_pred, axis=-1)
    neg = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(neg - pos + 1.0, 0.0)


class Hinge(NamedLoss):
    """Mean of `max(1 - y_true * y_pred, 0)`; see `hinge`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(NamedLoss):
    """Mean of `max(1 - y_true * y_pred, 0)^2`; see `squared_hinge`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(NamedLoss):
    """The hinge loss of several classes; see `categorical_hinge`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction, name, dtype)
