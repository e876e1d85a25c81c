"""The metrics of a model, their results, and what an overridden `compute_metrics` reports beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import metrics as metrics_module
from ..callbacks.logs import Logs
from ..graph import Tensor, Variable, current_trace
from ..layers.layer import Layer
from ..utils.overrides import overrides
from .metrics_state import MetricsState, plain


class StepLogs:
    """What `compute_metrics` of a user's returned, by the kind of step: the recorded step leaves it in variables, which
    are read after the step."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Variable]] = {}

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.__init__()

    def record(self, kind: str, owner: str, logs: Any, method: str = "compute_metrics") -> None:
        """Lets the step that is being recorded keep its results, which `method` of the model `owner` returned.

        Raises:
            TypeError: `logs` is no dict of numbers.
        """
        if not isinstance(logs, dict):
            raise TypeError(
                f"{method}() of model '{owner}' must return a dict of results, such as what "
                f"super().{method}() or self.get_metrics_result() returns. It returned: {logs!r}"
            )
        before = self._kept.get(kind, {})
        self._kept[kind] = {
            name: self._keep(before.get(name), f"{method}() of model '{owner}'", name, v)
            for name, v in _flat(logs).items()
        }

    def _keep(self, before: Variable | None, source: str, name: str, value: Any) -> Variable:
        if not isinstance(value, (Tensor, Variable)):
            try:
                value = np.asarray(value, None if hasattr(value, "dtype") else "float32")
            except (TypeError, ValueError):
                raise TypeError(f"{source} must return numbers. It returned {value!r} for '{name}'.") from None
        shape, dtype = tuple(value.shape), str(value.dtype)
        if before is None or (before.shape, before.dtype) != (shape, dtype):
            before = Variable(np.zeros(shape, dtype), trainable=False, name=name)
        before.assign(value)
        return before

    def read(self, kind: str) -> dict | None:
        """The results of the last step of that kind; None where nobody keeps any."""
        kept = self._kept.get(kind)
        return None if kept is None else {name: plain(variable.numpy()) for name, variable in kept.items()}


def _flat(logs: dict) -> dict:
    """The logs by name, with dicts within them taken apart, as Keras does."""
    found = {}
    for name in sorted(logs):
        found.update(_flat(logs[name]) if isinstance(logs[name], dict) else {name: logs[name]})
    return found


