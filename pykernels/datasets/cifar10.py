"""CIFAR-10: 60,000 small colour images of ten kinds of things (Krizhevsky, 2009)."""

from __future__ import annotations

import numpy as np

from . import cache, cifar

_STEM = "cifar-10-batches-py"
_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_IMAGES = 10_000  # in each file
_TRAIN, _TEST = [f"data_batch_{i}" for i in range(1, 6)], ["test_batch"]


def load_data():
    """Images uint8 of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), labels uint8 of shape (50000, 1) and (10000, 1):
    airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    The batches are taken from the folders that the versions of Keras unpack them to in the cache (`~/.keras/datasets`,
    or `$KERAS_HOME/datasets`): `cifar-10-batches-py-target/cifar-10-batches-py` or `cifar-10-batches-py`; else from the
    archive there (`cifar-10-python.tar.gz` or a name that Keras gives it), checked by its sha256; else downloaded.
    Without a network, an archive with another sha256 is used with a warning if its batches have the right sizes. With
    `backend.image_data_format()` "channels_first" the images have the shape (n, 3, 32, 32).

    Returns:
        `((x_train, y_train), (x_test, y_test))`.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the archive.
        ValueError: a damaged file, or (also a `pickle.UnpicklingError`) one that names anything but arrays.
    """
    sizes = dict.fromkeys(_TRAIN + _TEST, _IMAGES)
    folder = cache.unpacked(_STEM, _URL, _SHA256, sizes, lambda f: cifar.are_published(f, sizes, "labels"))
    parts = []
    for names in (_TRAIN, _TEST):
        images, labels = cifar.load_batches(folder, names, "labels")
        parts.append((images, np.reshape(np.array(labels, np.uint8), (-1, 1))))
    return tuple(parts)
