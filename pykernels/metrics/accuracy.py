"""Accuracies: functions per sample (1.0 if correct, else 0.0) and the metrics that average them."""

from __future__ import annotations

from .. import ops
from ..config import floatx
from ..losses.loss import squeeze_or_expand_to_same_rank
from .reduction import NamedMean


def accuracy(y_true, y_pred):
    """1 where `y_true` equals `y_pred`, else 0.

    Args:
        y_true: targets, shape (N, ...). A last axis of size 1 may be missing in one of the two.
        y_pred: predictions, shape (N, ...).

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), floatx())


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where `y_true` equals `y_pred > threshold`, else 0.

    Args:
        y_true: targets 0 or 1, shape (N, ...). A last axis of size 1 may be missing in one of the two.
        y_pred: probabilities, shape (N, ...).
        threshold: float. Default 0.5.

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
    """
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
    """1 where the largest entries of `y_true` and `y_pred` have the same index, else 0.

    Args:
        y_true: one-hot targets, shape (N, ..., C).
        y_pred: probabilities or logits, shape (N, ..., C).

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
    """
    y_true = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    matches, shape = _index_matches(y_true, ops.convert_to_tensor(y_pred))
    return matches if shape is None else ops.reshape(matches, shape)


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where `y_true` is the index of the largest entry of `y_pred`, else 0.

    Args:
        y_true: class indices, shape (N, ...) or (N, ..., 1).
        y_pred: probabilities or logits, shape (N, ..., C).

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
    """
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
    """1 where the class of the largest entry of `y_true` is among the `k` largest entries of `y_pred`, else 0.

    Args:
        y_true: one-hot targets, shape (N, ..., C).
        y_pred: probabilities or logits, shape (N, ..., C).
        k: int. Default 5.

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
    """
    y_true = ops.argmax(ops.convert_to_tensor(y_true), axis=-1)
    y_true, y_pred, shape = _rows(y_true, ops.convert_to_tensor(y_pred))
    return _restored(ops.in_top_k(ops.cast(y_true, "int32"), y_pred, k=k), shape)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the class `y_true` is among the `k` largest entries of `y_pred`, else 0.

    Args:
        y_true: class indices, shape (N, ...).
        y_pred: probabilities or logits, shape (N, ..., C).
        k: int. Default 5.
        from_sorted_ids: whether the rows of `y_pred` are class indices, best first, instead of scores. Default False.

    Returns:
        float array or tensor of 0 and 1, shape (N, ...).
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
    """The fraction of predictions that equal their targets; see `accuracy`.

    In `compile`, the name "accuracy" stands for binary, categorical or sparse categorical accuracy, depending on the
    shapes.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(_Accuracy):
    """The fraction of predictions on the correct side of a threshold; see `binary_accuracy`.

    Args:
        threshold: float. Default 0.5.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _options = ("threshold",)

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(_Accuracy):
    """The fraction of samples with one-hot targets that are classified correctly; see `categorical_accuracy`.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """The fraction of samples with integer targets that are classified correctly; see `sparse_categorical_accuracy`.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """The fraction of samples whose class is among the `k` best; see `top_k_categorical_accuracy`.

    Args:
        k: int. Default 5.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _options = ("k",)

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(_Accuracy):
    """The fraction of samples whose integer class is among the `k` best; see `sparse_top_k_categorical_accuracy`.

    Args:
        k: int. Default 5.
        from_sorted_ids: whether predictions are class indices, best first, instead of scores. Default False.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        config = {**super().get_config(), "k": self.k}
        return {**config, "from_sorted_ids": True} if self.from_sorted_ids else config
