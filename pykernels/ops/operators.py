"""Python's operators on tensors and variables."""

from __future__ import annotations

import numpy as np

from ..graph import Variable, set_operators, set_ufuncs
from . import array, binary, elementwise, indexing, linalg, types


def _reflected(function):
    def method(self, other):
        return function(other, self)

    return method


def _method(function):
    def method(self, other):
        return function(self, other)

    return method


def _unary(function):
    def method(self):
        return function(self)

    return method


def _reshape(self, *newshape):
    """`ops.reshape(self, newshape)`."""
    return array.reshape(self, newshape[0] if len(newshape) == 1 else newshape)


def _squeeze(self, axis=None):
    """`ops.squeeze(self, axis)`."""
    return array.squeeze(self, axis)


def _astype(self, dtype):
    """`ops.cast(self, dtype)`."""
    return types.cast(self, dtype)


_BINARY = {
    "add": binary.add,
    "sub": binary.subtract,
    "mul": binary.multiply,
    "truediv": binary.divide,
    "floordiv": binary.floor_divide,
    "mod": binary.mod,
    "pow": binary.power,
    "matmul": linalg.matmul,
    "and": binary.logical_and,
    "or": binary.logical_or,
    "xor": binary.logical_xor,
}
_COMPARISONS = {
    "eq": binary.equal,
    "ne": binary.not_equal,
    "lt": binary.less,
    "le": binary.less_equal,
    "gt": binary.greater,
    "ge": binary.greater_equal,
}
_UNARY = {"neg": elementwise.negative, "abs": elementwise.absolute, "invert": elementwise.logical_not}


def attach() -> None:
    """Gives `Tensor` and `Variable` their operators."""
    methods = {f"__{name}__": _method(f) for name, f in (_BINARY | _COMPARISONS).items()}
    methods |= {f"__r{name}__": _reflected(f) for name, f in _BINARY.items()}
    methods |= {f"__{name}__": _unary(f) for name, f in _UNARY.items()}
    methods |= {
        "__pos__": lambda self: self,
        "__getitem__": _method(indexing.get_item),
        "reshape": _reshape,
        "squeeze": _squeeze,
        "astype": _astype,
    }
    set_operators(methods, Variable)
    modules = (binary, elementwise, linalg)
    set_ufuncs(
        {name: getattr(m, name) for m in modules for name in dir(m) if isinstance(getattr(np, name, None), np.ufunc)}
    )
