"""What older versions of Keras wrote, piece by piece. (Whole files of theirs: `test_saving_gallery.py`.)"""

from __future__ import annotations

import io
import json
import marshal
import shutil
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, models

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def predictions(model, x=X):
    return model.predict(x, verbose=0)


def randomized(model, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.2, 1, w.shape) for w in model.get_weights()])
    return model


def rezipped(path, config=None, weights=None):
    """The archive with `config(dict)` and the weights file `weights(bytes)` changed."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if config is not None:
        values = json.loads(files["config.json"])
        config(values)
        files["config.json"] = json.dumps(values).encode()
    if weights is not None:
        files["model.weights.h5"] = weights(files["model.weights.h5"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


# --- configurations --------------------------------------------------------------------------------------------
class Own(layers.Layer):
    """Has arguments with names that Keras's own layers had and lost."""

    def __init__(self, groups=2, mode=3, axis=1, sparse=None, **kwargs):
        super().__init__(**kwargs)
        self.values = groups, mode, axis, sparse

    def call(self, inputs):
        return inputs * self.values[0]

    def get_config(self):
        return {**super().get_config(), **dict(zip(("groups", "mode", "axis", "sparse"), self.values, strict=True))}


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_arguments_of_the_users_own_layers(tmp_path, ending):
    values = (1, 0, [3], False)
    model = pk.Sequential([pk.Input((4,)), Own(*values)])
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}", custom_objects={"Own": Own})
    assert again.layers[0].values == values
    np.testing.assert_array_equal(predictions(again), X)


def test_keys_that_change_something_are_refused():
    config = {"class_name": "Sequential", "config": [{"class_name": "MaxPooling2D", "config": {"renorm": True}}]}
    with pytest.raises((TypeError, ValueError), match="renorm"):
        models.model_from_json(json.dumps(config))


def first_layer(name, config, shape):
    layer = {"class_name": name, "config": {"name": "q", "batch_input_shape": [None, *shape], **config}}
    return models.model_from_json(json.dumps({"class_name": "Sequential", "config": [layer]})).layers[0]


def test_mixed_spellings():
    """Configurations that somebody has translated by half."""
    new = {"filters": 3, "kernel_size": [2, 3], "padding": "same", "strides": [1, 2]}
    old = {"nb_filter": 3, "nb_row": 2, "nb_col": 3, "border_mode": "same", "subsample": [1, 2]}
    for name in ("Conv2D", "Convolution2D"):
        for config in (new, old, {**old, **new}):
            layer = first_layer(name, config, (8, 8, 2))
            assert (layer.filters, layer.kernel_size, layer.padding, layer.strides) == (3, (2, 3), "same", (1, 2))
    assert first_layer("Dropout", {"p": 0.5, "rate": 0.5}, (4,)).rate == 0.5
    with pytest.raises(TypeError, match=r"padding.*border_mode"):
        first_layer("Conv2D", {**new, "border_mode": "valid"}, (8, 8, 2))
    initializer = {"class_name": "GlorotUniformV2", "config": {"seed": None, "dtype": "float32"}}
    layer = first_layer("Dense", {"units": 3, "kernel_initializer": initializer}, (4,))
    assert type(layer.kernel_initializer).__name__ == "GlorotUniform"


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_layer_as_an_activation(tmp_path, ending):
    """`Dense(3, activation=LeakyReLU(0.1))`, in the form of today and in that of tf.keras."""
    dense = [layers.Dense(3, activation=layers.LeakyReLU(0.1)), layers.Dense(2, activation=layers.PReLU())]
    model = randomized(pk.Sequential([pk.Input((4,)), *dense]))
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    np.testing.assert_array_equal(predictions(again), predictions(model))
    config = {"alpha": 0.25, "name": "leaky_re_lu", "trainable": True, "dtype": "float32"}
    layer = first_layer("Dense", {"units": 3, "activation": {"class_name": "LeakyReLU", "config": config}}, (4,))
    assert layer.activation.negative_slope == 0.25


