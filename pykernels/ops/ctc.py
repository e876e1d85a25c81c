"""Connectionist temporal classification: the loss of a sequence of labels that is not aligned with the logits."""

from __future__ import annotations

from ..graph import apply, define
from .types import float_tensor, is_constant, to_tensor

__all__ = ["ctc_loss"]


def _loss(types, attrs):
    (labels, _), (x, dtype), *_ = types
    return [((x[0] if x[0] is not None else labels[0],), dtype)]


def _grad(node, dloss):
    labels, x, label_lengths, step_lengths = node.inputs
    if is_constant(x):
        return [None] * 4
    return [None, apply("ctc_loss_grad", [labels, x, label_lengths, step_lengths, dloss], **node.attrs), None, None]


define("ctc_loss", infer=_loss, grad=_grad)
define("ctc_loss_grad", infer=lambda types, attrs: [types[1]])


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """The connectionist temporal classification loss (Graves et al., ICML 2006).

    Args:
        target: labels, integers of shape (N, L).
        output: logits, shape (N, T, C).
        target_length: the number of labels of each sample, integers of shape (N,).
        output_length: the number of steps of each sample, integers of shape (N,).
        mask_index: int, the class of the blank. Default 0.

    Returns:
        Losses of shape (N,), in the float dtype of `output`. A sample whose labels do not fit into its steps has a loss
        of 1e5 or more, as in Keras on JAX.

    Raises:
        ValueError: shapes that do not fit, or a `mask_index` that is no class.
    """
    output = float_tensor(output)
    shape = tuple(output.shape)
    for name, value, rank in (("target", target, 2), ("output", output, 3), ("target_length", target_length, 1)):
        if len(getattr(value, "shape", ())) != rank:
            raise ValueError(
                f"ctc_loss takes `{name}` of rank {rank}. Received: {name}.shape={tuple(getattr(value, 'shape', ()))}"
            )
    if not 0 <= mask_index < (shape[2] or mask_index + 1):
        raise ValueError(f"`mask_index` must be one of the {shape[2]} classes. Received: mask_index={mask_index}")
    inputs = [to_tensor(target, "int32"), output, to_tensor(target_length, "int32"), to_tensor(output_length, "int32")]
    return apply("ctc_loss", inputs, mask_index=int(mask_index))
