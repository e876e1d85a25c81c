"""TensorFlow's dtypes and shapes: names and tuples with the attributes that scripts ask them for."""

from __future__ import annotations

import numpy as np

from ..graph import EagerArray, Variable
from ..graph import Tensor as SymbolicTensor
from ..graph.tensor import DTYPES

__all__ = ["DType", "Tensor", "TensorShape", "as_dtype"]

NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "bfloat16", "complex64", "complex128", "string"),
)


class DType(str):
    """A dtype: its name, which ops take, with TensorFlow's attributes."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def as_numpy_dtype(self):
        """NumPy's scalar type; ValueError for those that NumPy lacks."""
        if self == "bfloat16":
            raise ValueError("NumPy has no bfloat16")
        return np.dtype("object" if self == "string" else str(self)).type

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return 2 if self == "bfloat16" else 1 if self == "string" else np.dtype(str(self)).itemsize

    @property
    def is_floating(self) -> bool:
        return self.startswith(("float", "bfloat"))

    @property
    def is_integer(self) -> bool:
        return self.startswith(("int", "uint"))

    @property
    def is_complex(self) -> bool:
        return self.startswith("complex")

    @property
    def is_bool(self) -> bool:
        return self == "bool"

    @property
    def is_unsigned(self) -> bool:
        return self.startswith("uint")

    @property
    def is_numpy_compatible(self) -> bool:
        return self != "bfloat16"

    def _limits(self):
        return np.finfo(str(self)) if self.is_floating else np.iinfo(str(self))

    @property
    def min(self):
        return self._limits().min

    @property
    def max(self):
        return self._limits().max

    def __repr__(self):
        return f"tf.{self}"


DTYPE = {name: DType(name) for name in NAMES}


def as_dtype(type_value) -> DType:
    """The dtype of a name, a NumPy dtype or a Python type. Raises TypeError for anything else."""
    if isinstance(type_value, str) and type_value in DTYPE:
        return DTYPE[str(type_value)]
    try:
        return DTYPE[np.dtype(type_value).name.replace("str", "string")]
    except (TypeError, KeyError):
        raise TypeError(f"Cannot convert the argument `type_value`: {type_value!r} to a TensorFlow DType.") from None


class TensorShape(tuple):
    """A shape: a tuple of ints and None, with TensorFlow's methods."""

    __slots__ = ()

    def __new__(cls, dims=()):
        return super().__new__(cls, (dims,) if isinstance(dims, int) else tuple(dims))

    @property
    def rank(self) -> int:
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list:
        return list(self)

    def as_list(self) -> list:
        return list(self)

    def num_elements(self) -> int | None:
        return None if None in self else int(np.prod(self, dtype=np.int64))

    def is_fully_defined(self) -> bool:
        return None not in self

    def assert_is_compatible_with(self, other) -> None:
        """Raises ValueError unless `is_compatible_with`."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {tuple(self)} and {tuple(other)} are incompatible")

    def is_compatible_with(self, other) -> bool:
        """Whether some shape is described by both."""
        other = tuple(other)
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def concatenate(self, other) -> TensorShape:
        return TensorShape((*self, *TensorShape(other)))

    def __getitem__(self, key):
        found = super().__getitem__(key)
        return TensorShape(found) if isinstance(key, slice) else found


class _TensorType(type):
    def __instancecheck__(cls, x) -> bool:
        return isinstance(x, (SymbolicTensor, EagerArray)) and not isinstance(x, Variable)


class Tensor(metaclass=_TensorType):
    """What ops return, for `isinstance`: symbolic tensors and arrays of `pykernels`. It cannot be made."""

    def __init__(self, *args, **kwargs):
        raise TypeError("tf.Tensor cannot be made; use tf.constant or tf.convert_to_tensor")


def supported(dtype):
    """The name of a dtype with which pykernels computes; None stays. TypeError for others."""
    if dtype is None:
        return None
    name = str(as_dtype(dtype))
    if name not in DTYPES:
        raise TypeError(f"pykernels computes with {', '.join(DTYPES)}; tf.{name} is not one of them")
    return name
