"""Models with several inputs and outputs: names, losses and weights as in real Keras (JAX backend)."""

import os
import pickle

import numpy as np
import pytest

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles in half the time

import pykernels as pk
from pykernels import layers, models

# 8 updates of float32 weights; sums of 10 to 40 terms in another order: a few hundred eps
TOLERANCE = 1e-5
RNG = np.random.default_rng(0)
N = 40
X1 = RNG.normal(size=(N, 5)).astype("float32")
X2 = RNG.normal(size=(N, 3)).astype("float32")
CLASSES = RNG.integers(0, 4, N)
REAL = RNG.normal(size=(N, 1)).astype("float32")
WEIGHTS = RNG.random(N).astype("float32")
CLASS_LOSS = "sparse_categorical_crossentropy"
LOSSES = [CLASS_LOSS, "mse"]


@pytest.fixture(scope="module")
def keras():
    found = pytest.importorskip("keras")
    if found.backend.backend() != "jax":
        pytest.skip("keras was imported with another backend")
    return found


def two_by_two(k, outputs="list"):
    """Two inputs, two outputs, a layer used twice."""
    a, b = k.Input((5,), name="in1"), k.Input((3,), name="in2")
    shared = k.layers.Dense(6, activation="tanh", name="shared")
    first = shared(k.layers.Dense(4, name="left")(a))
    second = shared(k.layers.Dense(4, name="right")(b))
    classes = k.layers.Dense(4, activation="softmax", name="z_cls")(first + second)
    number = k.layers.Dense(1, name="b_reg")(second)
    structures = {
        "list": [classes, number],
        "tuple": (classes, number),
        "dict": {"p": classes, "q": number},
    }
    return k.Model([a, b], structures[outputs])


def branched(k):
    """A subclass that returns a list."""

    class Branched(k.Model):
        def __init__(self):
            super().__init__()
            self.a = k.layers.Dense(4, activation="softmax")
            self.b = k.layers.Dense(1)

        def call(self, x):
            return [self.a(x), self.b(x)]

    return Branched()


def set_equal_weights(a, b):
    rng = np.random.default_rng(3)
    weights = [0.4 * rng.normal(size=w.shape).astype("float32") for w in b.get_weights()]
    a.set_weights(weights)
    b.set_weights(weights)


def assert_close(have, want, what):
    have, want = np.asarray(have, "float64"), np.asarray(want, "float64")
    error = np.abs(have - want).max() / max(np.abs(want).max(), 1e-2)
    assert error <= TOLERANCE, f"{what}: relative error {error:.2e}"


