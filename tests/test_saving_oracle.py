"""Files go both ways between pykernels and Keras: layer types with their options, whole models, optimizers."""

from __future__ import annotations

import inspect
import pathlib
import sys

import numpy as np
import pytest

import pykernels as pk

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from layer_cases import CASES, FLAT, LAYERS, MERGES

keras = pytest.importorskip("keras")

# A sum of up to a few hundred products in float32, in another order than Keras's: 1e-5 of values around 1.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
# Keras writes these into .h5 files in a form that it cannot read itself: a list of axes becomes its last one.
KERAS_CANNOT_READ_BACK = {("LayerNormalization", "axis"), ("RMSNormalization", "axis")}
# Classes of our own for names that are aliases in Keras.
KERAS1_CLASSES = (
    *("AtrousConvolution1D", "AtrousConvolution2D", "Convolution2D", "Deconvolution2D", "SeparableConvolution2D"),
)


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype(w.dtype) for w in model.get_weights()])


def inputs_for(shapes, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(5, *shape)).astype("float32") for shape in shapes]


def agree(a, b, xs):
    x = xs if len(xs) > 1 else xs[0]
    np.testing.assert_allclose(np.asarray(a.predict(x, verbose=0)), np.asarray(b.predict(x, verbose=0)), **TOLERANCE)


def both_ways(model, xs, tmp_path, keras_reads_h5=True):
    """`model` is Keras's. Saved there and loaded here, saved here and loaded there, in each format.

    Args:
        keras_reads_h5: False where Keras cannot read its own whole-model `.h5` file; then we read ours and theirs.
    """
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"theirs.{ending}")
        ours = pk.models.load_model(tmp_path / f"theirs.{ending}")
        agree(ours, model, xs)
        ours.save(tmp_path / f"ours.{ending}")
        if ending == "keras" or keras_reads_h5:
            again = keras.models.load_model(tmp_path / f"ours.{ending}")
            agree(again, model, xs)
        else:
            with pytest.raises(ValueError):
                keras.models.load_model(tmp_path / f"theirs.{ending}")
            agree(pk.models.load_model(tmp_path / f"ours.{ending}"), model, xs)
    for ending in ("weights.h5", "h5"):
        if ending == "h5":
            ours.save_weights(tmp_path / "weights_ours.h5")
        else:
            ours.save_weights(tmp_path / "weights_ours.weights.h5")
            model.save_weights(tmp_path / "weights_theirs.weights.h5")
            randomize(ours, 5)
            ours.load_weights(tmp_path / "weights_theirs.weights.h5")
            agree(ours, model, xs)
        randomize(again, 6)
        again.load_weights(tmp_path / f"weights_ours.{ending}")
        agree(again, model, xs)
    clone = pk.models.model_from_json(model.to_json())
    clone.set_weights(model.get_weights())
    agree(clone, model, xs)


@pytest.mark.parametrize(("name", "shape", "options"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)])
def test_layer(name, shape, options, tmp_path):
    model = keras.Sequential([keras.Input(shape), getattr(keras.layers, name)(**options)])
    randomize(model)
    broken = any((name, key) in KERAS_CANNOT_READ_BACK and isinstance(options[key], list) for key in options)
    both_ways(model, inputs_for([shape]), tmp_path, keras_reads_h5=not broken)


@pytest.mark.parametrize("name", MERGES)
def test_merge_layer(name, tmp_path):
    cls = getattr(keras.layers, name)
    a, b = keras.Input(FLAT), keras.Input(FLAT)
    model = keras.Model([a, b], cls(**({"axes": 1} if name == "Dot" else {}))([a, b]))
    both_ways(model, inputs_for([FLAT, FLAT]), tmp_path)


