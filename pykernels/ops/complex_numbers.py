"""Functions of complex numbers. Every tensor is real here, so they are the identity, zeros, or a choice by sign."""

from __future__ import annotations

import math

from ..graph import apply
from .creation import ones_like, zeros_like
from .elementwise import signbit
from .types import float_tensor, number_like, passed_on, to_tensor

__all__ = ["angle", "conj", "conjugate", "imag", "isreal", "real"]


def real(x):
    """The real part: x, of x's dtype."""
    return passed_on(to_tensor(x))


def imag(x):
    """The imaginary part: zeros, of x's dtype."""
    return zeros_like(to_tensor(x))


def conjugate(x):
    """The complex conjugate: x, of x's dtype."""
    return passed_on(to_tensor(x))


conj = conjugate


def angle(x):
    """The angle in the complex plane, in radians: pi where x has a minus sign, 0 elsewhere, NaN where x is NaN.

    Float in, same dtype out; integers become `floatx()`. Gradient 0.
    """
    x = float_tensor(x)
    by_sign = apply("where", [signbit(x), number_like(math.pi, x), number_like(0, x)])
    return apply("where", [apply("isnan", [x]), number_like(math.nan, x), by_sign])


def isreal(x):
    """bool: whether x has no imaginary part. True everywhere, of NaN too."""
    return ones_like(to_tensor(x), dtype="bool")
