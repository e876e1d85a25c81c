"""Products of matrices."""

from __future__ import annotations

import math
import sys

from ..graph import apply, define
from .array import broadcast_to, expand_dims, reshape, transpose
from .binary import multiply
from .shapes import axis_in, broadcast, size_of
from .types import dtype_of, is_constant, is_float, operands

__all__ = [
    "dot",
    "inner",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
]


# --- definition ------------------------------------------------------------------------------------
def _infer(types, attrs):
    (a, dtype), (b, other) = types[:2]
    if len(a) != len(b) or len(a) < 2 or a[:-2] != b[:-2] or dtype != other:
        raise ValueError(f"matmul needs operands of one dtype and equal leading dimensions, got {types[:2]}")
    m, k = a[-2:] if not attrs["transpose_a"] else a[-1:-3:-1]
    k2, n = b[-2:] if not attrs["transpose_b"] else b[-1:-3:-1]
    if None not in (k, k2) and k != k2:
        raise ValueError(f"Inner dimensions (`x1.shape[-1]` and `x2.shape[-2]`) must be equal, got {k} and {k2}")
    if len(types) == 3 and types[2][0] != (n,):
        raise ValueError(f"the bias of matmul must have shape {(n,)}, got {types[2][0]}")
    return [((*a[:-2], m, n), dtype)]


def _matmul(a, b, transpose_a=False, transpose_b=False):
    return apply("matmul", [a, b], transpose_a=transpose_a, transpose_b=transpose_b)


def _grad(node, dy):
    """y = op(a) op(b), where op may transpose: da = dy op(b)^T and db = op(a)^T dy, transposed back as a and b are."""
    if node.attrs.get("activation", "linear") != "linear" or len(node.inputs) != 2:
        raise ValueError("matmul is differentiated before its bias and activation are fused into it")
    (a, b), ta, tb = node.inputs, node.attrs["transpose_a"], node.attrs["transpose_b"]
    da = db = None
    if not is_constant(a):
        da = _matmul(b, dy, tb, True) if ta else _matmul(dy, b, False, not tb)
    if not is_constant(b):
        db = _matmul(dy, a, True, ta) if tb else _matmul(a, dy, not ta, False)
    return [da, db]


define("matmul", infer=_infer, grad=_grad, keras="numpy")


# --- public functions ------------------------------------------------------------------------------
def matmul(x1, x2):
    """The matrix product over the last two dimensions, with the leading ones broadcast.

    Args:
        x1, x2: tensors of rank 1 or more. A vector is a row on the left, a column on the right, and that dimension is
            taken out of the result. Promoted to one dtype. Integers are multiplied exactly up to 2**53 and wrap round;
            of bools, one true pair is enough.

    Returns:
        A tensor of shape (..., x1.shape[-2], x2.shape[-1]).

    Raises:
        ValueError: a scalar, or extents that do not fit, naming both shapes.
    """
    x1, x2 = operands(x1, x2)
    dtype = dtype_of(x1)
    if not is_float(dtype):
        x1, x2 = (apply("cast", [x], dtype="float64") for x in (x1, x2))
        y = matmul(x1, x2)
        if dtype not in ("bool", "int64"):
            y = apply("cast", [y], dtype="int64")  # from there integers wrap round
        return apply("cast", [y], dtype=dtype)
    a, b = tuple(x1.shape), tuple(x2.shape)
    if not a or not b:
        raise ValueError(f"matmul takes tensors of rank 1 or more. Received: x1.shape={a}, x2.shape={b}")
    inner = b[-2] if len(b) > 1 else b[0]
    if None not in (a[-1], inner) and a[-1] != inner:
        raise ValueError(
            "Inner dimensions (`x1.shape[-1]` and `x2.shape[-2]`) must be equal, but received "
            f"x1.shape={a} and x2.shape={b}"
        )
    if len(a) == 1 or len(b) == 1:
        y = matmul(expand_dims(x1, 0) if len(a) == 1 else x1, expand_dims(x2, 1) if len(b) == 1 else x2)
        dims = list(y.shape)
        if len(b) == 1:
            del dims[-1]
        if len(a) == 1:
            del dims[-1 if len(b) == 1 else -2]
        return reshape(y, dims)
    if len(b) == 2:
        rows = reshape(x1, (-1 if size_of(a[:-1]) is None else size_of(a[:-1]), a[-1])) if len(a) != 2 else x1
        y = _matmul(rows, x2)
        return y if len(a) == 2 else reshape(y, (*a[:-1], b[-1]))
    lead = broadcast(a[:-2], b[:-2])
    return _matmul(broadcast_to(x1, (*lead, *a[-2:])), broadcast_to(x2, (*lead, *b[-2:])))


