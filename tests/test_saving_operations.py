"""Operations on tensors in functional models: files go to Keras and back, as Keras's own operation classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from op_testing import every_unary

import pykernels as pk
from pykernels import activations, ops
from pykernels.graph import OP_TABLES
from pykernels.ops import complex_numbers, elementwise
from pykernels.utils.naming import to_camel_case

keras = pytest.importorskip("keras")

ROWS = np.random.RandomState(0).uniform(-1, 1, (3, 4, 6)).astype("float32")
IMAGES = np.random.RandomState(1).uniform(0, 1, (2, 6, 7, 3)).astype("float32")
WRITTEN = {
    "tile": lambda x: ops.tile(x, [1, 2, 3]),
    "tile raises the rank": lambda x: ops.tile(ops.mean(x, axis=(1, 2)), [1, 1]),
    "repeat": lambda x: ops.repeat(x, 3, axis=1),
    "repeat by counts": lambda x: ops.repeat(x, [1, 2, 0, 1], axis=1),
    "broadcast_to": lambda x: ops.broadcast_to(ops.mean(x, axis=1, keepdims=True), (None, 4, 6)),
    "logsumexp": lambda x: ops.logsumexp(x, axis=-1),
    "stop_gradient": lambda x: ops.stop_gradient(x) * 2.0,
    "pad": lambda x: ops.pad(x, [[0, 0], [1, 1], [0, 2]], constant_values=2.0),
    "mish": lambda x: activations.mish(x),
    "shape": lambda x: ops.reshape(x, (ops.shape(x)[0], 2, -1)),
    "resize": lambda x: ops.image.resize(x, (4, 5)),
    "resize nearest": lambda x: ops.image.resize(x, (9, 5), interpolation="nearest"),
    "resize bicubic": lambda x: ops.image.resize(x, (4, 9), interpolation="bicubic", antialias=True),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_operations_written_here(tmp_path, name):
    data = IMAGES if "resize" in name else ROWS
    x = pk.Input(data.shape[1:])
    model = pk.Model(x, WRITTEN[name](x))
    want = model.predict(data, verbose=0)
    model.save(tmp_path / "m.keras")
    copy = pk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(copy.predict(data, verbose=0), want)
    kinds = [layer["class_name"] for layer in model.get_config()["layers"]]
    assert [layer["class_name"] for layer in copy.get_config()["layers"]] == kinds  # files do not grow
    theirs = keras.models.load_model(tmp_path / "m.keras").predict(data, verbose=0)
    np.testing.assert_allclose(theirs, want, rtol=1e-5, atol=1e-5)


def test_elementwise_functions_written_here(tmp_path):
    """Every row of the kernels' tables that Keras has; no sinc near its zeros, where Keras loses digits."""
    names = sorted((OP_TABLES["unary"].keys() | OP_TABLES["predicate"].keys()) - {"i1"})
    x = pk.Input(ROWS.shape[1:])
    model = pk.Model(x, every_unary(ops, x, names))
    model.save(tmp_path / "m.keras")
    kinds = {layer["class_name"] for layer in model.get_config()["layers"]}
    assert {to_camel_case(name) for name in names} <= kinds
    want = model.predict(ROWS, verbose=0)
    for load in (pk.models.load_model, keras.models.load_model):
        for name, a, b in zip(names, load(tmp_path / "m.keras").predict(ROWS, verbose=0), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=name)


