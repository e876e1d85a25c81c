"""Convolution and its adjoints.

`conv2d` maps x (N, H, W, C) and w (R, S, C / groups, K) to y (N, P, Q, K). Its adjoint in x is the transposed
convolution, its adjoint in w the gradient of the weights: the three are each other's gradients. One spatial axis is the
same with H = R = 1.
"""

from __future__ import annotations

from ..config import standardize_data_format
from ..graph import apply, define
from .array import expand_dims, squeeze
from .pooling import to_channels_first, to_channels_last
from .shapes import known, unknown
from .types import dtype_of, float_tensor, to_tensor
from .windows import complete_pads, conv_output_shape, extent, output_length, pads, standardize_padding, tuple_of

__all__ = [
    "conv",
    "conv_transpose",
]

_GEOMETRY = ("strides", "pads", "dilation", "groups", "algorithm")


# --- definitions -----------------------------------------------------------------------------------
def _filtered_shape(x, w, attrs):
    """The shape of conv2d's y. Raises ValueError where x, w and the attributes do not fit."""
    if len(x) != 4 or len(w) != 4:
        raise ValueError(f"conv2d takes x of rank 4 and w of rank 4, got shapes {x} and {w}")
    (top, bottom, left, right), groups = attrs["pads"], attrs["groups"]
    if x[3] != w[2] * groups or w[3] % groups:
        raise ValueError(f"conv2d with groups={groups} cannot apply w of shape {w} to x of shape {x}")
    spatial = tuple(
        output_length(None if n is None else n + before + after, window, stride, dilation)
        for n, before, after, window, stride, dilation in zip(
            x[1:3], (top, left), (bottom, right), w[:2], attrs["strides"], attrs["dilation"], strict=True
        )
    )
    if any(n is not None and n <= 0 for n in spatial):
        raise ValueError(
            f"Computed output size would be zero or negative: x of shape {x} has no room for w of shape {w} with "
            f"pads={attrs['pads']}, dilation={attrs['dilation']}"
        )
    return (x[0], *spatial, w[3])


def _one_dtype(types):
    dtypes = {dtype for _, dtype in types}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"}:
        raise ValueError(f"convolution takes operands of one float type, got {sorted(dtypes)}")
    return dtypes.pop()


def _conv2d_infer(types, attrs):
    dtype = _one_dtype(types)
    y = _filtered_shape(types[0][0], types[1][0], attrs)
    if any(shape != y[3:] for shape, _ in types[2:]):
        raise ValueError(f"conv2d: scale and bias must have shape {y[3:]}, got {[shape for shape, _ in types[2:]]}")
    return [(y, dtype)]


def _backward_input_infer(types, attrs):
    dtype, dx = _one_dtype(types), unknown(attrs["shape"])
    dy, w = types[0][0], types[1][0]
    want = _filtered_shape(dx, w, attrs)
    if any(None not in (a, b) and a != b for a, b in zip(dy, want, strict=True)):
        raise ValueError(f"conv2d_backward_input: dy has shape {dy}, expected {want} for dx of shape {dx}")
    return [(dx, dtype)]


def _backward_weights_infer(types, attrs):
    dtype, dw = _one_dtype(types), attrs["shape"]
    x, dy = types[0][0], types[1][0]
    want = _filtered_shape(x, dw, attrs)
    if any(None not in (a, b) and a != b for a, b in zip(dy, want, strict=True)):
        raise ValueError(f"conv2d_backward_weights: dy has shape {dy}, expected {want} for x {x} and dw {dw}")
    return [(dw, dtype)]


def _geometry(node) -> dict:
    if "activation" in node.attrs or any(node.attrs.get(key) for key in ("scale", "bias", "mask")):
        raise ValueError(f"{node.name} is differentiated before bias and activation are fused into it")
    return {key: node.attrs[key] for key in _GEOMETRY}


def _backward_input(dy, w, shape, attrs):
    return apply("conv2d_backward_input", [dy, w], shape=known(shape), **attrs)


def _backward_weights(x, dy, shape, attrs):
    return apply("conv2d_backward_weights", [x, dy], shape=tuple(shape), **attrs)


def _conv2d_grad(node, dy):
    (x, w), attrs = node.inputs, _geometry(node)
    return [_backward_input(dy, w, x.shape, attrs), _backward_weights(x, dy, w.shape, attrs)]


def _backward_input_grad(node, ddx):
    (dy, w), attrs = node.inputs, _geometry(node)
    return [apply("conv2d", [ddx, w], **attrs), _backward_weights(ddx, dy, w.shape, attrs)]


def _backward_weights_grad(node, ddw):
    (x, dy), attrs = node.inputs, _geometry(node)
    return [_backward_input(dy, ddw, x.shape, attrs), apply("conv2d", [x, ddw], **attrs)]


