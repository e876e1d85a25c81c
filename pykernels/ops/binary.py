"""Functions of two or three tensors that broadcast: arithmetic, comparison, choice."""

from __future__ import annotations

from ..graph import NONDIFFERENTIABLE, apply, define
from .shapes import broadcast, unbroadcast
from .types import (
    compute,
    dtype_of,
    float_tensor,
    float_type,
    is_constant,
    is_float,
    number_like,
    only_where,
    operands,
    passed_on,
    to_tensor,
    zero_where,
)

__all__ = [
    "add",
    "arctan2",
    "divide",
    "divide_no_nan",
    "equal",
    "floor_divide",
    "greater",
    "greater_equal",
    "isclose",
    "less",
    "less_equal",
    "logaddexp",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "not_equal",
    "power",
    "squared_difference",
    "subtract",
    "true_divide",
    "where",
]


# --- definitions -----------------------------------------------------------------------------------
def _broadcast(types, attrs):
    (a, dtype), (b, other) = types
    if dtype != other:
        raise ValueError(f"operands have dtypes {dtype} and {other}; cast one of them")
    return [(broadcast(a, b), dtype)]


def _compare(types, attrs):
    return [(_broadcast(types, attrs)[0][0], "bool")]


def _define(name, grad, keras="numpy", onnx=None):
    """`grad(a, b, y, dy) -> (da, db)`, each a function of nothing: only the side that needs one is recorded."""

    def backward(node, dy):
        a, b = node.inputs
        sides = grad(a, b, node.outputs[0], dy)
        return [None if is_constant(x) else unbroadcast(dx(), x.shape) for x, dx in zip((a, b), sides, strict=True)]

    define(name, infer=_broadcast, grad=backward, keras=keras, onnx=onnx)


def _share(wins, a, b, dy):
    """dy where a wins, its half at a tie, 0 elsewhere: so that the gradients of a and b sum to dy."""
    return apply("where", [apply(wins, [a, b]), dy, only_where(apply("equal", [a, b]), dy * 0.5)])


def _power_base_grad(a, b, dy):
    """b a ** (b - 1), and 0 where b = 0, also at a = 0."""
    zero = apply("equal", [b, 0.0])
    slope = b * apply("power", [a, apply("where", [zero, number_like(1, b), b - 1.0])])
    if is_constant(b) and b.all():
        return dy * slope
    return zero_where(zero, dy * slope)


def _power_exponent_grad(a, y, dy):
    """y log(a), and 0 where a = 0."""
    zero = apply("equal", [a, 0.0])
    return zero_where(zero, dy * y * apply("log", [apply("where", [zero, number_like(1, a), a])]))


_define("add", lambda a, b, y, dy: (lambda: dy, lambda: dy), onnx="Add")
_define("subtract", lambda a, b, y, dy: (lambda: dy, lambda: -dy), onnx="Sub")
_define("multiply", lambda a, b, y, dy: (lambda: dy * b, lambda: dy * a), onnx="Mul")
_define("divide", lambda a, b, y, dy: (lambda: dy / b, lambda: -dy * y / b), onnx="Div")
_define(
    "maximum",
    lambda a, b, y, dy: (lambda: _share("greater", a, b, dy), lambda: _share("greater", b, a, dy)),
    onnx="Max",
)
_define("minimum", lambda a, b, y, dy: (lambda: _share("less", a, b, dy), lambda: _share("less", b, a, dy)), onnx="Min")
_define(
    "power",
    lambda a, b, y, dy: (lambda: _power_base_grad(a, b, dy), lambda: _power_exponent_grad(a, y, dy)),
    onnx="Pow",
)
_define("mod", lambda a, b, y, dy: (lambda: dy, lambda: -dy * apply("floor_divide", [a, b])))
_define(
    "arctan2",
    lambda a, b, y, dy: (lambda: dy * (b / (a * a + b * b)), lambda: dy * (-a / (a * a + b * b))),
)
_define(
    "squared_difference",
    lambda a, b, y, dy: (lambda: dy * ((a - b) * 2.0), lambda: dy * ((b - a) * 2.0)),
    keras=None,
)
define("floor_divide", infer=_broadcast, grad=NONDIFFERENTIABLE, keras="numpy")

