"""Metrics of all thresholds at once: the area under a curve, and one rate at a given other one."""

from __future__ import annotations

import numpy as np

from .. import config, ops
from ..utils.serialization import deserialize_keras_object
from .confusion import DecisionMetric, Thresholds, decision_counts, share

_CURVES = {"ROC": "ROC", "roc": "ROC", "PR": "PR", "pr": "PR", "PRGAIN": "PRGAIN", "prgain": "PRGAIN"}
_SUMMATIONS = ("interpolation", "minoring", "majoring")


def _inner(n: int) -> list:
    """n - 2 thresholds evenly within (0, 1)."""
    return [(i + 1) / (n - 1) for i in range(n - 2)]


class _FourSums(DecisionMetric):
    _kept = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    _direction = "up"

    def _values(self) -> list:
        """The four sums, (T,) or (T, L)."""
        return [ops.convert_to_tensor(getattr(self, name)) for name in self._kept]


class AUC(_FourSums):
    """The area under the ROC curve, or under the curve of precision over recall, as a sum over thresholds.

    Args:
        num_thresholds: int above 1, the number of thresholds, evenly from 0 to 1. Default 200.
        curve: "ROC" (default), "PR" (precision over recall) or "PRGAIN".
        summation_method: "interpolation" (default), "minoring" (sums from below) or "majoring" (from above).
        name: str, the name in logs and results. Default None: "auc".
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
        thresholds: list of floats from 0 to 1, used instead of `num_thresholds`. Default None.
        multi_label: whether each entry of the last axis has a curve of its own, whose areas are averaged. Default
            False: all are taken together.
        num_labels: int, the size of that axis, so that the variables can be made at once. Default None.
        label_weights: list of floats, a weight for each label. Default None.
        from_logits: whether `y_pred` are logits instead of probabilities. Default False.

    Raises:
        ValueError: an unknown `curve` or `summation_method`, too few thresholds, or `num_labels` without `multi_label`;
            while updating, targets and predictions of different shapes.
    """

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
        multi_label=False,
        num_labels=None,
        label_weights=None,
        from_logits=False,
    ):
        if getattr(curve, "value", curve) not in _CURVES:
            raise ValueError(f'Invalid AUC curve value: "{curve}". Expected values are ["PR", "ROC", "PRGAIN"]')
        method = str(getattr(summation_method, "value", summation_method))
        if method not in (*_SUMMATIONS, *(m.capitalize() for m in _SUMMATIONS)):
            raise ValueError(
                f'Invalid AUC summation method value: "{summation_method}". Expected values are ["interpolation", '
                '"majoring", "minoring"]'
            )
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(
                f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}"
            )
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        super().__init__(name=name, dtype=dtype)
        self.curve = _CURVES[getattr(curve, "value", curve)]
        self.summation_method = method.lower()
        self._own_thresholds = thresholds is not None
        inner = sorted(thresholds) if self._own_thresholds else _inner(num_thresholds)
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]  # below 0 and above 1: roundings
        self.num_thresholds = len(self.thresholds)
        even = Thresholds([0.0, *inner, 1.0]).even if self._own_thresholds else True
        self._at = Thresholds(self.thresholds, even)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._from_logits = from_logits
        self._built = False
        if not multi_label or num_labels:
            self.build_for(None, (None, num_labels))

    def build_for(self, y_true_shape, y_pred_shape) -> None:
        """Makes the variables, unless they are there."""
        if self._built:
            return
        if self.multi_label and len(y_pred_shape) != 2:
            raise ValueError(
                f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {len(y_pred_shape)}. Full shape "
                f"received for `y_pred`: {tuple(y_pred_shape)}"
            )
        self.make_sums((self.num_thresholds, y_pred_shape[1]) if self.multi_label else (self.num_thresholds,))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets, shape (N, ...); what is not 0 is positive.
            y_pred: predictions from 0 to 1 (or logits), shape (N, ...).
            sample_weight: weights that broadcast to `y_pred`, such as (N,). Default None.
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        self.build_for(y_true.shape, y_pred.shape)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        flat = None if self.multi_label else self.label_weights  # per label they weight the areas instead
        counts = decision_counts(
            y_true, y_pred, self._at, sample_weight=sample_weight, per_label=self.multi_label, label_weights=flat
        )
        self.add_counts(counts)

    def result(self):
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean_of_labels(self._interpolated_pr())
        x, y = self._points()
        left, right = y[:-1], y[1:]
        if self.summation_method == "interpolation":
            heights = (left + right) / 2.0
        else:
            heights = (ops.minimum if self.summation_method == "minoring" else ops.maximum)(left, right)
        return self._mean_of_labels(ops.sum((x[:-1] - x[1:]) * heights, axis=0))

    def _points(self) -> tuple:
        """Abscissas and ordinates of the curve at the thresholds."""
        tp, fp, tn, fn = self._values()
        if self.curve == "ROC":
            return share(fp, tn), share(tp, fn)
        if self.curve == "PR":
            return share(tp, fn), share(tp, fp)
        scale = ops.divide_no_nan(tp + fn, tn + fp)
        found = ops.greater(tp, 0.0)
        recall = ops.where(found, 1.0 - scale * ops.divide_no_nan(fn, tp), 0.0)
        precision = ops.where(found, 1.0 - scale * ops.divide_no_nan(fp, tp), 1.0)
        return ops.maximum(recall, 0.0), precision

    def _interpolated_pr(self):
        """The area under precision over recall, between whose points true and false positives are interpolated, not
        their quotient (Davis and Goadrich, 2006)."""
        tp, fp, _, fn = self._values()
        predicted = tp + fp
        step = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(step, ops.maximum(predicted[:-1] - predicted[1:], 0.0))
        start = tp[1:] - slope * predicted[1:]
        both = ops.logical_and(ops.greater(predicted[:-1], 0.0), ops.greater(predicted[1:], 0.0))
        ratio = ops.where(both, ops.divide_no_nan(predicted[:-1], ops.maximum(predicted[1:], 0.0)), 1.0)
        areas = ops.divide_no_nan(slope * (step + start * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0))
        return ops.sum(areas, axis=0)

    def _mean_of_labels(self, areas):
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        return ops.divide_no_nan(ops.sum(areas * self.label_weights), ops.sum(self.label_weights))

    @classmethod
    def from_config(cls, config):
        weights = deserialize_keras_object(config.get("label_weights"))  # Keras's files have an array here
        return cls(**{**config, "label_weights": weights})

    def get_config(self):
        config_of_metric = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        return {**config_of_metric, "thresholds": self.thresholds[1:-1]} if self._own_thresholds else config_of_metric