@pytest.mark.parametrize("module", ["tf_keras.src.layers.core.dense", "keras.src.layers.core.dense", "tf_keras.layers"])
def test_modules_of_keras_2(module):
    """`module` says where a class was in the package of its day."""
    parts = {"module": module.partition(".")[0] + ".initializers", "class_name": "Zeros", "config": {}}
    dense = {"units": 2, "kernel_initializer": {**parts, "registered_name": None}, "name": "d"}
    entries = [
        {"module": "tf_keras.layers", "class_name": "InputLayer", "config": {"batch_input_shape": [None, 4]}},
        {"module": module, "class_name": "Dense", "config": dense, "registered_name": None},
    ]
    config = {"module": "tf_keras.src.engine.sequential", "class_name": "Sequential", "config": {"layers": entries}}
    model = models.model_from_json(json.dumps({**config, "registered_name": "Sequential"}))
    assert model.input_shape == (None, 4) and not predictions(model).any()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_mixed_precision(tmp_path, ending):
    """A policy of mixed precision keeps weights in float32; computed here in float32 as well, with one warning."""
    model = randomized(pk.Sequential([pk.Input((4,)), layers.Dense(3), layers.Dense(2)]))
    want = predictions(model)
    path = tmp_path / f"m.{ending}"
    model.save(path)
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}

    def mix(config):
        for layer in config["config"]["layers"][1:]:
            layer["config"]["dtype"] = policy

    if ending == "keras":
        rezipped(path, mix)
    else:
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            mix(config)
            file.attrs["model_config"] = json.dumps(config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        again = models.load_model(path)
    assert [w for w in caught if "mixed_float16" in str(w.message)]
    np.testing.assert_array_equal(predictions(again), want)


def test_a_compiled_model_within_a_model(tmp_path):
    """A loss that only the inner model has and nobody knows: the outer model is read all the same."""

    def odd(y_true, y_pred):
        return pk.ops.mean(y_pred - y_true)

    inner = pk.Sequential([pk.Input((4,)), layers.Dense(2)], name="inner")
    inner.compile("sgd", odd)
    model = randomized(pk.Sequential([pk.Input((4,)), inner]))
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match=r"'inner' within the configuration was not compiled.*odd") as caught:
        again = models.load_model(tmp_path / "m.keras")
    assert len(caught) == 1
    assert again.compiled and not again.layers[0].compiled
    np.testing.assert_array_equal(predictions(again), predictions(model))


# --- layouts ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("first", [1, 2])
def test_an_archive_of_windows(tmp_path, first):
    """There, Keras 2.12 to 3.0 joined the names of groups with backslashes. `first`: the level from which on."""
    inner = pk.Sequential([pk.Input((4,)), layers.Dense(3), layers.BatchNormalization()])
    model = randomized(pk.Sequential([pk.Input((4,)), inner, layers.Dense(2), layers.Dense(2)]))
    model.compile("adam", "mse")
    model.train_on_batch(X, np.ones((3, 2), "float32"))
    path = tmp_path / "m.keras"
    model.save(path)

    def joined(data):
        out = io.BytesIO()
        with h5py.File(io.BytesIO(data)) as old, h5py.File(out, "w") as new:
            groups = []
            old.visit(lambda name: groups.append(name) if name.endswith("vars") else None)
            for name in groups:
                parts = name.split("/")[:-1]
                there = "/".join([*parts[: first - 1], *["\\".join(parts[first - 1 :])][: len(parts)], "vars"])
                new.require_group(there.removesuffix("vars") or "/")
                old.copy(name, new, there)
            found = []
            new.visit(found.append)
            assert any("\\" in name for name in found)
        return out.getvalue()

    rezipped(path, weights=joined)
    again = models.load_model(path)
    np.testing.assert_array_equal(predictions(again), predictions(model))
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_contents_decide_not_the_ending(tmp_path):
    """Up to 2.12, Keras wrote HDF5 under any name."""
    model = randomized(pk.Sequential([pk.Input((4,)), layers.Dense(2)]))
    model.save(tmp_path / "m.h5")
    shutil.copy(tmp_path / "m.h5", tmp_path / "m.keras")
    np.testing.assert_array_equal(predictions(models.load_model(tmp_path / "m.keras")), predictions(model))


def test_checkpoints_of_tensorflow_are_named(tmp_path):
    (tmp_path / "weights.index").write_bytes(b"")
    with pytest.raises(ValueError, match="checkpoint of TensorFlow"):
        pk.Sequential([pk.Input((4,)), layers.Dense(2)]).load_weights(tmp_path / "weights")


