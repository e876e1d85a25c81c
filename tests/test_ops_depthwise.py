"""Depthwise convolution: values and gradients against NumPy, arguments, and Keras (JAX backend)."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import assert_close, check_forward, check_gradient, gradient_of, uniform

from pykernels import _core, ops
from pykernels.graph import Tensor, apply
from pykernels.ops import windows

few = settings(max_examples=25)


def np_depthwise(x, w, strides, pads, dilation):
    """One product after another, in the dtype of x."""
    (n, _, _, c), (r, s, _, m) = x.shape, w.shape
    x = np.pad(x, ((0, 0), pads[:2], pads[2:], (0, 0)))
    p, q = (
        (size - windows.extent(k, d)) // t + 1
        for size, k, d, t in zip(x.shape[1:3], (r, s), dilation, strides, strict=True)
    )
    y = np.zeros((n, p, q, c, m), x.dtype)
    for i in range(r):
        for j in range(s):
            top, left = i * dilation[0], j * dilation[1]
            part = x[
                :,
                top : top + (p - 1) * strides[0] + 1 : strides[0],
                left : left + (q - 1) * strides[1] + 1 : strides[1],
            ]
            y += part[..., None] * w[i, j]
    return y.reshape(n, p, q, c * m)


@st.composite
def cases(draw):
    """(input shape, kernel shape, attributes)"""
    window = draw(st.sampled_from([(1, 1), (3, 3), (5, 5), (2, 3), (1, 4)]))
    strides, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    pads = tuple(draw(st.integers(0, 4)) for _ in range(4))
    h, w = (
        draw(st.integers(max(1, windows.extent(k, d) - sum(around)), windows.extent(k, d) + 6))
        for k, d, around in zip(window, dilation, (pads[:2], pads[2:]), strict=True)
    )
    n, c, m = (
        draw(st.sampled_from((0, 1, 2))),
        draw(st.sampled_from((1, 3, 8, 16, 17))),
        draw(st.sampled_from((1, 1, 2, 3))),
    )
    return (n, h, w, c), (*window, c, m), {"strides": strides, "pads": pads, "dilation": dilation}


@given(cases())
@few
def test_values(case):
    shape, filters, attrs = case
    check_forward(
        lambda x, w: apply("depthwise_conv2d", [x, w], **attrs),
        lambda x, w: np_depthwise(x, w, **attrs),
        [uniform(shape), uniform(filters, seed=1)],
        length=25,
    )


@given(cases())
@few
def test_backward(case):
    """The passes are the adjoints: <dy, conv(x, w)> is linear in x and in w."""
    shape, filters, attrs = case
    for dtype in ("float32", "float64"):
        x, w = uniform(shape).astype(dtype), uniform(filters, seed=1).astype(dtype)
        dy = uniform(np_depthwise(x, w, **attrs).shape, seed=2).astype(dtype)
        dx = apply("depthwise_conv2d_backward_input", [dy, w], shape=shape, **attrs)
        dw = apply("depthwise_conv2d_backward_weights", [x, dy], shape=filters, **attrs)
        want_dx, want_dw = np.zeros(shape), np.zeros(filters)
        c, m = filters[2:]
        for at in np.ndindex(*filters[:2]):
            one = np.zeros(filters)
            one[at] = 1
            moved = np_depthwise(
                np.arange(np.prod(shape[1:3])).reshape(1, *shape[1:3], 1) + 1.0, one[:, :, :1, :1], **attrs
            )
            places = moved[0, :, :, 0].astype(int) - 1  # of the image, -1 outside
            for (p, q), place in np.ndenumerate(places):
                if place < 0:
                    continue
                i, j = divmod(place, shape[2])
                d = dy[:, p, q].reshape(-1, c, m).astype("float64")
                want_dx[:, i, j] += (d * w[at]).sum(-1)
                want_dw[at] += (d * x[:, i, j, :, None]).sum(0)
        assert_close(dx, want_dx, dtype, length=25 * m)
        assert_close(dw, want_dw, dtype, length=64)
        both = apply_both(x, dy, filters, attrs)
        np.testing.assert_array_equal(both[0], dw)
        assert_close(both[1], dy.astype("float64").sum((0, 1, 2)), dtype, length=64)


def apply_both(x, dy, filters, attrs):
    """dw and dbias, as the pass that joins them asks for."""
    types = [(filters, x.dtype.name), ((dy.shape[-1],), x.dtype.name)]
    return _core.run_op("depthwise_conv2d_backward_weights", [x, dy], types, attrs)


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_gradients(padding, m):
    x, w = uniform((2, 5, 4, 3)), uniform((3, 2, 3, m), seed=1)
    for strides, dilation in (((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (1, 2)), ((3, 3), (1, 1))):
        check_gradient(lambda x, w, s=strides, d=dilation: ops.depthwise_conv(x, w, s, padding, None, d), [x, w])


def test_second_gradients():
    x, w, dy = uniform((1, 4, 4, 2)), uniform((3, 3, 2, 2), seed=1), uniform((1, 4, 4, 4), seed=2)
    attrs = {"strides": (1, 1), "pads": (1, 1, 1, 1), "dilation": (1, 1)}
    check_gradient(lambda d, w: apply("depthwise_conv2d_backward_input", [d, w], shape=x.shape, **attrs), [dy, w])
    check_gradient(lambda x, d: apply("depthwise_conv2d_backward_weights", [x, d], shape=w.shape, **attrs), [x, dy])


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_epilogues(dtype, m):
    c, attrs = 5, {"strides": (2, 2), "pads": (1, 0, 1, 1), "dilation": (1, 1)}
    x, w = uniform((2, 6, 5, c)).astype(dtype), uniform((3, 3, c, m), seed=1).astype(dtype)
    z = np_depthwise(x.astype("float64"), w.astype("float64"), **attrs)
    scale, bias = (uniform((c * m,), seed=i).astype(dtype) for i in (2, 3))
    got = apply("depthwise_conv2d", [x, w, bias], bias=True, activation="relu", alpha=0.0, **attrs)
    assert_close(got, np.maximum(z + bias, 0), dtype, length=11)
    got = apply("depthwise_conv2d", [x, w, scale, bias], scale=True, bias=True, activation="tanh", alpha=0.0, **attrs)
    assert_close(got, np.tanh(z * scale + bias), dtype, length=60)
    dy = uniform(z.shape, seed=4).astype(dtype)
    dx = apply("depthwise_conv2d_backward_input", [dy, w], shape=x.shape, **attrs)
    mask = uniform(x.shape, seed=5).astype(dtype)
    got = apply("depthwise_conv2d_backward_input", [dy, w, mask], shape=x.shape, mask=True, **attrs)
    np.testing.assert_array_equal(got, np.where(mask > 0, dx, 0))


def test_sequences():
    x, w = uniform((2, 9, 3)), uniform((3, 3, 2), seed=1)
    want = np_depthwise(x[:, None], w[None], (1, 2), (0, 0, 1, 1), (1, 1))[:, 0]
    np.testing.assert_allclose(ops.depthwise_conv(x, w, 2, "same"), want, rtol=0, atol=1e-13)
    first = ops.depthwise_conv(np.swapaxes(x, 1, 2), w, 2, "same", "channels_first")
    np.testing.assert_allclose(first, np.swapaxes(want, 1, 2), rtol=0, atol=1e-13)
    check_gradient(lambda x, w: ops.depthwise_conv(x, w, 2, "same"), [x, w])


def test_refused():
    x, w = np.zeros((1, 4, 4, 3), "float32"), np.zeros((3, 3, 3, 1), "float32")
    with pytest.raises(ValueError, match="zero or negative"):
        ops.depthwise_conv(x, w, dilation_rate=2)
    with pytest.raises(ValueError, match="kernel is for 2 channels and the inputs have 3"):
        ops.depthwise_conv(x, w[:, :, :2])
    with pytest.raises(ValueError, match="same length as input"):
        ops.depthwise_conv(x, w[0])
    with pytest.raises(ValueError, match="`strides` argument"):
        ops.depthwise_conv(x, w, strides=0)
    with pytest.raises(NotImplementedError, match="three spatial axes"):
        ops.depthwise_conv(x[None], w[None])
    assert ops.depthwise_conv(Tensor((None, 8, None, 3), "float32"), w, 2, "same").shape == (None, 4, None, 3)


# --- the oracle ------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "jax"
    module = pytest.importorskip("keras")
    if module.backend.backend() != "jax":
        pytest.skip("keras was imported with another backend")
    return module


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_as_keras(keras, padding, strides, dilation):
    import jax

    x, w = uniform((2, 8, 7, 5)).astype("float32"), uniform((3, 3, 5, 2), seed=1).astype("float32")
    want, vjp = jax.vjp(lambda x, w: keras.ops.depthwise_conv(x, w, strides, padding, None, dilation), x, w)
    np.testing.assert_allclose(ops.depthwise_conv(x, w, strides, padding, None, dilation), want, atol=1e-4)
    got = gradient_of(lambda x, w: ops.depthwise_conv(x, w, strides, padding, None, dilation), [x, w])
    for have, need in zip(got, vjp(np.ones_like(want)), strict=True):
        np.testing.assert_allclose(have, need, atol=1e-3)
