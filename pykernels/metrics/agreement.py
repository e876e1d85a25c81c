"""How well predictions follow targets: R2, cosine similarity, correlations."""

from __future__ import annotations

import numpy as np

from .. import config, ops
from ..losses.loss import squeeze_or_expand_to_same_rank
from ..user_warning import warn
from .metric import Metric
from .reduction import NamedMean

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


def _same_rank(y_true, y_pred):
    y_pred = ops.convert_to_tensor(y_pred)
    return squeeze_or_expand_to_same_rank(ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred)), y_pred)


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between targets and predictions: 1 for the same direction, -1 for the opposite one.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        axis: int, the axis of the vectors. Default -1.

    Returns:
        float array or tensor without that axis.
    """
    y_true, y_pred = _same_rank(y_true, y_pred)
    return ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def _centred(x, axis):
    return x - ops.mean(x, axis=axis, keepdims=True)


def pearson_correlation(y_true, y_pred, axis=-1):
    """Pearson's coefficient of correlation between targets and predictions, from -1 to 1.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        axis: int or tuple, over what is correlated. Default -1.

    Returns:
        float array or tensor without `axis`; NaN where targets or predictions are all the same.
    """
    y_true, y_pred = (_centred(y, axis) for y in _same_rank(y_true, y_pred))
    y_true = y_true / ops.std(y_true, axis=axis, keepdims=True)
    y_pred = y_pred / ops.std(y_pred, axis=axis, keepdims=True)
    return ops.mean(y_true * y_pred, axis=axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Lin's coefficient of concordance: the correlation, less for another mean or variance; from -1 to 1.

    Args:
        y_true: targets, shape (N, ..., d).
        y_pred: predictions, shape (N, ..., d).
        axis: int or tuple, over what is correlated. Default -1.

    Returns:
        float array or tensor without `axis`.
    """
    y_true, y_pred = _same_rank(y_true, y_pred)
    means = [ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    spread = ops.var(y_true, axis=axis, keepdims=True) + ops.var(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - means[1]) * (y_pred - means[1])
    size = spread + ops.square(means[0] - means[1]) + config.epsilon()
    return ops.mean(2 * covariance / size, axis=axis)


class _Similarity(NamedMean):
    _options = ("axis",)
    _direction = "up"


class CosineSimilarity(_Similarity):
    """The mean of `cosine_similarity` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
        axis: int, the axis of the vectors. Default -1.
    """

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self):
        config_of_metric = super().get_config()
        return config_of_metric if self.axis != -1 else {k: v for k, v in config_of_metric.items() if k != "axis"}


class PearsonCorrelation(_Similarity):
    """The mean of `pearson_correlation` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
        axis: int or tuple, over what is correlated. Default -1.
    """

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(_Similarity):
    """The mean of `concordance_correlation` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
        axis: int or tuple, over what is correlated. Default -1.
    """

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class R2Score(Metric):
    """The coefficient of determination: 1 - squared errors / squared distances of the targets from their mean.

    Args:
        class_aggregation: how the scores of several outputs become one: "uniform_average" (default),
            "variance_weighted_average", or None: each has its own.
        num_regressors: int, the number of independent variables, for the adjusted score. Default 0: not adjusted.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `class_aggregation`, a negative `num_regressors`; while updating, targets and predictions
            that are not (N, outputs).
    """

    _direction = "up"
    _SUMS = ("squared_sum", "sum", "total_mse", "count")

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`. Expected one of {_AGGREGATIONS}. Received: "
                f"class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. Received: "
                f"num_regressors={num_regressors}"
            )
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def build_for(self, y_true_shape, y_pred_shape) -> None:
        """Makes the variables, unless they are there."""
        if self._built:
            return
        if len(y_true_shape) == 1 and len(y_pred_shape) == 2:
            y_true_shape = (*y_true_shape, 1)
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={tuple(y_pred_shape)} and y_true.shape={tuple(y_true_shape)}."
            )
        for name in self._SUMS:
            setattr(self, name, self.add_variable((y_pred_shape[-1],), "zeros", name=name))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets, shape (N, outputs).
            y_pred: predictions, shape (N, outputs).
            sample_weight: weights (N,) or (N, outputs). Default None.
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        self.build_for(y_true.shape, y_pred.shape)
        weight = ops.convert_to_tensor(1.0 if sample_weight is None else sample_weight, dtype=self.dtype)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, 1)
        weight = ops.broadcast_to(weight, tuple(y_true.shape))
        weighted = y_true * weight
        sums = (y_true * weighted, weighted, ops.square(y_true - y_pred) * weight, weight)
        for name, values in zip(self._SUMS, sums, strict=True):
            getattr(self, name).assign_add(ops.sum(values, axis=0))
        self.num_samples.assign_add(float(np.prod(y_true.shape)))

    def result(self):
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        squares, total, errors, count = (ops.convert_to_tensor(getattr(self, name)) for name in self._SUMS)
        spread = squares - total * (total / count)
        scores = 1 - errors / spread
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(spread * scores) / ops.sum(spread)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores):
        """The score adjusted for the number of regressors, where there are enough samples for that."""
        n = ops.convert_to_tensor(self.num_samples)
        free = n - self.num_regressors - 1.0
        if isinstance(free, np.ndarray) and free <= 0:
            warn(
                "More independent predictors than datapoints in adjusted R2 score. Falling back to standard R2 score."
                if free < 0
                else "Division by zero in Adjusted R2 score. Falling back to standard R2 score."
            )
        enough = ops.greater(free, 0.0)
        return ops.where(enough, 1.0 - (1.0 - scores) * (n - 1.0) / ops.where(enough, free, 1.0), scores)

    def get_config(self):
        options = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **options}
