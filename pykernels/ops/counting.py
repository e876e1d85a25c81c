"""Counting and looking up: bincount, histogram, searchsorted, digitize, isin; and what has as many results as it finds.

`nonzero` and `unique` (without `size`) have a result whose shape depends on the values: they take arrays, not symbolic
tensors.
"""

# ruff: noqa: A002 - Keras's names of arguments
from __future__ import annotations

import operator

import numpy as np

from ..graph import NONDIFFERENTIABLE, Variable, apply, define, eager
from .array import reshape
from .binary import equal, multiply
from .elementwise import clip, logical_not
from .indexing import one_hot
from .reduction import any, sum  # noqa: A004 - Keras's names
from .types import dtype_of, float_type, is_symbolic, operands, to_indices, to_tensor

__all__ = ["bincount", "digitize", "histogram", "isin", "nonzero", "searchsorted", "unique"]


# --- definitions -----------------------------------------------------------------------------------
def _host_histogram(x, bins, low, high):
    if low is None:
        low, high = (x.min(), x.max()) if x.size else (0, 1)
        if low == high:
            low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1, dtype=float_type(dtype_of(x)))
    return np.histogram(x, edges)[0].astype(edges.dtype), edges


def _histogram_infer(types, attrs):
    dtype = float_type(types[0][1])
    return [((attrs["bins"],), dtype), ((attrs["bins"] + 1,), dtype)]


define(
    "searchsorted",
    infer=lambda types, attrs: [(types[1][0], "int32")],
    grad=NONDIFFERENTIABLE,
    host=lambda ordered, values, side: np.searchsorted(ordered, values, side).astype("int32"),
)
define(
    "digitize",
    infer=lambda types, attrs: [(types[0][0], "int32")],
    grad=NONDIFFERENTIABLE,
    host=lambda x, bins: np.digitize(x, bins).astype("int32"),
)
define("histogram", infer=_histogram_infer, grad=NONDIFFERENTIABLE, host=_host_histogram)