_COMPARISONS = {
    **{"equal": "Equal", "not_equal": None, "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater"},
    **{"greater_equal": "GreaterOrEqual", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"},
}
for _name, _onnx in _COMPARISONS.items():
    define(_name, infer=_compare, grad=NONDIFFERENTIABLE, keras="numpy", onnx=_onnx)


def _where_infer(types, attrs):
    (c, condition), a, b = types
    if condition != "bool":
        raise ValueError(f"the condition of where must be bool, got {condition}")
    shape, dtype = _broadcast([a, b], attrs)[0]
    return [(broadcast(c, shape), dtype)]


def _where_grad(node, dy):
    c, a, b = node.inputs
    return [
        None,
        None if is_constant(a) else unbroadcast(only_where(c, dy), a.shape),
        None if is_constant(b) else unbroadcast(zero_where(c, dy), b.shape),
    ]


define("where", infer=_where_infer, grad=_where_grad, keras="numpy")


# --- public functions ------------------------------------------------------------------------------
def _function(name: str, formula: str, is_comparison=False):
    def function(x1, x2):
        return apply(name, operands(x1, x2))

    function.__name__ = function.__qualname__ = name
    out = "bool" if is_comparison else "the dtype to which x1 and x2 promote"
    function.__doc__ = (
        f"{formula}, element by element, with broadcasting. Result: {out}. "
        "Raises ValueError when the shapes do not broadcast."
    )
    return function


def _number_operands(x1, x2):
    x1, x2 = operands(x1, x2)
    if dtype_of(x1) == "bool":
        x1, x2 = (apply("cast", [x], dtype="int32") for x in (x1, x2))
    return [x1, x2]


def _float_operands(x1, x2):
    x1, x2 = operands(x1, x2)
    dtype = float_type(dtype_of(x1))
    return [x if dtype_of(x) == dtype else apply("cast", [x], dtype=dtype) for x in (x1, x2)]


def _arithmetic(name: str, bool_op: str | None, formula: str):
    """Arithmetic; of two bools `bool_op` where that is defined (add is or, multiply is and, as in NumPy)."""

    def function(x1, x2):
        pair = operands(x1, x2)
        if dtype_of(pair[0]) == "bool":
            if bool_op is not None:
                return apply(bool_op, pair)
            pair = [apply("cast", [x], dtype="int32") for x in pair]
        return compute(name, pair)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{formula}, element by element, with broadcasting. Result: the dtype to which x1 and x2 promote. "
        "Raises ValueError when the shapes do not broadcast."
    )
    return function


add = _arithmetic("add", "logical_or", "x1 + x2")
subtract = _arithmetic("subtract", None, "x1 - x2")
multiply = _arithmetic("multiply", "logical_and", "x1 * x2")
maximum = _arithmetic(
    "maximum", "logical_or", "The larger of x1 and x2, NaN if either is; at a tie the gradient is halved"
)
minimum = _arithmetic(
    "minimum", "logical_and", "The smaller of x1 and x2, NaN if either is; at a tie the gradient is halved"
)
floor_divide = _arithmetic("floor_divide", None, "floor(x1 / x2)")
mod = _arithmetic("mod", None, "x1 - floor(x1 / x2) * x2: the remainder with the sign of x2")
equal = _function("equal", "x1 == x2", is_comparison=True)
not_equal = _function("not_equal", "x1 != x2", is_comparison=True)
less = _function("less", "x1 < x2", is_comparison=True)
less_equal = _function("less_equal", "x1 <= x2", is_comparison=True)
greater = _function("greater", "x1 > x2", is_comparison=True)
greater_equal = _function("greater_equal", "x1 >= x2", is_comparison=True)


