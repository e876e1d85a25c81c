"""Transformations of single images, the functions of `keras.preprocessing.image`."""

from __future__ import annotations

import numpy as np

from ..utils.image_utils import array_to_img, img_to_array
from .affine import matrix_of, transform_images


def flip_axis(x, axis: int) -> np.ndarray:
    """Reverses one axis.

    Args:
        x: array.
        axis: int.

    Returns:
        A view of `x`.
    """
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
        x: array, an image with three axes.
        theta: float, the rotation in degrees. Default 0.
        tx, ty: floats, the shifts in pixels along the axes of rows and columns. Default 0.
        shear: float, the shear angle in degrees. Default 0.
        zx, zy: floats, the zoom factors; above 1 the result shows more. Default 1.
        row_axis, col_axis, channel_axis: ints, the axes of `x`. The channels are first or last.
        fill_mode: how pixels outside of the image are filled, as in scipy.ndimage.affine_transform: "nearest"
            (default), "constant", "reflect", "wrap", "mirror", "grid-wrap" or "grid-mirror".
        cval: float, for "constant". Default 0.
        order: int from 0 to 5, the order of the spline interpolation. Default 1: linear.

    Returns:
        An array of the shape and dtype of `x`; `x` itself if nothing changes.

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
    """Adds a number to an image, and clips the result to the smallest and largest value of `x`.

    Args:
        x: array, an image with three axes.
        intensity: float.
        channel_axis: int, accepted as in Keras; the result does not depend on it. Default 0.

    Returns:
        An array of the shape of `x`.
    """
    x = np.asarray(x)
    return np.clip(x + intensity, np.min(x), np.max(x)).astype(np.result_type(x, x.dtype.type(0)), copy=False)


def apply_brightness_shift(x, brightness, scale=True):
    """Multiplies the brightness of an image, after conversion to uint8.

    Args:
        x: array, an image with three axes.
        brightness: float; 1 changes nothing, 0 is black.
        scale: whether values are first mapped from their range to 0..255. If False, this is done only if they are
            outside of 0..255, and undone afterwards. Default True.

    Returns:
        A float32 array of the shape of `x`.
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
    """Rotates an image by a random angle.

    Args:
        x: array, an image with three axes.
        rg: float; the angle is drawn from -rg to rg degrees.
        row_axis, col_axis, channel_axis, fill_mode, cval: as in `apply_affine_transform`.
        interpolation_order: int, `order` of `apply_affine_transform`. Default 1.

    Returns:
        An array of the shape and dtype of `x`.
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, np.random.uniform(-rg, rg), 0, 0, 0, 1, 1, *axes)


def random_shift(
    x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Shifts an image by random distances.

    Args:
        x: array, an image with three axes.
        wrg, hrg: floats, the largest shifts as fractions of width and height.
        row_axis, col_axis, channel_axis, fill_mode, cval: as in `apply_affine_transform`.
        interpolation_order: int, `order` of `apply_affine_transform`. Default 1.

    Returns:
        An array of the shape and dtype of `x`.
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes)


def random_shear(
    x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Shears an image by a random angle.

    Args:
        x: array, an image with three axes.
        intensity: float, the largest angle in degrees.
        row_axis, col_axis, channel_axis, fill_mode, cval: as in `apply_affine_transform`.
        interpolation_order: int, `order` of `apply_affine_transform`. Default 1.

    Returns:
        An array of the shape and dtype of `x`.
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, np.random.uniform(-intensity, intensity), 1, 1, *axes)


def random_zoom(
    x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Zooms an image by random factors.

    Args:
        x: array, an image with three axes.
        zoom_range: tuple of two floats, between which a factor is drawn for each axis.
        row_axis, col_axis, channel_axis, fill_mode, cval: as in `apply_affine_transform`.
        interpolation_order: int, `order` of `apply_affine_transform`. Default 1.

    Returns:
        An array of the shape and dtype of `x`.
    """
    if len(zoom_range) != 2:
        raise ValueError(f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}")
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    low, high = zoom_range
    zx, zy = (1, 1) if low == 1 and high == 1 else np.random.uniform(low, high, 2)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes)


def random_channel_shift(x, intensity_range, channel_axis=0):
    """Adds a random number to an image.

    Args:
        x: array, an image with three axes.
        intensity_range: float; the number is drawn from -intensity_range to intensity_range.
        channel_axis: int, as in `apply_channel_shift`. Default 0.

    Returns:
        An array of the shape of `x`.
    """
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x, brightness_range, scale=True):
    """Multiplies the brightness of an image by a random factor.

    Args:
        x: array, an image with three axes.
        brightness_range: tuple of two floats, between which the factor is drawn.
        scale: as in `apply_brightness_shift`. Default True.

    Returns:
        A float32 array of the shape of `x`.
    """
    if len(brightness_range) != 2:
        raise ValueError(f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
