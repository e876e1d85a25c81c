"""How batches that Python code makes are fetched: by the training itself, or ahead of it by threads or processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..utils.prefetcher import OrderedPrefetcher, from_processes
from .batch_source import BatchSource

_QUEUE = 10  # batches ahead, where neither the user nor the source says


class PrefetchOptions(NamedTuple):
    """`workers`, `use_multiprocessing` and `max_queue_size` of fit, evaluate and predict; None for the source's own.

    workers: 0 fetches batches where the training runs. They change no result.
    """

    workers: int | None = None
    use_multiprocessing: bool | None = None
    max_queue_size: int | None = None

    def checked(self) -> PrefetchOptions:
        """ValueError for numbers that cannot be."""
        for name, least in (("workers", 0), ("max_queue_size", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or int(value) != value or value < least):
                raise ValueError(f"`{name}` must be an integer of at least {least}. Received: {name}={value!r}")
        return self

    def of(self, source) -> tuple[int, bool, int | None]:
        """(workers, whether they are processes, batches ahead) for a source."""
        own = (getattr(source, name, None) for name in self._fields)
        workers, processes, queue = (a if b is None else b for a, b in zip(own, self, strict=True))
        return 1 if workers is None else int(workers), bool(processes), queue


def batches_of(source, order, loading: PrefetchOptions) -> Iterator:
    """The batches `order` (numbers) of a source with `len` and `[i]`, in this order."""
    if isinstance(source, BatchSource):
        return made_batches(source, source.jobs(order), loading, source.count_batch)
    workers, processes, queue = loading.of(source)
    if processes and workers > 0:
        return from_processes(source, order, workers, queue or _QUEUE)
    if workers > 1:
        return _from_threads(order, lambda i, turn: source[int(i)], workers, queue or _QUEUE)
    return (source[int(i)] for i in order)


def _from_threads(jobs, make, workers: int, queue: int) -> Iterator:
    ahead = OrderedPrefetcher(jobs, make, workers, queue)
    try:
        yield from ahead
    finally:
        ahead.close()


def made_batches(source: BatchSource, jobs: list, loading: PrefetchOptions, count=None) -> Iterator:
    """The batches of `jobs`, in order, without the empty ones; `count()` is called for each job."""
    workers, _, queue = loading.of(source)
    queue = queue or source.queue_size(workers)
    made = _from_threads(jobs, source.make, workers, queue) if workers else (source.make(job) for job in jobs)
    for batch in made:
        if count is not None:
            count()
        if not source.is_empty(batch):
            yield batch
