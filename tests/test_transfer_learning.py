"""Transfer learning with the networks of `applications`: against Keras, and what a frozen base costs."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest
from network_weights import realistic_weights
from PIL import Image

import pykernels as pk
from pykernels import applications
from pykernels.preprocessing.image import ImageDataGenerator

keras = pytest.importorskip("keras")

SIZE, CLASSES = (32, 32, 3), 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, *SIZE)).astype("f")
Y = RNG.integers(0, CLASSES, 40)


def base_of(library, trainable=False, **arguments):
    base = library.applications.MobileNet(
        weights=None, include_top=False, input_shape=SIZE, alpha=0.25, pooling="avg", **arguments
    )
    base.trainable = trainable
    return base


def nested(library, trainable=False):
    head = library.layers.Dense(CLASSES, activation="softmax", name="head")
    model = library.Sequential([library.layers.Input(SIZE), base_of(library, trainable), head])
    model.set_weights(realistic_weights(model))
    return model


def whole(library):
    """One graph, of which the last block is trained."""
    base = base_of(library, trainable=True)
    for layer in base.layers:
        layer.trainable = layer.name.startswith(("conv_dw_13", "conv_pw_13"))
    head = library.layers.Dense(CLASSES, activation="softmax", name="head")
    model = library.Model(base.input, head(base.output))
    model.set_weights(realistic_weights(model))
    return model


def trained(library, build, learning_rate=0.05):
    library.backend.clear_session()
    model = build(library)
    optimizer = library.optimizers.SGD(learning_rate, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, validation_data=(X[:10], Y[:10]), verbose=0)
    return model, history.history


@pytest.mark.parametrize("build", [nested, whole])
def test_training_on_a_frozen_base_is_that_of_keras(build):
    (ours, history), (theirs, expected) = (trained(library, build) for library in (pk, keras))
    before = realistic_weights(ours)
    for name, values in expected.items():
        # Nine steps on float32 features that differ in their last bits.
        np.testing.assert_allclose(history[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, np.asarray(other), rtol=1e-3, atol=1e-3)
    variables = {id(v) for v in ours.trainable_variables}
    assert sum(int(np.prod(v.shape)) for v in ours.trainable_variables) == sum(
        int(np.prod(v.shape)) for v in theirs.trainable_variables
    )
    for variable, value in zip(ours.weights, before, strict=True):
        frozen = variable.name in ("moving_mean", "moving_variance") or id(variable) not in variables
        if build is nested or not frozen:  # statistics of the trained block are updated
            assert np.array_equal(variable.numpy(), value) == frozen


def ops_of(model):
    programs = [p for (kind, *_), p in model._programs._kept.items() if kind == "train"]
    return programs[0].describe()


def test_a_frozen_base_has_no_backward_pass():
    model, _ = trained(pk, nested)
    assert not [row for row in ops_of(model) if "backward" in row["op"] or row["op"].endswith("norm_grad")]
    assert not [row for row in ops_of(model) if row["op"] == "batch_norm"]  # nor statistics of its batches
    model, _ = trained(pk, whole)
    backward = {row["label"] for row in ops_of(model) if "backward" in row["op"]}
    assert backward == {"conv_pw_13", "conv_dw_13"}


def test_features_are_computed_once():
    plain, expected = trained(pk, nested)
    pk.backend.clear_session()
    model = nested(pk)
    optimizer = pk.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = {"epochs": 3, "batch_size": 16, "shuffle": False, "validation_data": (X[:10], Y[:10]), "verbose": 0}
    history = model.fit(X, Y, cache_frozen=True, **data).history
    # The same features from batches of another size: sums of 128 to 2304 products in another order.
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    # By hand: features by predict, a model of the head alone, and its weights put back.
    pk.backend.clear_session()
    other = nested(pk)
    base, head = other.layers
    top = pk.Sequential([pk.layers.Input((base.output.shape[-1],)), pk.layers.Dense(CLASSES, activation="softmax")])
    top.set_weights(head.get_weights())
    top.compile(pk.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    top.fit(base.predict(X, verbose=0), Y, epochs=3, batch_size=16, shuffle=False, verbose=0)
    head.set_weights(top.get_weights())
    np.testing.assert_allclose(other.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(plain.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-3, atol=1e-5)


def test_a_folder_of_photographs(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        for i in range(9):
            pixels = RNG.integers(0, 120, (20, 24, 3)) + 130 * number
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / name / f"{i}.png")
    made = []

    def prepared(x):
        made.append(x.shape)
        return applications.mobilenet.preprocess_input(x)

    def flow(**more):
        generator = ImageDataGenerator(preprocessing_function=prepared)
        return generator.flow_from_directory(tmp_path, target_size=SIZE[:2], batch_size=4, **more)

    base = base_of(pk)
    base.set_weights(realistic_weights(base))
    pk.utils.set_random_seed(1)
    model = pk.Sequential([base, pk.layers.Dense(2, activation="softmax")])
    model.compile(pk.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
    training, validation = flow(seed=1), flow(shuffle=False)
    made.clear()
    history = model.fit(training, validation_data=validation, epochs=8, verbose=0, cache_frozen=True).history
    # Each picture once, and what was made ahead of the first batch, which shows what the data are.
    assert len(made) <= 2 * 18 + 2 * 18
    assert history["val_loss"][-1] < history["val_loss"][0]  # by 7%; the base is random
    loss, accuracy = model.evaluate(validation, verbose=0)
    assert (loss, accuracy) == pytest.approx((history["val_loss"][-1], history["val_accuracy"][-1]), rel=1e-4)
    # The old call trains the whole model, with the same data.
    old = model.fit_generator(training, validation_data=validation, epochs=1, verbose=0).history
    assert old["val_loss"][-1] < history["val_loss"][0]
