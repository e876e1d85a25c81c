"""Losses of probabilities beside the crossentropies: functions and classes."""

from __future__ import annotations

from .. import ops
from ..config import epsilon
from .classes import NamedLoss
from .functions import class_pair, float_pair, same_shapes, smoothed


def kl_divergence(y_true, y_pred):
    """`sum(y_true * log(y_true / y_pred))` over the last axis; both are clipped to [epsilon, 1].

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: probabilities, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = (ops.clip(y, epsilon(), 1.0) for y in float_pair(y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true, y_pred):
    """Mean over the last axis of `y_pred - y_true * log(y_pred + epsilon)`.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + epsilon()), axis=-1)


def binary_focal_crossentropy(
    y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """Binary cross-entropy times `(1 - p_t)^gamma`, `p_t` being the probability of the target (Lin et al., ICCV 2017).

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: probabilities or logits, shape (N, ..., d).
        apply_class_balancing: whether targets t have the weight `t * alpha + (1 - t) * (1 - alpha)`. Default False.
        alpha: float, the weight of class 1. Default 0.25.
        gamma: float, the exponent of the factor. Default 2.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; t becomes `t * (1 - s) + s / 2`. Default 0.
        axis: int, the axis of the mean. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = same_shapes(*float_pair(y_true, y_pred))
    y_true = smoothed(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    of_target = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    loss = ops.power(1.0 - of_target, float(gamma)) * ops.binary_crossentropy(y_true, y_pred, from_logits=False)
    if apply_class_balancing:
        loss = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * loss
    return ops.mean(loss, axis=axis)


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """Categorical cross-entropy whose terms have the factor `alpha * (1 - p)^gamma` (Lin et al., ICCV 2017).

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: probabilities or logits, shape (N, ..., d).
        alpha: float or list of a float for each class, a weight. Default 0.25.
        gamma: float, the exponent of the factor. Default 2.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; `y_true` becomes `y_true * (1 - s) + s / C`. Default 0.
        axis: int, the axis of the classes. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_true, y_pred = class_pair("categorical_focal_crossentropy", y_true, y_pred, axis)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    p = ops.clip(p, epsilon(), 1.0 - epsilon())
    factor = ops.power(1.0 - p, float(gamma)) * ops.convert_to_tensor(alpha, dtype=ops.dtype(p))
    return ops.sum(factor * (-y_true * ops.log(p)), axis=axis)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """`(1 - p^q) / q`, p being the probability of the target's class (Zhang and Sabuncu, NeurIPS 2018).

    Args:
        y_true: classes from 0 to C - 1, shape (N, ...).
        y_pred: probabilities, shape (N, ..., C).
        q: float in (0, 1): near 0 it is cross-entropy, near 1 the absolute error, which noise in targets harms less.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    y_pred = float_pair(0.0, y_pred)[1]
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=ops.dtype(y_pred))
    return (1.0 - ops.power(ops.sum(y_pred * one_hot, axis=-1), float(q))) / float(q)


class KLDivergence(NamedLoss):
    """Kullback-Leibler divergence; see `kl_divergence`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(NamedLoss):
    """Mean of `y_pred - y_true * log(y_pred)`; see `poisson`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction, name, dtype)


class BinaryFocalCrossentropy(NamedLoss):
    """Cross-entropy of targets 0 and 1 in which what is predicted well weighs little; see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: whether targets t have the weight `t * alpha + (1 - t) * (1 - alpha)`. Default False.
        alpha: float, the weight of class 1. Default 0.25.
        gamma: float, the exponent of the factor. Default 2.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; t becomes `t * (1 - s) + s / 2`. Default 0.
        axis: int, the axis of the mean. Default -1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        options = {
            "apply_class_balancing": apply_class_balancing,
            "alpha": alpha,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **options)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalFocalCrossentropy(NamedLoss):
    """Cross-entropy of one-hot targets in which what is predicted well weighs little; see
    `categorical_focal_crossentropy`.

    Args:
        alpha: float or list of a float for each class, a weight. Default 0.25.
        gamma: float, the exponent of the factor. Default 2.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; `y_true` becomes `y_true * (1 - s) + s / C`. Default 0.
        axis: int, the axis of the classes. Default -1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        options = {
            "alpha": alpha,
            "gamma": gamma,
            "from_logits": from_logits,
            "label_smoothing": label_smoothing,
            "axis": axis,
        }
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **options)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalGeneralizedCrossEntropy(NamedLoss):
    """Cross-entropy of classes with noise; see `categorical_generalized_cross_entropy`.

    Args:
        q: float in (0, 1). Default 0.5.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`, or `q` is not in (0, 1).
    """

    _options = ("q",)

    def __init__(
        self, q=0.5, reduction="sum_over_batch_size", name="categorical_generalized_cross_entropy", dtype=None
    ):
        if not 0 < q < 1:
            raise ValueError("q must be in the interval (0, 1)")
        options = {"q": q}
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, **options)
        self.q = q
