"""`PyDataset`, which Keras 2 calls `Sequence`: batches by number."""

from __future__ import annotations

import itertools


class PyDataset:
    """Base class of datasets with `__getitem__(index)`, which returns a whole batch, and `__len__()`, in batches.

    `on_epoch_begin` and `on_epoch_end` are called by `fit`, `evaluate` and `predict`.

    Args:
        workers: threads (or processes) in which `fit` calls `__getitem__`, ahead of the training. With 1 it is called
            where the training runs. Order and contents of the batches do not depend on it, as long as `__getitem__`
            depends on nothing but its index.
        use_multiprocessing: whether they are processes (the dataset must be picklable where processes are not forked).
        max_queue_size: how many batches may wait for the training.
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    # Values for subclasses that do not call `super().__init__`.
    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), which returns a batch")

    @property
    def num_batches(self):
        """Number of batches; None for a dataset without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must define __len__(), the number of batches")

    def __iter__(self):
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self):
        """Called at the beginning of every epoch."""

    def on_epoch_end(self):
        """Called at the end of every epoch."""


Sequence = PyDataset
