import copy
import os
import pickle

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from pykernels import losses, metrics, ops  # noqa: E402
from pykernels.graph import Trace  # noqa: E402

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(1).bit_generator.state


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def batch(kind, n=7):
    scores = softmax(RNG.normal(size=(n, 6)))
    if kind == "sparse":
        return RNG.integers(0, 6, n).astype("int32"), scores
    if kind == "sparse_column":
        return RNG.integers(0, 6, (n, 1)).astype("float32"), scores
    if kind == "onehot":
        return np.eye(6, dtype="float32")[RNG.integers(0, 6, n)], scores
    if kind == "binary":
        return RNG.integers(0, 2, (n, 1)).astype("float32"), RNG.uniform(size=(n, 1)).astype("float32")
    if kind == "binary_flat":
        return RNG.integers(0, 2, n).astype("uint8"), RNG.uniform(size=(n, 1)).astype("float32")
    if kind == "many":
        return RNG.integers(0, 2, (n, 4)).astype("float32"), RNG.uniform(size=(n, 4)).astype("float32")
    if kind == "exact":
        return RNG.integers(0, 3, (n, 1)).astype("float32"), RNG.integers(0, 3, (n, 1)).astype("float32")
    if kind == "sequence":
        return RNG.integers(0, 6, (n, 3)).astype("int32"), softmax(RNG.normal(size=(n, 3, 6)))
    if kind == "sequence_onehot":
        return np.eye(6, dtype="float32")[RNG.integers(0, 6, (n, 3))], softmax(RNG.normal(size=(n, 3, 6)))
    return RNG.normal(size=(n, 3)).astype("float32"), RNG.normal(size=(n, 3)).astype("float32")


CASES = [
    ("Accuracy", {}, "exact"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.3}, "binary_flat"),
    ("BinaryAccuracy", {}, "many"),
    ("CategoricalAccuracy", {}, "onehot"),
    ("CategoricalAccuracy", {}, "sequence_onehot"),
    ("SparseCategoricalAccuracy", {}, "sparse"),
    ("SparseCategoricalAccuracy", {}, "sparse_column"),
    ("SparseCategoricalAccuracy", {}, "sequence"),
    ("TopKCategoricalAccuracy", {"k": 2}, "onehot"),
    ("TopKCategoricalAccuracy", {}, "sequence_onehot"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "sparse"),
    ("SparseTopKCategoricalAccuracy", {}, "sequence"),
    ("MeanSquaredError", {}, "regression"),
    ("MeanSquaredError", {"name": "q"}, "regression"),
    ("RootMeanSquaredError", {}, "regression"),
    ("MeanAbsoluteError", {}, "regression"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "many"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "onehot"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "sparse"),
    ("SparseCategoricalCrossentropy", {}, "sequence"),
]


WEIGHTED = ("BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "MeanSquaredError")
WEIGHTED += ("SparseCategoricalCrossentropy", "RootMeanSquaredError")


@pytest.mark.parametrize(
    ("name", "options", "kind", "weighted"),
    [(*case, False) for case in CASES] + [(*case, True) for case in CASES if case[0] in WEIGHTED],
)
def test_metrics(name, options, kind, weighted):
    ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
    assert ours.result() == float(theirs.result()) == 0
    for _ in range(2):
        y, x = batch(kind)
        w = RNG.uniform(size=7).astype("float32") if weighted else None
        ours.update_state(y, x, sample_weight=w)
        theirs.update_state(y, x, sample_weight=w)
    result = ours.result()
    assert result.dtype == np.float32 and result.shape == ()
    np.testing.assert_allclose(result, float(theirs.result()), rtol=2e-6)
    assert [v.dtype for v in ours.variables] == ["float32"] * 2
    assert ours.get_config() == theirs.get_config() and ours.name == theirs.name
    assert metrics.serialize(ours) == keras.metrics.serialize(theirs)
    again = metrics.deserialize(metrics.serialize(ours))
    ours.reset_state()
    ours.update_state(y, x)
    assert again(y, x) == ours.result()
    ours.reset_state()
    assert ours.result() == 0


def test_from_sorted_ids():
    y, scores = batch("sparse")
    ids = np.argsort(-scores, axis=-1).astype("int32")
    ours = metrics.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True)
    assert ours(y, ids) == metrics.SparseTopKCategoricalAccuracy(k=3)(y, scores)
    assert ours.get_config()["from_sorted_ids"] is True


