"""Images (`keras.ops.image`): resizing and affine maps."""

from __future__ import annotations

import importlib

from ..config import standardize_data_format
from ..graph import Variable, apply, define
from ..graph.autodiff import reachable
from .array import TO_END, broadcast_to, expand_dims, reshape, squeeze
from .binary import add, greater_equal, less_equal, logical_and, multiply, where
from .elementwise import clip, round  # noqa: A004 - Keras's names
from .layout import pad
from .pooling import to_channels_first, to_channels_last
from .reduction import sum  # noqa: A004
from .shapes import known, unknown
from .types import cast, dtype_of, is_float, to_tensor

RESIZE_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
MAP_INTERPOLATIONS = ("nearest", "bilinear")
MAP_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
# The least and the largest float32 that the integer types hold
_LIMITS = {"uint8": (0.0, 255.0), "int32": (-(2.0**31), 2.0**31 - 128), "int64": (-(2.0**63), 2.0**63 - 2.0**39)}


# --- definitions -----------------------------------------------------------------------------------
def _resize_infer(types, attrs):
    (n, _, _, c), dtype = types[0]
    height, width = unknown(attrs["size"])
    computed = attrs["method"] != "nearest" and not is_float(dtype)
    return [((n, height, width, c), "float32" if computed else dtype)]


def _resize_grad(node, dy):
    x, attrs = node.inputs[0], node.attrs
    if not is_float(dtype_of(x)):
        return [None]
    kept = {"method": attrs["method"], "antialias": attrs["antialias"]}
    return [apply("resize_grad", [dy], shape=known(x.shape), **kept)]


def _resize_grad_grad(node, ddx):
    kept = {k: v for k, v in node.attrs.items() if k != "shape"}
    return [apply("resize", [ddx], size=known(node.inputs[0].shape[1:3]), **kept)]


define("resize", infer=_resize_infer, grad=_resize_grad)
define(
    "resize_grad",
    infer=lambda types, attrs: [(unknown(attrs["shape"]), types[0][1])],
    grad=_resize_grad_grad,
)


def _map_infer(types, attrs):
    ((n, _, _, c), dtype), (maps, _) = types
    if maps[-1] != 8 or (None not in (n, maps[0]) and maps[0] != n):
        raise ValueError(f"{n} images need as many transforms of 8 numbers. Received: transform.shape={tuple(maps)}")
    return [((n, *unknown(attrs["size"]), c), dtype if is_float(dtype) else "float32")]


def _map_grad(node, dy):
    x, maps = node.inputs
    sources = [maps, *(v for n in reachable([maps]) for v in n.inputs)]
    if any(isinstance(v, Variable) and v.trainable for v in sources):
        raise NotImplementedError(
            f"affine_transform (recorded by '{node.label or 'no layer'}') has no gradient with respect to `transform`; "
            "wrap it in ops.stop_gradient if none should flow"
        )
    if not is_float(dtype_of(x)):
        return [None, None]
    kept = {k: v for k, v in node.attrs.items() if k != "size"}
    return [apply("affine_transform_grad", [dy, maps], shape=known(x.shape), **kept), None]


define("affine_transform", infer=_map_infer, grad=_map_grad)
define("affine_transform_grad", infer=lambda types, attrs: [(unknown(attrs["shape"]), types[0][1])])


def _adjust_grad(node, dy):
    x, scale, shift = node.inputs
    low, high = node.attrs["min"], node.attrs["max"]
    x = cast(x, dtype_of(dy))
    each = (x.shape[0], 1, 1, 1)
    inner = add(multiply(x, reshape(scale, each)), reshape(shift, (x.shape[0], 1, 1, x.shape[3])))
    dz = where(logical_and(greater_equal(inner, low), less_equal(inner, high)), dy, 0.0)
    dx = multiply(dz, reshape(scale, each)) if is_float(dtype_of(node.inputs[0])) else None
    return [dx, sum(multiply(dz, x), axis=(1, 2, 3)), sum(dz, axis=(1, 2))]


define(
    "adjust_images",
    infer=lambda types, attrs: [(types[0][0], types[1][1])],
    grad=_adjust_grad,
)


