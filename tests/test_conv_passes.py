"""Passes around convolution: what fuses, and that nothing changes by it."""

import numpy as np
import pytest

from pykernels import layers, models, ops, optimizers, utils
from pykernels.graph import Trace, apply, passes, program
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
    (kinds,) = [each for each in names if "conv2d_backward_weights" in each]
    assert kinds.count("conv2d_max_pool2d") == 1
    assert kinds.count("conv2d") == 3
    assert kinds.count("conv2d_backward_weights") == 4
    assert kinds.count("conv2d_backward_input") == 3  # none for the first layer
    assert "max_pool2d" not in kinds and "add" not in kinds and "activation" not in kinds
    # ReLU's backward from the output, where a convolution makes the gradient: two of them. Left are the one before
    # the pooling (its gradient is a fourth of the image), silu's and the one that Flatten hands on.
    assert kinds.count("activation_grad") <= 3
    assert kinds.count("sum") <= 2  # the loss, and the bias of the dense layer


def test_prediction_folds_the_normalization(monkeypatch):
    x, _ = data()
    (rows, *_) = programs_of(convnet(norm=True), monkeypatch, lambda m: m.predict(x, verbose=0))
    kinds = [row["op"] for row in rows]
    assert "scale_shift" not in kinds and "batch_norm" not in kinds
    assert kinds.count("conv2d") == 3 and kinds.count("conv2d_max_pool2d") == 1


def look_alikes():
    """name -> function that records what is nearly, but not quite, what a pass looks for; its inputs' shapes."""
    geometry = {"strides": (1, 1), "pads": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}
    pooling = {"window": (2, 2), "strides": (2, 2), "pads": (0, 0, 0, 0)}

    def kept_axes(x, dy):
        dw = apply("conv2d_backward_weights", [x, dy], shape=(3, 3, 2, 4), **geometry)
        return [dw, ops.sum(dy, axis=(0, 1, 2), keepdims=True)]

    def other_image(x, ref, dpooled):
        y, index = apply("max_pool2d", [x], **pooling)
        dx = apply("max_pool2d_grad", [index, dpooled], shape=tuple(x.shape), **pooling)
        return [y, apply("activation_grad", [ref, dx], activation="relu", alpha=0.0)]

    def convolution_is_a_result(x, w, bias):
        y = ops.conv(x, w, padding="same")
        return [y, ops.relu(ops.add(y, bias))]

    def pooled_convolution_is_a_result(x, w):
        y = ops.conv(x, w, padding="same")
        return [y, ops.max_pool(y, 2)]

    image, weights = (1, 4, 4, 2), (3, 3, 2, 4)
    return {
        "the sum keeps its axes": (kept_axes, [image, (1, 4, 4, 4)]),
        "ReLU of another image than was pooled": (other_image, [image, image, (1, 2, 2, 2)]),
        "a convolution that is a result": (convolution_is_a_result, [image, weights, (4,)]),
        "a pooled convolution that is a result": (pooled_convolution_is_a_result, [image, weights]),
    }


@pytest.mark.parametrize("name", look_alikes())
def test_what_only_looks_alike_is_left_alone(monkeypatch, name):
    record, shapes = look_alikes()[name]
    rng = np.random.default_rng(5)
    feeds = [rng.normal(size=shape).astype("float32") for shape in shapes]
    results = []
    for disabled in (set(), {p.__name__ for p in passes.PASSES}):
        monkeypatch.setattr(passes, "disabled", disabled)
        with Trace() as trace:
            built = trace.build(record(*[trace.placeholder(shape) for shape in shapes]))
        results.append(built.run(feeds))
    for have, want in zip(*results, strict=True):
        assert have.shape == want.shape
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)
