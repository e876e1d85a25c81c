"""Pooling over windows of images and sequences."""

from __future__ import annotations

from ..config import standardize_data_format
from ..graph import apply, define
from .array import expand_dims, squeeze, transpose
from .shapes import known, unknown
from .types import float_tensor
from .windows import (
    complete_pads,
    output_length,
    pads,
    pooling_output_shape,
    split_shape,
    standardize_padding,
    tuple_of,
)

__all__ = [
    "average_pool",
    "max_pool",
]

_FEW_PLACES = 256  # of a window: their positions are uint8


# --- definitions -----------------------------------------------------------------------------------
def _pooled(shape, attrs):
    n, h, w, c = shape
    (top, bottom, left, right), (r, s), (stride_h, stride_w) = attrs["pads"], attrs["window"], attrs["strides"]
    p = output_length(None if h is None else h + top + bottom, r, stride_h)
    q = output_length(None if w is None else w + left + right, s, stride_w)
    return n, p, q, c


def _max_infer(types, attrs):
    shape, dtype = types[0]
    y = _pooled(shape, attrs)
    r, s = attrs["window"]
    return [(y, dtype), (y, "uint8" if r * s <= _FEW_PLACES else "int32")]


def _max_grad(node, dy, _):
    if dy is None:
        return [None]
    return [apply("max_pool2d_grad", [node.outputs[1], dy], shape=known(node.inputs[0].shape), **node.attrs)]


def _average_grad(node, dy):
    return [apply("average_pool2d_grad", [dy], shape=known(node.inputs[0].shape), **node.attrs)]


def _image_infer(types, attrs):
    return [(unknown(attrs["shape"]), types[-1][1])]


def _complete(types, attrs):
    return complete_pads(attrs, types[0][0], attrs["window"])


define("max_pool2d", infer=_max_infer, grad=_max_grad, complete=_complete)
define("max_pool2d_grad", infer=_image_infer)
define(
    "average_pool2d",
    infer=lambda types, attrs: [(_pooled(types[0][0], attrs), types[0][1])],
    grad=_average_grad,
    complete=_complete,
)
define(
    "average_pool2d_grad",
    infer=_image_infer,
    grad=lambda node, ddx: [apply("average_pool2d", [ddx], **{k: v for k, v in node.attrs.items() if k != "shape"})],
)


# --- public functions ------------------------------------------------------------------------------
def to_channels_last(x):
    """(batch, channels, spatial...) as (batch, spatial..., channels)."""
    rank = len(x.shape)
    return transpose(x, (0, *range(2, rank), 1))


def to_channels_first(x):
    """The inverse of `to_channels_last`."""
    rank = len(x.shape)
    return transpose(x, (0, rank - 1, *range(1, rank - 1)))


def _pool(name, inputs, pool_size, strides, padding, data_format):
    x = float_tensor(inputs)
    data_format = standardize_data_format(data_format)
    rank = len(x.shape)
    if rank == 5:
        raise NotImplementedError("pooling over three spatial axes is not supported; one and two are")
    if rank not in (3, 4):
        raise ValueError(
            "pooling takes inputs of rank 3 (batch, length, channels) or 4 (batch, height, width, channels). "
            f"Received: inputs.shape={tuple(x.shape)}"
        )
    window = tuple_of(pool_size, rank - 2, "pool_size")
    strides = window if strides is None else tuple_of(strides, rank - 2, "strides")
    padding = standardize_padding(padding)
    pooling_output_shape(x.shape, window, strides, padding, data_format)  # raises where no window fits
    _, spatial, _ = split_shape(x.shape, data_format)
    around = [pads(n, w, s, 1, padding) for n, w, s in zip(spatial, window, strides, strict=True)]
    if data_format == "channels_first":
        x = to_channels_last(x)
    if rank == 3:
        x, window, strides, around = expand_dims(x, 1), (1, *window), (1, *strides), [(0, 0), *around]
    y = apply(name, [x], window=window, strides=strides, pads=(*around[0], *around[1]))
    y = y[0] if isinstance(y, tuple) else y
    y = squeeze(y, 1) if rank == 3 else y
    return to_channels_first(y) if data_format == "channels_first" else y


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The maximum over windows.

    Args:
        inputs: float tensor (batch, length, channels) or (batch, height, width, channels); with
            `data_format="channels_first"` the channels are the second axis. Integers become `floatx()`.
        pool_size: int or tuple of ints, the window's extents.
        strides: int or tuple of ints, from window to window. None: `pool_size`.
        padding: `"valid"` (whole windows only) or `"same"` (ceil(extent / stride) windows; those at the edges are
            smaller).
        data_format: `"channels_last"` or `"channels_first"`. None: `config.image_data_format()`.

    Returns:
        A tensor of the inputs' dtype, with the number of windows in place of the spatial extents. NaN where the window
        has one. The gradient goes to the first maximum of each window, in row-major order, as in Keras on JAX.

    Raises:
        ValueError: another rank or argument; a window larger than the image with `"valid"`.
        NotImplementedError: three spatial axes.
    """
    return _pool("max_pool2d", inputs, pool_size, strides, padding, data_format)


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean over windows, of the elements inside the image: padding does not count.

    Arguments, result and errors are those of `max_pool`.
    """
    return _pool("average_pool2d", inputs, pool_size, strides, padding, data_format)
