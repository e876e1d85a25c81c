"""More of `keras.ops.image`: colours, cutting, patches, coordinates, blurring, edges."""

from __future__ import annotations

import itertools

import numpy as np

from ..config import standardize_data_format
from ..graph import apply
from .array import concatenate, expand_dims, moveaxis, reshape, squeeze, stack, transpose, unstack
from .binary import (
    add,
    divide,
    equal,
    floor_divide,
    greater,
    greater_equal,
    less,
    logical_and,
    maximum,
    minimum,
    mod,
    multiply,
    subtract,
    where,
)
from .conv import conv
from .creation import eye
from .decompositions import solve
from .depthwise import depthwise_conv
from .elementwise import absolute, clip, floor, round  # noqa: A004 - Keras's name
from .image import MAP_FILL_MODES, MAP_INTERPOLATIONS, cut_out
from .indexing import take
from .layout import pad
from .reduction import sum  # noqa: A004 - Keras's name
from .types import cast, dtype_of, float_tensor, is_float, number_like, to_indices, to_tensor

__all__ = [
    "crop_images",
    "extract_patches",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "sobel_edges",
]


def _images(images, data_format, floats=False):
    """The images, their layout, and the axis of the channels."""
    x, layout = to_tensor(images), standardize_data_format(data_format)
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). "
            f"Received: images.shape={tuple(x.shape)}"
        )
    if floats and not is_float(dtype_of(x)):
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={dtype_of(x)}")
    return x, layout, len(x.shape) + (-1 if layout == "channels_last" else -3)


# --- colours ---------------------------------------------------------------------------------------
def rgb_to_grayscale(images, data_format=None):
    """0.2989 R + 0.587 G + 0.114 B as one channel, of the dtype of the images (rank 3 or 4)."""
    x, _, axis = _images(images, data_format)
    shape = tuple(3 if i == axis else 1 for i in range(len(x.shape)))
    weights = np.asarray([0.2989, 0.587, 0.114], "float32").reshape(shape)
    return cast(sum(multiply(float_tensor(x), weights), axis, keepdims=True), dtype_of(x))