CASES = {
    "lists": ("list", [CLASSES, REAL], {"loss": LOSSES, "metrics": [["accuracy"], ["mae", "mse"]]}, None),
    "weighted": (
        "list",
        [CLASSES, REAL],
        {"loss": LOSSES, "metrics": [["accuracy"], "mae"], "weighted_metrics": [["accuracy"], ["mae"]]},
        WEIGHTS,
    ),
    "dicts for lists": (
        "list",
        {"z_cls": CLASSES, "b_reg": REAL},
        {
            "loss": {"z_cls": CLASS_LOSS, "b_reg": "mse"},
            "loss_weights": {"z_cls": 0.5, "b_reg": 2.0},
            "metrics": {"b_reg": "mae"},
        },
        None,
    ),
    "dicts": (
        "dict",
        {"p": CLASSES, "q": REAL},
        {
            "loss": {"p": CLASS_LOSS, "q": "mse"},
            "loss_weights": {"p": 0.5, "q": 2.0},
            "metrics": {"p": "accuracy", "q": ["mae"]},
        },
        {"p": WEIGHTS, "q": WEIGHTS[::-1].copy()},
    ),
    "lists for dicts": (
        "dict",
        [CLASSES, REAL],
        {"loss": LOSSES, "loss_weights": [0.3, 1.5], "metrics": ["accuracy", "mae"]},
        None,
    ),
    "one loss": ("tuple", (np.eye(4, dtype="float32")[CLASSES], REAL), {"loss": "mse"}, None),
    "a loss for one output": ("list", CLASSES, {"loss": [CLASS_LOSS, None], "metrics": [["accuracy"], None]}, None),
    "a loss for one output of a dict": ("dict", {"p": CLASSES}, {"loss": {"p": CLASS_LOSS}}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_training_as_in_keras(keras, case):
    outputs, y, options, weights = CASES[case]
    a, b = two_by_two(pk, outputs), two_by_two(keras, outputs)
    set_equal_weights(a, b)
    histories = []
    for k, model in ((pk, a), (keras, b)):
        model.compile(k.optimizers.Adam(0.01), **options)
        fit = {"batch_size": 15, "epochs": 4, "shuffle": False, "verbose": 0, "validation_split": 0.25}
        histories.append(model.fit([X1, X2], y, sample_weight=weights, **fit).history)
    have, want = histories
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key)
    for v, x, w in zip(a.weights, a.get_weights(), b.get_weights(), strict=True):
        assert_close(x, w, v.name)
    have, want = (
        [m.evaluate([X1, X2], y, sample_weight=weights, verbose=0, return_dict=as_dict) for as_dict in (True, False)]
        for m in (a, b)
    )
    assert list(have[0]) == list(want[0])
    assert_close(have[1], want[1], "evaluate")
    assert_close(list(have[0].values()), list(want[0].values()), "evaluate, dict")
    have, want = (m.train_on_batch([X1, X2], y, sample_weight=weights, return_dict=True) for m in (a, b))
    assert list(have) == list(want)
    have, want = (m.test_on_batch([X1, X2], y) for m in (a, b))
    assert_close(have, want, "test_on_batch")
    have, want = (m.predict([X1, X2], verbose=0) for m in (a, b))
    assert type(have) is type(want)
    pairs = [(have[key], want[key]) for key in want] if isinstance(want, dict) else zip(have, want, strict=True)
    for x, w in pairs:
        assert x.shape == w.shape
        assert_close(x, w, "predict")


def test_a_subclass_with_several_outputs(keras):
    a, b = branched(pk), branched(keras)
    for k, model in ((pk, a), (keras, b)):
        model(X1[:1])
        model.compile(k.optimizers.SGD(0.1), LOSSES, metrics=[["accuracy"], ["mae"]])
    set_equal_weights(a, b)
    have, want = (m.fit(X1, [CLASSES, REAL], epochs=2, shuffle=False, verbose=0).history for m in (a, b))
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key)
    assert isinstance(a.predict(X1, verbose=0), list)


