"""Datasets with the common methods of `tf.data.Dataset`."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from .batching import padded, padded_spec
from .elements import Count, TensorSpec, as_tensor, call, each, eager, joined_specs, leaves, plain, rows, spec_of, stack
from .generator_elements import checked, shapes_in_order
from .stream_sources import SourceMethods
from .stream_windows import WindowMethods

INFINITE, UNKNOWN = -1, -2  # what `cardinality` gives instead of a number


class StreamMethods(WindowMethods):
    """`map`, `take` and so on for a class with `__iter__`, `cardinality` and `element_spec`. Each gives a new `Stream`;
    nothing is computed before it is iterated."""

    batch_size_of_elements: int | None = None  # of what `batch` made: as much as Keras's split_dataset sees
    class_names: list | None = None
    file_paths: list | None = None

    def __bool__(self):
        return True

    def _derived(self, start: Callable[[], Iterator], count: int, spec: Callable | None = None) -> Stream:
        stream = Stream(start, count, spec or (lambda: self.element_spec))
        stream.class_names, stream.file_paths = self.class_names, self.file_paths
        return stream

    def apply(self, transformation_func):
        """Returns `transformation_func(dataset)`."""
        return transformation_func(self)

    def map(self, map_func, num_parallel_calls=None, deterministic=None, name=None) -> Stream:
        """`map_func` of each element (of `*element` for tuples). It is called one element after another, by the reader:
        `num_parallel_calls` and `deterministic` are accepted as in TensorFlow and have no effect."""
        return self._derived(
            lambda: (call(map_func, item) for item in self),
            self.cardinality(),
            lambda: _mapped_spec(map_func, self.element_spec),
        )

    def take(self, count, name=None) -> Stream:
        """The first `count` elements; all for -1."""
        length = self.cardinality()
        if count < 0:
            return self._derived(lambda: iter(self), length)
        left = count if length == INFINITE else min(count, length)
        return self._derived(lambda: _first(self, count), left if length != UNKNOWN else UNKNOWN)

    def skip(self, count, name=None) -> Stream:
        """All but the first `count` elements; none for -1."""
        length = self.cardinality()
        if count < 0:
            return self._derived(lambda: iter(()), 0)
        left = length if length < 0 else max(length - count, 0)
        return self._derived(lambda: itertools.islice(iter(self), count, None), left)

    def shard(self, num_shards, index, name=None) -> Stream:
        """Every `num_shards`-th element, from `index` on. Raises ValueError unless 0 <= `index` < `num_shards`."""
        if not 0 <= index < num_shards:
            raise ValueError(f"Index must be between 0 and {num_shards - 1} (currently index = {index}).")
        length = self.cardinality()
        left = length if length < 0 else (length - index + num_shards - 1) // num_shards
        return self._derived(lambda: itertools.islice(iter(self), index, None, num_shards), left)

    def repeat(self, count=None, name=None) -> Stream:
        """The elements `count` times; without end by default."""
        length = self.cardinality()
        if count is None or count < 0:
            endless = INFINITE if length != 0 else 0
            return self._derived(lambda: _again(self, itertools.count()), endless)
        count = int(count)
        total = (length if length < 0 else length * count) if count else 0
        return self._derived(lambda: _again(self, range(count)), total)

    def cache(self, filename="") -> Stream:
        """Keeps all elements in memory after the first pass. Raises NotImplementedError for a file name."""
        if filename:
            raise NotImplementedError(f"cache(filename={filename!r}): elements are kept in memory only; use cache()")
        kept: list = []
        return self._derived(lambda: _remember(self, kept), self.cardinality())

    def prefetch(self, buffer_size=None, name=None) -> Stream:
        """Returns the dataset itself: folders of images are read ahead by threads in any case."""
        return self._derived(lambda: iter(self), self.cardinality())

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None) -> Stream:
        """The elements (batches, if they are) in random order: each is drawn from the next `buffer_size`. Without a
        `seed`, NumPy's generator gives one. ValueError for a `buffer_size` below 1."""
        if buffer_size < 1:
            raise ValueError(f"`buffer_size` must be greater than zero. Received: buffer_size={buffer_size}")
        rng = np.random.RandomState(np.random.randint(2**31) if seed is None else seed)
        state = rng.get_state()

        def start():
            if reshuffle_each_iteration is not None and not reshuffle_each_iteration:
                rng.set_state(state)
            return _shuffled(self, buffer_size, rng)

        return self._derived(start, self.cardinality())

    def batch(self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None, name=None) -> Stream:
        """Batches of `batch_size` elements, stacked along a new first axis. For the last two arguments see `map`."""
        return self._batches(batch_size, drop_remainder, stack, lambda spec: spec)

    def _batches(self, batch_size, drop_remainder, put_together: Callable, spec_of_row: Callable) -> Stream:
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be greater than zero. Received: batch_size={batch_size}")
        length = self.cardinality()
        if length >= 0:
            length = length // batch_size if drop_remainder else -(-length // batch_size)
        size = int(batch_size) if drop_remainder else None
        made = self._derived(
            lambda: _batched(self, batch_size, drop_remainder, put_together),
            length,
            lambda: each(lambda spec: spec.batched(size), spec_of_row(self.element_spec)),
        )
        made.batch_size_of_elements = int(batch_size)
        return made

    def padded_batch(
        self, batch_size, padded_shapes=None, padding_values=None, drop_remainder=False, name=None
    ) -> Stream:
        """Batches of `batch_size` elements whose shapes differ: each is filled up at its ends.

        Args:
            batch_size: elements of a batch.
            padded_shapes: shapes in the structure of an element, None or -1 where the largest of the batch counts.
                Default None: it counts for each dimension that varies.
            padding_values: what is filled in, in the structure of an element, or one for all. Default None: 0, or
                empty text.
            drop_remainder: whether a last, smaller batch is left out.
            name: accepted as in TensorFlow.

        Raises:
            ValueError: `batch_size` below 1; while reading, an element that is larger than its padded shape.
        """
        return self._batches(
            batch_size,
            drop_remainder,
            lambda items: padded(items, padded_shapes, padding_values),
            lambda spec: padded_spec(spec, padded_shapes),
        )

    def unbatch(self, name=None) -> Stream:
        """The rows of all batches, one by one."""
        return self._derived(
            lambda: (row for item in self for row in rows(item)),
            INFINITE if self.cardinality() == INFINITE else UNKNOWN,
            lambda: each(TensorSpec.row, self.element_spec),
        )

    def flat_map(self, map_func, name=None) -> Stream:
        """The elements of the datasets that `map_func` returns for each element, one dataset after the other."""
        return self._derived(
            lambda: (part for item in self for part in call(map_func, item)),
            UNKNOWN,
            lambda: next(call(map_func, item).element_spec for item in self),
        )

    def enumerate(self, start=0, name=None) -> Stream:
        """(number, element)."""
        return self._derived(
            lambda: ((np.int64(i), item) for i, item in enumerate(self, start)),
            self.cardinality(),
            lambda: (TensorSpec((), "int64"), self.element_spec),
        )

    def filter(self, predicate, name=None) -> Stream:
        """The elements for which `predicate` of them (of `*element` for tuples) is true."""
        return self._derived(lambda: (item for item in self if call(predicate, item)), UNKNOWN)

    def concatenate(self, dataset, name=None) -> Stream:
        """These elements, then those of another dataset. TypeError for elements of another structure or dtype, when
        `element_spec` is asked for."""
        both = (self.cardinality(), cardinality(dataset))
        total = INFINITE if INFINITE in both else UNKNOWN if UNKNOWN in both else sum(both)
        return self._derived(
            lambda: itertools.chain(self, dataset),
            total,
            lambda: joined_specs(self.element_spec, dataset.element_spec),
        )

    def reduce(self, initial_state, reduce_func, name=None):
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
        return plain(next(self._items))

    next = __next__


