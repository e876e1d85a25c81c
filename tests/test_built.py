"""Layers are `built` when Keras's are: those with nothing to make from the beginning, others from their first call."""

import numpy as np
import pytest

import pykernels as pk

keras = pytest.importorskip("keras")

ROWS, STEPS, IMAGES = (2, 4), (2, 6, 2), (2, 6, 6, 2)
CASES = {
    "Activation": (("relu",), ROWS),
    "AlphaDropout": ((0.3,), ROWS),
    "AveragePooling1D": ((2,), STEPS),
    "AveragePooling2D": ((2,), IMAGES),
    "BatchNormalization": ((), ROWS),
    "Conv2D": ((2, 2), IMAGES),
    "Cropping2D": ((1,), IMAGES),
    "Dense": ((2,), ROWS),
    "Dropout": ((0.3,), ROWS),
    "ELU": ((), ROWS),
    "Embedding": ((5, 2), ROWS),
    "Flatten": ((), IMAGES),
    "GaussianDropout": ((0.3,), ROWS),
    "GaussianNoise": ((0.3,), ROWS),
    "GlobalAveragePooling1D": ((), STEPS),
    "GlobalAveragePooling2D": ((), IMAGES),
    "GlobalMaxPooling1D": ((), STEPS),
    "GlobalMaxPooling2D": ((), IMAGES),
    "Identity": ((), ROWS),
    "LayerNormalization": ((), ROWS),
    "LeakyReLU": ((), ROWS),
    "Masking": ((), STEPS),
    "MaxPooling1D": ((2,), STEPS),
    "MaxPooling2D": ((2,), IMAGES),
    "PReLU": ((), ROWS),
    "Permute": (((2, 1),), STEPS),
    "ReLU": ((), ROWS),
    "RepeatVector": ((2,), ROWS),
    "Rescaling": ((0.5,), ROWS),
    "Reshape": (((-1,),), STEPS),
    "Softmax": ((), ROWS),
    "SpatialDropout1D": ((0.3,), STEPS),
    "SpatialDropout2D": ((0.3,), IMAGES),
    "UnitNormalization": ((), ROWS),
    "UpSampling2D": ((2,), IMAGES),
    "ZeroPadding2D": ((1,), IMAGES),
}


def states(library, name) -> list[bool]:
    arguments, shape = CASES[name]
    layer = getattr(library.layers, name)(*arguments)
    made = layer.built
    layer(np.zeros(shape, "float32"))
    return [made, layer.built]


@pytest.mark.parametrize("name", CASES)
def test_built_as_in_keras(name):
    assert states(pk, name) == states(keras, name)


def test_a_subclass_that_builds_is_built_then():
    class Scaled(pk.layers.Dropout):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, x, training=False):
            return super().call(x * self.scale, training=training)

    layer = Scaled(0.5)
    assert not layer.built
    layer(np.ones((2, 3), "float32"))
    assert layer.built and len(layer.weights) == 1


def test_initial_weights_of_a_layer_without_any_are_refused():
    pk.layers.Dropout(0.5, weights=[])
    with pytest.raises(ValueError, match="expecting 0 weights"):
        pk.layers.Dropout(0.5, weights=[np.ones(3)])
