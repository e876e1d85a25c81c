"""Metrics of decisions at thresholds: the four counts of the confusion matrix, Precision and Recall."""

from __future__ import annotations

import numpy as np

from .. import config, ops
from ..losses.loss import squeeze_or_expand_to_same_rank
from ..ops.counts import confusion_counts
from .metric import Metric

_LOWEST = -1e10  # of predictions that are not among the k largest, and the threshold that all others exceed


class Thresholds:
    """Thresholds as the kernel takes them.

    Args:
        values: list of floats, in any order.
        even: whether they are evenly spread over [0, 1]. Default None: looked at.
    """

    def __init__(self, values, even: bool | None = None):
        self.values = np.asarray(values, config.floatx())
        self.order = np.argsort(self.values, kind="stable")
        spread = np.arange(len(values), dtype="float32") / max(len(values) - 1, 1)
        self.even = bool(len(values) > 2 and np.allclose(self.values, spread, atol=config.epsilon()))
        if even is not None:
            self.even = even
        self.ascending = np.ascontiguousarray(self.values[self.order])

    def in_given_order(self, counts):
        """Counts (T, ...) of ascending thresholds, in the order in which they were given."""
        if (np.diff(self.order) > 0).all():
            return counts
        return ops.take(counts, np.argsort(self.order).astype("int32"), axis=0)


def decision_counts(
    y_true, y_pred, thresholds: Thresholds, top_k=None, class_id=None, sample_weight=None, per_label=False,
    label_weights=None,
):  # fmt: skip
    """(true positives, false positives, true negatives, false negatives) at each threshold, (T,) each, or (T, L).

    Args:
        y_true, y_pred: (N, ..., L); a last axis of size 1 may be missing in one of the two.
        top_k: the number of largest predictions along the last axis that can be positive.
        class_id: the only entry of the last axis that counts.
        sample_weight: a weight for each prediction; axes at its end may be missing.
        per_label: whether entries of the last axis are counted apart; then the rank is 2.
        label_weights: weights (L,).
    """
    dtype = config.floatx()
    y_true, y_pred = ops.convert_to_tensor(y_true, dtype=dtype), ops.convert_to_tensor(y_pred, dtype=dtype)
    y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            "This metric compares each prediction with a target: `y_true` and `y_pred` must have the same shape. "
            f"Received: y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}. Class numbers are made "
            "into such targets by to_categorical(y_true, num_classes)."
        )
    if top_k is not None:
        y_pred = _only_top_k(y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), found "
                f"shape: {tuple(y_pred.shape)}"
            )
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    weights = None if sample_weight is None else _spread(sample_weight, y_pred, dtype)
    if label_weights is not None:
        own = ops.broadcast_to(ops.convert_to_tensor(label_weights, dtype=dtype), tuple(y_pred.shape))
        weights = own if weights is None else weights * own
    if not per_label:
        y_true, y_pred = ops.reshape(y_true, (-1, 1)), ops.reshape(y_pred, (-1, 1))
        weights = None if weights is None else ops.reshape(weights, (-1, 1))
    counts = confusion_counts(y_true, y_pred, thresholds.ascending, weights, thresholds.even)
    if not per_label:
        counts = [ops.reshape(c, (len(thresholds.values),)) for c in counts]
    return tuple(thresholds.in_given_order(c) for c in counts)


def _only_top_k(y_pred, k):
    """`y_pred` with all but the k largest entries of the last axis at the lowest value."""
    _, index = ops.top_k(y_pred, k)
    chosen = ops.sum(ops.one_hot(index, y_pred.shape[-1], dtype=ops.dtype(y_pred)), axis=-2)
    return ops.where(ops.greater(chosen, 0), y_pred, _LOWEST)


def _spread(sample_weight, y_pred, dtype):
    """Sample weights in the shape of the predictions."""
    weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    shape, rank = tuple(y_pred.shape), len(y_pred.shape)
    if len(weight.shape) > rank and weight.shape[-1] == 1:
        weight = ops.squeeze(weight, -1)
    if 0 < len(weight.shape) < rank:
        weight = ops.reshape(weight, (*weight.shape, *[1] * (rank - len(weight.shape))))
    return ops.broadcast_to(weight, shape)