def test_every_layer_is_in_the_table():
    """A layer type that both libraries have cannot be left out of these tests."""
    names = {n for n, cls in vars(pk.layers).items() if inspect.isclass(cls) and issubclass(cls, pk.layers.Layer)}
    aliases = {n for n in names if getattr(pk.layers, n).__name__ != n}
    elsewhere = {"Layer", "InputLayer", "Lambda", *MERGES, *KERAS1_CLASSES}
    # of other layers, or of several inputs: test_recurrent_layers.py, test_attention.py
    elsewhere |= {"RNN", "StackedRNNCells", "LSTMCell", "GRUCell", "SimpleRNNCell"}
    elsewhere |= {"Wrapper", "Bidirectional", "TimeDistributed"}
    elsewhere |= {"Attention", "AdditiveAttention", "MultiHeadAttention", "EinsumDense"}
    # of categories and text, for which Keras needs TensorFlow: test_lookup_layers.py
    elsewhere |= {"CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"}
    elsewhere |= {"IntegerLookup", "StringLookup", "TextVectorization"}
    assert not {n for n in names - aliases - elsewhere if n not in LAYERS and hasattr(keras.layers, n)}


def test_functional_models(tmp_path):
    layers = keras.layers
    inner_in = keras.Input((5,))
    inner = keras.Model(inner_in, layers.Dense(4, activation="relu")(inner_in), name="inner")
    stack = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Activation("tanh")], name="stack")
    a, b = keras.Input(FLAT, name="a"), keras.Input((5,), name="b")
    shared = layers.Dense(5, name="shared")
    x = shared(a)
    y = shared(layers.Dense(6)(b))
    z = inner(x) + inner(y) * 2.0
    out1 = layers.Dense(2, name="out1")(stack(z))
    out2 = stack(inner(b))
    model = keras.Model({"a": a, "b": b}, [out1, out2])
    randomize(model)
    xs = dict(zip("ab", inputs_for([FLAT, (5,)]), strict=True))
    for form in ("keras", "json"):
        if form == "keras":
            model.save(tmp_path / "m.keras")
            ours = pk.models.load_model(tmp_path / "m.keras")
        else:
            ours = pk.models.model_from_json(model.to_json())
            ours.set_weights(model.get_weights())
        ours.save(tmp_path / "o.keras")
        theirs = keras.models.load_model(tmp_path / "o.keras")
        for want, have, again in zip(*(m.predict(xs, verbose=0) for m in (model, ours, theirs)), strict=True):
            np.testing.assert_allclose(have, want, **TOLERANCE)
            np.testing.assert_allclose(again, want, **TOLERANCE)
    assert ours.count_params() == model.count_params()


def subclassed(library):
    """A model in code; the names of its attributes come before and after `layers`, where Keras lists the others."""

    class Net(library.Model):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = library.layers.Dense(units, activation="relu")
            self.stack = [library.layers.Dense(units) for _ in range(2)]
            self.dropout = library.layers.Dropout(0.5)
            self.out = library.layers.Dense(2)

        def call(self, x, training=False):
            x = self.dropout(self.first(x), training=training)
            for layer in self.stack:
                x = layer(x)
            return self.out(x)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Net


def test_subclassed_models(tmp_path):
    (x,) = inputs_for([FLAT])
    for here, there in ((keras, pk), (pk, keras)):
        model = subclassed(here)(units=5)
        model(x)
        randomize(model)
        model.save_weights(tmp_path / "m.weights.h5")
        other = subclassed(there)(units=5)
        other(x)
        other.load_weights(tmp_path / "m.weights.h5")
        agree(other, model, [x])
        model.save(tmp_path / "m.keras")
        agree(there.models.load_model(tmp_path / "m.keras", {"Net": subclassed(there)}), model, [x])


def test_subclasses_made_from_inputs_and_outputs(tmp_path):
    """`class Own(Model)` called with inputs and outputs is in files as functional models are."""

    def own(library):
        class Own(library.Model):
            pass

        return Own

    (x,) = inputs_for([FLAT])
    for here, there in ((keras, pk), (pk, keras)):
        i, cls = here.Input(FLAT), own(here)
        model = cls(i, here.layers.Dense(2)(i))
        randomize(model)
        model.save(tmp_path / "m.keras")
        loaded = there.models.load_model(tmp_path / "m.keras", {"Own": own(there)})
        assert type(loaded).__name__ == "Own"
        agree(loaded, model, [x])
    again = cls.from_config(model.get_config())
    again.set_weights(model.get_weights())
    agree(again, model, [x])


