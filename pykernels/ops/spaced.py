"""Windows for signals, and numbers spaced evenly on a logarithmic scale."""

from __future__ import annotations

import numpy as np

from .. import config
from ..graph import eager
from .creation import convert_to_numpy
from .types import standardize_dtype, to_tensor

__all__ = ["bartlett", "blackman", "geomspace", "hamming", "hanning", "kaiser", "logspace"]


def _window(name, numpy_name=None):
    make = getattr(np, numpy_name or name)

    def function(x):
        return eager(np.asarray(make(int(convert_to_numpy(to_tensor(x)))), config.floatx()))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {name.capitalize()} window of x points, of `floatx()`. x is an int."
    return function


bartlett, blackman, hamming, hanning = (_window(name) for name in ("bartlett", "blackman", "hamming", "hanning"))


def kaiser(x, beta):
    """The Kaiser window of x points (an int) with the shape `beta`, of `floatx()`."""
    points, shape = (convert_to_numpy(to_tensor(v)) for v in (x, beta))
    return eager(np.asarray(np.kaiser(int(points), float(shape)), config.floatx()))


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """`num` numbers from base^start to base^stop (included with `endpoint`), their logarithms evenly spaced."""
    values = np.logspace(start, stop, num, endpoint=endpoint, base=base, axis=axis)
    return eager(np.asarray(values).astype(standardize_dtype(dtype)))


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop` (included with `endpoint`), each a constant multiple of the one before."""
    values = np.geomspace(start, stop, num, endpoint=endpoint, axis=axis)
    return eager(np.asarray(values).astype(standardize_dtype(dtype)))
