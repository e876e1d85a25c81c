import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from pykernels import losses, ops  # noqa: E402
from pykernels.graph import Trace, gradients  # noqa: E402

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(1).bit_generator.state


REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_hot(shape, n):
    return np.eye(n, dtype="float32")[RNG.integers(0, n, shape)]


def case(kind, shape=(6,), n=5, logits=False):
    """(y_true, y_pred) for a loss name; shape of samples, n outputs."""
    z = RNG.normal(size=(*shape, n)).astype("float32") * 2
    if kind == "categorical_crossentropy":
        return one_hot(shape, n), z if logits else softmax(z).astype("float32")
    if kind == "sparse_categorical_crossentropy":
        return RNG.integers(0, n, shape).astype("int32"), z if logits else softmax(z).astype("float32")
    if kind == "binary_crossentropy":
        return RNG.integers(0, 2, (*shape, n)).astype("float32"), z if logits else (1 / (1 + np.exp(-z))).astype("f4")
    return RNG.normal(size=(*shape, n)).astype("float32"), z


CASES = [
    ("mean_squared_error", {}),
    ("mean_absolute_error", {}),
    ("categorical_crossentropy", {}),
    ("categorical_crossentropy", {"from_logits": True}),
    ("categorical_crossentropy", {"label_smoothing": 0.1}),
    ("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.2}),
    ("sparse_categorical_crossentropy", {}),
    ("sparse_categorical_crossentropy", {"from_logits": True}),
    ("sparse_categorical_crossentropy", {"ignore_class": 2}),
    ("sparse_categorical_crossentropy", {"from_logits": True, "ignore_class": -1}),
    ("binary_crossentropy", {}),
    ("binary_crossentropy", {"from_logits": True}),
    ("binary_crossentropy", {"label_smoothing": 0.1}),
]
CLASSES = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
}


def close(ours, theirs, rtol=2e-6):
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (3, 4)])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_functions(name, options, shape):
    y, x = case(name, shape, logits=options.get("from_logits"))
    if options.get("ignore_class") == -1:
        y[..., 0] = -1
    close(getattr(losses, name)(y, x, **options), getattr(keras.losses, name)(y, x, **options))


@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize("name", ["categorical_crossentropy", "binary_crossentropy", "sparse_categorical_crossentropy"])
def test_other_axes(name, axis):
    y, x = case(name, (3, 4), n=5)
    if name.startswith("sparse"):
        expected = keras.losses.sparse_categorical_crossentropy(y, x)
        close(losses.sparse_categorical_crossentropy(y, np.moveaxis(x, -1, axis), axis=axis), expected)
        return
    expected = getattr(keras.losses, name)(y, x, axis=axis)
    close(getattr(losses, name)(y, x, axis=axis), expected)


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error"])
@pytest.mark.parametrize(
    ("a", "b"), [((6,), (6, 1)), ((6, 1), (6,)), ((6, 1), (6, 3)), ((6,), (6,)), ((2, 3, 1), (2, 3))]
)
def test_shapes_that_differ(name, a, b):
    y, x = RNG.normal(size=a).astype("float32"), RNG.normal(size=b).astype("float32")
    close(getattr(losses, name)(y, x), getattr(keras.losses, name)(y, x))


def test_target_dtypes():
    y, x = case("binary_crossentropy")
    for dtype in ("uint8", "bool", "int64", "float64"):
        close(losses.binary_crossentropy(y.astype(dtype), x), keras.losses.binary_crossentropy(y.astype(dtype), x))
    y, x = case("sparse_categorical_crossentropy")
    for dtype in ("uint8", "int64", "float32", "float64"):
        got = losses.SparseCategoricalCrossentropy()(y.astype(dtype), x)
        close(got, keras.losses.SparseCategoricalCrossentropy()(y.astype(dtype), x))
    assert losses.mean_squared_error([1, 2], [3, 5]) == 6.5
    double = losses.MeanSquaredError(dtype="float64")(np.zeros((2, 2)), np.full((2, 2), 1e-9))
    assert double.dtype == np.float64 and abs(double - 1e-18) < 1e-30


