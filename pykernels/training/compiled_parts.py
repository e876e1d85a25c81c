"""`compiled_loss` and `compiled_metrics`: what `compile` was given, as steps written for tf.keras use it."""

from __future__ import annotations

from .. import ops
from ..utils.tree import flatten


class CompiledLoss:
    """The loss of `compile`, as a callable."""

    def __init__(self, model):
        self._model = model

    def __call__(self, y_true, y_pred, sample_weight=None, regularization_losses=None):
        """The loss of a batch, of which the metric "loss" learns.

        Args:
            y_true, y_pred: targets and outputs, in the structure of the model's.
            sample_weight: weights. Default None.
            regularization_losses: list of scalars that are added, such as `model.losses`. Default None.

        Returns:
            A scalar tensor.

        Raises:
            ValueError: `compile` was given no loss, and there are no others.
        """
        compiled = self._model._compiled
        value = compiled.loss_value(y_true, y_pred, sample_weight) if compiled.has_loss else None
        terms = [] if value is None else [value]
        terms += list(regularization_losses or ())
        if not terms:
            raise ValueError("The model cannot be compiled because it has no loss to optimize.")
        total = terms[0]
        for term in terms[1:]:
            total = ops.add(total, term)
        self._model._loss_tracker.update_state(total, sample_weight=flatten(y_pred)[0].shape[0])
        return total

    @property
    def metrics(self) -> list:
        """The metric "loss", and for several outputs the mean of each loss."""
        return [self._model._loss_tracker, *self._model._compiled.trackers]

    def reset_state(self) -> None:
        """Sets `metrics` back to their start."""
        for metric in self.metrics:
            metric.reset_state()


class CompiledMetrics:
    """The metrics of `compile`, as one metric."""

    def __init__(self, model):
        self._model = model

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Lets the metrics see a batch.

        Args:
            y_true, y_pred: targets and outputs, in the structure of the model's.
            sample_weight: weights, of which `weighted_metrics` learn. Default None.
        """
        self._model._compiled.update(y_true, y_pred, sample_weight)

    @property
    def metrics(self) -> list:
        """The metrics."""
        return self._model._compiled.all_metrics

    def result(self) -> dict:
        """The present values by name."""
        return {name: metric.result() for name, metric in self._model._compiled.named_metrics}

    def reset_state(self) -> None:
        """Sets the metrics back to their start."""
        for metric in self.metrics:
            metric.reset_state()
