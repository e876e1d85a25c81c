"""relu of relu is computed and kept once."""

import numpy as np
import pytest

from pykernels import Input, Model, initializers, layers, optimizers, utils
from pykernels.graph import passes


def block(activation="relu", second="relu"):
    """The first layers of nets whose residual blocks begin with an activation."""
    utils.set_random_seed(0)
    x = Input((16, 16, 3))
    h = layers.BatchNormalization(gamma_initializer=initializers.Constant(5.0))(layers.Conv2D(8, 3, padding="same")(x))
    first = layers.Activation(activation)(h)
    again = layers.Activation(second)(first)
    y = layers.SeparableConv2D(8, 3, padding="same")(again)
    y = layers.add([y, layers.Conv2D(8, 1)(first)])
    model = Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(y)))
    model.compile(optimizers.SGD(1e-3), "mse")
    return model


def trained(model) -> list:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 16, 16, 3)), rng.normal(size=(32, 2))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    return [*model.get_weights(), model.predict(x, verbose=0)]


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_the_bits_stay_and_an_image_is_kept_less(monkeypatch, activation):
    without = block(activation, activation)
    plan, results = without.memory(8), trained(without)
    monkeypatch.setattr(passes, "disabled", {"drop_repeated_activations"})
    kept = block(activation, activation)
    image = 8 * 16 * 16 * 8 * 4
    assert kept.memory(8).activations - plan.activations >= image
    for ours, theirs in zip(results, trained(kept), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("first", "second"), [("relu", "tanh"), ("relu", "relu6"), ("tanh", "relu")])
def test_other_activations_are_left_alone(monkeypatch, first, second):
    results = trained(block(first, second))
    monkeypatch.setattr(passes, "disabled", {"drop_repeated_activations"})
    for ours, theirs in zip(results, trained(block(first, second)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
