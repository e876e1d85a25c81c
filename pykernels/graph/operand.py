"""What ops take besides plain arrays, and what Python's operators mean on it.

The functions behind the operators are those of `pykernels.ops`, the package above this one. It states them once, with
`implement`; the methods here look them up when they are called.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Python's binary operators, by the name of their method without underscores.
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
#: The other operators and methods of `Operand`.
OTHERS = ("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs", "invert", "getitem", "reshape", "squeeze", "astype")
#: What `EagerArray`s leave to NumPy unless a gradient has to flow through it.
ARRAY_METHODS = ("transpose", "max", "min")
#: Methods of `EagerArray`, `(x, axis, keepdims)`.
REDUCTIONS = ("sum", "prod", "mean", "var", "std", "argmax", "argmin")

_operators: dict[str, Callable] = {}
_ufuncs: dict[np.ufunc, Callable] = {}


def implement(operators: dict[str, Callable], ufuncs: dict[np.ufunc, Callable]) -> None:
    """States what operators and NumPy's universal functions do with operands; called by `pykernels.ops`.

    Args:
        operators: a function for each name of `BINARY`, `OTHERS`, `ARRAY_METHODS` and `REDUCTIONS`; the operands come
            in their order.
        ufuncs: a function of the same arguments for each of NumPy's universal functions that tensors take.

    Raises:
        ValueError: when a name is missing or unknown.
    """
    differing = set(operators) ^ {*BINARY, *OTHERS, *ARRAY_METHODS, *REDUCTIONS}
    if differing:
        raise ValueError(f"implement() needs a function for each operator and no others; these differ: {differing}")
    _operators.update(operators)
    _ufuncs.update(ufuncs)


def operator(name: str) -> Callable:
    """The function behind an operator or method."""
    return _operators[name]


def function_of(ufunc: np.ufunc) -> Callable | None:
    """The op that one of NumPy's universal functions means; None for those that have none."""
    return _ufuncs.get(ufunc)


def _binary(name: str):
    def method(self, other):
        return _operators[name](self, other)

    return method


def _reflected(name: str):
    def method(self, other):
        return _operators[name](other, self)

    return method


def _unary(name: str):
    def method(self):
        return _operators[name](self)

    return method


class Operand:
    """Base of tensors and variables: arithmetic, comparison and indexing are those of `pykernels.ops`."""

    __slots__ = ()
    __array_priority__ = 1000

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("sub"), _reflected("sub")
    __mul__, __rmul__ = _binary("mul"), _reflected("mul")
    __truediv__, __rtruediv__ = _binary("truediv"), _reflected("truediv")
    __floordiv__, __rfloordiv__ = _binary("floordiv"), _reflected("floordiv")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("pow"), _reflected("pow")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("and"), _reflected("and")
    __or__, __ror__ = _binary("or"), _reflected("or")
    __xor__, __rxor__ = _binary("xor"), _reflected("xor")
    __eq__, __ne__ = _binary("eq"), _binary("ne")
    __lt__, __le__ = _binary("lt"), _binary("le")
    __gt__, __ge__ = _binary("gt"), _binary("ge")
    __neg__, __abs__, __invert__ = _unary("neg"), _unary("abs"), _unary("invert")
    __getitem__ = _binary("getitem")
    # identity, not value: `==` is an op, set and dict keys are objects
    __hash__ = object.__hash__

    def __pos__(self):
        return self

    def reshape(self, *newshape):
        """`ops.reshape(self, newshape)`."""
        return _operators["reshape"](self, newshape[0] if len(newshape) == 1 else newshape)

    def squeeze(self, axis=None):
        """`ops.squeeze(self, axis)`."""
        return _operators["squeeze"](self, axis)

    def astype(self, dtype):
        """`ops.cast(self, dtype)`."""
        return _operators["astype"](self, dtype)