# --- public functions ------------------------------------------------------------------------------
def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each of 0, 1, 2, ... is in x, or the sum of their weights.

    Args:
        x: integer tensor of one dimension, or of two: each row by itself. Negative numbers count as 0.
        weights: tensor of x's shape.
        minlength: the least length of the result. Of a symbolic x it is the length, and larger numbers are left out.
        sparse: must be False: there are no sparse tensors.

    Returns:
        int32 (the dtype of weights with them), of shape (n,) or (rows, n).

    Raises:
        ValueError: a symbolic x without `minlength`.
    """
    if sparse:
        raise ValueError("Unsupported value `sparse=True`: pykernels has no sparse tensors")
    x, n = clip(to_indices(x), 0, None), operator.index(minlength)
    if is_symbolic(x):
        if not n:
            raise ValueError("`bincount` of a symbolic tensor needs `minlength`, which is the length of its result")
    else:
        n = max(n, int(np.max(np.asarray(x), initial=-1)) + 1)
    if len(x.shape) == 1:
        counted = np.ones(1, "int32") if weights is None else to_tensor(weights)
        counted = apply("broadcast_to", [counted], shape=(-1 if x.shape[0] is None else x.shape[0],))
        return apply("take_grad", [counted, x], shape=(n,))
    hot = one_hot(x, n, dtype="int32" if weights is None else dtype_of(to_tensor(weights)))
    return sum(hot if weights is None else multiply(hot, reshape(weights, (*x.shape, 1))), -2)


def searchsorted(sorted_sequence, values, side="left"):
    """int32: where to put `values` into an ascending sequence so that it stays ascending.

    Args:
        sorted_sequence: one-dimensional tensor.
        values: tensor of any shape.
        side: `"left"`: before equal elements; `"right"`: behind them.

    Raises:
        ValueError: the sequence has another rank, or another side.
    """
    ordered, values = operands(sorted_sequence, values)
    if len(ordered.shape) != 1:
        raise ValueError(
            "searchsorted only supports 1-D sorted sequences. You can use `keras.ops.vectorized_map` to extend it to "
            f"N-D sequences. Received: sorted_sequence.shape={tuple(ordered.shape)}"
        )
    if side not in ("left", "right"):
        raise ValueError(f"`side` must be 'left' or 'right'. Received: side={side}")
    return apply("searchsorted", [ordered, values], side=side)


def digitize(x, bins):
    """int32: the number of the bin in which each element of x is: i where bins[i - 1] <= x < bins[i].

    Args:
        x: tensor.
        bins: one-dimensional tensor that ascends or descends.
    """
    x, bins = operands(x, bins)
    return apply("digitize", [x, bins])


def histogram(x, bins=10, range=None):
    """How many elements of x are in each of `bins` intervals of one width.

    Args:
        x: one-dimensional tensor.
        bins: int.
        range: (lowest, highest); x's minimum and maximum by default. Elements outside are not counted.

    Returns:
        (counts, edges): floats of shapes (bins,) and (bins + 1,).

    Raises:
        TypeError: `bins` is no int.
        ValueError: `bins` is negative, x has another rank, or `range` is not ascending.
    """
    if not isinstance(bins, int):
        raise TypeError(f"Argument `bins` must be of type `int`. Received: bins={bins}")
    if bins < 0:
        raise ValueError(f"Argument `bins` should be a non-negative integer. Received: bins={bins}")
    x = to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(f"Input tensor must be 1-dimensional. Received: input.shape={tuple(x.shape)}")
    low, high = range or (None, None)
    if range and (len(range) != 2 or high < low):
        raise ValueError(f"range must be a tuple of two elements, the second greater than the first: range={range}")
    return apply("histogram", [x], bins=bins, low=low, high=high)


def isin(x1, x2, assume_unique=False, invert=False):
    """bool, of x1's shape: whether an element is among those of x2, or not (`invert`).

    `assume_unique` says that no element comes twice; the result is the same.
    """
    x1, x2 = operands(x1, x2)
    found = any(equal(reshape(x1, (*x1.shape, 1)), reshape(x2, (1,) * len(x1.shape) + (-1,))), -1)
    return logical_not(found) if invert else found


def _values(name, x):
    if is_symbolic(x):
        raise ValueError(
            f"`{name}` of a symbolic tensor has a result of unknown shape: use `ops.where(condition, x1, x2)`, or call "
            f"`{name}` on arrays"
        )
    return x.numpy() if isinstance(x, Variable) else np.asarray(to_tensor(x))


def nonzero(x):
    """The places of the elements that are not zero: a tuple of int32 arrays, one for each axis.

    Raises:
        ValueError: x is symbolic.
    """
    return tuple(eager(i.astype("int32")) for i in np.nonzero(_values("nonzero", x)))


def unique(
    x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None, fill_value=None
):
    """The different elements of x, or slices along `axis`, in ascending order.

    Args:
        x: array.
        sorted: whether they come in ascending order. They always do.
        return_index: whether to give where each is in x for the first time.
        return_inverse: whether to give, for each element of x, its place in the result.
        return_counts: whether to give how often each is there.
        axis: int; None takes the flattened x.
        size: int: the length of the result, which is cut off, or filled with `fill_value`.
        fill_value: by default the smallest of the elements.

    Returns:
        The array, or a tuple with what was asked for (int32) behind it. NaNs differ from each other.

    Raises:
        ValueError: x is symbolic.
    """
    x = _values("unique", x)
    values, index, inverse, counts = np.unique(x, True, True, True, axis, equal_nan=False)
    inverse = inverse.reshape(x.shape if axis is None else -1)
    if size is not None:
        along = 0 if axis is None else axis
        values = np.moveaxis(values, along, 0)
        missing = size - len(values)
        if missing > 0:
            filler = values[:1] if fill_value is None else np.full_like(values[:1], fill_value)
            values = np.concatenate([values, np.repeat(filler, missing, 0)])
            index = np.concatenate([index, np.repeat(index[:1], missing)])
            counts = np.concatenate([counts, np.zeros(missing, counts.dtype)])
        values, index, counts = np.moveaxis(values[:size], 0, along), index[:size], counts[:size]
    asked = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    found = (eager(values), *(eager(part.astype("int32")) for wanted, part in asked if wanted))
    return found if len(found) > 1 else found[0]
