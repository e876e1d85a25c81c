"""Functions that say themselves what their gradient is."""

from __future__ import annotations

import functools
import inspect

import numpy as np

from ..utils.tree import flatten, map_structure
from .eager_array import EagerArray, eager
from .operand import Operand
from .recording import attach, recorders, twin_of, twin_operand
from .registry import OpDef, definition, trace_stack
from .tape import evaluated
from .tensor import Node, Tensor, dtype_of


def custom_gradient(f):
    """Gives a function another gradient than that of the ops in it. May be used as a decorator.

    Args:
        f: callable `f(*args)` that returns `(output, grad)`: the output, a tensor or a structure of tensors, and a
            function `grad(*upstream)`. That is called with the gradient of each tensor of the output and returns the
            gradient for each tensor in `args`, None for none.

    Returns:
        A function of the same arguments that returns `output`.

    Raises:
        NotImplementedError: `grad` needs an argument `variables`, which TensorFlow has for gradients of variables.
        ValueError: `grad` returns another number of gradients than there are tensors in `args`.
    """

    @functools.wraps(f)
    def function(*args, **kwargs):
        output, grad = f(*args, **kwargs)
        _refuse_variables(grad, f)
        tensors = [x for x in flatten([list(args), kwargs]) if isinstance(x, (Operand, np.ndarray))]
        tapes = recorders()
        if trace_stack() or any(isinstance(x, Tensor) for x in tensors):
            through = tensors
        elif tapes:
            through = [twin_operand(x, tapes) for x in tensors]
        else:
            return map_structure(eager, output)
        places = iter(range(len(flatten(output))))
        shapes = [(tuple(y.shape), dtype_of(y)) for y in flatten(output)]
        return map_structure(lambda y: _with_gradient(y, next(places), shapes, through, _rule(grad, f)), output)

    return function


def _refuse_variables(grad, f) -> None:
    wanted = inspect.signature(grad).parameters.get("variables")
    if wanted is not None and wanted.default is wanted.empty:
        raise NotImplementedError(
            f"custom_gradient: the gradient of '{getattr(f, '__name__', f)}' needs an argument `variables`, which "
            "pykernels does not pass. Pass the variables as arguments of the function instead."
        )


def _rule(grad, f):
    """`grad` for tensors of a program, or for values where a tape differentiates."""
    name = getattr(f, "__name__", str(f))

    def rule(upstream: list, count: int) -> list:
        if not trace_stack():
            upstream = evaluated(upstream)
        found = grad(*upstream)
        found = flatten(found) if isinstance(found, (list, tuple, dict)) else [found]
        if len(found) != count:
            raise ValueError(
                f"custom_gradient: the gradient of '{name}' returned {len(found)} values for {count} tensors."
            )
        return [g if twin_of(g) is None else twin_of(g) for g in found]

    return rule


def _with_gradient(y, place: int, types: list, through: list, rule):
    """`y` as the result of a node whose gradient is the rule's."""

    def grad(node, dy):
        upstream = [dy if i == place else np.zeros(shape, dtype) for i, (shape, dtype) in enumerate(types)]
        return rule(upstream, len(through))

    op = OpDef("reshape", definition("reshape").infer, grad)
    tapes = recorders()
    if isinstance(y, Operand) or trace_stack():
        node = Node(op, [y], {"shape": types[place][0]}, [types[place]])
        node.through = through
        return node.outputs[0]
    node = Node(op, [twin_operand(y, tapes)], {"shape": types[place][0]}, [types[place]])
    node.through = through
    (tensor,) = tensors = node.outputs
    array = attach(np.array(y).view(EagerArray), tensor)
    for tape in tapes:
        tape.add(node, tensors)
    return array