def test_elementwise_functions_written_by_keras(tmp_path):
    names = [name for name in (*elementwise.__all__, *complex_numbers.__all__) if name not in ("clip", "abs")]
    x = keras.Input(ROWS.shape[1:])
    theirs = keras.Model(x, every_unary(keras.ops, x, names))
    theirs.save(tmp_path / "m.keras")
    ours = pk.models.load_model(tmp_path / "m.keras").predict(ROWS, verbose=0)
    for name, a, b in zip(names, ours, theirs.predict(ROWS, verbose=0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=name)


def test_resizing_integers(tmp_path):
    """Written as an op of pykernels: it rounds elsewhere than Keras's."""
    data = (IMAGES * 255).astype("uint8")
    x = pk.Input(data.shape[1:], dtype="uint8")
    model = pk.Model(x, ops.image.resize(x, (4, 5)))
    model.save(tmp_path / "m.keras")
    copy = pk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(copy.predict(data, verbose=0), model.predict(data, verbose=0))


def filters(*shape):
    return np.random.RandomState(2).uniform(-1, 1, shape).astype("float32")


READ = {
    "Dot": lambda x: keras.ops.dot(x, np.linspace(-1, 1, 12).reshape(6, 2).astype("float32")),
    "Tensordot": lambda x: keras.ops.tensordot(x, np.ones((6, 2), "float32"), axes=1),
    "Moveaxis": lambda x: keras.ops.moveaxis(x, 1, 2),
    "Roll": lambda x: keras.ops.roll(x, 2, axis=1),
    "Average": lambda x: keras.ops.average(x, axis=1),
    "Log2": lambda x: keras.ops.log2(keras.ops.abs(x) + 1.0),
    "HardTanh": lambda x: keras.ops.hard_tanh(x * 3.0),
    "Glu": lambda x: keras.ops.glu(x),
    "ZerosLike": lambda x: keras.ops.zeros_like(x) + x,
    "ReLU": lambda x: keras.activations.relu(x * 4.0, negative_slope=0.1, max_value=2.0, threshold=0.5),
    "Resize": lambda x: keras.ops.image.resize(x, (4, 5), interpolation="bicubic"),
    "Resize with padding": lambda x: keras.ops.image.resize(x, (5, 5), pad_to_aspect_ratio=True),
    "MaxPool": lambda x: keras.ops.max_pool(x, 2, 2),
    "AveragePool": lambda x: keras.ops.average_pool(x, 2, 2, "same"),
    "Conv": lambda x: keras.ops.conv(x, filters(3, 3, 3, 4), 1, "same"),
    "DepthwiseConv": lambda x: keras.ops.depthwise_conv(x, filters(3, 3, 3, 2), 1, "same"),
    "SeparableConv": lambda x: keras.ops.separable_conv(x, filters(3, 3, 3, 2), filters(1, 1, 6, 4), 1, "same"),
    "Arccosh": lambda x: keras.ops.arccosh(x + 3.0),
    "Arcsinh": lambda x: keras.ops.arcsinh(x),
    "Arctanh": lambda x: keras.ops.arctanh(x * 0.9),
    "CountNonzero": lambda x: keras.ops.count_nonzero(keras.ops.relu(x), axis=1),
    "DivideNoNan": lambda x: keras.ops.divide_no_nan(x, keras.ops.relu(x)),
    "FullLike": lambda x: keras.ops.full_like(x, 2.0) + x,
    "HardShrink": lambda x: keras.ops.hard_shrink(x),
    "Hstack": lambda x: keras.ops.hstack([x, x]),
    "Inner": lambda x: keras.ops.inner(x, filters(6)),
    "Log10": lambda x: keras.ops.log10(x + 2.0),
    "Logaddexp": lambda x: keras.ops.logaddexp(x, 2 * x),
    "Moments": lambda x: keras.ops.moments(x, axes=[1])[1],
    "NanToNum": lambda x: keras.ops.nan_to_num(x),
    "OnesLike": lambda x: keras.ops.ones_like(x) + x,
    "Outer": lambda x: keras.ops.outer(x, filters(2)),
    "Ptp": lambda x: keras.ops.ptp(x, axis=1),
    "Ravel": lambda x: keras.ops.ravel(x),
    "SoftShrink": lambda x: keras.ops.soft_shrink(x),
    "SparsePlus": lambda x: keras.ops.sparse_plus(x),
    "SparseSigmoid": lambda x: keras.ops.sparse_sigmoid(x),
    "Squareplus": lambda x: keras.ops.squareplus(x),
    "TanhShrink": lambda x: keras.ops.tanh_shrink(x),
    "Threshold": lambda x: keras.ops.threshold(x, 0.1, 0.0),
    "Tril": lambda x: keras.ops.tril(x, k=1),
    "Triu": lambda x: keras.ops.triu(x, k=-1),
    "Trunc": lambda x: keras.ops.trunc(3 * x),
    "Unstack": lambda x: keras.ops.unstack(x, axis=1)[1],
    "Vdot": lambda x: keras.ops.vdot(x, x),
    "Vstack": lambda x: keras.ops.vstack([x, x]),
}


@pytest.mark.parametrize("name", READ)
def test_operations_written_by_keras(tmp_path, name):
    data = IMAGES if name.startswith("Resize") or name.endswith(("Pool", "Conv")) else ROWS
    x = keras.Input(batch_shape=data.shape)
    theirs = keras.Model(x, READ[name](x))
    assert name.split()[0] in [type(op).__name__ for op in theirs.operations]
    theirs.save(tmp_path / "m.keras")
    ours = pk.models.load_model(tmp_path / "m.keras")
    want = np.asarray(theirs(data))
    np.testing.assert_allclose(ours(data), want, rtol=1e-5, atol=1e-5)


def test_ops_that_are_loaded_on_demand_are_saved(tmp_path):
    x = pk.Input((5,))
    y = ops.cumsum(ops.sort(x), axis=1) + ops.median(x, axis=1, keepdims=True)
    model = pk.Model(x, [y, ops.top_k(x, 2)[0]])
    model.save(tmp_path / "m.keras")
    again = pk.models.load_model(tmp_path / "m.keras")
    data = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    for a, b in zip(model.predict(data, verbose=0), again.predict(data, verbose=0), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("node_args", "received"), [((), "1 arguments"), ((0.0,) * 5, "6 arguments")])
def test_an_operation_with_other_arguments_is_refused(node_args, received):
    """Found by the fuzz program: the message was Python's own."""
    x = pk.Input((3,))
    config = json.loads(pk.Model(x, x + x).to_json())
    node = config["config"]["layers"][-1]["inbound_nodes"][0]
    node["args"] = [node["args"][0], *node_args]
    message = rf"The operation 'add' of the model's configuration takes \(x1, x2\)\. Received: {received}"
    with pytest.raises(ValueError, match=message):
        pk.models.model_from_json(json.dumps(config))
