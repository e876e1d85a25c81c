"""Where batches come from: arrays, datasets on disk, sequences of batches, generators.

A feed gives the `Segment`s of an epoch. An array feed gives a segment of many steps, which C++ runs on its own; the
others give a segment per batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..training.compile_arguments import match
from ..user_warning import warn
from ..utils.structure import LEAF, take_apart
from .arrays import Data, class_weights, is_structure_of_arrays, make_data, unpack
from .iterator_position import StreamPlace
from .prefetch import Loading, batches_of

_RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at least "
    "`steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your dataset."
)


class Segment(NamedTuple):
    """`steps` batches of `batch` rows of `data`, from position `first` of `order` (of the rows, if None)."""

    data: Data
    batch: int
    first: int
    steps: int
    order: np.ndarray | None


class ArrayFeed:
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

    def rewind(self) -> None:
        """The next epoch starts at the first row."""
        self._done = self.passes

    def limit_to_one_pass(self) -> None:
        """`steps` batches from the start, at most all: evaluation and prediction see no row twice."""
        if self.steps is not None:
            self.data = self.data.part(0, min(self.data.rows, self.steps * self.batch_size))
            self.steps = None
            self.num_steps = self.passes = self._done = math.ceil(self.data.rows / self.batch_size)


class DiskFeed(ArrayFeed):
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


class StreamFeed:
    """Batches that Python code makes: a Sequence (`len` and `[i]`), an iterable, or a generator.

    Args:
        source: gives `x`, `(x, y)` or `(x, y, sample_weight)`.
        model: for the shapes of its inputs.
        steps: batches per epoch; None until the source ends.
        shuffle: whether a Sequence is read in random order.
        class_weight: dict of class -> weight.
        loading: how a Sequence is read; see `Loading`.
    """

    def __init__(self, source, model, steps=None, shuffle=False, class_weight=None, loading=None):
        self.source = source
        self.loading = (loading or Loading()).checked()
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
        self.place = StreamPlace(source)
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
            self._peeked.append(self._data(batch))
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
        return self._data(batch)

    def state(self, step: int) -> tuple[dict, tuple | None]:
        """(place in the source, what its order was drawn from); see `StreamPlace`."""
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

    def _data(self, batch) -> Data:
        x, y, weight = unpack(batch)
        data = make_data(self.model, x, y, weight)
        if self.class_weight:
            data = with_class_weights(self.model, data, self.class_weight)
        return data

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


def with_class_weights(model, data: Data, class_weight) -> Data:
    """`data` with sample weights from weights of classes: a dict of class -> weight for models with one output; by
    output name, or a list, for several (as Keras 1 had it).

    Raises:
        ValueError: no targets, sample weights as well, or one dict of classes for several outputs.
    """
    if not data.ys:
        raise ValueError("`class_weight` needs targets, and none were given.")
    if data.weights:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if data.y_spec == LEAF:
        return data._replace(weights=(class_weights(data.ys[0], class_weight),), weight_spec=LEAF)
    names = model.output_names
    if isinstance(class_weight, dict) and class_weight.keys() <= set(names):
        class_weight = [class_weight.get(name) for name in names]
    if not isinstance(class_weight, (list, tuple)) or len(class_weight) != len(names):
        raise ValueError(
            "`class_weight` is only supported for Models with a single output. For several, pass a dict of output name "
            "-> dict of class -> weight, or `sample_weight`."
        )
    no_loss = [False] * len(names)
    targets = match(data.y, names, no_loss, no_loss, "y")
    pairs = zip(targets, class_weight, strict=True)
    weights = [None if w is None or t is None else class_weights(t, w) for t, w in pairs]
    spec, leaves = take_apart(weights)
    return data._replace(weights=tuple(leaves), weight_spec=spec)


def open_feed(
    model,
    x,
    y=None,
    sample_weight=None,
    batch_size=None,
    steps=None,
    shuffle=False,
    class_weight=None,
    loading=None,
    steps_name="steps",
):
    """The feed for what a user passed to fit, evaluate or predict; `steps_name` is how the user calls `steps`.

    Raises:
        ValueError: something that is neither arrays nor gives batches, or targets beside a generator.
    """
    if x is None:
        raise ValueError("`x` is None: pass the input data (an array, a generator of batches, ...).")
    if batch_size is not None and not _is_positive_int(batch_size):
        raise ValueError(f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}")
    steps = _whole_steps(steps, steps_name)
    if is_structure_of_arrays(x):
        data = make_data(model, x, y, sample_weight)
        if class_weight:
            data = with_class_weights(model, data, class_weight)
        return (DiskFeed if data.lazy else ArrayFeed)(data, int(batch_size or 32), shuffle, steps)
    if isinstance(x, (str, bytes)) or not (
        hasattr(x, "__iter__") or hasattr(x, "__getitem__") or hasattr(x, "__next__")
    ):
        raise ValueError(f"Unrecognized data type: x={x} (of type {type(x)})")
    for name, value, what in (("y", y, "the targets"), ("sample_weight", sample_weight, "the sample weights")):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {type(x).__name__}, `{name}` should not be passed. Instead, {what} should be "
                f"included as part of the {type(x).__name__}."
            )
    return StreamFeed(x, model, steps, shuffle, class_weight, loading)


def _whole_steps(steps, name: str) -> int | None:
    """`steps` rounded up: `steps_per_epoch=len(x) / 32` stood in Keras 2's own examples."""
    try:
        if steps is None or (not isinstance(steps, bool) and 0 < steps < math.inf):
            return steps and math.ceil(steps)
    except TypeError:
        pass
    raise ValueError(f"`{name}` must be a positive number of batches. Received: {name}={steps!r}")


def _is_positive_int(value) -> bool:
    try:
        return not isinstance(value, bool) and int(value) == value and value > 0
    except (TypeError, ValueError):
        return False
