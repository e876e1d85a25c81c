"""`tf.summary.experimental`: the step that summaries without `step` get."""

from __future__ import annotations

from .writer import current

__all__ = ["get_step", "set_step"]


def get_step():
    """The step that `set_step` or `SummaryWriter.as_default(step)` has set in this thread; None without."""
    return current().step


def set_step(step) -> None:
    """Sets the step of summaries that are given none.

    Args:
        step: int, or a `Variable` whose value is read at each summary; None for no step.
    """
    current().step = step