# --- what resizing and its relatives share ---------------------------------------------------------
def aspect_crop(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the largest centred part of an image with the target's aspect ratio."""
    h = max(min(height, int(float(width * target_height) / target_width)), 1)
    w = max(min(width, int(float(height * target_width) / target_height)), 1)
    return int(float(height - h) / 2), int(float(width - w) / 2), h, w


def aspect_padding(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int]:
    """(rows, columns) to add on each side of an image to reach the target's aspect ratio; one of them is 0."""
    top = int(float(max(height, int(float(width * target_height) / target_width)) - height) / 2)
    left = 0 if top else int(float(max(width, int(float(height * target_width) / target_height)) - width) / 2)
    return top, left


def cut_out(x, top: int, left: int, height: int, width: int, data_format: str):
    """Part of images of rank 3 or 4."""
    rank = len(x.shape)
    row = rank - (2 if data_format == "channels_first" else 3)
    start, stop = [0] * rank, [TO_END] * rank
    start[row : row + 2] = top, left
    stop[row : row + 2] = top + height, left + width
    return apply("slice", [x], start=tuple(start), stop=tuple(stop), step=(1,) * rank)


def spatial_extents(x, data_format: str) -> tuple:
    """(height, width) of images of rank 3 or 4."""
    return tuple(x.shape[-2:]) if data_format == "channels_first" else tuple(x.shape[-3:-1])


def check_rank(x):
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). Received input with "
            f"shape: images.shape={tuple(x.shape)}"
        )


def on_batches(function, images, data_format: str):
    """`function` of images (N, H, W, C), on images of rank 3 or 4 in any format; the result is in their form."""
    single = len(images.shape) == 3
    x = expand_dims(images, 0) if single else images
    x = to_channels_last(x) if data_format == "channels_first" else x
    y = function(x)
    y = to_channels_first(y) if data_format == "channels_first" else y
    return squeeze(y, 0) if single else y


def as_dtype(y, dtype: str):
    """Computed images in the dtype of those that they come from: integers are rounded and kept within their range."""
    if dtype_of(y) == dtype:
        return y
    if dtype in _LIMITS:
        y = clip(round(y), *_LIMITS[dtype])
    return cast(y, dtype)


# --- public functions ------------------------------------------------------------------------------
def _check_resize(size, interpolation, crop, padded, fill_mode):
    if interpolation not in RESIZE_INTERPOLATIONS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {RESIZE_INTERPOLATIONS}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Only `'constant'` is supported. Received: fill_mode={fill_mode}"
        )
    if padded and crop:
        raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: size={size}")
    if any(d is not None and d < 1 for d in size):
        raise ValueError(f"Argument `size` must be two positive integers. Received: size={tuple(size)}")


def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    """Images in another size.

    Args:
        images: (height, width, channels) or (batch, height, width, channels); with `data_format="channels_first"` the
            channels come before the height.
        size: (height, width) of the result.
        interpolation: "bilinear", "nearest", "bicubic" (Keys's cubic), "lanczos3" or "lanczos5". Pixels have their
            centres at half-integers.
        antialias: whether, in shrinking, kernels are as wide as the new pixels.
        crop_to_aspect_ratio: whether the largest centred part with the result's aspect ratio is resized.
        pad_to_aspect_ratio: whether `fill_value` is added on both sides to reach the result's aspect ratio.
        fill_mode: "constant".
        fill_value: number, for `pad_to_aspect_ratio`.
        data_format: "channels_last" or "channels_first". None: `config.image_data_format()`.

    Returns:
        A tensor of the images' dtype; integers are rounded, and kept within the dtype's range.

    Raises:
        ValueError: another rank or argument, or both crop and padding.
    """
    size = tuple(size)
    _check_resize(size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode)
    data_format = standardize_data_format(data_format)
    x = to_tensor(images)
    check_rank(x)
    dtype = dtype_of(x)
    height, width = spatial_extents(x, data_format)
    if None not in (height, width):  # of unknown extents only the result's shape is asked for
        if crop_to_aspect_ratio:
            x = cut_out(x, *aspect_crop(height, width, *size), data_format)
        elif pad_to_aspect_ratio:
            top, left = aspect_padding(height, width, *size)
            around = [(0, 0)] * len(x.shape)
            row = len(around) - (2 if data_format == "channels_first" else 3)
            around[row : row + 2] = (top, top), (left, left)
            x = pad(x, around, constant_values=fill_value) if top or left else x
    if interpolation != "nearest" and dtype in ("int32", "int64", "bool"):
        x = cast(x, "float32")
    attrs = {"size": known(size), "method": interpolation, "antialias": bool(antialias)}
    return as_dtype(on_batches(lambda t: apply("resize", [t], **attrs), x, data_format), dtype)


