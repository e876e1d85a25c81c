"""No gradient passes a unit that is off, not even an infinite one: what a mask stops is 0, never 0 times infinity."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pykernels as pk
from pykernels import activations, backend, layers, losses, ops, random
from pykernels.graph import Trace, gradients

# name: function of x, the values of x at which it is off
OFF = {
    "relu": (ops.relu, [-1.0, 0.0, -30.0]),
    "relu6": (ops.relu6, [-1.0, 0.0, 6.0, 7.0]),
    "leaky_relu, slope 0": (lambda x: ops.leaky_relu(x, 0.0), [-1.0, 0.0]),
    "elu, saturated": (ops.elu, [-200.0]),
    "selu, saturated": (ops.selu, [-200.0]),
    "hard_sigmoid": (ops.hard_sigmoid, [-3.0, -5.0, 3.0, 4.0]),
    "hard_silu": (ops.hard_silu, [-3.0, -5.0]),
    "hard_tanh": (ops.hard_tanh, [-2.0, 2.0]),
    "hard_shrink": (ops.hard_shrink, [-0.2, 0.0, 0.2]),
    "soft_shrink": (ops.soft_shrink, [-0.2, 0.0, 0.2]),
    "threshold": (lambda x: ops.threshold(x, 1.0, 2.0), [0.0, -3.0]),
    "sparse_sigmoid": (ops.sparse_sigmoid, [-2.0, 2.0]),
    "relu with a ceiling": (lambda x: activations.relu(x, max_value=3), [-1.0, 4.0]),
    "relu with a threshold": (lambda x: activations.relu(x, threshold=2.0), [1.0, -1.0]),
    "clip": (lambda x: ops.clip(x, -1.0, 1.0), [-2.0, 2.0]),
    "clip to tensors": (lambda x: ops.clip(x, np.float32(-1), np.float32(1)), [-2.0, 2.0]),
    "maximum": (lambda x: ops.maximum(x, 0.0), [-1.0]),
    "minimum": (lambda x: ops.minimum(0.0, x), [1.0]),
    "absolute": (ops.absolute, [0.0]),
    "where": (lambda x: ops.where(ops.greater(x, 0.0), x, 1.0), [-1.0, 0.0]),
    "power 0": (lambda x: ops.power(x, np.zeros((), np.float32)), [0.0, -1.0, 2.0]),
    "divide_no_nan": (lambda x: ops.divide_no_nan(x, 0.0), [1.0]),
    "nan_to_num": (ops.nan_to_num, [np.nan, np.inf]),
    "mean_absolute_error": (lambda x: losses.mean_absolute_error(ops.ones_like(x)[:, None], x[:, None]), [1.0]),
    "binary_crossentropy": (lambda x: losses.binary_crossentropy(ops.ones_like(x)[:, None], x[:, None]), [2.0, -1.0]),
}


def input_gradient(function, x, dy):
    with Trace() as trace:
        t = trace.placeholder(x.shape, x.dtype.name)
        y = function(t)
        (dx,) = gradients(y, [t], output_gradient=np.full(y.shape, dy, x.dtype))
        program = trace.build(outputs=[dx])
    return program.run([x])[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OFF)
def test_what_is_off_passes_nothing(name, dtype):
    function, points = OFF[name]
    x = np.tile(np.array(points, dtype), 9)[: max(17, len(points))]  # a whole vector and more
    for dy in (np.inf, -np.inf, np.nan):
        got = input_gradient(function, x, dy)
        np.testing.assert_array_equal(got, np.zeros_like(x), err_msg=f"{name}, dy = {dy}")


def test_what_is_on_passes_infinity():
    for function in (ops.relu, ops.relu6, ops.absolute, lambda x: ops.maximum(x, 0.0), ops.elu, ops.hard_silu):
        got = input_gradient(function, np.full(17, 2.5, np.float32), np.inf)
        assert np.all(got == np.inf)


def test_half_at_a_tie_and_extrema():
    x = np.array([[1.0, 3.0, 3.0, 0.0]], np.float32)
    np.testing.assert_array_equal(input_gradient(lambda t: ops.max(t, axis=-1), x, np.inf), [[0, np.inf, np.inf, 0]])
    np.testing.assert_array_equal(input_gradient(lambda t: ops.min(t, axis=-1), x, 5.0), [[0, 0, 0, 5]])
    two_zeros = np.array([[0.0, 0.0, 3.0]], np.float32)
    assert np.all(input_gradient(lambda t: ops.prod(t, axis=-1), two_zeros, np.inf)[0, 2] == 0)
    np.testing.assert_array_equal(input_gradient(lambda t: ops.maximum(t, 3.0), x, 8.0), [[0, 4, 4, 0]])


def test_exponents_of_zero():
    zeros = np.zeros(17, np.float32)
    got = input_gradient(lambda b: ops.power(zeros, b), np.full(17, 2.0, np.float32), np.inf)
    np.testing.assert_array_equal(got, zeros)


@pytest.mark.parametrize("window", [2, 3, 20])
def test_max_pooling(window):
    x = np.arange(20 * 20 * 3, dtype=np.float32).reshape(1, 20, 20, 3)
    got = input_gradient(lambda t: ops.max_pool(t, window), x, np.inf)
    assert not np.isnan(got).any()
    assert np.sum(got == np.inf) == (20 // window) ** 2 * 3


def test_dropout_and_its_relatives():
    x = np.ones((4, 8, 8, 16), np.float32)
    for layer in (layers.Dropout(0.5), layers.SpatialDropout2D(0.5), layers.AlphaDropout(0.5)):
        got = input_gradient(lambda t, layer=layer: layer(t, training=True), x, np.inf)
        assert set(np.unique(got)) == {0.0, np.inf}, layer
    assert random.dropout(x, 0.5).shape == x.shape


def dead_net(*before, activation="relu", shape=(1,)):
    """A unit that is off, behind it a square root: the gradient of sqrt at 0 is infinite."""
    off = layers.Lambda(lambda x: ops.sqrt(x))
    return pk.Sequential([layers.Input(shape), *before, layers.Activation(activation), layers.Flatten(), off])


@pytest.mark.parametrize("activation", ["relu", "relu6", "hard_sigmoid", "hard_silu"])
def test_dense_behind_a_square_root(activation):
    """One weight 1, x = -4, y = 1: the weight stays."""
    model = dead_net(layers.Dense(1, use_bias=False, kernel_initializer="ones"), activation=activation)
    model.compile(pk.optimizers.SGD(0.1), "mean_squared_error")
    model.fit(np.full((5, 1), -4.0), np.ones((5, 1)), verbose=0)
    assert model.get_weights()[0] == 1.0


def test_relu_as_argument_and_as_layer():
    for relu in ({"activation": "relu"}, {}):
        parts = [layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones", **relu)]
        model = pk.Sequential([*parts, *([] if relu else [layers.ReLU()]), layers.Lambda(lambda x: ops.sqrt(x))])
        model.compile("sgd", "mean_squared_error")
        assert model.train_on_batch(-np.ones((3, 1)), np.ones((3, 1))) == 1.0
        assert model.get_weights()[0] == 1.0


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("pool", [False, True])
def test_fused_masks_of_convolutions(depthwise, pool):
    """Gradients behind a dead image: through the mask in the convolution's gradient and the one before unpooling."""
    second = layers.DepthwiseConv2D if depthwise else (lambda size, **kw: layers.Conv2D(3, size, **kw))
    net = [
        layers.Conv2D(3, 3, padding="same", bias_initializer=pk.initializers.Constant(-100.0), activation="relu"),
        *([layers.MaxPooling2D()] if pool else []),
        second(3, padding="same", use_bias=False),
        layers.GlobalAveragePooling2D(),
        layers.Lambda(lambda x: ops.sqrt(x)),
        layers.Dense(1, kernel_initializer="ones"),
    ]
    model = pk.Sequential([layers.Input((8, 8, 3)), *net])
    model.compile("sgd", "mean_squared_error")
    before = model.layers[0].get_weights()
    model.train_on_batch(np.random.default_rng(0).random((4, 8, 8, 3)), np.ones((4, 1)))
    for a, b in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def siamese():
    base = pk.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(2, activation="relu")])
    a, b = layers.Input((4,)), layers.Input((4,))
    distance = layers.Lambda(
        lambda pair: backend.sqrt(backend.sum(backend.square(pair[0] - pair[1]), axis=1, keepdims=True))
    )
    model = pk.Model([a, b], distance([base(a), base(b)]))

    def contrastive(y_true, y_pred):
        apart = backend.square(backend.maximum(1 - y_pred, 0))
        return backend.mean(y_true * backend.square(y_pred) + (1 - y_true) * apart)

    model.compile("rmsprop", contrastive)
    return model


