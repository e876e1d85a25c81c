"""Reductions over axes."""

from __future__ import annotations

import math

import numpy as np

from .. import config
from ..graph import NONDIFFERENTIABLE, apply, define
from .array import broadcast_to, ravel, reshape
from .binary import add, divide, maximum, minimum, multiply, subtract, where
from .creation import stop_gradient
from .elementwise import absolute, exp, log, sqrt, square
from .shapes import axes_in, axis_in, reduced, size_of
from .types import dtype_of, float_tensor, number_like, only_where, to_tensor

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "min",
    "moments",
    "norm",
    "normalize",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]


# --- definitions -----------------------------------------------------------------------------------
def _infer(types, attrs):
    shape, dtype = types[0]
    return [(reduced(shape, attrs["axes"], attrs["keepdims"]), dtype)]


def _kept(node, t):
    """t (the output or its gradient) with the reduced axes put back as 1."""
    return reshape(t, reduced(node.inputs[0].shape, node.attrs["axes"], True))


def _count(x, axes):
    return math.prod(x.shape[a] for a in axes)


def _sum_grad(node, dy):
    return [broadcast_to(_kept(node, dy), node.inputs[0].shape)]


def _mean_grad(node, dy):
    x = node.inputs[0]
    return [broadcast_to(_kept(node, dy) * (1.0 / (_count(x, node.attrs["axes"]) or 1)), x.shape)]


def _extremum_grad(node, dy):
    """Shared equally between the elements that attain the extremum."""
    x, axes = node.inputs[0], node.attrs["axes"]
    hit = apply("equal", [x, _kept(node, node.outputs[0])])
    hits = apply("sum", [apply("cast", [hit], dtype=x.dtype)], axes=axes, keepdims=True)
    return [only_where(hit, _kept(node, dy) / hits)]


def _prod_grad(node, dy):
    """dy y / x; where elements are 0, the product of the others (0 when two are)."""
    x, axes = node.inputs[0], node.attrs["axes"]
    is_zero = apply("equal", [x, 0.0])
    zeros = apply("sum", [apply("cast", [is_zero], dtype=x.dtype)], axes=axes, keepdims=True)
    filled = apply("where", [is_zero, number_like(1, x), x])
    others = apply("prod", [filled], axes=axes, keepdims=True) / filled
    only_zeros = zeros - apply("cast", [is_zero], dtype=x.dtype)  # zeros among the other elements
    return [only_where(apply("equal", [only_zeros, 0.0]), others * _kept(node, dy))]


define("sum", infer=_infer, grad=_sum_grad)
define("mean", infer=_infer, grad=_mean_grad)
define("max", infer=_infer, grad=_extremum_grad)
define("min", infer=_infer, grad=_extremum_grad)
define("prod", infer=_infer, grad=_prod_grad)
define("any", infer=_infer, grad=NONDIFFERENTIABLE)
define("all", infer=_infer, grad=NONDIFFERENTIABLE)

for _name in ("argmax", "argmin"):
    define(
        _name,
        infer=lambda types, attrs: [(reduced(types[0][0], (attrs["axis"],), attrs["keepdims"]), "int32")],
        grad=NONDIFFERENTIABLE,
    )


# --- public functions ------------------------------------------------------------------------------
def _reduce(name, x, axis, keepdims):
    return apply(name, [x], axes=axes_in(axis, len(x.shape)), keepdims=bool(keepdims))


def _summable(x):
    """Sums of bool and uint8 are counted in int32."""
    x = to_tensor(x)
    return apply("cast", [x], dtype="int32") if dtype_of(x) in ("bool", "uint8") else x


def sum(x, axis=None, keepdims=False):  # noqa: A001 - Keras's name
    """The sum over `axis` (int or tuple; None: all). bool and uint8 give int32; other dtypes stay."""
    return _reduce("sum", _summable(x), axis, keepdims)


