"""`tf.image`: pictures (height, width, channels), or batches of them, with TensorFlow's arguments."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..ops import random as _random
from ..ops.types import dtype_of, is_float, to_tensor
from .dtypes import supported
from .io import decode_bmp as decode_bmp
from .io import decode_gif as decode_gif
from .io import decode_image as decode_image
from .io import decode_jpeg as decode_jpeg
from .io import decode_png as decode_png
from .io import encode_jpeg as encode_jpeg
from .io import encode_png as encode_png

_FROM_IO = ("decode_bmp", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "encode_jpeg", "encode_png")
_LARGEST = {"uint8": 255, "int32": 2**31 - 1, "int64": 2**63 - 1}


class ResizeMethod:
    """Names of the methods of `resize`."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = "bilinear", "nearest", "bicubic", "area"
    LANCZOS3, LANCZOS5, GAUSSIAN, MITCHELLCUBIC = "lanczos3", "lanczos5", "gaussian", "mitchellcubic"


_OLD_METHODS = {0: "bilinear", 1: "nearest", 2: "bicubic", 3: "area"}


def _size(size):
    return tuple(int(v) for v in np.asarray(size).reshape(-1))


def _extents(images):
    height, width = ops.shape(images)[-3:-1]
    return height, width


# --- sizes -------------------------------------------------------------------------------------------
def resize(images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, name=None):
    """Pictures of another size.

    Args:
        images: (height, width, channels) or (n, height, width, channels).
        size: (height, width).
        method: one of `ResizeMethod`'s. "nearest" keeps the dtype, the others give float32.
        preserve_aspect_ratio: whether the picture fits within `size`, unchanged in shape.
        antialias: whether to smooth where it becomes smaller.
        name: accepted as in TensorFlow. It has no effect.
    """
    method = _OLD_METHODS.get(method, method)
    height, width = _size(size)
    if preserve_aspect_ratio:
        rows, columns = _extents(images)
        scale = min(height / rows, width / columns)
        height, width = round(rows * scale), round(columns * scale)
    x = to_tensor(images)
    x = x if method == "nearest" or is_float(dtype_of(x)) else ops.cast(x, "float32")
    if method in ("area", "gaussian", "mitchellcubic"):
        batch = x if len(x.shape) == 4 else ops.expand_dims(x, 0)
        y = ops.image.apply("resize", [batch], size=(height, width), method=method, antialias=bool(antialias))
        return y if len(x.shape) == 4 else ops.squeeze(y, 0)
    return ops.image.resize(x, (height, width), method, antialias, data_format="channels_last")


def crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width, name=None):
    """The part of a picture that begins at the offset."""
    top, left, height, width = (int(v) for v in (offset_height, offset_width, target_height, target_width))
    rows, columns = _extents(image)
    if top < 0 or left < 0 or top + height > rows or left + width > columns:
        raise ValueError(f"the box ({top}, {left}, {height}, {width}) is not inside a picture of {rows} x {columns}")
    return _part(to_tensor(image), top, left, height, width)


def _part(image, top, left, height, width):
    axis = len(image.shape) - 3
    rows = ops.take(image, np.arange(top, top + height, dtype="int32"), axis=axis)
    return ops.take(rows, np.arange(left, left + width, dtype="int32"), axis=axis + 1)


def pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width, name=None):
    """A picture with zeros around it, of the target size, the picture at the offset."""
    top, left, height, width = (int(v) for v in (offset_height, offset_width, target_height, target_width))
    rows, columns = _extents(image)
    after = (height - top - rows, width - left - columns)
    if min(top, left, *after) < 0:
        raise ValueError(f"a picture of {rows} x {columns} at ({top}, {left}) does not fit in {height} x {width}")
    widths = [(0, 0)] * (len(ops.shape(image)) - 3) + [(top, after[0]), (left, after[1]), (0, 0)]
    return ops.pad(image, widths)


def central_crop(image, central_fraction):
    """The middle part of a picture, a fraction of its height and width."""
    if not 0 < central_fraction <= 1:
        raise ValueError("central_fraction must be within (0, 1]")
    rows, columns = _extents(image)
    top, left = int((rows - rows * central_fraction) / 2), int((columns - columns * central_fraction) / 2)
    return crop_to_bounding_box(image, top, left, rows - 2 * top, columns - 2 * left)


