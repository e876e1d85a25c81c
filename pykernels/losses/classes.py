"""The losses as objects: a function of `functions`, its options, and a reduction."""

from __future__ import annotations

from .functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from .loss import Loss, LossFunctionWrapper


class _NamedLoss(LossFunctionWrapper):
    """A LossFunctionWrapper whose config is its own options, not the function."""

    _options: tuple = ()

    def get_config(self):
        return {**Loss.get_config(self), **{name: getattr(self, name) for name in self._options}}


class MeanSquaredError(_NamedLoss):
    """`mean_squared_error`, reduced. Arguments as in `Loss`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(_NamedLoss):
    """`mean_absolute_error`, reduced. Arguments as in `Loss`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class BinaryCrossentropy(_NamedLoss):
    """`binary_crossentropy`, reduced. Arguments as in that function and in `Loss`."""

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


class CategoricalCrossentropy(_NamedLoss):
    """`categorical_crossentropy`, reduced. Arguments as in that function and in `Loss`."""

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


class SparseCategoricalCrossentropy(_NamedLoss):
    """`sparse_categorical_crossentropy`, reduced. Arguments as in that function and in `Loss`.

    With `ignore_class` the mean is over the samples that count.
    """

    _options = ("from_logits", "ignore_class")

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

    def get_config(self):
        config = super().get_config()
        return config if self.axis == -1 else {**config, "axis": self.axis}