def divide(x1, x2):
    """x1 / x2, element by element, with broadcasting. Integers become `floatx()`.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    x1, x2 = _float_operands(x1, x2)
    return apply("divide", [x1, x2])


true_divide = divide


def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0; the gradient is 0 there too."""
    x1, x2 = _float_operands(x1, x2)
    zero = apply("equal", [x2, 0])
    quotient = apply("divide", [x1, apply("where", [zero, number_like(1, x2), x2])])
    return apply("where", [zero, number_like(0, x2), quotient])


def power(x1, x2):
    """x1 ** x2, element by element, with broadcasting. Integers to integer powers stay integers.

    Raises:
        ValueError: the shapes do not broadcast.
    """
    if isinstance(x2, (int, float)) and not isinstance(x2, bool):
        base, _ = _number_operands(x1, type(x2)(0))
        if x2 == 1:
            return passed_on(base)
        if x2 == 2:
            return compute("square", [base])
        if x2 == 0.5:
            return apply("sqrt", [float_tensor(base)])
    return compute("power", _number_operands(x1, x2))


def arctan2(x1, x2):
    """The angle of the point (x2, x1), from -pi to pi, with broadcasting. Integers become `floatx()`."""
    x1, x2 = _float_operands(x1, x2)
    return apply("arctan2", [x1, x2])


def squared_difference(x1, x2):
    """(x1 - x2) ** 2 in one sweep, with broadcasting."""
    return compute("squared_difference", _number_operands(x1, x2))


def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)) without overflow: max + log1p(exp(-|x1 - x2|))."""
    x1, x2 = _float_operands(x1, x2)
    distance = apply("absolute", [apply("subtract", [x1, x2])])
    return apply("add", [apply("maximum", [x1, x2]), apply("log1p", [apply("exp", [apply("negative", [distance])])])])


def logical_and(x1, x2):
    """bool: both x1 and x2 are not zero; with broadcasting."""
    return apply("logical_and", [to_tensor(x1, "bool"), to_tensor(x2, "bool")])


def logical_or(x1, x2):
    """bool: x1 or x2 is not zero; with broadcasting."""
    return apply("logical_or", [to_tensor(x1, "bool"), to_tensor(x2, "bool")])


def logical_xor(x1, x2):
    """bool: exactly one of x1 and x2 is not zero; with broadcasting."""
    return apply("logical_xor", [to_tensor(x1, "bool"), to_tensor(x2, "bool")])


def where(condition, x1=None, x2=None):
    """x1 where `condition` is true, x2 elsewhere; all three broadcast.

    Args:
        condition: tensor; anything not zero is true.
        x1, x2: tensors or numbers.

    Returns:
        A tensor of the dtype to which x1 and x2 promote.

    Raises:
        ValueError: x1 or x2 is missing (the form that returns indices has a result of unknown shape), or the
            shapes do not broadcast.
    """
    if x1 is None or x2 is None:
        raise ValueError("`where` needs both `x1` and `x2`; for the indices of the true elements use numpy.nonzero")
    return apply("where", [to_tensor(condition, "bool"), *operands(x1, x2)])


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """bool: |x1 - x2| <= atol + rtol |x2|, or both the same infinity, or (with `equal_nan`) both NaN."""
    x1, x2 = operands(x1, x2)
    if not is_float(dtype_of(x1)):
        x1, x2 = (apply("cast", [x], dtype="float64") for x in (x1, x2))
    allowed = add(multiply(apply("absolute", [x2]), rtol), atol)
    near = apply("less_equal", [apply("absolute", [apply("subtract", [x1, x2])]), allowed])
    finite = logical_and(apply("isfinite", [x1]), apply("isfinite", [x2]))
    close = logical_or(logical_and(near, finite), apply("equal", [x1, x2]))
    if equal_nan:
        close = logical_or(close, logical_and(apply("isnan", [x1]), apply("isnan", [x2])))
    return close
