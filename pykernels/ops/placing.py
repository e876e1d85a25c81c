"""Elements put at, added to or taken from given places: take_along_axis, scatter, slice_update, segments."""

# ruff: noqa: A002 - Keras's names of arguments
from __future__ import annotations

import operator

import numpy as np

from ..graph import apply, define, dtype_of
from .array import broadcast_to, moveaxis, ravel, reshape
from .binary import add, equal, greater_equal, less, logical_and, maximum, minimum, multiply, subtract, where
from .elementwise import clip
from .indexing import take
from .layout import pad
from .reduction import max, min, prod  # noqa: A004 - Keras's names
from .shapes import axis_in, broadcast, size_of
from .types import is_float, is_symbolic, number_like, to_indices, to_tensor

__all__ = [
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "slice_update",
    "take_along_axis",
]


# --- definitions -----------------------------------------------------------------------------------
def _pick_infer(types, attrs):
    (x, dtype), (index, _) = types
    return [((*(a if a is not None else b for a, b in zip(x[:-1], index[:-1], strict=True)), index[-1]), dtype)]


define(
    "take_along_axis",
    infer=_pick_infer,
    grad=lambda node, dy: [
        apply("take_along_axis_grad", [dy, node.inputs[1]], n=node.inputs[0].shape[-1]),
        None,
    ],
)
define(
    "take_along_axis_grad",
    infer=lambda types, attrs: [((*types[0][0][:-1], attrs["n"]), types[0][1])],
    grad=lambda node, dx: [apply("take_along_axis", [dx, node.inputs[1]], zeros=True), None],
)


# --- public functions ------------------------------------------------------------------------------
def take_along_axis(x, indices, axis=None):
    """The elements of x at `indices` along one axis.

    Args:
        x: tensor.
        indices: integer tensor of x's rank; the other axes broadcast with those of x. Negative ones count from the
            end; what lies outside gives NaN (the lowest integer, the highest uint8, True), as in Keras on JAX.
        axis: int; None takes from the flattened x with flattened indices.

    Raises:
        ValueError: the ranks differ.
    """
    x, indices = to_tensor(x), to_indices(indices)
    if axis is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    if len(x.shape) != len(indices.shape):
        raise ValueError(
            "`indices` and `x` must have the same rank. "
            f"Received: x.shape={tuple(x.shape)}, indices.shape={tuple(indices.shape)}"
        )
    axis = axis_in(axis, len(x.shape))
    if axis != len(x.shape) - 1:
        return moveaxis(take_along_axis(moveaxis(x, axis, -1), moveaxis(indices, axis, -1), -1), -1, axis)
    lead = broadcast(tuple(x.shape[:-1]), tuple(indices.shape[:-1]))
    x, indices = broadcast_to(x, (*lead, x.shape[-1])), broadcast_to(indices, (*lead, indices.shape[-1]))
    return apply("take_along_axis", [x, indices])


def _row_numbers(indices, extents):
    """Indices (..., k) into axes of these extents as numbers of rows; -1 where one lies outside."""
    parts = [reshape(part, (-1,)) for part in _last_parts(indices)]
    number, inside = None, None
    for part, extent in zip(parts, extents, strict=True):
        part = where(less(part, 0), add(part, extent), part)
        fits = logical_and(greater_equal(part, 0), less(part, extent))
        number = part if number is None else add(multiply(number, extent), part)
        inside = fits if inside is None else logical_and(inside, fits)
    return where(inside, number, -(2**31))


def _last_parts(x):
    moved = moveaxis(x, -1, 0)
    return [take(moved, i, axis=0) for i in range(moved.shape[0])]


def scatter(indices, values, shape):
    """Zeros to which values are added at indices.

    Args:
        indices: integer tensor (..., k): places in the first k axes of the result. Negative ones count from the end;
            what lies outside is left out.
        values: tensor of shape indices.shape[:-1] + shape[k:].
        shape: ints, the shape of the result.

    Returns:
        A tensor of `shape`, of the dtype of values. Values at equal places are summed in their order.

    Raises:
        ValueError: the shapes do not fit.
    """
    indices, values = to_indices(indices), to_tensor(values)
    shape = tuple(operator.index(d) for d in shape)
    k = indices.shape[-1]
    if k > len(shape) or len(values.shape) != len(indices.shape) - 1 + len(shape) - k:
        raise ValueError(
            "`values` must have the shape indices.shape[:-1] + shape[indices.shape[-1]:]. Received: "
            f"indices.shape={tuple(indices.shape)}, values.shape={tuple(values.shape)}, shape={shape}"
        )
    rows = _row_numbers(indices, shape[:k])
    return reshape(_add_rows(values, rows, size_of(shape[:k]), shape[k:]), shape)


