"""Datasets of batches with the methods of `tf.data.Dataset` that scripts call on photo folders."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np


class EagerArray(np.ndarray):
    """An array with `numpy()`, as scripts written for TensorFlow expect of what a dataset gives."""

    def numpy(self) -> np.ndarray:
        """The plain array (a NumPy scalar for no axes)."""
        return np.asarray(self)[()]

    def __getitem__(self, index):
        item = super().__getitem__(index)
        return np.asarray(item).view(EagerArray) if isinstance(item, np.generic) else item


def eager(batch):
    """Arrays of a batch as `EagerArray`s."""
    if isinstance(batch, (tuple, dict)):
        return _each(eager, batch)
    return batch.view(EagerArray) if type(batch) is np.ndarray else batch


class StreamMethods:
    """`map`, `take` and so on for a class with `__iter__`. Each gives a new `Stream`; nothing is computed before it is
    iterated."""

    class_names: list | None = None
    file_paths: list | None = None

    def _derived(self, start: Callable[[], Iterator], length: int | None) -> Stream:
        stream = Stream(start, length)
        stream.class_names, stream.file_paths = self.class_names, self.file_paths
        return stream

    def cardinality(self) -> int:
        """The number of elements; -2 when it is not known."""
        length = _length(self)
        return -2 if length is None else length

    def map(self, map_func, num_parallel_calls=None, deterministic=None) -> Stream:
        """`map_func` of each element (of `*element` for tuples). It is called one element after another, by the reader:
        `num_parallel_calls` and `deterministic` are taken for TensorFlow's sake and change no result."""
        return self._derived(lambda: (_call(map_func, item) for item in self), _length(self))

    def take(self, count) -> Stream:
        """The first `count` elements; all for -1."""
        length = _length(self)
        if count < 0:
            return self._derived(lambda: iter(self), length)
        return self._derived(lambda: _first(self, count), count if length is None else min(count, length))

    def skip(self, count) -> Stream:
        """All but the first `count` elements."""
        length = _length(self)
        left = None if length is None else max(length - count, 0)
        return self._derived(lambda: itertools.islice(iter(self), count, None), left)

    def repeat(self, count=None) -> Stream:
        """The elements `count` times; for ever by default."""
        length = _length(self)
        times = itertools.repeat(None) if count is None or count < 0 else None
        total = None if times is not None or length is None else length * count
        rounds = (lambda: itertools.count()) if times is not None else (lambda: range(count))
        return self._derived(lambda: (item for _ in rounds() for item in self), total)

    def cache(self) -> Stream:
        """Keeps all elements in memory when they were read once, as they are then."""
        kept: list = []
        return self._derived(lambda: _remember(self, kept), _length(self))

    def prefetch(self, buffer_size=None) -> Stream:
        """The same elements: photo folders are read ahead by threads in any case."""
        return self._derived(lambda: iter(self), _length(self))

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True) -> Stream:
        """The elements (batches, if they are) in random order: each is drawn from the next `buffer_size`."""
        rng = np.random.RandomState(seed)
        state = rng.get_state()

        def start():
            if not reshuffle_each_iteration:
                rng.set_state(state)
            return _shuffled(self, buffer_size, rng)

        return self._derived(start, _length(self))

    def batch(self, batch_size, drop_remainder=False) -> Stream:
        """`batch_size` elements put together along a new first axis."""
        length = _length(self)
        if length is not None:
            length = length // batch_size if drop_remainder else -(-length // batch_size)
        return self._derived(lambda: _batched(self, batch_size, drop_remainder), length)

    def unbatch(self) -> Stream:
        """The rows of all batches, one by one."""
        return self._derived(lambda: (row for item in self for row in _rows(item)), None)

    def enumerate(self, start=0) -> Stream:
        """(number, element)."""
        return self._derived(lambda: enumerate(self, start), _length(self))

    def filter(self, predicate) -> Stream:
        """The elements for which `predicate` of them (of `*element` for tuples) is true."""
        return self._derived(lambda: (item for item in self if _call(predicate, item)), None)

    def concatenate(self, dataset) -> Stream:
        """These elements, then those of another dataset."""
        mine, other = _length(self), _length(dataset)
        total = None if mine is None or other is None else mine + other
        return self._derived(lambda: itertools.chain(self, dataset), total)

    def reduce(self, initial_state, reduce_func):
        """`state = reduce_func(state, element)` for each element, from `initial_state` on; the last state."""
        return functools.reduce(reduce_func, self, initial_state)

    def as_numpy_iterator(self) -> Iterator:
        """The elements as plain arrays."""
        return PlainIterator(self)


