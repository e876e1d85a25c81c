"""Reading and resetting the metrics of a model: one small program each, since both happen in every epoch."""

from __future__ import annotations

import numpy as np

from .. import metrics as metrics_module
from ..graph import Trace

_PACKAGE = metrics_module.__name__


class MetricsState:
    """The metrics of a model.

    Metrics of this package are read and reset by programs; those that a user wrote, which may hold any Python code, by
    their methods.

    Args:
        named: list of (name in the logs, metric); of two with one name the last counts.
    """

    def __init__(self, named: list):
        self.metrics = [m for _, m in named]
        last = dict(named)
        compiled = {name: last[name] for name in sorted(last) if _is_ours(last[name])}
        with Trace() as trace:
            values = [m.result() for m in compiled.values()]
        program = trace.build(outputs=values)
        self._read, self._read_types = program.run, program.output_types
        with Trace() as trace:
            for m in {id(m): m for m in self.metrics if _is_ours(m)}.values():
                m.reset_state()
        self._reset = trace.build().run
        self._names = list(compiled)
        self._others = {name: m for name, m in named if not _is_ours(m)}

    @property
    def is_compiled(self) -> bool:
        """Whether every metric is of this package and a scalar, so that `plan` says all."""
        return not self._others and all(shape == () for shape, _ in self._read_types)

    def plan(self) -> tuple:
        """(reset, read, names): two programs' `run` and the names of what `read(())` returns, in their order."""
        return self._reset, self._read, self._names

    def reset(self) -> None:
        """Sets all metrics back to their start."""
        self._reset(())
        for metric in self._others.values():
            metric.reset_state()

    def results(self) -> dict:
        """Values by name, in the order of the names; floats unless a metric gives an array."""
        found = dict(zip(self._names, self._read(()), strict=True))
        for name, metric in self._others.items():
            value = metric.result()
            found.update(value if isinstance(value, dict) else {name: value})
        return {name: plain(found[name]) for name in sorted(found)}


def _is_ours(metric) -> bool:
    if not getattr(metric, "_built", True):  # its variables come with its first batch
        return False
    methods = ("result", "reset_state", "reset_states")
    return all(getattr(getattr(type(metric), m), "__module__", "").startswith(_PACKAGE) for m in methods)


def plain(value):
    """A float (or int) for a scalar, else an array."""
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value
