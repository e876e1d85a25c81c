"""`Model.export(format="onnx")`: onnxruntime computes what the model computes."""

from __future__ import annotations

import numpy as np
import pytest
from layer_cases import CASES, FLAT, IMAGE, LAYERS, MERGES
from op_testing import every_unary

import pykernels as pk
from pykernels import layers, ops
from pykernels.graph import OP_TABLES, apply

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

# Layers whose outputs in prediction are their inputs are exported as nothing.
NOTHING = (
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Identity",
)


def randomize(model):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype(w.dtype) for w in model.get_weights()])


def values(shape, rows=3):
    return np.random.default_rng(1).normal(size=(rows, *shape)).astype("float32")


def check(model, *xs, path, kinds=None, options=None):
    """The exported model computes the same for two batch sizes; `kinds` are all its nodes."""
    model.export(path, **(options or {}))
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    assert names == list(model.input_names or names)
    assert all(x.shape[0] == "batch" for x in session.get_inputs())
    for rows in (len(xs[0]), 1):
        feeds = [x[:rows] for x in xs]
        want = model.predict(feeds if len(feeds) > 1 else feeds[0], verbose=0)
        want = [want] if isinstance(want, np.ndarray) else list(want.values() if isinstance(want, dict) else want)
        have = session.run(None, dict(zip(names, feeds, strict=True)))
        for a, b in zip(have, want, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(b).max()))
    found = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds is None or found == kinds
    return found


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.onnx")


@pytest.mark.parametrize(("name", "shape", "options"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)])
def test_layer(name, shape, options, path):
    model = pk.Sequential([pk.Input(shape), getattr(layers, name)(**options)])
    randomize(model)
    check(model, values(shape), path=path, kinds=["Identity"] if name in NOTHING else None)


@pytest.mark.parametrize("name", MERGES)
def test_merge_layer(name, path):
    a, b = pk.Input(FLAT, name="a"), pk.Input(FLAT, name="b")
    out = getattr(layers, name)(**({"axes": 1} if name == "Dot" else {}))([a, b])
    check(pk.Model([a, b], out), values(FLAT), values(FLAT)[::-1], path=path)


@pytest.mark.parametrize("activation", sorted(set(pk.activations.__all__) - {"get", "serialize", "deserialize"}))
def test_activation(activation, path):
    function = getattr(pk.activations, activation)
    options = (0.3, 0.1) if activation == "threshold" else ()
    model = pk.Sequential([pk.Input(FLAT), layers.Lambda(lambda x: function(x, *options))])
    check(model, values(FLAT), path=path)


UNARY = {**OP_TABLES["unary"], **OP_TABLES["predicate"]}
NOT_IN_ONNX = {"erfinv", "i0", "i1", "signbit"}

