"""Losses of overlapping areas: functions and classes."""

from __future__ import annotations

from .. import ops
from ..config import epsilon
from .classes import NamedLoss
from .functions import float_pair, same_shapes


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def dice(y_true, y_pred, axis=None):
    """`1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`, the Dice loss.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        axis: int, tuple of ints, or None: the axes that are summed. Default None: all, which gives one loss.

    Returns:
        The loss, in the float dtype of `y_pred`: `y_pred`'s shape without `axis`.
    """
    y_true, y_pred = same_shapes(*float_pair(y_true, y_pred))
    total = ops.sum(y_true, axis=_axes(axis)) + ops.sum(y_pred, axis=_axes(axis))
    return 1.0 - ops.sum(y_true * y_pred, axis=_axes(axis)) * 2.0 / (total + epsilon())


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """`1 - both / (both + alpha * missed + beta * wrong)`, the Tversky loss (Salehi et al., 2017): the sums of
    `y_true * y_pred`, `y_true * (1 - y_pred)` and `(1 - y_true) * y_pred`.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        alpha: float, the weight of targets that are missed. Default 0.5.
        beta: float, the weight of predictions that are wrong. Default 0.5.
        axis: int, tuple of ints, or None: the axes that are summed. Default None: all, which gives one loss.

    Returns:
        The loss, in the float dtype of `y_pred`: `y_pred`'s shape without `axis`.
    """
    y_true, y_pred = same_shapes(*float_pair(y_true, y_pred))
    both = ops.sum(y_true * y_pred, axis=_axes(axis))
    missed = ops.sum((1.0 - y_pred) * y_true, axis=_axes(axis))
    wrong = ops.sum(y_pred * (1.0 - y_true), axis=_axes(axis))
    return 1.0 - both / (both + missed * float(alpha) + wrong * float(beta) + epsilon())


class Dice(NamedLoss):
    """One minus the Dice coefficient; see `dice`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        axis: int, tuple of ints, or None: the axes that are summed. Default None: all, which gives one loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("axis",)
    _unchecked = ("axis",)

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        options = {"axis": axis}
        super().__init__(dice, reduction, name, dtype, **options)
        self.axis = axis


class Tversky(NamedLoss):
    """One minus the Tversky index; see `tversky`.

    Args:
        alpha: float, the weight of targets that are missed. Default 0.5.
        beta: float, the weight of predictions that are wrong. Default 0.5.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        axis: int, tuple of ints, or None: the axes that are summed. Default None: all, which gives one loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("alpha", "beta", "axis")
    _unchecked = ("axis",)

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        options = {"alpha": alpha, "beta": beta, "axis": axis}
        super().__init__(tversky, reduction, name, dtype, **options)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis
