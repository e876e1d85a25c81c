"""What ops give when they run at once: NumPy arrays whose operators are those of `pykernels.ops`."""

from __future__ import annotations

import numpy as np

from ..utils.masks import get_mask, set_mask
from ..utils.tree import map_structure


class EagerArray(np.ndarray):
    """An array whose operators promote dtypes as Keras does: int32 / int32 is float32, where NumPy's is float64.

    `+ - * / // % ** @`, `sum`, `mean` and the other reductions are `pykernels.ops`' (attached by
    `pykernels.ops.operators`); NumPy's functions (`np.sqrt(x)`) and dtypes that ops do not know stay NumPy's. Like a
    tensor, it is not changed by `x /= 255`, which makes `x` another array: what it was made from may be the user's own
    data. `x.numpy()` is the plain array, as scripts written for TensorFlow expect.
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

    def __getitem__(self, index):
        item = super().__getitem__(index)
        return np.asarray(item).view(EagerArray) if isinstance(item, np.generic) else item

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __hash__(self):
        if self.ndim:
            raise TypeError(f"unhashable type: '{type(self).__name__}' of shape {self.shape}")
        return hash(self.item())

    def __round__(self, ndigits=None):
        return round(self.item(), ndigits) if self.ndim == 0 else self.round(ndigits or 0)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and isinstance(inputs[0], np.generic) and not kwargs and ufunc in _binary_ufuncs:
            return _binary_ufuncs[ufunc](*inputs)  # np.float32(2) * x, which NumPy does not leave to x
        inputs = [x.view(np.ndarray) if isinstance(x, EagerArray) else x for x in inputs]
        if kwargs.get("out") is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, EagerArray) else x for x in kwargs["out"])
            getattr(ufunc, method)(*inputs, **kwargs)
            return kwargs["out"][0] if len(kwargs["out"]) == 1 else kwargs["out"]
        return eager(getattr(ufunc, method)(*inputs, **kwargs))

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


_binary_ufuncs: dict = {}  # NumPy's function -> the op


def set_binary_ufuncs(functions: dict) -> None:
    """The ops that operators between a NumPy scalar and an `EagerArray` mean."""
    _binary_ufuncs.update(functions)


def as_eager(outputs):
    """A structure of outputs with its arrays as `EagerArray`s."""
    return map_structure(lambda y: y.view(EagerArray) if type(y) is np.ndarray else y, outputs)


def eager(x):
    """Arrays and NumPy's scalars as `EagerArray`s, without a copy, in tuples and lists too; others as they are."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x).view(EagerArray)
    if isinstance(x, (tuple, list)):
        return type(x)(eager(item) for item in x)
    return x
