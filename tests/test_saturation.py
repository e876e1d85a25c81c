"""Crossentropy behind a softmax or sigmoid takes the logits, as Keras on TensorFlow and Keras 1 and 2 do.

It does not saturate then. Keras on JAX clips the probabilities: a loss of at most 16.1 and no gradient beyond. That
stays for probabilities of other origin.
"""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, losses, ops
from pykernels.graph import Trace, Variable, gradients, passes

CLIPPED = -math.log(1e-7)


def certain(units=1):
    """A dense layer whose weights make it certain: 30 for the first unit, 0 for the others; the input is 1."""
    return layers.Dense(units, use_bias=False, kernel_initializer=lambda s, dtype=None: 30.0 * np.eye(*s))


def tail(form, activation):
    """The ways in which an activation stands behind a layer."""
    return {
        "Activation": [layers.Activation(activation)],
        "Softmax": [layers.Softmax() if activation == "softmax" else layers.Activation("sigmoid")],
        "function": [layers.Activation(getattr(pk.activations, activation))],
        "Lambda": [layers.Lambda(lambda x: getattr(ops, activation)(x))],
        "Flatten": [layers.Activation(activation), layers.Flatten()],
        "Reshape": [layers.Reshape((1, -1)), layers.Activation(activation), layers.Reshape((-1,))],
        "nested": [pk.Sequential([layers.Activation(activation)])],
        "linear": [layers.Activation(activation), layers.Activation("linear")],
        "permuted": [layers.Reshape((-1, 1)), layers.Permute((2, 1)), layers.Activation(activation), layers.Flatten()],
    }[form]


FORMS = (
    "Activation",
    "Softmax",
    "function",
    "Lambda",
    "Flatten",
    "Reshape",
    "nested",
    "linear",
    "permuted",
)

# activation, loss, units, y: the first unit is certain, and wrong
CASES = {
    "sigmoid": ("sigmoid", "binary_crossentropy", 1, np.zeros((4, 1))),
    "categorical": ("softmax", "categorical_crossentropy", 3, np.tile([0.0, 1.0, 0.0], (4, 1))),
    "sparse": ("softmax", "sparse_categorical_crossentropy", 3, np.ones(4, int)),
}


def step(model, loss, y, **compiled):
    """(loss of a step, how far the certain weight moved at a learning rate of 1)."""
    model.compile(pk.optimizers.SGD(1.0), loss, **compiled)
    x = np.ones((4, 1), np.float32)
    assert (
        model.evaluate(x, y, verbose=0, return_dict=True)["loss"] == model.test_on_batch(x, y, return_dict=True)["loss"]
    )
    before = model.get_weights()[0][0, 0]
    value = model.train_on_batch(x, y, return_dict=True)["loss"]
    return value, before - model.get_weights()[0][0, 0]


