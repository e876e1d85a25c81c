"""What the tests of arguments share: each argument in a signature has a row, and each row shows that it acts."""

from __future__ import annotations

import inspect

import numpy as np


def parameters(function) -> set[str]:
    """The names in a signature, without `self`, `*args` and `**kwargs`."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name for p in inspect.signature(function).parameters.values() if p.kind not in kinds} - {"self"}


def same(a, b) -> bool:
    """Whether two observations (arrays, numbers, strings, and lists, tuples and dicts of them) are equal bit by bit."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return type(a) is type(b) and (a == b or (a != a and b != b))