BINARY = [
    *("add", "subtract", "multiply", "divide", "maximum", "minimum", "floor_divide", "mod", "squared_difference"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
]


def test_functions_of_one_tensor(path):
    x = pk.Input(FLAT)
    outs = every_unary(ops, x, sorted(UNARY.keys() - NOT_IN_ONNX))
    outs += [ops.tanh(x), ops.clip(x, -0.5, 0.5), ops.clip(x, None, 0.2)]
    check(pk.Model(x, outs), values(FLAT), path=path)


@pytest.mark.parametrize("name", sorted(NOT_IN_ONNX))
def test_functions_that_onnx_cannot_express(name, path):
    model = pk.Sequential([pk.Input(FLAT), layers.Lambda(lambda x: apply(name, [x]), name="mine")])
    with pytest.raises(NotImplementedError, match=f"mine.*'{name}'"):
        model.export(path)


def test_functions_of_two_tensors(path):
    a, b = pk.Input((3, 4)), pk.Input((1, 4))
    outs = [ops.cast(getattr(ops, name)(a, b), "float32") for name in BINARY if hasattr(ops, name)]
    outs += [ops.power(ops.absolute(a), b), ops.where(ops.greater(a, b), a, b), a * 2.0 - 1.0, 1.0 / (b * b + 1.0)]
    outs += [ops.cast(ops.logical_xor(ops.greater(a, 0.0), ops.less(b, 0.0)), "int32")]
    whole = [ops.cast(x * 4.0, "int32") for x in (a, b)]
    whole[1] = ops.absolute(whole[1]) + 1
    outs += [ops.floor_divide(*whole), ops.mod(*whole), ops.maximum(*whole)]
    check(pk.Model([a, b], outs), values((3, 4)), values((1, 4)) + 3.0, path=path)


def test_reductions_and_shapes(path):
    x = pk.Input((4, 5, 6))
    outs = [getattr(ops, name)(x, axis) for name in ("sum", "mean", "max", "min", "prod") for axis in (1, (2, 3))]
    outs += [ops.max(x, -1, keepdims=True), ops.var(x, (1, 2)), ops.argmax(x, 2), ops.argmin(x, -1, keepdims=True)]
    outs += [ops.cast(ops.any(ops.greater(x, 2.0), 1), "int32"), ops.cast(ops.all(ops.greater(x, -2.0), 2), "int32")]
    outs += [ops.transpose(x, (0, 3, 1, 2)), ops.flip(x, 2), x[:, 1:3, ::2, -1], ops.reshape(x, (-1, 20, 6))]
    outs += [ops.repeat(x, 2, axis=2), ops.tile(x, (1, 1, 2, 1)), ops.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)))]
    outs += [ops.one_hot(ops.argmax(x, 3), 6), ops.take(x, np.array([2, 0]), axis=2), ops.softmax(x, axis=1)]
    outs += [ops.stack([x, x * 2.0], 1), ops.concatenate([x, x], 2), ops.split(x, 2, axis=1)[1]]
    outs += [ops.matmul(x, ops.transpose(x, (0, 1, 3, 2))), ops.matmul(x, np.ones((6, 2), "float32"))]
    check(pk.Model(x, outs), values((4, 5, 6)), path=path)


