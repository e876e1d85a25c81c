"""GradientTape: gradients of what runs at once, and of gradients; what is watched and what is not."""

import gc
import weakref

import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, losses, ops
from pykernels.graph import EagerArray, GradientTape, Trace, Variable

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def tensor(value):
    return ops.convert_to_tensor(np.asarray(value, "float32"))


def test_polynomial_and_its_second_derivative():
    x = tensor(3.0)
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = x**3
        first = inner.gradient(y, x)
    second = outer.gradient(first, x)
    assert (float(y), float(first), float(second)) == (27.0, 27.0, 18.0)
    assert isinstance(first, EagerArray)
    assert first.numpy() == np.float32(27.0)


def test_third_derivative_by_three_tapes():
    x = tensor([0.3, -1.2])
    with GradientTape() as c:
        c.watch(x)
        with GradientTape() as b:
            b.watch(x)
            with GradientTape() as a:
                a.watch(x)
                y = ops.sin(x) * x
            first = a.gradient(y, x)
        second = b.gradient(first, x)
    third = c.gradient(second, x)
    np.testing.assert_allclose(third, -3 * np.sin(x) - x * np.cos(x), rtol=1e-5)


def test_structures_persistence_and_results_that_are_not_connected():
    w, other = Variable(np.ones((3, 2), "float32")), Variable(np.zeros(2, "float32"))
    with GradientTape(persistent=True) as tape:
        y = ops.matmul(X, w)
        loss = ops.mean(y**2)
    found = tape.gradient(loss, {"w": w, "more": [other, w]})
    np.testing.assert_allclose(found["w"], 2 * X.T @ (X @ w.numpy()) / 10, rtol=1e-5)
    assert found["more"][0] is None
    np.testing.assert_array_equal(tape.gradient(loss, [other], unconnected_gradients="zero")[0], [0.0, 0.0])
    np.testing.assert_allclose(tape.gradient([loss, loss], w), 2 * found["w"], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, w, output_gradients=np.ones_like(y)), tape.gradient(y, w))
    with pytest.raises(ValueError, match="unconnected_gradients: 'nothing'"):
        tape.gradient(loss, w, unconnected_gradients="nothing")
    with GradientTape() as tape:
        loss = ops.sum(w * w)
    tape.gradient(loss, w)
    with pytest.raises(RuntimeError, match="non-persistent"):
        tape.gradient(loss, w)


def test_only_what_is_watched_has_a_gradient():
    w, frozen, x = Variable(2.0), Variable(3.0, trainable=False), tensor(4.0)
    with GradientTape(persistent=True) as tape:
        y = w * frozen * x
        with tape.stop_recording():
            hidden = w * w
        z = y + hidden
    assert tape.gradient(z, [frozen, x]) == [None, None]
    assert float(tape.gradient(z, w)) == 12.0
    assert float(tape.gradient(z, y)) == 1.0
    assert tape.watched_variables() == (w,)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(frozen)
        y = w * frozen
    assert [g if g is None else float(g) for g in tape.gradient(y, [w, frozen])] == [None, 2.0]
    with GradientTape() as tape, pytest.raises(ValueError, match="'str'"):
        tape.watch("x")
    with GradientTape() as tape, pytest.raises(ValueError, match="float type, got int32"):
        tape.watch(ops.convert_to_tensor([1, 2]))


def test_values_of_variables_are_those_of_the_time_they_were_read():
    w = Variable(3.0)
    with GradientTape() as tape:
        first = w * w
        w.assign(5.0)
        second = w * w
    assert float(tape.gradient([first, second], w)) == 6.0 + 10.0


def test_a_program_that_updates_before_it_differentiates():
    w = Variable(3.0)
    with Trace() as trace:
        with GradientTape() as tape:
            y = w * w
        w.assign(5.0)
        gradient = tape.gradient(y, w)
    program = trace.build(outputs=[gradient])
    assert program.run([])[0] == 6.0
    assert float(w) == 5.0


