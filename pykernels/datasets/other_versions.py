"""Data files in the cache that are not the ones their hashes say: another copy of the same arrays will do."""

from __future__ import annotations

import pathlib

import numpy as np

from ..user_warning import warn
from . import npz

_TRAIN, _TEST = (60000, 28, 28), (10000, 28, 28)
# What the arrays of MNIST and Fashion-MNIST are.
SHAPES = {"x_train": _TRAIN, "y_train": _TRAIN[:1], "x_test": _TEST, "y_test": _TEST[:1]}


def is_npz_of_images(path) -> bool:
    """Whether the headers in an `.npz` file describe uint8 arrays of `SHAPES`; no array is read."""
    found = npz.headers(path, SHAPES)
    return found == {name: (shape, np.dtype("uint8")) for name, shape in SHAPES.items()}


def known_types() -> list:
    """(shape, dtype) of the arrays, for `npz.read`."""
    return [(shape, np.dtype("uint8")) for shape in SHAPES.values()]


def are_images(arrays) -> bool:
    """Whether four arrays, of training and test, images and labels, are uint8 and of `SHAPES`."""
    return all(a.shape == s and a.dtype == np.uint8 for a, s in zip(arrays, SHAPES.values(), strict=True))


def taken(path: pathlib.Path) -> None:
    """Warns that the file (or folder) is used although its hash is another one."""
    warn(
        f"{path} has another hash than the published files, and is used all the same: its arrays have the right names, "
        "shapes and dtypes. If the data are wrong, delete it, so that it is downloaded."
    )
