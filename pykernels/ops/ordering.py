"""Order along an axis: sort, argsort, quantiles. `top_k` is in `counts`."""

from __future__ import annotations

import operator

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .array import expand_dims, moveaxis, ravel, reshape, squeeze, transpose
from .binary import add, maximum, multiply, subtract, where
from .creation import ones_like
from .elementwise import ceil, floor, isnan, logical_not, round  # noqa: A004 - Keras's name
from .placing import take_along_axis
from .reduction import any, sum  # noqa: A004
from .shapes import axes_in, axis_in
from .types import dtype_of, float_tensor, is_float, number_like, to_indices, to_tensor

__all__ = [
    "argpartition",
    "argsort",
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
    "sort",
]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


# --- definitions -----------------------------------------------------------------------------------
def _put_back(node, dy, index):
    """The gradient of elements that were taken from the last axis at `index`."""
    return [apply("take_along_axis_grad", [dy, index], n=node.inputs[0].shape[-1])]


define(
    "sort",
    infer=lambda types, attrs: [types[0]],
    grad=lambda node, dy: _put_back(node, dy, apply("argsort", [node.inputs[0]])),
)
define("argsort", infer=lambda types, attrs: [(types[0][0], "int32")], grad=NONDIFFERENTIABLE)


# --- public functions ------------------------------------------------------------------------------
def _along(name, x, axis):
    x = to_tensor(x)
    if axis is None:
        return apply(name, [ravel(x)])
    axis = axis_in(axis, len(x.shape))
    if axis == len(x.shape) - 1:
        return apply(name, [x])
    return moveaxis(apply(name, [moveaxis(x, axis, -1)]), -1, axis)


def sort(x, axis=-1):
    """The elements of x in ascending order along `axis` (None: of the flattened x), NaN last, of x's dtype."""
    return _along("sort", x, axis)


def argsort(x, axis=-1):
    """int32: where the elements of the ascending order along `axis` are in x (None: in the flattened x).

    Equal elements keep their order; NaN comes last.
    """
    return _along("argsort", x, axis)


def argpartition(x, kth, axis=-1):
    """int32: a permutation along `axis` after which the element at `kth` is where sorting would put it, the smaller
    ones before it and the others behind."""
    x = to_tensor(x)
    n = x.size if axis is None else x.shape[axis_in(axis, len(x.shape))]
    if n is not None and not -n <= operator.index(kth) < n:
        raise ValueError(f"kth (={kth}) is out of bounds for an axis of extent {n}")
    return argsort(x, axis)


def _reduced_last(x, axis):
    """x with the axes that are reduced as one last axis; and these axes."""
    axes = axes_in(axis, len(x.shape))
    if not axes:
        return expand_dims(x, -1), axes
    kept = [i for i in range(len(x.shape)) if i not in axes]
    moved = transpose(x, (*kept, *axes))
    return (moved if len(axes) == 1 else reshape(moved, (*moved.shape[: len(kept)], -1))), axes


def _between(ordered, place, method):
    """The value of the ascending `ordered` at a fractional place of its last axis; `place` broadcasts with the rest."""
    low, high = floor(place), ceil(place)
    if method == "nearest":
        return take_along_axis(ordered, to_indices(round(place)), -1)
    at_low = take_along_axis(ordered, to_indices(low), -1)
    if method == "lower":
        return at_low
    at_high = take_along_axis(ordered, to_indices(high), -1)
    if method == "higher":
        return at_high
    weight = 0.5 if method == "midpoint" else subtract(place, low)
    return add(multiply(at_low, subtract(1.0, weight)), multiply(at_high, weight))


def _quantile(x, q, axis, method, keepdims, skip_nan):
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {_METHODS}. Received: method={method}")
    x = float_tensor(x)
    q = to_tensor(q, dtype_of(x))
    if len(q.shape) > 1:
        raise ValueError(f"`q` must be a scalar or have one dimension. Received: q.shape={tuple(q.shape)}")
    flat, axes = _reduced_last(x, axis)
    ordered = apply("sort", [flat])
    if skip_nan:
        last = maximum(subtract(sum(to_tensor(logical_not(isnan(flat)), dtype_of(x)), -1, keepdims=True), 1.0), 0.0)
    else:
        last = subtract(sum(ones_like(flat), -1, keepdims=True), 1.0)
    found = _between(ordered, multiply(reshape(q, (*(1,) * (len(flat.shape) - 1), -1)), last), method)
    if not skip_nan:
        found = where(any(isnan(flat), -1, keepdims=True), number_like(np.nan, x), found)
    found = moveaxis(found, -1, 0) if q.shape else squeeze(found, -1)
    return expand_dims(found, tuple(a + len(q.shape) for a in axes)) if keepdims and axes else found


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The q-quantile of x over `axis`.

    Args:
        x: tensor. Integers become `floatx()`.
        q: number or one-dimensional tensor, each in [0, 1].
        axis: int, tuple of ints, or None for all.
        method: between two elements: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: whether the reduced axes stay with extent 1.

    Returns:
        A tensor of shape q.shape + the other axes of x; NaN where an element is NaN.
    """
    return _quantile(x, q, axis, method, keepdims, skip_nan=False)


def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of the elements that are not NaN; NaN where all are."""
    return _quantile(x, q, axis, method, keepdims, skip_nan=True)


def percentile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` with q from 0 to 100."""
    return quantile(x, _hundredth(x, q), axis, method, keepdims)


def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """`nanquantile` with q from 0 to 100."""
    return nanquantile(x, _hundredth(x, q), axis, method, keepdims)


def _hundredth(x, q):
    dtype = dtype_of(to_tensor(x))
    return multiply(to_tensor(q, dtype if is_float(dtype) else None), 0.01)


def median(x, axis=None, keepdims=False):
    """The median over `axis` (int or tuple; None: all): the mean of the two middle elements of an even number."""
    return quantile(x, 0.5, axis, "midpoint", keepdims)


def nanmedian(x, axis=None, keepdims=False):
    """`median` of the elements that are not NaN; NaN where all are."""
    return nanquantile(x, 0.5, axis, "midpoint", keepdims)
