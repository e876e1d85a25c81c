"""`keras.initializations` of Keras 1: functions that give the initial value of a weight as a variable.

`get` is that of `keras.initializers`.
"""

from __future__ import annotations

from . import initializers
from .graph import Variable
from .initializers import get as get


def _of(initializer, shape, name) -> Variable:
    return Variable(initializer(tuple(shape)), name=name)


def uniform(shape, scale=0.05, name=None, dim_ordering=None):
    """Uniform on [-scale, scale). `dim_ordering` has no effect here, as in Keras 1."""
    return _of(initializers.RandomUniform(-scale, scale), shape, name)


def normal(shape, scale=0.05, name=None, dim_ordering=None):
    """Normal with standard deviation `scale`. `dim_ordering` has no effect here, as in Keras 1."""
    return _of(initializers.RandomNormal(0.0, scale), shape, name)


def _by_fans(cls):
    def function(shape, name=None, dim_ordering="tf"):
        if dim_ordering != "tf":
            raise ValueError(
                f"{function.__name__}(dim_ordering={dim_ordering!r}): weights have the layout of 'tf' here "
                "(rows, columns, inputs, outputs)"
            )
        return _of(cls(), shape, name)

    function.__name__ = function.__qualname__ = initializers.to_snake_case(cls.__name__)
    function.__doc__ = f"The value that `{cls.__name__}` gives, as a variable."
    return function


lecun_uniform = _by_fans(initializers.LecunUniform)
glorot_normal = _by_fans(initializers.GlorotNormal)
glorot_uniform = _by_fans(initializers.GlorotUniform)
he_normal = _by_fans(initializers.HeNormal)
he_uniform = _by_fans(initializers.HeUniform)


def orthogonal(shape, scale=1.1, name=None):
    """A random orthogonal matrix times `scale`."""
    return _of(initializers.Orthogonal(scale), shape, name)


def identity(shape, scale=1, name=None):
    """`scale` times the identity matrix; ValueError for shapes that are not (n, n)."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError("Identity matrix initialization can only be used for 2D square matrices.")
    return _of(initializers.Identity(scale), shape, name)


def zero(shape, name=None):
    """All 0."""
    return _of(initializers.Zeros(), shape, name)


def one(shape, name=None):
    """All 1."""
    return _of(initializers.Ones(), shape, name)
