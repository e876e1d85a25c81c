"""`tf.random`."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..ops import random as _random
from ..ops.types import standardize_dtype

__all__ = [
    "Generator",
    "categorical",
    "get_global_generator",
    "normal",
    "set_global_generator",
    "shuffle",
    "truncated_normal",
    "uniform",
]


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
    if hasattr(shape, "__index__") and not np.ndim(shape):
        return (int(shape),)
    return tuple(None if d is None else int(d) for d in shape)


def shuffle(value, seed=None, name=None):
    """The slices along the first axis in a random order."""
    return _random.shuffle(value, 0, seed)


def categorical(logits, num_samples, dtype="int64", seed=None, name=None):
    """Numbers of classes drawn with the probabilities softmax(logits): (rows, num_samples)."""
    logits = ops.convert_to_tensor(logits)
    rows, classes = logits.shape
    uniform_numbers = _random.uniform((rows, int(num_samples), classes), 1e-20, 1.0, "float32", seed)
    gumbel = ops.negative(ops.log(ops.negative(ops.log(uniform_numbers))))
    return ops.cast(ops.argmax(gumbel + ops.expand_dims(logits, 1), -1), standardize_dtype(dtype))


class Generator:
    """A source of random numbers of its own: the same seed gives the same numbers.

    Args:
        seed: int.
    """

    def __init__(self, seed=0):
        self._seed = _random.SeedGenerator(int(seed))

    @classmethod
    def from_seed(cls, seed, alg=None):
        """A generator; `alg` has no effect."""
        return cls(seed)

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        """A generator with a seed that the system gives; `alg` has no effect."""
        import secrets

        return cls(secrets.randbits(31))

    def normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        """As `tf.random.normal`."""
        return normal(shape, mean, stddev, dtype, self._seed)

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype="float32", name=None):
        """As `tf.random.truncated_normal`."""
        return truncated_normal(shape, mean, stddev, dtype, self._seed)

    def uniform(self, shape, minval=0, maxval=None, dtype="float32", name=None):
        """As `tf.random.uniform`."""
        return uniform(shape, minval, maxval, dtype, self._seed)


_global: list = []


def get_global_generator():
    """The generator that `set_global_generator` set; one with a seed of the system by default."""
    if not _global:
        _global.append(Generator.from_non_deterministic_state())
    return _global[0]


def set_global_generator(generator) -> None:
    """Sets the global generator."""
    _global[:] = [generator]