def _add_rows(values, rows, n, inner):
    """(n, *inner): the sums of the values whose row number it is."""
    dtype = dtype_of(values)
    wide = to_tensor(values, "int32") if dtype in ("bool", "uint8") else values
    flat = reshape(wide, (rows.shape[0] if rows.shape[0] is not None else -1, *inner))
    return to_tensor(apply("take_grad", [flat, rows], shape=(n, *inner)), dtype)


def scatter_update(inputs, indices, updates, reduction=None):
    """`inputs` with updates at indices.

    Args:
        inputs: tensor.
        indices: integer tensor (n, k): places in the first k axes of inputs. Negative ones count from the end; what
            lies outside is left out.
        updates: tensor of shape (n,) + inputs.shape[k:], or one that broadcasts to it.
        reduction: None: the last update at a place replaces the element; `"add"`, `"mul"`, `"max"` or `"min"`: all of
            them are combined with it.

    Returns:
        A tensor of the shape and dtype of inputs.

    Raises:
        ValueError: another reduction.
    """
    inputs, indices = to_tensor(inputs), to_indices(indices)
    if reduction not in (None, "add", "mul", "max", "min"):
        raise ValueError(f"Unsupported reduction: {reduction}")
    dtype, shape = dtype_of(inputs), tuple(inputs.shape)
    updates, k = to_tensor(updates, dtype), indices.shape[-1]
    updates = broadcast_to(updates, (indices.shape[0], *shape[k:]))
    rows = _row_numbers(indices, shape[:k])
    n = size_of(shape[:k])
    flat = reshape(inputs, (n, *shape[k:]))
    if reduction == "add":
        return to_tensor(reshape(add(flat, _add_rows(updates, rows, n, shape[k:])), shape), dtype)
    if reduction is None:
        return reshape(_replaced(flat, rows, updates, n), shape)
    return to_tensor(reshape(_combined(flat, rows, updates, n, reduction), shape), dtype)


def _replaced(flat, rows, updates, n):
    """The last of the updates of each row, and the row where there is none."""
    m = rows.shape[0]
    if m is None:
        raise ValueError("`scatter_update` needs a known number of indices")
    last = _segment("max", np.arange(m, dtype="int32"), rows, n)
    untouched = less(last, 0)
    chosen = take(updates, where(untouched, 0, last), axis=0) if m else flat
    return where(reshape(untouched, (n, *(1,) * (len(flat.shape) - 1))), flat, chosen)


def _combined(flat, rows, updates, n, reduction):
    if reduction == "mul":
        return multiply(flat, _segment("prod", updates, rows, n))
    return (maximum if reduction == "max" else minimum)(flat, _segment(reduction, updates, rows, n))


_NEUTRAL = {"max": -np.inf, "min": np.inf, "prod": 1}
_REDUCE = {"max": max, "min": min, "prod": prod}


def _neutral(name, dtype):
    if name == "prod" or is_float(dtype):
        return _NEUTRAL[name]
    limits = np.iinfo("uint8" if dtype == "bool" else dtype)
    return limits.min if name == "max" else limits.max


def _segment_host(data, ids, reduction, n):
    neutral = _neutral(reduction, dtype_of(data))
    out = np.full((n, *data.shape[1:]), neutral, data.dtype)
    kept = (ids >= 0) & (ids < n)
    {"max": np.maximum, "min": np.minimum, "prod": np.multiply}[reduction].at(out, ids[kept], data[kept])
    return out


def _segment_infer(types, attrs):
    (shape, dtype), _ = types
    return [((attrs["n"], *shape[1:]), dtype)]


