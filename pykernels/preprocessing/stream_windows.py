"""Methods of datasets that put elements together and take them apart: windows, interleaving, groups."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator

import numpy as np

from .elements import TensorSpec, call, each, leaves, plain, rows, spec_of, stack

_CYCLE = 16  # datasets that are read in turn, unless the script says how many


class WindowMethods:
    """`window`, `interleave` and so on, for a class with `__iter__`, `cardinality`, `element_spec` and `_derived`."""

    def window(self, size, shift=None, stride=1, drop_remainder=False, name=None):
        """Datasets of `size` elements each (a tuple of them, for tuples): `lambda w: w.batch(size)` makes one array.

        Args:
            size: elements of a window.
            shift: from the beginning of a window to that of the next. Default None: `size`.
            stride: every how manieth element is taken. Default 1.
            drop_remainder: whether windows with fewer elements, at the end, are left out. Default False.
            name: accepted as in TensorFlow.

        Raises:
            ValueError: `size`, `shift` or `stride` below 1.
        """
        shift = size if shift is None else shift
        for what, value in (("size", size), ("shift", shift), ("stride", stride)):
            if value < 1:
                raise ValueError(f"`{what}` must be greater than zero. Received: {what}={value}")
        reach, count = (size - 1) * stride + 1, self.cardinality()
        if count >= 0:
            count = max(0, (count - reach) // shift + 1) if drop_remainder else -(-count // shift)

        def start():
            for items in _windows(iter(self), reach, shift, drop_remainder):
                yield self._datasets_of(items[::stride])

        return self._derived(start, count, lambda: each(lambda spec: DatasetSpec(spec), self.element_spec))

    def _datasets_of(self, items: list):
        """A dataset of the elements; for tuples and dicts, one of each part."""
        specs = iter(leaves(self.element_spec))
        columns = [list(column) for column in zip(*(leaves(item) for item in items), strict=True)]
        made = iter([self._dataset_of(column, next(specs)) for column in columns])
        return each(lambda _: next(made), items[0])

    def _dataset_of(self, items: list, spec):
        return self._derived(lambda: iter(items), len(items), lambda: spec)

    def interleave(
        self,
        map_func,
        cycle_length=None,
        block_length=None,
        num_parallel_calls=None,
        deterministic=None,
        name=None,
    ):
        """The elements of the datasets that `map_func` returns for each element, `cycle_length` datasets in turn.

        Args:
            map_func: callable of an element (of `*element` for tuples) that returns a dataset.
            cycle_length: how many datasets are read in turn. Default None: 16, on any machine.
            block_length: elements that are taken of a dataset at each turn. Default None: 1.
            num_parallel_calls, deterministic, name: accepted as in TensorFlow, without effect.

        Raises:
            ValueError: `cycle_length` or `block_length` below 1.
        """
        cycle = _CYCLE if cycle_length in (None, -1) else cycle_length
        block = 1 if block_length is None else block_length
        for what, value in (("cycle_length", cycle), ("block_length", block)):
            if value < 1:
                raise ValueError(f"`{what}` must be greater than zero. Received: {what}={value}")
        return self._derived(
            lambda: _interleaved((call(map_func, item) for item in self), cycle, block),
            -2,
            lambda: next(call(map_func, item).element_spec for item in self),
        )

    def rebatch(self, batch_size, drop_remainder=False, name=None):
        """The rows of all batches in batches of another size.

        Args:
            batch_size: int, or a list of them, which are taken in turn.
            drop_remainder: whether a last, smaller batch is left out. Default False.
            name: accepted as in TensorFlow.
        """
        sizes = [batch_size] if np.ndim(batch_size) == 0 else list(batch_size)

        def start():
            items = (row for item in self for row in rows(item))
            for size in itertools.cycle(sizes):
                part = list(itertools.islice(items, int(size)))
                if not part or (drop_remainder and len(part) < size):
                    return
                yield stack(part)

        return self._derived(
            start, -2, lambda: each(lambda spec: TensorSpec((None, *spec.shape[1:]), spec.dtype), self.element_spec)
        )

    def group_by_window(self, key_func, reduce_func, window_size=None, window_size_func=None, name=None):
        """Elements with the same key, `window_size` of them at a time, made into datasets.

        Args:
            key_func: callable of an element (of `*element` for tuples) that returns an int.
            reduce_func: callable `(key, dataset)` that returns a dataset, whose elements follow.
            window_size: elements of a group; or
            window_size_func: callable of a key that returns it.
            name: accepted as in TensorFlow.

        Raises:
            ValueError: both or none of the sizes.
        """
        if (window_size is None) == (window_size_func is None):
            raise ValueError("Must pass either window_size or window_size_func, but not both.")

        def start():
            groups: dict[int, list] = {}
            for item in self:
                key = int(call(key_func, item))
                group = groups.setdefault(key, [])
                group.append(item)
                if len(group) >= (window_size if window_size_func is None else int(window_size_func(key))):
                    yield from reduce_func(np.int64(key), self._dataset_of(groups.pop(key), self.element_spec))
            for key in sorted(groups):
                yield from reduce_func(np.int64(key), self._dataset_of(groups[key], self.element_spec))

        def spec():
            return reduce_func(np.int64(0), self._dataset_of([], self.element_spec)).element_spec

        return self._derived(start, -2, spec)

    def bucket_by_sequence_length(
        self,
        element_length_func,
        bucket_boundaries,
        bucket_batch_sizes,
        padded_shapes=None,
        padding_values=None,
        pad_to_bucket_boundary=False,
        no_padding=False,
        drop_remainder=False,
        name=None,
    ):
        """Batches of elements of like length, filled up at their ends.

        Args:
            element_length_func: callable of an element (of `*element` for tuples) that returns its length.
            bucket_boundaries: list of the lengths at which the next bucket begins.
            bucket_batch_sizes: list of the batch size of each bucket, one more than boundaries.
            padded_shapes, padding_values, drop_remainder: as in `padded_batch`.
            pad_to_bucket_boundary: whether elements are filled up to the longest of the bucket that may be, instead of
                the longest that is there. Default False.
            no_padding: whether nothing is filled up. Default False.
            name: accepted as in TensorFlow.

        Raises:
            ValueError: the number of batch sizes does not go with the boundaries; while reading, an element longer than
                the last boundary with `pad_to_bucket_boundary`.
        """
        if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
            raise ValueError("`len(bucket_batch_sizes)` must be equal to `len(bucket_boundaries) + 1`")

        def bucket(*item):
            return int(np.searchsorted(bucket_boundaries, int(element_length_func(*item)), side="right"))

        def batch(key, dataset):
            size, shapes = bucket_batch_sizes[int(key)], padded_shapes
            if no_padding:
                return dataset.batch(size, drop_remainder)
            if pad_to_bucket_boundary:
                if key >= len(bucket_boundaries):
                    raise ValueError(
                        "When pad_to_bucket_boundary=True, elements must have length < max(bucket_boundaries)."
                    )
                shapes = _bounded(padded_shapes, self.element_spec, bucket_boundaries[int(key)] - 1)
            return dataset.padded_batch(size, shapes, padding_values, drop_remainder)

        return self.group_by_window(bucket, batch, window_size_func=lambda key: bucket_batch_sizes[key])

    def scan(self, initial_state, scan_func, name=None):
        """`state, output = scan_func(state, element)` for each element; the outputs.

        Args:
            initial_state: the first state.
            scan_func: callable that returns the next state and an element.
            name: accepted as in TensorFlow.
        """

        def start():
            state = initial_state
            for item in self:
                state, output = scan_func(state, item)
                yield output

        return self._derived(start, self.cardinality(), lambda: spec_of(next(start())))

    def take_while(self, predicate, name=None):
        """The elements before the first one of which `predicate` is false.

        Args:
            predicate: callable of an element (of `*element` for tuples).
            name: accepted as in TensorFlow.
        """
        return self._derived(lambda: itertools.takewhile(lambda item: call(predicate, item), self), -2)

    def unique(self, name=None):
        """Each element once, where it comes first.

        Args:
            name: accepted as in TensorFlow.
        """

        def start():
            seen = set()
            for item in self:
                key = tuple((a.shape, a.tobytes() if a.dtype != object else tuple(a.flat)) for a in leaves(plain(item)))
                if key not in seen:
                    seen.add(key)
                    yield item

        return self._derived(start, -2)

    def get_single_element(self, name=None):
        """The element of a dataset that has one.

        Args:
            name: accepted as in TensorFlow.

        Returns:
            The element.

        Raises:
            ValueError: it has none, or more.
        """
        found = list(itertools.islice(iter(self), 2))
        if len(found) != 1:
            raise ValueError("Dataset was empty." if not found else "Dataset had more than one element.")
        return found[0]

    def with_options(self, options, name=None):
        """The dataset itself: the options of TensorFlow's machinery have no effect here.

        Args:
            options: `tf.data.Options`.
            name: accepted as in TensorFlow.
        """
        return self


class DatasetSpec:
    """Of an element that is a dataset itself.

    Args:
        element_spec: that of its elements.
    """

    def __init__(self, element_spec):
        self.element_spec = element_spec

    def __eq__(self, other):
        return isinstance(other, DatasetSpec) and self.element_spec == other.element_spec

    def __hash__(self):
        return hash(("dataset", str(self.element_spec)))

    def __repr__(self):
        return f"DatasetSpec({self.element_spec})"


class Options:
    """`tf.data.Options`: attributes can be set and have no effect, as there is no machinery that they would change."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = Options()
        setattr(self, name, value)
        return value


