"""The connectionist temporal classification loss: function and class."""

from __future__ import annotations

from .. import ops
from .classes import NamedLoss


def ctc(y_true, y_pred):
    """The connectionist temporal classification loss of `pykernels.ops.ctc_loss`, with blanks of class 0.

    Args:
        y_true: classes, shape (N, L); zeros at the end fill up shorter sequences.
        y_pred: logits, shape (N, T, C).

    Returns:
        Losses of shape (N,), in the float dtype of `y_pred`.

    Raises:
        ValueError: other ranks.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in integer format. "
            f"Received: y_true.shape={tuple(y_true.shape)}"
        )
    if len(y_pred.shape) != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, num_classes)`. Received: "
            f"y_pred.shape={tuple(y_pred.shape)}"
        )
    y_true = ops.cast(y_true, "int32")
    labels = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    steps = ops.zeros_like(labels) + int(y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, ops.cast(labels, "int32"), ops.cast(steps, "int32"))


ctc.takes_class_indices = True


class CTC(NamedLoss):
    """The connectionist temporal classification loss; see `ctc`.

    Args:
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, reduction, name, dtype)