def mean(x, axis=None, keepdims=False):
    """The mean over `axis` (int or tuple; None: all). Integers give `floatx()`. NaN over no elements."""
    return _reduce("mean", float_tensor(x), axis, keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    """The product over `axis` (int or tuple; None: all), computed in `dtype` when given."""
    return _reduce("prod", _summable(x) if dtype is None else to_tensor(x, dtype), axis, keepdims)


def _extremum(name, combine, x, axis, keepdims, initial):
    x = to_tensor(x)
    dtype = dtype_of(x)
    if dtype in ("bool", "uint8"):
        found = apply(
            "cast", [_extremum(name, combine, apply("cast", [x], dtype="int32"), axis, keepdims, initial)], dtype=dtype
        )
        return found
    axes = axes_in(axis, len(x.shape))
    if 0 in [x.shape[a] for a in axes]:
        if initial is None:
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity; pass `initial`")
        return np.full(reduced(x.shape, axes, keepdims), initial, dtype)
    found = _reduce(name, x, axis, keepdims)
    return found if initial is None else combine(found, number_like(initial, x))


def max(x, axis=None, keepdims=False, initial=None):  # noqa: A001 - Keras's name
    """The maximum over `axis` (int or tuple; None: all) and of `initial` if given. NaN if any element is.

    Raises:
        ValueError: over no elements without `initial`.
    """
    return _extremum("max", maximum, x, axis, keepdims, initial)


def min(x, axis=None, keepdims=False, initial=None):  # noqa: A001 - Keras's name
    """The minimum over `axis` (int or tuple; None: all) and of `initial` if given. NaN if any element is.

    Raises:
        ValueError: over no elements without `initial`.
    """
    return _extremum("min", minimum, x, axis, keepdims, initial)


def amax(x, axis=None, keepdims=False):
    """`max(x, axis, keepdims)`."""
    return max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    """`min(x, axis, keepdims)`."""
    return min(x, axis, keepdims)


def ptp(x, axis=None, keepdims=False):
    """Maximum less minimum over `axis`."""
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def any(x, axis=None, keepdims=False):  # noqa: A001 - Keras's name
    """bool: whether an element over `axis` (int or tuple; None: all) is not zero."""
    return _reduce("any", to_tensor(x, "bool"), axis, keepdims)


def all(x, axis=None, keepdims=False):  # noqa: A001 - Keras's name
    """bool: whether every element over `axis` (int or tuple; None: all) is not zero."""
    return _reduce("all", to_tensor(x, "bool"), axis, keepdims)


def count_nonzero(x, axis=None):
    """int32: how many elements over `axis` are not zero."""
    return sum(to_tensor(x, "bool"), axis)


def _position(name, x, axis, keepdims):
    x = _summable(x)
    if axis is None:
        shape = (1,) * len(x.shape) if keepdims else ()
        return reshape(_position(name, ravel(x), 0, False), shape)
    axis = axis_in(axis, len(x.shape))
    if x.shape[axis] == 0:
        raise ValueError(f"attempt to get {name} of an empty sequence: x.shape={x.shape}, axis={axis}")
    return apply(name, [x], axis=axis, keepdims=bool(keepdims))


def argmax(x, axis=None, keepdims=False):
    """int32: the position of the maximum along `axis`, the first at a tie; None: in the flattened x."""
    return _position("argmax", x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    """int32: the position of the minimum along `axis`, the first at a tie; None: in the flattened x."""
    return _position("argmin", x, axis, keepdims)


def var(x, axis=None, keepdims=False):
    """The variance over `axis`: the mean of squared distances from the mean. Integers give `floatx()`."""
    x = float_tensor(x)
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """The standard deviation over `axis`: the square root of `var`."""
    return sqrt(var(x, axis, keepdims))


def moments(x, axes, keepdims=False, synchronized=False):
    """(mean, variance) over `axes`. `synchronized` must be False: there are no replicas."""
    if synchronized:
        raise ValueError("`synchronized=True` is not supported: pykernels computes on one device")
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def average(x, axis=None, weights=None):
    """The mean of x over `axis` with `weights`: of x's shape, or one per element along `axis`."""
    x = float_tensor(x)
    if weights is None:
        return mean(x, axis)
    weights = to_tensor(weights)
    if len(weights.shape) != len(x.shape):
        if axis is None or len(weights.shape) != 1:
            raise ValueError(f"`weights` of shape {weights.shape} need `axis` to weight x of shape {x.shape}")
        at = axis_in(axis, len(x.shape))
        weights = reshape(weights, tuple(-1 if i == at else 1 for i in range(len(x.shape))))
    weights = broadcast_to(to_tensor(weights, dtype_of(x)), x.shape)
    return divide(sum(multiply(x, weights), axis), sum(weights, axis))


def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis` without overflow: the maximum is taken out first."""
    x = float_tensor(x)
    axes = axes_in(axis, len(x.shape))
    if size_of(tuple(x.shape[a] for a in axes)) == 0:
        return np.full(reduced(x.shape, axes, keepdims), -np.inf, dtype_of(x))
    top = stop_gradient(max(x, axis, keepdims=True))
    top = where(apply("isfinite", [top]), top, number_like(0, x))
    total = add(log(sum(exp(subtract(x, top)), axis, keepdims=True)), top)
    return total if keepdims else reshape(total, reduced(x.shape, axes, False))


def norm(x, ord=None, axis=None, keepdims=False):  # noqa: A002 - Keras's name
    """The norm of vectors or matrices.

    Args:
        x: tensor. Integers become `floatx()`.
        ord: None (2-norm of all elements over `axis`), a number, `inf`, `-inf`; for matrices `"fro"`, 1, -1, inf, -inf.
        axis: int for vectors, two ints for matrices; None for the whole of x.

    Raises:
        ValueError: an order that is not one of these (`"nuc"`, 2 and -2 of matrices need singular values).
    """
    x = float_tensor(x)
    axes = (
        tuple(range(len(x.shape)))
        if axis is None
        else tuple(axis_in(a, len(x.shape)) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    )
    if ord is None or (ord == 2 and len(axes) == 1) or (ord == "fro" and len(axes) == 2):
        return sqrt(sum(square(x), axes, keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        rows, columns = axes if abs(ord) == 1 else axes[::-1]
        sums = sum(absolute(x), rows, keepdims=True)
        found = (max if ord > 0 else min)(sums, columns, keepdims=True)
        return found if keepdims else reshape(found, reduced(x.shape, tuple(sorted(axes)), False))
    raise ValueError(f"Invalid `ord` argument for a norm over {len(axes)} axes. Received: ord={ord}")


def _vector_norm(x, order, axes, keepdims):
    if isinstance(order, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={order}")
    size = absolute(x)
    if order == np.inf:
        return max(size, axes, keepdims)
    if order == -np.inf:
        return min(size, axes, keepdims)
    if order == 0:
        return sum(to_tensor(apply("not_equal", [x, 0.0]), dtype_of(x)), axes, keepdims)
    if order == 1:
        return sum(size, axes, keepdims)
    powers = apply("power", [size, float(order)])
    return apply("power", [sum(powers, axes, keepdims), 1.0 / float(order)])


def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm of this order along `axis`; by `epsilon` (default: Keras's) where the norm is smaller."""
    x = float_tensor(x)
    small = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        squares = sum(square(x), axis, keepdims=True)
        return multiply(x, apply("rsqrt", [maximum(squares, small * small)]))
    return divide(x, maximum(norm(x, order, axis, keepdims=True), small))