@pytest.mark.parametrize("metrics", [[], ["accuracy"]], ids=["plain", "with a metric"])
@pytest.mark.parametrize("case", CASES)
def test_activation_as_argument(case, metrics):
    activation, loss, units, y = CASES[case]
    layer = certain(units)
    layer.activation = pk.activations.get(activation)
    assert step(pk.Sequential([layers.Input((1,)), layer]), loss, y, metrics=metrics) == (30.0, 1.0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_activation_behind_the_layer(case, form):
    activation, loss, units, y = CASES[case]
    model = pk.Sequential([layers.Input((1,)), certain(units), *tail(form, activation)])
    assert step(model, loss, y) == (30.0, 1.0)


@pytest.mark.parametrize("case", CASES)
def test_dropout_behind_the_activation(case):
    """It does nothing in evaluate; in training what it gives are no probabilities."""
    activation, loss, units, y = CASES[case]
    model = pk.Sequential([layers.Input((1,)), certain(units), layers.Activation(activation), layers.Dropout(1e-7)])
    model.compile("sgd", loss)
    x = np.ones((4, 1))
    assert model.test_on_batch(x, y) == 30.0
    assert model.train_on_batch(x, y) < 17


def spellings(loss):
    functions = {name: getattr(losses, name) for name in CASES_BY_LOSS}
    classes = {
        "binary_crossentropy": losses.BinaryCrossentropy,
        "categorical_crossentropy": losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
    }

    def wrapped(y_true, y_pred):
        return 2 * functions[loss](y_true, y_pred)

    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return 2 * classes[loss](reduction=None)(y_true, y_pred)

    return {
        "string": (loss, 1),
        "function": (functions[loss], 1),
        "object": (classes[loss](), 1),
        "a function around it": (wrapped, 2),
        "an object around it": (Own(), 2),
        "a lambda of ops": (lambda t, p: getattr(ops, loss)(t, p), 1),
    }


CASES_BY_LOSS = {loss: name for name, (_, loss, _, _) in CASES.items()}


@pytest.mark.parametrize("spelling", ["string", "function", "object", "a function around it", "an object around it"])
@pytest.mark.parametrize("case", CASES)
def test_every_spelling_of_the_loss(case, spelling):
    activation, loss, units, y = CASES[case]
    given, factor = spellings(loss)[spelling]
    model = pk.Sequential([layers.Input((1,)), certain(units), layers.Activation(activation)])
    assert step(model, given, y) == (30.0 * factor, 1.0 * factor)


def test_ops_as_a_loss():
    model = pk.Sequential([layers.Input((1,)), certain(3), layers.Softmax()])
    assert step(model, spellings("categorical_crossentropy")["a lambda of ops"][0], CASES["categorical"][3]) == (
        30.0,
        1.0,
    )


def test_several_outputs_sample_weights_and_nested_models():
    x = layers.Input((1,))
    inner = pk.Model(x, layers.Activation("softmax")(certain(3)(x)))
    outer_in = layers.Input((1,))
    model = pk.Model(outer_in, {"a": inner(outer_in), "b": layers.Dense(1, activation="sigmoid")(outer_in)})
    model.compile(
        pk.optimizers.SGD(1.0),
        {"a": "sparse_categorical_crossentropy", "b": "binary_crossentropy"},
        loss_weights={"a": 1.0, "b": 0.0},
    )
    y = {"a": np.ones(4, int), "b": np.zeros((4, 1))}
    weights = {"a": np.array([1.0, 0.0, 2.0, 1.0]), "b": np.ones(4)}
    assert model.train_on_batch(np.ones((4, 1)), y, sample_weight=weights, return_dict=True)["loss"] == 30.0
    assert model.get_weights()[0][0, 0] == 29.0


def test_metrics_and_add_loss():
    model = pk.Sequential([layers.Input((1,)), certain(3), layers.Softmax()])
    model.compile("sgd", "mse", metrics=["categorical_crossentropy"])
    found = model.test_on_batch(np.ones((4, 1)), CASES["categorical"][3], return_dict=True)
    assert found["categorical_crossentropy"] == 30.0

    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.binary_crossentropy(ops.zeros_like(x), x)))
            return x

    model = pk.Sequential([layers.Input((1,)), certain(1), layers.Activation("sigmoid"), Penalty()])
    model.compile("sgd", "mse")
    assert model.test_on_batch(np.ones((4, 1)), np.ones((4, 1))) == 30.0


