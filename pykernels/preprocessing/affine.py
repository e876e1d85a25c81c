"""Affine transformations of images, with the results of `scipy.ndimage.affine_transform`, which Keras uses."""

from __future__ import annotations

import math

import numpy as np

from .. import _core

#: The map that changes nothing: six numbers as `matrix_of` gives them.
IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

_PAD = 12  # pixels around an image that has no end, before its spline is computed
_MARGINS = {"nearest": "edge", "grid-wrap": "wrap"}


def matrix_of(height, width, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, swap=True):
    """The map of `apply_affine_transform` about the centre of an image.

    Args:
        height, width: of the image.
        theta, shear: degrees. tx, ty: pixels. zx, zy: factors.
        swap: whether rows and columns change places (x is the first axis in the formulas).

    Returns:
        (m0, ..., m5): output (r, c) is taken at row m0 r + m1 c + m4, column m2 r + m3 c + m5. None for no change.
    """
    steps = []
    if theta != 0:
        t = np.deg2rad(theta)
        steps.append([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        steps.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear != 0:
        s = np.deg2rad(shear)
        steps.append([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        steps.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    if not steps:
        return None
    matrix = np.array(steps[0])
    for step in steps[1:]:
        matrix = np.dot(matrix, np.array(step))
    x, y = float(height) / 2 - 0.5, float(width) / 2 - 0.5
    there, back = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]]), np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    (a, b, e), (c, d, f), _ = np.dot(np.dot(there, matrix), back).tolist()
    return (d, c, b, a, f, e) if swap else (a, b, c, d, e, f)


def transform_images(
    images, maps, flips=None, index=None, channels_first=False, order=1, fill_mode="nearest", cval=0.0, threaded=True
):
    """Maps and flips whole images.

    Args:
        images: (N, H, W, C) or (N, C, H, W), uint8 or float32, row-major.
        maps: (n, 6) numbers as of `matrix_of`.
        flips: (n, 2) flags: columns reversed, rows reversed; applied after the map.
        index: the n rows of `images` to take; all by default.
        order: of the spline, 0 to 5. fill_mode, cval: as scipy.ndimage names them.

    Returns:
        float32 array of n images.
    """
    images = np.ascontiguousarray(images)
    pad = 0
    if order >= 2:
        images, index = (images if index is None else images[index]), None
        images, pad = _spline_coefficients(images, (2, 3) if channels_first else (1, 2), order, fill_mode)
    maps = np.asarray(maps, "float64").reshape(-1, 6)
    flips = None if flips is None else np.asarray(flips, "uint8")
    return _core.affine_images(images, index, maps, flips, channels_first, order, fill_mode, float(cval), pad, threaded)


# --- splines of order 2 and more: Unser, Aldroubi, Eden, "B-spline signal processing", IEEE Trans. SP 41, 1993
_POLES = {
    2: (math.sqrt(8) - 3,),
    3: (math.sqrt(3) - 2,),
    4: (
        math.sqrt(664 - math.sqrt(438976)) + math.sqrt(304) - 19,
        math.sqrt(664 + math.sqrt(438976)) - math.sqrt(304) - 19,
    ),
    5: (
        math.sqrt(67.5 - math.sqrt(4436.25)) + math.sqrt(26.25) - 6.5,
        math.sqrt(67.5 + math.sqrt(4436.25)) - math.sqrt(26.25) - 6.5,
    ),
}


def _spline_coefficients(images: np.ndarray, axes: tuple, order: int, fill_mode: str) -> tuple[np.ndarray, int]:
    """Coefficients (float64) of the interpolating spline, and the pixels that were added on each side."""
    x = images.astype("float64")
    pad = _PAD if fill_mode in _MARGINS else 0
    if pad:
        x = np.pad(x, [(pad, pad) if axis in axes else (0, 0) for axis in range(4)], mode=_MARGINS[fill_mode])
    half_sample = fill_mode in ("reflect", "grid-mirror", "nearest")
    for axis in axes:
        if x.shape[axis] > 1:
            lines = np.moveaxis(x, axis, 0)
            for z in _POLES[order]:
                _filter_lines(lines, z, half_sample)
    return np.ascontiguousarray(x), pad


def _filter_lines(s: np.ndarray, z: float, half_sample: bool) -> None:
    """One pole's causal and anticausal filter along the first axis, in place, for a signal reflected at its ends (about
    the edges of its outer samples, or about their centres)."""
    n = len(s)
    s *= (1 - z) * (1 - 1 / z)
    powers = z ** np.arange(n)
    if half_sample:
        first = s[0] + z * (np.tensordot(powers, s, 1) + z**n * np.tensordot(powers, s[::-1], 1)) / (1 - z ** (2 * n))
    else:
        mirrored = powers.copy()
        mirrored[1:-1] += z ** (2 * n - 2 - np.arange(1, n - 1))
        first = np.tensordot(mirrored, s, 1) / (1 - z ** (2 * n - 2))
    s[0] = first
    for i in range(1, n):
        s[i] += z * s[i - 1]
    s[-1] = s[-1] * (z / (z - 1)) if half_sample else (z * s[-2] + s[-1]) * (z / (z * z - 1))
    for i in range(n - 2, -1, -1):
        s[i] = z * (s[i + 1] - s[i])
