"""Reductions that leave NaN out."""

from __future__ import annotations

import numpy as np

from .binary import divide, subtract, where
from .elementwise import isnan, logical_not, sqrt, square
from .reduction import all, argmax, argmin, max, min, prod, sum  # noqa: A004 - Keras's names
from .types import dtype_of, float_tensor, is_float, number_like, only_where, to_tensor

__all__ = ["nanargmax", "nanargmin", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def _replaced(x, value):
    x = to_tensor(x)
    return where(isnan(x), number_like(value, x), x) if is_float(dtype_of(x)) else x


def nansum(x, axis=None, keepdims=False):
    """The sum over `axis` (int or tuple; None: all) of what is not NaN; 0 where nothing is."""
    return sum(_replaced(x, 0), axis, keepdims)


def nanprod(x, axis=None, keepdims=False):
    """The product over `axis` of what is not NaN; 1 where nothing is."""
    return prod(_replaced(x, 1), axis, keepdims)


def _extremum(reduce, worst, x, axis, keepdims):
    x = to_tensor(x)
    if not is_float(dtype_of(x)):
        return reduce(x, axis, keepdims)
    missing = isnan(x)
    found = reduce(where(missing, number_like(worst, x), x), axis, keepdims)
    return where(all(missing, axis, keepdims), number_like(np.nan, x), found)


def nanmax(x, axis=None, keepdims=False):
    """The maximum over `axis` of what is not NaN; NaN where all are."""
    return _extremum(max, -np.inf, x, axis, keepdims)


def nanmin(x, axis=None, keepdims=False):
    """The minimum over `axis` of what is not NaN; NaN where all are."""
    return _extremum(min, np.inf, x, axis, keepdims)


def _position(find, worst, x, axis, keepdims):
    x = to_tensor(x)
    if not is_float(dtype_of(x)):
        return find(x, axis, keepdims)
    missing = isnan(x)
    place = find(where(missing, number_like(worst, x), x), axis, keepdims)
    return where(all(missing, axis, keepdims), -1, place)


def nanargmax(x, axis=None, keepdims=False):
    """int32: the position of the maximum of what is not NaN; -1 where all are."""
    return _position(argmax, -np.inf, x, axis, keepdims)


def nanargmin(x, axis=None, keepdims=False):
    """int32: the position of the minimum of what is not NaN; -1 where all are."""
    return _position(argmin, np.inf, x, axis, keepdims)


def _mean(x, there, axis, keepdims):
    return divide(sum(only_where(there, x), axis, keepdims), sum(to_tensor(there, dtype_of(x)), axis, keepdims))


def nanmean(x, axis=None, keepdims=False):
    """The mean over `axis` of what is not NaN; NaN where nothing is. Integers give `floatx()`."""
    x = float_tensor(x)
    return _mean(x, logical_not(isnan(x)), axis, keepdims)


def nanvar(x, axis=None, keepdims=False):
    """The variance over `axis` of what is not NaN; NaN where nothing is. Integers give `floatx()`."""
    x = float_tensor(x)
    there = logical_not(isnan(x))
    distance = only_where(there, subtract(x, _mean(x, there, axis, True)))
    return _mean(square(distance), there, axis, keepdims)


def nanstd(x, axis=None, keepdims=False):
    """The standard deviation over `axis` of what is not NaN: the square root of `nanvar`."""
    return sqrt(nanvar(x, axis, keepdims))
