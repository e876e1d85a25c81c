"""VGG16, ResNet50 and MobileNetV2 with random weights go both ways between Keras and here, with their training."""

from __future__ import annotations

import os

import numpy as np
import pytest
from oracle import keras

import pykernels as pk

# Batch normalization needs more than a pair of numbers per channel to be well-conditioned: at 32 x 32 with two rows the
# last layers have just that, and training explodes, there as here.
SIZE, CLASSES, ROWS, STEPS = {"VGG16": 32, "ResNet50": 64, "MobileNetV2": 64}, 5, 8, 10
# Name: options, optimizer, and how close ten losses are. Sums differ by about 1e-6 in a step; a kink of ReLU that is
# passed on one side only changes a gradient by up to 1%, and Adam divides by small gradients. So the rates are small; a
# training without its updates is 1e-3 away all the same.
NETWORKS = {
    "VGG16": ({}, ("Adam", {"learning_rate": 1e-5}), 2e-3),
    "ResNet50": ({}, ("SGD", {"learning_rate": 1e-6, "momentum": 0.9}), 1e-4),
    "MobileNetV2": ({"alpha": 0.5}, ("SGD", {"learning_rate": 1e-6, "momentum": 0.9, "nesterov": True}), 1e-4),
}


def network(name, seed=0):
    """Keras's network with the weights of a trained one: kernels that keep the size of signals, lively statistics."""
    options, (optimizer, arguments), _ = NETWORKS[name]
    options = {"weights": None, "input_shape": (SIZE[name], SIZE[name], 3), "classes": CLASSES, **options}
    model = getattr(keras.applications, name)(**options, classifier_activation=None)
    rng = np.random.default_rng(seed)
    for v in model.weights:
        fan_in = np.prod(v.shape[:2] if "depthwise" in v.path else v.shape[:-1])
        if v.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.7, 1.4, v.shape)
            if v.path.endswith("_3_bn/gamma"):  # the branches of a trained residual network are small
                value *= 0.3
        elif v.name in ("beta", "bias", "moving_mean"):
            value = 0.1 * rng.normal(size=v.shape)
        else:
            value = rng.normal(size=v.shape) * np.sqrt(1.5 / fan_in)
        v.assign(value.astype("float32"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(getattr(keras.optimizers, optimizer)(**arguments), loss)
    return model


def batch(model, step):
    rng = np.random.default_rng(100 + step)
    return rng.normal(size=(ROWS, *model.input_shape[1:])).astype("float32"), rng.integers(0, CLASSES, ROWS)


def train(model):
    return np.asarray([float(np.ravel(model.train_on_batch(*batch(model, step)))[0]) for step in range(STEPS)])


def state(model):
    return [np.asarray(v) for v in (*model.weights, *model.optimizer.variables)]


def predictions(model):
    return np.asarray(model.predict(batch(model, 99)[0], verbose=0))


def equal_state(model, want):
    have = state(model)
    assert len(have) == len(want)
    for a, b in zip(have, want, strict=True):
        np.testing.assert_array_equal(a, b)


def with_random_state(name):
    """Keras's network and optimizer, as if trained, but without a step of training, whose compilation is long."""
    model = network(name)
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(7)
    model.optimizer.iterations.assign(12)
    for v in model.optimizer.variables[2:]:
        v.assign(1e-3 * rng.uniform(0.5, 1.0, v.shape).astype("float32"))
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name, tmp_path):
    """Weights and the optimizer's state keep their bits, and predictions agree, in each format, there and back."""
    theirs = with_random_state(name)
    want, values = predictions(theirs), state(theirs)
    # Both sum in float32; what 16 to 100 layers lose differs by some hundred times eps of the largest value.
    close = {"rtol": 0, "atol": 1e-5 * np.abs(want).max()}
    for ending in ("keras", "h5"):
        theirs.save(tmp_path / f"theirs.{ending}")
        ours = pk.models.load_model(tmp_path / f"theirs.{ending}")
        equal_state(ours, values)
        np.testing.assert_allclose(predictions(ours), want, **close)
        ours.save(tmp_path / f"ours.{ending}")
        (tmp_path / f"theirs.{ending}").unlink()
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    ours.set_weights([np.zeros_like(w) for w in ours.get_weights()])
    ours.load_weights(tmp_path / "theirs.weights.h5")
    equal_state(ours, values)
    # Back there: with all of the state's bits Keras goes on as it would have gone on.
    equal_state(keras.models.load_model(tmp_path / "ours.keras"), values)
    again = keras.models.load_model(tmp_path / "ours.h5", compile=False)
    for a, b in zip(again.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    theirs.set_weights([np.zeros_like(w) for w in theirs.get_weights()])
    theirs.load_weights(tmp_path / "ours.weights.h5")
    equal_state(theirs, values)
    np.testing.assert_allclose(predictions(theirs), want, rtol=0, atol=1e-7 * np.abs(want).max())


@pytest.mark.skipif("PYKERNELS_LONG_TESTS" not in os.environ, reason="takes minutes; set PYKERNELS_LONG_TESTS")
@pytest.mark.parametrize("name", NETWORKS)
def test_training_goes_on(name, tmp_path):
    """The next ten steps here give the losses that they give there."""
    theirs = network(name)
    for step in (200, 201):
        theirs.train_on_batch(*batch(theirs, step))
    ours = []
    for ending in ("keras", "h5"):
        theirs.save(tmp_path / f"theirs.{ending}")
        ours.append(pk.models.load_model(tmp_path / f"theirs.{ending}"))
        (tmp_path / f"theirs.{ending}").unlink()
    idle = pk.models.clone_model(ours[0])
    idle.set_weights(ours[0].get_weights())
    idle.compile(pk.optimizers.SGD(0.0), pk.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses, tolerance = train(theirs), NETWORKS[name][2]
    assert abs(train(idle)[-1] / losses[-1] - 1) > 10 * tolerance  # so that equal losses mean equal updates
    for model in ours:
        np.testing.assert_allclose(train(model), losses, rtol=tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_in_onnx(name, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    theirs = network(name)
    options = {"weights": None, "input_shape": theirs.input_shape[1:], "classes": CLASSES, **NETWORKS[name][0]}
    model = getattr(pk.applications, name)(**options, classifier_activation=None)
    model.set_weights(theirs.get_weights())
    model.export(tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    x, want = batch(model, 99)[0], predictions(model)
    have = session.run(None, {session.get_inputs()[0].name: x})[0]
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-5 * np.abs(want).max())
