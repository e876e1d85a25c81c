"""F-scores: precision and recall in one number, per class or averaged."""

from __future__ import annotations

from .. import config, ops
from .metric import Metric

_AVERAGES = (None, "micro", "macro", "weighted")
_SUMS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall).

    Args:
        average: None (default): a score for each class; "micro": one score of all decisions together; "macro": the mean
            of the classes' scores; "weighted": their mean, weighted by how often each class occurs.
        beta: float above 0: how much more recall counts than precision. Default 1.0.
        threshold: float above 0, up to 1: what exceeds it is predicted as positive. Default None: the largest entry of
            each sample is, unless it is 0.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `average`, a `beta` or `threshold` that is no such float; while updating, targets and
            predictions that are not (N, classes).
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        if average not in _AVERAGES:
            raise ValueError(
                "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', 'weighted'}. "
                f"Received: average={average}"
            )
        if not isinstance(beta, float):
            raise ValueError(
                "Invalid `beta` argument value. It should be a Python float. "
                f"Received: beta={beta} of type '{type(beta)}'"
            )
        if beta <= 0.0:
            raise ValueError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
        if threshold is not None and not isinstance(threshold, float):
            raise ValueError(
                "Invalid `threshold` argument value. It should be a Python float. "
                f"Received: threshold={threshold} of type '{type(threshold)}'"
            )
        if threshold is not None and not 0.0 < threshold <= 1.0:
            raise ValueError(
                "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                f"Received: threshold={threshold}"
            )
        super().__init__(name=name, dtype=dtype)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def build_for(self, y_true_shape, y_pred_shape) -> None:
        """Makes the variables, unless they are there."""
        if self._built:
            return
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                f"{type(self).__name__} expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={tuple(y_pred_shape)} and y_true.shape={tuple(y_true_shape)}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        for name in _SUMS:
            setattr(self, name, self.add_variable(shape, "zeros", self.dtype, name=name))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets 0 or 1, shape (N, C).
            y_pred: predictions, shape (N, C).
            sample_weight: weights (N,). Default None.
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        self.build_for(y_true.shape, y_pred.shape)
        if self.threshold is None:
            largest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            positive = ops.logical_and(largest, ops.greater(ops.absolute(y_pred), 1e-9))
        else:
            positive = ops.greater(y_pred, self.threshold)
        y_pred = ops.cast(positive, self.dtype)
        weight = None
        if sample_weight is not None:
            weight = ops.reshape(ops.convert_to_tensor(sample_weight, dtype=self.dtype), (-1, 1))
        axis = None if self.average == "micro" else 0
        for name, values in zip(
            _SUMS, (y_pred * y_true, y_pred * (1 - y_true), (1 - y_pred) * y_true, y_true), strict=True
        ):
            getattr(self, name).assign_add(ops.sum(values if weight is None else values * weight, axis=axis))

    def result(self):
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        tp, fp, fn, occurrences = (ops.convert_to_tensor(getattr(self, name)) for name in _SUMS)
        tiny = config.epsilon()
        precision, recall = tp / (tp + fp + tiny), tp / (tp + fn + tiny)
        factor = self.beta**2
        scores = precision * recall / (factor * precision + recall + tiny) * (1 + factor)
        if self.average == "weighted":
            return ops.sum(scores * (occurrences / (ops.sum(occurrences) + tiny)))
        return scores if self.average is None else ops.mean(scores)

    def get_config(self):
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall).

    Args:
        average: None (default): a score for each class; "micro": one score of all decisions together; "macro": the mean
            of the classes' scores; "weighted": their mean, weighted by how often each class occurs.
        threshold: float above 0, up to 1: what exceeds it is predicted as positive. Default None: the largest entry of
            each sample is, unless it is 0.
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `average`, a `threshold` that is no such float; while updating, targets and predictions
            that are not (N, classes).
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key != "beta"}
