"""The mean of the losses of the steps: the metric "loss" of a compiled model."""

from __future__ import annotations

import contextlib
from typing import Any

from .reduction import Mean


class LossTracker(Mean):
    """A `Mean` that steps of the user's own need not update: in tf.keras, `Model.compute_loss` did it.

    Within `expecting()`, `compute_loss` leaves its value by `expect`; if nobody has updated the metric when its result
    is asked for, that value counts.
    """

    _expected: tuple[Any, int] | None = None
    _is_expecting = False

    @contextlib.contextmanager
    def expecting(self):
        """A context in which a step of the user's own runs."""
        self._is_expecting = True
        try:
            yield
        finally:
            self._is_expecting, self._expected = False, None

    def expect(self, loss, rows: int) -> None:
        """Says what the loss of a batch of `rows` samples is, in a step of the user's own."""
        if self._is_expecting:
            self._expected = (loss, rows)

    def update_state(self, values, sample_weight=None):
        self._expected = None
        super().update_state(values, sample_weight=sample_weight)

    def result(self):
        if self._expected is not None:
            self.update_state(*self._expected)
        return super().result()