def tensordot(x1, x2, axes=2):
    """The sum of products over pairs of axes.

    Args:
        x1, x2: tensors, promoted to one dtype.
        axes: int n: the last n of x1 with the first n of x2; or two ints or sequences of ints, one for each tensor.

    Returns:
        A tensor with the remaining axes of x1, then those of x2.

    Raises:
        ValueError: the extents of paired axes differ.
    """
    x1, x2 = operands(x1, x2)
    a, b = tuple(x1.shape), tuple(x2.shape)
    if hasattr(axes, "__index__"):
        n = axes.__index__()
        if not 0 <= n <= min(len(a), len(b)):
            raise ValueError(f"`axes`={n} is more than the ranks of x1.shape={a} and x2.shape={b} allow")
        left, right = tuple(range(len(a) - n, len(a))), tuple(range(n))
    else:
        left, right = (tuple(s) if isinstance(s, (tuple, list)) else (s,) for s in axes)
        left = tuple(axis_in(i, len(a), "axes") for i in left)
        right = tuple(axis_in(i, len(b), "axes") for i in right)
    if any(m != n for m, n in zip([a[i] for i in left], [b[i] for i in right], strict=True) if None not in (m, n)):
        raise ValueError(f"the extents of axes {left} of x1.shape={a} and {right} of x2.shape={b} differ")
    keep_a = tuple(i for i in range(len(a)) if i not in left)
    keep_b = tuple(i for i in range(len(b)) if i not in right)
    kept_a, kept_b = tuple(a[i] for i in keep_a), tuple(b[i] for i in keep_b)
    rows, columns, inner = _product(kept_a), _product(kept_b), _product(a[i] for i in left)
    unknown = [d for d in kept_a + kept_b if d is None]
    if len(unknown) > 1 or (inner == -1 and unknown):
        raise ValueError(f"tensordot of x1.shape={a} and x2.shape={b} over {left} and {right} has two unknown extents")
    x1 = reshape(transpose(x1, keep_a + left), (rows, inner))
    x2 = reshape(transpose(x2, right + keep_b), (inner, columns))
    return reshape(matmul(x1, x2), tuple(-1 if d is None else d for d in kept_a + kept_b))


def _product(extents) -> int:
    """The product of extents; -1 where one is unknown."""
    extents = tuple(extents)
    return -1 if None in extents else math.prod(extents)


def dot(x1, x2):
    """NumPy's dot: a scalar multiplies; otherwise the sum over the last axis of x1 and the last but one of x2.

    Raises:
        ValueError: these extents differ, naming both shapes.
    """
    x1, x2 = operands(x1, x2)
    a, b = tuple(x1.shape), tuple(x2.shape)
    if not a or not b:
        return multiply(x1, x2)
    if len(b) <= 2:
        return matmul(x1, x2)
    if a[-1] != b[-2]:
        raise ValueError(f"x1.shape[-1] and x2.shape[-2] must be equal. Received: x1.shape={a}, x2.shape={b}")
    return tensordot(x1, x2, ((len(a) - 1,), (len(b) - 2,)))


def vdot(x1, x2):
    """The sum of products of all elements: a scalar."""
    x1, x2 = operands(x1, x2)
    return matmul(reshape(x1, (-1,)), reshape(x2, (-1,)))


def inner(x1, x2):
    """The sum of products over the last axis of both."""
    x1, x2 = operands(x1, x2)
    if not x1.shape or not x2.shape:
        return multiply(x1, x2)
    return tensordot(x1, x2, ((-1,), (-1,)))


def outer(x1, x2):
    """All products of an element of x1 and one of x2, both flattened: (x1.size, x2.size)."""
    x1, x2 = operands(x1, x2)
    return multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def __getattr__(name):
    """`keras.ops.linalg` has names that other modules here define."""
    package = sys.modules[__name__.rpartition(".")[0]]
    if name.startswith("_") or name not in package.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(package, name)
