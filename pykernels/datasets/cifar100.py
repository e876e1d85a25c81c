"""CIFAR-100: 60,000 small colour images of a hundred kinds of things, in twenty groups (Krizhevsky, 2009)."""

from __future__ import annotations

import numpy as np

from . import cache, cifar

_STEM = "cifar-100-python"
_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
_SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
_SIZES = {"train": 50_000, "test": 10_000}


def load_data(label_mode="fine"):
    """Images uint8 of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), labels int64 of shape (50000, 1) and (10000, 1).

    For the files, and the order of the axes, see `cifar10.load_data`; the folder is `cifar-100-python`.

    Args:
        label_mode: "fine" for labels 0..99, "coarse" for those of the groups, 0..19.

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the archive.
        ValueError: another `label_mode`; a damaged file, or (also a `pickle.UnpicklingError`) one that names anything
            but arrays.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    key = f"{label_mode}_labels"
    folder = cache.unpacked(_STEM, _URL, _SHA256, _SIZES, lambda f: cifar.are_published(f, _SIZES, key))
    parts = []
    for name in _SIZES:
        images, labels = cifar.load_batches(folder, [name], key)
        parts.append((images, np.reshape(np.array(labels, np.int64), (-1, 1))))
    return tuple(parts)
