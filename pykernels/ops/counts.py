"""What metrics count: decisions at thresholds, sums by segment, and the largest elements of rows."""

from __future__ import annotations

import operator

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .array import ravel, reshape
from .binary import add, logical_and, where
from .types import dtype_of, is_float, is_symbolic, number_like, to_indices, to_tensor

__all__ = [
    "segment_sum",
    "top_k",
]


# --- definitions -----------------------------------------------------------------------------------
def _confusion_infer(types, attrs):
    shape, dtype = types[1]
    return [((types[-1][0][0], shape[1]), dtype)] * 4


def _top_k_infer(types, attrs):
    shape, dtype = types[0]
    k = attrs["k"]
    if not shape:
        raise ValueError("top_k needs a tensor of rank 1 or more, got a scalar")
    if not 0 <= k <= (k if shape[-1] is None else shape[-1]):
        raise ValueError(f"top_k() takes k from 0 to the extent of the last axis. Received: k={k}, x.shape={shape}")
    return [((*shape[:-1], k), dtype), ((*shape[:-1], k), "int32")]


def _top_k_grad(node, dvalues, dindex):
    """The gradient of each value goes to where it stood."""
    x, index = node.inputs[0], node.outputs[1]
    n = x.shape[-1]
    rows = np.prod(x.shape[:-1], dtype=int)
    first = np.arange(rows, dtype="int32").reshape(*x.shape[:-1], 1) * np.int32(n)
    places = ravel(add(index, first))
    return [reshape(apply("take_grad", [ravel(dvalues), places], shape=(rows * n,)), x.shape)]


define("confusion_counts", infer=_confusion_infer, grad=NONDIFFERENTIABLE)
define("top_k", infer=_top_k_infer, grad=_top_k_grad)


# --- functions -------------------------------------------------------------------------------------
def confusion_counts(target, x, thresholds, weights=None, even=False):
    """True positives, false positives, true negatives and false negatives at each threshold.

    Args:
        target: float tensor (N, L); not 0 is positive.
        x: predictions (N, L) of the same dtype; greater than a threshold is positive.
        thresholds: (T,) of that dtype, ascending.
        weights: None, or (N, L) of that dtype.
        even: whether the thresholds are i / (T - 1), the first and the last perhaps moved out of [0, 1] by an epsilon;
            then decisions are Keras's for these, which rounds x * (T - 1) up.

    Returns:
        Four tensors (T, L).
    """
    inputs = [target, x] if weights is None else [target, x, weights]
    return apply("confusion_counts", [*inputs, thresholds], even=bool(even), weights=weights is not None)


def top_k(x, k, sorted=True):  # noqa: A002 - Keras's name
    """The `k` largest elements along the last axis, in descending order, and where they stand.

    Args:
        x: tensor of rank 1 or more.
        k: int.
        sorted: accepted as in Keras; the result is always in order.

    Returns:
        (values, int32 indices), each of shape x.shape[:-1] + (k,). Of equal elements the first comes first; NaN is
        larger than all numbers.

    Raises:
        ValueError: k is larger than the axis.
    """
    x = to_tensor(x)
    dtype = dtype_of(x)
    wide = x if is_float(dtype) else to_tensor(x, "float64")  # int32 and smaller fit into its 53 bits
    if dtype == "int64":
        raise ValueError("top_k() takes floats and integers of at most 32 bits, got int64; cast it first")
    values, index = apply("top_k", [wide], k=operator.index(k))
    return (values if is_float(dtype) else to_tensor(values, dtype)), index


def segment_sum(data, segment_ids, num_segments=None, sorted=False):  # noqa: A002 - Keras's name
    """The sums of the rows of `data` that have the same segment id.

    Args:
        data: tensor (N, ...) of floats or of integers of at most 32 bits.
        segment_ids: integers (N,). Rows whose id is outside [0, num_segments) are left out.
        num_segments: int. Default None: the largest id + 1, which needs an array of ids.
        sorted: accepted as in Keras; it makes no difference.

    Returns:
        A tensor (num_segments, ...) of the dtype of `data`; 0 for segments without rows.

    Raises:
        ValueError: shapes that do not fit, or `num_segments=None` with ids that are not known yet.
    """
    data, ids = to_tensor(data), to_indices(segment_ids)
    rows = {*ids.shape[:1], *data.shape[:1]} - {None}
    if len(ids.shape) != 1 or not data.shape or len(rows) > 1:
        raise ValueError(
            f"`segment_ids` must have shape (N,) for `data` of shape (N, ...). Received: "
            f"segment_ids.shape={ids.shape}, data.shape={data.shape}"
        )
    if num_segments is None:
        if is_symbolic(ids):
            raise ValueError("segment_sum() needs `num_segments` where the segment ids are computed by the program")
        num_segments = int(np.max(np.asarray(ids), initial=-1)) + 1
    n = operator.index(num_segments)
    inside = logical_and(apply("greater_equal", [ids, 0]), apply("less", [ids, n]))
    ids = where(inside, ids, number_like(n, ids))  # a row more, which is cut off: ids of `take` may be negative
    dtype = dtype_of(data)
    if dtype == "int64":
        raise ValueError("segment_sum() takes floats and integers of at most 32 bits, got int64; cast it first")
    wide = data if is_float(dtype) else to_tensor(data, "float64")
    sums = apply("take_grad", [wide, ids], shape=(n + 1, *data.shape[1:]))[:n]
    return sums if is_float(dtype) else to_tensor(sums, dtype)
