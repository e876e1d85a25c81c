"""Arrays taken apart, joined, turned: diagonals, sections, grids, rotations."""

from __future__ import annotations

import math
import operator

import numpy as np

from ..graph import apply, eager
from .array import broadcast_to, concatenate, expand_dims, moveaxis, ravel, reshape, split, stack, swapaxes, transpose
from .binary import add, floor_divide, mod, multiply, power, where
from .indexing import take
from .layout import flip, pad
from .reduction import sum  # noqa: A004 - Keras's name
from .shapes import axis_in
from .types import dtype_of, number_like, operands, to_indices, to_tensor

__all__ = [
    "append",
    "array_split",
    "diag",
    "diagflat",
    "diagonal",
    "dsplit",
    "dstack",
    "fliplr",
    "flipud",
    "hsplit",
    "kron",
    "meshgrid",
    "rot90",
    "select",
    "trace",
    "unravel_index",
    "vander",
    "vsplit",
]


def append(x1, x2, axis=None):
    """x2 behind x1 along `axis`; None joins both flattened."""
    x1, x2 = operands(to_tensor(x1), to_tensor(x2))
    return concatenate([ravel(x1), ravel(x2)], 0) if axis is None else concatenate([x1, x2], axis)


def array_split(x, indices_or_sections, axis=0):
    """x cut into parts along an axis, of nearly one length: the first ones are one longer where it does not divide.

    Args:
        x: tensor.
        indices_or_sections: int, the number of parts; or a sequence of the indices at which to cut.
        axis: int.
    """
    x = to_tensor(x)
    if not hasattr(indices_or_sections, "__index__"):
        return split(x, indices_or_sections, axis)
    n, parts = x.shape[axis_in(axis, len(x.shape))], operator.index(indices_or_sections)
    if n is None or parts < 1:
        raise ValueError(f"Cannot split axis {axis} of x.shape={tuple(x.shape)} into {parts} parts")
    each, more = divmod(n, parts)
    return split(x, list(np.cumsum([each + 1] * more + [each] * (parts - more))[:-1]), axis)


def _split_along(name, axis, least):
    def function(x, indices_or_sections):
        x = to_tensor(x)
        if len(x.shape) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions. Received: {tuple(x.shape)}")
        return split(x, indices_or_sections, min(axis, len(x.shape) - 1))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`split` along axis {axis}."
    return function


vsplit = _split_along("vsplit", 0, 2)
hsplit = _split_along("hsplit", 1, 1)
dsplit = _split_along("dsplit", 2, 3)


def dstack(xs):
    """Tensors joined along axis 2; those of fewer dimensions become (1, n, 1) or (m, n, 1) first."""
    return concatenate([_three_dimensions(to_tensor(x)) for x in xs], 2)


def _three_dimensions(x):
    if len(x.shape) >= 3:
        return x
    return expand_dims(x, -1) if len(x.shape) == 2 else reshape(x, (1, -1, 1))


def diagonal(x, offset=0, axis1=0, axis2=1):
    """The elements on the diagonal of two axes, along a new last axis.

    Args:
        x: tensor of rank 2 or more.
        offset: int: above (positive) or below the main diagonal.
        axis1, axis2: the axes, which the result lacks.

    Raises:
        ValueError: x has fewer axes, both are one, or an extent is unknown.
    """
    x = to_tensor(x)
    rank = len(x.shape)
    if rank < 2:
        raise ValueError(f"`diagonal` requires an array of at least two dimensions, but `x` is of shape {x.shape}")
    a, b = axis_in(axis1, rank, "axis1"), axis_in(axis2, rank, "axis2")
    if a == b or None in (x.shape[a], x.shape[b]):
        raise ValueError(f"`diagonal` needs two axes of known extents: {a}, {b} of x.shape={tuple(x.shape)}")
    rows, columns = x.shape[a], x.shape[b]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    others = [i for i in range(rank) if i not in (a, b)]
    moved = transpose(x, (a, b, *others))
    flat = reshape(moved, (rows * columns, *(moved.shape[2:])))
    first = max(-offset, 0) * columns + max(offset, 0)
    places = (first + np.arange(length) * (columns + 1)).astype("int32")
    return moveaxis(take(flat, places, axis=0), 0, -1)


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of `diagonal(x, offset, axis1, axis2)`; bool and uint8 give int32."""
    return sum(diagonal(x, offset, axis1, axis2), -1)


def _embedded(x, k):
    """(..., n) as the k-th diagonal of (..., n + |k|, n + |k|), zeros elsewhere."""
    n = x.shape[-1]
    if n is None:
        raise ValueError(f"A diagonal needs a known extent. Received: x.shape={tuple(x.shape)}")
    size = n + abs(k)
    spread = where(np.eye(n, dtype=bool), expand_dims(x, -1), number_like(0, x))
    before, after = (max(-k, 0), max(k, 0)), (max(k, 0), max(-k, 0))
    widths = [(0, 0)] * (len(x.shape) - 1) + [(before[0], before[1]), (after[0], after[1])]
    return pad(spread, widths) if k else reshape(spread, (*x.shape[:-1], size, size))


def diag(x, k=0):
    """A matrix with the vector x on its k-th diagonal, or the k-th diagonal of the matrix x.

    Raises:
        ValueError: x has another rank.
    """
    x = to_tensor(x)
    if len(x.shape) == 1:
        return _embedded(x, operator.index(k))
    if len(x.shape) == 2:
        return diagonal(x, operator.index(k))
    raise ValueError(f"`x` must be 1-D or 2-D. Received: x.shape={tuple(x.shape)}")


def diagflat(x, k=0):
    """A matrix with the elements of x on its k-th diagonal."""
    return _embedded(ravel(x), operator.index(k))


def fliplr(x):
    """x in reverse order along axis 1."""
    return _flipped("fliplr", x, 1)


def flipud(x):
    """x in reverse order along axis 0."""
    return _flipped("flipud", x, 0)


def _flipped(name, x, axis):
    x = to_tensor(x)
    if len(x.shape) <= axis:
        raise ValueError(f"{name} needs an array of {axis + 1} or more dimensions. Received: x.shape={tuple(x.shape)}")
    return flip(x, axis)


def rot90(array, k=1, axes=(0, 1)):
    """`array` turned k times by 90 degrees in the plane of two axes, from the first towards the second.

    Raises:
        ValueError: fewer than two dimensions, or not two different axes.
    """
    x = to_tensor(array)
    if len(x.shape) < 2:
        raise ValueError(
            f"Input array must have at least 2 dimensions. Received: array.ndim={len(x.shape)}, expected >= 2"
        )
    if len(axes) != 2 or axis_in(axes[0], len(x.shape)) == axis_in(axes[1], len(x.shape)):
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    a, b = (axis_in(i, len(x.shape)) for i in axes)
    turns = operator.index(k) % 4
    if turns == 2:
        return flip(x, (a, b))
    if turns == 1:
        return flip(swapaxes(x, a, b), a)
    return swapaxes(flip(x, a), a, b) if turns else add(x, number_like(0, x))


def meshgrid(*x, indexing="xy"):
    """A grid of the coordinates in each of the vectors: a list of tensors of one shape.

    Args:
        x: scalars and vectors.
        indexing: `"xy"`: the first two axes are exchanged; `"ij"`: they are not.

    Raises:
        ValueError: another indexing, or a tensor of more dimensions.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Valid values for indexing are 'xy' and 'ij', but {indexing} was passed.")
    parts = [to_tensor(part) for part in x]
    if any(len(part.shape) > 1 for part in parts):
        raise ValueError("meshgrid takes scalars and vectors, got shapes " + str([tuple(p.shape) for p in parts]))
    parts = [reshape(part, (-1,)) for part in parts]
    shape = tuple(part.shape[0] for part in parts)
    grid = [
        broadcast_to(reshape(part, (1,) * i + (-1,) + (1,) * (len(parts) - i - 1)), shape)
        for i, part in enumerate(parts)
    ]
    return [swapaxes(g, 0, 1) for g in grid] if indexing == "xy" and len(grid) > 1 else grid


