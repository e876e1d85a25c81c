"""Functions of one tensor, element by element."""

from __future__ import annotations

import math

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .binary import add, divide, multiply, subtract
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


# --- definitions -----------------------------------------------------------------------------------
def _same(types, attrs):
    return [types[0]]


def _to_bool(types, attrs):
    return [(types[0][0], "bool")]


def _define(name, grad):
    """`grad(x, y, dy)` is the gradient of y = f(x)."""
    define(name, infer=_same, grad=lambda node, dy: [grad(node.inputs[0], node.outputs[0], dy)])


def _cast_grad(node, dy):
    """Between float types; no gradient flows from or into integers."""
    dtype = dtype_of(node.inputs[0])
    return [apply("cast", [dy], dtype=dtype) if is_float(dtype) and is_float(node.attrs["dtype"]) else None]


define("cast", infer=lambda types, attrs: [(types[0][0], attrs["dtype"])], grad=_cast_grad)
_define("negative", lambda x, y, dy: -dy)
_define("absolute", lambda x, y, dy: zero_where(apply("equal", [x, 0.0]), dy * sign(x)))
_define("square", lambda x, y, dy: dy * (x * 2.0))
_define("sqrt", lambda x, y, dy: dy * 0.5 / y)
_define("rsqrt", lambda x, y, dy: dy * -0.5 * y / x)
_define("reciprocal", lambda x, y, dy: -dy * y * y)
_define("exp", lambda x, y, dy: dy * y)
_define("expm1", lambda x, y, dy: dy * (y + 1.0))
_define("log", lambda x, y, dy: dy / x)
_define("log1p", lambda x, y, dy: dy / (x + 1.0))
_define("sin", lambda x, y, dy: dy * cos(x))
_define("cos", lambda x, y, dy: -dy * sin(x))
_define("tan", lambda x, y, dy: dy * (y * y + 1.0))
_define("arcsin", lambda x, y, dy: dy * rsqrt(1.0 - x * x))
_define("arccos", lambda x, y, dy: -dy * rsqrt(1.0 - x * x))
_define("arctan", lambda x, y, dy: dy / (x * x + 1.0))
_define("sinh", lambda x, y, dy: dy * cosh(x))
_define("cosh", lambda x, y, dy: dy * sinh(x))
_define("erf", lambda x, y, dy: dy * (exp(-(x * x)) * (2.0 / math.sqrt(math.pi))))
_define("log_sigmoid", lambda x, y, dy: dy * (1.0 - exp(y)))  # sigmoid(-x) = 1 - sigmoid(x)

for _name in ("sign", "floor", "ceil", "round"):
    define(_name, infer=_same, grad=NONDIFFERENTIABLE)
for _name in ("isnan", "isinf", "isfinite", "logical_not"):
    define(_name, infer=_to_bool, grad=NONDIFFERENTIABLE)


def _clip_grad(node, dy):
    """Passes where min <= x <= max, the ends included."""
    x, low, high = node.inputs[0], node.attrs["min"], node.attrs["max"]
    inside = apply("logical_and", [apply("greater_equal", [x, low]), apply("less_equal", [x, high])])
    return [only_where(inside, dy)]


define("clip", infer=_same, grad=_clip_grad)


# --- public functions ------------------------------------------------------------------------------
def _float_function(name: str, formula: str):
    def function(x):
        return apply(name, [float_tensor(x)])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{formula}, element by element. Float in, same dtype out; integers become `floatx()`."
    return function


sqrt = _float_function("sqrt", "The square root")
rsqrt = _float_function("rsqrt", "1 / sqrt(x)")
exp = _float_function("exp", "e ** x")
expm1 = _float_function("expm1", "e ** x - 1, exact near 0")
log = _float_function("log", "The natural logarithm")
log1p = _float_function("log1p", "log(1 + x), exact near 0")
sin = _float_function("sin", "The sine of x in radians")
cos = _float_function("cos", "The cosine of x in radians")
tan = _float_function("tan", "The tangent of x in radians")
arcsin = _float_function("arcsin", "The inverse sine, in radians")
arccos = _float_function("arccos", "The inverse cosine, in radians")
arctan = _float_function("arctan", "The inverse tangent, in radians")
sinh = _float_function("sinh", "The hyperbolic sine")
cosh = _float_function("cosh", "The hyperbolic cosine")
erf = _float_function("erf", "The error function, 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x")
floor = _float_function("floor", "The largest integer not above x, as a float")
ceil = _float_function("ceil", "The smallest integer not below x, as a float")


def log2(x):
    """The base-2 logarithm: log(x) / log(2)."""
    return multiply(log(x), 1.0 / math.log(2.0))


def log10(x):
    """The base-10 logarithm: log(x) / log(10)."""
    return multiply(log(x), 1.0 / math.log(10.0))


def arcsinh(x):
    """The inverse hyperbolic sine, as sign(x) log1p(|x| + x^2 / (1 + sqrt(1 + x^2))): exact near 0."""
    x = float_tensor(x)
    squares = apply("square", [x])
    fraction = divide(squares, add(sqrt(add(squares, 1.0)), 1.0))
    return multiply(sign(x), log1p(add(absolute(x), fraction)))


def arccosh(x):
    """The inverse hyperbolic cosine, as log1p(t + sqrt(t (t + 2))) with t = x - 1; NaN below 1."""
    t = subtract(float_tensor(x), 1.0)
    return log1p(add(t, sqrt(multiply(t, add(t, 2.0)))))


def arctanh(x):
    """The inverse hyperbolic tangent: (log1p(x) - log1p(-x)) / 2."""
    x = float_tensor(x)
    return multiply(subtract(log1p(x), log1p(negative(x))), 0.5)


def _number(x):
    """bool has no arithmetic: it counts as int32."""
    x = to_tensor(x)
    return apply("cast", [x], dtype="int32") if dtype_of(x) == "bool" else x


def negative(x):
    """-x, of x's dtype."""
    return compute("negative", [_number(x)])


def absolute(x):
    """|x|, of x's dtype. Gradient 0 at 0."""
    x = to_tensor(x)
    return passed_on(x) if dtype_of(x) in ("bool", "uint8") else apply("absolute", [x])


abs = absolute  # noqa: A001 - Keras's name


def sign(x):
    """-1, 0 or 1, of x's dtype; NaN stays NaN."""
    return compute("sign", [_number(x)])


def square(x):
    """x * x; bool becomes int32."""
    return compute("square", [_number(x)])


def reciprocal(x):
    """1 / x. Integers become `floatx()`."""
    return apply("reciprocal", [float_tensor(x)])


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
    return multiply(sign(x), apply("floor", [absolute(x)])) if is_float(dtype_of(x)) else passed_on(x)


def isnan(x):
    """bool: whether x is NaN."""
    return apply("isnan", [to_tensor(x)])


def isinf(x):
    """bool: whether x is infinite, of either sign."""
    return apply("isinf", [to_tensor(x)])


def isfinite(x):
    """bool: whether x is neither NaN nor infinite."""
    return apply("isfinite", [to_tensor(x)])


def logical_not(x):
    """bool: whether x is zero."""
    return apply("logical_not", [to_tensor(x)])


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
