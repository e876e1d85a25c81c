"""Along an axis, one element after another: cumulative sums and products, differences, integrals."""

from __future__ import annotations

import operator

import numpy as np

from ..graph import apply, define
from .array import ravel, reshape, slice_axis
from .binary import add, multiply, not_equal, subtract, where
from .elementwise import isnan
from .reduction import sum  # noqa: A004 - Keras's name
from .shapes import axis_in
from .types import dtype_of, float_tensor, is_float, number_like, operands, passed_on, standardize_dtype, to_tensor

__all__ = ["cumprod", "cumsum", "diff", "nancumprod", "nancumsum", "trapezoid"]


# --- definitions -----------------------------------------------------------------------------------
def _same(types, attrs):
    return [types[0]]


define(
    "cumsum",
    infer=_same,
    grad=lambda node, dy: [apply("cumsum", [dy], axis=node.attrs["axis"], reverse=not node.attrs["reverse"])],
)
define(
    "cumprod",
    infer=_same,
    grad=lambda node, dy: [apply("cumprod_grad", [node.inputs[0], dy], axis=node.attrs["axis"])],
)
define("cumprod_grad", infer=_same)


# --- public functions ------------------------------------------------------------------------------
def _cumulate(name, x, axis, dtype):
    x = ravel(x) if axis is None else to_tensor(x)
    axis = axis_in(0 if axis is None else axis, len(x.shape))
    dtype = dtype_of(x) if dtype is None else standardize_dtype(dtype)
    dtype = "int32" if dtype == "bool" else dtype
    wide = "int32" if dtype == "uint8" else dtype
    attrs = {"reverse": False} if name == "cumsum" else {}
    y = apply(name, [to_tensor(x, wide)], axis=axis, **attrs)
    return y if wide == dtype else apply("cast", [y], dtype=dtype)


def cumsum(x, axis=None, dtype=None):
    """The sums of x[0..i] along an axis.

    Args:
        x: tensor.
        axis: int; None flattens x first.
        dtype: in which to sum and of the result; x's by default, int32 for bool.

    Returns:
        A tensor of x's shape (flattened for `axis=None`).
    """
    return _cumulate("cumsum", x, axis, dtype)


def cumprod(x, axis=None, dtype=None):
    """The products of x[0..i] along an axis; `axis` and `dtype` as of `cumsum`."""
    return _cumulate("cumprod", x, axis, dtype)


def _without_nan(x, value):
    x = to_tensor(x)
    return where(isnan(x), number_like(value, x), x) if is_float(dtype_of(x)) else x


def nancumsum(x, axis=None, dtype=None):
    """`cumsum` with NaN counted as 0."""
    return cumsum(_without_nan(x, 0), axis, dtype)


def nancumprod(x, axis=None, dtype=None):
    """`cumprod` with NaN counted as 1."""
    return cumprod(_without_nan(x, 1), axis, dtype)


def diff(a, n=1, axis=-1):
    """The n-th differences of neighbours along `axis`, which is n shorter; of bools whether they differ."""
    a, n = to_tensor(a), operator.index(n)
    if n < 0:
        raise ValueError(f"Order `n` must be non-negative. Received n={n}")
    if not a.shape:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_in(axis, len(a.shape))
    for _ in range(n):
        extent = a.shape[axis]
        if extent is None:
            raise ValueError(f"Cannot take differences along axis {axis} of unknown extent: a.shape={tuple(a.shape)}")
        after, before = slice_axis(a, axis, 1, extent), slice_axis(a, axis, 0, max(extent - 1, 0))
        a = (not_equal if dtype_of(a) == "bool" else subtract)(after, before)
    return a if n else passed_on(a)


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of y along `axis` by the trapezoidal rule.

    Args:
        y: tensor. Integers become `floatx()`.
        x: where y was sampled: one-dimensional, or of y's shape; by default the samples are `dx` apart.
        dx: number or tensor.
        axis: int.
    """
    y = float_tensor(y)
    axis = axis_in(axis, len(y.shape))
    extent = y.shape[axis]
    if x is None:
        steps = dx
    else:
        y, x = operands(y, x)
        steps = diff(x, axis=axis if len(x.shape) > 1 else 0)
        if len(x.shape) == 1:
            steps = reshape(steps, tuple(-1 if i == axis else 1 for i in range(len(y.shape))))
    heights = add(slice_axis(y, axis, 1, extent), slice_axis(y, axis, 0, np.maximum(extent - 1, 0)))
    return multiply(sum(multiply(heights, steps), axis), 0.5)
