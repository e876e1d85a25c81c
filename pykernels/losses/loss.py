"""The base class of losses, and the reductions of losses per sample."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..config import floatx
from ..graph import Tensor, Variable
from ..utils.checks import check_name
from ..utils.masks import get_mask
from ..utils.naming import auto_name, nearest_names
from ..utils.serialization import deserialize_keras_object, serialize_keras_object

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Reduction:
    """The names of reductions in tf.keras: `tf.keras.losses.Reduction.NONE`."""

    AUTO = "sum_over_batch_size"  # what it stood for outside of distribution strategies
    NONE = "none"
    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"

    @classmethod
    def all(cls):
        return (cls.AUTO, cls.NONE, cls.SUM, cls.SUM_OVER_BATCH_SIZE)

    @classmethod
    def validate(cls, key):
        standardize_reduction(key)


def standardize_reduction(reduction):
    """`reduction` itself; ValueError unless it is one of `REDUCTIONS`."""
    if reduction not in REDUCTIONS:
        hint = " Keras 2's 'auto' is 'sum_over_batch_size'." if reduction == "auto" else ""
        raise ValueError(
            f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction}"
            f"{hint or nearest_names(reduction, [r for r in REDUCTIONS if r])}"
        )
    return reduction


def squeeze_or_expand_to_same_rank(x1, x2, expand_rank_1=True):
    """Makes ranks equal where they differ by a last axis of size 1.

    (N, 1) beside (N,): the shorter one gets the axis, unless `expand_rank_1` is False; at higher ranks the longer
    one loses it. Other differences stay: the caller broadcasts or complains.
    """
    if len(x1.shape) == len(x2.shape):
        return x1, x2
    if len(x1.shape) == len(x2.shape) + 1 and x1.shape[-1] == 1:
        if len(x2.shape) == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if len(x2.shape) == len(x1.shape) + 1 and x2.shape[-1] == 1:
        if len(x1.shape) == 1 and expand_rank_1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def reduce_values(values, sample_weight=None, reduction="sum_over_batch_size"):
    """Reduces already weighted values. Means divide by the number of values, not by the sum of the weights, except
    "mean_with_sample_weight"."""
    shape = tuple(values.shape)
    if reduction in (None, "none") or shape in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(sample_weight))
    if 0 in shape:
        return ops.sum(values)
    return ops.mean(values)


def apply_mask(sample_weight, mask, dtype, reduction):
    """The sample weights with masked values at 0; for means, the others are scaled up by total / valid."""
    if mask is None:
        return sample_weight
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = np.asarray(math.prod(weight.shape), dtype)
        weight = weight * ops.divide_no_nan(ops.convert_to_tensor(total), ops.sum(weight))
    if sample_weight is None:
        return weight
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, ops.cast(sample_weight, dtype))
    return sample_weight * weight


def reduce_weighted_values(values, sample_weight=None, mask=None, reduction="sum_over_batch_size", dtype=None):
    """Weights, masks and reduces values per sample.

    Args:
        values: losses, shape (N, ...).
        sample_weight: None, or shape (N,), (N, 1), or one that broadcasts to that of `values`.
        mask: None, or bool of the shape of `values`.
        reduction: one of `REDUCTIONS`.
        dtype: of the result; that of `values` by default.
    """
    reduction = standardize_reduction(reduction)
    values = ops.convert_to_tensor(values, dtype=dtype)
    dtype = ops.dtype(values)
    sample_weight = apply_mask(sample_weight, mask, dtype, reduction)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        values = values * sample_weight
    return reduce_values(values, sample_weight, reduction)


class Loss:
    """The base class of losses.

    A subclass implements `call(y_true, y_pred)`, which returns losses of shape (N, ...), with `pykernels.ops`.

    Args:
        name: str. Default None: the class name in snake case.
        reduction: how the losses become one number. "sum_over_batch_size" (default) and "mean": their mean. "sum":
            their sum. "mean_with_sample_weight": their weighted sum divided by the sum of the weights. "none" or None:
            they are not reduced.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        check_name(type(self).__name__, name)
        self.name = name or auto_name(type(self).__name__)
        self.reduction = standardize_reduction(reduction)
        self._dtype = ops.standardize_dtype(dtype if dtype is not None else floatx())

    @property
    def dtype(self):
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        for name, value in (("y_true", y_true), ("y_pred", y_pred)):
            if isinstance(value, dict):
                raise ValueError(f"Loss '{self.name}' takes one array; {name} is a dict with keys {list(value)}.")
        in_mask = get_mask(y_pred)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true = self._convert_target(y_true)
        losses = self.call(y_true, y_pred)
        out_mask = get_mask(losses)
        if in_mask is not None and out_mask is not None:
            mask = ops.logical_and(in_mask, out_mask)
        else:
            mask = in_mask if in_mask is not None else out_mask
        return reduce_weighted_values(losses, sample_weight, mask, self.reduction, self.dtype)

    def _convert_target(self, y_true):
        return ops.convert_to_tensor(y_true, dtype=self.dtype)

    def call(self, y_true, y_pred):
        raise NotImplementedError(f"Loss '{type(self).__name__}' must implement call(y_true, y_pred).")

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function as a loss.

    Args:
        fn: callable `fn(y_true, y_pred, **kwargs)` that returns losses of shape (N, ...), written with `pykernels.ops`.
        reduction, name, dtype: as in `Loss`.
        **kwargs: keyword arguments for `fn`.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def _convert_target(self, y_true):
        if getattr(self.fn, "takes_class_indices", False):
            y_true = y_true if isinstance(y_true, (Tensor, Variable)) else np.asarray(y_true)
            if str(y_true.dtype) in ("int32", "int64", "uint8"):
                return ops.convert_to_tensor(y_true)
        return super()._convert_target(y_true)

    def call(self, y_true, y_pred):
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        config = super().get_config()
        config["fn"] = serialize_keras_object(self.fn)
        config.update(serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**(deserialize_keras_object(config) if "fn" in config else config))

    def __repr__(self):
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"
