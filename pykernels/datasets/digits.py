"""Handwritten digits, small enough to come with the package (see LICENSE-digits.txt)."""

from __future__ import annotations

import pathlib

import numpy as np

_FILE = pathlib.Path(__file__).with_name("digits.npz")
_TRAIN = 1437


def load_data():
    """The UCI handwritten digits (Alpaydin and Kaynak, 1998; CC BY 4.0): no download.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: images uint8 of shape (1437, 8, 8) and (360, 8, 8) with values
        0..16, and labels uint8, 0..9. The last fifth of the original order is the test part.
    """
    with np.load(_FILE, allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    return (images[:_TRAIN], labels[:_TRAIN]), (images[_TRAIN:], labels[_TRAIN:])
