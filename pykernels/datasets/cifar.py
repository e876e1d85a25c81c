"""What CIFAR-10 and CIFAR-100 share: pickled batches of 32 x 32 colour images."""

from __future__ import annotations

import pathlib

import numpy as np

from .. import backend
from ..utils.load_budget import LoadBudget
from ..utils.regular_files import read_regular
from . import pickles

IMAGE = (3, 32, 32)
_BYTES = 3 * 32 * 32


def load_batch(path, label_key="labels") -> tuple[np.ndarray, list]:
    """The images and labels of one of the published files: a pickled dict of a uint8 array `data` of shape (n, 3072),
    and of lists of labels.

    Args:
        path: of the file.
        label_key: "labels", "fine_labels" or "coarse_labels".

    Returns:
        Images of shape (n, 3, 32, 32), uint8, and the list of n labels.

    Raises:
        ValueError: it is damaged, holds something else, or (`pickle.UnpicklingError` too) names anything but arrays.
    """
    data = read_regular(path)
    batch = pickles.loads(data, str(path), LoadBudget(str(path), len(data)))
    try:
        batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        images, labels = batch["data"], batch[label_key]
        right = (
            images.dtype == np.uint8 and images.shape == (len(labels), _BYTES) and {type(n) for n in labels} <= {int}
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a batch of CIFAR with 'data' and '{label_key}'.") from error
    if not right:
        raise ValueError(
            f"{path}: images of shape {images.shape}, {images.dtype}, do not go with {len(labels)} labels."
        )
    return images.reshape(len(images), *IMAGE), list(labels)


def load_batches(folder: pathlib.Path, names, label_key: str) -> tuple[np.ndarray, list]:
    """The images of several files, in the order of axes that `backend.image_data_format` asks for, and their labels."""
    batches = [load_batch(folder / name, label_key) for name in names]
    last = backend.image_data_format() == "channels_last"
    count = sum(len(images) for images, _ in batches)
    all_images, at = np.empty((count, 32, 32, 3) if last else (count, *IMAGE), np.uint8), 0
    for images, _ in batches:
        all_images[at : at + len(images)] = images.transpose(0, 2, 3, 1) if last else images
        at += len(images)
    return all_images, [label for _, labels in batches for label in labels]


def are_published(folder: pathlib.Path, sizes: dict[str, int], label_key: str) -> bool:
    """Whether the files have as many images and labels as the published ones: {name of a file: number}."""
    try:
        return all(len(load_batch(folder / name, label_key)[1]) == size for name, size in sizes.items())
    except (ValueError, OSError):
        return False
