"""The table of `summary()`, character by character as Keras prints it (without colours)."""

import os
import re

import numpy as np
import pytest

from pykernels import backend, layers, models

SIMPLE = """Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 3)              │            15 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 3)              │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ p_re_lu (PReLU)                 │ (None, 3)              │             3 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ out (Dense)                     │ (None, 2)              │             8 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 26 (104.00 B)
 Trainable params: 26 (104.00 B)
 Non-trainable params: 0 (0.00 B)
"""

NARROW = """Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━┓
┃ Layer (type)              ┃ Output Shape        ┃   Param # ┃ Tra… ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━┩
│ dense (Dense)             │ (None, 3)           │        15 │  Y   │
├───────────────────────────┼─────────────────────┼───────────┼──────┤
│ dropout (Dropout)         │ (None, 3)           │         0 │  -   │
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    backend.clear_session()
    monkeypatch.setenv("COLUMNS", "80")


def simple(keras_layers=layers, keras_models=models):
    return keras_models.Sequential(
        [
            keras_layers.Input((4,)),
            keras_layers.Dense(3, activation="relu"),
            keras_layers.Dropout(0.5),
            keras_layers.PReLU(),
            keras_layers.Dense(2, name="out"),
        ]
    )


def text_of(model, **options):
    pieces = []
    model.summary(print_fn=pieces.append, **options)
    assert len(pieces) == 1
    return pieces[0]


def test_simple_table(capsys):
    model = simple()
    assert text_of(model) == SIMPLE
    model.summary()
    assert capsys.readouterr().out == SIMPLE


def test_trainable_column_and_width():
    model = simple()
    assert text_of(model, show_trainable=True, line_length=70).startswith(NARROW)
    model.layers[0].trainable = False
    text = text_of(model, show_trainable=True)
    assert "Non-trainable params: 15 (60.00 B)" in text
    assert "Trainable params: 11 (44.00 B)" in text
    assert re.search(r"dense \(Dense\).*│ +N +│", text)


def test_optimizer_and_unbuilt():
    model = simple()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    assert "Optimizer params: 54" in text_of(model)
    text = text_of(models.Sequential([layers.Dense(3), layers.Dense(2)]))
    assert text.count("0 (unbuilt)") == 2
    assert text.count(" ? ") == 2


def test_layer_range_positions_and_errors():
    model = simple()
    text = text_of(model, layer_range=["dropout", "p_re_lu"])
    assert "dropout" in text
    assert "dense (Dense)" not in text
    assert len(text_of(model, positions=[0.3, 0.6, 1.0], line_length=60).splitlines()[1]) == 60
    with pytest.raises(ValueError, match="do not match the layer names"):
        model.summary(layer_range=["x", "y"])
    with pytest.raises(ValueError, match="Insufficient console width"):
        model.summary(line_length=10)


def test_expand_nested():
    inner = models.Sequential([layers.Dense(3, input_dim=4), layers.Dense(3)], name="inner")
    model = models.Sequential([inner, layers.Dense(1)])
    assert "└ dense" not in text_of(model)
    assert text_of(model, expand_nested=True).count("└ dense") == 2


def test_sizes():
    model = models.Sequential([layers.Dense(500, input_dim=784), layers.Dense(500), layers.Dense(10)])
    text = text_of(model)
    assert "Total params: 648,010 (2.47 MB)" in text


@pytest.mark.parametrize("options", [{}, {"line_length": 60}, {"line_length": 120, "show_trainable": True}])
@pytest.mark.parametrize("which", ["simple", "long", "branches"])
def test_against_keras(options, which, monkeypatch):
    keras = _keras()
    monkeypatch.setenv("COLUMNS", "150")  # Keras cuts longer lines off

    def make(layers, models):
        if which == "simple":
            return simple(layers, models)
        if which == "long":
            names = ("a_very_long_layer_name_that_needs_more_than_one_line", "b")
            return models.Sequential(
                [layers.Input((28, 28)), layers.Flatten(), *(layers.Dense(1234, name=name) for name in names)]
            )
        i = layers.Input((4,), name="i")
        a = layers.Dense(3, name="a")(i)
        b = layers.Dense(3, name="b")(i)
        return models.Model(i, [a, b], name="branches")

    keras.backend.clear_session()
    ours, theirs = make(layers, models), make(keras.layers, keras.models)
    a, b = text_of(ours, **options), text_of(theirs, **options)
    assert a.replace('"functional_1"', '"functional"') == b.replace('"functional_1"', '"functional"')


def _keras():
    os.environ["KERAS_BACKEND"] = "jax"
    return pytest.importorskip("keras")
