"""MNIST: 70,000 handwritten digits (LeCun, Cortes, Burges)."""

from __future__ import annotations

import pathlib

from ..utils.download import fetch, keras_home
from . import idx, npz, other_versions

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_IDX_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def load_data(path="mnist.npz"):
    """Images uint8 of shape (60000, 28, 28) and (10000, 28, 28), labels uint8.

    In this order: `path` itself, if it is a file or a folder; `mnist.npz` in Keras's cache (`~/.keras/datasets`, or
    `$KERAS_HOME/datasets`); the four original idx files (`train-images-idx3-ubyte.gz`, ...) in that folder or in its
    subfolder `mnist`; a download into the cache. Files in the cache are checked by their sha256; where that is another
    one and there is no network, they are used with a warning if the arrays have the right names, shapes and dtypes. A
    file or folder that `path` names is the caller's own, and only its content is checked.

    Args:
        path: name within the cache folder, or path of an `.npz` file with `x_train`, `y_train`, `x_test`, `y_test`, or
            path of a folder with `mnist.npz` or the idx files.

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        ValueError: a damaged file.
    """
    folder = keras_home() / "datasets"
    given = pathlib.Path(path).expanduser()
    if given.is_dir():
        if (given / "mnist.npz").is_file():
            return _read_npz(given / "mnist.npz")
        return idx.load(given)
    if given.is_file() and given.resolve() != (folder / "mnist.npz").resolve():
        return _read_npz(given)
    target = folder / given
    if not target.is_file():
        for place in (folder, folder / "mnist"):
            if idx.present(place):
                return idx.load(place, _IDX_SHA256)
    try:
        fetch(target, _URL, _SHA256)
    except ConnectionError:
        if not other_versions.is_npz_of_images(target):
            raise
        other_versions.taken(target)
    return _read_npz(target)


def _read_npz(path):
    x_train, y_train, x_test, y_test = npz.read(path, other_versions.SHAPES, other_versions.known_types())
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim < 2 or y.ndim not in (1, 2) or len(x) != len(y):
            raise ValueError(f"{path}: images of shape {x.shape} do not go with labels of shape {y.shape}.")
    return (x_train, y_train), (x_test, y_test)
