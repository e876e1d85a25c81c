"""Tensors from nothing, or shaped like another; to and from NumPy."""

from __future__ import annotations

import numpy as np

from .. import config
from ..graph import NONDIFFERENTIABLE, Tensor, Variable, apply, custom_gradient, define, eager
from .binary import where
from .shapes import dims_of, known, unknown
from .types import dtype_of, number_like, passed_on, standardize_dtype, to_tensor

__all__ = [
    "arange",
    "array",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "custom_gradient",
    "dtype",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "identity",
    "is_tensor",
    "linspace",
    "ndim",
    "ones",
    "ones_like",
    "shape",
    "size",
    "stop_gradient",
    "tri",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]

define(
    "fill",
    infer=lambda types, attrs: [(unknown(attrs["shape"]), attrs["dtype"])],
    grad=NONDIFFERENTIABLE,
)


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """x as something that ops take, a value of its own: symbolic tensors stay, the rest becomes a NumPy array.

    Args:
        x: tensor, variable, array, number, or nested lists of numbers.
        dtype: of the result. By default arrays keep theirs, floats become `floatx()`, ints int32.
        sparse, ragged: must be None or False.

    Raises:
        ValueError: no array of numbers can be made of x, or its dtype is not supported.
    """
    if sparse or ragged:
        raise ValueError("pykernels has neither sparse nor ragged tensors")
    y = to_tensor(x, dtype)
    return passed_on(y) if y is x else eager(y)


def array(x, dtype=None):
    """`convert_to_tensor(x, dtype)`."""
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x):
    """The values of an array or variable as a NumPy array.

    Raises:
        ValueError: x is symbolic: it has no values yet.
    """
    if isinstance(x, Tensor):
        raise ValueError(f"A symbolic tensor has no values to convert to NumPy. Received: {x!r}")
    return x.numpy() if isinstance(x, Variable) else np.asarray(x)


def is_tensor(x) -> bool:
    """Whether x is a tensor: symbolic, a variable, or an array (what ops return)."""
    return isinstance(x, (Tensor, Variable, np.ndarray))


def shape(x) -> tuple:
    """The shape of x: a tuple of ints, with None for an unknown batch."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x) -> int:
    """The number of dimensions of x."""
    return len(shape(x))


def size(x):
    """The number of elements of x; None when an extent is unknown."""
    dims = shape(x)
    return None if None in dims else int(np.prod(dims, dtype=np.int64))


def dtype(x) -> str:
    """The dtype of x by name, as it would be as a tensor: `floatx()` for a Python float."""
    return dtype_of(to_tensor(x))


def copy(x):
    """A copy of an array, the value of a variable; a symbolic tensor itself, since tensors never change."""
    return convert_to_tensor(x)


def stop_gradient(variable):
    """The same values, through which no gradient flows."""
    x = to_tensor(variable)
    return apply("reshape", [x], shape=known(x.shape), differentiable=False)


def _concrete(shape) -> tuple:
    dims = dims_of(shape)
    if any(d is None or d < 0 for d in dims):
        raise ValueError(f"shape must be concrete and not negative, got {dims}; for an unknown batch use `full_like`")
    return tuple(int(d) for d in dims)


def zeros(shape, dtype=None):
    """An array of zeros; `dtype` defaults to `floatx()`."""
    return eager(np.zeros(_concrete(shape), standardize_dtype(dtype)))


def ones(shape, dtype=None):
    """An array of ones; `dtype` defaults to `floatx()`."""
    return eager(np.ones(_concrete(shape), standardize_dtype(dtype)))


def empty(shape, dtype=None):
    """An array of zeros: Keras leaves the values open, these are the same in every run."""
    return zeros(shape, dtype)


def full(shape, fill_value, dtype=None):
    """An array filled with `fill_value` (a number, or a tensor that broadcasts); `dtype` defaults to `floatx()`."""
    value, dims = to_tensor(fill_value, standardize_dtype(dtype)), _concrete(shape)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return eager(np.full(dims, value))
    return apply("broadcast_to", [value], shape=dims)


def full_like(x, fill_value, dtype=None):
    """A tensor of x's shape (which may be unknown in parts) filled with `fill_value`; `dtype` defaults to x's."""
    x = to_tensor(x)
    dtype = dtype_of(x) if dtype is None else standardize_dtype(dtype)
    if None not in x.shape:
        return full(x.shape, fill_value, dtype)
    value = to_tensor(fill_value, dtype)
    return where(apply("isnan", [x]), value, value)


def zeros_like(x, dtype=None):
    """Zeros of x's shape; `dtype` defaults to x's."""
    return full_like(x, 0, dtype)


def ones_like(x, dtype=None):
    """Ones of x's shape; `dtype` defaults to x's."""
    return full_like(x, 1, dtype)


empty_like = zeros_like


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from `start` (0 when only one is given) up to but not including `stop`, `step` apart.

    Ints give int32, floats `floatx()`, unless `dtype` says otherwise.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    if dtype is None:
        floats = any(isinstance(v, (float, np.floating)) for v in (start, stop, step))
        dtype = config.floatx() if floats else "int32"
    return eager(np.arange(start, stop, step).astype(standardize_dtype(dtype)))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` evenly spaced numbers from `start` to `stop` (included with `endpoint`); with `retstep` also the step."""
    values, step = np.linspace(start, stop, num, endpoint=endpoint, retstep=True, axis=axis)
    values = eager(values.astype(standardize_dtype(dtype)))
    return (values, eager(values.dtype.type(step))) if retstep else values


def eye(N, M=None, k=0, dtype=None):  # noqa: N803 - Keras's names
    """An (N, M) array with ones on the k-th diagonal; M defaults to N, `dtype` to `floatx()`."""
    return eager(np.eye(N, M, k, dtype=standardize_dtype(dtype)))


def identity(n, dtype=None):
    """The (n, n) identity matrix; `dtype` defaults to `floatx()`."""
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):  # noqa: N803 - Keras's names
    """An (N, M) array with ones on and below the k-th diagonal."""
    return eager(np.tri(N, M, k, dtype=standardize_dtype(dtype)))


def _triangle(x, k, lower):
    x = to_tensor(x)
    if len(x.shape) < 2 or None in x.shape[-2:]:
        raise ValueError(f"the last two dimensions must be there and known. Received: x.shape={x.shape}")
    mask = np.tri(*x.shape[-2:], k if lower else k - 1, dtype=bool)
    return where(mask if lower else ~mask, x, number_like(0, x))


def tril(x, k=0):
    """x with zeros above the k-th diagonal of its last two axes."""
    return _triangle(x, k, lower=True)


def triu(x, k=0):
    """x with zeros below the k-th diagonal of its last two axes."""
    return _triangle(x, k, lower=False)
