"""Functions of two tensors that few models need, element by element, and functions made up of others."""

from __future__ import annotations

import math

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .binary import (
    add,
    equal,
    floor_divide,
    isclose,
    less,
    logaddexp,
    logical_or,
    maximum,
    minimum,
    multiply,
    subtract,
    where,
)
from .elementwise import absolute, clip, isnan, sign, sqrt
from .reduction import all  # noqa: A004 - Keras's name
from .shapes import broadcast
from .types import cast, dtype_of, float_type, is_float, number_like, operands, standardize_dtype, to_tensor

__all__ = [
    "allclose",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "ldexp",
    "logaddexp2",
    "nextafter",
    "saturate_cast",
]

define(
    "nextafter",
    infer=lambda types, attrs: [(broadcast(types[0][0], types[1][0]), types[0][1])],
    grad=NONDIFFERENTIABLE,
    host=np.nextafter,
)


def _floats(x1, x2):
    x1, x2 = operands(x1, x2)
    dtype = float_type(dtype_of(x1))
    return [x if dtype_of(x) == dtype else apply("cast", [x], dtype=dtype) for x in (x1, x2)]


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """bool: whether `isclose` holds for all elements."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))


def _ignoring_nan(choose, x1, x2):
    x1, x2 = operands(x1, x2)
    if not is_float(dtype_of(x1)):
        return choose(x1, x2)
    return choose(where(isnan(x1), x2, x1), where(isnan(x2), x1, x2))


def fmax(x1, x2):
    """The larger of x1 and x2; the other one where one is NaN."""
    return _ignoring_nan(maximum, x1, x2)


def fmin(x1, x2):
    """The smaller of x1 and x2; the other one where one is NaN."""
    return _ignoring_nan(minimum, x1, x2)


def fmod(x1, x2):
    """The remainder of x1 / x2 with the sign of x1: x1 - trunc(x1 / x2) x2."""
    x1, x2 = operands(x1, x2)
    if dtype_of(x1) == "bool":
        x1, x2 = (apply("cast", [x], dtype="int32") for x in (x1, x2))
    size = absolute(x2)
    remainder = (
        apply("mod", [absolute(x1), size])
        if dtype_of(x1) != "uint8"
        else subtract(x1, multiply(floor_divide(x1, x2), x2))
    )
    return multiply(sign(x1), remainder) if dtype_of(x1) != "uint8" else remainder


def heaviside(x1, x2):
    """0 where x1 < 0, x2 where x1 = 0, 1 where x1 > 0; NaN where x1 is."""
    x1, x2 = _floats(x1, x2)
    step = where(less(x1, 0.0), number_like(0, x1), number_like(1, x1))
    return where(isnan(x1), x1, where(equal(x1, 0.0), x2, step))


def hypot(x1, x2):
    """sqrt(x1^2 + x2^2) without overflow, with broadcasting. Integers become `floatx()`. Gradient 0 at (0, 0)."""
    x1, x2 = _floats(x1, x2)
    a, b = absolute(x1), absolute(x2)
    large, small = maximum(a, b), minimum(a, b)
    zero = equal(large, 0.0)
    ratio = small / where(zero, number_like(1, x1), large)
    size = multiply(large, sqrt(add(multiply(ratio, ratio), 1.0)))
    infinite = logical_or(equal(a, math.inf), equal(b, math.inf))
    return where(infinite, number_like(math.inf, x1), size)


def ldexp(x1, x2):
    """x1 2^x2 for integers x2. Raises TypeError when x2 is no integer."""
    x1, x2 = to_tensor(x1), to_tensor(x2)
    if is_float(dtype_of(x2)) or dtype_of(x2) == "bool":
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={dtype_of(x2)}")
    dtype = float_type(dtype_of(x1))
    return multiply(to_tensor(x1, dtype), apply("exp2", [to_tensor(x2, dtype)]))


def logaddexp2(x1, x2):
    """log2(2^x1 + 2^x2) without overflow."""
    x1, x2 = _floats(x1, x2)
    return multiply(logaddexp(multiply(x1, math.log(2.0)), multiply(x2, math.log(2.0))), 1.0 / math.log(2.0))


def nextafter(x1, x2):
    """The next float after x1 towards x2. Integers become `floatx()`. No gradient."""
    return apply("nextafter", _floats(x1, x2))


def saturate_cast(x, dtype):
    """x converted to `dtype`, first limited to what that dtype holds."""
    dtype, x = standardize_dtype(dtype), to_tensor(x)
    have = dtype_of(x)
    if is_float(dtype) and (not is_float(have) or np.finfo(dtype).max >= np.finfo(have).max):
        return cast(x, dtype)
    low, high = _limits(dtype)
    low, high = max(low, _limits(have)[0]), min(high, _limits(have)[1])
    if not is_float(have) or is_float(dtype) or float(np.asarray(high, have)) <= high:
        return cast(clip(x, low, high), dtype)
    below = np.nextafter(np.asarray(high, have), np.asarray(0, have))  # 2^31 - 1 is no float32: the float below it
    limited = cast(clip(x, low, float(below)), dtype)
    return where(apply("greater", [x, float(below)]), np.asarray(high, dtype), limited)


def _limits(dtype):
    if dtype == "bool":
        return 0, 1
    facts = np.finfo(dtype) if is_float(dtype) else np.iinfo(dtype)
    return (float(facts.min), float(facts.max)) if is_float(dtype) else (int(facts.min), int(facts.max))
