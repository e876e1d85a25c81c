"""Convolution and transposed convolution against NumPy in float64, gradients against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import assert_close, check_gradient, uniform

from pykernels import ops
from pykernels.graph import apply
from pykernels.layers import Input
from pykernels.ops.windows import extent, output_length, pads

SETTINGS = settings(max_examples=25)
FEW = settings(max_examples=8)


def reference(x, w, strides, padding, dilation, groups):
    """conv2d of x (N, H, W, C) and w (R, S, C / groups, K) in float64, place by place of the window."""
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    r, s, seen, k = w.shape
    axes = [(*axis, padding) for axis in zip(x.shape[1:3], (r, s), strides, dilation, strict=True)]
    around = [pads(*axis) for axis in axes]
    p, q = (output_length(*axis) for axis in axes)
    x = np.pad(x, [(0, 0), *around, (0, 0)])
    y = np.zeros((x.shape[0], p, q, k))
    for g in range(groups):
        channels, filters = slice(g * seen, (g + 1) * seen), slice(g * k // groups, (g + 1) * k // groups)
        for i in range(r):
            for j in range(s):
                top, left = i * dilation[0], j * dilation[1]
                part = x[
                    :, top : top + p * strides[0] : strides[0], left : left + q * strides[1] : strides[1], channels
                ]
                y[..., filters] += part[:, :p, :q] @ w[i, j][:, filters]
    return y


@st.composite
def cases(draw, most=9, batches=(0, 1, 2, 3), channels=(1, 2, 3, 5, 16, 17)):
    """x, w and the arguments of a convolution that has an output."""
    groups = draw(st.sampled_from((1, 1, 1, 2, 3)))
    window = [draw(st.integers(1, 4)) for _ in range(2)]
    dilation = [draw(st.integers(1, 2)) for _ in range(2)]
    strides = [draw(st.integers(1, 3)) for _ in range(2)]
    padding = draw(st.sampled_from(("valid", "same")))
    least = [extent(k, d) if padding == "valid" else 1 for k, d in zip(window, dilation, strict=True)]
    size = [draw(st.integers(n, most)) for n in least]
    seen, filters = draw(st.sampled_from(channels)), groups * draw(st.sampled_from(channels))
    x = uniform((draw(st.sampled_from(batches)), *size, seen * groups), seed=1)
    w = uniform((*window, seen, filters), seed=2)
    return x, w, {"strides": tuple(strides), "padding": padding, "dilation_rate": tuple(dilation)}, groups


@given(cases())
@SETTINGS
def test_conv(case):
    x, w, options, groups = case
    want = reference(x, w, options["strides"], options["padding"], options["dilation_rate"], groups)
    for dtype in ("float32", "float64"):
        got = ops.conv(x.astype(dtype), w.astype(dtype), data_format="channels_last", **options)
        assert_close(got, want, dtype, length=w[..., 0].size, ulp=16)
    first = ops.conv(np.moveaxis(x, 3, 1), w, data_format="channels_first", **options)
    assert_close(np.moveaxis(first, 1, 3), want, "float64", length=w[..., 0].size, ulp=16)


@given(cases(most=5, batches=(1, 2), channels=(1, 2, 3)))
@FEW
def test_conv_gradient(case):
    x, w, options, _ = case
    check_gradient(lambda x, w: ops.conv(x, w, data_format="channels_last", **options), [x, w])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_conv_of_sequences(padding, data_format):
    x, w = uniform((2, 9, 4), seed=1), uniform((3, 2, 6), seed=2)
    for strides, dilation in ((1, 1), (2, 1), (1, 2)):
        # "causal" pads the steps only: the axis of one row gets nothing
        want = reference(x[:, None], w[None], (1, strides), padding, (1, dilation), groups=2)[:, 0]
        given = x if data_format == "channels_last" else np.moveaxis(x, 2, 1)
        got = ops.conv(given, w, strides, padding, data_format, dilation)
        assert_close(got if data_format == "channels_last" else np.moveaxis(got, 1, 2), want, "float64", length=16)
    check_gradient(lambda x, w: ops.conv(x, w, 2, padding, data_format), [given, w])


@st.composite
def transposed(draw, channels=(1, 2, 3, 16, 17)):
    window = [draw(st.integers(1, 4)) for _ in range(2)]
    strides = [draw(st.integers(1, 3)) for _ in range(2)]
    dilation = [1, 1] if max(strides) > 1 else [draw(st.integers(1, 2)) for _ in range(2)]
    options = {"strides": tuple(strides), "dilation_rate": tuple(dilation), "data_format": "channels_last"}
    options["padding"] = draw(st.sampled_from(("valid", "same")))
    options["output_padding"] = draw(st.one_of(st.none(), st.tuples(*(st.integers(0, s - 1) for s in strides))))
    x = uniform(
        (draw(st.sampled_from((1, 2))), *(draw(st.integers(2, 5)) for _ in range(2)), draw(st.sampled_from(channels)))
    )
    return x, uniform((*window, draw(st.sampled_from(channels)), x.shape[3]), seed=2), options


@given(transposed())
@SETTINGS
def test_conv_transpose_is_linear_with_the_kernel_as_response(case):
    """Each input element adds the kernel, seen from its channel, around stride times its place."""
    x, w, options = case
    y = ops.conv_transpose(x, w, **options)
    (r, s), strides, dilation = w.shape[:2], options["strides"], options["dilation_rate"]
    reach = [extent(k, d) for k, d in zip((r, s), dilation, strict=True)]
    size = [(n - 1) * by + e for n, by, e in zip(x.shape[1:3], strides, reach, strict=True)]
    whole = np.zeros((x.shape[0], *size, w.shape[2]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            for a in range(r):
                for b in range(s):
                    at = (i * strides[0] + a * dilation[0], j * strides[1] + b * dilation[1])
                    whole[:, at[0], at[1]] += x[:, i, j] @ w[a, b].T
    cut = [before for before, _ in (_cuts(reach[k], strides[k], options, k) for k in range(2))]
    want = np.zeros(y.shape)
    part = whole[:, cut[0] : cut[0] + y.shape[1], cut[1] : cut[1] + y.shape[2]]
    want[:, : part.shape[1], : part.shape[2]] = part
    assert_close(y, want, "float64", length=w[:, :, 0].size, ulp=16)
    assert_close(
        ops.conv_transpose(x.astype("float32"), w.astype("float32"), **options), want, length=w[:, :, 0].size, ulp=16
    )


def _cuts(reach, stride, options, axis):
    """What "same" cuts off the whole result: half of what is too much, less the output padding; the odd one after."""
    if options["padding"] == "valid":
        return 0, 0
    added = options["output_padding"]
    wanted = stride if added is None else reach % 2 + added[axis]  # beyond (n - 1) stride
    left = min(-((wanted + reach - 2) // -2), reach - 1)
    return reach - 1 - left, None


@given(transposed(channels=(1, 2)))
@FEW
def test_conv_transpose_gradient(case):
    x, w, options = case
    check_gradient(lambda x, w: ops.conv_transpose(x, w, **options), [x, w])


def test_gradient_of_the_weights_gradient():
    geometry = {"strides": (2, 1), "pads": (1, 0, 0, 1), "dilation": (1, 1), "groups": 1, "algorithm": "auto"}
    x, w = uniform((2, 5, 4, 2), seed=1), uniform((2, 3, 2, 3), seed=2)
    dy = uniform(apply("conv2d", [x, w], **geometry).shape, seed=3)
    check_gradient(lambda x, dy: apply("conv2d_backward_weights", [x, dy], shape=w.shape, **geometry), [x, dy])


def test_integers_and_unknown_extents():
    w = np.ones((2, 2, 1, 1), "float32")
    x = np.arange(9, dtype="uint8").reshape(1, 3, 3, 1)
    assert_close(ops.conv(x, w, data_format="channels_last")[0, :, :, 0], np.array([[8, 12], [20, 24]]))
    unknown = Input((None, None, 1))
    assert ops.conv(unknown, w, 2, "same").shape == (None, None, None, 1)
    assert ops.conv_transpose(unknown, w, 2, "same").shape == (None, None, None, 1)
    assert ops.conv(Input((7, None, 1)), w).shape == (None, 6, None, 1)


@pytest.mark.parametrize(
    ("call", "error", "parts"),
    [
        (lambda x, w: ops.conv(x, w[:, :, :, :, None]), ValueError, ["Kernel shape must have the same length"]),
        (lambda x, w: ops.conv(x[..., None], w), NotImplementedError, ["three spatial axes"]),
        (lambda x, w: ops.conv(x[0, 0], w), ValueError, ["rank 3", "(5, 4)"]),
        (lambda x, w: ops.conv(x[..., :3], w), ValueError, ["evenly divisible", "channels 3", "in_channels 2"]),
        (lambda x, w: ops.conv(x, w[..., :3]), ValueError, ["number of groups", "groups=2", "filters=3"]),
        (lambda x, w: ops.conv(x[:, :1], w), ValueError, ["zero or negative", "(2, 1, 5, 4)"]),
        (lambda x, w: ops.conv(x, w, padding="full"), ValueError, ["padding", "full"]),
        (lambda x, w: ops.conv(x, w, strides=0), ValueError, ["strides"]),
        (lambda x, w: ops.conv(x, w, strides=(1, 2, 3)), ValueError, ["strides", "2 integers"]),
        (lambda x, w: ops.conv(x, w, data_format="NCHW"), ValueError, ["data_format"]),
        (lambda x, w: ops.conv_transpose(x, w[..., :3]), ValueError, ["must match", "=4", "=3"]),
        (lambda x, w: ops.conv_transpose(x, w, 2, output_padding=2), ValueError, ["strictly less than"]),
    ],
)
def test_errors(call, error, parts):
    with pytest.raises(error) as caught:
        call(np.ones((2, 4, 5, 4), "float32"), np.ones((2, 2, 2, 4), "float32"))
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "window"), [("direct", 3), ("winograd2", 3), ("winograd4", 3), ("gemm", 1), ("auto", 3)]
)
def test_algorithms_by_name(algorithm, window):
    """Each computes the convolution and its gradients; what it costs in bits is what its transforms add."""
    x, w = uniform((2, 11, 9, 16), seed=1), uniform((window, window, 16, 24), seed=2)
    dy, pad = uniform((2, 11, 9, 24), seed=3), window // 2
    geometry = {"strides": (1, 1), "pads": (pad,) * 4, "dilation": (1, 1), "groups": 1, "algorithm": algorithm}
    plain = {"strides": (1, 1), "padding": "same", "dilation": (1, 1), "groups": 1}
    y = apply("conv2d", [x.astype("f"), w.astype("f")], **geometry)
    assert_close(y, reference(x, w, **plain), "float32", length=w[..., 0].size, ulp=16 * 5)
    turned = w[::-1, ::-1].swapaxes(2, 3)  # the adjoint
    dx = apply("conv2d_backward_input", [dy.astype("f"), w.astype("f")], shape=x.shape, **geometry)
    assert_close(dx, reference(dy, turned, **plain), "float32", length=w[:, :, 0].size, ulp=16 * 5)
    dw = apply("conv2d_backward_weights", [x.astype("f"), dy.astype("f")], shape=w.shape, **geometry)
    wide = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    want = reference(wide.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3), **{**plain, "padding": "valid"})
    assert_close(dw, want.transpose(1, 2, 0, 3), "float32", length=dy[..., 0].size, ulp=16 * 5)


def test_algorithms_that_do_not_apply():
    x, w = uniform((1, 5, 5, 4)).astype("f"), uniform((3, 3, 4, 8)).astype("f")
    geometry = {"strides": (2, 2), "pads": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}
    for algorithm in ("winograd2", "winograd4", "gemm"):
        with pytest.raises(ValueError, match=f"algorithm '{algorithm}' needs"):
            apply("conv2d", [x, w], algorithm=algorithm, **geometry)
    with pytest.raises(ValueError, match="no algorithm is called 'fft'; there are auto, direct"):
        apply("conv2d", [x, w], algorithm="fft", **geometry)