class Stream(SourceMethods, StreamMethods):
    """A dataset whose elements come from `start()`, which is called for each iteration.

    Args:
        start: called for each iteration; returns an iterator.
        count: number of elements, INFINITE or UNKNOWN.
        spec: gives the `TensorSpec`s of an element; by default those of the first.
    """

    def __init__(self, start: Callable[[], Iterator], count: int = UNKNOWN, spec: Callable | None = None):
        self._start = start
        self._count = count
        self._spec = spec

    @staticmethod
    def from_tensor_slices(tensors, name=None) -> Stream:
        """The rows of arrays: of one, or of a tuple or dict of them, which need the same length.

        Raises:
            ValueError: lengths that differ, or a number.
        """
        arrays = each(as_tensor, tensors)
        columns = leaves(arrays)
        if any(a.ndim == 0 for a in columns) or len({len(a) for a in columns}) != 1:
            shapes = ", ".join(str(a.shape) for a in columns)
            raise ValueError(f"from_tensor_slices takes arrays of the same length. Received arrays of shapes {shapes}")
        return Stream(lambda: rows(arrays), len(columns[0]), lambda: each(TensorSpec.row, spec_of(arrays)))

    @staticmethod
    def from_tensors(tensors, name=None) -> Stream:
        """One element: an array, or a tuple or dict of them."""
        arrays = each(as_tensor, tensors)
        return Stream(lambda: iter((arrays,)), 1, lambda: spec_of(arrays))

    @staticmethod
    def from_generator(
        generator, output_types=None, output_shapes=None, args=None, output_signature=None, name=None
    ) -> Stream:
        """The elements that the generator `generator(*args)` yields, as arrays.

        Args:
            generator: called for each iteration.
            output_types, output_shapes: dtypes and shapes of an element in its structure; or
            output_signature: `TensorSpec`s in its structure. By default everything is as it comes.
            args: for `generator`.

        Raises:
            TypeError: `generator` is not callable.
            ValueError: `output_signature` together with `output_types`; while reading, an element of another structure
                or shape.
        """
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable that returns an iterator")
        signature = output_signature
        if signature is not None and (output_types is not None or output_shapes is not None):
            raise ValueError("The `output_signature` argument replaces `output_types` and `output_shapes`: give one")
        if output_types is not None:
            types = each(lambda dtype: TensorSpec(None, dtype), output_types)
            shapes = iter(()) if output_shapes is None else iter(shapes_in_order(output_shapes, types))
            signature = each(lambda spec: TensorSpec(next(shapes, None), spec.dtype), types)

        def start():
            return (checked(item, signature) for item in generator(*(args or ())))

        return Stream(start, UNKNOWN, None if signature is None else lambda: signature)

    @staticmethod
    def range(*args, output_type="int64", name=None) -> Stream:
        """The numbers of Python's `range(*args)`, of the dtype `output_type`."""
        numbers, kind = range(*(int(n) for n in args)), np.dtype(output_type).type
        return Stream(lambda: map(kind, numbers), len(numbers), lambda: TensorSpec((), output_type))

    @staticmethod
    def zip(*args, datasets=None, name=None) -> Stream:
        """Tuples (dicts, for a dict of datasets) of one element from each dataset, until one of them ends."""
        given = datasets if datasets is not None else args[0] if len(args) == 1 else args
        sources = leaves(given)
        counts = [cardinality(source) for source in sources]
        finite = [count for count in counts if count != INFINITE]
        total = UNKNOWN if UNKNOWN in counts else min(finite, default=INFINITE)

        def start():
            return (_filled(given, items) for items in zip(*sources, strict=False))

        return Stream(start, total, lambda: each(lambda source: source.element_spec, given))

    def __iter__(self) -> Iterator:
        return (eager(item) for item in self._start())

    def __len__(self) -> int:
        if self._count < 0:
            raise TypeError("The dataset is infinite." if self._count == INFINITE else "The dataset length is unknown.")
        return int(self._count)

    def cardinality(self) -> Count:
        """The number of elements; -1 without end, -2 when it is not known."""
        return Count(self._count)

    @property
    def element_spec(self):
        """The `TensorSpec`s of an element. Behind `map`, the function is called with zeros to find them."""
        if self._spec is not None:
            return self._spec()
        for item in self:
            return spec_of(item)
        raise ValueError("An empty dataset has no element_spec.")