def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value of red, green and blue, all in [0, 1]. Raises ValueError for integers."""
    x, _, axis = _images(images, data_format, floats=True)
    x = where(less(absolute(x), float(np.finfo(dtype_of(x)).eps)), number_like(0, x), x)
    r, g, b = unstack(x, axis=axis)
    value, least = maximum(maximum(r, g), b), minimum(minimum(r, g), b)
    span = subtract(value, least)
    saturation = where(greater(value, 0.0), divide(span, where(greater(value, 0.0), value, 1.0)), 0.0)
    norm = divide(1.0, multiply(where(greater(span, 0.0), span, 1.0), 6.0))
    green = add(multiply(norm, subtract(b, r)), 2.0 / 6.0)
    blue = add(multiply(norm, subtract(r, g)), 4.0 / 6.0)
    hue = where(equal(value, r), multiply(norm, subtract(g, b)), where(equal(value, g), green, blue))
    turned = cast(less(hue, 0.0), dtype_of(x))
    return stack([add(where(greater(span, 0.0), hue, 0.0), turned), saturation, value], axis)


def hsv_to_rgb(images, data_format=None):
    """Red, green and blue of hue, saturation and value, all in [0, 1]. Raises ValueError for integers."""
    x, _, axis = _images(images, data_format, floats=True)
    hue, saturation, value = unstack(x, axis=axis)
    turn = mod(multiply(hue, 6.0), 6.0)
    parts = (
        subtract(absolute(subtract(turn, 3.0)), 1.0),
        subtract(2.0, absolute(subtract(turn, 2.0))),
        subtract(2.0, absolute(subtract(turn, 4.0))),
    )
    span = multiply(value, saturation)
    least = subtract(value, span)
    return stack([add(least, multiply(span, clip(part, 0.0, 1.0))) for part in parts], axis)


# --- sizes -----------------------------------------------------------------------------------------
def _solved(name, names, before, after, target, extent, sign):
    given = (before, after, target)
    if given.count(None) != 1:
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {name} with {given}")
    if target is None:
        target = extent + sign * (before + after)
    elif before is None:
        before = sign * (target - extent) - after
    else:
        after = sign * (target - extent) - before
    for what, value in zip(names, (before, after, target), strict=True):
        if value < 0:
            raise ValueError(f"{what} must be >= 0. Received: {what}={value}")
    return before, after, target


def crop_images(
    images,
    top_cropping=None,
    left_cropping=None,
    bottom_cropping=None,
    right_cropping=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """A part of images (rank 3 or 4): of top, bottom and target height two are given, and so for the width.

    Raises:
        ValueError: more or fewer are given, or one would be negative.
    """
    x, layout, axis = _images(images, data_format)
    rows, columns = [n for i, n in enumerate(x.shape[-3:], len(x.shape) - 3) if i != axis]
    names = ("top_cropping", "bottom_cropping", "target_height")
    top, _, height = _solved("crop_images", names, top_cropping, bottom_cropping, target_height, rows, -1)
    names = ("left_cropping", "right_cropping", "target_width")
    left, _, width = _solved("crop_images", names, left_cropping, right_cropping, target_width, columns, -1)
    return cut_out(x, top, left, height, width, layout)


def pad_images(
    images,
    top_padding=None,
    left_padding=None,
    bottom_padding=None,
    right_padding=None,
    target_height=None,
    target_width=None,
    data_format=None,
):
    """Images (rank 3 or 4) with zeros around: of top, bottom and target height two are given, and so for the width.

    Raises:
        ValueError: more or fewer are given, or one would be negative.
    """
    x, layout, axis = _images(images, data_format)
    rows, columns = [n for i, n in enumerate(x.shape[-3:], len(x.shape) - 3) if i != axis]
    names = ("top_padding", "bottom_padding", "target_height")
    top, bottom, _ = _solved("pad_images", names, top_padding, bottom_padding, target_height, rows, 1)
    names = ("left_padding", "right_padding", "target_width")
    left, right, _ = _solved("pad_images", names, left_padding, right_padding, target_width, columns, 1)
    widths = [(0, 0)] * len(x.shape)
    first = len(x.shape) - (3 if layout == "channels_last" else 2)
    widths[first : first + 2] = (top, bottom), (left, right)
    return pad(x, widths)


def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """The windows of images, their elements as channels.

    Args:
        images: tensor (height, width, channels) or (batch, height, width, channels), or with the channels before.
        size: int or (height, width) of a window.
        strides: as `size`, which they are by default.
        dilation_rate: int or pair.
        padding: `"valid"` or `"same"`.
        data_format: that of the settings by default.

    Raises:
        TypeError: `size` is no int or pair.
    """
    x, layout, axis = _images(images, data_format)
    if not isinstance(size, int) and len(size) != 2:
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple of length 2. Received: size={size}")
    height, width = (size, size) if isinstance(size, int) else size
    count = height * width * x.shape[axis]
    kernel = reshape(eye(count, dtype=dtype_of(x)), (height, width, x.shape[axis], count))
    single = len(x.shape) == 3
    x = expand_dims(x, 0) if single else x
    y = conv(x, kernel, strides or size, padding, layout, dilation_rate)
    return squeeze(y, 0) if single else y


# --- filters ---------------------------------------------------------------------------------------
def _filtered(x, layout, kernel):
    """Each channel of images convolved with a kernel (rows, columns, k): (..., channels * k)."""
    single = len(x.shape) == 3
    x = expand_dims(x, 0) if single else x
    channels = x.shape[-1 if layout == "channels_last" else 1]
    weights = np.broadcast_to(kernel[:, :, None, :], (*kernel.shape[:2], channels, kernel.shape[2]))
    y = depthwise_conv(x, np.ascontiguousarray(weights, dtype_of(x)), 1, "same", layout)
    return squeeze(y, 0) if single else y


def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images (rank 3 or 4) convolved with a Gaussian.

    Args:
        images: float tensor.
        kernel_size: (width, height) of the kernel.
        sigma: the deviations along both, numbers.
        data_format: that of the settings by default.
    """
    x, layout, _ = _images(images, data_format)
    x = float_tensor(x)

    def bell(size, deviation):
        values = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / deviation) ** 2)
        return values / values.sum()

    widths = [float(np.asarray(s)) for s in sigma]
    kernel = np.outer(bell(kernel_size[1], widths[1]), bell(kernel_size[0], widths[0]))
    return _filtered(x, layout, kernel[:, :, None])