FUNCTIONS = [
    ("binary_accuracy", "binary"),
    ("binary_accuracy", "many"),
    ("categorical_accuracy", "onehot"),
    ("categorical_accuracy", "sequence_onehot"),
    ("sparse_categorical_accuracy", "sparse"),
    ("sparse_categorical_accuracy", "sparse_column"),
    ("sparse_categorical_accuracy", "sequence"),
    ("top_k_categorical_accuracy", "onehot"),
    ("top_k_categorical_accuracy", "sequence_onehot"),
    ("sparse_top_k_categorical_accuracy", "sequence"),
    ("mean_squared_error", "regression"),
    ("mean_absolute_error", "regression"),
]


@pytest.mark.parametrize(("name", "kind"), FUNCTIONS)
def test_functions(name, kind):
    y, x = batch(kind)
    ours, theirs = getattr(metrics, name)(y, x), np.asarray(getattr(keras.metrics, name)(y, x))
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("weights", [None, (5,), (5, 3), (5, 1)])
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_reductions(name, weights):
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for _ in range(2):
        values = RNG.normal(size=(5, 3)).astype("float32")
        w = None if weights is None else RNG.uniform(size=weights).astype("float32")
        ours.update_state(values, sample_weight=w)
        theirs.update_state(values, sample_weight=w)
    np.testing.assert_allclose(ours.result(), float(theirs.result()), rtol=1e-6, atol=2e-6)
    ours.update_state(3.0)
    theirs.update_state(3.0)
    np.testing.assert_allclose(ours.result(), float(theirs.result()), rtol=1e-6, atol=2e-6)
    assert ours.get_config() == theirs.get_config()


def test_mean_metric_wrapper():
    def error(y_true, y_pred, power):
        return ops.mean(ops.absolute(y_true - y_pred) ** power, axis=-1)

    y, x = batch("regression")
    ours = metrics.MeanMetricWrapper(error, name="error", power=3)
    assert ours(y, x) == pytest.approx(np.mean(np.abs(y - x) ** 3), rel=1e-5)
    config = ours.get_config()
    assert config["power"] == 3 and config["fn"]["config"] == "error" and config["name"] == "error"
    wrapped = metrics.MeanMetricWrapper(losses.mean_squared_error, name="q")
    assert metrics.MeanMetricWrapper.from_config(wrapped.get_config())(y, x) == metrics.MeanSquaredError()(y, x)