class PlainIterator(Iterator):
    """Elements as plain arrays, by `next(it)` or, as scripts of TensorFlow have it, `it.next()`."""

    def __init__(self, source):
        self._items = iter(source)

    def __next__(self):
        return _plain(next(self._items))

    next = __next__


class Stream(StreamMethods):
    """Elements that `start()` gives anew for each iteration.

    Args:
        start: called for each iteration; returns an iterator.
        length: number of elements, None if it is not known or without end.
    """

    def __init__(self, start: Callable[[], Iterator], length: int | None = None):
        self._start = start
        self._count = length

    @staticmethod
    def from_tensor_slices(tensors) -> Stream:
        """The rows of arrays: of one, or of a tuple or dict of them, which need the same length.

        Raises:
            ValueError: lengths that differ, or a number.
        """
        arrays = _each(np.asarray, tensors)
        leaves = _leaves(arrays)
        if any(a.ndim == 0 for a in leaves) or len({len(a) for a in leaves}) != 1:
            shapes = ", ".join(str(a.shape) for a in leaves)
            raise ValueError(f"from_tensor_slices takes arrays of the same length. Received arrays of shapes {shapes}")
        return Stream(lambda: _rows(arrays), len(leaves[0]))

    def __iter__(self) -> Iterator:
        return (eager(item) for item in self._start())

    def __len__(self) -> int:
        if self._count is None:
            raise TypeError("The dataset length is unknown or infinite.")
        return self._count


def cardinality(dataset) -> int:
    """The number of elements; -2 when it is not known (`tf.data.experimental.cardinality`)."""
    return dataset.cardinality()


def _each(function, item):
    """`function` of the arrays in tuples and dicts."""
    if isinstance(item, tuple):
        return tuple(_each(function, part) for part in item)
    if isinstance(item, dict):
        return {key: _each(function, part) for key, part in item.items()}
    return function(item)


def _leaves(item) -> list:
    found: list = []
    _each(found.append, item)
    return found


def _length(source) -> int | None:
    try:
        return len(source)
    except TypeError:
        return None


def _call(function, item):
    return function(*item) if isinstance(item, tuple) else function(item)


def _first(source, count):
    # without the request for one element more that would end the iteration: that element would be computed
    iterator = iter(source) if count else iter(())
    for _, item in zip(range(count), iterator, strict=False):
        yield item


def _remember(source, kept: list):
    if kept:
        yield from kept[0]
        return
    items = []
    for item in source:
        items.append(item)
        yield item
    kept.append(items)


def _shuffled(source, size: int, rng):
    waiting: list = []
    for item in source:
        waiting.append(item)
        if len(waiting) > size:
            yield waiting.pop(rng.randint(len(waiting)))
    while waiting:
        yield waiting.pop(rng.randint(len(waiting)))


def _stack(items: list):
    if isinstance(items[0], tuple):
        return tuple(_stack(list(column)) for column in zip(*items, strict=True))
    if isinstance(items[0], dict):
        return {key: _stack([item[key] for item in items]) for key in items[0]}
    return np.stack([np.asarray(item) for item in items])


def _batched(source, size: int, drop_remainder: bool):
    waiting: list = []
    for item in source:
        waiting.append(item)
        if len(waiting) == size:
            yield _stack(waiting)
            waiting = []
    if waiting and not drop_remainder:
        yield _stack(waiting)


def _rows(item):
    return (_row(item, i) for i in range(len(_leaves(item)[0])))


def _row(item, i: int):
    return _each(lambda a: np.asarray(a[i]), item)


def _plain(item):
    return _each(np.asarray, item)