def test_label_smoothing():
    smooth = 0.3
    model = pk.Sequential([layers.Input((1,)), certain(3), layers.Softmax()])
    value, _ = step(model, losses.CategoricalCrossentropy(label_smoothing=smooth), CASES["categorical"][3])
    assert value == pytest.approx(30 * (1 - smooth / 3), rel=1e-6)
    model = pk.Sequential([layers.Input((1,)), certain(1), layers.Activation("sigmoid")])
    value, _ = step(model, losses.BinaryCrossentropy(label_smoothing=smooth), CASES["sigmoid"][3])
    assert value == pytest.approx(30 * (1 - smooth / 2), rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_from_logits_is_what_it_was(case):
    _, loss, units, y = CASES[case]
    given = {
        "binary_crossentropy": losses.BinaryCrossentropy,
        "categorical_crossentropy": losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
    }[loss](from_logits=True)
    assert step(pk.Sequential([layers.Input((1,)), certain(units)]), given, y) == (30.0, 1.0)


OTHER_ORIGINS = {
    "clipped": lambda x: ops.clip(ops.softmax(x), 1e-7, 1.0),
    "divided": lambda x: ops.exp(x - 30.0) / ops.sum(ops.exp(x - 30.0), axis=-1, keepdims=True),
    "a part of the classes": lambda x: ops.softmax(x)[:, :2],
    "classes put together": lambda x: ops.reshape(ops.softmax(ops.reshape(x, (-1, 3, 1)), axis=1), (-1, 3)) * 1.0,
    "masked": lambda x: layers.Softmax()(x, mask=np.array([True, True, False])),
}


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_probabilities_of_other_origin_are_clipped(origin):
    with Trace() as trace:
        x = trace.placeholder((2, 3))
        p = OTHER_ORIGINS[origin](x)
        target = np.zeros(p.shape, np.float32)
        target[:, 1] = 1
        loss = ops.categorical_crossentropy(target, p)
        program = trace.build(outputs=[loss, *gradients(loss, [x])])
    value, dx = program.run([np.tile(np.array([30.0, 0.0, 0.0], np.float32), (2, 1))])
    np.testing.assert_allclose(value, CLIPPED, rtol=1e-6)
    assert np.all(dx == 0)


@pytest.mark.filterwarnings("ignore:loss='binary")
def test_softmax_where_sigmoid_is_meant_and_the_reverse():
    """Binary crossentropy of a softmax is that of its probabilities, not of its logits."""
    for activation, loss in (("softmax", "binary_crossentropy"), ("sigmoid", "categorical_crossentropy")):
        model = pk.Sequential([layers.Input((1,)), certain(3), layers.Activation(activation)])
        model.compile("sgd", loss)
        y = CASES["categorical"][3]
        p = model.predict(np.ones((4, 1)), verbose=0)
        want = float(np.mean(getattr(losses, loss)(y, p)))
        assert model.test_on_batch(np.ones((4, 1)), y) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("axis", [1, -1])
def test_classes_on_another_axis(axis):
    logits = np.zeros((2, 4, 3), np.float32)
    logits[:, 0] = 30
    logits = logits if axis == 1 else logits.transpose(0, 2, 1)
    target = np.ones((2, 3), np.int32)
    with Trace() as trace:
        x = trace.placeholder(logits.shape)
        loss = ops.sparse_categorical_crossentropy(target, ops.softmax(x, axis=axis), axis=axis)
        program = trace.build(outputs=[loss, *gradients(loss, [x])])
    value, dx = program.run([logits])
    np.testing.assert_allclose(value, 30.0)
    assert np.abs(dx).max() == 1


def numbers(rng, activation):
    """Logits from small to large, targets, and the loss and gradient by NumPy in double."""
    z = rng.normal(size=(6, 5)) * np.array([[0.1], [1], [5], [30], [80], [300]])
    t = np.eye(5)[rng.integers(0, 5, 6)]
    if activation == "sigmoid":
        loss = (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(-1)
        return z, t, loss, (1 / (1 + np.exp(-z)) - t) / 5
    top = z.max(-1, keepdims=True)
    e = np.exp(z - top)
    return z, t, (t * (np.log(e.sum(-1, keepdims=True)) - (z - top))).sum(-1), e / e.sum(-1, keepdims=True) - t


@pytest.mark.parametrize("read", [False, True], ids=["unread", "probabilities read too"])
@pytest.mark.parametrize("kind", ["categorical", "sparse", "binary"])
def test_values_and_gradients_of_all_sizes(kind, read, monkeypatch):
    """Against NumPy in double; what is computed from probabilities that a metric reads has the same gradient."""
    activation = "sigmoid" if kind == "binary" else "softmax"
    z, t, want, want_dz = numbers(np.random.default_rng(3), activation)
    function = {"categorical": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}
    target = t.argmax(-1).astype(np.int32) if kind == "sparse" else t.astype(np.float32)
    variable = Variable(z.astype(np.float32))

    def build():
        with Trace() as trace:
            p = getattr(ops, activation)(variable)
            loss = getattr(losses, function.get(kind, "binary_crossentropy"))(target, p)
            return trace.build(outputs=[loss, *gradients(loss, [variable]), *([p] if read else [])])

    program = build()
    ran = [row["op"] for row in program.describe()]
    reuses = any(op.startswith(("softmax_", "sigmoid_")) for op in ran)
    assert reuses == read and ("softmax" in ran or "activation" in ran) == read
    monkeypatch.setattr(passes, "disabled", {"reuse_probabilities"})
    for loss, dz, *_ in (program.run([]), build().run([])):
        np.testing.assert_allclose(loss, want, rtol=2e-6, atol=1e-6)
        np.testing.assert_allclose(dz, want_dz, atol=1e-6)


def pixels(folder, name, offset, count, shape):
    with gzip.open(folder / name) as file:
        data = file.read(offset + count * int(np.prod(shape)))
    return np.frombuffer(data, np.uint8, offset=offset).reshape(count, *shape)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_pixels_that_nobody_scaled_learn(shared_data, optimizer):
    """MNIST from 0 to 255 into a dense net: the first steps saturate the softmax."""
    folder = shared_data / "mnist"
    x = pixels(folder, "train-images-idx3-ubyte.gz", 16, 6000, (28, 28))
    y = pixels(folder, "train-labels-idx1-ubyte.gz", 8, 6000, ())
    scores = []
    for seed in range(3):
        pk.utils.set_random_seed(seed)
        model = pk.Sequential(
            [
                layers.Input((28, 28)),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            optimizer if optimizer == "adam" else pk.optimizers.SGD(1e-4),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        model.fit(x, y, epochs=3, batch_size=64, verbose=0)
        scores.append(model.evaluate(x, y, verbose=0)[1])
    assert min(scores) > 0.7, scores
