"""Second derivatives of the activations, for gradients of gradients."""

from __future__ import annotations

import math

from ..graph import apply
from .binary import divide, greater, less, multiply, subtract
from .elementwise import absolute, exp, sign, square
from .types import only_where

_FLAT = frozenset(
    (
        "linear",
        "relu",
        "relu6",
        "leaky_relu",
        "hard_sigmoid",
        "hard_tanh",
        "soft_shrink",
        "hard_shrink",
        "sparse_sigmoid",
    )
)


def curvature(name: str, alpha: float, ref):
    """How the derivative of an activation varies with `ref`, which is what its backward kernel reads: the activation's
    output or its input. None for 0 everywhere.

    Raises:
        ValueError: an activation without one here.
    """
    if name in _FLAT:
        return None
    if name not in _RULES:
        raise ValueError(
            f"the gradient of the activation '{name}' has no gradient: second derivatives are there for "
            f"{', '.join(sorted(_FLAT | set(_RULES)))}"
        )
    return _RULES[name](ref, alpha)


def _below(y, value: float):
    """`value` where y < 0, 0 elsewhere."""
    return only_where(less(y, 0.0), _constant(y, value))


def _constant(y, value: float):
    return multiply(y, 0.0) + value


def _activation(name: str, x):
    return apply("activation", [x], activation=name, alpha=0.0)


def _silu(x, alpha):
    s = _activation("sigmoid", x)
    return s * (1.0 - s) * (x * (1.0 - 2.0 * s) + 2.0)


def _gelu(x, alpha):
    return exp(multiply(square(x), -0.5)) * (2.0 - square(x)) * (1.0 / math.sqrt(2.0 * math.pi))


def _gelu_tanh(x, alpha):
    c, d = math.sqrt(2.0 / math.pi), 0.044715
    t = _activation("tanh", (x + square(x) * x * d) * c)
    slope, bend = (square(x) * (3.0 * d) + 1.0) * c, x * (6.0 * d * c)
    return (1.0 - square(t)) * (slope + 0.5 * x * (bend - 2.0 * t * square(slope)))


def _hard_silu(x, alpha):
    return only_where(greater(3.0, absolute(x)), _constant(x, 1.0 / 3.0))


def _tanh_shrink(x, alpha):
    y = _activation("tanh", x)
    return 2.0 * y * (1.0 - square(y))


def _squareplus(y, alpha):
    whole = square(y) + alpha / 4.0
    return divide(y * (alpha / 2.0), square(whole))


_RULES = {
    "elu": lambda y, alpha: _below(y, 1.0),
    "selu": lambda y, alpha: _below(y, 1.0),
    "celu": lambda y, alpha: _below(y, 1.0 / alpha),
    "sigmoid": lambda y, alpha: subtract(1.0, multiply(y, 2.0)),
    "tanh": lambda y, alpha: multiply(y, -2.0),
    "softplus": lambda y, alpha: exp(multiply(y, -1.0)),
    "softsign": lambda y, alpha: multiply(sign(y), absolute(y) * 2.0 - 2.0),
    "exponential": lambda y, alpha: _constant(y, 1.0),
    "squareplus": _squareplus,
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_silu": _hard_silu,
    "tanh_shrink": _tanh_shrink,
}
