"""The functions behind Python's operators and NumPy's functions on tensors, variables and eager arrays."""

from __future__ import annotations

import numpy as np

from . import array, binary, elementwise, indexing, linalg, reduction, types

OPERATORS = {
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
    "eq": binary.equal,
    "ne": binary.not_equal,
    "lt": binary.less,
    "le": binary.less_equal,
    "gt": binary.greater,
    "ge": binary.greater_equal,
    "neg": elementwise.negative,
    "abs": elementwise.absolute,
    "invert": elementwise.logical_not,
    "getitem": indexing.get_item,
    "reshape": array.reshape,
    "squeeze": array.squeeze,
    "astype": types.cast,
    "transpose": array.transpose,
    "max": reduction.max,
    "min": reduction.min,
    "sum": reduction.sum,
    "prod": reduction.prod,
    "mean": reduction.mean,
    "var": reduction.var,
    "std": reduction.std,
    "argmax": reduction.argmax,
    "argmin": reduction.argmin,
}


def _ufuncs() -> dict:
    """NumPy's universal functions that are ops of the same name."""
    found = {}
    for module in (binary, elementwise, linalg):
        for name in dir(module):
            ufunc = getattr(np, name, None)
            if isinstance(ufunc, np.ufunc):
                found[ufunc] = getattr(module, name)
    return found


UFUNCS = _ufuncs()