def test_a_program_has_no_gradient_through_what_a_stopped_tape_missed():
    w = Variable(3.0)
    with Trace() as trace:
        with GradientTape(persistent=True) as tape:
            y = w * w
            with tape.stop_recording():
                hidden = w * y
            z = y + hidden
        after = z * w
        found = [tape.gradient(z, w), tape.gradient(z, y), tape.gradient(after, w)]
    assert found[2] is None
    assert [float(g) for g in trace.build(outputs=found[:2]).run([])] == [6.0, 1.0]


def test_plain_arrays_can_be_watched():
    model = pk.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(2)])
    with GradientTape() as tape:
        tape.watch(X)
        y = model(X)[:, 1]
    found = tape.gradient(y, X)
    a, b, c, _ = model.get_weights()
    np.testing.assert_allclose(found, ((1 - np.tanh(X @ a + b) ** 2) * c[:, 1]) @ a.T, rtol=1e-4, atol=1e-6)


def test_methods_of_arrays_carry_gradients():
    x = tensor(X)
    with GradientTape() as tape:
        tape.watch(x)
        y = -x.reshape(3, 5).T.transpose().astype("float64")[1:].flatten().squeeze()
        y = abs(y).sum() + x.max() + x.mean(axis=0).min() + x.ravel()[0]
    found = tape.gradient(y, x)
    expected = np.zeros(15, "float32")
    expected[5:] = np.sign(X.ravel()[5:])
    expected[X.argmax()] += 1
    expected[X.mean(0).argmin() :: 3] += 1 / 5
    expected[0] += 1
    np.testing.assert_allclose(found, expected.reshape(5, 3), rtol=1e-6)


def test_layers_with_state_and_chance_have_the_gradients_of_their_program():
    pk.utils.set_random_seed(5)
    model = pk.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, activation="tanh"),  # a ReLU's kinks would spoil the differences
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    loss_fn = losses.SparseCategoricalCrossentropy()
    y = np.array([0, 1, 2, 1, 0])
    with GradientTape() as tape:
        loss = loss_fn(y, model(X, training=True))
    found = tape.gradient(loss, model.trainable_variables)
    assert len(found) == 6
    before = model.get_weights()
    for i, v in enumerate(model.trainable_variables[:2]):  # a step against the gradient lowers the loss as it says
        step = 1e-2 * found[i] / np.linalg.norm(found[i])
        values = []
        for sign in (1, -1):
            v.assign(before[i] + sign * step)
            model.layers[2].seed_generator.draws -= 1
            values.append(float(loss_fn(y, model(X, training=True))))
        v.assign(before[i])
        assert (values[0] - values[1]) / 2e-2 == pytest.approx(np.linalg.norm(found[i]), rel=2e-2)


def test_jacobians():
    x = tensor(X)
    w = Variable(np.arange(6, dtype="float32").reshape(3, 2))
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = ops.matmul(x, w)
        z = y * y
    assert tape.jacobian(z, w).shape == (5, 2, 3, 2)
    whole = tape.jacobian(z, x)
    rows = tape.batch_jacobian(z, x)
    np.testing.assert_allclose(rows, whole[np.arange(5), :, np.arange(5)], rtol=1e-6)
    np.testing.assert_allclose(rows, 2 * y[:, :, None] * w.numpy().T, rtol=1e-5)
    assert tape.jacobian(y, Variable(1.0)) is None
    with pytest.raises(ValueError, match="first dimension"):
        tape.batch_jacobian(z, w)


def test_what_a_tape_recorded_is_freed_with_it():
    w = Variable(np.ones(1000, "float32"))
    kept = []
    with GradientTape() as tape:
        hidden = w * 2.0
        reference = weakref.ref(hidden)
        kept.append(ops.sum(hidden * hidden))
    del hidden
    assert reference() is not None
    tape.gradient(kept[0], w)
    gc.collect()
    assert reference() is None  # although the loss is still held


def test_ops_without_gradient_are_named():
    x = tensor(X)
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.argmax(x, -1)
    assert tape.gradient(y, x) is None


