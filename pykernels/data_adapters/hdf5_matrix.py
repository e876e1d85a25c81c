"""`HDF5Matrix` of Keras 1 and 2: a dataset in an HDF5 file in place of an array."""

from __future__ import annotations

import copy

import numpy as np

from .arrays import LazyRows


class HDF5Matrix(LazyRows):
    """Rows of a dataset in an HDF5 file, read when they are needed: `fit` and its kin take it as an array.

    Args:
        datapath: path of the file.
        dataset: name of the dataset in it.
        start: first row. Default 0.
        end: the row behind the last. Default None: all.
        normalizer: callable of the rows that are read, which returns what is used instead. Default None.

    Raises:
        FileNotFoundError: no such file. KeyError: no such dataset. ValueError: rows that are not there.
    """

    def __init__(self, datapath, dataset, start=0, end=None, normalizer=None):
        import h5py

        data = h5py.File(datapath, "r")[dataset]
        end = len(data) if end is None else end
        if not 0 <= start <= end <= len(data):
            raise ValueError(f"HDF5Matrix: '{dataset}' has {len(data)} rows. Received: start={start}, end={end}")
        super().__init__(data, start, end)
        self.normalizer = normalizer
        if normalizer is not None and len(self):
            self.dtype = np.asarray(self[0:1]).dtype

    end = property(lambda self: self.stop)
    data = property(lambda self: self.dataset)

    def __getitem__(self, key):
        if isinstance(key, (int, np.integer)):
            number = int(key) + (len(self) if key < 0 else 0)
            if not 0 <= number < len(self):
                raise IndexError(f"HDF5Matrix has {len(self)} rows. Received: {key}")
            return self[number : number + 1][0]
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            rows = super().__getitem__(slice(first, last) if step > 0 else slice(last + 1, first + 1))
            rows = rows[::step] if step > 0 else rows[::-1][::-step]
        else:
            places = np.asarray(key)
            if places.size and (places.min() < 0 or places.max() >= len(self)):
                raise IndexError(f"HDF5Matrix has {len(self)} rows. Received: rows up to {places.max()}")
            unique, inverse = np.unique(places, return_inverse=True)  # h5py reads rising indices only
            rows = super().__getitem__(unique)[inverse.reshape(places.shape)]
        return rows if self.normalizer is None else self.normalizer(rows)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def slice(self, start, stop):
        part = copy.copy(self)
        part.start, part.stop = self.start + start, self.start + stop
        part.shape = (part.stop - part.start, *self.shape[1:])
        return part