def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None):
    """Images mapped: the result at column x, row y is the image at column (a0 x + a1 y + a2) / k, row
    (b0 x + b1 y + b2) / k, with k = c0 x + c1 y + 1.

    Args:
        images: (height, width, channels) or (batch, height, width, channels); with `data_format="channels_first"` the
            channels come before the height.
        transform: [a0, a1, a2, b0, b1, b2, c0, c1], or one such row for each image. No gradient flows to it.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant" (`fill_value`), "nearest" (the edge), "wrap" (the image again),
            "mirror" (about the outer pixels' centres) or "reflect" (about their edges).
        fill_value: number, for "constant".
        data_format: "channels_last" or "channels_first". None: `config.image_data_format()`.

    Returns:
        A tensor of the images' shape and dtype; integers are rounded.

    Raises:
        ValueError: another rank or argument.
        NotImplementedError: a gradient is asked for through a `transform` that depends on trained variables.
    """
    if interpolation not in MAP_INTERPOLATIONS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {set(MAP_INTERPOLATIONS)}. Received: "
            f"interpolation={interpolation}"
        )
    if fill_mode not in MAP_FILL_MODES:
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Expected of one {set(MAP_FILL_MODES)}. Received: "
            f"fill_mode={fill_mode}"
        )
    data_format = standardize_data_format(data_format)
    x, maps = to_tensor(images), cast(transform, "float32")
    check_rank(x)
    if len(maps.shape) not in (1, 2) or maps.shape[-1] != 8:
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms), with 8 "
            f"numbers each. Received input with shape: transform.shape={tuple(maps.shape)}"
        )
    dtype = dtype_of(x)
    x = cast(x, "float32") if dtype in ("int32", "int64", "bool") else x
    y = map_images(x, maps, spatial_extents(x, data_format), interpolation, fill_mode, fill_value, data_format)
    return as_dtype(y, dtype)


def adjust(x, scale, shift, low, high, data_format):
    """`x * scale + shift` within [low, high], of uint8 (which gives float32) and float images.

    Args:
        x: (height, width, channels) or (batch, height, width, channels), in `data_format`.
        scale: (batch,), and shift: (batch, channels), of the result's dtype; a single image counts as a batch of one.
    """

    def adjusted(images):
        return apply("adjust_images", [images, scale, shift], min=float(low), max=float(high))

    return on_batches(adjusted, x, data_format)


def map_images(x, maps, size, interpolation, fill_mode, fill_value, data_format):
    """`affine_transform` to another size, of uint8 (which gives float32) and float images."""
    attrs = {
        "size": known(size),
        "interpolation": interpolation,
        "fill_mode": fill_mode,
        "fill_value": float(fill_value),
    }
    maps = expand_dims(maps, 0) if len(maps.shape) == 1 else maps

    def mapped(images):
        n = images.shape[0]
        rows = broadcast_to(maps, (n, 8)) if maps.shape[0] == 1 and n not in (1, None) else maps
        return apply("affine_transform", [images, rows], **attrs)

    return on_batches(mapped, x, data_format)


_FURTHER = (
    *("crop_images", "extract_patches", "gaussian_blur", "hsv_to_rgb", "map_coordinates", "pad_images"),
    *("perspective_transform", "rgb_to_grayscale", "rgb_to_hsv", "sobel_edges"),
)


def __getattr__(name):
    """Names of `pictures`, which few scripts need."""
    if name not in _FURTHER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__.rpartition('.')[0]}.pictures"), name)