class _BestAt(_FourSums):
    """The best of one rate over the thresholds at which another one is high enough."""

    _argument = ""  # the name of the given rate

    def __init__(self, value, num_thresholds=200, class_id=None, name=None, dtype=None):
        if value < 0 or value > 1:
            raise ValueError(
                f"Argument `{self._argument}` must be in the range [0, 1]. Received: {self._argument}={value}"
            )
        if num_thresholds <= 0:
            raise ValueError(
                f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}"
            )
        super().__init__(name=name, dtype=dtype)
        setattr(self, self._argument, value)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [0.0, *_inner(num_thresholds), 1.0]
        self._at = Thresholds(self.thresholds, num_thresholds > 1)
        self.make_sums((len(self.thresholds),))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets, shape (N, ...); what is not 0 is positive.
            y_pred: predictions from 0 to 1, shape (N, ...).
            sample_weight: weights that broadcast to `y_pred`, such as (N,). Default None.
        """
        self.add_counts(decision_counts(y_true, y_pred, self._at, class_id=self.class_id, sample_weight=sample_weight))

    def _rates(self, tp, fp, tn, fn) -> tuple:
        """(the given rate, the other one) at each threshold."""
        raise NotImplementedError

    def result(self):
        given, other = self._rates(*self._values())
        return ops.max(ops.where(ops.greater_equal(given, self.value), other, 0.0), initial=0.0)

    def get_config(self):
        options = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self._argument: self.value}
        return {**super().get_config(), **options}


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity (true positives / positives) at a specificity (true negatives / negatives) high enough.

    Args:
        specificity: float from 0 to 1, the specificity that is asked for.
        num_thresholds: int, the number of thresholds, evenly from 0 to 1. Default 200.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: `specificity` is not within [0, 1], or `num_thresholds` is not positive; while updating, targets and
            predictions of different shapes.
    """

    _argument = "specificity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _rates(self, tp, fp, tn, fn):
        return share(tn, fp), share(tp, fn)


class SpecificityAtSensitivity(_BestAt):
    """The best specificity (true negatives / negatives) at a sensitivity (true positives / positives) high enough.

    Args:
        sensitivity: float from 0 to 1, the sensitivity that is asked for.
        num_thresholds: int, the number of thresholds, evenly from 0 to 1. Default 200.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: `sensitivity` is not within [0, 1], or `num_thresholds` is not positive; while updating, targets and
            predictions of different shapes.
    """

    _argument = "sensitivity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _rates(self, tp, fp, tn, fn):
        return share(tp, fn), share(tn, fp)


class PrecisionAtRecall(_BestAt):
    """The best precision at a recall that is high enough.

    Args:
        recall: float from 0 to 1, the recall that is asked for.
        num_thresholds: int, the number of thresholds, evenly from 0 to 1. Default 200.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: `recall` is not within [0, 1], or `num_thresholds` is not positive; while updating, targets and
            predictions of different shapes.
    """

    _argument = "recall"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _rates(self, tp, fp, tn, fn):
        return share(tp, fn), share(tp, fp)


class RecallAtPrecision(_BestAt):
    """The best recall at a precision that is high enough.

    Args:
        precision: float from 0 to 1, the precision that is asked for.
        num_thresholds: int, the number of thresholds, evenly from 0 to 1. Default 200.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: `precision` is not within [0, 1], or `num_thresholds` is not positive; while updating, targets and
            predictions of different shapes.
    """

    _argument = "precision"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _rates(self, tp, fp, tn, fn):
        return share(tp, fp), share(tp, fn)
