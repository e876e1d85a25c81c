"""Functions along an axis: softmax, gated linear unit, top-k."""

from __future__ import annotations

import operator
import sys

from ..graph import NONDIFFERENTIABLE, apply, define
from ..user_warning import warn
from .activations import sigmoid
from .array import moveaxis, reshape, split, transpose
from .binary import multiply, subtract
from .elementwise import exp, negative
from .reduction import sum as _sum
from .shapes import axes_in, axis_in, known
from .types import float_tensor, to_indices, to_tensor

__all__ = [
    "glu",
    "in_top_k",
    "log_softmax",
    "softmax",
]


# --- definitions -----------------------------------------------------------------------------------
def _last_axis_infer(types, attrs):
    if not types[0][0]:
        raise ValueError("softmax needs a tensor of rank 1 or more, got a scalar")
    return [types[0]]


def _softmax_grad_grad(node, g):
    y, dy = node.inputs
    inner = _sum(multiply(y, dy), axis=-1, keepdims=True)
    along = _sum(multiply(y, g), axis=-1, keepdims=True)
    return [subtract(multiply(g, subtract(dy, inner)), multiply(dy, along)), apply("softmax_grad", [y, g])]


def _log_softmax_grad_grad(node, g):
    y, dy = node.inputs
    p = exp(y)
    total = _sum(dy, axis=-1, keepdims=True)
    along = _sum(multiply(p, g), axis=-1, keepdims=True)
    return [negative(multiply(multiply(g, p), total)), subtract(g, along)]


for _name, _second in (("softmax", _softmax_grad_grad), ("log_softmax", _log_softmax_grad_grad)):
    define(
        _name,
        infer=_last_axis_infer,
        grad=lambda node, dy: [apply(f"{node.name}_grad", [node.outputs[0], dy])],
    )
    define(f"{_name}_grad", infer=lambda types, attrs: [types[0]], grad=_second)


def _in_top_k_infer(types, attrs):
    (target, _), (x, _) = types
    if len(target) != 1 or len(x) != 2 or (None not in (target[0], x[0]) and target[0] != x[0]):
        raise ValueError(
            f"`targets` must have shape (n,) and `predictions` (n, classes). Received: targets.shape={target}, "
            f"predictions.shape={x}"
        )
    return [(target, "bool")]


define("in_top_k", infer=_in_top_k_infer, grad=NONDIFFERENTIABLE)


# --- softmax -----------------------------------------------------------------------------------------
def _over(name, x, axis):
    """The kernel runs over the last axis; others are moved there and back, several are taken as one."""
    x = float_tensor(x)
    rank = len(x.shape)
    axes = axes_in(axis, rank)
    if axes == (rank - 1,):
        return apply(name, [x])
    if len(axes) == 1:
        return moveaxis(apply(name, [moveaxis(x, axes[0], -1)]), -1, axes[0])
    order = (*(i for i in range(rank) if i not in axes), *axes)
    moved = transpose(x, order)
    kept = rank - len(axes)
    flat = reshape(moved, (*moved.shape[:kept], -1))
    back = tuple(sorted(range(rank), key=order.__getitem__))
    return transpose(reshape(apply(name, [flat]), known(moved.shape)), back)


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over `axis`, the maximum taken out first.

    Args:
        x: tensor of rank 1 or more. Integers become `floatx()`.
        axis: int, tuple of ints, or None for all axes.

    Raises:
        ValueError: x has no such axis.
    """
    dims = to_tensor(x).shape
    if hasattr(axis, "__index__") and dims and dims[axis_in(axis, len(dims))] == 1:
        warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {tuple(dims)}. This axis has size 1. The "
            "softmax operation will always return the value 1, which is likely not what you intended. Did you mean "
            "to use a sigmoid instead?",
        )
    return _over("softmax", x, axis)


def log_softmax(x, axis=-1):
    """x - log(sum(exp(x))) over `axis` (int, tuple of ints, or None for all), the maximum taken out first."""
    return _over("log_softmax", x, axis)


def glu(x, axis=-1):
    """a sigmoid(b), where a and b are the halves of x along `axis` (Dauphin et al., arXiv:1612.08083).

    Raises:
        ValueError: the extent of the axis is odd or unknown.
    """
    x = float_tensor(x)
    n = x.shape[axis_in(axis, len(x.shape))]
    if n is None or n % 2:
        raise ValueError(f"axis size must be divisible by 2. Received: x.shape={x.shape} with axis={axis}")
    a, b = split(x, 2, axis)
    return multiply(a, sigmoid(b))


def in_top_k(targets, predictions, k):
    """bool (n,): whether the prediction for the target class is among the k largest of its row.

    Args:
        targets: integer tensor (n,).
        predictions: tensor (n, classes).
        k: int.

    Raises:
        ValueError: the shapes are not these.
    """
    return apply("in_top_k", [to_indices(targets), float_tensor(predictions)], k=operator.index(k))


def __getattr__(name):
    """`keras.ops.nn` has names that other modules here define."""
    package = sys.modules[__name__.rpartition(".")[0]]
    if name.startswith("_") or name not in package.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(package, name)
