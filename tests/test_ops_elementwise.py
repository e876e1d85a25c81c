"""Functions of one tensor and of two that broadcast."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import assert_close, broadcasting, check_forward, check_gradient, gradient_of, shapes, uniform

from pykernels import ops
from pykernels.graph import OP_TABLES, apply

few = settings(max_examples=8)
_erf = np.vectorize(math.erf, otypes=[np.float64])


@functools.partial(np.vectorize, otypes=[np.float64])
def _erfinv(x):
    """By Newton's method on `math.erf`."""
    y = 0.0
    for _ in range(60):
        y -= (math.erf(y) - x) * math.sqrt(math.pi) / 2 * math.exp(y * y)
    return y


# name: (reference, low, high, kinks, relative steepness of the function: how many ulp an ulp of x can become)
UNARY = {
    "negative": (np.negative, -3, 3, ()),
    "absolute": (np.abs, -3, 3, (0,)),
    "sign": (np.sign, -3, 3, (0,)),
    "square": (np.square, -3, 3, ()),
    "sqrt": (np.sqrt, 0.1, 9, ()),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.1, 9, ()),
    "reciprocal": (lambda x: 1 / x, 0.2, 5, ()),
    "exp": (np.exp, -5, 3, ()),
    "exp2": (np.exp2, -5, 3, ()),
    "expm1": (np.expm1, -3, 3, ()),
    "log": (np.log, 0.05, 9, ()),
    "log1p": (np.log1p, -0.9, 9, ()),
    "log2": (np.log2, 0.05, 9, ()),
    "log10": (np.log10, 0.05, 9, ()),
    "sin": (np.sin, -6, 6, ()),
    "cos": (np.cos, -6, 6, ()),
    "tan": (np.tan, -1.2, 1.2, ()),
    "arcsin": (np.arcsin, -0.9, 0.9, ()),
    "arccos": (np.arccos, -0.9, 0.9, ()),
    "arctan": (np.arctan, -3, 3, ()),
    "sinh": (np.sinh, -3, 3, ()),
    "cosh": (np.cosh, -3, 3, ()),
    "cbrt": (np.cbrt, 0.1, 9, ()),
    "sinc": (np.sinc, -3, 3, ()),
    "i0": (np.i0, -3, 3, ()),
    "deg2rad": (np.deg2rad, -200, 200, ()),
    "rad2deg": (np.rad2deg, -0.05, 0.05, ()),
    "fabs": (np.fabs, -3, 3, (0,)),
    "arcsinh": (np.arcsinh, -3, 3, ()),
    "arccosh": (np.arccosh, 1.1, 9, ()),
    "arctanh": (np.arctanh, -0.9, 0.9, ()),
    "erf": (_erf, -3, 3, ()),
    "erfc": (np.vectorize(math.erfc, otypes=[np.float64]), -3, 3, ()),
    "erfinv": (_erfinv, -0.9, 0.9, ()),
    "log_sigmoid": (lambda x: -np.logaddexp(0, -x), -6, 6, ()),
    "floor": (np.floor, -3, 3, (-3, -2, -1, 0, 1, 2, 3)),
    "ceil": (np.ceil, -3, 3, (-3, -2, -1, 0, 1, 2, 3)),
    "trunc": (np.trunc, -3, 3, (-3, -2, -1, 0, 1, 2, 3)),
}
NO_GRADIENT = {"sign", "floor", "ceil", "trunc"}


def test_every_unary_op_has_a_case():
    assert set(OP_TABLES["unary"]) - set(UNARY) == {"round", "i1"}  # `decimals`, and the gradient of i0: tested below


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    reference, low, high, kinks = UNARY[name]
    function = getattr(ops, name)

    @few
    @given(shapes())
    def forward(shape):
        check_forward(function, reference, [uniform(shape, low, high, away_from=kinks)], ulp=8)

    forward()
    if name not in NO_GRADIENT:
        for shape in ((), (1,), (2, 9), (0, 3)):
            check_gradient(function, [uniform(shape, low, high, away_from=kinks)])


