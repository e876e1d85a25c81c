"""What ops give when they run at once: NumPy arrays whose operators are those of `pykernels.ops`."""

from __future__ import annotations

import numpy as np

from ..utils.masks import get_mask, set_mask
from ..utils.text import as_text, is_text
from ..utils.tree import flatten, map_structure
from .operand import REDUCTIONS, Operand, operator
from .tensor import DTYPES, dtype_of

# Where ops and NumPy differ, by dtype; what is left out is the same in NumPy.
_NUMPY = {
    np.add: "add",
    np.subtract: "sub",
    np.multiply: "mul",
    np.divide: "truediv",
    np.floor_divide: "floordiv",
    np.mod: "mod",
    np.power: "pow",
    np.matmul: "matmul",
}


def _has_op(x) -> bool:
    """Whether x is something that ops take: of a dtype that they know."""
    if isinstance(x, (np.ndarray, np.generic)):
        return dtype_of(x) in DTYPES
    return isinstance(x, (bool, int, float, Operand))


def _binary(name: str, reflected: bool):
    method_name = f"__r{name}__" if reflected else f"__{name}__"
    numpy_method = getattr(np.ndarray, method_name)

    def method(self, other):
        if isinstance(other, (list, tuple)):
            if any(is_recorded(x) for x in flatten(other)):
                return operator(name)(other, self) if reflected else operator(name)(self, other)
            other = np.asarray(other)
        if _has_op(self) and _has_op(other):
            return operator(name)(other, self) if reflected else operator(name)(self, other)
        return eager(numpy_method(np.asarray(self), other))

    method.__name__ = method_name
    return method


def is_recorded(x) -> bool:
    """Whether a gradient may flow through an array: some tape recorded how it was made, or watches it."""
    reference = x.__dict__.get("twin") if type(x) is EagerArray else None
    return reference is not None and reference() is not None


def _reduction(name: str):
    numpy_method = getattr(np.ndarray, name)

    def method(self, axis=None, dtype=None, out=None, keepdims=False, **more):
        if dtype is None and out is None and not any(more.values()) and _has_op(self):
            return operator(name)(self, axis=axis, keepdims=keepdims)
        kept = {"dtype": dtype} if name not in ("argmax", "argmin") else {}
        return eager(numpy_method(np.asarray(self), axis, out=out, keepdims=keepdims, **kept, **more))

    method.__name__ = name
    method.__doc__ = f"`ops.{name}`; with `dtype`, `out` or `ddof` NumPy's."
    return method


def _extremum(name: str):
    numpy_method = getattr(np.ndarray, name)

    def method(self, axis=None, out=None, keepdims=False, **more):
        if is_recorded(self) and out is None and not more:
            return operator(name)(self, axis=axis, keepdims=keepdims)
        return eager(numpy_method(np.asarray(self), axis, out=out, keepdims=keepdims, **more))

    method.__name__ = name
    return method


