"""What the functional API records: which call of which layer made a symbolic tensor.

Package interface: `_keras_history`.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import NamedTuple

from ..graph import Tensor
from ..graph.registry import trace_stack
from ..graph.tensor import Node as GraphNode
from ..utils.tree import flatten, map_structure


class KerasHistory(NamedTuple):
    """Where a symbolic tensor comes from: `operation._inbound_nodes[node_index].output_tensors[tensor_index]`."""

    operation: object
    node_index: int
    tensor_index: int


class _Result:
    """A symbolic tensor, held weakly, with what it takes to make it again."""

    __slots__ = ("dtype", "name", "ref", "shape")

    def __init__(self, tensor: Tensor):
        self.ref = weakref.ref(tensor)
        self.shape, self.dtype, self.name = tensor.shape, tensor.dtype, tensor.name


class Node:
    """One call of a layer on symbolic tensors.

    The layer holds its nodes and a tensor holds (in its history) the layer. A node therefore holds neither the layer
    nor its results, or a model that is deleted would wait for the garbage collector; a result that nobody holds any
    more is made again when it is asked for.

    Attributes:
        operation: the layer.
        arguments: (args, kwargs) of the call, with symbolic tensors in them.
        output_tensors: list of the symbolic tensors that the call gave, each with `_keras_history`.
        outputs: the same in the structure that the layer returned.
    """

    def __init__(self, operation, args, kwargs, outputs):
        self._operation = weakref.ref(operation)
        self._index = len(operation._inbound_nodes)
        self.arguments = (args, kwargs)
        results = []

        def remember(tensor):
            results.append(_Result(tensor))
            tensor._keras_history = KerasHistory(operation, self._index, len(results) - 1)
            return results[-1]

        self._outputs = map_structure(remember, outputs)
        operation._inbound_nodes.append(self)

    @property
    def operation(self):
        return self._operation()

    @property
    def outputs(self):
        return map_structure(self._tensor, self._outputs)

    @property
    def output_tensors(self) -> list[Tensor]:
        return flatten(self.outputs)

    def _tensor(self, result: _Result) -> Tensor:
        tensor = result.ref()
        if tensor is None:
            tensor = symbolic(result.shape, result.dtype, result.name)
            place = next(i for i, other in enumerate(flatten(self._outputs)) if other is result)
            tensor._keras_history = KerasHistory(self.operation, self._index, place)
            result.ref = weakref.ref(tensor)
        return tensor

    @property
    def input_tensors(self) -> list[Tensor]:
        args, kwargs = self.arguments
        return [x for x in flatten([args, kwargs]) if isinstance(x, Tensor)]

    @property
    def is_input(self) -> bool:
        return not self.input_tensors


def retype(tensor: Tensor, shape: tuple, dtype: str) -> None:
    """Gives a layer's symbolic result the shape and dtype that the layer gives now."""
    tensor.shape, tensor.dtype = shape, dtype
    history = getattr(tensor, "_keras_history", None)
    if history is not None:
        result = flatten(history.operation._inbound_nodes[history.node_index]._outputs)[history.tensor_index]
        result.shape, result.dtype = shape, dtype


def symbolic(shape, dtype: str, name: str | None = None) -> Tensor:
    """A symbolic tensor that nothing computes: an input, or the result of a layer seen from outside."""
    tensor = GraphNode(None, [], {}, [(tuple(shape), dtype)]).outputs[0]
    tensor.name = name
    return tensor


@contextlib.contextmanager
def outside_traces():
    """Within it, calls of layers on symbolic tensors are remembered even while a program is being recorded."""
    stack = trace_stack()
    suspended = stack[:]
    stack.clear()
    try:
        yield
    finally:
        stack[:] = suspended
