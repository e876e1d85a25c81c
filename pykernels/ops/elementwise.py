"""Functions of one tensor, element by element."""

from __future__ import annotations

import math

import numpy as np

from ..graph import NONDIFFERENTIABLE, OP_TABLES, apply, define
from .binary import divide, multiply
from .types import (
    compute,
    dtype_of,
    float_tensor,
    is_float,
    number_like,
    only_where,
    operands,
    passed_on,
    to_tensor,
    zero_where,
)

__all__ = [
    "abs",
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "deg2rad",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "i0",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "log",
    "log1p",
    "log2",
    "log10",
    "logical_not",
    "nan_to_num",
    "negative",
    "rad2deg",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "trunc",
]


# --- definitions -----------------------------------------------------------------------------------
def _same(types, attrs):
    return [types[0]]


def _to_bool(types, attrs):
    return [(types[0][0], "bool")]


def _define(name, grad, keras="numpy", onnx=None):
    """An op of `UNARY` in the kernels' tables. `grad(x, y, dy)` is the gradient of y = f(x); None: it has none."""
    known = OP_TABLES["unary"][name]["dtypes"]

    def infer(types, attrs):
        if types[0][1] not in known:
            raise ValueError(f"{name} does not take dtype {types[0][1]}; cast the input first")
        return [types[0]]

    def backward(node, dy):
        return [grad(node.inputs[0], node.outputs[0], dy)]

    define(name, infer=infer, grad=NONDIFFERENTIABLE if grad is None else backward, keras=keras, onnx=onnx)


def _unary(name, formula, grad, keras="numpy", onnx=None):
    """Defines an op of floats, and returns its public function."""
    _define(name, grad, keras, onnx)

    def function(x):
        return apply(name, [float_tensor(x)])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{formula}, element by element. Float in, same dtype out; integers become `floatx()`."
    return function


def _predicate(name, doc, onnx=None):
    """Defines an op of `PREDICATE` in the kernels' tables, and returns its public function."""
    define(name, infer=_to_bool, grad=NONDIFFERENTIABLE, keras="numpy", onnx=onnx)

    def function(x):
        return apply(name, [to_tensor(x)])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _cast_grad(node, dy):
    """Between float types; no gradient flows from or into integers."""
    dtype = dtype_of(node.inputs[0])
    return [apply("cast", [dy], dtype=dtype) if is_float(dtype) and is_float(node.attrs["dtype"]) else None]


def _clip_grad(node, dy):
    """Passes where min <= x <= max, the ends included."""
    x, low, high = node.inputs[0], node.attrs["min"], node.attrs["max"]
    inside = apply("logical_and", [apply("greater_equal", [x, low]), apply("less_equal", [x, high])])
    return [only_where(inside, dy)]


define("cast", infer=lambda types, attrs: [(types[0][0], attrs["dtype"])], grad=_cast_grad)
define("clip", infer=_same, grad=_clip_grad)
_define("negative", lambda x, y, dy: -dy, onnx="Neg")
_define("absolute", lambda x, y, dy: zero_where(apply("equal", [x, 0.0]), dy * sign(x)), onnx="Abs")
_define("sign", None, onnx="Sign")
_define("square", lambda x, y, dy: dy * (x * 2.0))
_define("round", None, onnx="Round")
_define("trunc", None)
_define("i1", lambda x, y, dy: dy * (i0(x) - _divided_by_argument(y, x)), keras=None)


def _divided_by_argument(y, x):
    """i1(x) / x, 1 / 2 at 0."""
    zero = apply("equal", [x, 0.0])
    return apply("where", [zero, number_like(0.5, x), y / apply("where", [zero, number_like(1, x), x])])


def _sinc_slope(x, y):
    """(cos(pi x) - sinc(x)) / x, and where that cancels its series."""
    turn = x * math.pi
    square = turn * turn
    series = 0.0
    for k in range(7, 0, -1):  # the slope of (-1)^k turn^(2 k) / (2 k + 1)!
        series = square * series + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    near = apply("less", [absolute(x), 0.25])
    far = (cos(turn) - y) / apply("where", [near, number_like(1, x), x])
    return apply("where", [near, series * turn * math.pi, far])