class ResultsMixin:
    """The metrics of a model and their results, all of which a subclass may replace.

    Package interface: `_step_logs`.
    """

    def _init_results(self) -> None:
        self._loss_tracker: metrics_module.Mean | None = None
        self._metrics_state: MetricsState | None = None
        self._step_logs = StepLogs()
        self._held_metrics: tuple = (-1,)  # version of the structure, metrics that are attributes of layers

    @property
    def metrics(self) -> list:
        """The loss tracker, the metrics of `compile`, the trackers of several losses, and those that layers hold.

        A subclass may say otherwise: what it lists is what is reset and what is shown.
        """
        return list({id(m): m for _, m in self._known_metrics()}.values())

    def _known_metrics(self) -> list[tuple]:
        """(name in the logs, metric) of all metrics that pykernels knows of."""
        named = []
        if self.compiled:
            trackers = self._compiled.trackers
            named = [("loss", self._loss_tracker), *self._compiled.named_metrics, *((t.name, t) for t in trackers)]
        version, layers, _ = self._walked()
        if self._held_metrics[0] != version:
            self._held_metrics = (version, *self._find_held_metrics(layers))
        known = {id(m) for _, m in named}
        return named + [(m.name, m) for m in self._held_metrics[1:] if id(m) not in known]

    def _find_held_metrics(self, layers) -> list:
        found = []
        for layer in (self, *layers):
            if layer is not self and not isinstance(layer, ResultsMixin) and overrides(layer, "metrics", Layer):
                found.extend(layer.metrics)
            else:
                found.extend(m for m in layer._held() if isinstance(m, metrics_module.Metric))
        return list({id(m): m for m in found}.values())

    def _named_metrics(self) -> list[tuple]:
        """(name in the logs, metric) of `metrics`."""
        named = self._known_metrics()
        if not overrides(self, "metrics", ResultsMixin):
            return named
        names = {id(m): name for name, m in named}
        return [(names.get(id(m), m.name), m) for m in self.metrics]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order: the loss, then for one output its metrics as they were
        given; for several the loss of each, then their metrics by name. Before the first data come, those that
        `compile` was given."""
        if self.compiled and not self._compiled.built:
            losses, metrics = self._compiled.expected_names(self.output_names)
            held = [name for name, _ in self._named_metrics() if name != "loss"]
            return list(dict.fromkeys(["loss", *losses, *(sorted(metrics) if losses else metrics), *held]))
        several = bool(self.compiled and any(output.name for output in self._compiled.outputs))
        own = {id(m) for m in self._compiled.all_metrics} if several else ()
        named = self._named_metrics()
        first = [name for name, m in named if id(m) not in own]
        return list(dict.fromkeys([*first, *sorted(name for name, m in named if id(m) in own)]))

    def _current_metrics(self) -> MetricsState:
        named = self._named_metrics()
        tallies = self._metrics_state
        if tallies is None or [id(m) for _, m in named] != [*map(id, tallies.metrics)]:
            tallies = self._metrics_state = MetricsState(named)
        return tallies

    def reset_metrics(self) -> None:
        """Sets all metrics back to their start. May be overridden."""
        self._current_metrics().reset()

    def get_metrics_result(self) -> dict:
        """The present value of each metric, by name. May be overridden."""
        if current_trace() is None:
            return self._current_metrics().results()
        return _flat({name: metric.result() for name, metric in self._named_metrics()})

    def compute_metrics(self, x, y, y_pred, sample_weight=None) -> dict:
        """Lets the metrics of `compile` see a batch. May be overridden, with `pykernels.ops`.

        Returns:
            The results by name, `get_metrics_result()`. What an override returns under other names than those of the
            metrics is shown as the last batch had it, in place of the metrics' results.
        """
        self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y, y_pred, sample_weight) -> None:
        if y is not None:
            self._compiled.update(y, y_pred, sample_weight)

    def _score_metrics(self, kind: str, x, y, y_pred, sample_weight) -> None:
        """What the recorded step of that kind does about metrics."""
        if overrides(self, "compute_metrics", ResultsMixin):
            self._step_logs.record(kind, self.name, self.compute_metrics(x, y, y_pred, sample_weight))
        else:
            self._update_metrics(y, y_pred, sample_weight)

    def _reports_by_metrics(self) -> bool:
        """Whether the logs are the results of `metrics` and nothing else, so that they can be read by a program."""
        names = ("reset_metrics", "get_metrics_result", "compute_metrics")
        if self._writes_steps() or any(overrides(self, name, ResultsMixin) for name in names):
            return False
        return self._current_metrics().is_compiled

    def _results(self, kind: str) -> Logs:
        """The logs of an epoch of "train" or "test": the metrics' results, unless the steps report other names."""
        results = self.get_metrics_result()
        if not isinstance(results, dict):
            raise TypeError(
                f"get_metrics_result() of model '{self.name}' must return a dict of results by name. It returned: "
                f"{results!r}"
            )
        steps = self._step_logs.read(kind)
        if steps is not None and set(steps) != set(results):
            return Logs(steps)
        if "loss" in (steps or ()) and self._loss_tracker is not None and not float(self._loss_tracker.count):
            results = {**results, "loss": steps["loss"]}  # a step that reports a loss of its own and no metric for it
        if overrides(self, "get_metrics_result", ResultsMixin):
            results = {name: plain(value) for name, value in _flat(results).items()}
        return Logs(results)

    def _batch_results(self, kind: str) -> Logs:
        """The logs after a batch."""
        steps = self._step_logs.read(kind)
        return self._results(kind) if steps is None else Logs(steps)