# --- functions --------------------------------------------------------------------------------------------------
def with_lambda(function, ending, tmp_path, **kwargs):
    model = randomized(pk.Sequential([pk.Input((4,)), layers.Dense(4), layers.Lambda(function, name="mine", **kwargs)]))
    path = tmp_path / f"m.{ending}"
    model.save(path)
    return path, predictions(model)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_function_in_place_of_a_lambda(tmp_path, ending):
    """Under the name of the layer, without running what the file holds."""
    path, want = with_lambda(lambda x: x * 2.0 + 1.0, ending, tmp_path, output_shape=lambda shape: shape)
    with pytest.raises(ValueError, match=r"bytecode of a lambda.*'mine'.*custom_objects"):
        models.load_model(path)
    again = models.load_model(path, custom_objects={"mine": lambda x: x * 2.0 + 1.0})
    np.testing.assert_array_equal(predictions(again), want)
    np.testing.assert_array_equal(predictions(models.load_model(path, safe_mode=False)), want)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_named_function_under_the_layers_name(tmp_path, ending):
    def thrice(x):
        return x * 3.0

    path, want = with_lambda(thrice, ending, tmp_path)
    with pytest.raises((TypeError, ValueError), match="thrice"):
        models.load_model(path)
    for name in ("thrice", "mine"):
        again = models.load_model(path, custom_objects={name: thrice})
        np.testing.assert_array_equal(predictions(again), want)


def test_names_that_the_bytecode_of_a_lambda_may_use(tmp_path):
    K = pk.backend  # noqa: N806 - Keras's name
    factor = 3.0
    scope = {"K": K, "np": np, "ops": pk.ops, "factor": factor}
    function = eval("lambda x: K.sum(x * np.float32(factor), axis=-1) + ops.mean(x)", scope)
    path, want = with_lambda(function, "keras", tmp_path)
    with pytest.raises((NameError, TypeError), match=r"factor.*custom_objects|'mine'.*factor"):
        models.load_model(path, safe_mode=False)
    again = models.load_model(path, safe_mode=False, custom_objects={"factor": factor})
    np.testing.assert_array_equal(predictions(again), want)


def test_bytecode_of_another_version_of_python(tmp_path):
    """Nothing says which version it is of: instructions that this one does not have are refused before they run."""
    path, _ = with_lambda(lambda x: x * 2.0, "keras", tmp_path)
    code = (lambda x: x * 2.0).__code__

    def change(raw):
        def edit(config):
            config["config"]["layers"][-1]["config"]["function"]["config"]["code"] = raw

        rezipped(path, edit)

    for broken in (code.co_code[2:], bytes([250, 0]) + code.co_code, b""):
        change(_base64(marshal.dumps(code.replace(co_code=broken))))
        with pytest.raises(ValueError, match="another version of Python"):
            models.load_model(path, safe_mode=False)
    change(_base64(marshal.dumps([1, 2])))
    with pytest.raises(ValueError, match="another version of Python"):
        models.load_model(path, safe_mode=False)


def _base64(raw: bytes) -> str:
    import codecs

    return codecs.encode(raw, "base64").decode()


def functional(*entries, output):
    inputs = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}, "name": "x"}
    config = {"layers": [{**inputs, "inbound_nodes": []}, *entries], "input_layers": [["x", 0, 0]]}
    return json.dumps({"class_name": "Functional", "config": {**config, "output_layers": [[output, 0, 0]]}})


def op(name, function, node, kind="TFOpLambda"):
    return {"class_name": kind, "name": name, "config": {"name": name, "function": function}, "inbound_nodes": [node]}


def test_functions_of_tensorflow_that_are_not_there():
    with pytest.raises(NotImplementedError, match=r"'odd'.*tf\.linalg\.svd"):
        models.model_from_json(functional(op("odd", "linalg.svd", ["x", 0, 0, {}]), output="odd"))
    text = functional(op("mean", "math.reduce_mean", ["x", 0, 0, {"axis": 1, "weights": 3}]), output="mean")
    with pytest.raises(NotImplementedError, match=r"'mean'.*math\.reduce_mean.*weights=3"):
        models.model_from_json(text)
    with pytest.raises(NotImplementedError, match=r"'shape'.*InstanceProperty"):
        models.model_from_json(functional(op("shape", "shape", ["x", 0, 0, {}], "InstanceProperty"), output="shape"))


def node(name, kind, inbound, constants=None, **attributes):
    described = {"name": name, "op": kind, "input": [], "attr": attributes}
    config = {"name": name, "trainable": True, "dtype": "float32", "node_def": described, "constants": constants or {}}
    entry = {"class_name": "TensorFlowOpLayer", "name": f"tf_op_layer_{name}", "config": config}
    return {**entry, "inbound_nodes": [[[source, 0, 0, {}] for source in inbound]]}


