"""Elements chosen by position: `x[...]`, take, one_hot."""

from __future__ import annotations

import builtins
import operator

import numpy as np

from ..graph import NONDIFFERENTIABLE, Tensor, apply, define
from .array import TO_END, moveaxis, ravel, reshape, transpose
from .shapes import axis_in
from .types import dtype_of, is_float, is_symbolic, passed_on, standardize_dtype, to_indices, to_tensor

__all__ = [
    "get_item",
    "one_hot",
    "take",
]


# --- definitions -----------------------------------------------------------------------------------
def _take_infer(types, attrs):
    (shape, dtype), (indices, _) = types
    return [(indices + shape[1:], dtype)]


define(
    "take",
    infer=_take_infer,
    grad=lambda node, dy: [apply("take_grad", [dy, node.inputs[1]], shape=node.inputs[0].shape), None],
)
define(
    "take_grad",
    infer=lambda types, attrs: [((attrs["shape"][0], *types[0][0][len(types[1][0]) :]), types[0][1])],
    grad=lambda node, dx: [apply("take", [dx, node.inputs[1]], zeros=True), None],
)
define(
    "one_hot",
    infer=lambda types, attrs: [((*types[0][0], attrs["num_classes"]), attrs["dtype"])],
    grad=NONDIFFERENTIABLE,
)


# --- public functions ------------------------------------------------------------------------------
def take(x, indices, axis=None):
    """The elements (or slices) of x at `indices`.

    Args:
        x: tensor.
        indices: integer tensor of any shape; negative ones count from the end. What lies outside [-n, n) gives NaN
            (the lowest integer, the highest uint8, True for those dtypes), as in Keras on JAX.
        axis: int; None takes from the flattened x.

    Returns:
        A tensor of shape x.shape[:axis] + indices.shape + x.shape[axis + 1:], of x's dtype.
    """
    x = ravel(x) if axis is None else to_tensor(x)
    indices = to_indices(indices)
    axis = axis_in(0 if axis is None else axis, len(x.shape))
    if axis == 0:
        return apply("take", [x, indices])
    taken = apply("take", [moveaxis(x, axis, 0), indices])
    k = len(indices.shape)
    # taken: indices..., then x's axes without `axis`
    order = (*range(k, k + axis), *range(k), *range(k + axis, len(taken.shape)))
    return transpose(taken, order)


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at each index of x along a new axis of extent `num_classes`, 0 elsewhere.

    Args:
        x: integer tensor. An index outside [0, num_classes) gives zeros.
        num_classes: int.
        axis: where the new axis is in the result.
        dtype: of the result; `floatx()` by default.
        sparse: must be False: there are no sparse tensors.

    Returns:
        A tensor with one dimension more than x.
    """
    if sparse:
        raise ValueError("Unsupported value `sparse=True`: pykernels has no sparse tensors")
    x = to_indices(x)
    hot = apply("one_hot", [x], num_classes=operator.index(num_classes), dtype=standardize_dtype(dtype))
    axis = axis_in(axis, len(hot.shape))
    return moveaxis(hot, -1, axis)


def get_item(x, key):
    """`x[key]` for ints, slices, `...`, None, and one integer array or tensor in the first place.

    Raises:
        IndexError: an index outside of a known extent, or too many indices.
        ValueError: a boolean mask (its result has no shape before it runs), or a position counted from the end of an
            axis of unknown extent.
    """
    if isinstance(key, (list, np.ndarray, Tensor)) or hasattr(key, "storage"):
        return _get_rows(x, key)
    key = key if isinstance(key, tuple) else (key,)
    if key and (isinstance(key[0], (list, Tensor)) or (isinstance(key[0], np.ndarray) and key[0].ndim)):
        rows = _get_rows(x, key[0])
        rank = len(rows.shape) - len(x.shape) + 1
        rest = key[1:]
        return get_item(rows, (builtins.slice(None),) * rank + rest) if rest else rows
    return _get_basic(to_tensor(x), key)


def _get_rows(x, indices):
    indices = to_tensor(indices)
    if dtype_of(indices) == "bool":
        raise ValueError("a boolean mask gives a result of unknown shape; use `ops.where`, or NumPy on arrays")
    if is_float(dtype_of(indices)):
        raise IndexError(f"indices must be integers, got dtype {dtype_of(indices)}")
    return take(x, indices, axis=0)


def _get_basic(x, key):
    used = sum(1 for k in key if k is not None and k is not Ellipsis)
    if used > len(x.shape):
        raise IndexError(f"too many indices: the tensor has shape {x.shape}, and {used} were given")
    if sum(1 for k in key if k is Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if Ellipsis not in [k for k in key if k is None or k is Ellipsis]:
        key = (*key, Ellipsis)
    start, stop, step, shape = [], [], [], []
    for k in key:
        if k is None:
            shape.append("new")
            continue
        parts = [builtins.slice(None)] * (len(x.shape) - used) if k is Ellipsis else [k]
        for part in parts:
            bounds, drop = _bounds(part, x.shape[len(start)], len(start))
            for values, value in zip((start, stop, step), bounds, strict=True):
                values.append(value)
            shape.append("drop" if drop else "keep")
    whole = all(
        b == (0, TO_END, 1) or (b[0] == 0 and b[1] == n and b[2] == 1)
        for b, n in zip(zip(start, stop, step, strict=True), x.shape, strict=True)
    )
    y = x if whole else apply("slice", [x], start=tuple(start), stop=tuple(stop), step=tuple(step))
    if all(s == "keep" for s in shape):
        return passed_on(x) if whole else y
    dims = iter(y.shape)
    return reshape(y, tuple(d for s in shape for d in ((1,) if s == "new" else _dim(next(dims), s))))


def _dim(d, what):
    return () if what == "drop" else (d,)


def _bounds(part, n, axis):
    """(start, stop, step) of one index, and whether its axis is dropped."""
    if isinstance(part, builtins.slice):
        if n is not None:
            return part.indices(n), False
        start, stop, step = part.start or 0, part.stop, part.step or 1
        if start < 0 or step < 0 or (stop is not None and stop < 0):
            raise ValueError(f"axis {axis} has an unknown extent: it cannot be indexed from its end with {part}")
        return (start, TO_END if stop is None else stop, step), False
    if is_symbolic(part) or isinstance(part, (bool, np.bool_)) or not hasattr(part, "__index__"):
        raise IndexError(
            f"only integers, slices (`:`), ellipsis (`...`) and None are valid indices at axis {axis}, got {part!r}; "
            "for an array of indices use `ops.take`"
        )
    i = operator.index(part)
    if n is None:
        if i < 0:
            raise ValueError(f"axis {axis} has an unknown extent: it cannot be indexed from its end with {i}")
    elif not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    else:
        i %= n
    return (i, i + 1, 1), True