def _windows(items: Iterator, reach: int, shift: int, drop_remainder: bool) -> Iterator[list]:
    """Lists of up to `reach` elements, each `shift` behind the one before."""
    waiting = deque(itertools.islice(items, reach))
    while waiting and (len(waiting) == reach or not drop_remainder):
        yield list(waiting)
        for _ in range(min(shift, len(waiting))):
            waiting.popleft()
        for _ in range(shift - reach):
            next(items, None)
        waiting.extend(itertools.islice(items, reach - len(waiting)))


def _interleaved(datasets: Iterator, cycle: int, block: int) -> Iterator:
    """As TensorFlow takes turns: a place whose dataset has ended gets the next one when its turn comes again."""
    places: list = [None] * cycle
    at, taken, more = 0, 0, True
    while more or any(place is not None for place in places):
        if places[at] is None:
            dataset = next(datasets, None) if more else None
            more = more and dataset is not None
            if dataset is None:
                at, taken = (at + 1) % cycle, 0
            else:
                places[at] = iter(dataset)
            continue
        item = next(places[at], _END)
        if item is _END:
            places[at] = None
            at, taken = (at + 1) % cycle, 0
            continue
        yield item
        taken += 1
        if taken == block:
            at, taken = (at + 1) % cycle, 0


_END = object()


def _bounded(shapes, spec, length: int):
    """The padded shapes, with a length where none is given."""

    def of(leaf):
        shape = leaf.shape if shapes is None else next(given)
        return [length if d in (None, -1) else d for d in shape]

    given = iter(()) if shapes is None else iter([shapes] if not isinstance(spec, (tuple, dict)) else _flat(shapes))
    return each(of, spec)


def _flat(shapes) -> list:
    return list(shapes.values()) if isinstance(shapes, dict) else list(shapes)
