"""The beginning of a model that NumPy computes: lookups of words, before a program runs."""

from __future__ import annotations

import numpy as np

from ..utils.tree import flatten
from .layer import Layer
from .layer_graph import LayerCall, LayerGraph, slots_of
from .node import outside_traces


class HostPart:
    """A model's graph cut in two, where it begins with layers that NumPy computes.

    Attributes:
        head: the graph of those layers.
        tail: the graph of the rest, which programs are recorded of. Its inputs are what the head gives, and the inputs
            of the model that other layers take.

    Raises:
        ValueError: such a layer behind one that is recorded, or text as the input of another layer; it names the layer.
    """

    def __init__(self, graph: LayerGraph):
        if any(_begins_with_lookups(step) for step in graph.calls):
            graph = _with_models_taken_apart(graph)
        known = {graph.index[id(t)] for t in graph.inputs}
        first: list[LayerCall] = []
        for step in graph.calls:
            if not _on_host(step.target):
                continue
            if not {slot.index for slot in slots_of([step.args, step.kwargs])} <= known:
                raise ValueError(
                    f"Layer '{step.target.name}' (of type {type(step.target).__name__}) is computed with NumPy before "
                    "a step runs, so it can only be applied to inputs of the model, not to what other layers compute."
                )
            first.append(step)
            known |= {slot.index for slot in slots_of(step.outputs)}
        self._refuse_text(graph, {id(step) for step in first})
        self.head, self.tail = graph.split(first)

    @staticmethod
    def of(graph: LayerGraph) -> HostPart | None:
        """The parts of a graph; None for one without such layers and without text."""
        text = any(t.dtype == "string" for t in graph.inputs)
        return HostPart(graph) if text or any(_on_host(step.target) for step in graph.calls) else None

    @staticmethod
    def _refuse_text(graph: LayerGraph, on_host: set[int]) -> None:
        for step in graph.calls:
            if id(step) not in on_host:
                inputs = [graph.tensors[slot.index] for slot in slots_of([step.args, step.kwargs])]
                if any(t.dtype == "string" for t in inputs):
                    name = step.target if isinstance(step.target, str) else step.target.name
                    raise ValueError(
                        f"Layer '{name}' was given text (an input of dtype 'string'). Put a TextVectorization, "
                        "StringLookup or Hashing layer before it."
                    )
        if any(t.dtype == "string" for t in graph.outputs):
            raise ValueError(
                "A model cannot give text: an output has dtype 'string'. Apply the layer that gives it (a lookup with "
                "invert=True) to what predict() returns."
            )

    @property
    def input_types(self) -> list[tuple]:
        """A list of (shape, dtype) of what the head gives."""
        return [(t.shape, t.dtype) for t in self.tail.inputs]

    def encode(self, xs: list) -> list[np.ndarray]:
        """What the head gives for arrays, one for each input of the model."""
        return [np.asarray(y) for y in flatten(self.head.run([x[:] for x in xs]))]


def _begins_with_lookups(step: LayerCall) -> bool:
    """Whether a call is of a model within the model that begins with lookups, and has other layers too."""
    graph = getattr(step.target, "__dict__", {}).get("_graph")
    plain = isinstance(graph, LayerGraph) and not step.kwargs and not _on_host(step.target)
    return plain and HostPart.of(graph) is not None


def _with_models_taken_apart(graph: LayerGraph) -> LayerGraph:
    """The same computation with the layers of such models in place of the models."""

    def call(step: LayerCall, args, kwargs):
        if _begins_with_lookups(step):
            return step.target._graph.run(flatten(args))
        return step.apply(args, kwargs) if isinstance(step.target, str) else step.target(*args, **kwargs)

    with outside_traces():
        return LayerGraph(graph.inputs_struct, graph.replay(graph.inputs, call))


def _on_host(target) -> bool:
    """Whether a layer, or all layers of a model within the model, are computed by NumPy."""
    if not isinstance(target, Layer):
        return False
    graph = target.__dict__.get("_graph")
    if isinstance(graph, LayerGraph) and graph.calls:
        return all(_on_host(step.target) for step in graph.calls)
    return target.computed_on_host
