"""Passes around convolution: what fuses, and that nothing changes by it."""

import numpy as np
import pytest

from pykernels import layers, models, optimizers, utils
from pykernels.graph import passes, program
from pykernels.graph.conv_passes import PASSES

SHAPE = (10, 9, 3)


def convnet(norm=False, pool=2, padding="same", pools_again=False):
    """Convolutions with bias, ReLU and pooling between them, one with a normalization, one with silu."""
    utils.set_random_seed(3)
    stack = [layers.Input(SHAPE), layers.Conv2D(8, 3, padding=padding, activation="relu"), layers.MaxPooling2D(pool)]
    if pools_again:  # without a convolution to join
        stack += [layers.MaxPooling2D(2)]
    stack += [layers.Conv2D(5, 3, padding="same", use_bias=not norm)]
    if norm:
        stack += [layers.BatchNormalization()]
    stack += [layers.Activation("relu"), layers.Conv2D(4, 3, padding="same", activation="silu")]
    stack += [layers.Conv2D(4, 1, activation="relu"), layers.Flatten(), layers.Dense(3, activation="softmax")]
    model = models.Sequential(stack)
    model.compile(optimizers.SGD(0.05, momentum=0.9), "categorical_crossentropy")
    return model


def data(rows=6):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, *SHAPE)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, rows)]


def trained(**options):
    model = convnet(**options)
    x, y = data()
    history = model.fit(x, y, batch_size=3, epochs=3, verbose=0, shuffle=False).history["loss"]
    return history, model.get_weights(), model.predict(x, verbose=0)


@pytest.mark.parametrize("options", [{}, {"norm": True}, {"pool": 3}, {"padding": "valid"}])
@pytest.mark.parametrize("name", [p.__name__ for p in PASSES])
def test_each_pass_keeps_the_results(monkeypatch, name, options):
    losses, weights, predictions = trained(**options)
    monkeypatch.setattr(passes, "disabled", {name})
    plain_losses, plain_weights, plain_predictions = trained(**options)
    np.testing.assert_allclose(losses, plain_losses, rtol=2e-5)
    np.testing.assert_allclose(predictions, plain_predictions, rtol=1e-4, atol=1e-6)
    for a, b in zip(weights, plain_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5 * max(1.0, np.abs(b).max()))


def programs_of(model, monkeypatch, run):
    """The steps of the programs that `run` builds, as `describe` gives them."""
    built = []
    build = program.Lowering.build

    def spy(self):
        made = build(self)
        built.append(made.describe())
        return made

    monkeypatch.setattr(program.Lowering, "build", spy)
    run(model)
    return built


@pytest.mark.parametrize("name", [p.__name__ for p in PASSES])
def test_each_pass_has_something_to_do(monkeypatch, name):
    """So that equal results mean something."""

    def steps(rows):
        return sorted((row["op"], len(row["outputs"])) for row in rows)

    def all_steps():
        x, y = data()

        def run(model):
            model.fit(x, y, batch_size=3, verbose=0)
            model.predict(x, verbose=0)

        built = [
            programs_of(convnet(**options), monkeypatch, run) for options in ({}, {"norm": True}, {"pools_again": True})
        ]
        return [steps(rows) for programs in built for rows in programs]

    changed = all_steps()
    monkeypatch.setattr(passes, "disabled", {name})
    assert all_steps() != changed


def test_training_fuses(monkeypatch):
    x, y = data()
    built = programs_of(convnet(), monkeypatch, lambda m: m.fit(x, y, batch_size=3, verbose=0))
    names = [[row["op"] for row in rows] for rows in built]
    (ops,) = [each for each in names if "conv2d_backward_weights" in each]
    assert ops.count("conv2d_max_pool2d") == 1
    assert ops.count("conv2d") == 3
    assert ops.count("conv2d_backward_weights") == 4
    assert ops.count("conv2d_backward_input") == 3  # none for the first layer
    assert "max_pool2d" not in ops and "add" not in ops and "activation" not in ops
    # ReLU's backward from the output, where a convolution makes the gradient: two of them. Left are the one before
    # the pooling (its gradient is a fourth of the image), silu's and the one that Flatten hands on.
    assert ops.count("activation_grad") <= 3
    assert ops.count("sum") <= 2  # the loss, and the bias of the dense layer


def test_prediction_folds_the_normalization(monkeypatch):
    x, _ = data()
    (rows, *_) = programs_of(convnet(norm=True), monkeypatch, lambda m: m.predict(x, verbose=0))
    ops = [row["op"] for row in rows]
    assert "scale_shift" not in ops and "batch_norm" not in ops
    assert ops.count("conv2d") == 3 and ops.count("conv2d_max_pool2d") == 1
