"""`Variable(...)` in Keras's spellings, and the paths of variables and layers, beside Keras."""

from __future__ import annotations

import keras as real
import numpy as np
import pytest

import pykernels as ours
from pykernels import layers


@pytest.mark.parametrize("library", [real, ours], ids=["keras", "pykernels"])
def test_variables_from_initializers(library):
    named = library.Variable("ones", shape=(2,))
    assert np.asarray(named).tolist() == [1.0, 1.0]
    assert np.asarray(library.Variable(initializer="zeros", shape=(3,), dtype="int32")).dtype == np.int32
    assert np.asarray(library.Variable(initializer=np.arange(3.0), name="mine")).tolist() == [0.0, 1.0, 2.0]
    assert library.Variable(1.0, trainable=False, name="mine").path == "mine"
    with pytest.raises(ValueError, match="oness"):
        library.Variable("oness", shape=(2,))
    with pytest.raises(ValueError, match="shape"):
        library.Variable("ones")


def test_tensorflows_spelling():
    assert ours.Variable(initial_value=[1.0, 2.0], name="v").numpy().tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="needs an initial value"):
        ours.Variable()


def networks(keras):
    plain = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="d")], name="s")
    late = keras.Sequential([keras.layers.Dense(2, name="d")], name="late")
    late.build((None, 3))
    x = keras.layers.Input((3,))
    inner = keras.Sequential(
        [keras.layers.Dense(2, name="in1"), keras.layers.BatchNormalization(name="norm")], name="inner"
    )
    outer = keras.Model(x, keras.layers.Dense(1, name="top")(inner(x)), name="outer")
    alone = keras.layers.Dense(2, name="alone")
    alone.build((None, 3))
    return [plain, late, inner, outer, alone]


def test_paths_are_those_of_keras():
    for mine, theirs in zip(networks(ours), networks(real), strict=True):
        assert [w.path for w in mine.weights] == [w.path for w in theirs.weights]
    assert layers.Dense(2).path is None is real.layers.Dense(2).path
    assert networks(ours)[-1].path == networks(real)[-1].path == "alone"
