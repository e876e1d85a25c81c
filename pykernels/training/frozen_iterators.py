"""`fit(cache_frozen=True)` with image iterators: what the frozen layers give for each image, kept by its number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..data_adapters.arrays import Data
from ..data_adapters.prefetch import batches_of
from ..data_adapters.stream_adapter import StreamAdapter
from .step_programs import step_signature

_REFUSED = "cache_frozen=True"
# Options of ImageDataGenerator that draw random numbers, and their values when they do not.
_RANDOM_OPTIONS = {
    "rotation_range": 0,
    "width_shift_range": 0,
    "height_shift_range": 0,
    "shear_range": 0,
    "zoom_range": [1, 1],
    "channel_shift_range": 0,
    "horizontal_flip": False,
    "vertical_flip": False,
    "brightness_range": None,
}


class _Job(NamedTuple):
    """A batch in the order of the numbers, as image iterators make it; see `preprocessing.iterator.Job`."""

    index: np.ndarray
    seed: int = 0
    after_order: bool = False


class _InOrder:
    """Reads the images of an iterator by number, without touching its state."""

    def __init__(self, source):
        self.source = source
        self.workers, self.use_multiprocessing = source.workers, source.use_multiprocessing
        self.max_queue_size = source.max_queue_size
        self.make, self.is_empty, self.queue_size = source.make, source.is_empty, source.queue_size

    def jobs(self, order) -> list[_Job]:
        return [_Job(self.numbers(i)) for i in order]

    def numbers(self, i: int) -> np.ndarray:
        begin = i * self.source.batch_size
        return np.arange(begin, min(begin + self.source.batch_size, self.source.n))

    def count_batch(self):
        """This reading does not count."""


class _Cached:
    """Stands for an iterator: its order and its draws, but batches of what is kept."""

    workers = 0

    def __init__(self, source, data: Data):
        self.source, self.data = source, data
        self.jobs, self.count_batch, self.queue_size = source.jobs, source.count_batch, source.queue_size

    def __len__(self):
        return len(self.source)

    def __getitem__(self, i):
        raise NotImplementedError("batches are made from jobs")

    def __getattr__(self, name):  # on_epoch_begin, on_epoch_end where there are any
        return getattr(self.source, name)

    def make(self, job, turn=None) -> Data:
        return self.data.map(lambda a: a[job.index])

    @staticmethod
    def is_empty(batch: Data) -> bool:
        return batch.rows == 0


class _CachedAdapter(StreamAdapter):
    def _data(self, batch) -> Data:
        return batch


def cached_stream(prefix, adapter: StreamAdapter, verbose) -> StreamAdapter:
    """An adapter with the head's results in place of the images of an iterator, in the same order.

    Raises:
        ValueError: the source is not an image iterator, changes images at random, or leaves files out.
    """
    source = adapter.source
    reason = _reason_against(source)
    if reason:
        raise ValueError(reason)
    if adapter._iterator is not None and hasattr(adapter._iterator, "close"):
        adapter._iterator.close()
    data = _run(prefix, adapter, verbose)
    new = _CachedAdapter(_Cached(source, data), prefix.tail, adapter.steps, adapter.shuffle, None, adapter.loading)
    if adapter._peeked:  # the pass that was begun for the sake of its first batch begins again, with the same order
        after = np.random.get_state()
        if adapter.place.drawn_from is not None:
            np.random.set_state(adapter.place.drawn_from)
        new._iterator = new._start()
        first = next(new._iterator)
        np.random.set_state(after)
        new._peeked.append(first)
        new._untouched = True
        source.total_batches_seen -= 1
    return new


def is_same_each_time(source) -> bool:
    """Whether a source is an image iterator that gives the same images in each pass."""
    return _reason_against(source) is None


def _reason_against(source) -> str | None:
    if not (hasattr(source, "jobs") and hasattr(source, "make") and hasattr(source, "image_data_generator")):
        return (
            f"{_REFUSED} needs data that are the same in each epoch: arrays, an image iterator without random changes, "
            "or what image_dataset_from_directory() returns, without map(), cache() and the like. "
            f"A {type(source).__name__} may give others each time. Run the frozen layers with predict() and train a "
            "second model on what they give, or leave cache_frozen out."
        )
    generator = source.image_data_generator
    found = [
        f"{name}={getattr(generator, name)!r}"
        for name, none in _RANDOM_OPTIONS.items()
        if not np.array_equal(getattr(generator, name, none), none)
    ]
    if found:
        return (
            f"{_REFUSED}: the images are changed at random ({', '.join(found)}), so the frozen layers give other "
            "results in each epoch. Use an ImageDataGenerator without these options, or leave cache_frozen out."
        )
    if getattr(source, "save_to_dir", None):
        return f"{_REFUSED}: save_to_dir={source.save_to_dir!r} would save the images of one pass only"
    return None


def _run(prefix, adapter: StreamAdapter, verbose) -> Data:
    """The head's results, targets and weights of all images, by number."""
    source, head = adapter.source, prefix.head
    prefix.check_memory(source.n)
    reader = _InOrder(source)
    callbacks = prefix.model._callbacks(None, False, verbose, 1, len(source))
    callbacks.on_predict_begin()
    kept: Data | None = None
    for i, batch in enumerate(batches_of(reader, range(len(source)), adapter.loading)):
        data = adapter._data(batch)
        numbers = reader.numbers(i)
        if data.rows != len(numbers):
            raise ValueError(
                f"{_REFUSED}: files that cannot be read were left out (on_error='skip'); remove them first"
            )
        program = head._programs.get(head, "predict", step_signature(head, data, data.rows, targets=False))
        inputs = [np.ascontiguousarray(x, dtype) for x, (_, dtype) in zip(data.xs, program.input_types, strict=True)]
        data = data._replace(xs=program.run(tuple(inputs), 0))
        if kept is None:
            kept = data.map(lambda a: np.empty((source.n, *a.shape[1:]), a.dtype))
        for target, values in zip(kept.arrays, data.arrays, strict=True):
            target[numbers] = values
        callbacks.progress("predict", i + 1, dict)
    callbacks.on_predict_end()
    return kept
