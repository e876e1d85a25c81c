"""Normalization ops: values and gradients against NumPy, data far from zero, and Keras (JAX backend)."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import check_forward, check_gradient, gradient_of, shapes, uniform

from pykernels import ops
from pykernels.graph import Tensor, apply
from pykernels.ops import normalization

few = settings(max_examples=20)
EPSILON = 1e-3
ULP = 64  # sums of blocks of 64 in the dtype, a root and a division


def parts(shape, axis=-1):
    """x, gamma, beta"""
    c = shape[axis]
    return [uniform(shape), uniform((c,), 0.5, 2.0, seed=1), uniform((c,), seed=2)]


def np_normalize(x, axes, epsilon=EPSILON):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def np_batch_norm(x, gamma, beta):
    return np_normalize(x, tuple(range(x.ndim - 1))) * gamma + beta


def np_group_norm(x, groups, gamma, beta):
    split = x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
    return np_normalize(split, (1, 3)).reshape(x.shape) * gamma + beta


@given(shapes(1, 4, most=2000, empty=False))
@few
def test_batch_norm(shape):
    check_forward(lambda x, g, b: normalization.batch_norm(x, g, b)[0], np_batch_norm, parts(shape), ulp=ULP)
    axes = tuple(range(len(shape) - 1))
    check_forward(lambda x: normalization.batch_norm(x)[1], lambda x: x.mean(axes), parts(shape)[:1], ulp=ULP)
    check_forward(lambda x: normalization.batch_norm(x)[2], lambda x: x.var(axes), parts(shape)[:1], ulp=ULP)


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 2), (7, 1), (3, 17)])
def test_batch_norm_gradients(shape):
    x, gamma, beta = parts(shape)
    check_gradient(lambda x, g, b: normalization.batch_norm(x, g, b)[0], [x, gamma, beta])
    check_gradient(lambda x: normalization.batch_norm(x)[1], [x])
    check_gradient(lambda x: normalization.batch_norm(x)[2], [x])
    check_gradient(lambda x: ops.add(normalization.batch_norm(x)[0], normalization.batch_norm(x)[2]), [x])
    moved = np.moveaxis(x, -1, 0)
    check_gradient(lambda x, g, b: normalization.batch_norm(x, g, b, axis=0)[0], [moved, gamma, beta])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_far_from_zero(dtype):
    """The variance must not drown in the square of the mean."""
    far = {"float32": 1e4, "float64": 1e8}[dtype]
    x = (np.random.default_rng(0).normal(size=(4, 31, 30, 24)) + far).astype(dtype)
    y, mean, variance = normalization.batch_norm(x)
    centred = x.astype("longdouble") - far
    want = centred.var((0, 1, 2))
    eps = np.finfo(dtype).eps
    merged = 4 * np.finfo("float64").eps * far  # blocks meet in double
    np.testing.assert_allclose(variance, want.astype(dtype), rtol=ULP * eps + merged)
    np.testing.assert_allclose(mean, (centred.mean((0, 1, 2)) + far).astype(dtype), rtol=8 * eps)  # one for each merge
    hat = (centred - centred.mean((0, 1, 2))) / np.sqrt(want + EPSILON)
    np.testing.assert_allclose(y, hat.astype(dtype), rtol=0, atol=8 * (ULP * eps + merged))


def test_no_examples():
    y, mean, variance = normalization.batch_norm(np.zeros((0, 4, 4, 3), "float32"))
    assert y.shape == (0, 4, 4, 3)
    assert np.isnan(mean).all()
    assert np.isnan(variance).all()
    dx, dgamma, dbeta = gradient_of(
        lambda x, g, b: normalization.batch_norm(x, g, b)[0],
        [np.zeros((0, 3), "float32"), np.ones(3, "float32"), np.ones(3, "float32")],
    )
    assert dx.shape == (0, 3)
    assert not dgamma.any()
    assert not dbeta.any()
    assert ops.layer_normalization(np.zeros((0, 4), "float32")).shape == (0, 4)
    assert normalization.group_norm(np.zeros((0, 5, 4), "float32"), 2).shape == (0, 5, 4)


@given(shapes(1, 4, most=2000), st.integers(-4, 3))
@few
def test_inference(shape, axis):
    axis %= len(shape)
    c = shape[axis]
    x, scale, offset = parts(shape, axis)
    mean, variance = uniform((c,), seed=3), uniform((c,), 0.1, 2.0, seed=4)

    def reference(x, mean, variance, offset, scale):
        at = tuple(c if i == axis else 1 for i in range(x.ndim))
        hat = (x - mean.reshape(at)) / np.sqrt(variance.reshape(at) + EPSILON)
        return hat * scale.reshape(at) + offset.reshape(at)

    check_forward(
        lambda x, m, v, o, s: ops.batch_normalization(x, m, v, axis, o, s, EPSILON),
        reference,
        [x, mean, variance, offset, scale],
        ulp=ULP,
    )
    want = reference(x, mean, variance, np.zeros(c), np.ones(c))
    np.testing.assert_allclose(ops.batch_normalization(x, mean, variance, axis), want, rtol=1e-12, atol=1e-12)


def test_inference_gradients():
    x, scale, offset = parts((2, 3, 4))
    mean, variance = uniform((4,), seed=3), uniform((4,), 0.1, 2.0, seed=4)
    check_gradient(lambda x, m, v, o, s: ops.batch_normalization(x, m, v, -1, o, s), [x, mean, variance, offset, scale])


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid"])
def test_scale_shift_with_activation(activation):
    x, scale, shift = parts((6, 5, 3))
    check_forward(
        lambda x, s, t: apply("scale_shift", [x, s, t], activation=activation, alpha=0.0),
        lambda x, s, t: np.asarray(apply("activation", [x * s + t], activation=activation, alpha=0.0)),
        [x, scale, shift],
        ulp=16,
    )


@pytest.mark.parametrize(
    ("shape", "groups"), [((2, 3, 4), 2), ((2, 5, 5, 6), 3), ((3, 4, 32), 8), ((2, 17), 1), ((2, 7, 5), 5)]
)
def test_group_norm(shape, groups):
    check_forward(
        lambda x, g, b: normalization.group_norm(x, groups, g, b),
        lambda x, g, b: np_group_norm(x, groups, g, b),
        parts(shape),
        ulp=ULP,
    )
    x, gamma, beta = parts(shape)
    check_gradient(lambda x, g, b: normalization.group_norm(x, groups, g, b), [x, gamma, beta])
    first = normalization.group_norm(np.moveaxis(x, -1, 1), groups, gamma, beta, axis=1)
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), np_group_norm(x, groups, gamma, beta), rtol=0, atol=1e-12)


@given(shapes(1, 3, most=2000).filter(lambda shape: shape[-1]))
@few
def test_layer_normalization(shape):
    check_forward(
        lambda x, g, b: ops.layer_normalization(x, g, b, epsilon=EPSILON),
        lambda x, g, b: np_normalize(x, -1) * g + b,
        parts(shape),
        ulp=ULP,
    )


@pytest.mark.parametrize("axis", [0, 1, (1, 2), (-1, 0), [0, 1, 2]])
def test_layer_normalization_axes(axis):
    x = uniform((3, 4, 5))
    axes = tuple(sorted(a % 3 for a in (axis if isinstance(axis, (tuple, list)) else (axis,))))
    shape = tuple(x.shape[a] for a in axes)
    at = tuple(x.shape[i] if i in axes else 1 for i in range(3))
    gamma, beta = uniform(shape, 0.5, 2, seed=1), uniform(shape, seed=2)
    check_forward(
        lambda x, g, b: ops.layer_normalization(x, g, b, axis, EPSILON),
        lambda x, g, b: np_normalize(x, axes) * g.reshape(at) + b.reshape(at),
        [x, gamma, beta],
        ulp=ULP,
    )
    check_gradient(lambda x, g, b: ops.layer_normalization(x, g, b, axis, EPSILON), [x, gamma, beta])
    want = np_normalize(x, axes, 1e-7) * gamma.reshape(at)
    np.testing.assert_allclose(ops.layer_normalization(x, gamma.reshape(at), axis=axis), want, rtol=0, atol=1e-12)


def test_rms():
    x, scale = uniform((3, 4, 5)), uniform((5,), seed=1)
    for axis in (-1, 1, (0, 2)):
        check_forward(
            lambda x, a=axis: ops.rms_normalization(x, axis=a, epsilon=EPSILON),
            lambda x, a=axis: x / np.sqrt(np.square(x).mean(a, keepdims=True) + EPSILON),
            [x],
            length=15,
        )
    check_gradient(lambda x, s: ops.rms_normalization(x, s), [x, scale])
    with pytest.warns(UserWarning, match="rms_normalization"):
        y = ops.layer_normalization(x, scale, rms_scaling=True)
    np.testing.assert_allclose(y, x / np.sqrt(x.var(-1, keepdims=True) + 1e-7) * scale, rtol=1e-12)


def test_refused():
    x = np.zeros((2, 4, 6), "float32")
    with pytest.raises(ValueError, match="5 groups must divide 6 channels"):
        normalization.group_norm(x, 5)
    with pytest.raises(ValueError, match="axis 3 is out of bounds"):
        ops.batch_normalization(x, np.zeros(6), np.ones(6), 3)
    with pytest.raises(ValueError, match=r"shape \(6,\), got \(5,\)"):
        normalization.batch_norm(x, np.zeros(5, "float32"))
    with pytest.raises(ValueError, match="known extent"):
        normalization.batch_norm(Tensor((2, None), "float32"))
    assert normalization.batch_norm(Tensor((None, 8, 3), "float32"))[0].shape == (None, 8, 3)
    assert normalization.group_norm(Tensor((None, 8, 3), "float32"), 3).shape == (None, 8, 3)
    assert ops.layer_normalization(Tensor((None, 8, 3), "float32")).shape == (None, 8, 3)


# --- the oracle ------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "jax"
    module = pytest.importorskip("keras")
    if module.backend.backend() != "jax":
        pytest.skip("keras was imported with another backend")
    return module


def test_as_keras(keras):
    x, scale, offset = (a.astype("float32") for a in parts((3, 5, 4, 8)))
    mean, variance = ops.moments(x, (0, 1, 2))
    want = keras.ops.batch_normalization(x, mean, variance, -1, offset, scale, EPSILON)
    np.testing.assert_allclose(ops.batch_normalization(x, mean, variance, -1, offset, scale, EPSILON), want, atol=1e-5)
    np.testing.assert_allclose(normalization.batch_norm(x, scale, offset)[0], want, atol=1e-5)
    want = keras.ops.layer_normalization(x, scale, offset, -1, EPSILON)
    np.testing.assert_allclose(ops.layer_normalization(x, scale, offset, -1, EPSILON), want, atol=1e-5)
    np.testing.assert_allclose(ops.rms_normalization(x, scale), keras.ops.rms_normalization(x, scale), atol=1e-5)
    layer = keras.layers.GroupNormalization(4, epsilon=EPSILON)
    layer.build(x.shape)
    layer.gamma.assign(scale)
    layer.beta.assign(offset)
    np.testing.assert_allclose(normalization.group_norm(x, 4, scale, offset), layer(x), atol=1e-5)