def _complete(types, attrs):
    return complete_pads(attrs, types[0][0], types[1][0])


def _complete_transposed(types, attrs):
    """The shape of a transposed convolution whose input was unknown when it was recorded."""
    dy, w = types[0][0], types[1][0]
    more, shape = attrs.get("more"), list(attrs["shape"])
    if more is None or None in dy[1:3]:
        return attrs
    for axis in range(2):
        before, after = attrs["pads"][2 * axis : 2 * axis + 2]
        reach = extent(w[axis], attrs["dilation"][axis])
        shape[1 + axis] = (dy[1 + axis] - 1) * attrs["strides"][axis] + reach - before - after + more[axis]
    shape[0] = -1 if dy[0] is None else dy[0]
    return {**{key: value for key, value in attrs.items() if key != "more"}, "shape": tuple(shape)}


define("conv2d", infer=_conv2d_infer, grad=_conv2d_grad, complete=_complete)
define(
    "conv2d_backward_input",
    infer=_backward_input_infer,
    grad=_backward_input_grad,
    complete=_complete_transposed,
)
define("conv2d_backward_weights", infer=_backward_weights_infer, grad=_backward_weights_grad)


# --- operands ----------------------------------------------------------------------------------------
def _images(name, inputs, kernel, data_format):
    """x and kernel with channels last and two spatial axes, in the kernel's dtype; the rank of x as it was given."""
    w = float_tensor(kernel)
    x = to_tensor(inputs, dtype_of(w))
    rank = len(x.shape)
    if rank == 5:
        raise NotImplementedError(f"`{name}` over three spatial axes is not supported; one and two are")
    if rank not in (3, 4):
        raise ValueError(
            f"`{name}` takes inputs of rank 3 (batch, length, channels) or 4 (batch, height, width, channels). "
            f"Received: inputs.shape={tuple(x.shape)}"
        )
    if len(w.shape) != rank:
        raise ValueError(
            "Kernel shape must have the same length as input, but received "
            f"kernel of shape {tuple(w.shape)} and input of shape {tuple(x.shape)}."
        )
    if data_format == "channels_first":
        x = to_channels_last(x)
    return (x, w, rank) if rank == 4 else (expand_dims(x, 1), expand_dims(w, 0), rank)


def _restore(y, rank, data_format):
    y = squeeze(y, 1) if rank == 3 else y
    return to_channels_first(y) if data_format == "channels_first" else y


def _pairs(rank, strides, dilation_rate):
    strides = tuple_of(strides, rank - 2, "strides")
    dilation = tuple_of(dilation_rate, rank - 2, "dilation_rate")
    return ((1, *strides), (1, *dilation)) if rank == 3 else (strides, dilation)


