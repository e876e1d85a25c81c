"""Shapes in which None is an unknown extent (the batch), and axes."""

from __future__ import annotations

import math

import numpy as np

from ..graph import apply


def dims_of(shape) -> tuple:
    """A shape given as an int, a sequence of ints (and None), or an array of ints, as `tf.shape` gives it."""
    if isinstance(shape, np.ndarray) and shape.ndim:
        return tuple(int(d) for d in shape)
    return (shape,) if hasattr(shape, "__index__") else tuple(shape)


def broadcast(a: tuple, b: tuple) -> tuple:
    """NumPy's broadcast shape. Raises ValueError naming both shapes."""
    n = max(len(a), len(b))
    out = []
    for x, y in zip((1,) * (n - len(a)) + tuple(a), (1,) * (n - len(b)) + tuple(b), strict=True):
        if x == 1 or (x is None and y != 1):
            out.append(y)
        elif y == 1 or y is None or x == y:
            out.append(x)
        else:
            raise ValueError(
                f"Cannot broadcast shape, the failure dim has value {y}, which cannot be broadcasted "
                f"to {x}. Input shapes are: {tuple(a)} and {tuple(b)}."
            )
    return tuple(out)


def axis_in(axis, rank: int, name: str = "axis") -> int:
    """`axis` counted from the front. Raises ValueError when a tensor of this rank has no such axis."""
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise ValueError(f"`{name}` must be an integer, got {axis!r}")
    index = axis.__index__()
    if not -rank <= index < rank:
        raise ValueError(f"axis {index} is out of bounds for array of dimension {rank} (argument `{name}`)")
    return index % rank


def axes_in(axis, rank: int, name: str = "axis") -> tuple:
    """All axes for None; a sorted tuple of distinct axes, counted from the front, otherwise."""
    if axis is None:
        return tuple(range(rank))
    axes = [axis_in(a, rank, name) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in `{name}`: {axis}")
    return tuple(sorted(axes))


def size_of(shape: tuple):
    """Number of elements, or None when an extent is unknown."""
    return None if None in shape else math.prod(shape)


def reduced(shape: tuple, axes: tuple, keepdims: bool) -> tuple:
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def known(shape) -> tuple:
    """A shape as a kernel's attribute: -1 for an unknown extent."""
    return tuple(-1 if d is None else int(d) for d in shape)


def unknown(shape) -> tuple:
    """The inverse of `known`."""
    return tuple(None if d == -1 else d for d in shape)


def unbroadcast(dy, shape: tuple):
    """Gradient of broadcasting `shape` to dy's shape: the sum over what was repeated."""
    if tuple(dy.shape) == tuple(shape):
        return dy
    lead = len(dy.shape) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, d in enumerate(shape) if d == 1 and dy.shape[lead + i] != 1)
    return apply("reshape", [apply("sum", [dy], axes=axes, keepdims=False)], shape=known(shape))
