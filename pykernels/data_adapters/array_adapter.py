"""Batches from arrays in memory, in mapped files, and in HDF5 datasets.

An adapter gives the `Segment`s of an epoch: arrays give segments of many steps, which C++ runs without Python.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..user_warning import warn
from .arrays import Data


class Segment(NamedTuple):
    """`steps` batches of `batch` rows of `data`, from position `first` of `order` (of the rows, if None)."""

    data: Data
    batch: int
    first: int
    steps: int
    order: np.ndarray | None


class ArrayAdapter:
    """Batches from arrays in memory (or mapped into it).

    Args:
        data: the arrays.
        batch_size: rows of a batch; the last one of a pass may be shorter.
        shuffle: False, True (a new permutation of the rows for each pass), or "batch" (of blocks of a batch).
        steps: batches per epoch; None for one pass. An epoch goes on where the last one ended.
    """

    def __init__(self, data: Data, batch_size: int, shuffle=False, steps: int | None = None):
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.steps = steps
        self.passes = math.ceil(data.rows / batch_size)
        self.num_steps = steps or self.passes
        self.resumed_at = 0  # batches of the coming epoch that were done before an interruption
        self._order: np.ndarray | None = None
        self._drawn_from: tuple | None = None  # state of NumPy's generator before the order was drawn
        self._place = (0, 0)  # batches of the epoch, and of the pass, that were over before the present segment
        self._done = self.passes  # batches of the present pass that are over
        self._noticed = False

    def first(self) -> Data:
        """Rows for finding out shapes."""
        return self.data

    @property
    def targets(self) -> Data:
        """Data with the targets that are known in advance: all of them, here."""
        return self.data

    def segments(self) -> Iterator[Segment]:
        left = self.num_steps - self.resumed_at
        if self.steps is None and not self.resumed_at:
            self._done = self.passes
        elif self.steps is not None and self.steps > self.passes and not self._noticed:
            self._noticed = True
            warn(
                f"`steps_per_epoch`={self.steps} is more than the {self.passes} batches of one pass over the data; the "
                "data are used again from the start.",
            )
        while left > 0:
            if self._done == self.passes:
                self._order, self._done = self._permutation(), 0
            for segment in self._rest_of_pass(left):
                self._place = (self.num_steps - left, self._done)
                left -= segment.steps
                self._done += segment.steps
                yield segment

    def _rest_of_pass(self, left: int) -> list[Segment]:
        full = self.data.rows // self.batch_size
        tail = self.data.rows % self.batch_size
        segments = []
        steps = min(left, full - self._done)
        if steps > 0:
            segments.append(self._segment(self.batch_size, self._done * self.batch_size, steps))
        if tail and left > max(steps, 0):
            segments.append(self._segment(tail, full * self.batch_size, 1))
        return segments

    def _segment(self, batch, first, steps) -> Segment:
        return Segment(self.data, batch, first, steps, self._order)

    # --- checkpoints ------------------------------------------------------------------------------------
    def state(self, step: int) -> tuple[dict, tuple | None]:
        """(place in the data after `step` batches of the epoch, what the order was drawn from)."""
        into = step - self._place[0]
        return {"kind": "array", "done": self._place[1] + into, "rows": self.data.rows}, self._drawn_from

    def resume(self, state: dict, drawn_from, batch: int) -> None:
        """The coming epoch starts at its batch number `batch`, in the data at the place of `state`.

        Raises:
            ValueError: the state belongs to other data.
        """
        if state.get("kind") != "array" or state.get("rows") != self.data.rows:
            raise ValueError(
                f"The checkpoint was made while training on {state.get('rows', 'other')} rows; `x` has "
                f"{self.data.rows}. Pass the same data, or remove the checkpoint to start anew."
            )
        if not (0 <= state["done"] <= self.passes and batch <= self.num_steps):
            raise ValueError("The checkpoint was made with another `batch_size` or `steps_per_epoch`.")
        if self.steps is None and not batch:
            return
        self._order, self._drawn_from = None, drawn_from
        if self.shuffle and drawn_from is not None:
            np.random.set_state(drawn_from)
            self._order = self._permutation()
        self._done, self.resumed_at = state["done"], batch

    def _permutation(self) -> np.ndarray | None:
        rows = self.data.rows
        self._drawn_from = np.random.get_state() if self.shuffle else None
        if isinstance(self.shuffle, str):
            blocks = np.array_split(np.arange(rows, dtype=np.int64), range(self.batch_size, rows, self.batch_size))
            tail = [blocks.pop()] if rows % self.batch_size else []  # a short block stays last
            return np.concatenate([*(blocks[i] for i in np.random.permutation(len(blocks))), *tail])
        return np.random.permutation(rows).astype(np.int64, copy=False) if self.shuffle else None

    def parts_of_a_pass(self) -> list[Segment]:
        """The segments of one whole pass, without an order."""
        self._order, self._done = None, 0
        segments = self._rest_of_pass(self.passes)
        self._done = self.passes
        return segments

    def in_order(self, data: Data) -> ArrayAdapter:
        """An adapter like this one for one pass over `data`, which has as many rows, in their order."""
        new = copy.copy(self)
        new.data, new.shuffle, new.steps, new._order = data, False, None, None
        new.num_steps, new.resumed_at = new.passes, 0
        return new

    def rewind(self) -> None:
        """The next epoch starts at the first row."""
        self._done = self.passes

    def limit_to_one_pass(self) -> None:
        """`steps` batches from the start, at most all: evaluation and prediction see no row twice."""
        if self.steps is not None:
            self.data = self.data.part(0, min(self.data.rows, self.steps * self.batch_size))
            self.steps = None
            self.num_steps = self.passes = self._done = math.ceil(self.data.rows / self.batch_size)


class HDF5Adapter(ArrayAdapter):
    """Batches from h5py datasets: each is read when its turn comes."""

    def segments(self) -> Iterator[Segment]:
        for segment in super().segments():
            for i in range(segment.steps):
                begin = segment.first + i * segment.batch
                yield Segment(self._read(begin, begin + segment.batch), segment.batch, 0, 1, None)

    def first(self) -> Data:
        return self._read(0, min(self.batch_size, self.data.rows), in_order=True)

    def _read(self, begin, end, in_order=False) -> Data:
        in_order = in_order or self._order is None
        rows = slice(begin, end) if in_order else np.sort(self._order[begin:end])  # h5py reads rising indices only
        return self.data.map(lambda a: a[rows])