# --- public functions ------------------------------------------------------------------------------
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution (without turning the kernel round) over one or two spatial axes.

    Args:
        inputs: tensor (batch, length, channels) or (batch, height, width, channels); with
            `data_format="channels_first"` the channels are the second axis. Converted to the kernel's dtype.
        kernel: float tensor: the window's extents, the input channels that a filter sees, and the filters. With fewer
            input channels than the inputs have, channels and filters are split into groups.
        strides: int or tuple of ints, from window to window.
        padding: `"valid"` (whole windows only), `"same"` (ceil(extent / stride) windows, zeros outside of the image,
            the odd one after), or `"causal"` (zeros before).
        data_format: `"channels_last"` or `"channels_first"`. None: `config.image_data_format()`.
        dilation_rate: int or tuple of ints, the distance of a window's elements.

    Returns:
        A tensor of the kernel's dtype, with windows in place of the spatial extents and filters in place of channels.

    Raises:
        ValueError: shapes that do not fit, another rank or argument; a window larger than the image with `"valid"`.
        NotImplementedError: three spatial axes.
    """
    data_format = standardize_data_format(data_format)
    x, w, rank = _images("conv", inputs, kernel, data_format)
    strides, dilation = _pairs(rank, strides, dilation_rate)
    padding = standardize_padding(padding, ("causal",))
    channels, seen = x.shape[3], w.shape[2]
    if channels is None or seen == 0 or channels % seen:
        raise ValueError(
            "The number of input channels must be evenly divisible by kernel's in_channels. Received input channels "
            f"{channels} and kernel in_channels {seen}. "
        )
    groups = channels // seen
    if w.shape[3] % groups:
        raise ValueError(
            f"The number of filters must be evenly divisible by the number of groups. Received: groups={groups}, "
            f"filters={w.shape[3]}."
        )
    lifted = 4 - rank
    conv_output_shape(  # raises where no window fits
        (x.shape[0], *x.shape[1 + lifted :]),
        tuple(w.shape[lifted:]),
        strides[lifted:],
        padding,
        "channels_last",
        dilation[lifted:],
    )
    rows, columns = (
        pads(n, window, s, d, padding)
        for n, window, s, d in zip(x.shape[1:3], w.shape, strides, dilation, strict=False)
    )
    y = apply(
        "conv2d",
        [x, w],
        strides=strides,
        pads=(*rows, *columns),
        dilation=dilation,
        groups=groups,
        algorithm="auto",
    )
    return _restore(y, rank, data_format)


def conv_transpose_length(n, window, stride, dilation, padding, output_padding=None):
    """The extent that a transposed convolution makes of extent `n` (None for None), as Keras defines it.

    `"valid"`: (n - 1) stride + extent of the window + `output_padding`, which is by default what makes that n stride
    where the stride is the larger. `"same"`: n stride by default, else (n - 1) stride + `output_padding`, 1 more for
    a window of odd extent.
    """
    if n is None:
        return None
    reach = extent(window, dilation)
    if padding == "valid":
        return (n - 1) * stride + (max(reach, stride) if output_padding is None else reach + output_padding)
    return n * stride if output_padding is None else (n - 1) * stride + reach % 2 + output_padding


def _conv_transpose_pads(window, stride, dilation, padding, output_padding):
    """(before, after) of the convolution of which this is the adjoint.

    Keras, in JAX's terms, has the stretched input padded by `left` and `right`; a convolution with `before` of its own
    corresponds to left = reach - 1 - before. What `right` has beyond that are rows that no window touches: zeros.
    """
    reach = extent(window, dilation)
    if padding == "valid":
        return 0, 0
    total = stride + reach - 2 if output_padding is None else reach + reach % 2 - 2 + output_padding
    left = min(total // 2 + total % 2, reach - 1)
    return reach - 1 - left, max(reach - 1 - (total - left), 0)


def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """Transposed convolution: the gradient of a convolution with respect to its input, as a function.

    Args:
        inputs: tensor (batch, length, channels) or (batch, height, width, channels); with
            `data_format="channels_first"` the channels are the second axis. Converted to the kernel's dtype.
        kernel: float tensor: the window's extents, the filters, and the input channels.
        strides: int or tuple of ints, the factor by which the spatial extents grow.
        padding: `"valid"` or `"same"` (n * stride outputs).
        output_padding: int or tuple of ints below the strides, rows added at the end; None: as `padding` says, see
            `conv_transpose_length`.
        data_format: `"channels_last"` or `"channels_first"`. None: `config.image_data_format()`.
        dilation_rate: int or tuple of ints, the distance of a window's elements.

    Returns:
        A tensor of the kernel's dtype, with the filters in place of the channels.

    Raises:
        ValueError: shapes that do not fit, another rank or argument.
        NotImplementedError: three spatial axes.
    """
    data_format = standardize_data_format(data_format)
    x, w, rank = _images("conv_transpose", inputs, kernel, data_format)
    strides, dilation = _pairs(rank, strides, dilation_rate)
    padding = standardize_padding(padding)
    if output_padding is None:
        extra = (None, None)
    else:
        extra = tuple_of(output_padding, rank - 2, "output_padding", allow_zero=True)
        extra = (0, *extra) if rank == 3 else extra
        if any(e >= s for e, s in zip(extra, strides, strict=True)):
            raise ValueError(
                "`output_padding` must be strictly less than `strides` for all dimensions. "
                f"Received: output_padding={output_padding}, strides={strides}"
            )
    if x.shape[3] != w.shape[3]:
        raise ValueError(
            "The number of input channels must match the kernel's input channels. Received: input "
            f"channels={x.shape[3]}, kernel input channels={w.shape[3]}, data_format='{data_format}'."
        )
    axes = list(zip(w.shape, strides, dilation, (padding,) * 2, extra, strict=False))
    spatial = tuple(conv_transpose_length(n, *axis) for n, axis in zip(x.shape[1:3], axes, strict=True))
    around = [_conv_transpose_pads(*axis) for axis in axes]
    attrs = {"strides": strides, "pads": (*around[0], *around[1]), "dilation": dilation, "groups": 1}
    if None in spatial:  # what is known of it: how many rows there are beyond those that windows touch
        attrs["more"] = tuple(
            conv_transpose_length(1, *axis) - extent(axis[0], axis[2]) + sum(cut)
            for axis, cut in zip(axes, around, strict=True)
        )
    y = apply(
        "conv2d_backward_input", [x, w], shape=known((x.shape[0], *spatial, w.shape[2])), algorithm="auto", **attrs
    )
    return _restore(y, rank, data_format)
