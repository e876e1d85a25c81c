"""Dtypes and operands: what an op accepts, and the one dtype in which it computes.

Promotion follows Keras: bool < uint8 < int32 < int64 < float32 < float64, where Python numbers are weak: they
take the dtype of the tensor beside them, and only a float among integers makes the result `floatx()`.
"""

from __future__ import annotations

import numpy as np

from .. import config
from ..graph import EagerArray, Tensor, Variable, apply, eager, is_recorded
from ..graph.tensor import DTYPES, dtype_of

__all__ = [
    "cast",
    "standardize_dtype",
]

_RANK = {"bool": 0, "uint8": 1, "int32": 2, "int64": 3}
_PYTHON_TYPES = {bool: "bool", int: "int32", float: "float32"}
_KNOWN_ELSEWHERE = frozenset(
    (
        *("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128", "string"),
        *("int4", "int8", "int16", "uint4", "uint16", "uint32", "uint64"),
    )
)


def standardize_dtype(dtype) -> str:
    """The name of a dtype: `"float32"` for `np.float32`, `float` or `"float32"`; `floatx()` for None.

    Raises:
        ValueError: not a dtype, or one that pykernels does not compute with.
    """
    if dtype is None:
        return config.floatx()
    if dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    if name in DTYPES:
        return name
    if name in _KNOWN_ELSEWHERE:
        raise ValueError(
            f"dtype '{name}' is not supported by pykernels, which computes with {', '.join(DTYPES)}. "
            "Convert the array first, for example with `array.astype('float32')`."
        )
    raise ValueError(f"Invalid dtype: {dtype}")


def is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def number_like(value, x) -> np.ndarray:
    """A constant scalar of x's dtype."""
    return np.asarray(value, dtype_of(x))


def passed_on(x):
    """x as a result of its own: the value that a variable has now, a copy of an array.

    What an op returns never changes with a later update of a variable, nor do updates in place of an array reach the
    op's argument.
    """
    if isinstance(x, Variable) or is_recorded(x):
        return apply("reshape", [x], shape=tuple(x.shape))
    return x.copy().view(EagerArray) if isinstance(x, np.ndarray) else x


def only_where(condition, x):
    """x where `condition`, 0 elsewhere: how a gradient is masked. A product with 0 would make NaN of an infinity."""
    return apply("where", [condition, x, number_like(0, x)])


def zero_where(condition, x):
    """0 where `condition`, x elsewhere."""
    return apply("where", [condition, number_like(0, x), x])


def is_symbolic(x) -> bool:
    return isinstance(x, Tensor)


def is_constant(x) -> bool:
    """No gradient can be asked for: an array that was recorded as it is."""
    return isinstance(x, np.ndarray)


def _is_weak(dtype) -> bool:
    return dtype is int or dtype is float


def result_type(*dtypes) -> str:
    """The dtype in which operands of these dtypes are computed. `int` and `float` stand for Python numbers."""
    strong = [standardize_dtype(d) for d in dtypes if not _is_weak(d)]
    floats = [d for d in strong if is_float(d)]
    if floats:
        return "float64" if "float64" in floats else "float32"
    if float in dtypes:
        return config.floatx()
    widest = max(strong, key=_RANK.__getitem__, default="int32")
    return "int32" if int in dtypes and widest == "bool" else widest


def float_type(dtype: str) -> str:
    """The dtype of a float function's result: the same float type, `floatx()` for integers and bool."""
    return dtype if is_float(dtype) else config.floatx()


def to_tensor(x, dtype=None):
    """Tensor, Variable or array of `x`, converted to `dtype` when one is given.

    Python floats and lists of them become `floatx()`, ints int32; arrays keep their dtype.
    """
    want = None if dtype is None else standardize_dtype(dtype)
    if isinstance(x, (list, tuple)) and _holds_tensors(x):
        x = _stacked(x)
    elif not (isinstance(x, (Tensor, Variable)) or is_recorded(x)):
        x = _to_array(x, want)
    return x if want is None or dtype_of(x) == want else apply("cast", [x], dtype=want)