def cardinality(dataset) -> Count:
    """The number of elements; -1 without end, -2 when it is not known (`tf.data.experimental.cardinality`)."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality):
    """For `apply`: the dataset, with this number of elements (`tf.data.experimental.assert_cardinality`).

    Args:
        expected_cardinality: int.

    Returns:
        Callable of a dataset. While it is read, a ValueError says that there are more or fewer.
    """

    def apply(dataset):
        def start():
            count = 0
            for item in dataset:
                count += 1
                if count > expected_cardinality >= 0:
                    raise ValueError(
                        f"Input dataset was expected to contain {expected_cardinality} elements but has more."
                    )
                yield item
            if count != expected_cardinality:
                raise ValueError(
                    f"Input dataset was expected to contain {expected_cardinality} elements but contained only {count}."
                )

        return Stream(start, expected_cardinality, lambda: dataset.element_spec)

    return apply


# Names of `tf.data` and `tf.data.experimental`.
TextLineDataset = Stream.text_lines
choose_from_datasets = Stream.choose_from_datasets
sample_from_datasets = Stream.sample_from_datasets


def _mapped_spec(function, spec):
    draws = np.random.get_state()
    try:  # extents that differ between two calls follow those that vary
        examples = each(lambda s: s.example(2), spec), each(lambda s: s.example(3), spec)
        return joined_specs(*(spec_of(call(function, example)) for example in examples))
    finally:
        np.random.set_state(draws)


def _filled(structure, items):
    items = iter(items)
    return each(lambda _: next(items), structure)


def _first(source, count):
    # without the request for one element more that would end the iteration: that element would be computed
    iterator = iter(source) if count else iter(())
    for _, item in zip(range(count), iterator, strict=False):
        yield item


def _again(source, rounds):
    for _ in rounds:
        empty = True
        for item in source:
            empty = False
            yield item
        if empty:
            return


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
        if len(waiting) >= size:
            yield waiting.pop(rng.randint(len(waiting)))
    while waiting:
        yield waiting.pop(rng.randint(len(waiting)))


def _batched(source, size: int, drop_remainder: bool, put_together: Callable):
    waiting: list = []
    for item in source:
        waiting.append(item)
        if len(waiting) == size:
            yield put_together(waiting)
            waiting = []
    if waiting and not drop_remainder:
        yield put_together(waiting)
