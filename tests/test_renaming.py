"""tf.keras's recipe for renaming, `layer._name = "x"`: the name counts wherever it is read."""

import h5py
import numpy as np
import pytest

import pykernels as pk

X = np.random.default_rng(0).random((4, 3), "float32")


def sequential():
    return pk.Sequential([pk.Input((3,)), pk.layers.Dense(2), pk.layers.Dense(2)], name="old")


def functional():
    inputs = pk.Input((3,))
    outputs = pk.layers.Dense(2)(pk.layers.Dense(2)(inputs))
    return pk.Model(inputs, outputs, name="old")


class Subclass(pk.Model):
    def __init__(self, name="old", **kwargs):
        super().__init__(name=name, **kwargs)
        self.a, self.b = pk.layers.Dense(2), pk.layers.Dense(2)

    def call(self, x):
        return self.b(self.a(x))


def renamed(make):
    model = make()
    model(X)
    model.layers[-2]._name = "first"
    model.layers[-1]._name = "second"
    model._name = "new"
    return model


@pytest.mark.parametrize("make", [sequential, functional, Subclass])
def test_names(make, tmp_path):
    model = renamed(make)
    assert model.name == model._name == "new"
    assert [layer.name for layer in model.layers[-2:]] == ["first", "second"]
    assert model.get_layer("second") is model.layers[-1]
    with pytest.raises(ValueError, match=r"No such layer: dense. Existing layers are: .*'first', 'second'"):
        model.get_layer("dense")
    lines = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert 'Model: "new"' in text
    assert "first" in text
    assert "second" in text
    assert model.get_config()["name"] == "new"


@pytest.mark.parametrize("make", [sequential, functional, Subclass])
def test_files(make, tmp_path):
    model = renamed(make)
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert list(file.attrs["layer_names"])[-2:] == ["first", "second"]
        assert list(file["second"].attrs["weight_names"]) == ["second/kernel", "second/bias"]
    other = renamed(make)
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(other(X), model(X))
    model.save(tmp_path / "m.keras")
    again = pk.models.load_model(tmp_path / "m.keras", custom_objects={"Subclass": Subclass})
    assert again.name == "new"
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    if make is not Subclass:  # whose constructor names its layers
        assert [layer.name for layer in again.layers[-2:]] == ["first", "second"]
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")


def test_outputs_are_named_after_their_layers():
    inputs = pk.Input((3,))
    heads = [pk.layers.Dense(1)(inputs), pk.layers.Dense(1)(inputs)]
    model = pk.Model(inputs, heads)
    for layer, name in zip(model.layers[1:], ("left", "right"), strict=True):
        layer._name = name
    assert model.output_names == ["left", "right"]
    model.compile("sgd", {"left": "mse", "right": "mae"}, metrics={"left": "mae"})
    history = model.fit(X, {"left": X[:, :1], "right": X[:, 1:2]}, verbose=0).history
    assert set(history) == {"loss", "left_loss", "right_loss", "left_mae"}


def test_two_copies_of_a_model_in_one():
    """What the recipe is for: two models whose layers have the same names, joined."""
    first, second = pk.models.clone_model(functional()), pk.models.clone_model(functional())
    for layer in second.layers:
        layer._name = layer.name + "_copy"
    second._name = "copy"
    inputs = pk.Input((3,))
    joined = pk.Model(inputs, pk.layers.Add()([first(inputs), second(inputs)]))
    assert [layer.name for layer in joined.layers][1:3] == ["old", "copy"]
    flat = pk.Model([first.inputs[0], second.inputs[0]], [first.outputs[0], second.outputs[0]])
    assert len({layer.name for layer in flat.layers}) == 6


def test_metrics_and_optimizers():
    metric, optimizer = pk.metrics.MeanAbsoluteError(), pk.optimizers.Adam()
    metric._name, optimizer._name = "distance", "mine"
    model = sequential()
    model.compile(optimizer, "mse", metrics=[metric])
    assert set(model.fit(X, X[:, :2], verbose=0).history) == {"loss", "distance"}
    assert optimizer.get_config()["name"] == "mine"
