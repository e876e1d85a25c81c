"""Resizing of images without antialiasing, as `keras.ops.image.resize` and `tf.image.resize` have it, and
`smart_resize`."""

from __future__ import annotations

import numpy as np

from .. import _core
from ..graph import Tensor
from ..ops.image import aspect_crop, aspect_padding
from ..ops.image import resize as resize_images
from ..ops.types import cast, dtype_of, is_float

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


def resize_with_pad(image: np.ndarray, size: tuple[int, int], method: str) -> np.ndarray:
    """An image (H, W, C) resized to fit into `size` (height, width) with its aspect ratio kept, between zeros. The
    sizes are those of `tf.image.resize_with_pad`."""
    height, width = image.shape[:2]
    ratio = max(np.float32(width) / np.float32(size[1]), np.float32(height) / np.float32(size[0]))
    exact = [np.float32(n) / ratio for n in (height, width)]
    inner = [int(np.floor(n)) for n in exact]
    before = [max(0, int(np.floor((n - m) / 2))) for n, m in zip(size, exact, strict=True)]
    after = [n - m - b for n, m, b in zip(size, inner, before, strict=True)]
    resized = resize(image, (max(inner[0], 1), max(inner[1], 1)), method)[: size[0], : size[1]]
    return np.pad(resized, ((before[0], max(after[0], 0)), (before[1], max(after[1], 0)), (0, 0)))[: size[0], : size[1]]


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last"):
    """Crops images to the aspect ratio of `size`, and resizes them without antialiasing.

    Args:
        x: (height, width, channels) or (batch, height, width, channels), an array, a Pillow image or a symbolic tensor;
            with `data_format="channels_first"` the channels come before the height.
        size: tuple (height, width), the size of the result.
        interpolation: "bilinear" (default), "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" (default) or "channels_first". As in Keras, the global setting is not used.

    Returns:
        The resized images, in the dtype of `x`; float32 for integers, unless `interpolation` is "nearest".

    Raises:
        ValueError: another rank, or an unknown interpolation or data format.
    """
    size = tuple(size)
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    x = x if isinstance(x, Tensor) else np.asarray(x)
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, "
            f"channels)`, but got input with incorrect rank, of shape {tuple(x.shape)}."
        )
    if interpolation != "nearest" and not is_float(dtype_of(x)):
        x = cast(x, "float32")
    return resize_images(x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format)
