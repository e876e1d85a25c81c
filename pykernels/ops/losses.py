"""Losses per sample, fused: value and gradient in one sweep each."""

from __future__ import annotations

from .. import config
from ..graph import apply, define
from .array import expand_dims, moveaxis, squeeze
from .elementwise import clip, log, log1p
from .logits import logits_of
from .nn import log_softmax
from .reduction import sum as reduce_sum
from .shapes import axis_in
from .types import dtype_of, float_tensor, is_constant, number_like, to_indices, to_tensor

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
]


# --- definitions -----------------------------------------------------------------------------------
def _fits(a, b) -> bool:
    """Whether two shapes can be the same; None fits everything."""
    return len(a) == len(b) and all(x == y or None in (x, y) for x, y in zip(a, b, strict=True))


def _per_row(types, attrs):
    (target, _), (x, dtype) = types
    if not x or not _fits(target, x):
        raise ValueError(
            f"`target` and `output` must have the same shape, of rank 1 or more. Received: target.shape={target}, "
            f"output.shape={x}"
        )
    return [(x[:-1], dtype)]


def _sparse(types, attrs):
    (target, _), (x, dtype) = types
    if not x or not _fits(target, x[:-1]):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={target}, output.shape={x}"
        )
    return [(x[:-1], dtype)]


def _like_output(types, attrs):
    return [types[1]]


def _define(name, infer, target_grad=None):
    """`name` and `name_grad`; `target_grad(target, x, attrs)` is d loss / d target (..., n)."""

    def grad(node, dloss):
        target, x = node.inputs
        dx = None if is_constant(x) else apply(f"{name}_grad", [target, x, dloss], **node.attrs)
        if target_grad is None or is_constant(target):
            return [None, dx]
        return [target_grad(target, x, node.attrs) * expand_dims(dloss, -1), dx]

    define(name, infer=infer, grad=grad)
    define(f"{name}_grad", infer=_like_output)


def _categorical_target_grad(target, x, attrs):
    """-log p."""
    if attrs["from_logits"]:
        return -log_softmax(x)
    total, n = reduce_sum(x, axis=-1, keepdims=True), float(x.shape[-1] or 1)
    nothing = apply("equal", [total, 0.0])
    p = apply("where", [nothing & apply("equal", [x, 0.0]), number_like(1.0 / n, x), x / total])
    return -log(clip(p, attrs["epsilon"], 1.0 - attrs["epsilon"]))


def _binary_target_grad(target, x, attrs):
    """(log(1 - p) - log p) / n, which is -x / n for logits."""
    n = x.shape[-1] or 1
    if attrs["from_logits"]:
        return x * (-1.0 / n)
    p = clip(x, attrs["epsilon"], 1.0 - attrs["epsilon"])
    return (log1p(-p) - log(p)) * (1.0 / n)


def _squared_target_grad(target, x, attrs):
    return (target - x) * (2.0 / (x.shape[-1] or 1))


def _absolute_target_grad(target, x, attrs):
    return apply("sign", [target - x]) * (1.0 / (x.shape[-1] or 1))


_define("categorical_crossentropy", _per_row, _categorical_target_grad)
_define("sparse_categorical_crossentropy", _sparse)
_define("binary_crossentropy", _per_row, _binary_target_grad)
_define("mean_squared_error", _per_row, _squared_target_grad)
_define("mean_absolute_error", _per_row, _absolute_target_grad)
for _name in (  # made by passes
    "softmax_categorical_crossentropy_grad",
    "softmax_sparse_categorical_crossentropy_grad",
    "sigmoid_binary_crossentropy_grad",
):
    define(_name, infer=_like_output)


# --- public functions ------------------------------------------------------------------------------
def _pair(target, output):
    output = float_tensor(output)
    target = to_tensor(target, dtype_of(output))
    if not _fits(target.shape, output.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    return target, output


def _crossentropy(name, target, output, from_logits):
    """Recorded with the logits where `output` is a softmax or sigmoid of some."""
    if not from_logits:
        logits = logits_of(output, "sigmoid" if name == "binary_crossentropy" else "softmax")
        output, from_logits = (output, False) if logits is None else (logits, True)
    return apply(name, [target, output], from_logits=bool(from_logits), epsilon=float(config.epsilon()))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(target * log(p)) over the classes.

    Args:
        target: class weights, usually one-hot, of the shape of `output`. Cast to its dtype.
        output: probabilities, which are divided by their sum (a row of zeros counts as even, without gradient) and
            clipped to [epsilon, 1 - epsilon] (no gradient passes where the clip acts); or logits, with
            p = softmax(output). A symbolic tensor that a softmax made is taken for the logits that it was made of.
        from_logits: whether `output` holds logits.
        axis: int, the axis of the classes.

    Returns:
        A tensor of output's shape without that axis.

    Raises:
        ValueError: the shapes differ, or are scalar.
    """
    target, output = _pair(target, output)
    if not output.shape:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. Received: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    target, output = moveaxis(target, axis, -1), moveaxis(output, axis, -1)
    return _crossentropy("categorical_crossentropy", target, output, from_logits)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p[target]) over the classes.

    Args:
        target: class indices, of the shape of `output` without the axis of the classes, or with 1 in its last place.
            An index outside of the classes gives NaN.
        output: probabilities or logits, treated as in `categorical_crossentropy`.
        from_logits: whether `output` holds logits.
        axis: int, the axis of the classes.

    Returns:
        A tensor of output's shape without that axis.

    Raises:
        ValueError: the shapes do not fit, or `output` is a scalar.
    """
    target, output = to_tensor(target), float_tensor(output)
    if not output.shape:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={tuple(output.shape)}")
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = squeeze(target, -1)
    axis = axis_in(axis, len(output.shape))
    rest = tuple(d for i, d in enumerate(output.shape) if i != axis)
    if not _fits(target.shape, rest):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    return _crossentropy("sparse_categorical_crossentropy", to_indices(target), moveaxis(output, axis, -1), from_logits)


def binary_crossentropy(target, output, from_logits=False):
    """-(target log(p) + (1 - target) log(1 - p)), element by element.

    Args:
        target: of the shape of `output`, usually 0 or 1. Cast to its dtype.
        output: probabilities p, clipped to [epsilon, 1 - epsilon]; or logits, with p = sigmoid(output). A symbolic
            tensor that a sigmoid made is taken for the logits that it was made of.
        from_logits: whether `output` holds logits.

    Returns:
        A tensor of output's shape.

    Raises:
        ValueError: the shapes differ.
    """
    target, output = _pair(target, output)
    return mean_binary_crossentropy(expand_dims(target, -1), expand_dims(output, -1), from_logits)


def mean_binary_crossentropy(target, output, from_logits=False):
    """The mean over the last axis of `binary_crossentropy`; target and output of one shape and float dtype."""
    return _crossentropy("binary_crossentropy", target, output, from_logits)
