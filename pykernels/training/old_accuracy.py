"""The accuracy of Keras 0.3, which was asked for at each call: `fit(..., show_accuracy=True)`."""

from __future__ import annotations

import functools

from ..utils.tree import flatten
from .compile_utils import Compiled

_ACCURACY = ("accuracy", "acc")


def accuracy_on_request(keyword: str):
    """Decorator for a method of a model: `keyword=True` makes the accuracy one of the metrics.

    Results of later calls that do not ask are given without it, unless `compile` asked for it.
    """

    def decorate(method):
        @functools.wraps(method)
        def wrapper(self, *args, **kwargs):
            asked = kwargs.pop(keyword, None)
            if asked and self.compiled:
                _add_accuracy(self)
            result = method(self, *args, **kwargs)
            return result if asked or self._accuracy_added is None else _without(self._accuracy_added, self, result)

        return wrapper

    return decorate


def _add_accuracy(model) -> None:
    """Lets a compiled model count the accuracy, unless it does."""
    given = model._compiled.compile_args
    metrics = flatten(given.metrics) if given.metrics else []
    if any(getattr(m, "name", m) in _ACCURACY for m in metrics):
        return
    metrics = [*metrics, "accuracy"]
    model._compiled = Compiled(given.loss, given.loss_weights, metrics, given.weighted_metrics, model.output_names)
    model._compile_config["metrics"] = metrics
    model._programs.clear()
    model._accuracy_added = "accuracy"


def _without(name: str, model, result):
    """What `evaluate` and the methods for one batch return, without an entry."""
    if isinstance(result, dict):
        return {key: value for key, value in result.items() if key != name}
    if not isinstance(result, list):
        return result
    kept = [value for key, value in zip(model.metrics_names, result, strict=True) if key != name]
    return kept[0] if len(kept) == 1 else kept
