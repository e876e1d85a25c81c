"""Circle loss: function and class."""

from __future__ import annotations

from .. import ops
from ..utils.masks import set_mask
from .classes import NamedLoss


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """Circle loss of embeddings (Sun et al., CVPR 2020): those of one class are drawn together, others pushed apart.

    Args:
        y_true: classes, shape (N,) or (N, 1).
        y_pred: embeddings of length 1, shape (N, d).
        ref_labels: classes of the embeddings to compare with, shape (M,) or (M, 1). Default None: `y_true`.
        ref_embeddings: the embeddings to compare with, shape (M, d). Default None: `y_pred`.
        remove_diagonal: whether an embedding is not compared with the one in its own place. Default True.
        gamma: float, the scale of similarities. Default 80.
        margin: float, how far classes are to be apart. Default 0.4.

    Returns:
        Losses of shape (N,), in the float dtype of `y_pred`. `Loss` objects leave those that are 0 out of the mean.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    dtype, gamma, margin = ops.dtype(y_pred), float(gamma), float(margin)
    classes = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
    others = classes if ref_labels is None else ops.reshape(ops.cast(ref_labels, "int32"), (-1, 1))
    embeddings = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings, dtype=dtype)
    distances = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(embeddings)), 0.0)
    same = ops.equal(classes, ops.transpose(others))
    other = ops.logical_not(same)
    if remove_diagonal:
        same = ops.logical_and(same, ops.logical_not(ops.eye(classes.shape[0], others.shape[0], dtype="bool")))
    pull = (margin + distances) * ops.cast(same, dtype) * (margin - distances) * -gamma
    push = ops.maximum((1.0 + margin - distances) * ops.cast(other, dtype), 0.0) * (1.0 - margin - distances) * gamma
    nothing = float("-inf")
    loss = ops.softplus(
        ops.logsumexp(ops.where(same, pull, nothing), axis=1) + ops.logsumexp(ops.where(other, push, nothing), axis=1)
    )
    set_mask(loss, ops.greater(loss, 0.0))
    return loss


circle.takes_class_indices = True


class Circle(NamedLoss):
    """Circle loss of embeddings; see `circle`.

    Args:
        gamma: float, the scale of similarities. Default 80.
        margin: float, how far classes are to be apart. Default 0.4.
        remove_diagonal: whether an embedding is not compared with the one in its own place. Default True.
        reduction: "sum_over_batch_size" (default), "sum", "mean", "mean_with_sample_weight", "none" or None; see
            `Loss`.
        name: str, the name of the loss.
        dtype: name of the dtype of the computation. Default None: `config.floatx()`.

    Raises:
        ValueError: an unknown `reduction`.
    """

    _options = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self, gamma=80.0, margin=0.4, remove_diagonal=True, reduction="sum_over_batch_size", name="circle", dtype=None
    ):
        options = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **options)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal
