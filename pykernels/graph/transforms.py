"""Gradients of functions as functions."""

from __future__ import annotations

import functools

import numpy as np

from ..utils.tree import flatten, map_structure
from .eager_array import EagerArray
from .operand import Operand
from .tape import GradientTape


def value_and_grad(fun, argnums=0, has_aux=False):
    """A function that gives the value of `fun` and its gradient.

    Args:
        fun: callable of tensors, arrays or variables, or structures of them, that returns a scalar.
        argnums: int or tuple of ints, the positional arguments with respect to which the gradient is taken. Default 0.
        has_aux: whether `fun` returns `(value, something else)`. Default False.

    Returns:
        A function of the same arguments that returns `(value, gradient)`, or `((value, something else), gradient)`. The
        gradient has the structure of the argument, 0 where the value does not depend on it; for a tuple of `argnums` it
        is a tuple. On arrays it is computed at once; where a program is being recorded it becomes part of that.

    Raises:
        TypeError: when called: the value is not a scalar.
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(fun)
    def function(*args, **kwargs):
        args = [map_structure(_tensor, x) if i in numbers else x for i, x in enumerate(args)]
        chosen = [args[i] for i in numbers]
        with GradientTape() as tape:
            tape.watch(flatten(chosen))
            result = fun(*args, **kwargs)
        value = result[0] if has_aux else result
        if tuple(np.shape(value) if not hasattr(value, "shape") else value.shape) != ():
            raise TypeError(
                f"Gradient only defined for scalar-output functions. {getattr(fun, '__name__', 'The function')} "
                f"returned the shape {tuple(value.shape)}; reduce it, for example with ops.sum or ops.mean."
            )
        found = tuple(tape.gradient(value, chosen, unconnected_gradients="zero"))
        return result, found[0] if isinstance(argnums, int) else found

    return function


def grad(fun, argnums=0, has_aux=False):
    """A function that gives the gradient of `fun`; see `value_and_grad`. With `has_aux` it gives `(gradient, something
    else)`."""
    both = value_and_grad(fun, argnums, has_aux)

    @functools.wraps(fun)
    def function(*args, **kwargs):
        result, gradient = both(*args, **kwargs)
        return (gradient, result[1]) if has_aux else gradient

    return function


def _tensor(x):
    if isinstance(x, Operand) or type(x) is EagerArray:
        return x
    array = np.asarray(x)
    if not hasattr(x, "dtype") and array.dtype.kind in "fiu":
        array = array.astype("float32")
    return array.view(EagerArray)