class EagerArray(np.ndarray):
    """An array whose operators promote dtypes as Keras does: int32 / int32 is float32, where NumPy's is float64.

    `+ - * / // % ** @`, `sum`, `mean` and the other reductions are those of `pykernels.ops`. NumPy's functions
    (`np.sqrt(x)`) and dtypes that ops do not know stay NumPy's. Like a tensor, it is not changed by `x /= 255`, which
    makes `x` another array: what it was made from may be the user's own data. `x.numpy()` is the plain array, as
    scripts written for TensorFlow expect.
    """

    @property
    def _keras_mask(self):
        """The name by which layers written for Keras read and set the mask of an array."""
        return get_mask(self)

    @_keras_mask.setter
    def _keras_mask(self, mask):
        set_mask(self, mask)

    def numpy(self) -> np.ndarray:
        """The plain array (a NumPy scalar for no axes)."""
        return np.asarray(self)[()]

    # What NumPy would do too, unless a gradient has to flow through it.
    def __neg__(self):
        return operator("neg")(self) if is_recorded(self) else super().__neg__()

    def __abs__(self):
        return operator("abs")(self) if is_recorded(self) else super().__abs__()

    def astype(self, dtype, *args, **kwargs):
        return operator("astype")(self, dtype) if is_recorded(self) else super().astype(dtype, *args, **kwargs)

    def reshape(self, *shape, **kwargs):
        if not is_recorded(self):
            return super().reshape(*shape, **kwargs)
        return operator("reshape")(self, shape[0] if len(shape) == 1 else shape)

    def flatten(self, *args, **kwargs):
        return operator("reshape")(self, (-1,)) if is_recorded(self) else super().flatten(*args, **kwargs)

    def ravel(self, *args, **kwargs):
        return operator("reshape")(self, (-1,)) if is_recorded(self) else super().ravel(*args, **kwargs)

    def squeeze(self, axis=None):
        return operator("squeeze")(self, axis) if is_recorded(self) else super().squeeze(axis)

    def transpose(self, *axes):
        if not is_recorded(self):
            return super().transpose(*axes)
        return operator("transpose")(self, axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self):  # noqa: N802 - NumPy's name
        return self.transpose()

    def __getitem__(self, index):
        if is_recorded(self):
            return operator("getitem")(self, index)
        item = super().__getitem__(index)
        if self.dtype == object and not isinstance(item, np.ndarray):  # text
            return np.asarray(item, object).view(EagerArray)
        return np.asarray(item).view(EagerArray) if isinstance(item, np.generic) else item

    def __eq__(self, other):
        if self.dtype == object and (isinstance(other, (str, bytes)) or is_text(other)):
            return eager(as_text(self) == as_text(other))
        return super().__eq__(other)

    def __ne__(self, other):
        if self.dtype == object and (isinstance(other, (str, bytes)) or is_text(other)):
            return eager(as_text(self) != as_text(other))
        return super().__ne__(other)

    def set_shape(self, shape) -> None:
        """As of TensorFlow's tensors, whose shape may be unknown. This one's is not: ValueError if it does not fit."""
        dims = tuple(shape)
        if len(dims) != self.ndim or any(d is not None and int(d) != n for d, n in zip(dims, self.shape, strict=False)):
            raise ValueError(f"set_shape({dims}) does not fit a tensor of shape {self.shape}")

    def __repr__(self):
        return repr(np.asarray(self)) if self.dtype == object else super().__repr__()

    def __str__(self):
        return str(np.asarray(self)) if self.dtype == object else super().__str__()

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __hash__(self):
        if self.ndim:
            raise TypeError(f"unhashable type: '{type(self).__name__}' of shape {self.shape}")
        return hash(self.item())

    def __round__(self, ndigits=None):
        return round(self.item(), ndigits) if self.ndim == 0 else self.round(ndigits or 0)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and isinstance(inputs[0], np.generic) and not kwargs and ufunc in _NUMPY:
            return operator(_NUMPY[ufunc])(*inputs)  # np.float32(2) * x, which NumPy does not leave to x
        inputs = [x.view(np.ndarray) if isinstance(x, EagerArray) else x for x in inputs]
        if kwargs.get("out") is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, EagerArray) else x for x in kwargs["out"])
            getattr(ufunc, method)(*inputs, **kwargs)
            return kwargs["out"][0] if len(kwargs["out"]) == 1 else kwargs["out"]
        return eager(getattr(ufunc, method)(*inputs, **kwargs))

    def __divmod__(self, other):
        return self // other, self % other

    def __iadd__(self, other):
        return self + other

    def __isub__(self, other):
        return self - other

    def __imul__(self, other):
        return self * other

    def __itruediv__(self, other):
        return self / other

    def __ifloordiv__(self, other):
        return self // other

    def __imod__(self, other):
        return self % other

    def __ipow__(self, other):
        return self**other

    def __imatmul__(self, other):
        return self @ other


for _name in _NUMPY.values():
    setattr(EagerArray, f"__{_name}__", _binary(_name, False))
    setattr(EagerArray, f"__r{_name}__", _binary(_name, True))
for _name in REDUCTIONS:
    setattr(EagerArray, _name, _reduction(_name))
for _name in ("max", "min"):
    setattr(EagerArray, _name, _extremum(_name))


def as_eager(outputs):
    """A structure of outputs with its arrays as `EagerArray`s."""
    return map_structure(lambda y: y.view(EagerArray) if type(y) is np.ndarray else y, outputs)


def eager(x):
    """Arrays and NumPy's scalars as `EagerArray`s, without a copy, in tuples and lists too; others as they are."""
    if type(x) is EagerArray:
        return x
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x).view(EagerArray)
    if isinstance(x, (tuple, list)):
        return type(x)(eager(item) for item in x)
    return x
