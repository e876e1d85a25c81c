"""Resizing of images without antialiasing, as `keras.ops.image.resize` and `tf.image.resize` have it."""

from __future__ import annotations

import functools

import numpy as np

from .. import _core

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def _triangle(x):
    return np.maximum(0, 1 - x)


def _cubic(x):
    """Keys's kernel with a = -1/2."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _mitchell(x):
    """Mitchell and Netravali's kernel with B = C = 1/3."""
    near = (7 / 6 * x - 2) * x * x + 8 / 9
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _gaussian(x):
    """Deviation 1/2, cut at 3 deviations."""
    return np.where(x >= 1.5, 0, np.exp(-2 * x * x))


def _lanczos(radius):
    def kernel(x):
        return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)

    return kernel


_KERNELS = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "gaussian": (_gaussian, 1.5),
    "mitchellcubic": (_mitchell, 2),
}


@functools.lru_cache(maxsize=256)
def weights(size: int, target: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """(first pixel, weights) of `target` pixels made from `size`: int64 (target,) and float32 (target, taps)."""
    scale = size / target
    if method == "nearest":
        first = np.minimum(np.floor((np.arange(target) + 0.5) * scale), size - 1)
        return first.astype("int64"), np.ones((target, 1), "float32")
    if method == "area":  # the share of each pixel that lies within the new pixel
        edges = np.arange(target + 1) * scale
        first = np.floor(edges[:-1])
        taps = first[:, None] + np.arange(int(np.ceil(scale)) + 1)
        values = np.minimum(taps + 1, edges[1:, None]) - np.maximum(taps, edges[:-1, None])
        values = np.maximum(values, 0)
    else:
        kernel, radius = _KERNELS[method]
        centre = (np.arange(target) + 0.5) * scale - 0.5
        first = np.floor(centre) - np.ceil(radius) + 1
        taps = first[:, None] + np.arange(2 * int(np.ceil(radius)))
        values = kernel(np.abs(centre[:, None] - taps))
    values = np.where((taps >= 0) & (taps < size), values, 0)
    values /= values.sum(axis=1, keepdims=True)
    return first.astype("int64"), np.ascontiguousarray(values, "float32")


def resize(image: np.ndarray, size: tuple[int, int], method: str, crop=False, pad=False) -> np.ndarray:
    """An image (H, W, C), uint8 or numbers, resized to `size` (height, width), as float32.

    Args:
        method: one of METHODS.
        crop: whether the largest centred part with the target's aspect ratio is resized.
        pad: whether zeros are added around the image to reach the target's aspect ratio.
    """
    height, width = image.shape[:2]
    if crop:
        h = max(min(height, int(float(width * size[0]) / size[1])), 1)
        w = max(min(width, int(float(height * size[1]) / size[0])), 1)
        top, left = int(float(height - h) / 2), int(float(width - w) / 2)
        image = image[top : top + h, left : left + w]
    elif pad:
        top = int(float(max(height, int(float(width * size[0]) / size[1])) - height) / 2)
        left = 0 if top else int(float(max(width, int(float(height * size[1]) / size[0])) - width) / 2)
        image = np.pad(image, ((top, top), (left, left), (0, 0)))
    image = np.ascontiguousarray(image, None if image.dtype == np.uint8 else "float32")
    if image.shape[:2] == tuple(size):
        return image.astype("float32")
    rows, columns = weights(image.shape[0], size[0], method), weights(image.shape[1], size[1], method)
    return _core.resample_image(image, *rows, *columns)
