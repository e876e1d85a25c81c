"""Arrays in `.npz` archives, read by their headers: nothing is allocated before shape, dtype and size fit together.

Arrays of objects are arrays of lists of numbers, which NumPy pickles; `pickles` reads them.
"""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib

import numpy as np

from ..utils.load_budget import LoadBudget
from ..utils.regular_files import open_regular
from . import pickles

_MAX_HEADER = 10_000  # bytes; those of arrays of numbers have 118
_DAMAGED = (zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, RuntimeError, struct.error, zlib.error)


def headers(path, names) -> dict[str, tuple[tuple, np.dtype]] | None:
    """(shape, dtype) of the arrays with these names; None where they cannot be read. No array is read."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return {name: _Member(archive, name).type for name in names}
    except (*_DAMAGED, ValueError, OSError):
        return None


def read(path, names, known=(), objects=False) -> list[np.ndarray]:
    """The arrays with these names.

    Args:
        objects: whether they may be arrays of lists of numbers.
        known: (shape, dtype) pairs that are read whatever the size of the file; others are within what a file of its
            size may ask for (`LoadBudget`).

    Raises:
        ValueError: a name is missing, or something is damaged, no array of numbers, or larger than the file can hold.
            A pickle of other things is a `pickles.RefusedPickleError`.
    """
    with open_regular(path) as file:
        try:
            return _read(file, str(path), names, known, objects)
        except (*_DAMAGED, OSError, UnicodeDecodeError) as error:  # the last: of a member's name
            raise ValueError(f"{path} is not an .npz archive, or is damaged. Delete it and get it again.") from error


def _read(file, path: str, names, known, objects) -> list[np.ndarray]:
    arrays = []
    with zipfile.ZipFile(file) as archive:
        missing = [name for name in names if f"{name}.npy" not in archive.namelist()]
        if missing:
            raise ValueError(f"{path} lacks the arrays {', '.join(missing)}.")
        budget = LoadBudget(path, os.fstat(file.fileno()).st_size)
        for name in names:
            try:
                member = _Member(archive, name)
                if member.type not in known:
                    budget.allocate(member.bytes, f"the array {name}")
                if member.is_object and not objects:
                    raise ValueError(f"'{name}.npy' does not hold numbers but objects.")
                arrays.append(member.objects(path, budget) if member.is_object else member.array())
            except ValueError as error:
                raise error if path in str(error) else ValueError(f"{path}: {error}") from error
    return arrays


class _Member:
    """One array: `type` is (shape, dtype), `bytes` what it takes. Raises ValueError where its header is not right."""

    def __init__(self, archive: zipfile.ZipFile, name: str):
        self._archive = archive
        self._info = archive.getinfo(f"{name}.npy")
        with archive.open(self._info) as file:
            start = file.read(12)
            wide = start[6:7] != b"\x01"
            length = struct.unpack_from("<I" if wide else "<H", start, 8)[0]
            self._begin = (12 if wide else 10) + length
            if start[:6] != b"\x93NUMPY" or start[6:8] not in (b"\x01\0", b"\x02\0", b"\x03\0") or length > _MAX_HEADER:
                raise ValueError(f"'{name}.npy' has no header of NumPy's.")
            rest = start[10:] + file.read(length) if not wide else file.read(length)
        text = io.BytesIO(struct.pack("<I", length) + rest[:length])
        try:
            shape, self._by_columns, dtype = np.lib.format.read_array_header_2_0(text)
        except (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError, TypeError) as error:
            raise ValueError(f"'{name}.npy' has a header that NumPy does not write.") from error
        self.is_object = dtype == np.dtype(object)
        if dtype.kind not in "fiub" and not self.is_object:
            raise ValueError(f"'{name}.npy' does not hold numbers but {dtype}.")
        self.type = shape, dtype
        if min(shape, default=0) < 0:
            raise ValueError(f"'{name}.npy' has the shape {shape}; it is damaged.")
        if self.is_object:
            self.bytes = self._info.file_size - self._begin
            return
        self.bytes = math.prod(shape) * dtype.itemsize
        if self.bytes != self._info.file_size - self._begin:
            raise ValueError(f"'{name}.npy' does not have as many bytes as its shape {shape} needs; it is damaged.")

    def _contents(self) -> bytes:
        with self._archive.open(self._info) as file:
            file.read(self._begin)
            data = file.read(self.bytes)
        if len(data) != self.bytes:
            raise ValueError(f"'{self._info.filename}' ends too early; it is damaged.")
        return data

    def array(self) -> np.ndarray:
        """The array, where its dtype is one of numbers."""
        shape, dtype = self.type
        return np.frombuffer(bytearray(self._contents()), dtype).reshape(shape, order="F" if self._by_columns else "C")

    def objects(self, path: str, budget: LoadBudget) -> np.ndarray:
        """The array, where it is one of lists of numbers."""
        found = pickles.loads(self._contents(), path, budget)
        if not isinstance(found, np.ndarray) or found.shape != self.type[0]:
            raise ValueError(f"'{self._info.filename}' does not hold an array of the shape in its header.")
        return found
