"""Depthwise convolution: every channel under filters of its own."""

from __future__ import annotations

from ..config import standardize_data_format
from ..graph import apply, define
from .array import expand_dims, squeeze
from .conv import conv
from .pooling import to_channels_first, to_channels_last
from .shapes import known, unknown
from .types import dtype_of, float_tensor, to_tensor
from .windows import (
    complete_pads,
    conv_output_shape,
    output_length,
    pads,
    split_shape,
    standardize_padding,
    tuple_of,
)

__all__ = [
    "depthwise_conv",
    "separable_conv",
]


# --- definitions -----------------------------------------------------------------------------------
def _convolved(shape, filters, attrs):
    (n, h, w, c), (r, s, _, m) = shape, filters
    top, bottom, left, right = attrs["pads"]
    (stride_h, stride_w), (dilation_h, dilation_w) = attrs["strides"], attrs["dilation"]
    p = output_length(None if h is None else h + top + bottom, r, stride_h, dilation_h)
    q = output_length(None if w is None else w + left + right, s, stride_w, dilation_w)
    return n, p, q, c * m


def _forward_infer(types, attrs):
    (shape, dtype), (filters, _), *_ = types
    if len(shape) != 4 or len(filters) != 4 or shape[-1] != filters[2]:
        raise ValueError(
            "a depthwise convolution takes images (batch, height, width, channels) and kernels (height, width, "
            f"channels, filters for each). Received: inputs.shape={shape}, kernel.shape={filters}"
        )
    return [(_convolved(shape, filters, attrs), dtype)]


_EPILOGUE = ("scale", "bias", "mask", "activation", "alpha")


def _plain(node):
    """The attributes that all three passes share."""
    if any(node.attrs.get(key) for key in ("scale", "bias", "mask")) or "activation" in node.attrs:
        raise ValueError(f"op '{node.name}' with a fused epilogue has no gradient")
    return {key: value for key, value in node.attrs.items() if key not in (*_EPILOGUE, "shape")}


def _forward_grad(node, dy):
    x, w = node.inputs
    attrs = _plain(node)
    return [
        apply("depthwise_conv2d_backward_input", [dy, w], shape=known(x.shape), **attrs),
        apply("depthwise_conv2d_backward_weights", [x, dy], shape=known(w.shape), **attrs),
    ]


def _backward_input_grad(node, ddx):
    dy, w = node.inputs
    attrs = _plain(node)
    return [
        apply("depthwise_conv2d", [ddx, w], **attrs),
        apply("depthwise_conv2d_backward_weights", [ddx, dy], shape=known(w.shape), **attrs),
    ]


def _backward_weights_grad(node, ddw, _=None):
    x, dy = node.inputs
    attrs = _plain(node)
    return [
        apply("depthwise_conv2d_backward_input", [dy, ddw], shape=known(x.shape), **attrs),
        apply("depthwise_conv2d", [x, ddw], **attrs),
    ]


def _shape_infer(types, attrs):
    return [(unknown(attrs["shape"]), types[0][1])]


define(
    "depthwise_conv2d",
    infer=_forward_infer,
    grad=_forward_grad,
    complete=lambda types, attrs: complete_pads(attrs, types[0][0], types[1][0]),
)
define("depthwise_conv2d_backward_input", infer=_shape_infer, grad=_backward_input_grad)
define("depthwise_conv2d_backward_weights", infer=_shape_infer, grad=_backward_weights_grad)


# --- public functions ------------------------------------------------------------------------------
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel with filters of its own.

    Args:
        inputs: float tensor (batch, length, channels) or (batch, height, width, channels); with
            `data_format="channels_first"` the channels are the second axis. Integers become `floatx()`.
        kernel: tensor (length, channels, m) or (height, width, channels, m): m filters for each channel.
        strides: int or tuple of ints, from window to window.
        padding: `"valid"` (whole windows only) or `"same"` (ceil(extent / stride) windows).
        data_format: `"channels_last"` or `"channels_first"`. None: `config.image_data_format()`.
        dilation_rate: int or tuple of ints, between the elements of a window.

    Returns:
        A tensor of the inputs' dtype with channels * m channels: channel c under filter i is channel c * m + i.

    Raises:
        ValueError: shapes or arguments that do not fit; a window larger than the image with `"valid"`.
        NotImplementedError: three spatial axes.
    """
    x = float_tensor(inputs)
    kernel = to_tensor(kernel, dtype_of(x))
    data_format = standardize_data_format(data_format)
    rank = len(x.shape)
    if rank == 5:
        raise NotImplementedError("depthwise convolution over three spatial axes is not supported; one and two are")
    if rank not in (3, 4):
        raise ValueError(
            "depthwise convolution takes inputs of rank 3 (batch, length, channels) or 4 (batch, height, width, "
            f"channels). Received: inputs.shape={tuple(x.shape)}"
        )
    axes = rank - 2
    strides = tuple_of(strides, axes, "strides")
    dilation = tuple_of(dilation_rate, axes, "dilation_rate")
    padding = standardize_padding(padding)
    conv_output_shape(x.shape, tuple(kernel.shape), strides, padding, data_format, dilation)  # raises
    _, spatial, channels = split_shape(tuple(x.shape), data_format)
    if channels != kernel.shape[axes]:
        raise ValueError(
            f"the kernel is for {kernel.shape[axes]} channels and the inputs have {channels}. Received: "
            f"inputs.shape={tuple(x.shape)}, kernel.shape={tuple(kernel.shape)}, data_format={data_format}"
        )
    window = kernel.shape[:axes]
    around = [pads(n, w, s, d, padding) for n, w, s, d in zip(spatial, window, strides, dilation, strict=True)]
    if data_format == "channels_first":
        x = to_channels_last(x)
    if axes == 1:
        x, kernel = expand_dims(x, 1), expand_dims(kernel, 0)
        strides, dilation, around = (1, *strides), (1, *dilation), [(0, 0), *around]
    y = apply("depthwise_conv2d", [x, kernel], strides=strides, pads=(*around[0], *around[1]), dilation=dilation)
    y = squeeze(y, 1) if axes == 1 else y
    return to_channels_first(y) if data_format == "channels_first" else y


def separable_conv(
    inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1
):
    """Depthwise convolution followed by a convolution over the channels of each place.

    Args:
        inputs, strides, padding, data_format, dilation_rate: see `depthwise_conv`.
        depthwise_kernel: tensor (length, channels, m) or (height, width, channels, m): m filters for each channel.
        pointwise_kernel: tensor (1, channels * m, filters) or (1, 1, channels * m, filters).

    Returns:
        A tensor of the inputs' dtype with `filters` channels.

    Raises:
        ValueError: shapes or arguments that do not fit; a window larger than the image with `"valid"`.
        NotImplementedError: three spatial axes.
    """
    data_format = standardize_data_format(data_format)
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    pointwise = to_tensor(pointwise_kernel, dtype_of(y))
    _, _, between = split_shape(tuple(y.shape), data_format)
    want = (*(1,) * (len(y.shape) - 2), between)
    if tuple(pointwise.shape[:-1]) != want:
        raise ValueError(
            f"the depthwise convolution gives {between} channels, so `pointwise_kernel` must have shape {want} + "
            f"(filters,). Received: inputs.shape={tuple(inputs.shape)}, depthwise_kernel.shape="
            f"{tuple(depthwise_kernel.shape)}, pointwise_kernel.shape={tuple(pointwise.shape)}"
        )
    return conv(y, pointwise, padding="valid", data_format=data_format)