def kron(x1, x2):
    """The Kronecker product: blocks of x2, each times an element of x1; the smaller rank gets leading ones."""
    x1, x2 = operands(to_tensor(x1), to_tensor(x2))
    rank = max(len(x1.shape), len(x2.shape))
    x1, x2 = (reshape(x, (*(1,) * (rank - len(x.shape)), *x.shape)) for x in (x1, x2))
    left = expand_dims(x1, tuple(range(1, 2 * rank, 2))) if rank else x1
    right = expand_dims(x2, tuple(range(0, 2 * rank, 2))) if rank else x2
    return reshape(multiply(left, right), tuple(a * b for a, b in zip(x1.shape, x2.shape, strict=True)))


def select(condlist, choicelist, default=0):
    """The element of the first choice whose condition is true; `default` where none is.

    Raises:
        ValueError: there are not as many conditions as choices, or none.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            "condlist must have length equal to choicelist, and at least 1. "
            f"Received: {len(condlist)} conditions, {len(choicelist)} choices"
        )
    *choices, chosen = operands(*choicelist, default)
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        chosen = where(condition, choice, chosen)
    return chosen


def unravel_index(indices, shape):
    """The places, axis by axis, that numbers of elements mean in an array of `shape`: a tuple of integer tensors.

    Negative numbers count from the end; what lies outside is moved to the nearest end, as in Keras on JAX.
    """
    from_end = to_tensor(indices)
    flat = to_indices(from_end)
    total = math.prod(shape)
    flat = where(apply("less", [flat, 0]), add(flat, total), flat)
    flat = apply("minimum", [apply("maximum", [flat, np.int32(0)]), np.int32(total - 1)])
    places = []
    for extent in reversed(tuple(shape)):
        places.insert(0, mod(flat, int(extent)))
        flat = floor_divide(flat, int(extent))
    dtype = "int32" if dtype_of(from_end) == "bool" else dtype_of(from_end)
    return tuple(eager(to_tensor(p, dtype)) for p in places)


def vander(x, N=None, increasing=False):  # noqa: N803 - Keras's names
    """The powers of the elements of a vector, a row for each: from N - 1 down to 0, or up (`increasing`).

    Raises:
        ValueError: x has another rank, or N is negative.
    """
    x = to_tensor(x)
    if len(x.shape) != 1:
        raise ValueError(f"Input tensor must be 1-D. Received: input.shape={tuple(x.shape)}")
    if N is not None and (not isinstance(N, int) or N < 0):
        raise (TypeError if not isinstance(N, int) else ValueError)(
            f"Argument `N` must be an int from 0. Received: {N}"
        )
    n = x.shape[0] if N is None else N
    x = to_tensor(x, "int32") if dtype_of(x) == "bool" else x
    columns = [power(x, 0) if i == 0 else x if i == 1 else power(x, i) for i in range(n)]
    ordered = columns if increasing else columns[::-1]
    return stack(ordered, -1) if ordered else eager(np.zeros((x.shape[0], 0), dtype_of(x)))
