"""Metrics that sum or average values."""

from __future__ import annotations

from .. import ops
from ..graph import Tensor
from ..graph.autodiff import reachable
from ..losses.loss import apply_mask, squeeze_or_expand_to_same_rank
from ..utils.checks import check_options
from ..utils.masks import get_mask
from ..utils.serialization import deserialize_keras_object, serialize_keras_object
from .metric import Metric


def _per_sample(values, sample_weight, reduce, dtype):
    """Values and weights reduced to one per sample, the values weighted.

    Args:
        values: shape (N, ...) or ().
        sample_weight: None, or shape (N,), or more of the axes of `values`; the axes that it lacks are reduced before
            weighting.
        reduce: `ops.mean` or `ops.sum`.

    Returns:
        (values, sample_weight), of shape (N,) each (or (), None).
    """
    mask = get_mask(values)
    values = ops.cast(values, dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype, "sum")
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        values_rank, weight_rank = len(values.shape), len(sample_weight.shape)
        if values_rank > weight_rank:
            values = reduce(values, axis=tuple(range(weight_rank, values_rank)))
        if tuple(sample_weight.shape) != tuple(values.shape):
            sample_weight = ops.broadcast_to(sample_weight, tuple(values.shape))
        values = values * sample_weight
        if weight_rank > 1:
            sample_weight = reduce(sample_weight, axis=tuple(range(1, weight_rank)))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, sample_weight


class Sum(Metric):
    """The sum of all values, multiplied by their weights if these are given.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        values, _ = _per_sample(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self):
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The mean of all values, weighted if weights are given; 0 before the first value.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        """Adds values of shape (N, ...). The value of a sample is its mean over all axes but the first.

        Args:
            values: array or tensor, shape (N, ...) or ().
            sample_weight: weights of shape (N,), or of more of the axes of `values`. Default None.
        """
        values, sample_weight = _per_sample(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(ops.sum(values) if values.shape else values)
        if sample_weight is not None:
            self.count.assign_add(ops.sum(sample_weight))
        else:
            self.count.assign_add(values.shape[0] if values.shape else 1)

    def result(self):
        return ops.divide_no_nan(self.total, self.count)


def _pairs_all(values: Tensor, y_true: Tensor) -> bool:
    """Whether vectors (N,) and columns (N, 1) were combined to (N, N) on the way to `values`."""
    vector = tuple(y_true.shape)
    n = vector[0]
    for node in reachable([values]):
        shapes = {tuple(x.shape) for x in node.inputs}
        if {vector, (n, 1)} <= shapes and any(tuple(out.shape) == (n, n) for out in node.outputs):
            return True
    return False


class MeanMetricWrapper(Mean):
    """The mean of the values of a function.

    Args:
        fn: callable `fn(y_true, y_pred, **kwargs)` that returns a value per sample, written with `pykernels.ops`.
        name, dtype: as in `Metric`.
        **kwargs: keyword arguments for `fn`.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true, y_pred: targets and predictions, as `fn` takes them.
            sample_weight: weights of the values that `fn` returns, as in `Mean.update_state`. Default None.
        """
        mask = get_mask(y_pred)
        values = self._values(y_true, y_pred)
        super().update_state(values, apply_mask(sample_weight, mask, self.dtype, "sum"))

    def _values(self, y_true, y_pred):
        """`fn` of targets and predictions.

        Before Keras 3, targets of shape (N,) became (N, 1) on their way to a metric. A function that counts on that
        compares (N,) with (N, 1) here, which gives (N, N): it gets the column.
        """
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        symbolic = isinstance(y_true, Tensor) and isinstance(y_pred, Tensor) and isinstance(values, Tensor)
        if symbolic and len(y_true.shape) == 1 and y_pred.shape == (*y_true.shape, 1) and _pairs_all(values, y_true):
            column = self._fn(ops.expand_dims(y_true, -1), y_pred, **self._fn_kwargs)
            if not _pairs_all(column, y_true):
                return column
        return values

    def get_config(self):
        config = {**super().get_config(), "fn": serialize_keras_object(self._fn)}
        config.update(serialize_keras_object(self._fn_kwargs))
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**(deserialize_keras_object(config) if "fn" in config else config))


class NamedMean(MeanMetricWrapper):
    """A MeanMetricWrapper whose config is its own options, not the function.

    `_direction` says whether more is better ("up") or less ("down").
    """

    _options: tuple = ()
    _direction = "down"

    def __init__(self, fn, name=None, dtype=None, **options):
        check_options(type(self).__name__, options)
        super().__init__(fn, name, dtype, **options)

    def get_config(self):
        return {**Metric.get_config(self), **{name: getattr(self, name) for name in self._options}}
