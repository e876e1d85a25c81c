"""Convolution and pooling layers, forward and backward, against NumPy in float64 on drawn shapes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_testing import BATCHES, CHANNELS, FORMATS, SMOOTH, check_layer, np_activation
from test_ops_conv import reference as np_conv
from test_ops_depthwise import np_depthwise
from test_ops_pooling import np_pool

import pykernels as pk
from pykernels.ops.windows import extent, join_shape, pads

L = pk.layers
EXAMPLES = settings(max_examples=20)


def last(x, data_format):
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def back(y, data_format):
    return np.moveaxis(y, -1, 1) if data_format == "channels_first" else y


def in_two_axes(function):
    """`function` of images and kernels, for sequences and images in both layouts."""

    def call(x, *kernels, data_format):
        x = last(x, data_format)
        if x.ndim == 3:
            return back(function(x[:, None], *(w[None] for w in kernels))[:, 0], data_format)
        return back(function(x, *kernels), data_format)

    return call


def with_bias(y, bias, options):
    if bias:
        y = y + (bias[0] if options["data_format"] == "channels_last" else bias[0].reshape(-1, *(1,) * (y.ndim - 2)))
    return np_activation(y, options["activation"])


@st.composite
def windows(draw, rank, strided_dilation=False, low=1, high=9, groups=1):
    """(options, input shape) of a convolution over `rank` axes that has an output."""
    kernel, strides = ([draw(st.integers(1, most)) for _ in range(rank)] for most in (4, 3))
    dilation = [draw(st.integers(1, 2)) for _ in range(rank)]
    if max(dilation) > 1 and not strided_dilation:
        strides = [1] * rank
    padding, data_format = draw(st.sampled_from(("valid", "same"))), draw(FORMATS)
    least = [extent(k, d) if padding == "valid" else low for k, d in zip(kernel, dilation, strict=True)]
    spatial = tuple(draw(st.integers(n, max(n, high))) for n in least)
    options = {
        "kernel_size": tuple(kernel),
        "strides": tuple(strides),
        "dilation_rate": tuple(dilation),
        "padding": padding,
        "data_format": data_format,
        "activation": draw(SMOOTH),
        "use_bias": draw(st.booleans()),
    }
    return options, join_shape((draw(BATCHES),), spatial, groups * draw(CHANNELS), data_format)


def two(values, fill=1):
    return (fill, *values) if len(values) == 1 else tuple(values)


def terms_of(shape, options):
    return int(np.prod(options["kernel_size"])) * max(shape[1], shape[-1])


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_conv(rank, data):
    groups = data.draw(st.sampled_from((1, 1, 2, 3)))
    options, shape = data.draw(windows(rank, groups=groups))
    filters = groups * data.draw(CHANNELS)
    if rank == 1 and data.draw(st.booleans()):
        options["padding"] = "causal"
    convolve = in_two_axes(
        lambda x, w: np_conv(
            x, w, two(options["strides"]), options["padding"], two(options["dilation_rate"]), groups=groups
        )
    )
    check_layer(
        lambda dtype: getattr(L, f"Conv{rank}D")(filters, groups=groups, dtype=dtype, **options),
        lambda x, w, *b: with_bias(convolve(x, w, data_format=options["data_format"]), b, options),
        shape,
        terms_of(shape, options),
    )


def np_transposed(x, w, strides, padding, dilation):
    """What a convolution that makes images like x of larger ones sees: <result, e> = <x, convolution(e)> for all e."""
    size = [
        n * s if padding == "same" else (n - 1) * s + max(extent(k, d), s)
        for n, s, k, d in zip(x.shape[1:3], strides, w.shape, dilation, strict=False)
    ]
    places = (*size, w.shape[2])
    seen = np_conv(np.eye(int(np.prod(places))).reshape(-1, *places), w, strides, padding, dilation, groups=1)
    return np.tensordot(x, seen, ((1, 2, 3), (1, 2, 3))).reshape(x.shape[0], *places)


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_conv_transpose(rank, data):
    options, shape = data.draw(windows(rank, high=4))
    filters = data.draw(st.sampled_from((1, 2, 3)))
    convolve = in_two_axes(
        lambda x, w: np_transposed(x, w, two(options["strides"]), options["padding"], two(options["dilation_rate"]))
    )
    check_layer(
        lambda dtype: getattr(L, f"Conv{rank}DTranspose")(filters, dtype=dtype, **options),
        lambda x, w, *b: with_bias(convolve(x, w, data_format=options["data_format"]), b, options),
        shape,
        terms_of(shape, options),
    )


def np_depthwise_padded(x, w, options):
    strides, dilation = two(options["strides"]), two(options["dilation_rate"])
    around = [
        pads(n, k, s, d, options["padding"])
        for n, k, s, d in zip(x.shape[1:], w.shape, strides, dilation, strict=False)
    ]
    return np_depthwise(x, w, strides, (*around[0], *around[1]), dilation)


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_depthwise_conv(rank, data):
    options, shape = data.draw(windows(rank, strided_dilation=True))
    multiplier = data.draw(st.integers(1, 3))
    convolve = in_two_axes(lambda x, w: np_depthwise_padded(x, w, options))
    check_layer(
        lambda dtype: getattr(L, f"DepthwiseConv{rank}D")(depth_multiplier=multiplier, dtype=dtype, **options),
        lambda x, w, *b: with_bias(convolve(x, w, data_format=options["data_format"]), b, options),
        shape,
        terms_of(shape, options),
    )


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_separable_conv(rank, data):
    options, shape = data.draw(windows(rank, strided_dilation=True))
    multiplier, filters = data.draw(st.integers(1, 3)), data.draw(CHANNELS)
    convolve = in_two_axes(
        lambda x, w, pointwise: np_depthwise_padded(x, w, options) @ pointwise[0, 0]  # (1, 1, channels, filters)
    )
    check_layer(
        lambda dtype: getattr(L, f"SeparableConv{rank}D")(filters, depth_multiplier=multiplier, dtype=dtype, **options),
        lambda x, w, v, *b: with_bias(convolve(x, w, v, data_format=options["data_format"]), b, options),
        shape,
        3 * terms_of(shape, options),
    )


# --- pooling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize(("kind", "reduce"), [("MaxPooling", np.nanmax), ("AveragePooling", np.nanmean)])
@given(data=st.data())
@EXAMPLES
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:All-NaN")
def test_pooling(kind, reduce, rank, data):
    options, shape = data.draw(windows(rank))
    window, strides, padding = options["kernel_size"], data.draw(st.sampled_from((None, options["strides"]))), "valid"
    if max(options["dilation_rate"]) == 1:  # else a window may be larger than the image of "same"
        padding = options["padding"]
    check_layer(
        lambda dtype: getattr(L, f"{kind}{rank}D")(window, strides, padding, options["data_format"], dtype=dtype),
        lambda x: in_two_axes(lambda x: np_pool(x, reduce, two(window), two(strides or window), padding))(
            x, data_format=options["data_format"]
        ),
        shape if padding == "same" or options["padding"] == "valid" else grown(shape, window, options["data_format"]),
        int(np.prod(window)),
        distinct=kind == "MaxPooling",
    )


def grown(shape, window, data_format):
    first = 2 if data_format == "channels_first" else 1
    shape = list(shape)
    for axis, w in enumerate(window, first):
        shape[axis] = max(shape[axis], w)
    return tuple(shape)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize(("kind", "reduce"), [("GlobalMaxPooling", np.max), ("GlobalAveragePooling", np.mean)])
@given(data=st.data())
@EXAMPLES
def test_global_pooling(kind, reduce, rank, data):
    options, shape = data.draw(windows(rank))
    keepdims, data_format = data.draw(st.booleans()), options["data_format"]
    first = 2 if data_format == "channels_first" else 1
    axes = tuple(range(first, first + rank))
    check_layer(
        lambda dtype: getattr(L, f"{kind}{rank}D")(data_format, keepdims, dtype=dtype),
        lambda x: reduce(x, axes, keepdims=keepdims),
        shape,
        81,
        distinct=kind == "GlobalMaxPooling",
    )
