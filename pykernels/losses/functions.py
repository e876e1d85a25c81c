"""Losses per sample. Written once with `pykernels.ops`: arrays in, arrays out; symbolic tensors in a program."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..config import floatx
from ..graph import apply
from ..ops.losses import mean_binary_crossentropy
from ..user_warning import warn
from ..utils.error_origin import brief
from ..utils.masks import set_mask
from .loss import squeeze_or_expand_to_same_rank


def float_pair(y_true, y_pred):
    """Both as tensors of the float dtype of `y_pred`."""
    y_pred = ops.convert_to_tensor(y_pred)
    if not ops.dtype(y_pred).startswith("float"):
        y_pred = ops.cast(y_pred, floatx())
    return ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred)), y_pred


def _same(a, b) -> bool:
    """Whether two shapes can be the same; None fits everything."""
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _per_row(fused, elementwise, y_true, y_pred):
    """The mean over the last axis of an elementwise error: by the fused op, or by plain ops where shapes broadcast."""
    y_true, y_pred = squeeze_or_expand_to_same_rank(*float_pair(y_true, y_pred))
    if tuple(y_true.shape) == tuple(y_pred.shape) and y_pred.shape:
        return apply(fused, [y_true, y_pred])
    return ops.mean(elementwise(y_true - y_pred), axis=-1)


def mean_squared_error(y_true, y_pred):
    """Mean over the last axis of `(y_true - y_pred)^2`.

    Args:
        y_true: targets, shape (N, ..., d). (N,) is accepted for predictions of shape (N, 1), and the reverse.
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    return _per_row("mean_squared_error", ops.square, y_true, y_pred)


def mean_absolute_error(y_true, y_pred):
    """Mean over the last axis of `|y_true - y_pred|`.

    Args:
        y_true: targets, shape (N, ..., d). (N,) is accepted for predictions of shape (N, 1), and the reverse.
        y_pred: predictions, shape (N, ..., d).

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.
    """
    return _per_row("mean_absolute_error", ops.absolute, y_true, y_pred)


def class_pair(loss, y_true, y_pred, axis):
    """`float_pair` of one-hot targets and predictions, checked for the loss of that name."""
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")
    y_true, y_pred = float_pair(y_true, y_pred)
    if y_pred.shape and y_pred.shape[-1] == 1:
        warn(
            f"In loss {loss}, expected y_pred.shape to be (batch_size, num_classes) with "
            f"num_classes > 1. Received: y_pred.shape={tuple(y_pred.shape)}. Consider using 'binary_crossentropy' if "
            "you only have 2 classes.",
            SyntaxWarning,
        )
    if not _same(y_true.shape, y_pred.shape):
        integer_labels = len(y_true.shape) == len(y_pred.shape) - 1 or tuple(y_true.shape[-1:]) == (1,)
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}"
            + (
                ". The targets look like integer labels: use the loss 'sparse_categorical_crossentropy', or convert "
                "them with pykernels.utils.to_categorical."
                if integer_labels
                else ". The last layer must have one unit per class."
            )
        )
    return y_true, y_pred


def smoothed(y_true, label_smoothing, classes):
    """Targets of which a part, `label_smoothing`, is spread over all classes."""
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def same_shapes(y_true, y_pred):
    """Both as they are. ValueError where their shapes differ."""
    if not _same(y_true.shape, y_pred.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}."
        )
    return y_true, y_pred


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """`-sum(y_true * log(y_pred))` over the classes.

    Args:
        y_true: one-hot targets, or any class weights, shape (N, ..., C).
        y_pred: probabilities or logits, shape (N, ..., C). Probabilities are divided by their sum and clipped to
            [epsilon, 1 - epsilon]; in a model, of a softmax's output the logits are taken instead.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; `y_true` becomes `y_true * (1 - s) + s / C`. Default 0.
        axis: int, the axis of the classes. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.

    Raises:
        ValueError: the shapes differ, or `axis` is a bool.
    """
    y_true, y_pred = class_pair("categorical_crossentropy", y_true, y_pred, axis)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """`-log(y_pred[class])` for integer classes.

    Args:
        y_true: class indices from 0 to C - 1, shape (N, ...) or (N, ..., 1).
        y_pred: probabilities or logits, shape (N, ..., C). Probabilities are divided by their sum and clipped to
            [epsilon, 1 - epsilon]; in a model, of a softmax's output the logits are taken instead.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        ignore_class: int, a class whose samples have a loss of 0. `Loss` objects leave them out of the mean. Default
            None.
        axis: int, the axis of the classes. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`. A class out of range gives NaN.

    Raises:
        ValueError: incompatible shapes; class indices that are not whole numbers.
    """
    y_true = ops.convert_to_tensor(y_true)
    y_pred = ops.convert_to_tensor(y_pred)
    if isinstance(y_true, np.ndarray) and y_true.dtype.kind == "f" and (y_true != np.floor(y_true)).any():
        raise ValueError(
            f"sparse_categorical_crossentropy takes class numbers, which are whole. Received: y_true={brief(y_true)}"
        )
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    at = axis % len(y_pred.shape) if y_pred.shape else 0
    expected = tuple(d for i, d in enumerate(y_pred.shape) if i != at)
    if not _same(y_true.shape, expected):
        one_hot = _same(y_true.shape, y_pred.shape)
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}"
            + (". The targets look one-hot: use the loss 'categorical_crossentropy'." if one_hot else "")
        )
    valid = None
    if ignore_class is not None:
        valid = ops.not_equal(y_true, ignore_class)
        y_true = ops.where(valid, y_true, ops.zeros_like(y_true))
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    if valid is not None:
        loss = ops.where(valid, loss, ops.zeros_like(loss))
        set_mask(loss, valid)
    return loss


sparse_categorical_crossentropy.takes_class_indices = True


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean over `axis` of `-(t log p + (1 - t) log(1 - p))`.

    Args:
        y_true: targets t, usually 0 or 1, shape (N, ..., d).
        y_pred: probabilities p, which are clipped to [epsilon, 1 - epsilon], or logits. Shape (N, ..., d). In a model,
            of a sigmoid's output the logits are taken instead.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float s from 0 to 1; t becomes `t * (1 - s) + s / 2`. Default 0.
        axis: int, the axis of the mean. Default -1.

    Returns:
        Losses of shape (N, ...), in the float dtype of `y_pred`.

    Raises:
        ValueError: the shapes differ.
    """
    y_true, y_pred = float_pair(y_true, y_pred)
    if not _same(y_true.shape, y_pred.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(y_true.shape)}, output.shape={tuple(y_pred.shape)}. The last layer of a two-class "
            "model has one unit; for more classes use 'sparse_categorical_crossentropy' or 'categorical_crossentropy'."
        )
    y_true = smoothed(y_true, label_smoothing, 2)
    if y_pred.shape and axis in (-1, len(y_pred.shape) - 1):
        return mean_binary_crossentropy(y_true, y_pred, from_logits)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)
