"""`fit(cache_frozen=True)` with image iterators: what the frozen layers give for each image, kept by its number."""

from __future__ import annotations

import numpy as np

from ..data_adapters.arrays import Data
from ..data_adapters.batch_source import BatchSource
from ..data_adapters.prefetch import made_batches
from ..data_adapters.stream_adapter import StreamAdapter
from ..utils.py_dataset import PyDataset
from .step_programs import step_signature

_REFUSED = "cache_frozen=True"


class _CachedSource(PyDataset, BatchSource):
    """The order and the draws of an image iterator, with batches of cached results.

    Args:
        source: the iterator. data: the results, one row per image.
    """

    def __init__(self, source: BatchSource, data: Data):
        super().__init__(workers=0)
        self.source, self.data = source, data

    def __len__(self):
        return len(self.source)

    def jobs(self, order) -> list:
        return self.source.jobs(order)

    def make(self, job, turn=None) -> Data:
        return self.data.map(lambda a: a[job.index])

    def count_batch(self) -> None:
        self.source.count_batch()

    def is_empty(self, batch: Data) -> bool:
        return batch.rows == 0

    def queue_size(self, workers: int) -> int:
        return self.source.queue_size(workers)

    def position(self) -> dict:
        return self.source.position()

    def resume(self, position: dict) -> None:
        self.source.resume(position)

    def why_batches_vary(self) -> str | None:
        return None

    def sample_jobs(self) -> list[tuple]:
        return self.source.sample_jobs()

    def on_epoch_begin(self):
        self.source.on_epoch_begin()

    def on_epoch_end(self):
        self.source.on_epoch_end()


class _CachedAdapter(StreamAdapter):
    """Reads batches that are `Data` already."""

    def data_of(self, batch) -> Data:
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
    adapter.close()
    data = _run(prefix, adapter, verbose)
    cached = _CachedAdapter(
        _CachedSource(source, data), prefix.model, adapter.steps, adapter.shuffle, None, adapter.loading
    )
    cached.begin_like(adapter)
    return cached


def is_same_each_time(source) -> bool:
    """Whether a source is an image iterator that gives the same images in each pass."""
    return _reason_against(source) is None


def _reason_against(source) -> str | None:
    if not isinstance(source, BatchSource):
        return (
            f"{_REFUSED} needs data that are the same in each epoch: arrays, an image iterator without random changes, "
            "or what image_dataset_from_directory() returns, without map(), cache() and the like. "
            f"A {type(source).__name__} may give others each time. Run the frozen layers with predict() and train a "
            "second model on what they give, or leave cache_frozen out."
        )
    reason = source.why_batches_vary()
    return reason and f"{_REFUSED}: {reason}, so the frozen layers' results cannot be reused. Leave cache_frozen out."


def _run(prefix, adapter: StreamAdapter, verbose) -> Data:
    """The head's results, targets and weights of all images, by number."""
    source, model, head = adapter.source, prefix.model, prefix.head
    prefix.check_memory(source.n)
    numbers_of_batches, jobs = zip(*source.sample_jobs(), strict=True)
    callbacks = prefix.model._callbacks(None, False, verbose, 1, len(source))
    callbacks.on_predict_begin()
    kept: Data | None = None
    batches = made_batches(source, list(jobs), adapter.loading)
    for i, (numbers, batch) in enumerate(zip(numbers_of_batches, batches, strict=False)):
        data = adapter.data_of(batch)
        if data.rows != len(numbers):
            raise ValueError(
                f"{_REFUSED}: files that cannot be read were left out (on_error='skip'); remove them first"
            )
        signature = step_signature(model, data, data.rows, targets=False, part=head)
        program = head.programs.get(model, "predict", signature, head)
        inputs = [np.ascontiguousarray(x, dtype) for x, (_, dtype) in zip(data.xs, program.input_types, strict=True)]
        data = data._replace(xs=program.run(tuple(inputs), 0))
        if kept is None:
            kept = data.map(lambda a: np.empty((source.n, *a.shape[1:]), a.dtype))
        for target, values in zip(kept.arrays, data.arrays, strict=True):
            target[numbers] = values
        callbacks.progress("predict", i + 1, dict)
    callbacks.on_predict_end()
    return kept