def test_model_from_config():
    i = pk.Input(FLAT)
    model = pk.Model(i, pk.layers.Dense(2)(i))
    assert type(pk.Model.from_config(model.get_config())) is type(model)
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        subclassed(pk).from_config(model.get_config())


class Made(pk.Model):
    """Makes its inputs and outputs itself."""

    def __init__(self, units, **kwargs):
        i = pk.Input(FLAT)
        super().__init__(i, pk.layers.Dense(units)(i), **kwargs)


def test_models_that_make_their_inputs_themselves(tmp_path):
    (x,) = inputs_for([FLAT])
    model = Made(3)
    model.save(tmp_path / "m.keras")
    agree(pk.models.load_model(tmp_path / "m.keras", {"Made": Made}), model, [x])


OPS = {
    "reshape": lambda k, x: k.ops.reshape(x, (-1, 2, 3)),
    "slice": lambda k, x: x[:, 1:3],
    "index": lambda k, x: x[:, 0],
    "backwards": lambda k, x: x[..., ::-1],
    "new axis": lambda k, x: x[:, None],
    "softmax": lambda k, x: k.ops.softmax(x),
    "log_softmax": lambda k, x: k.ops.log_softmax(x, axis=1),
    "log_sigmoid": lambda k, x: k.ops.log_sigmoid(x),
    "clip": lambda k, x: k.ops.clip(x, 0, 1),
    "cast": lambda k, x: k.ops.cast(x > 0, "float32"),
    "argmax": lambda k, x: k.ops.argmax(x, axis=-1),
    "argmin": lambda k, x: k.ops.argmin(x, axis=-1, keepdims=True),
    "leaky_relu": lambda k, x: k.ops.leaky_relu(x, 0.3),
    "elu": lambda k, x: k.ops.elu(x, 0.5),
    "gelu": lambda k, x: k.ops.gelu(x) + k.ops.gelu(x, False),
    "take": lambda k, x: k.ops.take(x, [1, 2], axis=1),
    "one_hot": lambda k, x: k.ops.one_hot(k.ops.cast(k.ops.abs(x), "int32"), 3),
    "pad": lambda k, x: k.ops.pad(x, ((0, 0), (1, 2))),
    "stack": lambda k, x: k.ops.stack([x, x], axis=1),
    "flip": lambda k, x: k.ops.flip(x, 1),
}


@pytest.mark.parametrize("name", OPS)
def test_op_in_a_model(name, tmp_path):
    """Ops called on symbolic tensors are the other library's too."""
    xs = inputs_for([FLAT])
    for here, there in ((keras, pk), (pk, keras), (pk, pk)):
        i = here.Input(FLAT)
        model = here.Model(i, OPS[name](here, i))
        model.save(tmp_path / "m.keras")
        agree(there.models.load_model(tmp_path / "m.keras"), model, xs)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("normalize", {"axis": 1}),
        ("logsumexp", {"axis": 1}),
        ("amax", {"axis": 1}),
        ("celu", {}),
        ("split", {"indices_or_sections": 2, "axis": 1}),
    ],
)
def test_op_of_keras(name, options, tmp_path):
    i = keras.Input(FLAT)
    model = keras.Model(i, getattr(keras.ops, name)(i, **options))
    model.save(tmp_path / "m.keras")
    xs = inputs_for([FLAT])
    want, have = (m.predict(xs[0], verbose=0) for m in (model, pk.models.load_model(tmp_path / "m.keras")))
    for a, b in zip(want, have, strict=True):
        np.testing.assert_allclose(b, a, **TOLERANCE)


OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.002, "centered": True, "momentum": 0.5}),
    ("Adam", {"learning_rate": 0.003, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.003, "clipnorm": 1.0}),
]


def training_data():
    rng = np.random.default_rng(3)
    return rng.normal(size=(64, 6)).astype("float32"), rng.integers(0, 3, 64)