def sobel_edges(images, data_format=None):
    """The gradients of images (batch, height, width, channels) by Sobel's filters, along a new last axis: (dy, dx)."""
    x, layout, axis = _images(images, data_format)
    x = float_tensor(x)
    across = np.asarray([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "float32")
    y = _filtered(x, layout, np.stack([across.T, across], -1))
    split = moveaxis(y, axis, -1)
    split = reshape(split, (*split.shape[:-1], x.shape[axis], 2))
    return moveaxis(split, -2, axis)


# --- coordinates -------------------------------------------------------------------------------------
def _mirrored(index, size):
    s = size - 1
    return absolute(subtract(mod(add(index, s), 2 * s), s)) if s else multiply(index, 0)


_PLACES = {
    "constant": lambda index, size: index,
    "nearest": lambda index, size: clip(index, 0, size - 1),
    "wrap": mod,
    "mirror": _mirrored,
    "reflect": lambda index, size: floor_divide(subtract(_mirrored(add(multiply(index, 2), 1), 2 * size + 1), 1), 2),
}


def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """The values of an array at coordinates that need not be whole.

    Args:
        inputs: tensor of any rank.
        coordinates: tensor (rank, ...): the coordinates along each axis, or a list of them.
        order: 0: the nearest element; 1: linear between the nearest ones.
        fill_mode: beyond the ends: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: of `"constant"`.

    Returns:
        A tensor of shape coordinates.shape[1:], of the dtype of inputs.

    Raises:
        ValueError: another order or mode, or shapes that do not fit.
    """
    x = to_tensor(inputs)
    coordinates = to_tensor(coordinates)
    if coordinates.shape[0] != len(x.shape) or len(coordinates.shape) < 2:
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs with shape: "
            f"{tuple(x.shape)} and coordinates of shape {tuple(coordinates.shape)}"
        )
    if fill_mode not in MAP_FILL_MODES:
        raise ValueError(f"Invalid value for argument `fill_mode`. Expected one of {MAP_FILL_MODES}: {fill_mode}")
    if order not in (0, 1):
        raise ValueError(f"Invalid value for argument `order`. Expected one of [0, 1]. Received: order={order}")
    corners = []
    for axis in range(len(x.shape)):
        at = float_tensor(take(coordinates, np.int32(axis), axis=0))
        if order == 0:
            corners.append([(to_indices(round(at)), None)])
            continue
        low = floor(at)
        weight = subtract(at, low)
        corners.append([(to_indices(low), subtract(1.0, weight)), (add(to_indices(low), 1), weight)])
    flat, total = reshape(x, (-1,)), None
    for corner in itertools.product(*corners):
        value = _corner(flat, x.shape, corner, fill_mode, fill_value)
        total = value if total is None else add(total, value)
    return total if dtype_of(total) == dtype_of(x) else cast(round(total), dtype_of(x))


def _corner(flat, shape, corner, fill_mode, fill_value):
    """The weighted values at whole places."""
    number, inside, weight = None, None, None
    for (index, part), size in zip(corner, shape, strict=True):
        if fill_mode == "constant":
            here = logical_and(greater_equal(index, 0), less(index, size))
            inside = here if inside is None else logical_and(inside, here)
        place = clip(_PLACES[fill_mode](index, size), 0, size - 1)
        number = place if number is None else add(multiply(number, size), place)
        if part is not None:
            weight = part if weight is None else multiply(weight, part)
    value = take(flat, number, axis=0)
    value = value if inside is None else where(inside, value, number_like(fill_value, flat))
    return value if weight is None else multiply(value, weight)


def perspective_transform(images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None):
    """Images as they look after a map of the plane that takes four points to four others.

    Args:
        images: tensor (height, width, channels) or (batch, height, width, channels), or with the channels before.
        start_points, end_points: tensors (4, 2), or (batch, 4, 2): columns and rows.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: beyond the image.
        data_format: that of the settings by default.

    Raises:
        ValueError: points of other shapes, or another interpolation.
    """
    x, layout, _ = _images(images, data_format)
    if interpolation not in MAP_INTERPOLATIONS:
        raise ValueError(f"`interpolation` must be one of {MAP_INTERPOLATIONS}. Received: {interpolation}")
    starts, ends = (to_tensor(points, "float32") for points in (start_points, end_points))
    for name, points in (("start_points", starts), ("end_points", ends)):
        if tuple(points.shape[-2:]) != (4, 2) or len(points.shape) not in (2, 3):
            raise ValueError(
                f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. "
                f"Received shape: {tuple(points.shape)}"
            )
    starts, ends = (expand_dims(p, 0) if len(p.shape) == 2 else p for p in (starts, ends))
    single = len(x.shape) == 3
    x = expand_dims(x, 0) if single else x
    x = transpose(x, (0, 2, 3, 1)) if layout == "channels_first" else x
    height, width = x.shape[1:3]
    maps = _homographies(starts, ends)
    kept = {"interpolation": interpolation, "fill_mode": "constant", "fill_value": float(fill_value)}
    y = apply("affine_transform", [x, maps], size=(height, width), **kept)
    y = transpose(y, (0, 3, 1, 2)) if layout == "channels_first" else y
    y = y if dtype_of(y) == dtype_of(x) else cast(round(y), dtype_of(x))
    return squeeze(y, 0) if single else y


def _homographies(starts, ends):
    """The eight numbers of the map from each end point to its start."""
    (from_x, from_y), (to_x, to_y) = (unstack(p, axis=-1) for p in (starts, ends))
    zeros = multiply(to_x, 0.0)
    ones = add(zeros, 1.0)
    rows = [
        stack([*left, multiply(multiply(start, to_x), -1.0), multiply(multiply(start, to_y), -1.0)], -1)
        for left, start in (
            ((to_x, to_y, ones, zeros, zeros, zeros), from_x),
            ((zeros, zeros, zeros, to_x, to_y, ones), from_y),
        )
    ]
    return solve(concatenate(rows, 1), concatenate([from_x, from_y], -1))