def resize_with_crop_or_pad(image, target_height, target_width):
    """A picture cut off or filled with zeros on both sides to the target size."""
    rows, columns = _extents(image)
    height, width = int(target_height), int(target_width)
    x = crop_to_bounding_box(
        image, max((rows - height) // 2, 0), max((columns - width) // 2, 0), min(rows, height), min(columns, width)
    )
    rows, columns = _extents(x)
    return pad_to_bounding_box(x, (height - rows) // 2, (width - columns) // 2, height, width)


resize_image_with_crop_or_pad = resize_with_crop_or_pad


def resize_with_pad(image, target_height, target_width, method="bilinear", antialias=False):
    """A picture that fits within the target size, unchanged in shape, with zeros around it."""
    height, width = int(target_height), int(target_width)
    x = resize(image, (height, width), method, preserve_aspect_ratio=True, antialias=antialias)
    rows, columns = _extents(x)
    return pad_to_bounding_box(x, (height - rows) // 2, (width - columns) // 2, height, width)


# --- turned --------------------------------------------------------------------------------------------
def flip_left_right(image):
    """The picture mirrored left to right."""
    return ops.flip(image, -2)


def flip_up_down(image):
    """The picture mirrored top to bottom."""
    return ops.flip(image, -3)


def transpose(image, name=None):
    """The picture with rows and columns exchanged."""
    return ops.swapaxes(image, -3, -2)


def rot90(image, k=1, name=None):
    """The picture turned k times by 90 degrees, counterclockwise."""
    rank = len(ops.shape(image))
    return ops.rot90(image, int(k), axes=(rank - 3, rank - 2))


def _draw(shape, low, high, seed):
    return _random.uniform(shape, low, high, "float32", seed)


def _perhaps(image, change, seed):
    """Each picture changed or not, with even chances."""
    x = to_tensor(image)
    batch = x.shape[:1] if len(x.shape) == 4 else ()
    chosen = ops.reshape(_draw(batch, 0.0, 1.0, seed), (*batch, *(1,) * (len(x.shape) - len(batch)))) < 0.5
    return ops.where(chosen, change(x), x)


def random_flip_left_right(image, seed=None):
    """Each picture mirrored left to right or not."""
    return _perhaps(image, flip_left_right, seed)


def random_flip_up_down(image, seed=None):
    """Each picture mirrored top to bottom or not."""
    return _perhaps(image, flip_up_down, seed)


def random_crop(value, size, seed=None, name=None):
    """A part of `size`, at a place drawn evenly."""
    x, size = to_tensor(value), _size(size)
    room = [n - s for n, s in zip(x.shape, size, strict=True)]
    if min(room) < 0:
        raise ValueError(f"Need value.shape >= size, got {tuple(x.shape)} and {size}")
    at = np.asarray(_draw((len(room),), 0.0, 1.0, seed)) * (np.asarray(room) + 1)
    for axis, (start, n) in enumerate(zip(at.astype(int), size, strict=True)):
        if n != x.shape[axis]:
            x = ops.take(x, np.arange(start, start + n, dtype="int32"), axis=axis)
    return x


# --- values --------------------------------------------------------------------------------------------
def convert_image_dtype(image, dtype, saturate=False, name=None):
    """A picture of another dtype: integers from 0 to their largest value are floats from 0 to 1.

    `saturate`: values that the integers do not hold become the nearest that they hold.
    """
    x, dtype = to_tensor(image), supported(dtype)
    have = dtype_of(x)
    if have == dtype:
        return ops.convert_to_tensor(x)
    if is_float(have) and is_float(dtype):
        return ops.cast(x, dtype)
    if is_float(dtype):
        return ops.cast(x, dtype) * (1.0 / _LARGEST[have])
    if is_float(have):
        scaled = x * (_LARGEST[dtype] + 0.5)
        return ops.saturate_cast(scaled, dtype) if saturate else ops.cast(scaled, dtype)
    scaled = ops.cast(x, "float64") * (_LARGEST[dtype] / _LARGEST[have])
    return ops.saturate_cast(scaled, dtype) if saturate else ops.cast(scaled, dtype)


def _as_floats(image, change):
    """A change of values in [0, 1] of floats, and of integers on their scale."""
    x = to_tensor(image)
    if is_float(dtype_of(x)):
        return change(x)
    return convert_image_dtype(change(convert_image_dtype(x, "float32")), dtype_of(x), saturate=True)


def rgb_to_grayscale(images, name=None):
    """0.2989 R + 0.587 G + 0.114 B, one channel."""
    weights = np.asarray([0.2989, 0.587, 0.114], "float32")
    return _as_floats(images, lambda x: ops.sum(x * weights, -1, keepdims=True))


def grayscale_to_rgb(images, name=None):
    """One channel three times."""
    if ops.shape(images)[-1] != 1:
        raise ValueError(f"a grayscale picture has one channel, got shape {ops.shape(images)}")
    return ops.concatenate([images] * 3, -1)


def adjust_brightness(image, delta):
    """`delta` added to values in [0, 1]."""
    return _as_floats(image, lambda x: x + delta)


def adjust_contrast(images, contrast_factor):
    """Distances from each channel's mean times a factor."""

    def change(x):
        mean = ops.mean(x, (-3, -2), keepdims=True)
        return (x - mean) * contrast_factor + mean

    x = to_tensor(images)
    if is_float(dtype_of(x)):
        return change(x)
    return ops.saturate_cast(ops.round(change(ops.cast(x, "float32"))), dtype_of(x))


def adjust_gamma(image, gamma=1, gain=1):
    """gain x^gamma of values in [0, 1]."""
    return _as_floats(image, lambda x: ops.power(x, float(gamma)) * gain)


def rgb_to_hsv(images, name=None):
    """Hue, saturation and value, each in [0, 1], of red, green and blue."""
    return ops.image.rgb_to_hsv(images, "channels_last")


def hsv_to_rgb(images, name=None):
    """Red, green and blue of hue, saturation and value, each in [0, 1]."""
    return ops.image.hsv_to_rgb(images, "channels_last")


def _in_hsv(image, change):
    return _as_floats(image, lambda x: hsv_to_rgb(ops.stack(change(*ops.unstack(rgb_to_hsv(x), axis=-1)), -1)))


def adjust_hue(image, delta, name=None):
    """The hue turned by `delta` of the circle."""
    return _in_hsv(image, lambda h, s, v: [ops.mod(h + delta, 1.0), s, v])


def adjust_saturation(image, saturation_factor, name=None):
    """The saturation times a factor, within [0, 1]."""
    return _in_hsv(image, lambda h, s, v: [h, ops.clip(s * saturation_factor, 0.0, 1.0), v])


def random_brightness(image, max_delta, seed=None):
    """`adjust_brightness` by an amount drawn from [-max_delta, max_delta)."""
    return adjust_brightness(image, _draw((), -float(max_delta), float(max_delta), seed))


def random_contrast(image, lower, upper, seed=None):
    """`adjust_contrast` by a factor drawn from [lower, upper)."""
    return adjust_contrast(image, _draw((), *_ordered("random_contrast", lower, upper), seed))


def random_hue(image, max_delta, seed=None):
    """`adjust_hue` by an amount drawn from [-max_delta, max_delta)."""
    return adjust_hue(image, _draw((), -float(max_delta), float(max_delta), seed))


def random_saturation(image, lower, upper, seed=None):
    """`adjust_saturation` by a factor drawn from [lower, upper)."""
    return adjust_saturation(image, _draw((), *_ordered("random_saturation", lower, upper), seed))


def _ordered(name, lower, upper):
    if upper <= lower:
        raise ValueError(f"tf.image.{name}: upper must be > lower, got {lower} and {upper}")
    return float(lower), float(upper)


def per_image_standardization(image):
    """(x - mean) / max(deviation, 1 / sqrt(elements)) of each picture."""
    x = to_tensor(image)
    x = x if is_float(dtype_of(x)) else ops.cast(x, "float32")
    axes = (-3, -2, -1)
    n = int(np.prod(x.shape[-3:]))
    deviation = ops.maximum(ops.std(x, axes, keepdims=True), 1.0 / np.sqrt(n))
    return (x - ops.mean(x, axes, keepdims=True)) / deviation


def total_variation(images, name=None):
    """The sum of the differences of neighbours, of each picture."""
    x = to_tensor(images)
    axes = (-3, -2, -1)
    return ops.sum(ops.abs(ops.diff(x, axis=-3)), axes) + ops.sum(ops.abs(ops.diff(x, axis=-2)), axes)


def psnr(a, b, max_val, name=None):
    """The peak signal-to-noise ratio of each picture, in decibels; `max_val` is the largest value of its dtype."""
    largest = float(convert_image_dtype(np.asarray(max_val, dtype_of(to_tensor(a))), "float32"))
    a, b = (convert_image_dtype(v, "float32") for v in (a, b))
    return 20.0 * float(np.log10(largest)) - 10.0 * ops.log10(ops.mean(ops.square(a - b), (-3, -2, -1)))


_OWN = [n for n, v in list(globals().items()) if getattr(v, "__module__", "") == __name__ and not n.startswith("_")]
__all__ = sorted({*_OWN, *_FROM_IO})
