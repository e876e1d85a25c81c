"""The logits of which probabilities were made, found in what is recorded: a loss takes those, and does not saturate.

Probabilities can only say that they are 0 or 1 to the last bit, and the clip that Keras then applies has no gradient.
So Keras on TensorFlow, and Keras 1 and 2, look for the softmax or sigmoid that made them. (Keras on JAX cannot.)
"""

from __future__ import annotations

import math

from ..graph import Tensor, apply
from .types import is_float

# What only moves elements; a cast between floats counts too. `stop_gradient` is a reshape, and stays one.
_MOVES = frozenset(("reshape", "transpose", "slice", "cast"))


def logits_of(output, activation: str):
    """The tensor z with `output == activation(z)`, the classes of a softmax on the last axis; None where there is none.

    Args:
        output: tensor or array.
        activation: `"softmax"` or `"sigmoid"`.

    What moves elements between the activation and `output` is repeated on z; behind a softmax the classes must stay
    together.
    """
    moves, node = [], _maker(output)
    while node is not None and not _is(node, activation):
        if node.name not in _MOVES or (node.name == "cast" and not is_float(_dtype(node.inputs[0]))):
            return None
        moves.append(node)
        node = _maker(node.inputs[0])
    if node is None:
        return None
    if activation == "softmax":
        axis = len(node.inputs[0].shape) - 1
        for move in reversed(moves):
            axis = None if axis is None else _axis_after(move, axis)
        if axis != len(output.shape) - 1:
            return None
    z = node.inputs[0]
    for move in reversed(moves):
        z = apply(move.name, [z], **move.attrs)
    return z


def _maker(x):
    return x.node if isinstance(x, Tensor) and x.node is not None and x.node.op is not None else None


def _dtype(x) -> str:
    return str(x.dtype)


def _is(node, activation: str) -> bool:
    return node.name == activation or (node.name == "activation" and node.attrs["activation"] == activation)


def _axis_after(move, axis: int):
    """Where the axis of the classes is behind a move; None where it does not stay whole."""
    have, want = tuple(move.inputs[0].shape), tuple(move.outputs[0].shape)
    if move.name == "transpose":
        return tuple(move.attrs["axes"]).index(axis)
    if move.name != "reshape":
        return axis if have[axis] == want[axis] else None
    for i, extent in enumerate(want):
        if extent == have[axis] and _same_size(have[:axis], want[:i]) and _same_size(have[axis + 1 :], want[i + 1 :]):
            return i
    return None


def _same_size(a, b) -> bool:
    """Whether two shapes have as many elements; unknown extents are equal only to as many others."""
    known = [math.prod(d for d in dims if d is not None) for dims in (a, b)]
    return known[0] == known[1] and a.count(None) == b.count(None)
