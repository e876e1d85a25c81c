"""Functions of integers: bits, shifts, common divisors and multiples."""

from __future__ import annotations

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .shapes import broadcast
from .types import dtype_of, is_float, operands, to_tensor

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "gcd",
    "lcm",
    "left_shift",
    "right_shift",
]

_TAKES_BOOL = ("bitwise_and", "bitwise_or", "bitwise_xor")


def _infer(types, attrs):
    (a, dtype), (b, _) = types
    return [(broadcast(a, b), dtype)]


define("bitwise_invert", infer=lambda types, attrs: [types[0]], grad=NONDIFFERENTIABLE, host=np.invert)


def _whole(name, x):
    dtype = dtype_of(x)
    if is_float(dtype):
        raise TypeError(f"{name} takes integers, got dtype {dtype}; cast the input first")
    return x


def _of_two(name, host, doc, arguments="x, y"):
    define(name, infer=_infer, grad=NONDIFFERENTIABLE, host=host)

    def compute(a, b):
        a, b = operands(a, b)
        _whole(name, a)
        if dtype_of(a) == "bool" and name not in _TAKES_BOOL:
            a, b = (apply("cast", [v], dtype="int32") for v in (a, b))
        return apply(name, [a, b])

    if arguments == "x, y":

        def function(x, y):
            return compute(x, y)
    else:

        def function(x1, x2):
            return compute(x1, x2)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{doc}, element by element, with broadcasting; of integers, in the dtype to which they promote. "
        "Raises TypeError for floats."
    )
    return function


bitwise_and = _of_two("bitwise_and", np.bitwise_and, "The bits set in both x and y")
bitwise_or = _of_two("bitwise_or", np.bitwise_or, "The bits set in x or y")
bitwise_xor = _of_two("bitwise_xor", np.bitwise_xor, "The bits set in exactly one of x and y")
bitwise_left_shift = _of_two("bitwise_left_shift", np.left_shift, "The bits of x moved to the left by y places: x 2^y")
bitwise_right_shift = _of_two(
    "bitwise_right_shift", np.right_shift, "The bits of x moved to the right by y places: floor(x / 2^y)"
)
left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
gcd = _of_two("gcd", np.gcd, "The greatest common divisor, not negative", "x1, x2")
lcm = _of_two("lcm", np.lcm, "The least common multiple, not negative", "x1, x2")


def bitwise_invert(x):
    """Every bit of x turned over: -x - 1 of signed integers; logical not of bool. Raises TypeError for floats."""
    return apply("bitwise_invert", [_whole("bitwise_invert", to_tensor(x))])


bitwise_not = bitwise_invert