def test_nodes_of_tensorflows_graph():
    """As tf.keras 1.14 to 2.3 described `mean((2 * x - x / 4) ** 2, 1, keepdims)[:, 0]`."""
    text = functional(
        node("mul", "Mul", ["x"], {"0": 2.0}),
        node("div", "RealDiv", ["x"], {"1": 4.0}),
        node("sub", "Sub", ["tf_op_layer_mul", "tf_op_layer_div"]),
        node("pow", "Pow", ["tf_op_layer_sub"], {"1": 2.0}),
        node("mean", "Mean", ["tf_op_layer_pow"], {"1": [1]}, keep_dims={"b": True}),
        node(
            "slice",
            "StridedSlice",
            ["tf_op_layer_mean"],
            {"1": [0, 0], "2": [0, 1], "3": [1, 1]},
            begin_mask={"i": "1"},
            end_mask={"i": "1"},
            shrink_axis_mask={"i": "2"},
        ),
        output="tf_op_layer_slice",
    )
    want = ((2 * X - X / 4) ** 2).mean(1)
    np.testing.assert_allclose(predictions(models.model_from_json(text)), want, rtol=1e-5)
    with pytest.raises(NotImplementedError, match="'Svd'"):
        models.model_from_json(functional(node("s", "Svd", ["x"]), output="tf_op_layer_s"))


# --- calls that Keras 3.2 lost -----------------------------------------------------------------------------------
def lost(path):
    """The archive as Keras 3.2 wrote it: every reference to a call has the number 0."""

    def forget(config):
        pending = [entry["inbound_nodes"] for entry in config["config"]["layers"]]
        while pending:
            x = pending.pop()
            if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
                x["config"]["keras_history"][1] = 0
            pending.extend(x.values() if isinstance(x, dict) else x if isinstance(x, list) else ())

    rezipped(path, forget)


def test_numbers_of_calls_that_keras_3_2_lost(tmp_path):
    """Two calls of one layer, where the first cannot be the one that the second needs."""
    x = inputs = pk.Input((4,))
    layer, first = layers.Dense(4, activation="tanh"), layers.Dense(4)
    x = layers.Activation("relu")(layer(x))
    x = layers.Multiply()([layer(x), first(inputs)])
    model = randomized(pk.Model(inputs, x))
    model.save(tmp_path / "m.keras")
    lost(tmp_path / "m.keras")
    np.testing.assert_array_equal(predictions(models.load_model(tmp_path / "m.keras")), predictions(model))


def test_numbers_of_calls_that_nobody_can_tell(tmp_path):
    a, b = pk.Input((4,)), pk.Input((4,))
    tower = pk.Sequential([pk.Input((4,)), layers.Dense(3)], name="tower")
    model = randomized(pk.Model([a, b], layers.Subtract()([tower(a), tower(b)])))
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict([X, 2 * X], verbose=0), model.predict([X, 2 * X], verbose=0))
    lost(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"m\.keras.*'tower' several times.*subtract.*load_weights"):
        models.load_model(tmp_path / "m.keras")
    again.load_weights(tmp_path / "m.keras")


# --- copies -----------------------------------------------------------------------------------------------------
class Named(pk.Model):
    """Makes its inputs and outputs itself."""

    def __init__(self, units, **kwargs):
        inputs = pk.Input((4,))
        super().__init__(inputs, layers.Dense(units)(inputs), **kwargs)
        self.units = units


class Stack(pk.Sequential):
    def __init__(self, units):
        super().__init__([pk.Input((4,)), layers.Dense(units)])


@pytest.mark.parametrize("make", [Named, Stack])
def test_clones_of_classes_with_a_constructor_of_their_own(make):
    model = make(3)
    model.compile(pk.optimizers.SGD(0.5), "mse")
    clone = models.clone_model(model)
    assert type(clone) in (pk.Model, pk.Sequential) or type(clone).__name__ == "Functional"
    assert clone.name == model.name and clone.compiled and clone.optimizer is not model.optimizer
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(predictions(clone), predictions(model))
    clone.train_on_batch(X, np.ones((3, 3), "float32"))
    assert not np.array_equal(predictions(clone), predictions(model))
