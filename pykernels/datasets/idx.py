"""What MNIST and Fashion-MNIST share: four idx files, 28x28 images."""

from __future__ import annotations

import pathlib

from . import cache

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


def load(folder, sha256=None):
    """`((x_train, y_train), (x_test, y_test))` from a folder with the four files.

    Args:
        folder: its path.
        sha256: None, or a dict from the names of the `.gz` files to what theirs must be.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or images and labels differ in number.
    """
    paths = [_file(folder, stem) for stem in _STEMS]
    if None in paths:
        missing = [f"{stem}.gz" for stem, path in zip(_STEMS, paths, strict=True) if path is None]
        raise FileNotFoundError(f"The folder {folder} lacks {', '.join(missing)}.")
    for path in paths:
        expected = (sha256 or {}).get(path.name)
        if expected is not None and (got := cache.sha256_of(path)) != expected:
            raise ValueError(f"{path} has the sha256 {got}, expected {expected}: it is damaged or another file.")
    x_train, y_train, x_test, y_test = (cache.read_idx(path) for path in paths)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y) or x.ndim != 3 or y.ndim != 1:
            raise ValueError(f"{folder}: images of shape {x.shape} do not go with labels of shape {y.shape}.")
    return (x_train, y_train), (x_test, y_test)
