"""`tf.UnconnectedGradients`, and how `tf` says that it computes at once."""

from __future__ import annotations

import enum

from ..graph import current_trace
from ..graph import gradients as _gradients
from ..utils.tree import flatten

__all__ = ["UnconnectedGradients", "executing_eagerly", "gradients"]


class UnconnectedGradients(enum.Enum):
    """What `GradientTape.gradient` returns where no gradient flows: None, or zeros."""

    NONE = "none"
    ZERO = "zero"


def executing_eagerly() -> bool:
    """Whether ops give values at once: False while a program is being recorded."""
    return current_trace() is None


def gradients(ys, xs, grad_ys=None, name=None, unconnected_gradients="none"):
    """Gradients of the sum of `ys` with respect to each of `xs`, in a program that is being recorded.

    Args:
        ys, xs: tensors or variables, or lists of them.
        grad_ys: for each of `ys` a tensor that multiplies it. Default None: ones.
        name: accepted as in TensorFlow. It has no effect.
        unconnected_gradients: must be "none": None is returned where no gradient flows.

    Returns:
        A list of tensors.

    Raises:
        RuntimeError: values are computed at once; use `tf.GradientTape`.
    """
    if executing_eagerly():
        raise RuntimeError(
            "tf.gradients is not supported when eager execution is enabled. Use tf.GradientTape instead."
        )
    if getattr(unconnected_gradients, "value", unconnected_gradients) != "none":
        raise NotImplementedError("tf.gradients: unconnected_gradients must be 'none'; tf.GradientTape has 'zero' too.")
    ys, xs = flatten(ys), flatten(xs)
    upstream = [None] * len(ys) if grad_ys is None else flatten(grad_ys)
    found: list = [None] * len(xs)
    for y, dy in zip(ys, upstream, strict=True):
        for i, g in enumerate(_gradients(y, xs, dy)):
            found[i] = g if found[i] is None else found[i] if g is None else found[i] + g
    return found
