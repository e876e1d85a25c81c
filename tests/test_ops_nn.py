"""Softmax, losses, top-k, random tensors and optimizer updates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import assert_close, check_forward, check_gradient, run_symbolic, shapes, uniform

from pykernels import config, ops, random
from pykernels.graph import Trace, Variable, apply, gradients
from pykernels.utils.random_seed import set_random_seed

few = settings(max_examples=15)


def np_softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=axis, keepdims=True)


def np_log_softmax(x, axis=-1):
    x = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore"):  # over no classes
        return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@given(shapes(1, 4), st.integers(-4, 3))
@few
@pytest.mark.filterwarnings("ignore:You are using a softmax")
def test_softmax(shape, axis):
    axis = axis % len(shape)
    x = uniform(shape, -10, 10)
    check_forward(lambda x: ops.softmax(x, axis), lambda x: np_softmax(x, axis), [x], length=shape[axis])
    check_forward(lambda x: ops.log_softmax(x, axis), lambda x: np_log_softmax(x, axis), [x], length=shape[axis])


def test_softmax_forms():
    x = uniform((3, 4, 5))
    for axis in (-1, 0, (0, 2), None):
        check_gradient(lambda x, a=axis: ops.softmax(x, a), [x[:2, :2, :3]])
        check_gradient(lambda x, a=axis: ops.log_softmax(x, a), [x[:2, :2, :3]])
        np.testing.assert_allclose(ops.softmax(x, axis), np_softmax(x, axis), rtol=1e-12)
    with pytest.warns(UserWarning, match="softmax over axis -1"):
        ops.softmax(np.ones((3, 1), np.float32))
    with pytest.raises(ValueError, match="out of bounds"):
        ops.softmax(x, 3)
    big = np.array([[1e4, -1e4, 0.0], [-np.inf, 0.0, 0.0]], np.float32)
    np.testing.assert_allclose(ops.softmax(big), [[1, 0, 0], [0, 0.5, 0.5]])


# --- losses --------------------------------------------------------------------------------------------
EPSILON = 1e-7


def np_categorical(t, x, from_logits):
    if from_logits:
        return -(t * np_log_softmax(x)).sum(-1)
    return -(t * np.log(np.clip(x / x.sum(-1, keepdims=True), EPSILON, 1 - EPSILON))).sum(-1)


def np_binary(t, x, from_logits):
    if from_logits:
        return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    p = np.clip(x, EPSILON, 1 - EPSILON)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def outputs(shape, from_logits):
    return uniform(shape, -4, 4) if from_logits else uniform(shape, 0.05, 0.95)


@pytest.mark.parametrize("from_logits", [False, True])
@given(shapes(1, 3, most=600))
@few
def test_categorical_crossentropy(from_logits, shape):
    t, x = uniform(shape, 0, 1, seed=1), outputs(shape, from_logits)
    check_forward(
        lambda t, x: ops.categorical_crossentropy(t, x, from_logits),
        lambda t, x: np_categorical(t, x, from_logits),
        [t, x],
        length=2 * shape[-1],
        ulp=16,
    )


@pytest.mark.parametrize("from_logits", [False, True])
@given(shapes(1, 3, most=600).filter(lambda shape: shape[-1]))
@few
def test_sparse_categorical_crossentropy(from_logits, shape):
    t = np.random.default_rng(0).integers(0, shape[-1], shape[:-1])
    check_forward(
        lambda t, x: ops.sparse_categorical_crossentropy(t, x, from_logits),
        lambda t, x: np_categorical(np.eye(shape[-1])[t], x, from_logits),
        [t, outputs(shape, from_logits)],
        length=shape[-1],
        ulp=16,
    )


@pytest.mark.parametrize("from_logits", [False, True])
@given(shapes(0, 3, most=600))
@few
def test_binary_crossentropy(from_logits, shape):
    t, x = uniform(shape, 0, 1, seed=1), outputs(shape, from_logits)
    check_forward(
        lambda t, x: ops.binary_crossentropy(t, x, from_logits),
        lambda t, x: np_binary(t, x, from_logits),
        [t, x],
        ulp=32,
    )


@pytest.mark.parametrize("from_logits", [False, True])
def test_crossentropy_gradients(from_logits):
    for shape in ((5,), (3, 4), (2, 3, 2), (0, 3)):
        t, x = uniform(shape, 0.1, 1, seed=1), outputs(shape, from_logits)
        check_gradient(lambda t, x: ops.categorical_crossentropy(t, x, from_logits), [t, x])
        check_gradient(lambda t, x: ops.binary_crossentropy(t, x, from_logits), [t, x])
        check_gradient(
            lambda t, x: apply("binary_crossentropy", [t, x], from_logits=from_logits, epsilon=EPSILON), [t, x]
        )
        labels = np.random.default_rng(0).integers(0, shape[-1], shape[:-1]).astype("int32")
        check_gradient(lambda t, x: ops.sparse_categorical_crossentropy(t, x, from_logits), [labels, x])


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error"])
def test_regression_losses(name):
    reference = {"mean_squared_error": np.square, "mean_absolute_error": np.abs}[name]

    @few
    @given(shapes(1, 3, most=600, empty=False))
    def forward(shape):
        check_forward(
            lambda t, x: apply(name, [t, x]),
            lambda t, x: reference(t - x).mean(-1),
            [uniform(shape, seed=1), uniform(shape)],
            length=shape[-1],
        )

    forward()
    for shape in ((5,), (3, 4), (2, 3, 2), (0, 3)):
        check_gradient(lambda t, x: apply(name, [t, x]), [uniform(shape, seed=1), uniform(shape)])


def test_no_gradient_where_the_clip_acts():
    t, x = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    with Trace() as trace:
        a, b = trace.placeholder((1, 2), "float64"), trace.placeholder((1, 2), "float64")
        g = gradients(ops.categorical_crossentropy(a, b), [b]) + gradients(ops.binary_crossentropy(a, b), [b])
        program = trace.build(outputs=g)
    for dx in program.run([t, x]):
        assert np.all(dx == 0)


def test_epsilon_is_the_setting():
    try:
        config.set_epsilon(1e-3)
        got = ops.binary_crossentropy(np.array([1.0]), np.array([0.0]))
    finally:
        config.set_epsilon(1e-7)
    assert got[0] == pytest.approx(-np.log(1e-3))


def test_axis_of_classes():
    t, x = uniform((2, 4, 3), 0, 1, seed=1), uniform((2, 4, 3), 0.1, 1)
    np.testing.assert_allclose(
        ops.categorical_crossentropy(t, x, axis=1), np_categorical(t.swapaxes(1, 2), x.swapaxes(1, 2), False)
    )
    labels = np.array([[0, 1, 3], [2, 2, 0]])
    np.testing.assert_allclose(
        ops.sparse_categorical_crossentropy(labels, x, axis=1),
        np_categorical(np.eye(4)[labels], x.swapaxes(1, 2), False),
    )


def test_loss_errors():
    with pytest.raises(ValueError, match=r"same shape.*\(2, 3\).*\(2, 4\)"):
        ops.categorical_crossentropy(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="at least rank 1"):
        ops.categorical_crossentropy(np.float32(0), np.float32(0))
    with pytest.raises(ValueError, match=r"up until the last dimension.*\(3,\).*\(2, 4\)"):
        ops.sparse_categorical_crossentropy(np.zeros(3, int), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="same shape"):
        ops.binary_crossentropy(np.zeros(3), np.zeros(4))
    out_of_range = ops.sparse_categorical_crossentropy(np.array([0, 3]), np.full((2, 3), 0.3))
    assert np.isfinite(out_of_range[0]) and np.isnan(out_of_range[1])


@given(st.integers(0, 9), st.integers(1, 12), st.integers(1, 12))
@few
def test_in_top_k(n, classes, k):
    x = np.random.default_rng(n).permuted(np.tile(np.arange(classes, dtype=np.float64), (n, 1)), axis=1)
    targets = np.random.default_rng(1).integers(0, classes, n)
    rank = (x > np.take_along_axis(x, targets[:, None], 1)).sum(1)
    check_forward(lambda t, x: ops.in_top_k(t, x, k), lambda t, x: rank < k, [targets, x])


def test_in_top_k_errors():
    with pytest.raises(ValueError, match=r"\(3,\).*\(2, 4\)"):
        ops.in_top_k(np.zeros(3, int), np.zeros((2, 4), np.float32), 1)


# --- random tensors --------------------------------------------------------------------------------------
N = 40_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype):
    error = 5 / np.sqrt(N)
    u = random.uniform((N,), -1, 3, dtype, seed=1)
    assert u.dtype == dtype and u.min() >= -1 and u.max() < 3
    assert abs(u.mean() - 1) < 4 * error and abs(u.var() - 16 / 12) < 4 * error
    z = random.normal((N,), 2.0, 3.0, dtype, seed=1)
    assert z.dtype == dtype and abs(z.mean() - 2) < 3 * error and abs(z.std() - 3) < 3 * error
    t = random.truncated_normal((N,), 0.0, 1.0, dtype, seed=1)
    assert np.abs(t).max() <= 2 and abs(t.mean()) < error and abs(t.std() - 0.8796) < error
    i = random.randint((N,), -2, 3, seed=1)
    assert i.dtype == np.int32 and set(np.unique(i)) == {-2, -1, 0, 1, 2}
    assert np.abs(np.bincount(i + 2) / N - 0.2).max() < error


def test_seeds():
    a = random.uniform((5,), seed=3)
    np.testing.assert_array_equal(a, random.uniform((5,), seed=3))
    assert not np.array_equal(a, random.uniform((5,), seed=4))
    assert not np.array_equal(random.uniform((5,)), random.uniform((5,)))
    generators = [random.SeedGenerator(7), random.SeedGenerator(7)]
    first, second = ([random.normal((4,), seed=g) for _ in range(2)] for g in generators)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(*first)
    assert random.SeedGenerator.from_config(random.SeedGenerator(3).get_config()).seed == 3
    for bad in ("a", 1.5, True):
        with pytest.raises(ValueError, match="Argument `seed` must be"):
            random.uniform((1,), seed=bad)
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        random.SeedGenerator(1, sead=2)
    with pytest.raises(ValueError, match="float type"):
        random.uniform((1,), dtype="int32")
    with pytest.raises(ValueError, match="integer `dtype`"):
        random.randint((1,), 0, 2, dtype="float32")


def test_the_global_seed_is_honoured():
    draws = []
    for _ in range(2):
        set_random_seed(5)
        draws.append([random.uniform((3,)), random.normal((3,))])
    np.testing.assert_array_equal(draws[0], draws[1])


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_dropout(rate):
    x = np.ones((N,), np.float32)
    y = random.dropout(x, rate, seed=1)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(1 - rate)}
    assert abs((y == 0).mean() - rate) < 5 / np.sqrt(N)
    rows = random.dropout(np.ones((50, 40), np.float32), rate, noise_shape=(None, 1), seed=1)
    assert np.all(rows == rows[:, :1]) and len(np.unique(rows)) == 2


def test_dropout_edges():
    x = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(random.dropout(x, 0.0), x)
    np.testing.assert_array_equal(random.dropout(x, 1.0), 0 * x)
    with pytest.raises(ValueError, match="from 0 to 1"):
        random.dropout(x, 1.5)
    with pytest.raises(ValueError, match="noise_shape"):
        random.dropout(x, 0.5, noise_shape=(4, 2))


@pytest.mark.parametrize("noise_shape", [None, (None, 1)])
def test_dropout_in_a_program(noise_shape):
    """Another mask in each step; the gradient passes through the same mask."""
    with Trace() as trace:
        x = trace.placeholder((30, 40))
        y = random.dropout(x, 0.4, noise_shape=noise_shape, seed=random.SeedGenerator(1))
        program = trace.build(outputs=[y, *gradients(y, [x])])
    ones = np.ones((30, 40), np.float32)
    y0, dx0 = program.run([ones], step=0)
    y1, _ = program.run([ones], step=1)
    again, _ = program.run([ones], step=0)
    np.testing.assert_array_equal(y0, dx0)
    np.testing.assert_array_equal(y0, again)
    assert not np.array_equal(y0, y1)


def test_random_values_in_a_program():
    """Drawn anew in each step, but a constant with an int seed, as in Keras."""
    with Trace() as trace:
        x = trace.placeholder((8,))
        noise = x + random.normal((8,), seed=random.SeedGenerator(2))
        program = trace.build(outputs=[noise, x + random.normal((8,), seed=2)])
    zeros = np.zeros(8, np.float32)
    (a, fixed), (b, same) = program.run([zeros], step=0), program.run([zeros], step=1)
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(fixed, same)
    np.testing.assert_array_equal(fixed, random.normal((8,), seed=2))


def test_shuffle():
    x = np.arange(50)
    y = random.shuffle(x, seed=1)
    assert sorted(y) == list(x) and not np.array_equal(x, y)
    wide = random.shuffle(x.reshape(2, 25), axis=1, seed=1)
    assert np.array_equal(wide[0] + 25, wide[1])


# --- optimizer updates -------------------------------------------------------------------------------------
def step(update, slots, dtype, **options):
    """Three updates of one variable; returns its values and the gradients used."""
    w = Variable(uniform((5, 7)).astype(dtype), name="w")
    made = [Variable(np.zeros((5, 7), dtype), name=f"slot{i}") for i in range(slots)]
    start = w.numpy()
    grads = [uniform((5, 7), seed=i).astype(dtype) for i in range(3)]
    for t, g in enumerate(grads):
        update(w, made, g, t, **options)
    return start.astype(np.float64), w.numpy(), [g.astype(np.float64) for g in grads]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_update(dtype, momentum, nesterov):
    def update(w, slots, g, t):
        ops.optimizer.sgd_update(g, 0.1, w, slots[0] if momentum else None, momentum=momentum, nesterov=nesterov)

    w, got, grads = step(update, 1, dtype)
    v, lr = 0.0, float(np.float32(0.1))
    for g in grads:
        v = momentum * v - lr * g
        w = w + (momentum * v - lr * g if nesterov and momentum else v)
    assert_close(got, w, dtype, length=8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_update(dtype, momentum, centered):
    def update(w, slots, g, t):
        ops.optimizer.rmsprop_update(
            *(g, 0.01, w, slots[0]),
            momentum_slot=slots[1],
            average=slots[2],
            rho=0.8,
            momentum=momentum,
            centered=centered,
        )

    w, got, grads = step(update, 3, dtype)
    v = a = m = 0.0
    for g in grads:
        v = 0.8 * v + 0.2 * g * g
        a = 0.8 * a + 0.2 * g if centered else 0.0
        m = momentum * m + float(np.float32(0.01)) * g / np.sqrt(v - a * a + 1e-7)
        w = w - m
    # v - a^2 cancels: its rounding is magnified by up to v / (v - a^2)
    assert_close(got, w, dtype, length=64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_update(dtype, amsgrad):
    def update(w, slots, g, t):
        ops.optimizer.adam_update(
            *(g, 0.01, np.int64(t), w, slots[0], slots[1]), vhat=slots[2] if amsgrad else None, amsgrad=amsgrad
        )

    w, got, grads = step(update, 3, dtype)
    m = v = vhat = 0.0
    for t, g in enumerate(grads, 1):
        alpha = float(np.float32(0.01)) * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m, v = m + (g - m) * 0.1, v + (g * g - v) * 0.001
        vhat = np.maximum(vhat, v) if amsgrad else v
        w = w - m * alpha / (np.sqrt(vhat) + 1e-7)
    assert_close(got, w, dtype, length=32)


def test_update_errors():
    w = Variable(np.zeros((2, 3), np.float32), name="kernel")
    with pytest.raises(ValueError, match=r"'kernel' of shape \(2, 3\).*gradient of shape \(3, 2\)"):
        ops.optimizer.sgd_update(np.zeros((3, 2), np.float32), 0.1, w)
    with pytest.raises(ValueError, match=r"momentum=0.9 needs that slot"):
        ops.optimizer.sgd_update(np.zeros((2, 3), np.float32), 0.1, w, momentum=0.9)
    with pytest.raises(ValueError, match="amsgrad=True needs that slot"):
        ops.optimizer.adam_update(np.zeros((2, 3)), 0.1, 0, w, w, w, amsgrad=True)


def test_updates_in_a_program():
    w = Variable(np.ones(4, np.float32))
    with Trace() as trace:
        x = trace.placeholder((4,))
        loss = ops.sum(ops.square(w - x))
        (g,) = gradients(loss, [w])
        ops.optimizer.sgd_update(g, np.float32(0.25), w)
        program = trace.build(outputs=[loss])
    zeros = np.zeros(4, np.float32)
    assert program.run([zeros])[0] == 4
    np.testing.assert_array_equal(w.numpy(), [0.5] * 4)
    assert run_symbolic(lambda x: x * 2, [np.ones(2)])[1].tolist() == [2, 2]
