"""Which dtype comes out: Keras's promotion table, for arrays, for Python numbers, in programs and for operators.

Keras on JAX knows no 64-bit numbers, on TensorFlow it does, and so does pykernels: pairs without 64 bits are compared
with what Keras really computes, all others with Keras's table as TensorFlow has it.
"""

from __future__ import annotations

import itertools
import operator
from functools import partial

import numpy as np
import pytest

from pykernels import backend, ops
from pykernels.graph import EagerArray, Trace, Variable

pytest.importorskip("keras")

from keras import KerasTensor
from keras import ops as keras_ops
from keras.src.backend.common import dtypes as keras_dtypes

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
SHORT = ("bool", "uint8", "int32", "float32")
NUMBERS = (True, 2, 2.5)

BINARY = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "maximum", "minimum", "arctan2"),
    *("divide_no_nan", "equal", "less", "logical_and", "matmul", "dot", "outer", "tensordot"),
)
UNARY = (
    *("absolute", "negative", "square", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan"),
    *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "floor", "ceil", "round"),
    *("trunc", "sign", "reciprocal", "isnan", "isinf", "isfinite", "logical_not", "sum", "mean", "prod", "max", "min"),
    *(
        "any",
        "all",
        "var",
        "std",
        "argmax",
        "argmin",
        "count_nonzero",
        "average",
        "logsumexp",
        "ones_like",
        "zeros_like",
    ),
    *("relu", "relu6", "softmax", "softplus", "softsign", "gelu", "elu", "selu", "leaky_relu", "hard_sigmoid"),
    *("hard_tanh", "squareplus", "nan_to_num", "ravel", "transpose", "flip", "copy", "cast"),
)
OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "mod": operator.mod,
    "power": operator.pow,
    "matmul": operator.matmul,
    "equal": operator.eq,
    "less": operator.lt,
}
# pykernels has no unsigned integers of 32 bits: it counts in int32.
NO_UINT32 = {("sum", "uint8"), ("prod", "uint8")}
# Keras on JAX subtracts the maximum in uint8, and takes -1 for 255.
WRONG_IN_KERAS = {("softmax", "uint8"), ("hard_tanh", "uint8")}


@pytest.fixture
def with_64_bits(monkeypatch):
    monkeypatch.setattr(keras_dtypes, "BIT64_TO_BIT32_DTYPE", {})


def values(dtype, high=4):
    return np.arange(1, high + 1).reshape(2, 2).astype(dtype)


def computed_by_keras(name, *args):
    """The value of Keras on JAX; None where that cannot."""
    try:
        return np.asarray(getattr(keras_ops, name)(*args))
    except (TypeError, ValueError):
        return None


def dtype_in_a_program(function, *args):
    with Trace() as trace:
        inputs = [trace.placeholder(a.shape, a.dtype.name) if isinstance(a, np.ndarray) else a for a in args]
        return function(*inputs).dtype


def check(name, function, args, want, value=None):
    """`function` of arrays, of eager arrays and in a program gives `want`; its operator too."""
    eager = [a.view(EagerArray) if isinstance(a, np.ndarray) else a for a in args]
    got = function(*args)
    assert isinstance(got, EagerArray)
    what = f"{name} of {[getattr(a, 'dtype', a) for a in args]}"
    assert got.dtype == want, what
    assert function(*eager).dtype == want, f"{what}, eager"
    assert dtype_in_a_program(function, *args) == want, f"{what}, in a program"
    if value is not None:
        np.testing.assert_allclose(np.asarray(got, float), np.asarray(value, float), rtol=2e-6, err_msg=what)
    if name in OPERATORS and any(isinstance(a, np.ndarray) for a in args):
        result = OPERATORS[name](*eager)
        assert result.dtype == want, f"{what}, by its operator"
        np.testing.assert_array_equal(result, got)
        variables = [Variable(a) if isinstance(a, np.ndarray) else a for a in args]
        assert OPERATORS[name](*variables).dtype == want, f"{what}, of variables"


@pytest.mark.parametrize("a", [*DTYPES, int, float])
def test_the_table(a, with_64_bits):
    for b, c in itertools.product((*DTYPES, int, float), repeat=2):
        if {a, b, c} <= {int, float}:
            continue
        assert backend.result_type(a, b, c) == keras_dtypes.result_type(a, b, c), (a, b, c)


@pytest.mark.parametrize("name", BINARY)
def test_pairs(name):
    function = getattr(ops, name)
    seen = 0
    for a, b in itertools.product(SHORT, repeat=2):
        args = values(a), values(b)
        want = computed_by_keras(name, *args)
        if want is not None:
            seen += 1
            check(name, function, args, want.dtype, want)
    assert seen >= 15


@pytest.mark.parametrize("name", BINARY)
def test_pairs_of_64_bits(name, with_64_bits):
    function, reference = getattr(ops, name), getattr(keras_ops, name)
    for a, b in itertools.product(DTYPES, repeat=2):
        if {a, b} & {"int64", "float64"}:
            if "float64" in (a, b) and {a, b} != {"float64"}:
                args = values(a).view(EagerArray), values(b).view(EagerArray)  # a plain float64 array is a constant
            else:
                args = values(a), values(b)
            want = reference(KerasTensor((2, 2), dtype=a), KerasTensor((2, 2), dtype=b)).dtype
            check(name, function, args, want)


