"""Repeating, reversing, cutting out and padding."""

from __future__ import annotations

import operator

from ..graph import apply
from .array import TO_END, broadcast_to, concatenate, expand_dims, ravel, reshape, reshape_from, slice_axis
from .shapes import axes_in, axis_in, size_of
from .types import passed_on, to_tensor

__all__ = [
    "flip",
    "pad",
    "repeat",
    "roll",
    "slice",
    "tile",
]


def _repeat_rows(x, rows, repeats: int, inner, shape):
    """x as (rows, inner) with each row `repeats` times in a row, in the final `shape`."""
    x = reshape(x, (rows, 1, inner))
    return reshape(broadcast_to(x, (rows, repeats, inner)), shape)


def _repeat_axis(x, axis: int, times: int, whole: bool):
    """x with each element along an axis repeated, or (`whole`) the axis as a whole; for several unknown extents."""
    new = axis + (not whole)
    wide = expand_dims(x, new)
    wide = broadcast_to(wide, tuple(times if i == new else d for i, d in enumerate(wide.shape)))
    dims = [d if d is None or i != axis else d * times for i, d in enumerate(x.shape)]
    sources = [None if i == axis else i + (i > axis) for i in range(len(x.shape))]
    return reshape_from(wide, tuple(dims), sources)


def _outer_inner(shape, axis):
    return size_of(tuple(shape[:axis])), size_of(tuple(shape[axis + 1 :]))


def repeat(x, repeats, axis=None):
    """Each element along `axis` repeated.

    Args:
        x: tensor.
        repeats: int, or a sequence with one count per element along the axis.
        axis: int; None repeats the elements of the flattened tensor.

    Raises:
        ValueError: the number of counts is not the extent of the axis.
    """
    x = ravel(x) if axis is None else to_tensor(x)
    axis = 0 if axis is None else axis_in(axis, len(x.shape))
    shape, n = tuple(x.shape), x.shape[axis]
    counts = [operator.index(r) for r in repeats] if hasattr(repeats, "__iter__") else [operator.index(repeats)]
    if len(counts) > 1:
        if len(counts) != n:
            raise ValueError(f"`repeats` has {len(counts)} counts for an axis of extent {n}")
        parts = [slice_axis(x, axis, i, i + 1) for i, r in enumerate(counts) for _ in range(r)]
        return concatenate(parts, axis) if parts else slice_axis(x, axis, 0, 0)
    if shape.count(None) > 1:
        return _repeat_axis(x, axis, counts[0], whole=False)
    outer, inner = _outer_inner(shape, axis)
    rows = None if outer is None or n is None else outer * n
    repeated = None if n is None else n * counts[0]
    return _repeat_rows(x, rows, counts[0], inner, (*shape[:axis], repeated, *shape[axis + 1 :]))


def tile(x, repeats):
    """x put side by side `repeats[i]` times along each axis; missing counts or axes count as 1."""
    x = to_tensor(x)
    counts = list(repeats) if hasattr(repeats, "__iter__") else [repeats]
    rank = max(len(counts), len(x.shape))
    counts = [1] * (rank - len(counts)) + [operator.index(r) for r in counts]
    shape = [1] * (rank - len(x.shape)) + list(x.shape)
    if all(r == 1 or d == 1 for r, d in zip(counts, shape, strict=True)):
        return broadcast_to(x, [d if r == 1 else r for r, d in zip(counts, shape, strict=True)])
    x = reshape(x, shape) if len(shape) != len(x.shape) else x
    for axis, r in enumerate(counts):
        if r != 1 and shape.count(None) > 1:
            x = _repeat_axis(x, axis, r, whole=True)
            shape[axis] = x.shape[axis]
        elif r != 1:
            outer, inner = _outer_inner(tuple(shape), axis)
            inner = None if inner is None or shape[axis] is None else inner * shape[axis]
            shape[axis] = None if shape[axis] is None else shape[axis] * r
            x = _repeat_rows(x, outer, r, inner, shape)
    return x


