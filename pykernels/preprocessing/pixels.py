"""Decoded images, kept between epochs while they fit into a budget of memory."""

from __future__ import annotations

import threading

import numpy as np

from ..user_warning import warn
from ..utils.image_utils import load_img
from ..utils.system_memory import available_memory, physical_memory

_SHARE = 4  # the cache takes at most this part of the free memory


def _available() -> int:
    found = available_memory()
    return physical_memory() // 2 if found is None else found


class PixelCache:
    """Rows of images, filled as they are decoded. Safe to use from several threads.

    Args:
        count: number of images.
        shape, dtype: of one.
        cache: True (a quarter of the free memory at most), a number of bytes, or False for none. Of more images than
            fit, the first are kept.
    """

    def __init__(self, count: int, shape: tuple, cache, dtype="uint8"):
        if isinstance(cache, (bool, np.bool_)):
            budget = _available() // _SHARE if cache else 0
        elif isinstance(cache, (int, np.integer)) and cache >= 0:
            budget = int(cache)
        else:
            raise ValueError(f"`cache` must be True, False or a number of bytes. Received: cache={cache!r}")
        row = max(int(np.prod(shape, dtype="int64")) * np.dtype(dtype).itemsize, 1)
        self.capacity = min(count, budget // row)
        self.rows = np.empty((self.capacity, *shape), dtype)  # pages are taken from the system when they are written
        self.filled = np.zeros(self.capacity, bool)
        self.complete = False  # whether all images are here

    def has(self, i: int) -> bool:
        return i < self.capacity and bool(self.filled[i])

    def put(self, i: int, image: np.ndarray) -> None:
        if i < self.capacity:
            self.rows[i] = image
            self.filled[i] = True

    def holds(self, index) -> bool:
        """Whether all images of `index` are here."""
        if not self.complete:
            self.complete = self.capacity > 0 and bool(self.filled.all())
        return bool((index < self.capacity).all() and (self.complete or self.filled[index].all()))


class PixelLoader:
    """Decodes and resizes files, or takes them from the cache.

    Args:
        paths: the files.
        decode: function of a path to an array; all have the shape `shape`.
        cache: see `PixelCache`.
        on_error: "raise", or "skip" for leaving a file out that cannot be read, with one warning.
    """

    def __init__(self, paths: list, decode, shape: tuple, cache=True, on_error="raise", dtype="uint8"):
        if on_error not in ("raise", "skip"):
            raise ValueError(f'`on_error` must be "raise" or "skip". Received: on_error={on_error!r}')
        PixelCache(0, shape, cache)  # checks the argument now; the memory is measured when it is needed
        self.paths = paths
        self.decode = decode
        self.shape = shape
        self.dtype = dtype
        self.on_error = on_error
        self.skipped: dict[int, str] = {}
        self._cache_size = cache
        self._cache: PixelCache | None = None
        self._lock = threading.Lock()

    def load(self, index: np.ndarray) -> tuple:
        """(images, rows of them or None for all, the part of `index` that could be read)."""
        with self._lock:
            if self._cache is None:
                self._cache = PixelCache(len(self.paths), self.shape, self._cache_size, self.dtype)
            cache = self._cache
        if self.skipped:
            index = np.array([i for i in index if int(i) not in self.skipped], "int64")
        if len(index) and cache.holds(index):
            return cache.rows, index, index
        images = np.empty((len(index), *self.shape), self.dtype)
        good = []
        for i in index.tolist():
            if cache.has(i):
                images[len(good)] = cache.rows[i]
                good.append(i)
                continue
            image = self._decoded(i)
            if image is None:
                continue
            if image.dtype == self.dtype:
                cache.put(i, image)
            elif images.dtype != "float32":
                images = images.astype("float32")  # grey values of 16 and 32 bits
            images[len(good)] = image
            good.append(i)
        return images[: len(good)], None, np.array(good, "int64")

    def _decoded(self, i: int):
        path = self.paths[i]
        try:
            return self.decode(path)
        except OSError as error:
            if self.on_error == "raise":
                raise
            if i not in self.skipped:
                self.skipped[i] = path
                warn(f"skipped: {error}")
            return None

    def __getstate__(self):  # a copy in another process decodes for itself
        return {**self.__dict__, "_cache": None, "_lock": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())


def decoder(color_mode, target_size, interpolation, keep_aspect_ratio, channels_first):
    """A function that decodes a file to an array of one image: uint8, or the numbers of a deep grey image."""

    def decode(path):
        image = load_img(path, color_mode, target_size, interpolation, keep_aspect_ratio)
        x = np.asarray(image)
        if x.ndim == 2:
            return x[None] if channels_first else x[:, :, None]
        return x.transpose(2, 0, 1) if channels_first else x

    return decode
