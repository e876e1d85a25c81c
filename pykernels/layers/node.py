"""What the functional API remembers: which call of which layer made a symbolic tensor."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from ..graph import Tensor
from ..graph.registry import trace_stack
from ..graph.tensor import Node as GraphNode
from .nest import flatten


class KerasHistory(NamedTuple):
    """Where a symbolic tensor comes from: `operation._inbound_nodes[node_index].output_tensors[tensor_index]`."""

    operation: object
    node_index: int
    tensor_index: int


class Node:
    """One call of a layer on symbolic tensors.

    Attributes:
        operation: the layer.
        arguments: (args, kwargs) of the call, with symbolic tensors in them.
        output_tensors: list of the symbolic tensors that the call gave, each with `_keras_history`.
        outputs: the same in the structure that the layer returned.
    """

    def __init__(self, operation, args, kwargs, outputs):
        self.operation = operation
        self.arguments = (args, kwargs)
        self.outputs = outputs
        self.output_tensors = flatten(outputs)
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, tensor in enumerate(self.output_tensors):
            tensor._keras_history = KerasHistory(operation, index, i)

    @property
    def input_tensors(self) -> list[Tensor]:
        args, kwargs = self.arguments
        return [x for x in flatten([args, kwargs]) if isinstance(x, Tensor)]

    @property
    def is_input(self) -> bool:
        return not self.input_tensors


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