class Positives(metrics.Metric):
    """As in the lessons: state by add_weight, arithmetic by ops."""

    def __init__(self, name="positives", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(name="count", initializer="zeros")
        self.inner = metrics.Mean()

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = ops.logical_and(ops.equal(y_true, 1), ops.greater(y_pred, 0.5))
        self.count.assign_add(ops.sum(ops.cast(right, "float32")))
        self.inner.update_state(y_pred)

    def result(self):
        return self.count + self.inner.result()


def test_user_metric():
    metric = Positives()
    y, x = batch("binary", 50)
    metric.update_state(y, x)
    metric.update_state(y, x)
    expected = 2 * np.sum((y == 1) & (x > 0.5)) + x.mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    assert [v.name for v in metric.variables] == ["count", "total", "count"]
    metric.reset_states()
    assert float(metric.result()) == 0
    for copied in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        copied.update_state(y, x)
        assert float(copied.result()) > 0 == float(metric.result())


def test_keras_2_spelling_of_add_weight():
    metric = metrics.Metric(name="m")
    variable = metric.add_weight("total", initializer="ones")
    assert variable.name == "total" and variable.shape == () and variable.numpy() == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_in_a_program(name, options, kind, weighted):
    """A program that updates the state gives what the same calls on arrays give."""
    traced, immediate = getattr(metrics, name)(**options), getattr(metrics, name)(**options)
    y, x = batch(kind)
    w = RNG.uniform(size=7).astype("float32")
    with Trace() as trace:
        ty = trace.placeholder(y.shape, str(y.dtype), "y")
        tx = trace.placeholder(x.shape, str(x.dtype), "x")
        tw = trace.placeholder(w.shape, "float32", "w")
        traced.update_state(ty, tx, sample_weight=tw if weighted else None)
        result = traced.result()
    program = trace.build(outputs=[result])
    for _ in range(3):
        (value,) = program.run([y, x, w])
        y, x = batch(kind)
    assert traced.result() == value
    assert traced.variables[1].numpy() > 0
    with Trace() as trace:
        traced.reset_state()
    trace.build().run([])
    assert traced.result() == 0
    traced_y, traced_x = batch(kind)
    program.run([traced_y, traced_x, w])
    immediate.update_state(traced_y, traced_x, sample_weight=w if weighted else None)
    np.testing.assert_allclose(traced.result(), immediate.result(), rtol=1e-6)


NAMES = """
    mse MSE mae MAE bce BCE accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy
    top_k_categorical_accuracy sparse_top_k_categorical_accuracy mean mean_squared_error MeanSquaredError
    binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy root_mean_squared_error
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_get_by_name(name):
    ours, theirs = metrics.get(name), keras.metrics.get(name)
    assert type(ours).__name__ == type(theirs).__name__ and ours.name == theirs.name


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda k: k.get("acuracy"), "Could not interpret metric identifier"),
        (lambda k: k.get(3), "Could not interpret"),
        (lambda k: k.get({"class_name": "Foo", "config": {}}), "Could not interpret"),
        (lambda k: k.Metric()(3), None),
        (lambda k: k.Metric().result(), None),
        (lambda k: type("M", (k.Metric,), {"__init__": lambda self: None})().add_weight(), "super"),
        (lambda k: type("M", (k.Metric,), {"__init__": lambda self: None})()(3), "super"),
        (lambda k: k.Mean()([1.0, 2.0, 3.0], sample_weight=[1.0, 1.0]), None),
    ],
)
def test_errors_are_of_the_types_of_keras(bad, message):
    with pytest.raises(Exception) as theirs:
        bad(keras.metrics)
    with pytest.raises(theirs.type, match=message):
        bad(metrics)


def test_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'accuracy'"):
        metrics.get("acuracy")


def test_a_metric_of_a_user_sees_columns_where_it_counts_on_them():
    """Keras 1 and 2 made (N,) targets (N, 1) beside predictions of that shape; Keras 3 does not."""
    from pykernels import layers, models

    def of_keras_2(y_true, y_pred):
        return ops.mean(ops.cast(ops.equal(y_true, ops.round(y_pred)), "float32"))

    def of_keras_3(y_true, y_pred):
        return ops.mean(ops.cast(ops.equal(y_true, ops.round(ops.squeeze(y_pred, -1))), "float32"))

    x = np.linspace(-2, 2, 20).astype("float32")[:, None]
    y = (x[:, 0] > 0.1).astype("float32")
    model = models.Sequential([layers.Input((1,)), layers.Dense(1, activation="sigmoid", kernel_initializer="ones")])
    model.compile("sgd", "binary_crossentropy", metrics=[of_keras_2, of_keras_3, "accuracy"])
    for batch_size in (20, 7, 1):
        _, old, new, built_in = model.evaluate(x, y, batch_size=batch_size, verbose=0)
        assert old == new == built_in == np.mean((x[:, 0] > 0) == (y > 0.5))
    column = model.evaluate(x, y[:, None], verbose=0)
    assert column[1] == built_in