def test_far_arguments():
    """Where a formula would overflow, cancel or leave the range of the reduction."""
    x = np.array([1e25, 3e38], np.float32)
    wide = x.astype(np.float64)
    near = {"rtol": 4e-7, "atol": 0}
    np.testing.assert_allclose(ops.arcsinh(-x), np.arcsinh(-wide), **near)
    np.testing.assert_allclose(ops.arccosh(x), np.arccosh(wide), **near)
    assert ops.log2(np.float32([8, 2**-149, 2**100])).tolist() == [3, -149, 100]
    assert ops.exp2(np.float32([3, -149, 127, 128, -151])).tolist() == [8, 2**-149, 2**127, np.inf, 0]
    np.testing.assert_allclose(
        ops.log10(np.float32([1e-40, 1000])), np.log10(np.float64(np.float32([1e-40, 1e3]))), **near
    )
    np.testing.assert_allclose(
        ops.cbrt(np.float32([-8, 1e-42, 3e38])), np.cbrt(np.float64(np.float32([-8, 1e-42, 3e38]))), **near
    )
    np.testing.assert_allclose(
        ops.erfc(np.float32([5, 9, -9])), [1.5374597944280349e-12, 4.1370317465138103e-37, 2], rtol=1e-6
    )
    assert ops.sinc(np.float32([1, -2, 1e6, 1e9])).tolist() == [0, 0, 0, 0]
    with np.errstate(over="ignore"):
        for dtype, largest in (("float32", 90.0), ("float64", 700.0)):
            want = np.i0([0, 7.9, 8.1, 24.9, 25.1, largest])
            np.testing.assert_allclose(
                ops.i0(np.array([0, 7.9, 8.1, 24.9, 25.1, largest], dtype)), want, rtol=8 * 16 * np.finfo(dtype).eps
            )
    assert ops.i0(np.float32([200, -np.inf, 0])).tolist() == [np.inf, np.inf, 1]


def test_gradients_of_i0_and_sinc():
    """i1, to 16 digits; and sinc where its quotient would cancel."""
    want = [-0.5651591039924850, 0, 0.5651591039924850, 3465402511.48148524]
    for dtype in ("float32", "float64"):
        x = np.array([-1, 0, 1, 24.5], dtype)
        np.testing.assert_allclose(gradient_of(ops.i0, [x])[0], want, rtol=16 * np.finfo(dtype).eps)
        small = np.array([1e-6, -1e-3, 0.0], dtype)
        exact = -(math.pi**2) * small.astype(np.float64) / 3 * (1 - (math.pi * small.astype(np.float64)) ** 2 / 10)
        np.testing.assert_allclose(gradient_of(ops.sinc, [small])[0], exact, rtol=1e-6, atol=0)
    check_gradient(lambda x: apply("i1", [x]), [np.array([-2.0, 0.0, 0.5, 9.0])])


def test_predicates_of_sign_and_infinity():
    x = np.array([-2.0, -0.0, 0.0, np.inf, -np.inf, np.nan])
    for dtype in ("float32", "float64"):
        for name in ("isposinf", "isneginf", "signbit"):
            got = getattr(ops, name)(x.astype(dtype))
            assert got.dtype == bool
            np.testing.assert_array_equal(got, getattr(np, name)(x), err_msg=name)
    whole = np.array([-1, 0, 2], "int32")
    assert ops.signbit(whole).tolist() == [True, False, False]
    assert not ops.isposinf(whole).any() and not ops.isneginf(whole).any()


def test_complex_functions_of_real_numbers():
    x = np.array([-2.0, -0.0, 0.0, 3.0, np.nan, -np.inf], np.float32)
    for name in ("real", "conj", "conjugate"):
        got = getattr(ops, name)(x)
        assert got is not x
        np.testing.assert_array_equal(got, x)
    np.testing.assert_array_equal(ops.imag(x), np.zeros(6, np.float32))
    np.testing.assert_array_equal(ops.angle(x), np.float32([math.pi, math.pi, 0, 0, np.nan, math.pi]))
    assert ops.isreal(x).all() and ops.isreal(x).dtype == bool
    assert ops.real(np.array([1, 2], np.uint8)).dtype == np.uint8


def test_erfinv_where_it_is_steep():
    """Values to 20 digits, computed with 40."""
    x = np.array([1e-300, 1e-3, 0.5, -0.9, 0.999999, 1 - 2.0**-53])
    want = np.array(
        [
            *(8.8622692545275803586e-301, 8.8622715746655212301e-4, 0.47693627620446987338),
            *(-1.1630871536766741628, 3.4589107372754987775, 5.8635847487551679272),
        ]
    )
    np.testing.assert_allclose(ops.erfinv(x), want, rtol=2 * np.finfo(np.float64).eps, atol=0)
    single = x[1:4].astype(np.float32)
    slope = math.sqrt(math.pi) / 2 * np.exp(want[1:4] ** 2)
    exact = want[1:4] + slope * (single.astype(np.float64) - x[1:4])  # of x as it was rounded
    np.testing.assert_allclose(ops.erfinv(single), exact, rtol=2.7 * np.finfo(np.float32).eps, atol=0)
    for dtype in ("float32", "float64"):
        edges = ops.erfinv(np.array([0.0, -0.0, 1.0, -1.0, 1.5, -np.inf, np.nan], dtype))
        np.testing.assert_array_equal(edges, [0, 0, np.inf, -np.inf, np.nan, np.nan, np.nan])
        assert np.signbit(edges[:2]).tolist() == [False, True]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "log1p", "expm1", "erf", "sin"])
