"""Layers that draw while training: what they draw, its share, and that backward uses the same draw as forward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import EXTENTS

import pykernels as pk
from pykernels.graph import Trace, gradients

L = pk.layers
EXAMPLES = settings(max_examples=15)


def trained(layer, x):
    """Output and gradient of the input while training, for a cotangent of 2 everywhere."""
    with Trace() as trace:
        place = trace.placeholder(x.shape, x.dtype.name)
        y = layer(place, training=True)
        program = trace.build(outputs=[y, *gradients(y, [place], output_gradient=np.full_like(x, 2))])
    return program.run([x])


def images(draw, rank):
    """Ones, so that what comes out is what was drawn."""
    batch = draw(st.sampled_from((0, 1, 2, 3)))
    extents = [draw(st.sampled_from([n for n in EXTENTS if n < 18])) for _ in range(rank)]
    return np.ones((batch, *extents), draw(st.sampled_from(("float32", "float64"))))


def check_dropped(layer, x, rate):
    y, dx = trained(layer, x)
    kept = 1 / (1 - rate)
    assert y.dtype == x.dtype
    assert set(np.unique(y)) <= {0, x.dtype.type(kept)}
    np.testing.assert_array_equal(dx, 2 * y)  # the same draw
    np.testing.assert_array_equal(layer(x), x)
    return y


@pytest.mark.parametrize("rate", [0.25, 0.5])
@given(data=st.data())
@EXAMPLES
def test_dropout(rate, data):
    x = images(data.draw, data.draw(st.integers(1, 3)))
    check_dropped(L.Dropout(rate, seed=1, dtype=x.dtype.name), x, rate)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@given(data=st.data())
@EXAMPLES
def test_spatial_dropout(data_format, data):
    x = images(data.draw, 3)
    y = check_dropped(L.SpatialDropout2D(0.5, data_format, seed=1, dtype=x.dtype.name), x, 0.5)
    spatial = (2, 3) if data_format == "channels_first" else (1, 2)
    assert (y.min(spatial, initial=9) == y.max(spatial, initial=0)).all() or not y.size
    x = images(data.draw, 2)
    y = check_dropped(L.SpatialDropout1D(0.5, seed=1, dtype=x.dtype.name), x, 0.5)
    assert (y.min(1, initial=9) == y.max(1, initial=0)).all() or not y.size


@given(data=st.data())
@EXAMPLES
def test_gaussian_noise_passes_gradients(data):
    x = images(data.draw, data.draw(st.integers(1, 3)))
    y, dx = trained(L.GaussianNoise(0.5, seed=1, dtype=x.dtype.name), x)
    np.testing.assert_array_equal(dx, np.full_like(x, 2))
    assert y.shape == x.shape and np.isfinite(y).all()
    assert not (y == x).any()
    y, dx = trained(L.GaussianDropout(0.5, seed=1, dtype=x.dtype.name), x)
    np.testing.assert_array_equal(dx, 2 * y)


@pytest.mark.parametrize(
    ("make", "x", "mean", "variance"),
    [
        (lambda: L.Dropout(0.3, seed=1), 1.0, 1.0, 0.3 / 0.7),
        (lambda: L.GaussianNoise(0.3, seed=1), 2.0, 2.0, 0.09),
        (lambda: L.GaussianDropout(0.3, seed=1), 2.0, 2.0, 4 * 0.3 / 0.7),
    ],
)
def test_moments(make, x, mean, variance):
    """Over n draws the mean is within 5 sqrt(variance / n), the variance within 5 times its own deviation."""
    n = 200_000
    y, _ = trained(make(), np.full((n // 100, 100), x, "float32"))
    y = y.astype("float64")
    fourth = np.mean((y - mean) ** 4)
    assert abs(y.mean() - mean) < 5 * np.sqrt(variance / n)
    assert abs(y.var() - variance) < 5 * np.sqrt(fourth / n)


def test_alpha_dropout_keeps_mean_and_variance():
    n = 200_000
    x = np.random.default_rng(0).normal(size=(n // 100, 100)).astype("float32")
    y, dx = trained(L.AlphaDropout(0.2, seed=1), x)
    assert abs(y.mean() - x.mean()) < 10 / np.sqrt(n)
    assert abs(y.var() - x.var()) < 20 / np.sqrt(n)
    dropped = dx == 0
    assert abs(dropped.mean() - 0.2) < 5 * np.sqrt(0.16 / n)
    assert len(np.unique(dx)) == 2 and len(np.unique(y[dropped])) == 1


@pytest.mark.parametrize(
    "make",
    [L.Dropout, L.SpatialDropout2D, L.GaussianNoise, L.GaussianDropout, L.AlphaDropout],
    ids=lambda m: m.__name__,
)
def test_seeds(make):
    x = np.ones((2, 3, 4, 17), "float32")
    first, again, other = (trained(make(0.5, seed=seed), x)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    layer = make(0.5)
    assert (np.asarray(layer(x, training=True)) != np.asarray(layer(x, training=True))).any()