def test_ops_of_python_functions_have_gradients_too():
    x = tensor(X)
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(ops.sort(x, axis=0)[0])
    expected = np.zeros_like(X)
    expected[X.argmin(0), np.arange(3)] = 1
    np.testing.assert_array_equal(tape.gradient(y, x), expected)


SMOOTH = ["celu", "elu", "exponential", "gelu", "hard_silu", "selu", "sigmoid", "silu", "softplus", "softsign"]
SMOOTH += ["exact_gelu", "squareplus", "tanh", "tanh_shrink", "softmax", "log_softmax"]
FLAT = ["hard_sigmoid", "hard_tanh", "leaky_relu", "relu", "relu6", "soft_shrink", "hard_shrink", "sparse_sigmoid"]


@pytest.mark.parametrize("name", [*SMOOTH, *FLAT])
def test_second_derivatives_of_activations(name):
    x = ops.convert_to_tensor(np.array([[-2.3, -0.7, 0.4, 1.6, 2.2]]))
    weights = np.array([[0.3, -1.0, 0.8, 0.2, 1.4]])
    activation = {"exact_gelu": lambda x: ops.gelu(x, approximate=False)}.get(name) or getattr(ops, name)

    def first(x):
        with GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(activation(x) ** 2 * weights)
        return tape.gradient(y, x)

    with GradientTape() as tape:
        tape.watch(x)
        slope = first(x)
    found = tape.gradient(slope, x)
    step = 1e-6
    expected = np.zeros(5)
    for i in range(5):
        moved = [ops.convert_to_tensor(np.asarray(x) + sign * step * np.eye(5)[i]) for sign in (1, -1)]
        expected[i] = (np.sum(first(moved[0])) - np.sum(first(moved[1]))) / (2 * step)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-6)


def test_an_activation_without_a_second_derivative_is_named():
    with pytest.raises(ValueError, match="the gradient of the activation 'mish' has no gradient"):
        pk.grad(pk.grad(ops.mish))(1.0)


def test_gradient_penalty_of_a_critic_trains():
    """The third derivative's way through convolutions, as WGAN-GP takes it, against differences."""
    pk.utils.set_random_seed(1)
    critic = pk.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(3, 3, strides=2, padding="same"),
            layers.Activation("softplus"),
            layers.Flatten(),
            layers.Dense(4, activation="tanh"),
            layers.Dense(1),
        ]
    )
    x = tensor(np.random.default_rng(2).normal(size=(4, 6, 6, 1)))
    weights = critic.trainable_variables

    def penalty(x):
        with GradientTape() as inner:
            inner.watch(x)
            y = critic(x, training=True)
        slopes = inner.gradient(y, x)
        norm = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)))
        return ops.mean(ops.square(norm - 1.0))

    def gradients(x):
        with GradientTape() as tape:
            value = penalty(x)
        return tape.gradient(value, weights)

    eager, recorded = gradients(x), pk.function(gradients)(x)
    kernel = weights[0].numpy()
    direction = np.random.default_rng(3).normal(size=kernel.shape).astype("float32")
    values = []
    for sign in (1, -1):
        weights[0].assign(kernel + sign * 1e-2 * direction)
        values.append(float(penalty(x)))
    weights[0].assign(kernel)
    assert np.sum(eager[0] * direction) == pytest.approx((values[0] - values[1]) / 2e-2, rel=2e-2)
    for a, b in zip(eager, recorded, strict=True):
        if a is None or b is None:
            assert a is None
            assert b is None
        else:
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_gradients_with_respect_to_a_variable_that_a_model_is_called_with():
    image = Variable(X)
    model = pk.Sequential([layers.Input((3,)), layers.Dense(2)])
    with GradientTape() as tape:
        y = ops.sum(model(image))
    expected = np.tile(model.layers[0].kernel.numpy().sum(1), (5, 1))
    np.testing.assert_allclose(tape.gradient(y, image), expected, rtol=1e-5)
