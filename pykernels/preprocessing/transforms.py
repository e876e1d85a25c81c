"""Changes of single images, as functions of `keras.preprocessing.image`."""

from __future__ import annotations

import numpy as np

from ..utils.image_utils import array_to_img, img_to_array
from .affine import matrix_of, transform_images


def flip_axis(x, axis: int) -> np.ndarray:
    """`x` with one axis reversed, as a view."""
    return np.flip(np.asarray(x), axis)


def apply_affine_transform(
    x,
    theta=0,
    tx=0,
    ty=0,
    shear=0,
    zx=1,
    zy=1,
    row_axis=1,
    col_axis=2,
    channel_axis=0,
    fill_mode="nearest",
    cval=0.0,
    order=1,
):
    """Rotates, shifts, shears and zooms an image about its centre.

    Args:
        x: image with three axes.
        theta: rotation in degrees. shear: angle in degrees.
        tx, ty: shifts in pixels, along the rows' and the columns' axis. zx, zy: zoom, above 1 shows more.
        row_axis, col_axis, channel_axis: which axes of `x` these are; channels first or last.
        fill_mode: "nearest", "constant" (`cval`), "reflect", "wrap", "mirror", "grid-wrap", "grid-mirror": what lies
            outside, as scipy.ndimage.affine_transform has it.
        order: of the interpolating spline, 0 to 5; 1 is linear.

    Returns:
        An array of the shape and dtype of `x` (`x` itself when nothing is to be done).

    Raises:
        ValueError: axes that are not 0, 1, 2 in some order with the channels at an end, or another `fill_mode`.
    """
    if len({row_axis, col_axis, channel_axis}) != 3:
        raise ValueError("'row_axis', 'col_axis', and 'channel_axis' must be distinct")
    if {row_axis, col_axis, channel_axis} != {0, 1, 2}:
        raise ValueError(f"Invalid axis' indices: { {row_axis, col_axis, channel_axis} - {0, 1, 2} }")
    x = np.asarray(x)
    if x.ndim != 3:
        raise ValueError(f"Input arrays must be multi-channel 2D images. Received an array of shape {x.shape}")
    if channel_axis == 1:
        raise ValueError("Channels are allowed in the first and last dimensions.")
    height, width = x.shape[row_axis], x.shape[col_axis]
    matrix = matrix_of(height, width, theta, tx, ty, shear, zx, zy, swap=col_axis > row_axis)
    if matrix is None:
        return x
    image = np.moveaxis(x, channel_axis, 2)
    image = image if image.dtype == np.uint8 else image.astype("float32")
    y = transform_images(image[None], [matrix], order=order, fill_mode=fill_mode, cval=cval)[0]
    if x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        y = np.clip(np.copysign(np.floor(np.abs(y) + 0.5), y), limits.min, limits.max)
    return np.moveaxis(y, 2, channel_axis).astype(x.dtype, copy=False)


def apply_channel_shift(x, intensity, channel_axis=0):
    """`x + intensity`, kept within the smallest and largest value of `x`."""
    x = np.asarray(x)
    return np.clip(x + intensity, np.min(x), np.max(x)).astype(np.result_type(x, x.dtype.type(0)), copy=False)


def apply_brightness_shift(x, brightness, scale=True):
    """`x` as an image of bytes, with its brightness multiplied by `brightness`.

    Args:
        x: image with three axes.
        brightness: 1 changes nothing, 0 is black.
        scale: whether values are first mapped to 0..255 from minimum to maximum; without it only where they are
            outside of 0..255, and mapped back afterwards.

    Returns:
        float32 array.
    """
    from PIL import ImageEnhance

    low, high = np.min(x), np.max(x)
    outside = bool(low < 0 or high > 255)
    image = ImageEnhance.Brightness(array_to_img(x, scale=outside or scale)).enhance(brightness)
    y = img_to_array(image)
    return y / 255 * (high - low) + low if outside and not scale else y


def random_rotation(
    x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """`apply_affine_transform` with an angle drawn from -rg to rg degrees."""
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, np.random.uniform(-rg, rg), 0, 0, 0, 1, 1, *axes)


def random_shift(
    x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """`apply_affine_transform` with shifts of at most the shares `wrg` of the width and `hrg` of the height."""
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes)


def random_shear(
    x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """`apply_affine_transform` with a shear of at most `intensity` degrees."""
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, np.random.uniform(-intensity, intensity), 1, 1, *axes)


def random_zoom(
    x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """`apply_affine_transform` with two zooms drawn from `zoom_range`, a pair."""
    if len(zoom_range) != 2:
        raise ValueError(f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}")
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    low, high = zoom_range
    zx, zy = (1, 1) if low == 1 and high == 1 else np.random.uniform(low, high, 2)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes)


def random_channel_shift(x, intensity_range, channel_axis=0):
    """`apply_channel_shift` by at most `intensity_range`."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x, brightness_range, scale=True):
    """`apply_brightness_shift` by a factor drawn from `brightness_range`, a pair."""
    if len(brightness_range) != 2:
        raise ValueError(f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
