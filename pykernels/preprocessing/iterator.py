"""`Iterator`: batches of images, by index or as an endless sequence."""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
from typing import NamedTuple

import numpy as np

from ..data_adapters.batch_source import BatchSource
from ..utils.image_utils import array_to_img
from ..utils.prefetcher import default_workers
from ..utils.py_dataset import PyDataset

_QUEUE_BYTES = 256 << 20  # batches that wait for the training take at most this, unless the user says otherwise


class Job(NamedTuple):
    """A batch to make: the images' numbers, and where its random draws begin."""

    index: np.ndarray
    seed: int
    after_order: bool  # whether the order of the pass was drawn from this seed before


class Iterator(PyDataset, BatchSource):
    """The base class of iterators over images.

    `next(it)` never ends; with `shuffle` each pass has a new order. `it[i]` is batch i of the current order. `fit`,
    `evaluate` and `predict` read one pass per epoch, and threads load the batches ahead of them. The random numbers of
    `next` and `it[i]` are those of Keras with the same `seed` (or state of NumPy's generator).

    Args:
        n: int, the number of images.
        batch_size: int. The last batch of a pass may be smaller.
        shuffle: whether each pass has a new random order.
        seed: int, for the order and the random transformations. None: NumPy's global generator.
        workers, use_multiprocessing, max_queue_size: as in `PyDataset`. By default there are as many threads as
            processors. Threads are used in any case: decoding releases Python's lock.
    """

    _permutes = property(lambda self: self.shuffle)

    image_data_generator = None  # what changes the images, if anything does
    save_to_dir = None

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n, batch_size, shuffle, seed, workers=None, use_multiprocessing=False, max_queue_size=None):
        super().__init__(default_workers() if workers is None else workers, use_multiprocessing, max_queue_size)
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}")
        self.n = n
        self.batch_size = int(batch_size)
        self.seed = seed
        self.shuffle = shuffle
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array = None
        self._draws_are_own = False  # whether the last batches drew from generators of their own

    def __len__(self):
        return (self.n + self.batch_size - 1) // self.batch_size

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            with self.lock:
                index = self._next_index()
            batch = self._get_batches_of_transformed_samples(index)
            if not self.is_empty(batch):
                return batch

    next = __next__  # Keras 1 and 2

    def _next_index(self) -> np.ndarray:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        if self.batch_index == 0:
            self._set_index_array()
        start = self.batch_index * self.batch_size % max(self.n, 1)
        self.batch_index = self.batch_index + 1 if self.n > start + self.batch_size else 0
        self.total_batches_seen += 1
        return self.index_array[start : start + self.batch_size]

    def __getitem__(self, idx):
        if idx < 0:
            idx += len(self)
        if not 0 <= idx < len(self):
            raise ValueError(f"Asked to retrieve element {idx}, but the Sequence has length {len(self)}")
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1
        if self.index_array is None:
            self._set_index_array()
        self._draws_are_own = False
        return self._get_batches_of_transformed_samples(self._numbers(self.index_array, idx))

    def _numbers(self, order, idx) -> np.ndarray:
        return order[self.batch_size * idx : self.batch_size * (idx + 1)]

    def _set_index_array(self, rng=np.random):
        self.index_array = rng.permutation(self.n) if self._permutes else np.arange(self.n)

    def on_epoch_end(self):
        own = self._draws_are_own and self.seed is not None
        self._set_index_array(np.random.RandomState(self._seed_of(self.total_batches_seen)) if own else np.random)

    def reset(self):
        """Makes `next` start a new pass."""
        self.batch_index = 0

    # --- for fit, evaluate and predict ----------------------------------------------------------------------
    def jobs(self, order) -> list[Job]:
        """What `make` needs for the batches `order` (numbers) of a pass.

        All draws from NumPy's global generator happen here. Each batch draws from a generator of its own, so that
        batches can be made in any thread; with a seed their draws are those of `it[i]` called in this order.

        Raises:
            ValueError: there are no images.
        """
        if self.n == 0:
            raise ValueError(f"{type(self).__name__} has no images.")
        seen, drawn = self.total_batches_seen, self.index_array is None
        if drawn:
            self._set_index_array(np.random if self.seed is None else np.random.RandomState(self._seed_of(seen)))
        self._draws_are_own = True
        key = None if self.seed is not None else int(np.random.randint(2**31))
        seeds = [self._seed_of(seen + k) if key is None else key + k for k in range(len(order))]
        numbers = [self._numbers(self.index_array, int(i)) for i in order]
        after = [drawn and key is None and k == 0 for k in range(len(order))]
        return [Job(*job) for job in zip(numbers, seeds, after, strict=True)]

    def _seed_of(self, batches_seen: int) -> int:
        return (self.seed + batches_seen) % 2**32

    def make(self, job: Job, turn=None):
        """The batch of a job; user functions are called under `turn`."""
        if "rng" not in inspect.signature(self._get_batches_of_transformed_samples).parameters:
            with turn or contextlib.nullcontext():  # a user's subclass
                return self._get_batches_of_transformed_samples(job.index)
        rng = np.random.RandomState(job.seed)
        if job.after_order and self._permutes:
            rng.permutation(self.n)
        return self._get_batches_of_transformed_samples(job.index, rng, False, turn)

    def position(self) -> dict:
        """The position of the iterator between two batches; `order` is an array or None."""
        return {"seen": int(self.total_batches_seen), "own": self._draws_are_own, "order": self.index_array}

    def resume(self, position: dict) -> None:
        order, seen = position.get("order"), position.get("seen")
        if not isinstance(seen, int) or not (order is None or np.array_equal(np.sort(order), np.arange(self.n))):
            raise ValueError(
                f"The checkpoint was made while training on other data; `x` has {self.n} images. Pass the same images, "
                "or remove the checkpoint to start again."
            )
        self.index_array, self.total_batches_seen, self._draws_are_own = order, seen, bool(position.get("own"))

    def count_batch(self) -> None:
        self.total_batches_seen += 1

    def sample_jobs(self) -> list[tuple]:
        numbers = np.arange(self.n)
        parts = [self._numbers(numbers, i) for i in range(len(self))]
        return [(part, Job(part, 0, False)) for part in parts]

    def why_batches_vary(self) -> str | None:
        if "rng" not in inspect.signature(self._get_batches_of_transformed_samples).parameters:
            return f"{type(self).__name__} makes its batches with code of its own"
        if self.image_data_generator is not None:
            reason = self.image_data_generator.why_images_vary()
            if reason:
                return reason
        if self.save_to_dir:
            return f"save_to_dir={self.save_to_dir!r} would save the images of one pass only"
        return None

    def queue_size(self, workers: int) -> int:
        shape = getattr(self, "image_shape", ())
        row = 4 * int(np.prod(shape, dtype="int64"))
        return max(workers + 1, min(10, _QUEUE_BYTES // max(row * self.batch_size, 1)))

    @staticmethod
    def is_empty(batch) -> bool:
        """Whether a batch has no rows (all of its files were skipped)."""
        while isinstance(batch, (tuple, list)):
            batch = batch[0]
        return len(batch) == 0

    def _get_batches_of_transformed_samples(self, index_array, rng=np.random, threaded=True, turn=None):
        """The batch of the images with these numbers."""
        raise NotImplementedError(f"{type(self).__name__} must define _get_batches_of_transformed_samples(index_array)")


def save_images(batch, index_array, data_format, folder, prefix, file_format, largest, rng=np.random) -> None:
    """Writes the images of a batch as `{prefix}_{number}_{random number below largest}.{format}`.

    Raises:
        OSError: a file cannot be written (the disk is full, the folder is missing); it is removed again.
    """
    for image, number in zip(batch, index_array, strict=True):
        name = f"{prefix}_{number}_{rng.randint(largest)}.{file_format}"
        path = os.path.join(folder, name)
        try:
            array_to_img(image, data_format, scale=True).save(path)
        except OSError as error:
            if os.path.isfile(path) and not os.path.islink(path):
                os.unlink(path)
            message = f"cannot save the image '{path}' (save_to_dir='{folder}'): {error.strerror or error}"
            raise type(error)(error.errno, message) if error.errno else OSError(message) from error
