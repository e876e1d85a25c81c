"""Legacy weights of nested models whose layers are frozen otherwise than when the file was written: such a file lists
what trains first, and has names that say whose each array is."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, models

UNITS, DEPTH = 4, 4
X = np.random.default_rng(0).normal(size=(5, UNITS)).astype("float32")
FLAGS = {"none": [], "first": [0], "middle": [1, 2], "ends": [0, 3], "all": [0, 1, 2, 3]}
KERAS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
# How versions named a variable of a layer.
NAMES = {
    "TensorFlow": lambda layer, v: f"{layer}/{v}:0",
    "TensorFlow, scoped": lambda layer, v: f"base/{layer}/{v}:0",
    "Theano": lambda layer, v: f"{layer}/{v}",
    "Keras 1": lambda layer, v: f"{layer}_{KERAS_1.get(v, v)}",
}


def nested(seed, names, frozen=(), normalized=False):
    """A model with a base of layers of equal shapes."""
    pk.utils.set_random_seed(seed)
    x = inputs = pk.Input((UNITS,))
    for name in names:
        x = layers.Dense(UNITS, activation="tanh", name=name)(x)
        if normalized:
            x = layers.BatchNormalization(name=name.replace("dense", "batch_normalization"))(x)
    base = pk.Model(inputs, x, name="base")
    model = pk.Sequential([pk.Input((UNITS,)), base, layers.Dense(UNITS, name="head")])
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.2, 1, w.shape) for w in model.get_weights()])
    step = 2 if normalized else 1
    for place in frozen:
        for layer in base.layers[1 + step * place : 1 + step * (place + 1)]:
            layer.trainable = False
    return model


def write(path, model, name_of, rename=lambda name: name):
    """As Keras 1 and 2 wrote it."""
    with h5py.File(path, "w") as file:
        outer = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in outer]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.4.0"
        for layer in outer:
            group = file.create_group(layer.name)
            owners = {id(v): x.name for x in layer._flatten_layers() for v in x._own_variables()}
            variables = [*layer.trainable_weights, *layer.non_trainable_weights]
            texts = [name_of(rename(owners[id(v)]), v.name) for v in variables]
            group.attrs["weight_names"] = [text.encode() for text in texts]
            for text, v in zip(texts, variables, strict=True):
                group[text] = v.numpy()


def auto(first):
    return ["dense" if first + i == 0 else f"dense_{first + i}" for i in range(DEPTH)]


@pytest.mark.parametrize(("kind", "normalized"), [*((kind, True) for kind in NAMES), ("TensorFlow", False)])
@pytest.mark.parametrize("here", [0, 9])
def test_every_way_of_freezing(tmp_path, kind, normalized, here):
    """`here`: the number of the first layer; in the file it is 9, so that names are the same, or shifted beyond 9."""
    for then in FLAGS.values():
        old = nested(1, auto(9), then, normalized)
        write(tmp_path / "w.h5", old, NAMES[kind])
        for now in FLAGS.values():
            new = nested(2, auto(here), now, normalized)
            new.load_weights(tmp_path / "w.h5")
            np.testing.assert_array_equal(new.predict(X, verbose=0), old.predict(X, verbose=0), err_msg=f"{then} {now}")


@pytest.mark.parametrize("ending", ["h5", "hdf5"])
def test_files_of_ours(tmp_path, ending):
    old = nested(1, auto(0), FLAGS["first"])
    old.save_weights(tmp_path / f"w.{ending}")
    new = nested(2, auto(5), FLAGS["middle"])
    new.load_weights(tmp_path / f"w.{ending}")
    np.testing.assert_array_equal(new.predict(X, verbose=0), old.predict(X, verbose=0))


def test_names_of_the_layers_decide(tmp_path):
    """Layers of the same names in another order: each gets its own arrays."""
    old = nested(1, ["a", "b", "c", "d"])
    write(tmp_path / "w.h5", old, NAMES["TensorFlow"])
    new = nested(2, ["d", "b", "a", "c"], FLAGS["first"])
    new.load_weights(tmp_path / "w.h5")
    for name in "abcd":
        have, want = (m.get_layer("base").get_layer(name).get_weights() for m in (new, old))
        for a, b in zip(have, want, strict=True):
            np.testing.assert_array_equal(a, b)


def test_by_name(tmp_path):
    old = nested(1, auto(0), FLAGS["ends"])
    write(tmp_path / "w.h5", old, NAMES["TensorFlow"])
    new = nested(2, auto(3), FLAGS["middle"])
    head = new.get_layer("head").get_weights()
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file.attrs["layer_names"] = [b"base"]
    new.load_weights(tmp_path / "w.h5", by_name=True)
    x = old.get_layer("base").predict(X, verbose=0)
    np.testing.assert_array_equal(new.get_layer("base").predict(X, verbose=0), x)
    np.testing.assert_array_equal(new.get_layer("head").get_weights()[0], head[0])


def test_names_of_no_use(tmp_path):
    """By place, where only one way fits; else nothing is loaded."""
    counter = iter(range(1000))
    old = nested(1, auto(0), FLAGS["first"])
    write(tmp_path / "w.h5", old, lambda layer, v: f"param_{next(counter)}")
    for now in ("none", "all"):
        plain = nested(2, auto(0), FLAGS[now])
        plain.load_weights(tmp_path / "w.h5")  # nothing says that it was written otherwise
    new = nested(2, auto(0), FLAGS["middle"])
    before = new.get_weights()
    with pytest.raises(ValueError, match=r"base.*frozen when the file was written.*Nothing was loaded"):
        new.load_weights(tmp_path / "w.h5")
    for a, b in zip(new.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_place_where_shapes_say_it(tmp_path):
    """Names of no use, other flags, but no two layers alike."""

    def model(seed, frozen):
        rng = np.random.default_rng(seed)
        x = inputs = pk.Input((UNITS,))
        for units in (3, 5, 2):
            x = layers.Dense(units, use_bias=False)(x)
        base = pk.Model(inputs, x, name="base")
        for place in frozen:
            base.layers[1 + place].trainable = False
        model = pk.Sequential([pk.Input((UNITS,)), base])
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        return model

    counter = iter(range(1000))
    old = model(1, [])
    write(tmp_path / "w.h5", old, lambda layer, v: f"param_{next(counter)}")
    new = model(2, [0])
    new.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(new.predict(X, verbose=0), old.predict(X, verbose=0))


def test_whole_model(tmp_path):
    """In a file of a whole model the flags are known, and the weights are where they were."""
    old = nested(1, auto(0), FLAGS["ends"], normalized=True)
    old.compile("sgd", "mse")
    old.save(tmp_path / "m.h5")
    new = models.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(new.predict(X, verbose=0), old.predict(X, verbose=0))
    assert [v.trainable for v in new.weights] == [v.trainable for v in old.weights]
