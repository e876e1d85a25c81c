"""What MNIST and Fashion-MNIST share: four idx files, 28x28 images."""

from __future__ import annotations

import gzip
import io
import math
import pathlib
import zlib

import numpy as np

from ..utils.download import hash_of
from ..utils.load_budget import LoadBudget
from ..utils.regular_files import open_regular
from . import other_versions

_IDX_UINT8 = 0x08
_MAX_RANK = 8
_STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def present(folder) -> bool:
    """Whether all four files are in the folder, packed or not."""
    return all(_file(folder, stem) is not None for stem in _STEMS)


def names() -> list[str]:
    """The names of the four files, packed."""
    return [f"{stem}.gz" for stem in _STEMS]


def _file(folder, stem):
    for name in (f"{stem}.gz", stem, stem.replace("-idx", ".idx")):
        if (path := pathlib.Path(folder) / name).is_file():
            return path
    return None


def load(folder, sha256=None, errors=()):
    """`((x_train, y_train), (x_test, y_test))` from a folder with the four files.

    Args:
        folder: its path.
        sha256: None, or a dict from the names of the `.gz` files to what theirs should be. Others are used with a
            warning if they have the right shapes.
        errors: why other files could not be had; raised if they do not.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or images and labels differ in number.
    """
    paths = [_file(folder, stem) for stem in _STEMS]
    if None in paths:
        missing = [f"{stem}.gz" for stem, path in zip(_STEMS, paths, strict=True) if path is None]
        raise FileNotFoundError(f"The folder {folder} lacks {', '.join(missing)}.")
    others = [path for path in paths if path.name in (sha256 or {}) and hash_of(path) != sha256[path.name]]
    if others:
        return _load_others(folder, paths, others, errors)
    return _checked(folder, [read_idx(path) for path in paths])


def _load_others(folder, paths, others, errors):
    why = ValueError(f"{others[0]} has another sha256 than expected: it is damaged or another file.")
    why = errors[0] if errors else why
    try:
        arrays = [read_idx(path) for path in paths]
    except ValueError as error:
        raise why from error
    if not other_versions.are_images(arrays):
        raise why
    other_versions.taken(folder if len(others) > 1 else others[0])
    return _checked(folder, arrays)


def _checked(folder, arrays):
    x_train, y_train, x_test, y_test = arrays
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y) or x.ndim != 3 or y.ndim != 1:
            raise ValueError(f"{folder}: images of shape {x.shape} do not go with labels of shape {y.shape}.")
    return (x_train, y_train), (x_test, y_test)


def read_idx(path) -> np.ndarray:
    """The uint8 array in an idx file (`.gz` or not), the format of the MNIST pages: bytes 0, 0, 8, rank, then the
    extents as big-endian 32-bit integers, then the values.

    Raises:
        ValueError: not such a file, or one that is cut short.
    """
    path = pathlib.Path(path)
    with open_regular(path) as raw:
        budget = LoadBudget(str(path), raw.seek(0, io.SEEK_END))
        raw.seek(0)
        try:
            with gzip.open(raw) if path.suffix == ".gz" else io.BufferedReader(raw) as file:
                return _read_array(file, str(path), budget)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} is not a complete gzip file. Delete it and get it again.") from error


def _read_array(file, name: str, budget: LoadBudget) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:3] != bytes((0, 0, _IDX_UINT8)):
        raise ValueError(f"{name} is not an idx file of bytes: it starts with {start!r}.")
    extents = file.read(4 * start[3])
    shape = tuple(int(n) for n in np.frombuffer(extents, ">u4")) if len(extents) == 4 * start[3] else None
    if shape is None or len(shape) > _MAX_RANK:
        raise ValueError(f"{name} is cut short, or has {start[3]} axes.")
    size = math.prod(shape)
    if shape not in other_versions.SHAPES.values():
        budget.allocate(size, f"an array of shape {shape}")
    data = bytearray(file.read(size))
    if len(data) != size or file.read(1):
        raise ValueError(f"{name} is cut short or too long for an array of shape {shape}.")
    return np.frombuffer(data, np.uint8).reshape(shape)
