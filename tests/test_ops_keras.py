"""Names, arguments, defaults, dtypes and values of `keras.ops`, `keras.activations`, `keras.random` (JAX backend)."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from op_testing import uniform

from pykernels import activations, ops, random
from pykernels.ops.types import result_type

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="the oracle is Keras on JAX")

# Ours alone: helpers that other modules of the package use.
OUR_OWN = {"optimizer", "random", "standardize_dtype", "exponential", "mish", "squared_difference"}


def public(module):
    return [n for n in module.__all__ if n not in OUR_OWN and not inspect.ismodule(getattr(module, n))]


def parameters(function):
    return list(inspect.signature(function).parameters.values())


@pytest.mark.parametrize("name", public(ops))
def test_ops_signature(name):
    ours = [p.replace(annotation=inspect.Parameter.empty) for p in parameters(getattr(ops, name))]
    assert ours == parameters(getattr(keras.ops, name))


@pytest.mark.parametrize("name", ["resize", "affine_transform"])
def test_image_op_signature(name):
    assert parameters(getattr(ops.image, name)) == parameters(getattr(keras.ops.image, name))


@pytest.mark.parametrize("name", activations.__all__)
def test_activation_signature(name):
    assert parameters(getattr(activations, name)) == parameters(getattr(keras.activations, name))


@pytest.mark.parametrize("name", [n for n in random.__all__ if n != "draw_seed"])
def test_random_signature(name):
    assert parameters(getattr(random, name)) == parameters(getattr(keras.random, name))


# Dtypes are asked of Keras's symbolic tensors: no XLA compilation.
DTYPES = ["bool", "uint8", "int32", "float32"]
OPERANDS = {**{d: np.ones(3, d) for d in DTYPES}, "python int": 1, "python float": 1.0, "python bool": True}
BINARY = (
    *("add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "mod", "power", "maximum", "minimum"),
    *("arctan2", "equal", "not_equal", "less", "greater_equal", "logical_and", "logical_or", "logical_xor"),
)


def theirs(x):
    return keras.KerasTensor(x.shape, x.dtype.name) if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize("name", BINARY)
def test_promotion(name):
    """Of every pair of dtypes and Python numbers."""
    differ = []
    for left, a in OPERANDS.items():
        for right, b in OPERANDS.items():
            if left.startswith("python") and right.startswith("python"):
                continue
            if left.endswith("bool") and right.endswith("bool") and name in ("subtract", "floor_divide", "power"):
                continue  # Keras's symbolic and computed dtypes differ here
            want = getattr(keras.ops, name)(theirs(a), theirs(b)).dtype
            got = str(getattr(ops, name)(a, b).dtype)
            if got != want:
                differ.append(f"{left}, {right}: {got}, Keras {want}")
    assert differ == []


def test_result_type():
    names = [*DTYPES, int, float]
    for a in names:
        for b in names:
            assert result_type(a, b) == keras.backend.result_type(a, b), (a, b)


ANY_DTYPE = (
    *("absolute", "square", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan"),
    *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "floor", "ceil"),
    *("isnan", "isinf", "isfinite", "logical_not", "sum", "mean", "max", "min", "prod", "any", "all", "argmax"),
    *("argmin", "var", "std", "zeros_like", "ones_like", "amax", "amin", "count_nonzero", "trunc"),
    *("exp2", "cbrt", "sinc", "i0", "erfc", "deg2rad", "rad2deg", "fabs", "signbit", "isposinf", "isneginf"),
    *("angle", "real", "imag", "conj", "conjugate", "isreal"),
)
FLOAT_ONLY = (
    *(
        "rsqrt",
        "negative",
        "sign",
        "reciprocal",
        "erf",
        "round",
        "logsumexp",
        "softmax",
        "log_softmax",
        "sigmoid",
        "relu",
    ),
    *("relu6", "silu", "softplus", "softsign", "selu", "elu", "leaky_relu", "gelu", "hard_sigmoid", "hard_silu"),
    *("hard_tanh", "log_sigmoid", "nan_to_num", "erfinv"),
)


@pytest.mark.parametrize("name", ANY_DTYPE + FLOAT_ONLY)
def test_dtype_and_value(name):
    for dtype in DTYPES if name in ANY_DTYPE else ["float32"]:
        x = (np.arange(12).reshape(3, 4) % 3).astype(dtype)
        want = getattr(keras.ops, name)(theirs(x)).dtype.replace("uint32", "int32")
        with np.errstate(all="ignore"):
            assert str(getattr(ops, name)(x).dtype) == want, dtype
    x = uniform((3, 4), 0.1, 0.9).astype(np.float32)
    np.testing.assert_allclose(getattr(ops, name)(x), getattr(keras.ops, name)(x), rtol=3e-6, atol=1e-6)


X = uniform((3, 4), 0.1, 0.9).astype(np.float32)
CALLS = {
    "one_hot": lambda o: o.one_hot(np.array([0, 2, 5]), 3),
    "arange": lambda o: o.arange(3),
    "arange float": lambda o: o.arange(0.0, 1.0, 0.25),
    "full": lambda o: o.full((2,), 3),
    "eye": lambda o: o.eye(3),
    "zeros": lambda o: o.zeros((2,)),
    "convert ints": lambda o: o.convert_to_tensor([1, 2]),
    "convert floats": lambda o: o.convert_to_tensor([1.0, 2]),
    "where": lambda o: o.where(X > 0.5, X, 0),
    "where ints": lambda o: o.where(X > 0.5, 1, 0),
    "clip ints": lambda o: o.clip(np.arange(4, dtype="int32"), 1, 2),
    "clip floats": lambda o: o.clip(X, 0.2, 0.4),
    "take": lambda o: o.take(X, [0, -1], axis=1),
    "matmul ints": lambda o: o.matmul(np.ones((2, 2), "int32"), np.ones((2, 2), "int32")),
    "pad": lambda o: o.pad(X, 1),
    "pad reflect": lambda o: o.pad(X, ((1, 2), (0, 3)), mode="reflect"),
    "norm": lambda o: o.norm(X, axis=1),
    "norm 1": lambda o: o.norm(X, ord=1),
    "normalize": lambda o: o.normalize(X),
    "normalize 1": lambda o: o.normalize(X, order=1),
    "average": lambda o: o.average(X, axis=1, weights=X[0]),
    "tensordot": lambda o: o.tensordot(X, X, axes=((1,), (1,))),
    "softmax axes": lambda o: o.softmax(X, axis=(0, 1)),
    "cce": lambda o: o.categorical_crossentropy(X, X),
    "cce logits": lambda o: o.categorical_crossentropy(X, X, from_logits=True),
    "scce": lambda o: o.sparse_categorical_crossentropy(np.array([0, 3, 1]), X),
    "bce": lambda o: o.binary_crossentropy(X, X),
    "bce logits": lambda o: o.binary_crossentropy(X, X * 8 - 4, from_logits=True),
    "in_top_k": lambda o: o.in_top_k(np.array([0, 3, 1]), X, k=2),
    "divide_no_nan": lambda o: o.divide_no_nan(X, np.round(X)),
    "repeat": lambda o: o.repeat(X, 2, axis=1),
    "tile": lambda o: o.tile(X, 2),
    "roll": lambda o: o.roll(X, 1),
    "glu": lambda o: o.glu(X),
    "celu": lambda o: o.celu(X - 0.5, 0.5),
    "squareplus": lambda o: o.squareplus(X),
    "sparse_plus": lambda o: o.sparse_plus(X * 4 - 2),
    "sparse_sigmoid": lambda o: o.sparse_sigmoid(X * 4 - 2),
    "soft_shrink": lambda o: o.soft_shrink(X * 4 - 2),
    "hard_shrink": lambda o: o.hard_shrink(X * 4 - 2),
    "tanh_shrink": lambda o: o.tanh_shrink(X),
    "threshold": lambda o: o.threshold(X, 0.5, 9.0),
    "linspace": lambda o: o.linspace(0, 1, 5),
    "moveaxis": lambda o: o.moveaxis(X, 0, 1),
    "stack": lambda o: o.stack([X, X], axis=-1),
    "split": lambda o: o.split(X, 2, axis=1)[1],
    "split at": lambda o: o.split(X, [1, 3], axis=1)[1],
    "slice": lambda o: o.slice(X, (1, 1), (2, 2)),
    "flip": lambda o: o.flip(X, axis=0),
    "isclose": lambda o: o.isclose(X, X + 1e-9),
    "logaddexp": lambda o: o.logaddexp(X, 2 * X),
    "vdot": lambda o: o.vdot(X, X),
    "tril": lambda o: o.tril(X),
}


@pytest.mark.parametrize("call", CALLS)
def test_calls(call):
    got, want = CALLS[call](ops), CALLS[call](keras.ops)
    assert str(got.dtype) == str(want.dtype)
    np.testing.assert_allclose(got, np.asarray(want), rtol=3e-6, atol=1e-6)


RELU = [{}, {"negative_slope": 0.1}, {"max_value": 1.0}, {"threshold": 0.5}, {"max_value": 6.0}]
RELU += [{"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.5}, {"threshold": -0.5, "max_value": 1.0}]
RELU += [{"threshold": -0.5}, {"negative_slope": 0.1, "threshold": -0.5}, {"negative_slope": 0.2, "max_value": 6.0}]


@pytest.mark.parametrize("options", RELU, ids=str)
def test_relu_options(options):
    x = uniform((50,), -9, 9).astype(np.float32)
    want = np.asarray(keras.activations.relu(x, **options))
    np.testing.assert_allclose(activations.relu(x, **options), want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in activations.__all__ if n not in ("get", "serialize", "deserialize")])
def test_activation_values(name):
    x = uniform((6, 8), -9, 9).astype(np.float32)
    args = (1.0, 0.0) if name == "threshold" else ()
    want = np.asarray(getattr(keras.activations, name)(x, *args))
    np.testing.assert_allclose(getattr(activations, name)(x, *args), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["relu", "swish", "hard_swish", "gelu", "softmax", "linear", "leaky_relu"])
def test_serialized_names(name):
    theirs = keras.activations.serialize(keras.activations.get(name))
    assert activations.serialize(activations.get(name)) == theirs