def test_layout_stays_between_convolutions(path):
    """One change of layout at the entrance and one before the flattening."""
    a = pk.Input((12, 14, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(a)
    x = y = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.BatchNormalization(axis=-1)(x)
    x = layers.add([x, y])
    x = layers.concatenate([layers.LeakyReLU(0.1)(x), layers.MaxPooling2D(3, 1, padding="same")(x)])
    gate = layers.Conv2D(16, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.multiply([x, gate]) * 0.5
    x = layers.AveragePooling2D(2)(layers.ZeroPadding2D(1)(layers.Dropout(0.5)(x)))
    model = pk.Model(a, layers.Dense(4)(layers.Flatten()(x)))
    randomize(model)
    found = check(model, values((12, 14, 3)), path=path)
    assert found.count("Transpose") == 2
    assert found.count("Conv") == 3
    assert not {"BatchNormalization", "MatMul"} & set(found)


def test_global_pooling_needs_no_change_of_layout(path):
    model = pk.Sequential([pk.Input(IMAGE), layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(2)])
    check(model, values(IMAGE), path=path, kinds=["Transpose", "Conv", "ReduceMax", "Gemm"])


def test_channels_first(path):
    stack = [layers.Conv2D(4, 3, data_format="channels_first"), layers.MaxPooling2D(data_format="channels_first")]
    model = pk.Sequential([pk.Input((3, 8, 9)), *stack, layers.BatchNormalization(axis=1), layers.ReLU()])
    randomize(model)
    assert "Transpose" not in check(model, values((3, 8, 9)), path=path)


def test_sequences(path):
    stack = [layers.Conv1D(4, 3, activation="relu"), layers.MaxPooling1D(2), layers.Conv1D(5, 2, padding="causal")]
    model = pk.Sequential([pk.Input((20, 3)), *stack, layers.UpSampling1D(2), layers.Dense(3), layers.Flatten()])
    randomize(model)
    check(model, values((20, 3)), path=path)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
def test_interpolation(interpolation, antialias, path):
    x = pk.Input((7, 10, 2))
    outs = [ops.image.resize(x, size, interpolation, antialias) for size in ((14, 20), (5, 13), (9, 4), (3, 3))]
    check(pk.Model(x, outs), values((7, 10, 2)), path=path)


def test_a_convolution_that_is_read_twice_is_not_changed(path):
    a = pk.Input(IMAGE)
    shared = layers.Conv2D(4, 3, padding="same")
    x = shared(a)
    model = pk.Model(a, [x, layers.BatchNormalization()(x), layers.BatchNormalization()(shared(x))])
    randomize(model)
    check(model, values(IMAGE), path=path)


def test_nested_models_and_names(path):
    inner = pk.Sequential([pk.Input((4,)), layers.Dense(3, activation="relu")], name="inner")
    a, b = pk.Input((4,), name="left"), pk.Input((4,), name="right")
    outs = [layers.Dense(2, name="one")(inner(a)), inner(b), a]
    model = pk.Model({"left": a, "right": b}, outs)
    randomize(model)
    model.export(path)
    graph = onnx.load(path).graph
    assert [x.name for x in graph.input] == ["left", "right"]
    kernels = [x for x in graph.initializer if list(x.dims) == [4, 3]]
    assert len(kernels) == 1  # shared
    session = runtime.InferenceSession(path)
    x = values((4,))
    have = session.run(None, {"left": x, "right": x[::-1]})
    for got, want in zip(have, model.predict({"left": x, "right": x[::-1]}, verbose=0), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


class Own(pk.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x, training=False):
        return {"y": self.dense(x), "z": pk.random.dropout(x, 0.5) if training else x * 2.0}


def test_subclassed_model(path):
    model = Own()
    with pytest.raises(ValueError, match="has never been called"):
        model.export(path)
    model.predict(values(FLAT), verbose=0)
    check(model, values(FLAT), path=path)


def test_versions_and_refusals(path, tmp_path, capsys):
    model = pk.Sequential([pk.Input(FLAT), layers.Dense(2)], name="m")
    for version in (18, 21):
        check(model, values(FLAT), path=path, options={"opset_version": version})
        assert onnx.load(path).opset_import[0].version == version
    model.export(path, verbose=True)
    assert path in capsys.readouterr().out
    for version in (7, 9999, "20"):
        with pytest.raises(ValueError, match="opset_version"):
            model.export(path, opset_version=version)
    with pytest.raises(TypeError, match="unexpected"):
        model.export(path, unknown=1)
    with pytest.raises(ValueError, match="format"):
        model.export(path, format="tf_saved_model")
    with pytest.raises(FileNotFoundError):
        model.export(tmp_path / "none" / "m.onnx")
    noisy = pk.Sequential([pk.Input(FLAT), layers.Lambda(lambda x: x + pk.random.normal((6,)), name="noisy")])
    with pytest.raises(NotImplementedError, match=r"'noisy' \(Lambda\) cannot be exported to ONNX: .*'random_normal'"):
        noisy.export(tmp_path / "no.onnx")
    assert not (tmp_path / "no.onnx").exists()


# Those that take other layers are in test_recurrent_layers.py and test_attention.py.
ELSEWHERE = (
    *("InputLayer", "Lambda", "RNN", "StackedRNNCells", "LSTMCell", "GRUCell", "SimpleRNNCell"),
    *("Wrapper", "Bidirectional", "TimeDistributed"),
    *("Attention", "AdditiveAttention", "MultiHeadAttention", "EinsumDense"),
    # of categories, and of text, which is refused: test_lookup_layers.py
    *("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"),
    *("IntegerLookup", "StringLookup", "TextVectorization"),
)


def test_every_layer_is_in_the_table():
    assert set(LAYERS) >= {name for name in layers._ALL if name not in (*MERGES, *ELSEWHERE)}
