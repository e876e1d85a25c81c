"""Activations element by element, with Keras's names and defaults of `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..graph import OP_TABLES, apply, define
from .binary import add, maximum, minimum, multiply, subtract
from .curvature import curvature
from .elementwise import clip, expm1, log_sigmoid
from .types import dtype_of, float_tensor, is_float, number_like, passed_on, to_tensor

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

#: What the kernels know of the activations they run, also as epilogues (csrc/kernels/activations.def).
TABLE = OP_TABLES["activation"]


# --- definitions -----------------------------------------------------------------------------------
def _infer(types, attrs):
    name = attrs["activation"]
    if name not in TABLE:
        raise ValueError(f"activation must be one of {sorted(TABLE)}, got {name!r}")
    return [types[0]]


def _grad(node, dy):
    read = TABLE[node.attrs["activation"]]["gradient_reads"]
    return [apply("activation_grad", [(node.outputs if read == "output" else node.inputs)[0], dy], **node.attrs)]


define("activation", infer=_infer, grad=_grad)


def _grad_of_grad(node, g):
    ref, dy = node.inputs
    change = curvature(node.attrs["activation"], node.attrs["alpha"], ref)
    return [None if change is None else g * dy * change, apply("activation_grad", [ref, g], **node.attrs)]


define("activation_grad", infer=lambda types, attrs: [types[0]], grad=_grad_of_grad)


@dataclass(frozen=True)
class Form:
    """How files name an activation.

    Args:
        keras: the module of `keras.src.ops` with its operation class; None when Keras has no such class.
        keras_class: that class, where it is not the activation's name in camel case.
        keras_arguments: the arguments of that class, from alpha.
        onnx: the ONNX operator that takes x and no attributes. None: see `saving.onnx.rules`.
    """

    keras: str | None = "nn"
    keras_class: str | None = None
    keras_arguments: Callable[[float], dict] = lambda alpha: {}
    onnx: str | None = None


#: Of each activation in `TABLE`.
FORMS = {
    "linear": Form(keras=None),
    "relu": Form(onnx="Relu"),
    "leaky_relu": Form(keras_arguments=lambda alpha: {"negative_slope": alpha}),
    "elu": Form(keras_arguments=lambda alpha: {"alpha": alpha}),
    "celu": Form(keras_arguments=lambda alpha: {"alpha": alpha}),
    "soft_shrink": Form(keras_arguments=lambda alpha: {"threshold": alpha}),
    "hard_shrink": Form(keras_arguments=lambda alpha: {"threshold": alpha}),
    "squareplus": Form(keras_arguments=lambda alpha: {"b": alpha}),
    "hard_tanh": Form(),
    "gelu": Form(keras_arguments=lambda alpha: {"approximate": False}),
    "gelu_tanh": Form(keras_class="Gelu", keras_arguments=lambda alpha: {"approximate": True}),
    "exponential": Form("numpy", "Exp", onnx="Exp"),
}


# --- public functions ------------------------------------------------------------------------------
def _activate(x, name, alpha=0.0):
    return apply("activation", [float_tensor(x)], activation=name, alpha=float(alpha))


def _activation(name: str, paper: str = "", *, keras: str = "nn", onnx: str | None = None):
    """The public function of an activation without a parameter, and its form in files."""
    FORMS[name] = Form(keras, onnx=onnx)

    def function(x):
        return apply("activation", [float_tensor(x)], activation=name, alpha=0.0)

    function.__name__ = function.__qualname__ = name
    source = f" ({paper})" if paper else ""
    function.__doc__ = (
        f"{TABLE[name]['formula']}{source}, element by element. Float in, same dtype out; integers become `floatx()`."
    )
    return function


relu6 = _activation("relu6")
selu = _activation("selu", "Klambauer et al., arXiv:1706.02515", onnx="Selu")
silu = _activation("silu", "Ramachandran et al., arXiv:1710.05941")
sigmoid = _activation("sigmoid", onnx="Sigmoid")
hard_sigmoid = _activation("hard_sigmoid")
hard_silu = _activation("hard_silu", "Howard et al., arXiv:1905.02244", onnx="HardSwish")
tanh = _activation("tanh", keras="numpy", onnx="Tanh")
softplus = _activation("softplus", onnx="Softplus")
softsign = _activation("softsign", onnx="Softsign")
tanh_shrink = _activation("tanh_shrink")
sparse_plus = _activation("sparse_plus", "Martins and Astudillo, arXiv:1602.02068")
sparse_sigmoid = _activation("sparse_sigmoid", "Martins and Astudillo, arXiv:1602.02068")
mish = _activation("mish", "Misra, arXiv:1908.08681", keras="activations")
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
    """x where x > 0, `alpha` (exp(x / alpha) - 1) elsewhere (Barron, arXiv:1704.07483)."""
    if alpha > 0:
        return _activate(x, "celu", alpha)
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


def hard_tanh(x):
    """x limited to [-1, 1], of x's dtype (bool becomes int32)."""
    x = to_tensor(x)
    return _activate(x, "hard_tanh") if is_float(dtype_of(x)) else clip(x, -1, 1)


def soft_shrink(x, threshold=0.5):
    """x - threshold where x > threshold, x + threshold where x < -threshold, 0 between."""
    if threshold >= 0:
        return _activate(x, "soft_shrink", threshold)
    x = float_tensor(x)
    above = apply("greater", [x, float(threshold)])
    return apply("where", [above, subtract(x, float(threshold)), add(x, float(threshold))])


def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, 0 elsewhere."""
    return _activate(x, "hard_shrink", threshold) if threshold >= 0 else passed_on(float_tensor(x))


def threshold(x, threshold, default_value):
    """x where x > threshold, `default_value` elsewhere."""
    x = float_tensor(x)
    return apply("where", [apply("greater", [x, float(threshold)]), x, number_like(default_value, x)])


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2 (Barron, arXiv:2112.11687)."""
    if b >= 0:
        return _activate(x, "squareplus", b)
    x = float_tensor(x)
    return multiply(add(x, apply("sqrt", [add(apply("square", [x]), float(b))])), 0.5)
