"""Batches that Python code makes: sequences of batches, iterables, generators."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..user_warning import warn
from .array_adapter import Segment
from .arrays import Data, make_data, unpack
from .class_weights import is_given, with_class_weights
from .iterator_position import IteratorPosition
from .prefetch import PrefetchOptions, batches_of

_RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
    "`steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your dataset."
)


class StreamAdapter:
    """Batches that Python code makes: a Sequence (`len` and `[i]`), an iterable, or a generator.

    Args:
        source: gives `x`, `(x, y)` or `(x, y, sample_weight)`.
        model: for the shapes of its inputs.
        steps: batches per epoch; None until the source ends.
        shuffle: whether a Sequence is read in random order.
        class_weight: dict of class -> weight.
        loading: how a Sequence is read; see `PrefetchOptions`.
    """

    def __init__(self, source, model, steps=None, shuffle=False, class_weight=None, loading=None):
        self.source = source
        self.loading = (loading or PrefetchOptions()).checked()
        self.model = model
        self.steps = steps
        self.class_weight = class_weight
        self.is_sequence = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self.one_shot = not self.is_sequence and hasattr(source, "__next__")
        self.shuffle = bool(shuffle) and self.is_sequence
        self.passes = _length(source)
        self.num_steps = steps or self.passes
        self.exhausted = False
        self.resumed_at = 0
        self.place = IteratorPosition(source)
        self._iterator: Iterator | None = None
        self._peeked: list = []
        self._untouched = False  # whether nothing of the present pass was used yet

    def first(self) -> Data:
        """The first batch, which the first epoch sees again."""
        if not self._peeked:
            self._iterator = self._iterator or self._start()
            batch = next(self._iterator, None)
            if batch is None:
                raise ValueError("The generator or dataset given as `x` yields no batch.")
            self._peeked.append(self.data_of(batch))
            self._untouched = True
        return self._peeked[0]

    @property
    def targets(self) -> Data:
        """Data with the targets that are known in advance: the first batch."""
        return self.first()

    def limit_to_one_pass(self) -> None:
        """A stream gives as many batches as it was asked for."""

    def segments(self) -> Iterator[Segment]:
        hook = getattr(self.source, "on_epoch_begin", None)
        if callable(hook):
            hook()
        done = self.resumed_at
        while self.steps is None or done < self.steps:
            data = self._next(starting=done == 0)
            if data is None:
                break
            done += 1
            self.place.taken += 1
            yield Segment(data, data.rows, 0, 1, None)
        if self.num_steps is None:
            self.num_steps = done
        hook = getattr(self.source, "on_epoch_end", None)
        if callable(hook):
            hook()
        if self.steps is None:
            self._iterator = None if not self.one_shot else self._iterator

    def _next(self, starting: bool) -> Data | None:
        self._untouched = False
        if self._peeked:
            return self._peeked.pop()
        if self._iterator is None:
            self._iterator = self._start()
        batch = next(self._iterator, None)
        if batch is None and self.steps is not None and not self.one_shot:
            self._iterator = self._start()  # a new pass
            batch = next(self._iterator, None)
        if batch is None:
            if self.steps is not None or starting:
                self.exhausted = True
                warn(_RAN_OUT)
            return None
        return self.data_of(batch)

    def state(self, step: int) -> tuple[dict, tuple | None]:
        """(place in the source, what its order was drawn from); see `IteratorPosition`."""
        return self.place.state(self._iterator is not None)

    def resume(self, state: dict, drawn_from, batch: int) -> None:
        """The coming epoch starts at its batch number `batch`: the source is read on to where it was."""
        if state.get("kind") != "stream":
            raise ValueError("The checkpoint was made while training on arrays; `x` gives batches now.")
        self.resumed_at = batch
        skip = state["taken"]
        if not self.one_shot:
            self._peeked.clear()
            self._iterator = None
            self.place.to_start(state, drawn_from)
            if not state["going"]:
                return
            self._iterator = self._start()
        elif skip and self._peeked:
            self._peeked.clear()  # the first batch was taken to see its shape
            skip -= 1
        for _ in range(skip):
            if next(self._iterator, None) is None:
                break
        self.place.arrive(state, own=not self.one_shot)

    def _start(self) -> Iterator:
        self.place.start(draws=self.shuffle)
        if not self.is_sequence:
            return iter(self.source)
        order = np.random.permutation(len(self.source)) if self.shuffle else range(len(self.source))
        return batches_of(self.source, order, self.loading)

    def data_of(self, batch) -> Data:
        """A batch of the source as `Data`, with weights of classes."""
        x, y, weight = unpack(batch)
        data = make_data(self.model, x, y, weight)
        if is_given(self.class_weight):
            data = with_class_weights(self.model, data, self.class_weight)
        return data

    def close(self) -> None:
        """Ends the threads that read ahead, if any do."""
        if self._iterator is not None and hasattr(self._iterator, "close"):
            self._iterator.close()

    def begin_like(self, other: StreamAdapter) -> None:
        """Begins the pass that `other`, over the same samples, has begun for the sake of its first batch: the same
        order, from the first batch on. NumPy's generator stays as it is."""
        if not other._peeked:
            return
        after = np.random.get_state()
        self.place.to_start(*other.place.state(going=True))
        self._iterator = self._start()
        self._peeked.append(next(self._iterator))
        np.random.set_state(after)
        self._untouched = True

    def rewind(self) -> None:
        """The next epoch starts at the first batch; a generator goes on where it is."""
        if not self.one_shot and not self._untouched:
            self._iterator = None
            self._peeked.clear()


def _length(source) -> int | None:
    try:
        length = len(source)
    except (TypeError, NotImplementedError):
        return None
    return length if isinstance(length, int) and length > 0 else None