def _holds_tensors(items) -> bool:
    return any(
        isinstance(x, (Tensor, Variable)) or is_recorded(x) or (isinstance(x, (list, tuple)) and _holds_tensors(x))
        for x in items
    )


def _stacked(items):
    """A nested list with tensors in it as one tensor."""
    parts = operands(*(to_tensor(x) for x in items))
    shapes = {tuple(x.shape) for x in parts}
    if len(shapes) > 1:
        raise ValueError(f"A list of tensors becomes one tensor only if they have one shape, got {sorted(shapes)}")
    rows = [apply("reshape", [x], shape=(1, *(-1 if d is None else d for d in x.shape))) for x in parts]
    return apply("concatenate", rows, axis=0)


def _to_array(x, want) -> np.ndarray:
    array = np.asarray(x)
    if isinstance(x, (bool, int, float, list, tuple)):  # Python's own numbers, and np.float64, have no dtype to keep
        if array.dtype == np.float64:
            array = array.astype(config.floatx() if want is None else want)
        elif array.dtype == np.int64 and (array.size == 0 or -(2**31) <= array.min() <= array.max() < 2**31):
            array = array.astype("int32")
    if dtype_of(array) not in DTYPES:
        if array.dtype.kind not in "fiub":
            raise ValueError(f"A tensor cannot be made of an array of dtype {array.dtype}: {x!r:.80}")
        if want is None:
            standardize_dtype(array.dtype)
        array = array.astype(want)
    return array


def operands(*xs, like: str | None = None) -> list:
    """The operands of a broadcasting op, all of one dtype (`result_type` of them, and of `like` if given).

    A float64 array beside a float32 tensor or variable is a constant in NumPy's default dtype, not a wish for double
    precision: it counts as a Python number does.
    """
    xs = [_scalar_or_tensor(x) for x in xs]
    beside_tensor = any(isinstance(x, (Tensor, Variable, EagerArray)) for x in xs)
    dtypes = [_dtype_or_weak(x, beside_tensor) for x in xs]
    dtype = result_type(*dtypes) if like is None else result_type(*dtypes, like)
    return [_as(x, dtype) for x in xs]


def _scalar_or_tensor(x):
    if isinstance(x, (Tensor, Variable, np.ndarray)):
        return x
    if isinstance(x, bool):
        return np.asarray(x)
    if isinstance(x, float):  # np.float64 too
        return float(x)
    return x if isinstance(x, int) else to_tensor(x)


def _dtype_or_weak(x, beside_tensor: bool):
    if isinstance(x, (int, float)):
        return type(x)
    if beside_tensor and type(x) is np.ndarray and x.dtype == np.float64:
        return float
    return dtype_of(x)


def _as(x, dtype: str):
    if isinstance(x, (int, float)):
        return np.asarray(x, dtype)
    return x if dtype_of(x) == dtype else apply("cast", [x], dtype=dtype)


def cast(x, dtype):
    """`x` converted to `dtype`, a value of its own. Floats are truncated towards zero; to bool: not equal to zero."""
    y = to_tensor(x, dtype)
    return passed_on(y) if y is x else eager(y)


def float_tensor(x):
    """`x` as a float tensor: integers and bool become `floatx()`."""
    x = to_tensor(x)
    dtype = dtype_of(x)
    return x if is_float(dtype) else apply("cast", [x], dtype=config.floatx())


def to_indices(x):
    """Indices as kernels read them: int32."""
    x = to_tensor(x)
    if dtype_of(x) == "int32":
        return x
    if isinstance(x, np.ndarray) and x.dtype == np.int64 and x.size and not -(2**31) <= x.min() <= x.max() < 2**31:
        return np.clip(x, -(2**31), 2**31 - 1).astype(np.int32)  # out of range anyway, and stays so
    return apply("cast", [x], dtype="int32")


def compute(name: str, xs, **attrs):
    """`apply` for arithmetic, which has no uint8 kernels: that is computed in int32 and wraps round, as in NumPy."""
    if dtype_of(xs[0]) != "uint8":
        return apply(name, xs, **attrs)
    wide = [apply("cast", [x], dtype="int32") for x in xs]
    return apply("cast", [apply(name, wide, **attrs)], dtype="uint8")
