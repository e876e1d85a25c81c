"""Where the reading of a source of batches stands, and how to get there again; for checkpoints."""

from __future__ import annotations

import numpy as np

from .batch_source import BatchSource


class IteratorPosition:
    """The place of a reader in a source.

    A source may keep its place by itself, with `place()` and `resume(place)`; of others the batches are counted, and
    after an interruption they are read again up to the place.

    Args:
        source: what gives batches.
    """

    def __init__(self, source):
        self.source = source
        self.taken = 0  # batches taken from the source since it was started
        self.drawn_from: tuple | None = None  # state of NumPy's generator before the order was drawn
        self._started_at: dict = {}  # the place of a source that keeps it by itself, as it was started

    def start(self, draws: bool) -> None:
        """The source is about to be started; `draws`: NumPy's generator will give the order."""
        self.taken = 0
        self._started_at = self._own()
        self.drawn_from = np.random.get_state() if draws or self._started_at else None

    def state(self, going: bool) -> tuple[dict, tuple | None]:
        """(the place, what the order was drawn from); `going`: within a pass over the source."""
        places = {"start": dict(self._started_at), "now": self._own()}
        return {"kind": "stream", "taken": self.taken, "going": going, **places}, self.drawn_from

    def to_start(self, state: dict, drawn_from) -> None:
        """Sends a source that keeps its place to where it was started for `state()`, or to the place itself if it
        stood between two passes; NumPy's generator to what the order was drawn from."""
        self._send_to(state.get("start" if state["going"] else "now"))
        if state["going"] and drawn_from is not None:
            np.random.set_state(drawn_from)

    def arrive(self, state: dict, own: bool) -> None:
        """The batches before the place of `state()` were read again; `own`: the source may be sent to its place."""
        self.taken = state["taken"]
        if own:
            self._send_to(state.get("now"))

    def _own(self) -> dict:
        return self.source.position() if isinstance(self.source, BatchSource) else {}

    def _send_to(self, place: dict | None) -> None:
        if place and isinstance(self.source, BatchSource):
            self.source.resume(place)