MISTAKES = {
    "too few loss weights": ([CLASSES, REAL], {"loss": LOSSES, "loss_weights": [1.0]}, {}),
    "loss weights of one loss": ([REAL, REAL], {"loss": "mse", "loss_weights": [1.0, 2.0]}, {}),
    "loss of unknown output": ([CLASSES, REAL], {"loss": {"nope": "mse"}}, {}),
    "losses for some": ({"z_cls": CLASSES}, {"loss": {"z_cls": CLASS_LOSS}}, {}),
    "too few metrics": ([CLASSES, REAL], {"loss": LOSSES, "metrics": ["mae"]}, {}),
    "metrics of unknown output": ([CLASSES, REAL], {"loss": LOSSES, "metrics": {"nope": "mae"}}, {}),
    "too many targets": ([CLASSES, REAL, REAL], {"loss": LOSSES}, {}),
    "weights of one": ([CLASSES, REAL], {"loss": LOSSES}, {"sample_weight": [WEIGHTS]}),
    "class weights": ([CLASSES, REAL], {"loss": LOSSES}, {"class_weight": {0: 2.0}}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_those_of_keras(keras, mistake):
    y, compile_options, fit_options = MISTAKES[mistake]
    for k in (pk, keras):
        model = two_by_two(k)
        with pytest.raises(ValueError):
            model.compile("sgd", **compile_options)
            model.fit([X1, X2], y, verbose=0, **fit_options)


def test_messages_name_output_and_fix():
    model = two_by_two(pk)
    model.compile("sgd", LOSSES)
    with pytest.raises(ValueError, match=r"3 arrays for 2 outputs.*\['z_cls', 'b_reg'\]"):
        model.fit([X1, X2], [CLASSES, REAL, REAL], verbose=0)
    with pytest.raises(ValueError, match=r"`y\['z_cls'\]` contains the label 7, but the last layer 'z_cls' has 4"):
        model.fit([X1, X2], [np.full(N, 7), REAL], verbose=0)
    with pytest.raises(ValueError, match="nothing for the output 'b_reg'"):
        model.fit([X1, X2], {"z_cls": CLASSES}, verbose=0)
    with pytest.raises(ValueError, match="'other', which is not the name of an output"):
        model.fit([X1, X2], {"z_cls": CLASSES, "other": REAL}, verbose=0)


def test_a_generator_of_several_targets_and_inputs_by_name():
    def batches():
        while True:
            yield {"in2": X2, "in1": X1}, (CLASSES, REAL), WEIGHTS

    model, other = two_by_two(pk), two_by_two(pk)
    set_equal_weights(model, other)
    for m in (model, other):
        m.compile("sgd", LOSSES)
    model.fit(batches(), steps_per_epoch=2, verbose=0)
    for _ in range(2):
        other.train_on_batch([X1, X2], {"b_reg": REAL, "z_cls": CLASSES}, {"b_reg": WEIGHTS, "z_cls": WEIGHTS})
    for x, y in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_class_weights_by_output_are_sample_weights():
    model, other = two_by_two(pk), two_by_two(pk)
    set_equal_weights(model, other)
    for m in (model, other):
        m.compile("sgd", LOSSES)
    model.fit([X1, X2], [CLASSES, REAL], class_weight={"z_cls": {1: 3.0}}, shuffle=False, verbose=0)
    weights = np.where(CLASSES == 1, 3.0, 1.0)
    other.fit([X1, X2], [CLASSES, REAL], sample_weight={"z_cls": weights}, shuffle=False, verbose=0)
    for x, y in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_nested_models_train_as_layers(keras):
    def build(k):
        inner_in = k.Input((5,), name="inner_in")
        x = k.layers.Dense(4, activation="relu", name="d1")(inner_in)
        inner = k.Model(inner_in, [x, k.layers.Dense(2, name="d2")(x)], name="inner")
        stack = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="tanh", name="d3")], name="stack")
        image = k.Input((5,), name="image")
        first, second = inner(image)
        out = k.layers.Dense(1, name="head")(stack(first))
        model = k.Model(image, {"head": out, "aux": second}, name="outer")
        model.compile(k.optimizers.SGD(0.05), {"head": "mse", "aux": "mae"})
        return model

    a, b = build(pk), build(keras)
    assert [v.shape for v in a.weights] == [tuple(v.shape) for v in b.weights]
    set_equal_weights(a, b)
    y = {"head": REAL, "aux": X2[:, :2]}
    have, want = (m.fit(X1, y, epochs=3, shuffle=False, verbose=0).history for m in (a, b))
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key)
    for x, w in zip(a.get_weights(), b.get_weights(), strict=True):
        assert_close(x, w, "weights")


def test_losses_added_in_layers_count_once_for_all_outputs(keras):
    def build(k):
        class Penalty(k.layers.Layer):
            def call(self, x):
                self.add_loss(0.1 * k.ops.mean(x * x))
                return x

        a = k.Input((5,))
        h = Penalty()(k.layers.Dense(3, activity_regularizer="l2", name="h")(a))
        outputs = [k.layers.Dense(1, name="o1")(h), k.layers.Dense(1, kernel_regularizer="l1", name="o2")(h)]
        model = k.Model(a, outputs)
        model.compile(k.optimizers.SGD(0.05), "mse")
        return model

    a, b = build(pk), build(keras)
    set_equal_weights(a, b)
    have, want = (m.fit(X1, [REAL, -REAL], epochs=2, shuffle=False, verbose=0).history for m in (a, b))
    for key, values in want.items():
        assert_close(have[key], values, key)


