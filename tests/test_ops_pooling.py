"""Pooling: values and gradients against NumPy, shapes, arguments, and Keras (JAX backend) at ties and edges."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import check_forward, check_gradient, gradient_of, run_symbolic, uniform

from pykernels import ops
from pykernels.graph import Tensor
from pykernels.ops import windows

few = settings(max_examples=25)


def same_pads(size, window, stride):
    """TensorFlow's rule, from its documentation."""
    total = max(window - (size % stride or stride), 0)
    return total // 2, total - total // 2


def np_pool(x, reduce, window, strides, padding):
    """`reduce` (nanmax or nanmean) over each window; what is outside the image is NaN."""
    n, h, w, c = x.shape
    if padding == "same":
        around = [same_pads(s, k, t) for s, k, t in zip((h, w), window, strides, strict=True)]
        x = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=np.nan)
    p, q = ((s - k) // t + 1 for s, k, t in zip(x.shape[1:3], window, strides, strict=True))
    y = np.empty((n, p, q, c))
    for i in range(p):
        for j in range(q):
            top, left = i * strides[0], j * strides[1]
            y[:, i, j] = reduce(x[:, top : top + window[0], left : left + window[1]], axis=(1, 2))
    return y


@st.composite
def cases(draw):
    """(shape, window, strides, padding) with whole windows where those are asked for."""
    padding = draw(st.sampled_from(windows.PADDINGS))
    window = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    least = window if padding == "valid" else (1, 1)
    h, w = (draw(st.integers(k, k + 6)) for k in least)
    n, c = draw(st.sampled_from((0, 1, 2))), draw(st.sampled_from((1, 3, 8, 16, 17)))
    strides = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return (n, h, w, c), window, strides, padding


@given(cases())
@few
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:All-NaN")
def test_values(case):
    shape, window, strides, padding = case
    x = uniform(shape)
    steps = strides or window
    for ours, reduce in ((ops.max_pool, np.nanmax), (ops.average_pool, np.nanmean)):
        check_forward(
            lambda x, f=ours: f(x, window, strides, padding),
            lambda x, f=reduce: np_pool(x, f, window, steps, padding),
            [x],
            length=16,
        )
        first = ours(np.moveaxis(x, -1, 1), window, strides, padding, "channels_first")
        np.testing.assert_array_equal(first, np.moveaxis(ours(x, window, strides, padding), -1, 1))


@given(cases())
@settings(max_examples=12)
def test_gradients(case):
    (n, h, w, c), window, strides, padding = case
    shape = (min(n, 1), min(h, window[0] + 2), min(w, window[1] + 2), min(c, 3))
    x = np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape) * 0.01  # no ties
    check_gradient(lambda x: ops.max_pool(x, window, strides, padding), [x])
    check_gradient(lambda x: ops.average_pool(x, window, strides, padding), [x])


def test_sequences():
    x = uniform((2, 7, 3)).astype("float32").astype("float64")
    for ours, reduce in ((ops.max_pool, np.nanmax), (ops.average_pool, np.nanmean)):
        want = np_pool(x[:, None], reduce, (1, 3), (1, 2), "same")[:, 0]
        check_forward(lambda x, f=ours: f(x, 3, 2, "same"), lambda x, y=want: y, [x], length=3)
        check_gradient(lambda x, f=ours: f(x, 3, 2, "same"), [x])
        first = ours(np.swapaxes(x, 1, 2), 3, 2, "same", "channels_first")
        np.testing.assert_allclose(first, np.swapaxes(want, 1, 2), rtol=1e-12)


def test_large_windows_have_wide_indices():
    x = uniform((1, 20, 18, 5))
    check_forward(
        lambda x: ops.max_pool(x, (17, 16), (2, 1)), lambda x: np_pool(x, np.nanmax, (17, 16), (2, 1), "valid"), [x]
    )
    (dx,) = gradient_of(lambda x: ops.max_pool(x, (17, 16), (2, 1)), [x])
    assert dx.sum() == 2 * 3 * 5


def test_not_a_number_stays():
    x = np.zeros((1, 4, 4, 2), "float32")
    x[0, 1, 0, 1] = np.nan
    y = ops.max_pool(x, 2)
    assert np.isnan(y[0, 0, 0, 1])
    assert np.isnan(y).sum() == 1
    assert np.isnan(ops.average_pool(x, 2)).sum() == 1


def test_integers_become_floats():
    y = ops.max_pool(np.arange(16).reshape(1, 4, 4, 1), 2)
    assert y.dtype == "float32"
    np.testing.assert_array_equal(y.ravel(), [5, 7, 13, 15])


