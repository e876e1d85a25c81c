"""Accuracies: per-sample functions (1.0 where right, else 0.0) and the metrics that average them."""

from __future__ import annotations

from .. import ops
from ..config import floatx
from ..losses.loss import squeeze_or_expand_to_same_rank
from .reduction import NamedMean


def accuracy(y_true, y_pred):
    """1 where `y_true` equals `y_pred`. Shapes (N, ...); a last axis of length 1 may be missing in one of them."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), floatx())


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where `y_true` (0 or 1) equals `y_pred > threshold`. Shapes as in `accuracy`."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    decided = ops.cast(ops.greater(y_pred, threshold), ops.dtype(y_true))
    return ops.cast(ops.equal(y_true, decided), floatx())


def _index_matches(y_true, y_pred):
    """Class indices of any dtype against scores (..., C); (..., 1) indices are squeezed, and the result gets that
    axis back."""
    shape = tuple(y_true.shape)
    squeezed = len(shape) == len(y_pred.shape) and shape[-1] == 1
    if squeezed:
        y_true = ops.squeeze(y_true, -1)
    best = ops.cast(ops.argmax(y_pred, axis=-1), ops.dtype(y_true))
    matches = ops.cast(ops.equal(y_true, best), floatx())
    return matches, (shape if squeezed else None)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest entries of `y_true` and `y_pred`, both of shape (N, ..., C), are at the same place."""
    y_true = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    matches, shape = _index_matches(y_true, ops.convert_to_tensor(y_pred))
    return matches if shape is None else ops.reshape(matches, shape)


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the class `y_true` (N, ...) or (N, ..., 1) has the largest score in `y_pred` (N, ..., C)."""
    matches, shape = _index_matches(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    if shape is not None and len(shape) == 1:
        matches = ops.reshape(matches, shape)
    if len(matches.shape) > 1 and matches.shape[-1] == 1:
        matches = ops.squeeze(matches, -1)
    return matches


def _rows(y_true, y_pred):
    """Indices (M,) and scores (M, C) of indices (...) and scores (..., C); the shape to restore, or None."""
    shape = tuple(y_true.shape)
    if len(y_pred.shape) > 2:
        y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if len(shape) > 1:
        return ops.reshape(y_true, (-1,)), y_pred, shape
    return y_true, y_pred, None


def _restored(matches, shape):
    matches = ops.cast(matches, floatx())
    return matches if shape is None else ops.reshape(matches, shape)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the largest entry of `y_true` (N, ..., C) is among the `k` largest of `y_pred` (N, ..., C)."""
    y_true = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    y_true, y_pred, shape = _rows(y_true, ops.convert_to_tensor(y_pred))
    return _restored(ops.in_top_k(ops.cast(y_true, "int32"), y_pred, k=k), shape)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the class `y_true` (N, ...) is among the `k` largest of `y_pred` (N, ..., C).

    With `from_sorted_ids` the rows of `y_pred` are class indices, best first, instead of scores.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred) if from_sorted_ids else "int32")
    y_true, y_pred, shape = _rows(y_true, y_pred)
    if not from_sorted_ids:
        return _restored(ops.in_top_k(y_true, y_pred, k=k), shape)
    return _restored(ops.any(ops.equal(ops.expand_dims(y_true, 1), y_pred[:, :k]), axis=1), shape)


class _Accuracy(NamedMean):
    _direction = "up"


class Accuracy(_Accuracy):
    """The mean of `accuracy`. In `compile`, the name "accuracy" means the kind that fits the shapes instead."""

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(_Accuracy):
    """The mean of `binary_accuracy`."""

    _options = ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(_Accuracy):
    """The mean of `categorical_accuracy`."""

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """The mean of `sparse_categorical_accuracy`."""

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """The mean of `top_k_categorical_accuracy`."""

    _options = ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(_Accuracy):
    """The mean of `sparse_top_k_categorical_accuracy`."""

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        config = {**super().get_config(), "k": self.k}
        return {**config, "from_sorted_ids": True} if self.from_sorted_ids else config