def test_compute_loss_of_earlier_versions_takes_no_training():
    class Old(pk.Sequential):
        def compute_loss(self, x, y, y_pred, sample_weight):
            return pk.ops.mean(pk.ops.square(y - y_pred)) * 2.0

    model = Old([pk.Input((5,)), pk.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd")
    loss = model.evaluate(X1, REAL, verbose=0)
    np.testing.assert_allclose(loss, 2 * np.mean(REAL**2), rtol=1e-5)


def test_a_pickled_model_goes_on_training():
    model = two_by_two(pk, "dict")
    model.compile("sgd", {"p": CLASS_LOSS, "q": "mse"})
    y = {"p": CLASSES, "q": REAL}
    model.fit([X1, X2], y, verbose=0)
    other = pickle.loads(pickle.dumps(model))
    have, want = (m.fit([X1, X2], y, shuffle=False, verbose=0).history for m in (other, model))
    assert have == want


def test_inputs_and_outputs_in_nested_dicts(keras):
    def build(k):
        a, b = k.Input((5,), name="aa"), k.Input((3,), name="bb")
        outputs = {"o": {"p": k.layers.Dense(1, name="x")(a), "q": [k.layers.Dense(1, name="y")(b)]}}
        model = k.Model({"aa": a, "bb": b}, outputs)
        model.compile(k.optimizers.SGD(0.1), "mse")
        return model

    a, b = build(pk), build(keras)
    set_equal_weights(a, b)
    x, y = {"aa": X1, "bb": X2}, {"o": {"p": REAL, "q": [REAL]}}
    have, want = (m.fit(x, y, shuffle=False, verbose=0).history for m in (a, b))
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key)
    assert isinstance(a.predict(x, verbose=0)["o"]["q"], list)


def test_a_list_of_one_output_is_returned_alone():
    a = pk.Input((5,))
    model = pk.Model([a], [pk.layers.Dense(1)(a)])
    model.compile("sgd", ["mse"], metrics=[["mae"]])
    model.fit([X1], [REAL], verbose=0)
    assert isinstance(model.predict(X1, verbose=0), np.ndarray)
    assert isinstance(model(X1), np.ndarray)
    assert isinstance(model.output, list)


def test_a_subclass_gets_the_dict_that_it_was_given():
    class Two(pk.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = pk.layers.Dense(1), pk.layers.Dense(1)

        def call(self, x):
            return {"s": self.a(x["u"]), "t": self.b(x["v"])}

    model = Two()
    model.compile("sgd", {"s": "mse", "t": "mae"})
    x = {"v": X2, "u": X1}
    history = model.fit(x, {"s": REAL, "t": REAL}, verbose=0).history
    assert list(history) == ["loss", "s_loss", "t_loss"]
    assert set(model.predict(x, verbose=0)) == {"s", "t"}
    assert model.memory(8).batch == 8 * (5 + 3 + 2) * 4


def test_outputs_of_one_name_lose_no_loss():
    one = layers.Input((3,))
    inner = models.Model(one, [layers.Dense(1)(one), layers.Dense(1)(one)], name="inner")
    two = layers.Input((3,))
    model = models.Model(two, inner(layers.Dense(3)(two)))

    class Pair(models.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(1), layers.Dense(1)

        def call(self, x):
            return self.first(x), self.second(x)

    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    for found, label in ((model, "inner"), (Pair(), "mse")):
        found.compile("sgd", ["mse", "mse"])
        total, first, second = found.train_on_batch(x, [y, 2 * y])
        assert first != second and abs(total - first - second) < 1e-5 * abs(total)
        assert found.metrics_names == ["loss", f"{label}_loss", f"{label}_1_loss"]
