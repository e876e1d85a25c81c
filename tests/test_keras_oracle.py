"""Training against real Keras (JAX backend): equal weights and batches give equal losses per epoch and, after 50 steps,
equal weights, to 1e-5 of the largest.

Keras compiles a step in about a second, so the activations share one Keras model with a branch each, and so do the
losses: branches do not touch each other, since SGD and Adam treat each variable on its own.
"""

import numpy as np
import pytest
from oracle import assert_close, keras, pk

RNG = np.random.default_rng(0)
N = 100  # a short last batch costs Keras a second compilation: one test below has it
X = RNG.normal(size=(N, 12)).astype("float32")
CLASSES = RNG.integers(0, 5, N)
ONE_HOT = np.eye(5, dtype="float32")[CLASSES]
REAL = RNG.normal(size=(N, 5)).astype("float32")
BITS = (RNG.random((N, 5)) < 0.4).astype("float32")
FIT = {"batch_size": 10, "epochs": 5, "shuffle": False, "verbose": 0}  # 50 steps


def initial(last="softmax"):
    """Weights of 12-9-5."""
    rng = np.random.default_rng(5)
    return [
        rng.normal(size=s).astype("float32") * f for s, f in (((12, 9), 0.3), ((9,), 0.1), ((9, 5), 0.3), ((5,), 0.1))
    ]


def ours(activation, last, loss, y, optimizer, rows=N, **options):
    layers = pk.layers
    model = pk.Sequential(
        [layers.Input((12,)), layers.Dense(9, activation=activation), layers.Dense(5, activation=last)]
    )
    model.set_weights(initial())
    model.compile(optimizer, loss, **options)
    return model, model.fit(X[:rows], y[:rows], **FIT).history


def branches(cases):
    """One Keras model with a branch per case: name -> (activation, last, loss, y)."""
    inputs = keras.Input((12,))
    outputs = {}
    for name, (activation, last, _, _) in cases.items():
        hidden = keras.layers.Dense(9, activation=activation, name=f"{name}_hidden")(inputs)
        outputs[name] = keras.layers.Dense(5, activation=last, name=name)(hidden)
    model = keras.Model(inputs, outputs)
    for name in cases:
        model.get_layer(f"{name}_hidden").set_weights(initial()[:2])
        model.get_layer(name).set_weights(initial()[2:])
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), {name: case[2] for name, case in cases.items()})
    history = model.fit(X, {name: case[3] for name, case in cases.items()}, **FIT).history
    if len(cases) == 1:
        history[f"{next(iter(cases))}_loss"] = history["loss"]
    weights = {
        name: model.get_layer(f"{name}_hidden").get_weights() + model.get_layer(name).get_weights() for name in cases
    }
    return history, weights


ACTIVATIONS = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "swish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softmax",
    "log_softmax",
    "exponential",
    "mish",
    "hard_silu",
]


@pytest.fixture(scope="module")
def by_activation():
    return branches({name: (name, None, "mse", REAL) for name in ACTIVATIONS})


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, by_activation):
    history, weights = by_activation
    model, have = ours(activation, None, "mse", REAL, pk.optimizers.SGD(0.01, momentum=0.9))
    assert_close(have["loss"], history[f"{activation}_loss"], "losses")
    for v, a, b in zip(model.weights, model.get_weights(), weights[activation], strict=True):
        assert_close(a, b, v.name)


def loss_cases(losses):
    """name -> (activation, last, loss, y), with the losses of `losses` (Keras's module or ours)."""
    t = "tanh"
    smooth = {"label_smoothing": 0.1}
    return {
        "cce": (t, "softmax", "categorical_crossentropy", ONE_HOT),
        "cce_logits": (t, None, losses.CategoricalCrossentropy(from_logits=True), ONE_HOT),
        "cce_smooth": (t, "softmax", losses.CategoricalCrossentropy(**smooth), ONE_HOT),
        "cce_smooth_logits": (t, None, losses.CategoricalCrossentropy(from_logits=True, **smooth), ONE_HOT),
        "scce": (t, "softmax", "sparse_categorical_crossentropy", CLASSES),
        "scce_column": (t, "softmax", "sparse_categorical_crossentropy", CLASSES[:, None]),
        "scce_logits": (t, None, losses.SparseCategoricalCrossentropy(from_logits=True), CLASSES),
        "bce": (t, "sigmoid", "binary_crossentropy", BITS),
        "bce_logits": (t, None, losses.BinaryCrossentropy(from_logits=True), BITS),
        "bce_smooth": (t, "sigmoid", losses.BinaryCrossentropy(**smooth), BITS),
        "bce_softmax": (t, "softmax", losses.BinaryCrossentropy(), ONE_HOT),
        "mse": (t, None, "mse", REAL),
        "mse_sigmoid": (t, "sigmoid", "mean_squared_error", BITS),
        "mae": (t, None, "mae", REAL),
        "mse_sum": (t, None, losses.MeanSquaredError(reduction="sum"), REAL / 20),
    }


LOSSES = loss_cases(pk.losses)


@pytest.fixture(scope="module")
def by_loss():
    return branches(loss_cases(keras.losses))


@pytest.mark.filterwarnings("ignore:loss='binary_crossentropy'")
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, by_loss):
    history, weights = by_loss
    activation, last, loss, y = LOSSES[name]
    model, have = ours(activation, last, loss, y, pk.optimizers.SGD(0.01, momentum=0.9))
    assert_close(have["loss"], history[f"{name}_loss"], "losses")
    for v, a, b in zip(model.weights, model.get_weights(), weights[name], strict=True):
        assert_close(a, b, v.name)


OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.003}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.003, "momentum": 0.8}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.003, "centered": True, "momentum": 0.5}),
    "adam": ("Adam", {"learning_rate": 0.003}),
    "amsgrad": ("Adam", {"learning_rate": 0.003, "amsgrad": True}),
    "adam_clipnorm": ("Adam", {"learning_rate": 0.003, "clipnorm": 0.05}),
    "sgd_clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.01}),
    "sgd_global_clipnorm": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "global_clipnorm": 0.1}),
    "adam_weight_decay": ("Adam", {"learning_rate": 0.003, "weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    kind, options = OPTIMIZERS[name]
    rows = 97 if name == "adam" else N
    theirs = keras.Sequential(
        [keras.Input((12,)), keras.layers.Dense(9, activation="tanh"), keras.layers.Dense(5, activation="softmax")]
    )
    theirs.set_weights(initial())
    theirs.compile(getattr(keras.optimizers, kind)(**options), "categorical_crossentropy", metrics=["accuracy"])
    want = theirs.fit(X[:rows], ONE_HOT[:rows], **FIT).history
    optimizer = getattr(pk.optimizers, kind)(**options)
    model, have = ours("tanh", "softmax", "categorical_crossentropy", ONE_HOT, optimizer, rows, metrics=["accuracy"])
    assert_close(have["loss"], want["loss"], "losses")
    np.testing.assert_allclose(have["accuracy"], want["accuracy"], rtol=1e-6)
    for v, a, b in zip(model.weights, model.get_weights(), theirs.get_weights(), strict=True):
        assert_close(a, b, v.name)