def check_thresholds(thresholds, default: float) -> list:
    """The thresholds as a list; ValueError where one is not within [0, 1]."""
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in found if t is None or t < 0 or t > 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


class DecisionMetric(Metric):
    """A metric that keeps sums of decisions at thresholds."""

    #: Which sums are kept, in the order of their variables.
    _kept: tuple = ()

    def make_sums(self, shape) -> None:
        """Makes the variables of `_kept`."""
        for name in self._kept:
            setattr(self, name, self.add_variable(shape, "zeros", name=name))

    def add_counts(self, counts) -> None:
        """Adds what `decision_counts` found in a batch."""
        named = dict(
            zip(("true_positives", "false_positives", "true_negatives", "false_negatives"), counts, strict=True)
        )
        for name in self._kept:
            getattr(self, name).assign_add(named[name])


def share(part, rest):
    """part / (part + rest), 0 where both are 0."""
    part = ops.convert_to_tensor(part)
    return ops.divide_no_nan(part, part + rest)


class _Count(Metric):
    """The weight of one kind of decision."""

    _which = 0

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = check_thresholds(thresholds, 0.5)
        self._at = Thresholds(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets, shape (N, ...); what is not 0 is positive.
            y_pred: predictions from 0 to 1, shape (N, ...); what exceeds a threshold is positive.
            sample_weight: weights that broadcast to `y_pred`, such as (N,). Default None.
        """
        counts = decision_counts(y_true, y_pred, self._at, sample_weight=sample_weight)
        self.accumulator.assign_add(counts[self._which])

    def result(self):
        value = ops.convert_to_tensor(self.accumulator)
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """The weight of the positive samples that were predicted as positive.

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _which = 0


class FalsePositives(_Count):
    """The weight of the negative samples that were predicted as positive.

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _which = 1


class TrueNegatives(_Count):
    """The weight of the negative samples that were predicted as negative.

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _which = 2


class FalseNegatives(_Count):
    """The weight of the positive samples that were predicted as negative.

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _which = 3


class _Share(DecisionMetric):
    """The true positives among themselves and one kind of error."""

    _direction = "up"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = check_thresholds(thresholds, 0.5 if top_k is None else _LOWEST)
        self._at = Thresholds(self.thresholds)
        self.make_sums((len(self.thresholds),))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets, shape (N, ...); what is not 0 is positive.
            y_pred: predictions from 0 to 1, shape (N, ...); what exceeds a threshold is positive.
            sample_weight: weights that broadcast to `y_pred`, such as (N,). Default None.
        """
        self.add_counts(decision_counts(y_true, y_pred, self._at, self.top_k, self.class_id, sample_weight))

    def result(self):
        value = share(*(getattr(self, name) for name in self._kept))
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self):
        options = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **options}


class Precision(_Share):
    """How many of the samples predicted as positive are: true positives / (true positives + false positives).

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5; with `top_k` no threshold.
        top_k: int; only the `top_k` largest predictions of a sample can be positive. Default None: all.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: "precision".
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _kept = ("true_positives", "false_positives")


class Recall(_Share):
    """How many of the positive samples were predicted as such: true positives / (true positives + false negatives).

    Args:
        thresholds: float, or list of floats, from 0 to 1: what exceeds one is predicted as positive. With a list the
            result has a value for each. Default None: 0.5; with `top_k` no threshold.
        top_k: int; only the `top_k` largest predictions of a sample can be positive. Default None: all.
        class_id: int, the only class that is looked at. Default None: all.
        name: str, the name in logs and results. Default None: "recall".
        dtype: name of the dtype of the result. Default None: `config.floatx()`.

    Raises:
        ValueError: a threshold outside [0, 1]; while updating, targets and predictions of different shapes.
    """

    _kept = ("true_positives", "false_negatives")