# --- public functions ------------------------------------------------------------------------------
sqrt = _unary("sqrt", "The square root", lambda x, y, dy: dy * 0.5 / y, onnx="Sqrt")
rsqrt = _unary("rsqrt", "1 / sqrt(x)", lambda x, y, dy: dy * -0.5 * y / x, keras="math")
reciprocal = _unary("reciprocal", "1 / x", lambda x, y, dy: -dy * y * y, onnx="Reciprocal")
exp = _unary("exp", "e ** x", lambda x, y, dy: dy * y, onnx="Exp")
exp2 = _unary("exp2", "2 ** x", lambda x, y, dy: dy * (y * math.log(2.0)))
expm1 = _unary("expm1", "e ** x - 1, exact near 0", lambda x, y, dy: dy * (y + 1.0))
log = _unary("log", "The natural logarithm", lambda x, y, dy: dy / x, onnx="Log")
log2 = _unary("log2", "The base-2 logarithm", lambda x, y, dy: dy / (x * math.log(2.0)))
log10 = _unary("log10", "The base-10 logarithm", lambda x, y, dy: dy / (x * math.log(10.0)))
log1p = _unary("log1p", "log(1 + x), exact near 0", lambda x, y, dy: dy / (x + 1.0))
sin = _unary("sin", "The sine of x in radians", lambda x, y, dy: dy * cos(x), onnx="Sin")
cos = _unary("cos", "The cosine of x in radians", lambda x, y, dy: -dy * sin(x), onnx="Cos")
tan = _unary("tan", "The tangent of x in radians", lambda x, y, dy: dy * (y * y + 1.0), onnx="Tan")
arcsin = _unary("arcsin", "The inverse sine, in radians", lambda x, y, dy: dy * rsqrt(1.0 - x * x), onnx="Asin")
arccos = _unary("arccos", "The inverse cosine, in radians", lambda x, y, dy: -dy * rsqrt(1.0 - x * x), onnx="Acos")
arctan = _unary("arctan", "The inverse tangent, in radians", lambda x, y, dy: dy / (x * x + 1.0), onnx="Atan")
sinh = _unary("sinh", "The hyperbolic sine", lambda x, y, dy: dy * cosh(x), onnx="Sinh")
cosh = _unary("cosh", "The hyperbolic cosine", lambda x, y, dy: dy * sinh(x), onnx="Cosh")
arcsinh = _unary("arcsinh", "The inverse hyperbolic sine", lambda x, y, dy: dy * rsqrt(x * x + 1.0), onnx="Asinh")
arccosh = _unary(
    "arccosh",
    "The inverse hyperbolic cosine; NaN below 1",
    lambda x, y, dy: dy * rsqrt((x - 1.0) * (x + 1.0)),
    onnx="Acosh",
)
arctanh = _unary(
    "arctanh",
    "The inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond",
    lambda x, y, dy: dy / ((1.0 - x) * (1.0 + x)),
    onnx="Atanh",
)
cbrt = _unary("cbrt", "The cube root, of x's sign", lambda x, y, dy: dy / (y * y * 3.0))
sinc = _unary("sinc", "sin(pi x) / (pi x), 1 at 0", lambda x, y, dy: dy * _sinc_slope(x, y))
i0 = _unary("i0", "The modified Bessel function of the first kind of order 0", lambda x, y, dy: dy * apply("i1", [x]))
erf = _unary(
    "erf",
    "The error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x",
    lambda x, y, dy: dy * (exp(-(x * x)) * (2.0 / math.sqrt(math.pi))),
    keras="math",
    onnx="Erf",
)
erfc = _unary(
    "erfc",
    "1 - erf(x), exact for large x",
    lambda x, y, dy: dy * (exp(-(x * x)) * (-2.0 / math.sqrt(math.pi))),
    keras="math",
)
erfinv = _unary(
    "erfinv",
    "The inverse of `erf`: infinite at -1 and 1, NaN beyond",
    lambda x, y, dy: dy * (exp(y * y) * (math.sqrt(math.pi) / 2.0)),
    keras="math",
)
log_sigmoid = _unary(
    "log_sigmoid",
    "log(sigmoid(x)) = -softplus(-x), exact for large |x|",
    lambda x, y, dy: dy * (1.0 - exp(y)),  # sigmoid(-x) = 1 - sigmoid(x)
    keras="nn",
)
floor = _unary("floor", "The largest integer not above x, as a float", None, onnx="Floor")
ceil = _unary("ceil", "The smallest integer not below x, as a float", None, onnx="Ceil")


