"""Losses as metrics: the mean per sample over all batches."""

from __future__ import annotations

from .. import ops
from ..losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from ..losses.loss import squeeze_or_expand_to_same_rank
from .reduction import Mean, NamedMean


class MeanSquaredError(NamedMean):
    """The mean of `(y_true - y_pred) ** 2` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(NamedMean):
    """The mean of `|y_true - y_pred|` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of `(y_true - y_pred) ** 2` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self):
        return ops.sqrt(super().result())


class BinaryCrossentropy(NamedMean):
    """The mean of `losses.binary_crossentropy` over all samples.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float from 0 to 1. Default 0.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _options = ("from_logits", "label_smoothing")

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(binary_crossentropy, name, dtype, **options)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(NamedMean):
    """The mean of `losses.categorical_crossentropy` over all samples.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float from 0 to 1. Default 0.
        axis: int, the axis of the classes. Default -1.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, name, dtype, **options)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(NamedMean):
    """The mean of `losses.sparse_categorical_crossentropy` over all samples.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        ignore_class: int, a class whose samples are left out. Default None.
        axis: int, the axis of the classes. Default -1.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    _options = ("from_logits", "ignore_class", "axis")

    def __init__(
        self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, name, dtype, **options)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
