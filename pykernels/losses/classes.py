"""The losses as classes: a function of `functions` with its options and a reduction."""

from __future__ import annotations

from types import MappingProxyType

from ..utils.checks import check_options
from .functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from .loss import Loss, LossFunctionWrapper


class NamedLoss(LossFunctionWrapper):
    """A LossFunctionWrapper whose config is its own options, not the function."""

    _options: tuple = ()
    # Options that Keras leaves out of its configurations, with their defaults; kept where they have another value.
    _left_out = MappingProxyType({})
    _unchecked: tuple = ()  # options that are not what their names are elsewhere

    def __init__(self, fn, reduction, name, dtype, **options):
        check_options(type(self).__name__, {k: v for k, v in options.items() if k not in self._unchecked})
        super().__init__(fn, reduction, name, dtype, **options)

    def get_config(self):
        others = [name for name, default in self._left_out.items() if getattr(self, name) != default]
        return {**Loss.get_config(self), **{name: getattr(self, name) for name in (*self._options, *others)}}


class MeanSquaredError(NamedLoss):
    """Mean of `(y_true - y_pred) ** 2`; see `mean_squared_error`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(NamedLoss):
    """Mean of `|y_true - y_pred|`; see `mean_absolute_error`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class BinaryCrossentropy(NamedLoss):
    """Cross-entropy of targets 0 and 1; see `binary_crossentropy`.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float from 0 to 1. Default 0.
        axis: int, the axis of the mean. Default -1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **options)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalCrossentropy(NamedLoss):
    """Cross-entropy of one-hot targets; see `categorical_crossentropy`.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        label_smoothing: float from 0 to 1. Default 0.
        axis: int, the axis of the classes. Default -1.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **options)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(NamedLoss):
    """Cross-entropy of integer targets; see `sparse_categorical_crossentropy`.

    Args:
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.
        ignore_class: int, a class whose samples are left out of the mean. Default None.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        axis: int, the axis of the classes. Default -1.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("from_logits", "ignore_class")
    _left_out = MappingProxyType({"axis": -1})

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **options)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