def _number(x):
    """bool has no arithmetic: it counts as int32."""
    x = to_tensor(x)
    return apply("cast", [x], dtype="int32") if dtype_of(x) == "bool" else x


def deg2rad(x):
    """Degrees as radians: x pi / 180. Integers become `floatx()`."""
    return multiply(float_tensor(x), math.pi / 180.0)


def rad2deg(x):
    """Radians as degrees: x 180 / pi. Integers become `floatx()`."""
    return multiply(float_tensor(x), 180.0 / math.pi)


def negative(x):
    """-x, of x's dtype."""
    return compute("negative", [_number(x)])


def absolute(x):
    """|x|, of x's dtype. Gradient 0 at 0."""
    x = to_tensor(x)
    return passed_on(x) if dtype_of(x) in ("bool", "uint8") else apply("absolute", [x])


abs = absolute  # noqa: A001 - Keras's name


def fabs(x):
    """|x|. Integers become `floatx()`. Gradient 0 at 0."""
    return apply("absolute", [float_tensor(x)])


def sign(x):
    """-1, 0 or 1, of x's dtype; NaN stays NaN."""
    return compute("sign", [_number(x)])


def square(x):
    """x * x; bool becomes int32."""
    return compute("square", [_number(x)])


def round(x, decimals=0):  # noqa: A001 - Keras's name
    """x rounded to `decimals` places, ties to even. Integers stay as they are for `decimals >= 0`."""
    x = _number(x)
    if not is_float(dtype_of(x)):
        if decimals >= 0:
            return passed_on(x)
        return apply("cast", [round(float_tensor(x), decimals)], dtype=dtype_of(x))
    if decimals == 0:
        return apply("round", [x])
    if decimals > 0:
        return divide(apply("round", [multiply(x, 10.0**decimals)]), 10.0**decimals)
    return multiply(apply("round", [divide(x, 10.0**-decimals)]), 10.0**-decimals)


def trunc(x):
    """x without its fraction, rounded towards zero, of x's dtype."""
    x = to_tensor(x)
    return apply("trunc", [x]) if is_float(dtype_of(x)) else passed_on(x)


isnan = _predicate("isnan", "bool: whether x is NaN.", onnx="IsNaN")
isinf = _predicate("isinf", "bool: whether x is infinite, of either sign.", onnx="IsInf")
isposinf = _predicate("isposinf", "bool: whether x is positive infinity.")
isneginf = _predicate("isneginf", "bool: whether x is negative infinity.")
signbit = _predicate("signbit", "bool: whether x has a minus sign: less than 0, or -0.")
isfinite = _predicate("isfinite", "bool: whether x is neither NaN nor infinite.")
logical_not = _predicate("logical_not", "bool: whether x is zero.")


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """x with NaN replaced by `nan` and infinities by `posinf` and `neginf` (default: the dtype's extremes)."""
    x = to_tensor(x)
    dtype = dtype_of(x)
    if not is_float(dtype):
        return passed_on(x)
    limits = np.finfo(dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    infinite = apply("isinf", [x])
    positive = apply("greater", [x, 0.0])
    finite = apply("where", [apply("isnan", [x]), number_like(nan, x), x])
    extreme = apply("where", [positive, number_like(high, x), number_like(low, x)])
    return apply("where", [infinite, extreme, finite])


def clip(x, x_min, x_max):
    """x limited to [x_min, x_max].

    Args:
        x: tensor.
        x_min, x_max: numbers, or tensors that broadcast with x; None for no limit.

    Returns:
        A tensor of the dtype to which x and the limits promote. NaN stays NaN. The gradient passes where
        x_min <= x <= x_max.
    """
    if any(not isinstance(limit, (int, float, type(None))) for limit in (x_min, x_max)):
        if x_min is not None:
            x = compute("maximum", operands(x, x_min))
        return passed_on(x) if x_max is None else compute("minimum", operands(x, x_max))
    x = operands(_number(x), *(type(limit)(0) for limit in (x_min, x_max) if limit is not None))[0]
    dtype = dtype_of(x)
    low, high = (-np.inf, np.inf) if is_float(dtype) else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low = low if x_min is None else x_min
    high = high if x_max is None else x_max
    return compute("clip", [x], min=float(low), max=float(high))