WEIGHTS = [None, (6,), (6, 1), "zeros"]


REDUCED = [(*CASES[i], r, w) for i in (0, 8) for r in REDUCTIONS for w in WEIGHTS]
REDUCED += [(*CASES[i], "sum_over_batch_size", (6,)) for i in (1, 2, 4, 6, 10)]


@pytest.mark.parametrize(("name", "options", "reduction", "weights"), REDUCED)
def test_classes(name, options, reduction, weights):
    y, x = case(name)
    if weights is not None:
        weights = np.zeros(6) if weights == "zeros" else RNG.uniform(size=weights)
    ours = getattr(losses, CLASSES[name])(reduction=reduction, **options)
    theirs = getattr(keras.losses, CLASSES[name])(reduction=reduction, **options)
    close(ours(y, x, weights), theirs(y, x, weights))
    assert ours.get_config() == theirs.get_config()
    assert losses.serialize(ours) == keras.losses.serialize(theirs)
    again = losses.deserialize(losses.serialize(ours))
    np.testing.assert_array_equal(again(y, x, weights), ours(y, x, weights))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [(3,), (3, 4), (3, 1)])
def test_higher_ranks(reduction, weights):
    y, x = case("mean_squared_error", (3, 4))
    weights = RNG.uniform(size=weights)
    if weights.shape == (3,):
        with pytest.raises(Exception):  # noqa: B017
            keras.losses.MeanSquaredError(reduction=reduction)(y, x, weights)
        with pytest.raises(ValueError, match="3"):
            losses.MeanSquaredError(reduction=reduction)(y, x, weights)
        return
    close(
        losses.MeanSquaredError(reduction=reduction)(y, x, weights),
        keras.losses.MeanSquaredError(reduction=reduction)(y, x, weights),
    )


def test_an_ignored_class_does_not_count_in_the_mean():
    y, x = np.array([0, 1, 2, 2]), softmax(RNG.normal(size=(4, 3))).astype("float32")
    got = losses.SparseCategoricalCrossentropy(ignore_class=2)(y, x)
    assert got == pytest.approx(-np.log(x[[0, 1], [0, 1]]).mean(), rel=1e-6)
    wrapped = losses.LossFunctionWrapper(lambda t, p: losses.sparse_categorical_crossentropy(t, p, ignore_class=2))
    assert wrapped(y, x) == got


@pytest.mark.parametrize("n", [0, 1])
def test_tiny_batches(n):
    y, x = case("mean_squared_error", (n,))
    for reduction in REDUCTIONS:
        close(
            losses.MeanSquaredError(reduction=reduction)(y, x), keras.losses.MeanSquaredError(reduction=reduction)(y, x)
        )


def test_user_subclass_and_function():
    class Fourth(losses.Loss):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            return ops.mean(ops.square(ops.square(y_true - y_pred)), axis=-1) * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    y, x = case("mean_squared_error")
    expected = 2 * np.mean((y - x) ** 4)
    loss = Fourth(2.0, name="fourth")
    assert loss(y, x) == pytest.approx(expected, rel=1e-5)
    form = losses.serialize(loss)
    assert losses.deserialize(form, {"Fourth": Fourth}).get_config() == loss.get_config()
    assert Fourth().name.startswith("fourth")

    def scaled(y_true, y_pred, factor):
        return ops.sum(ops.absolute(y_true - y_pred), axis=-1) * factor

    wrapped = losses.LossFunctionWrapper(scaled, reduction="sum", name="scaled", factor=3.0)
    assert wrapped(y, x) == pytest.approx(3 * np.abs(y - x).sum(), rel=1e-5)
    config = wrapped.get_config()
    assert config["name"] == "scaled" and config["factor"] == 3.0 and config["fn"]["config"] == "scaled"


