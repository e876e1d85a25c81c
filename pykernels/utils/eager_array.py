"""Arrays with the method `numpy()`."""

from __future__ import annotations

import numpy as np


class EagerArray(np.ndarray):
    """An array with `numpy()`, as scripts written for TensorFlow expect of what a dataset gives, and of what layers and
    models make of that when they are called. Like a tensor it is not changed by `x /= 255`, which makes `x` another
    array: what it was made from may be the user's own data."""

    def numpy(self) -> np.ndarray:
        """The plain array (a NumPy scalar for no axes)."""
        return np.asarray(self)[()]

    def __getitem__(self, index):
        item = super().__getitem__(index)
        return np.asarray(item).view(EagerArray) if isinstance(item, np.generic) else item

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
