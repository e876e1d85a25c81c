"""Python's operators on tensors and variables."""

from __future__ import annotations

import numpy as np

from ..graph import EagerArray, Tensor, Variable, eager, set_binary_ufuncs, set_operators, set_ufuncs
from ..graph.tensor import DTYPES
from . import array, binary, elementwise, indexing, linalg, reduction, types


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


# --- eager arrays --------------------------------------------------------------------------------------
_EAGER = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")  # what is left out is the same in NumPy
_REDUCTIONS = ("sum", "prod", "mean", "var", "std", "argmax", "argmin")


def _has_op(x) -> bool:
    """Whether x is something that ops take: of a dtype that they know."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.name in DTYPES
    return isinstance(x, (bool, int, float, Tensor, Variable))


def _eager_method(function, name: str, reflected: bool):
    numpy_method = getattr(np.ndarray, name)

    def method(self, other):
        if isinstance(other, (list, tuple)):
            other = np.asarray(other)
        if _has_op(self) and _has_op(other):
            return function(other, self) if reflected else function(self, other)
        return eager(numpy_method(np.asarray(self), other))

    method.__name__ = name
    return method


def _divmod(self, other):
    return self // other, self % other


def _eager_reduction(function, name: str):
    numpy_method = getattr(np.ndarray, name)

    def method(self, axis=None, dtype=None, out=None, keepdims=False, **more):
        if dtype is None and out is None and not any(more.values()) and _has_op(self):
            return function(self, axis=axis, keepdims=keepdims)
        kept = {"dtype": dtype} if name not in ("argmax", "argmin") else {}
        return eager(numpy_method(np.asarray(self), axis, out=out, keepdims=keepdims, **kept, **more))

    method.__name__ = name
    method.__doc__ = f"`ops.{name}`; with `dtype`, `out` or `ddof` NumPy's."
    return method


def _attach_eager() -> None:
    for name in _EAGER:
        for method, reflected in ((f"__{name}__", False), (f"__r{name}__", True)):
            setattr(EagerArray, method, _eager_method(_BINARY[name], method, reflected))
    EagerArray.__divmod__ = _divmod
    for name in _REDUCTIONS:
        setattr(EagerArray, name, _eager_reduction(getattr(reduction, name), name))
    numpy_names = {
        "sub": "subtract",
        "mul": "multiply",
        "truediv": "divide",
        "floordiv": "floor_divide",
        "pow": "power",
    }
    set_binary_ufuncs({getattr(np, numpy_names.get(name, name)): _BINARY[name] for name in _EAGER})


def attach() -> None:
    """Gives `Tensor`, `Variable` and `EagerArray` their operators."""
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
    _attach_eager()