@pytest.mark.parametrize("name", [n for n in BINARY if n not in ("matmul", "tensordot", "dot")])
def test_python_numbers(name):
    function = getattr(ops, name)
    for dtype, number in itertools.product(SHORT, NUMBERS):
        for args in ((values(dtype), number), (number, values(dtype))):
            want = computed_by_keras(name, *args)
            if want is not None:
                check(name, function, args, want.dtype, want)


@pytest.mark.parametrize("name", UNARY)
def test_one_tensor(name, with_64_bits):
    more = ("float32",) if name == "cast" else ()
    function = partial(getattr(ops, name), dtype="float32") if name == "cast" else getattr(ops, name)
    spec = {d: getattr(keras_ops, name)(KerasTensor((2, 2), dtype=d), *more).dtype for d in DTYPES}
    for dtype in DTYPES:
        x = values(dtype) if not name.startswith("arc") else values(dtype) // 4
        want = computed_by_keras(name, x, *more)
        if want is None:
            continue
        expected = "int32" if (name, dtype) in NO_UINT32 else want.dtype.name
        if dtype == "int64" and spec["int32"] == expected:
            expected = spec[dtype]  # where Keras knows what it will compute; of activations of integers it does not
        if dtype == "float64" and expected == "float32" and name != "cast":
            expected = dtype
        got = function(x)
        assert got.dtype == expected, dtype
        assert dtype_in_a_program(function, x) == expected, f"{dtype}, in a program"
        if (name, dtype) not in WRONG_IN_KERAS:
            np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=3e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin"])
def test_methods_of_eager_arrays(name):
    for dtype in DTYPES:
        x = values(dtype).view(EagerArray)
        for axis in (None, 0, -1):
            if name in ("max", "min") and dtype == "bool":
                continue
            got, want = getattr(x, name)(axis=axis), getattr(ops, name)(x, axis=axis)
            assert got.dtype == want.dtype, dtype
            np.testing.assert_array_equal(got, want)
            assert getattr(np, name)(x, axis=axis).dtype == want.dtype


def test_numpy_where_ops_end():
    """What ops do not know, and NumPy's own functions, are NumPy's."""
    x = values("int32").view(EagerArray)
    assert np.true_divide(x, x).dtype == np.float64
    assert np.sqrt(x).dtype == np.float64
    assert x.sum(dtype="int64").dtype == np.int64 and x.std(ddof=1).dtype == np.float64
    half = x.astype("float16")
    assert (half / half).dtype == np.float16 and (x * (1 + 2j)).dtype.kind == "c"
    out = np.zeros((2, 2))
    assert np.add(x, x, out=out) is out and out[1, 1] == 8
    assert np.add.reduce(x, axis=0).tolist() == [4, 6]
    with pytest.raises(TypeError):
        x + "a"
    assert (x == None).tolist() == [[False, False]] * 2  # noqa: E711
    for scalar, want in ((np.float32(2), "float32"), (np.float64(2), "float32"), (np.int32(2), "float32")):
        assert (scalar / x).dtype == want and (x / scalar).dtype == want
    assert (np.float64(2) * x.astype("float32")).dtype == np.float32
    assert (np.ones((2, 2)) * x.astype("float32")).dtype == np.float32


def test_elements_keep_the_rules():
    x = ops.convert_to_tensor([3, 4])
    assert (x[0] / x[1]).dtype == np.float32 and float(x[0] / x[1]) == 0.75
    assert [(a / 2).dtype for a in x] == [np.float32] * 2
    assert f"{x[0] / x[1]:.1f}" == "0.8" and round(x[0] / x[1], 1) == 0.8 and range(x[0])[-1] == 2
    assert divmod(x, 2)[0].dtype == np.int32


def test_updates_by_operators_make_another_array():
    x = ops.ones((2,), "int32")
    y = x
    y += 1
    y /= 2
    assert y.tolist() == [1.0, 1.0] and y.dtype == np.float32 and x.tolist() == [1, 1]


def test_models_and_layers_give_eager_arrays():
    import pykernels as pk

    model = pk.Sequential([pk.layers.Input((2,)), pk.layers.Dense(1)])
    x = np.ones((3, 2), np.float32)
    assert type(model(x)) is type(model.layers[0](x)) is EagerArray
    assert type(model.predict(x, verbose=0)) is np.ndarray
    assert type(model(x).numpy()) is np.ndarray
    assert type(Variable(x).value) is EagerArray and type(Variable(x).numpy()) is np.ndarray


def test_integer_products_wrap_round():
    full = np.full((2, 2), 200, np.uint8)
    np.testing.assert_array_equal(ops.matmul(full, full), full @ full)
    big = np.full((2, 2), 2**30, np.int32)
    np.testing.assert_array_equal(ops.matmul(big, 3 * np.eye(2, dtype=np.int32)), big * np.int32(3))
    truth = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(ops.matmul(truth, truth), truth)
