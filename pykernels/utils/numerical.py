"""Arrays of labels and features: one-hot encoding and normalisation."""

from __future__ import annotations

import numpy as np

from ..compat.arguments import accepts_old_names
from .checks import check_integer
from .error_origin import brief


@accepts_old_names("to_categorical")
def to_categorical(x, num_classes=None):
    """One-hot encodes integer labels.

    Args:
        x: array-like of integers 0 .. num_classes - 1, shape (...) or (..., 1). Floats are cut to integers.
        num_classes: length of the new last axis; default `max(x) + 1`. Keras 1 called it `nb_classes`.

    Returns:
        float64 array of shape (..., num_classes).

    Raises:
        IndexError: a label is `num_classes` or more.
        ValueError: a label is negative (Keras counts it from the end, without a word) or no number; `num_classes` is
            negative; `x` is empty and `num_classes` is not given.
        MemoryError: a label so large that its row does not fit into the memory.
    """
    if num_classes is not None:
        check_integer("to_categorical", "num_classes", num_classes, 0)
    labels = _whole(x)
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    labels = labels.reshape(-1)
    if not num_classes:
        if labels.size == 0:
            raise ValueError("to_categorical: `x` is empty, so `num_classes` must be given.")
        num_classes = int(labels.max()) + 1
    outside = labels[labels >= num_classes]
    if outside.size:
        raise IndexError(
            f"to_categorical: label {outside[0]} is out of bounds for num_classes={num_classes}; labels must be "
            f"0 .. {num_classes - 1}. Labels that start at 1 need `x - 1`."
        )
    categorical = np.zeros((labels.size, num_classes))
    categorical[np.arange(labels.size), labels] = 1
    return categorical.reshape((*shape, num_classes))


def _whole(x) -> np.ndarray:
    """Labels as int64. Raises ValueError for what is negative or no number."""
    given = np.asarray(x)
    try:
        numbers = given.astype("int64") if given.dtype.kind in "iub" else given.astype("float64")
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"to_categorical: labels must be numbers. Received: x={brief(x, 200)}") from None
    wrong = numbers[~((numbers >= 0) & (numbers < 2.0**62))]
    if wrong.size:
        hint = " Negative labels, -1 and 1 for example, become 0 and 1 by (x + 1) // 2." if wrong.min() < 0 else ""
        raise ValueError(f"to_categorical: labels must be numbers from 0 on. Received: {wrong[0]}.{hint}")
    return numbers.astype("int64")


def normalize(x, axis=-1, order=2):
    """Divides by the norm along `axis`; vectors of norm 0 are left as they are.

    Args:
        x: array-like.
        axis: the axis along which the norm is taken; None for that of all numbers.
        order: order of the norm, as in `numpy.linalg.norm` (2: Euclidean, 1: sum of absolute values).

    Returns:
        Array of the shape of `x`.
    """
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, -1 if axis is None else axis)
