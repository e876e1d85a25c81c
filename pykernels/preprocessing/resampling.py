"""Resizing of images without antialiasing, as `keras.ops.image.resize` and `tf.image.resize` have it."""

from __future__ import annotations

import numpy as np

from .. import _core
from ..ops.image import aspect_crop, aspect_padding

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def resize(image: np.ndarray, size: tuple[int, int], method: str, crop=False, pad=False) -> np.ndarray:
    """An image (H, W, C), uint8 or numbers, resized to `size` (height, width), as float32.

    Args:
        method: one of METHODS.
        crop: whether the largest centred part with the target's aspect ratio is resized.
        pad: whether zeros are added around the image to reach the target's aspect ratio.
    """
    height, width = image.shape[:2]
    if crop:
        top, left, h, w = aspect_crop(height, width, *size)
        image = image[top : top + h, left : left + w]
    elif pad:
        top, left = aspect_padding(height, width, *size)
        image = np.pad(image, ((top, top), (left, left), (0, 0)))
    image = np.ascontiguousarray(image, None if image.dtype == np.uint8 else "float32")
    return _core.resize_image(image, *size, method, False).astype("float32", copy=False)
