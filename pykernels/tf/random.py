"""`tf.random`."""

from __future__ import annotations

from .. import ops
from ..ops import random as _random
from ..ops.types import standardize_dtype

__all__ = ["normal", "truncated_normal", "uniform"]


def normal(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
    """Normally distributed numbers.

    Args:
        shape: tuple of ints.
        mean, stddev: floats or tensors that broadcast to `shape`.
        dtype: float type. Default "float32".
        seed: int. Default None: from the global seed, other numbers each time.
        name: accepted as in TensorFlow. It has no effect.
    """
    if isinstance(mean, (int, float)) and isinstance(stddev, (int, float)):
        return _random.normal(_dims(shape), mean, stddev, dtype, seed)
    return _random.normal(_dims(shape), dtype=dtype, seed=seed) * stddev + mean


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype="float32", seed=None, name=None):
    """Normally distributed numbers, drawn again beyond two standard deviations; arguments as in `normal`."""
    return _random.truncated_normal(_dims(shape), dtype=dtype, seed=seed) * stddev + mean


def uniform(shape, minval=0, maxval=None, dtype="float32", seed=None, name=None):
    """Numbers evenly spread over [minval, maxval); integers for an integer dtype.

    Args:
        shape, seed, name: as in `normal`.
        minval: smallest number. Default 0.
        maxval: end of the range. Default None: 1 for floats; integers need it.
        dtype: Default "float32".

    Raises:
        ValueError: an integer dtype without `maxval`.
    """
    dtype = standardize_dtype(dtype)
    if not dtype.startswith("float"):
        if maxval is None:
            raise ValueError(f"Must specify maxval for integer dtype {dtype!r}")
        return _random.randint(_dims(shape), minval, maxval, dtype, seed)
    maxval = 1 if maxval is None else maxval
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)):
        return _random.uniform(_dims(shape), minval, maxval, dtype, seed)
    return _random.uniform(_dims(shape), dtype=dtype, seed=seed) * ops.subtract(maxval, minval) + minval


def _dims(shape) -> tuple:
    """A shape given as ints, or as an array of them."""
    return (int(shape),) if hasattr(shape, "__index__") else tuple(None if d is None else int(d) for d in shape)
