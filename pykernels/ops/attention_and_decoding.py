"""Attention of queries over keys, and the labels that CTC's probabilities say; another view of the same bytes."""

from __future__ import annotations

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, define
from .array import broadcast_to, concatenate, expand_dims, reshape, slice_axis, transpose
from .binary import equal, greater_equal, multiply, where
from .creation import zeros_like
from .elementwise import absolute, negative
from .linalg import matmul
from .nn import softmax
from .ordering import argsort
from .placing import take_along_axis
from .reduction import argmax, max, sum  # noqa: A004 - Keras's names
from .types import dtype_of, float_tensor, operands, standardize_dtype, to_indices, to_tensor

__all__ = ["ctc_decode", "dot_product_attention", "view"]


def dot_product_attention(
    query,
    key,
    value,
    bias=None,
    mask=None,
    scale=None,
    is_causal=False,
    flash_attention=None,
    attn_logits_soft_cap=None,
):
    """softmax(query key^T scale + bias) value, for each head.

    Args:
        query: tensor (batch, steps, heads, depth).
        key: tensor (batch, source steps, key heads, depth); each key head serves as many heads in a row as it takes.
        value: tensor (batch, source steps, key heads, value depth).
        bias: tensor that broadcasts to (batch, heads, steps, source steps), added to the products.
        mask: bool tensor that broadcasts to the same: where it is False nothing is seen.
        scale: number; by default 1 / sqrt(depth).
        is_causal: whether a step sees only those up to its own place.
        flash_attention: must be None or False: there is one way to compute it.
        attn_logits_soft_cap: number: products become x / (1 + |x| / cap). None for no limit.

    Returns:
        A tensor (batch, steps, heads, value depth).

    Raises:
        ValueError: another rank, heads that do not fit, or `flash_attention=True`.
    """
    query, key, value = operands(*(float_tensor(x) for x in (query, key, value)))
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if any(len(s) != 4 for s in shapes):
        raise ValueError(
            "`dot_product_attention` only supports 4D inputs. Received: "
            f"query.shape={shapes[0]}, key.shape={shapes[1]}, value.shape={shapes[2]}."
        )
    if flash_attention:
        raise ValueError("`flash_attention=True` is not supported on the CPU; leave it out")
    heads, groups = shapes[0][2], shapes[1][2]
    if heads % groups or shapes[2][2] != groups:
        raise ValueError(f"{heads} heads of `query` cannot share {groups} of `key` and {shapes[2][2]} of `value`")
    query, key, value = (transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
    if groups != heads:
        key, value = (_shared(x, heads // groups) for x in (key, value))
    scale = 1.0 / np.sqrt(shapes[0][3]) if scale is None else scale
    logits = multiply(matmul(query, transpose(key, (0, 1, 3, 2))), float(scale))
    if attn_logits_soft_cap is not None:
        logits = logits / (1.0 + absolute(logits) / float(attn_logits_soft_cap))
    if bias is not None:
        logits = logits + to_tensor(bias, dtype_of(logits))
    if is_causal:
        seen = np.tri(shapes[0][1], shapes[1][1], dtype=bool)
        mask = seen if mask is None else apply("logical_and", [to_tensor(mask, "bool"), seen])
    if mask is not None:
        logits = where(mask, logits, float(np.finfo(dtype_of(logits)).min) * 0.7)
    return transpose(matmul(softmax(logits, -1), value), (0, 2, 1, 3))


def _shared(x, times):
    """(batch, groups, ...) with each group `times` times in a row."""
    batch, groups, steps, depth = x.shape
    wide = broadcast_to(expand_dims(x, 2), (batch, groups, times, steps, depth))
    return reshape(wide, (batch, groups * times, steps, depth))


def ctc_decode(
    inputs,
    sequence_lengths,
    strategy="greedy",
    beam_width=100,
    top_paths=1,
    merge_repeated=True,
    mask_index=0,
):
    """The labels that the outputs of a network trained with `ctc_loss` say.

    Args:
        inputs: tensor (batch, steps, classes): logits or probabilities.
        sequence_lengths: integer tensor (batch,): the steps that count.
        strategy: `"greedy"`: the best class of each step.
        beam_width, top_paths: of the strategy `"beam_search"`, which is not there.
        merge_repeated: whether a label that is the same as that of the step before is left out.
        mask_index: int: the class that means no label; None: the last.

    Returns:
        (labels, scores): int32 (1, batch, steps), the labels first and then -1; and (batch, 1), the negative sum of the
        best outputs.

    Raises:
        NotImplementedError: `strategy="beam_search"`.
        ValueError: another strategy.
    """
    if strategy == "beam_search":
        raise NotImplementedError("ctc_decode(strategy='beam_search') is not in pykernels; use strategy='greedy'")
    if strategy != "greedy":
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    x, lengths = float_tensor(inputs), to_indices(sequence_lengths)
    steps, classes = x.shape[1:]
    blank = classes - 1 if mask_index is None else int(mask_index)
    beyond = greater_equal(np.arange(steps, dtype="int32")[None, :], expand_dims(lengths, 1))
    labels = where(beyond, np.int32(blank), argmax(x, -1))
    best = max(x, -1)
    scores = negative(sum(where(beyond, zeros_like(best), best), 1, keepdims=True))
    if merge_repeated and steps > 1:
        same = equal(slice_axis(labels, 1, 1, steps), slice_axis(labels, 1, 0, steps - 1))
        first = slice_axis(labels, 1, 0, 1)
        rest = where(same, np.int32(blank), slice_axis(labels, 1, 1, steps))
        labels = concatenate([first, rest], 1)
    invalid = equal(labels, blank)
    labels = where(invalid, np.int32(-1), labels)
    order = argsort(where(invalid, np.int32(steps), np.arange(steps, dtype="int32")), -1)
    return expand_dims(take_along_axis(labels, order, -1), 0), scores


# --- view ------------------------------------------------------------------------------------------
def _view_infer(types, attrs):
    (shape, dtype), want = types[0], attrs["dtype"]
    have, size = np.dtype(dtype).itemsize, np.dtype(want).itemsize
    if have == size:
        return [(shape, want)]
    if not shape or shape[-1] is None or (shape[-1] * have) % size:
        raise ValueError(f"the last axis of shape {tuple(shape)} of {dtype} cannot be seen as {want}")
    return [((*shape[:-1], shape[-1] * have // size), want)]


define("view", infer=_view_infer, grad=NONDIFFERENTIABLE, host=lambda x, dtype: x.view(dtype))


def view(x, dtype=None):
    """The bytes of x as numbers of another dtype; the last axis grows or shrinks with their size. No gradient.

    Raises:
        ValueError: the last axis does not make up whole numbers.
    """
    x = to_tensor(x)
    return apply("view", [x], dtype=dtype_of(x) if dtype is None else standardize_dtype(dtype))