def _segment_grad(node, dy):
    """Of max and min: shared between the elements that attain it; of prod: the product of the others."""
    (data, ids), y, name, n = node.inputs, node.outputs[0], node.attrs["reduction"], node.attrs["n"]
    inside = logical_and(greater_equal(ids, 0), less(ids, n))
    at = where(inside, ids, 0)
    mask = reshape(inside, (-1, *(1,) * (len(data.shape) - 1)))
    if name == "prod":
        zero = equal(data, 0.0)
        filled = where(zero, number_like(1, data), data)
        zeros_in = apply("take_grad", [to_tensor(zero, dtype_of(data)), ids], shape=tuple(y.shape))
        others = apply("segment", [filled, ids], reduction="prod", n=n)
        only = equal(subtract(take(zeros_in, at, axis=0), to_tensor(zero, dtype_of(data))), 0.0)
        slope = where(only, take(others, at, axis=0) / filled, number_like(0, data))
    else:
        hit = equal(data, take(y, at, axis=0))
        hits = apply("take_grad", [to_tensor(hit, dtype_of(data)), ids], shape=tuple(y.shape))
        share = take(maximum(hits, 1.0), at, axis=0)
        slope = where(hit, 1.0 / share, number_like(0, data))
    return [where(mask, multiply(take(dy, at, axis=0), slope), number_like(0, data)), None]


define("segment", infer=_segment_infer, grad=_segment_grad, host=_segment_host)


def _segment(name, data, ids, n):
    return apply("segment", [data, ids], reduction=name, n=n)


def _segments(name, data, segment_ids, num_segments):
    data, ids = to_tensor(data), to_indices(segment_ids)
    if len(ids.shape) != 1 or not data.shape:
        raise ValueError(
            "Argument `segment_ids` should be an 1-D vector. Received: "
            f"segment_ids.shape={tuple(ids.shape)}, data.shape={tuple(data.shape)}"
        )
    if num_segments is None:
        if is_symbolic(ids):
            raise ValueError(f"Argument `num_segments` must be set for a symbolic tensor: segment_{name}")
        num_segments = int(np.max(np.asarray(ids), initial=-1)) + 1
    return _segment(name, data, ids, operator.index(num_segments))


def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """As `segment_sum`, the maxima; the lowest value of the dtype (-inf) for a segment without rows."""
    return _segments("max", data, segment_ids, num_segments)


def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """As `segment_sum`, the minima; the highest value of the dtype (inf) for a segment without rows."""
    return _segments("min", data, segment_ids, num_segments)


def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """As `segment_sum`, the products; 1 for a segment without rows."""
    return _segments("prod", data, segment_ids, num_segments)


def slice_update(inputs, start_indices, updates):
    """`inputs` with the part that begins at `start_indices` replaced by `updates`.

    Args:
        inputs: tensor.
        start_indices: an int, or a scalar integer tensor, per axis. A start from which the updates would reach past
            the end is moved back, as in Keras on JAX.
        updates: tensor of the rank of inputs, no longer along any axis.

    Raises:
        ValueError: the ranks or extents do not fit.
    """
    inputs = to_tensor(inputs)
    updates, rank = to_tensor(updates, dtype_of(inputs)), len(inputs.shape)
    starts = _starts(start_indices)
    if len(updates.shape) != rank or len(starts) != rank:
        raise ValueError(
            f"`start_indices` and `updates` must have one entry per axis of inputs.shape={tuple(inputs.shape)}. "
            f"Received: {len(starts)} starts, updates.shape={tuple(updates.shape)}"
        )
    mask = None
    for axis, start in enumerate(starts):
        updates, here = _shifted(updates, inputs.shape[axis], axis, start, rank)
        if here is not None:
            mask = here if mask is None else logical_and(mask, here)
    return updates if mask is None else where(mask, updates, inputs)


def _starts(start_indices):
    if is_symbolic(start_indices):
        return [take(start_indices, i, axis=0) for i in range(start_indices.shape[0])]
    return [s if is_symbolic(s) else operator.index(np.asarray(s)[()]) for s in start_indices]


def _shifted(updates, extent, axis, start, rank):
    """The updates at their place along an axis of the inputs, and where they are (None: everywhere)."""
    length = updates.shape[axis]
    if length == extent:
        return updates, None
    if extent is None or length is None or length > extent:
        raise ValueError(f"updates of extent {length} do not fit in the extent {extent} of axis {axis}")
    column = (1,) * axis + (-1,) + (1,) * (rank - axis - 1)
    if not is_symbolic(start):
        start = int(np.clip(start + extent if start < 0 else start, 0, extent - length))
        places = np.arange(extent)
        widths = [(0, 0)] * rank
        widths[axis] = (start, extent - length - start)
        return pad(updates, widths), ((places >= start) & (places < start + length)).reshape(column)
    start = clip(where(less(start, 0), add(start, extent), start), 0, extent - length)
    places = subtract(np.arange(extent, dtype="int32"), to_indices(start))
    here = logical_and(greater_equal(places, 0), less(places, length))
    return take(updates, clip(places, 0, length - 1), axis=axis), reshape(here, column)