def test_special_values(name):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-40], np.float32)
    if name == "sin":
        x = x[[0, 3, 4, 7]]
    with np.errstate(all="ignore"):
        want = UNARY[name][0](x.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(getattr(ops, name)(x), want, rtol=2e-6, atol=1e-44)


def test_gradients_at_kinks():
    zero = np.zeros(3, np.float32)
    assert np.all(gradient_of(ops.absolute, [zero])[0] == 0)
    a, b = gradient_of(ops.maximum, [zero, zero])
    assert np.all(a == 0.5) and np.all(b == 0.5)
    inside = gradient_of(lambda x: ops.clip(x, 0.0, 1.0), [np.array([-0.5, 0.0, 0.5, 1.0, 1.5], np.float32)])[0]
    np.testing.assert_array_equal(inside, [0, 1, 1, 1, 0])


BINARY = {
    "add": (np.add, -3, 3),
    "subtract": (np.subtract, -3, 3),
    "multiply": (np.multiply, -3, 3),
    "divide": (np.divide, 0.2, 3),
    "maximum": (np.maximum, -3, 3),
    "minimum": (np.minimum, -3, 3),
    "power": (np.power, 0.3, 3),
    "arctan2": (np.arctan2, 0.2, 3),
    "squared_difference": (lambda a, b: (a - b) ** 2, -3, 3),
    "logaddexp": (np.logaddexp, -3, 3),
    "divide_no_nan": (np.divide, 0.2, 3),
}


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    reference, low, high = BINARY[name]
    function = getattr(ops, name)

    def operands(pair):
        return [uniform(shape, low, high, seed) for seed, shape in enumerate(pair)]

    @few
    @given(broadcasting())
    def forward(pair):
        check_forward(function, reference, operands(pair), ulp=16)

    forward()
    for pair in (((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1, 3), (4, 1)), ((0, 3), (3,)), ((5, 1), (1, 2))):
        check_gradient(function, operands(pair))


@pytest.mark.parametrize("name", ["floor_divide", "mod"])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_integer_division(name, dtype):
    a = np.array([7, -7, 7, -7, 0, 6, 5], dtype)
    b = np.array([2, 2, -2, -2, 3, 3, -1], dtype)
    got = getattr(ops, name)(a, b)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, getattr(np, name)(a, b))


def test_uint8_wraps_round():
    a, b = np.array([0, 3, 200, 255], np.uint8), np.array([1, 7, 100, 255], np.uint8)
    for name in ("add", "subtract", "multiply", "floor_divide", "mod", "maximum", "minimum"):
        got = getattr(ops, name)(a, b)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, getattr(np, name)(a, b))
    np.testing.assert_array_equal(ops.square(a), a * a)
    np.testing.assert_array_equal(ops.power(a, 3), a**3)
    assert ops.clip(a, 2, 210).dtype == np.uint8 and ops.clip(a, 2, 210).tolist() == [2, 3, 200, 210]
    assert ops.power(a, 0.5).dtype == np.float32


def test_mod_gradient():
    check_gradient(ops.mod, [np.array([5.3, -5.3, 1.2]), np.array([2.1, 2.1, -0.7])])


def test_power():
    x = np.array([-2.0, -1.0, 0.0, 0.5, 3.0])
    for exponent in (0, 1, 2, 3, -2, 2.0):
        with np.errstate(divide="ignore"):
            assert_close(ops.power(x, exponent), x ** float(exponent), "float64")
    assert ops.power(np.array([2, 3]), 2).dtype == np.int64
    np.testing.assert_allclose(ops.power(np.array([4.0, 9.0]), 0.5), [2, 3])
    check_gradient(lambda x: ops.power(x, 3), [x])
    # d(x^0)/dx is 0 and d(0^y)/dy is 0: no NaN
    grads = gradient_of(ops.power, [np.array([0.0, 2.0]), np.array([0.0, 0.0])])
    assert grads[0].tolist() == [0, 0]
    np.testing.assert_allclose(grads[1], [0, math.log(2)])


COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


@pytest.mark.parametrize("name", [*COMPARISONS, "logical_and", "logical_or", "logical_xor"])
@given(pair=broadcasting())
@few
def test_comparisons(name, pair):
    a, b = (np.random.default_rng(i).integers(0, 3, shape).astype(np.float64) for i, shape in enumerate(pair))
    check_forward(getattr(ops, name), getattr(np, name), [a, b])


def test_comparisons_with_nan():
    a, b = np.array([np.nan, 1.0, np.nan], np.float32), np.array([1.0, np.nan, np.nan], np.float32)
    for name in COMPARISONS:
        np.testing.assert_array_equal(getattr(ops, name)(a, b), getattr(np, name)(a, b))


@given(shapes())
@few
def test_predicates(shape):
    x = uniform(shape)
    x.flat[: x.size // 2 : 3] = np.nan
    x.flat[1::4] = np.inf
    x.flat[2::4] = -np.inf
    for name in ("isnan", "isinf", "isfinite", "logical_not"):
        check_forward(getattr(ops, name), getattr(np, name), [x])


@given(broadcasting(3))
@few
def test_where(triple):
    c = np.random.default_rng(0).integers(0, 2, triple[0]).astype(bool)
    a, b = uniform(triple[1], seed=1), uniform(triple[2], seed=2)
    check_forward(ops.where, np.where, [c, a, b])


def test_where_gradient_and_errors():
    c = np.array([[True, False, True], [False, False, True]])
    check_gradient(lambda a, b: ops.where(c, a, b), [uniform((2, 3)), uniform((3,), seed=1)])
    with pytest.raises(ValueError, match="both `x1` and `x2`"):
        ops.where(c)


@given(shapes(), st.integers(-200, 100), st.integers(0, 200))
@few
def test_clip(shape, low, width):
    low, high = low / 100, (low + width) / 100  # no subnormal limits, which programs flush
    x = uniform(shape, away_from=(low, high), distance=0.01)
    check_forward(lambda x: ops.clip(x, low, high), lambda x: np.clip(x, low, high), [x])


def test_clip_dtypes_and_gradient():
    x = np.array([-5, 0, 7])
    got = ops.clip(x, -1, 3)
    assert got.dtype == np.int64 and got.tolist() == [-1, 0, 3]
    assert ops.clip(x.astype("int32"), 0.5, 3.5).dtype == np.float32
    assert np.isnan(ops.clip(np.array([np.nan], np.float32), 0, 1)[0])
    np.testing.assert_array_equal(ops.clip(x, np.array([-6, 1, 2]), 5), [-5, 1, 5])
    check_gradient(lambda x: ops.clip(x, -1.0, 1.0), [np.array([-2.0, -0.5, 0.5, 2.0])])


@pytest.mark.parametrize("decimals", [0, 1, 3, -1])
def test_round(decimals):
    x = np.array([0.5, 1.5, -2.5, 12.3456, -77.7, 1234.5])
    np.testing.assert_allclose(ops.round(x, decimals), np.round(x, decimals), rtol=1e-12)
    assert ops.round(np.array([15, 25, -5]), -1).tolist() == [20, 20, 0]


def test_nan_to_num():
    x = np.array([np.nan, np.inf, -np.inf, 2.0], np.float32)
    np.testing.assert_array_equal(ops.nan_to_num(x), np.nan_to_num(x))
    np.testing.assert_array_equal(ops.nan_to_num(x, 1.0, 5.0, -6.0), [1, 5, -6, 2])


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose(equal_nan):
    a = np.array([1.0, 1.0, np.nan, np.inf, np.inf, 1e-9])
    b = np.array([1.0 + 1e-9, 1.1, np.nan, np.inf, -np.inf, 0.0])
    np.testing.assert_array_equal(ops.isclose(a, b, equal_nan=equal_nan), np.isclose(a, b, equal_nan=equal_nan))


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4,\)"):
        ops.add(np.zeros((2, 3)), np.zeros(4))


def test_strided_and_misaligned_inputs():
    base = uniform((6, 8)).astype(np.float32)
    for view in (base[::2, ::-1], base.T, np.asfortranarray(base), base[1:, 1:]):
        np.testing.assert_array_equal(ops.add(view, view), view + view)
    raw = np.zeros(4 * 5 + 1, np.uint8)
    odd = raw[1:].view(np.float32)
    np.testing.assert_array_equal(ops.exp(odd), np.ones(5))
