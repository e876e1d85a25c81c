"""`function`, `grad`, `custom_gradient`: code that is recorded once, and gradients as functions."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, losses, metrics, ops, optimizers
from pykernels.graph import Variable
from pykernels.preprocessing.elements import TensorSpec

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def counted(f, **options):
    """(function, list that grows with each run of its Python code)."""
    calls = []

    def python(*args, **kwargs):
        calls.append(args)
        return f(*args, **kwargs)

    return pk.function(python, **options), calls


def test_python_runs_once_for_each_kind_of_arguments():
    f, calls = counted(lambda x, k=2, more=(): {"y": x * k, "none": None, "list": [x, 3, *more]})
    for value in (1.0, 2.0):
        result = f(np.full(2, value, "float32"))
        np.testing.assert_array_equal(result["y"], [2 * value] * 2)
        assert result["none"] is None
        assert result["list"][1] == 3
    assert len(calls) == 1
    f(np.ones(3, "float32"))
    f(np.ones(3))
    assert float(f(np.ones(3), k=5)["y"][0]) == 5.0
    assert len(f(np.ones(3), more=[X])["list"]) == 3
    assert len(calls) == f.experimental_get_tracing_count() == 5


def test_a_training_loop_is_the_one_of_python():
    found = []
    for wrap in (lambda f: f, pk.function):
        pk.utils.set_random_seed(3)
        model = pk.Sequential(
            [layers.Input((3,)), layers.Dense(4, "tanh"), layers.BatchNormalization(), layers.Dense(2)]
        )
        optimizer, accuracy = optimizers.Adam(0.05), metrics.SparseCategoricalAccuracy()
        loss_fn = losses.SparseCategoricalCrossentropy(from_logits=True)

        @wrap
        def step(x, y):
            with pk.GradientTape() as tape:
                logits = model(x, training=True)  # noqa: B023
                loss = loss_fn(y, logits)  # noqa: B023
            optimizer.apply_gradients(  # noqa: B023
                zip(tape.gradient(loss, model.trainable_weights), model.trainable_weights, strict=True)  # noqa: B023
            )
            accuracy.update_state(y, logits)  # noqa: B023
            return loss

        y = (X[:, 0] > 0).astype("int32")
        history = [float(step(X, y)) for _ in range(20)]
        assert history[-1] < history[0] / 2
        found.append((history, float(accuracy.result()), [*map(np.array, model.get_weights())]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4)
    assert found[0][1] == found[1][1]
    for a, b in zip(found[0][2], found[1][2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_methods_have_recordings_of_their_own():
    class Scaled:
        def __init__(self, k):
            self.k, self.runs = k, 0

        @pk.function
        def scale(self, x):
            """Doc."""
            self.runs += 1
            return x * self.k

    a, b = Scaled(2.0), Scaled(3.0)
    assert [float(o.scale(np.float32(1))) for o in (a, b, a, b)] == [2.0, 3.0, 2.0, 3.0]
    assert (a.runs, b.runs, a.scale.__doc__) == (1, 1, "Doc.")


def test_input_signature():
    f, calls = counted(
        lambda x, y: x + y, input_signature=[TensorSpec((None, 3), "float32"), TensorSpec((), "float32")]
    )
    np.testing.assert_allclose(f(X.astype("float64"), 1), X + 1)
    np.testing.assert_allclose(f(X, y=2.0), X + 2)
    assert len(calls) == 1
    with pytest.raises(TypeError, match="input_signature"):
        f(X[:, :2], 1.0)
    with pytest.raises(TypeError, match="input_signature"):
        f(X)


def test_code_that_needs_values_runs_in_python():
    f, calls = counted(lambda x: x if x > 0 else -x)
    with pytest.warns(UserWarning, match=r"cannot be recorded: .*ops\.where"):
        assert float(f(np.float32(-3))) == 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(f(np.float32(4))) == 4.0
    assert len(calls) == 3


def test_random_numbers_are_new_in_each_run_and_repeated_with_the_seed():
    def draws():
        pk.utils.set_random_seed(7)
        f = pk.function(lambda: pk.random.normal((3,)))
        return np.stack([f(), f()])

    first = draws()
    assert (first[0] != first[1]).all()
    np.testing.assert_array_equal(first, draws())


def test_variables_are_updated_and_tapes_see_through():
    v = Variable(1.0)

    @pk.function
    def add(x):
        v.assign_add(x)
        return v * x

    assert [float(add(np.float32(2))) for _ in range(2)] == [6.0, 10.0]
    with pk.GradientTape() as tape:
        y = add(np.float32(3))
    assert (float(y), float(tape.gradient(y, v))) == (24.0, 3.0)


def test_grad_and_value_and_grad():
    def f(weights, x, shift=0.0):
        return ops.mean(ops.tanh(ops.matmul(x, weights["w"])) + weights["b"] + shift)

    weights = {"w": np.ones((3, 2), "float32"), "b": np.zeros(2, "float32")}
    value, gradient = pk.value_and_grad(f)(weights, X)
    recorded = pk.function(pk.grad(f))(weights, X)
    assert float(value) == pytest.approx(np.tanh(X.sum(1)).mean(), rel=1e-5)
    np.testing.assert_allclose(gradient["w"], X.T @ (1 - np.tanh(X @ weights["w"]) ** 2) / 16, rtol=1e-4)
    np.testing.assert_allclose(gradient["b"], [0.5, 0.5])
    np.testing.assert_allclose(recorded["w"], gradient["w"], rtol=1e-5)
    first, second = pk.grad(lambda a, b: ops.sum(a * b * b), argnums=(0, 1))(3.0, 2.0)
    assert (float(first), float(second)) == (4.0, 12.0)
    gradient, aux = pk.grad(lambda a: (a * a, "aux"), has_aux=True)(3)
    assert (float(gradient), aux) == (6.0, "aux")
    assert float(pk.grad(pk.grad(lambda x: x**3))(2.0)) == 12.0
    assert float(pk.grad(lambda x: 1.0 * Variable(2.0))(1.0)) == 0.0
    with pytest.raises(TypeError, match="scalar-output functions"):
        pk.grad(lambda x: x * X)(1.0)


@ops.custom_gradient
def log1pexp(x):
    e = ops.exp(x)

    def grad(*args, upstream=None):  # as in Keras's documentation
        if upstream is None:
            (upstream,) = args
        return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

    return ops.log(1 + e), grad


@pytest.mark.parametrize("wrap", [lambda f: f, pk.function])
def test_custom_gradient(wrap):
    assert float(wrap(log1pexp)(np.float32(0))) == pytest.approx(np.log(2))
    assert float(wrap(pk.grad(log1pexp))(np.float32(100))) == 1.0  # NaN without
    second = wrap(pk.grad(pk.grad(log1pexp)))(np.float32(0.5))
    assert float(second) == pytest.approx(0.2350037, rel=1e-5)

    @ops.custom_gradient
    def two(a, b):
        return (a * b, a + b), lambda da, db: (100 * da, 7 * db)

    def total(a, b):
        product, both = two(a, b)
        return ops.sum(product + 2 * both)

    found = wrap(pk.grad(total, argnums=(0, 1)))(X, X)
    np.testing.assert_array_equal(found[0], np.full_like(X, 100))
    np.testing.assert_array_equal(found[1], np.full_like(X, 14))


def test_custom_gradient_in_a_model_and_its_errors():
    @ops.custom_gradient
    def reversed_gradient(x):
        return x, lambda dy: -dy

    class Reverse(layers.Layer):
        def call(self, x):
            return reversed_gradient(x)

    weights = []
    for middle in ([], [Reverse()]):
        pk.utils.set_random_seed(1)
        model = pk.Sequential([layers.Input((3,)), layers.Dense(2), *middle, layers.Dense(1)])
        before = model.get_weights()
        model.compile(optimizers.SGD(0.1), "mse")
        model.fit(X, X[:, :1], batch_size=8, verbose=0)
        weights.append([after - b for after, b in zip(model.get_weights(), before, strict=True)])
    np.testing.assert_allclose(weights[0][0], -weights[1][0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(weights[0][2], weights[1][2], rtol=1e-5)

    @ops.custom_gradient
    def wrong(x):
        return x, lambda dy: (dy, dy)

    with pytest.raises(ValueError, match="'wrong' returned 2 values for 1 tensors"):
        pk.grad(wrong)(1.0)

    @ops.custom_gradient
    def of_variables(x):
        return x, lambda dy, variables: dy

    with pytest.raises(NotImplementedError, match="needs an argument `variables`"):
        of_variables(X)


def test_losses_of_layers_are_those_of_the_last_call():
    model = pk.Sequential([layers.Input((3,)), layers.Dense(2, activity_regularizer="l2")])
    for _ in range(2):
        with pk.GradientTape() as tape:
            model(X)
            (loss,) = model.losses
    assert tape.gradient(loss, model.trainable_weights)[0].shape == (3, 2)


def double(x):
    return 2 * x


def test_copies_and_pickles_record_anew():
    f = pk.function(double)
    f(X)
    for other in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert other.experimental_get_tracing_count() == 0
        np.testing.assert_array_equal(other(X), 2 * X)
        assert other.experimental_get_tracing_count() == 1


def test_shapes_may_be_arrays():
    shape = np.array([2, 3], "int32")
    for made in (
        pk.random.normal(shape),
        pk.random.uniform(ops.convert_to_tensor(shape), seed=1),
        ops.zeros(shape),
        ops.ones(ops.convert_to_tensor(shape)),
        ops.full(shape, 1.0),
    ):
        assert made.shape == (2, 3)