def test_unknown_extents():
    x = Tensor((None, 8, None, 3), "float32")
    assert ops.max_pool(x, 2).shape == (None, 4, None, 3)
    assert ops.average_pool(x, 3, 2, "same").shape == (None, 4, None, 3)


@pytest.mark.parametrize(
    ("shape", "arguments", "error", "message"),
    [
        ((1, 4, 4, 1), {"pool_size": 5}, ValueError, "zero or negative.*pool_size"),
        ((1, 4, 4, 1), {"pool_size": 0}, ValueError, "`pool_size` argument must be a tuple of 2 integers"),
        ((1, 4, 4, 1), {"pool_size": (2, 2, 2)}, ValueError, "`pool_size` argument must be a tuple of 2 integers"),
        ((1, 4, 4, 1), {"pool_size": 2, "strides": (1, 1.5)}, ValueError, "`strides`.*including element 1.5"),
        ((1, 4, 4, 1), {"pool_size": 2, "strides": -1}, ValueError, "`strides`.*do not satisfy"),
        ((1, 4, 4, 1), {"pool_size": 2, "padding": "full"}, ValueError, "`padding` argument.*'full'"),
        ((1, 4, 4, 1), {"pool_size": 2, "padding": "causal"}, ValueError, "`padding` argument.*'causal'"),
        ((1, 4, 4, 1), {"pool_size": 2, "data_format": "NHWC"}, ValueError, "data_format"),
        ((4, 4), {"pool_size": 2}, ValueError, r"inputs.shape=\(4, 4\)"),
        ((1, 4, 4, 4, 1), {"pool_size": 2}, NotImplementedError, "three spatial axes"),
    ],
)
def test_refused(shape, arguments, error, message):
    for pool in (ops.max_pool, ops.average_pool):
        with pytest.raises(error, match=message):
            pool(np.zeros(shape, "float32"), **arguments)


# --- the oracle ------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "jax"
    module = pytest.importorskip("keras")
    if module.backend.backend() != "jax":
        pytest.skip("keras was imported with another backend")
    return module


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("window", "strides"), [((2, 2), None), ((3, 3), (2, 2)), ((3, 2), (1, 3))])
def test_ties_and_edges_as_keras(keras, window, strides, padding):
    import jax

    rng = np.random.default_rng(0)
    x = rng.integers(-2, 2, (2, 7, 6, 5)).astype("float32")  # few values: many ties
    for name in ("max_pool", "average_pool"):
        theirs, ours = getattr(keras.ops, name), getattr(ops, name)
        want, vjp = jax.vjp(lambda x, f=theirs: f(x, window, strides or window, padding), x)
        got = ours(x, window, strides, padding)
        np.testing.assert_allclose(got, want, rtol=4e-7)  # sums of a few whole numbers, and one division
        (dx,) = gradient_of(lambda x, f=ours: f(x, window, strides, padding), [x])
        np.testing.assert_allclose(dx, vjp(np.ones_like(want))[0], rtol=1e-5, atol=1e-6)
        _, recorded = run_symbolic(lambda x, f=ours: f(x, window, strides, padding), [x])
        np.testing.assert_array_equal(recorded, got)


def test_pads_as_jax(keras):
    from jax import lax

    for size in range(1, 12):
        for window in range(1, 6):
            for stride in range(1, 5):
                for dilation in range(1, 4):
                    wide = windows.extent(window, dilation)
                    want = lax.padtype_to_pads((size,), (wide,), (stride,), "SAME")[0]
                    assert windows.pads(size, window, stride, dilation, "same") == tuple(map(int, want))


def test_window_shapes():
    assert windows.conv_output_shape((2, 8, 8, 3), (3, 3, 3, 16), (2, 2), "same", "channels_last", (1, 1)) == (
        2,
        4,
        4,
        16,
    )
    assert windows.conv_output_shape((2, 3, 8, None), (3, 3, 3, 16), (1, 1), "valid", "channels_first", (2, 2)) == (
        *(2, 16, 4, None),
    )
    assert windows.pads(8, 3, 1, 2, "causal") == (4, 0)
    assert windows.output_length(8, 3, 1, 2, "causal") == 8
    with pytest.raises(ValueError, match=r"zero or negative.*kernel shape"):
        windows.conv_output_shape((1, 4, 4, 1), (3, 3, 1, 1), (1, 1), "valid", "channels_last", (2, 2))
    with pytest.raises(ValueError, match="same length as input"):
        windows.conv_output_shape((1, 4, 4), (3, 3, 1, 1), (1, 1), "valid", "channels_last", (1, 1))