NAMES = "mse MSE mae MAE bce BCE mean_squared_error mean_absolute_error binary_crossentropy categorical_crossentropy "
NAMES += "sparse_categorical_crossentropy"


@pytest.mark.parametrize("name", NAMES.split())
def test_get_by_name(name):
    assert losses.get(name).__name__ == keras.losses.get(name).__name__
    assert losses.get(name) is getattr(losses, name)


def test_get():
    assert losses.get(None) is None
    for name in CLASSES.values():
        assert type(losses.get(name)).__name__ == name
        assert type(losses.get({"class_name": name, "config": {"reduction": "sum"}})).__name__ == name
    assert losses.get(losses.mean_squared_error) is losses.mean_squared_error
    form = losses.serialize(losses.mean_squared_error)
    assert form == keras.losses.serialize(keras.losses.mean_squared_error)
    assert losses.get(form) is losses.mean_squared_error


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("categorical crossentropy", "categorical_crossentropy"),
        ("categorical_cross_entropy", "categorical_crossentropy"),
        ("mean_square_error", "mean_squared_error"),
        ("SparseCategoricalCrossEntropy", "SparseCategoricalCrossentropy"),
    ],
)
def test_unknown_name_gets_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=f"Could not interpret loss identifier: {name}.*{nearest}"):
        losses.get(name)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda k: k.MeanSquaredError(reduction="auto"), "Expected one of"),
        (lambda k: k.categorical_crossentropy(np.eye(3, dtype="f4"), np.ones((3, 4), "f4")), "same shape"),
        (lambda k: k.categorical_crossentropy(np.zeros((3, 1), "f4"), np.ones((3, 4), "f4")), "sparse_categorical"),
        (lambda k: k.categorical_crossentropy(np.zeros(3, "f4"), np.ones((3, 4), "f4")), "sparse_categorical"),
        (lambda k: k.categorical_crossentropy(np.eye(3), np.ones((3, 3)), axis=True), "axis"),
        (lambda k: k.sparse_categorical_crossentropy(np.eye(3, 4), np.ones((3, 4))), "categorical_crossentropy"),
        (lambda k: k.binary_crossentropy(np.zeros((3, 1)), np.ones((3, 4))), "same shape"),
        (lambda k: k.get(3), "Could not interpret"),
        (lambda k: k.get({"class_name": "Foo", "config": {}}), "Could not interpret"),
        (lambda k: k.Loss()(np.ones((2, 2)), np.ones((2, 2))), None),
    ],
)
def test_errors_are_of_the_types_of_keras(bad, message):
    with pytest.raises(Exception) as theirs:
        bad(keras.losses)
    with pytest.raises(theirs.type, match=message):
        bad(losses)


def test_one_output_for_categorical_warns():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((3, 1)), np.ones((3, 1)))


@pytest.mark.parametrize(
    ("name", "options", "weighted"), [(*c, False) for c in CASES] + [(*CASES[i], True) for i in (0, 6, 8)]
)
def test_gradients_in_a_program(name, options, weighted):
    """Value and gradient of the traced loss against those of JAX through Keras."""
    y, x = case(name, logits=options.get("from_logits"))
    w = RNG.uniform(size=6).astype("float32") if weighted else None
    ours = getattr(losses, CLASSES[name])(**options)
    theirs = getattr(keras.losses, CLASSES[name])(**options)
    with Trace() as trace:
        ty = trace.placeholder(y.shape, str(y.dtype), "y")
        tx = trace.placeholder(x.shape, "float32", "x")
        tw = [trace.placeholder(w.shape, "float32", "w")] if weighted else []
        loss = ours(ty, tx, *tw)
        (dx,) = gradients(loss, [tx])
    program = trace.build(outputs=[loss, dx])
    value, gradient = program.run([y, x, w] if weighted else [y, x])
    expected, dx = jax.value_and_grad(lambda x: theirs(y, x, w))(x)
    close(value, expected)
    np.testing.assert_allclose(gradient, np.asarray(dx), rtol=1e-5, atol=1e-7)