def test_siamese_nets_stay_finite():
    """Two embeddings that are both off are at a distance of 0, where the square root has no slope."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 96, 4)).astype(np.float32)
    y = (rng.random((96, 1)) > 0.5).astype(np.float32)
    both_off = 0
    for seed in range(8):
        pk.utils.set_random_seed(seed)
        model = siamese()
        embeddings = [model.layers[2].predict(side, verbose=0) for side in x]
        both_off += np.sum(~np.any(embeddings, axis=(0, 2)))
        model.fit(list(x), y, epochs=1, batch_size=8, verbose=0)
        assert all(np.isfinite(w).all() for w in model.get_weights()), seed
    assert both_off > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_that_sum_to_zero_count_as_even(dtype):
    for n in (1, 3, 10, 40):
        x = np.zeros((3, n), dtype)
        x[1, 0] = 1.0
        target = np.eye(n, dtype=dtype)[[0, 0, n - 1]]
        for loss, t in (
            (ops.sparse_categorical_crossentropy, target.argmax(-1)),
            (ops.categorical_crossentropy, target),
        ):
            got = loss(t, x)
            want = [math.log(n), 0.0, math.log(n)]
            np.testing.assert_allclose(got, want, atol=2e-7 + math.log(n) * np.finfo(dtype).eps)
            grads = input_gradient(lambda p, loss=loss, t=t: loss(t, p), x, 1.0)
            np.testing.assert_array_equal(grads[[0, 2]], np.zeros((2, n)))
    assert np.isnan(ops.sparse_categorical_crossentropy([0], np.array([[np.nan, 0.0]], dtype)))[0]
    assert np.isnan(ops.categorical_crossentropy([[1, 0]], np.array([[np.nan, 0.0]], dtype)))[0]


def test_classes_behind_dead_units():
    """A relu in the last layer whose units are all off: the loss is log(n), not NaN."""
    model = pk.Sequential(
        [layers.Input((2,)), layers.Dense(5, activation="relu", bias_initializer=lambda s, dtype=None: -9 * np.ones(s))]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert abs(model.train_on_batch(np.zeros((3, 2)), np.zeros(3)) - math.log(5)) < 1e-6