def compiled(optimizer, options):
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy()
    model.compile(getattr(keras.optimizers, optimizer)(**options), loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZERS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(OPTIMIZERS)])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_training_goes_on(optimizer, options, ending, tmp_path):
    """The next ten steps after loading, there and here, give the same losses and weights."""
    x, y = training_data()
    model = compiled(optimizer, options)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / f"theirs.{ending}")
    ours = pk.models.load_model(tmp_path / f"theirs.{ending}")
    assert int(ours.optimizer.iterations) == 8
    ours.save(tmp_path / f"ours.{ending}")
    models = [model, ours]
    if ending == "keras":  # Keras itself does not restore the optimizer of a Sequential from .h5
        models.append(keras.models.load_model(tmp_path / "ours.keras"))
    for step in range(10):
        rows = slice(step * 6, step * 6 + 6)
        losses = [float(m.train_on_batch(x[rows], y[rows])[0]) for m in models]
        np.testing.assert_allclose(losses, losses[0], rtol=1e-5)
    for other in models[1:]:
        for have, want in zip(other.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-6)


def test_structure_of_the_files(tmp_path):
    """The same groups, names, shapes and dtypes as Keras writes."""
    import h5py

    x, y = training_data()
    model = compiled("Adam", {})
    model.fit(x, y, verbose=0)
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"theirs.{ending}")
    model.save_weights(tmp_path / "theirs.weights.h5")
    ours = pk.models.load_model(tmp_path / "theirs.keras")
    for ending in ("keras", "h5"):
        ours.save(tmp_path / f"ours.{ending}")
    ours.save_weights(tmp_path / "ours.weights.h5")

    def contents(path):
        found = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, x: found.update(
                    {name: (x.shape, x.dtype) if isinstance(x, h5py.Dataset) else sorted(x.attrs)}
                )
            )
        return found

    assert contents(tmp_path / "ours.weights.h5") == contents(tmp_path / "theirs.weights.h5")
    legacy = [contents(tmp_path / f"{who}.h5") for who in ("ours", "theirs")]
    kinds = [sorted(map(str, c.values())) for c in legacy]
    assert kinds[0] == kinds[1] or len(kinds[0]) <= len(kinds[1])  # paths of variables are of the user's making
    import json
    import zipfile

    configs = [json.loads(zipfile.ZipFile(tmp_path / f"{who}.keras").read("config.json")) for who in ("ours", "theirs")]
    for config in configs:
        _without(config, ("shared_object_id", "jit_compile", "quantization_config"))
    assert configs[0] == configs[1]
    assert zipfile.ZipFile(tmp_path / "ours.keras").testzip() is None


def _without(x, keys):
    if isinstance(x, dict):
        for key in keys:
            x.pop(key, None)
    for item in x.values() if isinstance(x, dict) else x if isinstance(x, list) else ():
        _without(item, keys)


def test_lambda_expressions(tmp_path):
    """Bytecode is written as Keras writes it; both read it only when told to."""
    factor = 3

    def build(k):
        layers = [k.layers.Lambda(lambda x: x * factor + 1.0), k.layers.Dense(2)]
        return k.Sequential([k.Input((4,)), *layers])

    ours = build(pk)
    want = ours.predict(np.ones((1, 4), "float32"), verbose=0)
    for ending in ("keras", "h5"):
        path = tmp_path / f"ours.{ending}"
        ours.save(path)
        for library in (pk, keras):
            with pytest.raises((ValueError, TypeError)):
                library.models.load_model(path)
            again = library.models.load_model(path, safe_mode=False)
            np.testing.assert_allclose(again.predict(np.ones((1, 4), "float32"), verbose=0), want, rtol=1e-6)
    theirs = build(keras)
    theirs.save(tmp_path / "theirs.keras")
    again = pk.models.load_model(tmp_path / "theirs.keras", safe_mode=False)
    agree(again, theirs, inputs_for([(4,)]))
    held = object()
    with pytest.raises(TypeError, match="Layer 'odd': the `lambda` expression holds values"):
        pk.layers.Lambda(lambda x: (held, x)[1], name="odd").get_config()
