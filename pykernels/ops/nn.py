"""Activations, softmax, top-k."""

from __future__ import annotations

import operator

from ..graph import NONDIFFERENTIABLE, apply, define
from ..user_warning import warn
from .array import moveaxis, reshape, split, transpose
from .binary import add, maximum, minimum, multiply, subtract
from .elementwise import absolute, clip, expm1, sign
from .indexing import _indices
from .shapes import axes_in, axis_in, known
from .types import dtype_of, float_tensor, is_float, number_like, to_tensor

# Activations whose gradient is a function of their output (csrc/kernels/activation.h); the others need their input.
GRAD_READS_OUTPUT = frozenset(
    (
        *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "softplus"),
        *("softsign", "exponential"),
    )
)
ACTIVATIONS = GRAD_READS_OUTPUT | {"gelu", "gelu_tanh", "silu", "hard_silu", "mish"}


# --- definitions -----------------------------------------------------------------------------------
def _activation_infer(types, attrs):
    if attrs["activation"] not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {attrs['activation']!r}")
    return [types[0]]


def _activation_grad(node, dy):
    ref = node.outputs[0] if node.attrs["activation"] in GRAD_READS_OUTPUT else node.inputs[0]
    return [apply("activation_grad", [ref, dy], **node.attrs)]


def _last_axis_infer(types, attrs):
    if not types[0][0]:
        raise ValueError("softmax needs a tensor of rank 1 or more, got a scalar")
    return [types[0]]


define("activation", infer=_activation_infer, grad=_activation_grad)
define("activation_grad", infer=lambda types, attrs: [types[0]])
for _name in ("softmax", "log_softmax"):
    define(
        _name,
        infer=_last_axis_infer,
        grad=lambda node, dy: [apply(f"{node.name}_grad", [node.outputs[0], dy])],
    )
    define(f"{_name}_grad", infer=lambda types, attrs: [types[0]])


def _in_top_k_infer(types, attrs):
    (target, _), (x, _) = types
    if len(target) != 1 or len(x) != 2 or (None not in (target[0], x[0]) and target[0] != x[0]):
        raise ValueError(
            f"`targets` must have shape (n,) and `predictions` (n, classes). Received: targets.shape={target}, "
            f"predictions.shape={x}"
        )
    return [(target, "bool")]


define("in_top_k", infer=_in_top_k_infer, grad=NONDIFFERENTIABLE)


# --- activations -----------------------------------------------------------------------------------
def _activate(x, name, alpha=0.0):
    return apply("activation", [float_tensor(x)], activation=name, alpha=float(alpha))


def _activation(name: str, keras_name: str, formula: str):
    def function(x):
        return apply("activation", [float_tensor(x)], activation=name, alpha=0.0)

    function.__name__ = function.__qualname__ = keras_name
    function.__doc__ = f"{formula}, element by element. Float in, same dtype out; integers become `floatx()`."
    return function


relu6 = _activation("relu6", "relu6", "min(max(x, 0), 6)")
selu = _activation("selu", "selu", "1.05070098 elu(x, 1.67326324) (Klambauer et al., arXiv:1706.02515)")
silu = _activation("silu", "silu", "x sigmoid(x) (Ramachandran et al., arXiv:1710.05941)")
sigmoid = _activation("sigmoid", "sigmoid", "1 / (1 + exp(-x))")
hard_sigmoid = _activation("hard_sigmoid", "hard_sigmoid", "relu6(x + 3) / 6")
hard_silu = _activation("hard_silu", "hard_silu", "x relu6(x + 3) / 6 (Howard et al., arXiv:1905.02244)")
tanh = _activation("tanh", "tanh", "The hyperbolic tangent")
softplus = _activation("softplus", "softplus", "log(1 + exp(x))")
softsign = _activation("softsign", "softsign", "x / (1 + |x|)")
mish = _activation("mish", "mish", "x tanh(softplus(x)) (Misra, arXiv:1908.08681)")
swish = silu
hard_swish = hard_silu


def relu(x):
    """max(x, 0), element by element, of x's dtype; the gradient at 0 is 0."""
    x = to_tensor(x)
    return _activate(x, "relu") if is_float(dtype_of(x)) else maximum(x, 0)


def leaky_relu(x, negative_slope=0.2):
    """x where x > 0, `negative_slope` x elsewhere."""
    if negative_slope >= 0:
        return _activate(x, "leaky_relu", negative_slope)
    x = float_tensor(x)
    return add(_activate(x, "relu"), multiply(minimum(x, 0.0), float(negative_slope)))


def elu(x, alpha=1.0):
    """x where x > 0, `alpha` (exp(x) - 1) elsewhere (Clevert et al., arXiv:1511.07289)."""
    if alpha > 0:
        return _activate(x, "elu", alpha)
    x = float_tensor(x)
    return add(_activate(x, "relu"), multiply(expm1(minimum(x, 0.0)), float(alpha)))


def celu(x, alpha=1.0):
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0) (Barron, arXiv:1704.07483)."""
    x = float_tensor(x)
    return add(_activate(x, "relu"), multiply(expm1(multiply(minimum(x, 0.0), 1.0 / alpha)), float(alpha)))


def gelu(x, approximate=True):
    """x Phi(x), with Phi the normal distribution's cumulative function (Hendrycks and Gimpel, arXiv:1606.08415).

    Args:
        x: tensor.
        approximate: by x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; exact, through erf, when False.
    """
    return _activate(x, "gelu_tanh" if approximate else "gelu")


def exponential(x):
    """exp(x), as an activation."""
    return _activate(x, "exponential")


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x), exact for large |x|."""
    return apply("log_sigmoid", [float_tensor(x)])


def hard_tanh(x):
    """x limited to [-1, 1]."""
    return clip(float_tensor(x), -1.0, 1.0)


def tanh_shrink(x):
    """x - tanh(x)."""
    x = float_tensor(x)
    return subtract(x, tanh(x))


def soft_shrink(x, threshold=0.5):
    """sign(x) max(|x| - threshold, 0)."""
    x = float_tensor(x)
    return multiply(sign(x), _activate(subtract(absolute(x), float(threshold)), "relu"))


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, 0 elsewhere."""
    x = float_tensor(x)
    return apply("where", [apply("greater", [absolute(x), float(threshold)]), x, number_like(0, x)])


def threshold(x, threshold, default_value):
    """x where x > threshold, `default_value` elsewhere."""
    x = float_tensor(x)
    return apply("where", [apply("greater", [x, float(threshold)]), x, number_like(default_value, x)])


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2 (Barron, arXiv:2112.11687)."""
    x = float_tensor(x)
    return multiply(add(x, apply("sqrt", [add(apply("square", [x]), float(b))])), 0.5)


def sparse_plus(x):
    """0 for x <= -1, x for x >= 1, (x + 1)^2 / 4 between."""
    x = float_tensor(x)
    between = multiply(apply("square", [add(clip(x, -1.0, 1.0), 1.0)]), 0.25)
    return apply("where", [apply("greater_equal", [x, 1.0]), x, between])


def sparse_sigmoid(x):
    """0 for x <= -1, 1 for x >= 1, (x + 1) / 2 between."""
    return multiply(add(clip(float_tensor(x), -1.0, 1.0), 1.0), 0.5)


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
    return apply("in_top_k", [_indices(targets), float_tensor(predictions)], k=operator.index(k))