def flip(x, axis=None):
    """x in reverse order along `axis` (int or tuple; None: all)."""
    x = to_tensor(x)
    axes = axes_in(axis, len(x.shape))
    last = [TO_END if d is None else d - 1 for d in x.shape]
    start = tuple(last[i] if i in axes else 0 for i in range(len(x.shape)))
    stop = tuple(-1 if i in axes else TO_END for i in range(len(x.shape)))
    return apply("slice", [x], start=start, stop=stop, step=tuple(-1 if i in axes else 1 for i in range(len(x.shape))))


def roll(x, shift, axis=None):
    """x with elements moved `shift` places along `axis`, wrapping round; None rolls the flattened tensor."""
    x = to_tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axis = axis_in(axis, len(x.shape))
    n = x.shape[axis]
    if n is None:
        raise ValueError(f"Cannot roll an axis of unknown extent. Received: axis={axis}, x.shape={x.shape}")
    cut = -operator.index(shift) % n if n else 0
    return concatenate([slice_axis(x, axis, cut, n), slice_axis(x, axis, 0, cut)], axis) if cut else passed_on(x)


def slice(inputs, start_indices, shape):  # noqa: A001 - Keras's name
    """The part of `inputs` that begins at `start_indices` (ints) and has `shape`; -1 takes the rest of an axis.

    Raises:
        ValueError: the part reaches past the end.
    """
    x = to_tensor(inputs)
    start = tuple(operator.index(s) for s in start_indices)
    stop = tuple(TO_END if d in (-1, None) else s + operator.index(d) for s, d in zip(start, shape, strict=True))
    ends = zip(start, stop, x.shape, strict=True)
    if any(a < 0 or (n is not None and (a > n or n < b < TO_END)) for a, b, n in ends):
        raise ValueError(
            f"the slice with start_indices={start} and shape={tuple(shape)} is not inside inputs of shape {x.shape}"
        )
    return apply("slice", [x], start=start, stop=stop, step=(1,) * len(start))


def pad(x, pad_width, mode="constant", constant_values=None):
    """x with elements added at the ends of its axes.

    Args:
        x: tensor.
        pad_width: int; (before, after) for every axis; or one such pair per axis.
        mode: `"constant"`, `"reflect"` or `"symmetric"`.
        constant_values: number for `"constant"`, default 0.

    Raises:
        ValueError: another mode, or `constant_values` with one that has no constant.
    """
    x = to_tensor(x)
    rank = len(x.shape)
    widths = _pad_widths(pad_width, rank)
    if mode == "constant":
        before, after = (tuple(w[i] for w in widths) for i in (0, 1))
        value = 0.0 if constant_values is None else float(constant_values)
        return apply("pad", [x], before=before, after=after, value=value)
    if constant_values is not None:
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: mode={mode}, constant_values={constant_values}"
        )
    if mode not in ("reflect", "symmetric"):
        raise ValueError(f"`mode` must be 'constant', 'reflect' or 'symmetric'. Received: mode={mode!r}")
    y = x
    for axis, (before, after) in enumerate(widths):
        y = _mirror(y, axis, before, after, edge=mode == "symmetric") if before or after else y
    return passed_on(x) if y is x else y


def _pad_widths(pad_width, rank):
    if hasattr(pad_width, "__index__"):
        return [(operator.index(pad_width),) * 2] * rank
    pairs = [tuple(p) if hasattr(p, "__iter__") else p for p in pad_width]
    if len(pairs) == 2 and all(hasattr(p, "__index__") for p in pairs):
        pairs = [tuple(pairs)]
    if len(pairs) == 1:
        pairs = [pairs[0] * (2 // len(pairs[0]))] * rank
    if len(pairs) != rank or any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise ValueError(f"`pad_width` must be one pair (before, after) per axis of {rank}, got {pad_width}")
    return [tuple(operator.index(v) for v in p) for p in pairs]


def _mirror(x, axis, before, after, edge):
    n = x.shape[axis]
    most = n if edge else n - 1
    if max(before, after) > most:
        raise ValueError(f"axis {axis} of extent {n} can be mirrored by at most {most} elements, got {before}, {after}")
    first = 0 if edge else 1
    left = flip(slice_axis(x, axis, first, first + before), axis)
    right = flip(slice_axis(x, axis, n - first - after, n - first), axis)
    return concatenate([left, x, right], axis)
