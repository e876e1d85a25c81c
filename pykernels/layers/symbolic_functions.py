"""`K.gradients` and `K.function` on the symbolic tensors of the functional API."""

from __future__ import annotations

import numpy as np

from ..graph import Function, GradientTape, Tensor, Trace, current_trace
from ..graph import gradients as _gradients
from ..utils.tree import flatten, map_structure
from .context import calling, training_phase
from .layer import Layer
from .layer_graph import LayerGraph
from .node import symbolic

_SIZE = 64  # stands for an unknown extent where it only matters what depends on what


def _inputs_of(tensors: list) -> list[Tensor]:
    """The symbolic tensors, computed by nothing, that others are computed from."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    pending = list(reversed(tensors))
    while pending:
        tensor = pending.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        history = getattr(tensor, "_keras_history", None)
        if history is not None:
            needed = history.operation._inbound_nodes[history.node_index].input_tensors
        else:
            needed = [x for x in tensor.node.inputs if isinstance(x, Tensor)]
        if not needed:
            found[id(tensor)] = tensor
        pending.extend(reversed(needed))
    return list(found.values())


class Gradients(Layer):
    """The gradients of the sum of a symbolic tensor, from the inputs that it is computed from.

    Args:
        loss: symbolic tensor. sources: list of symbolic tensors and variables.

    Attributes:
        connected: for each of the sources whether the loss depends on it; `call` returns the gradients of those that
            it does depend on.
    """

    _not_state = Layer._not_state | {"_parts"}

    def __init__(self, loss, sources, **kwargs):
        super().__init__(**kwargs)
        tensors = [x for x in sources if isinstance(x, Tensor)]
        self.roots = _inputs_of([loss, *tensors])
        self._parts = (LayerGraph(self.roots, {"loss": loss, "sources": tensors}), list(sources))
        with Trace() as trace:
            roots = [trace.placeholder([_SIZE if d is None else d for d in t.shape], t.dtype) for t in self.roots]
            self.connected = [g is not None for g in self._gradients(roots)]

    def call(self, roots):
        roots = flatten(roots)
        if any(None in x.shape for x in roots):  # gradients of ops are asked for with extents that are known
            return [symbolic(x.shape, x.dtype) for x, c in zip(self._parts[1], self.connected, strict=True) if c]
        return [g for g in self._gradients(roots) if g is not None]

    def _gradients(self, roots: list) -> list:
        graph, sources = self._parts
        recorded = current_trace() is not None
        with GradientTape() as tape:
            if not recorded:
                tape.watch(roots)
            results = graph.run(roots)
        values = iter(results["sources"])
        wrt = [next(values) if isinstance(x, Tensor) else x for x in sources]
        return _gradients(results["loss"], wrt) if recorded else tape.gradient(results["loss"], wrt)


def gradients(loss, variables) -> list:
    """The gradients of the sum of `loss` with respect to a tensor or variable, or a list of them.

    Args:
        loss: symbolic tensor: of a program that is being recorded, or computed from the inputs of a model.
        variables: symbolic tensors (the input, outputs of layers) or variables.

    Returns:
        A list of symbolic tensors, None where `loss` does not depend on one.

    Raises:
        RuntimeError: `loss` is an array, which does not know how it was computed.
    """
    sources = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    if not isinstance(loss, Tensor):
        raise RuntimeError(
            "K.gradients needs a symbolic loss, and this one has a value already. For values use tf.GradientTape."
        )
    if current_trace() is not None:
        return _gradients(loss, sources)
    layer = Gradients(loss, sources)
    found = iter(flatten(layer(layer.roots)) if any(layer.connected) else [])
    return [next(found) if connected else None for connected in layer.connected]


class SymbolicFunction:
    """What `function` returns."""

    def __init__(self, inputs, outputs):
        self._inputs = list(inputs)
        self._graph = LayerGraph(
            [x for x in self._inputs if isinstance(x, Tensor)], [y for y in flatten(outputs) if isinstance(y, Tensor)]
        )
        self._outputs = outputs
        self._run = Function(self._results)

    def _results(self, training, xs):
        with calling(training):
            found = self._graph.run(xs)
        values = iter(flatten(found) if isinstance(found, list) else [found])
        return map_structure(lambda y: next(values) if isinstance(y, Tensor) else y, self._outputs)

    def __call__(self, inputs):
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(given) != len(self._inputs):
            raise ValueError(f"This function of {len(self._inputs)} inputs was called with {len(given)} values.")
        training, xs = training_phase(), []
        for x, value in zip(self._inputs, given, strict=True):
            if isinstance(x, Tensor):
                xs.append(np.asarray(value, x.dtype))
            else:
                training = bool(value)
        return map_structure(np.asarray, self._run(training, xs))


def function(inputs, outputs, updates=None, name=None, **kwargs):
    """A function of values for symbolic tensors.

    Args:
        inputs: list of symbolic tensors, inputs of models; `K.learning_phase()` among them stands for a value that says
            whether the layers work as in training.
        outputs: symbolic tensor computed from them, variable, or a list of these.
        updates: must be empty.
        name: accepted as in Keras. It has no effect.

    Returns:
        A callable that takes a list with an array for each input and returns arrays in the structure of `outputs`. It
        is recorded once for each shape and runs as a program.

    Raises:
        NotImplementedError: `updates`, or arguments for a TensorFlow session.
        ValueError: outputs that the inputs do not lead to.
    """
    if updates:
        raise NotImplementedError(
            "K.function: `updates` are not supported. Write a tf.function that calls `assign` on the variables."
        )
    if kwargs:
        raise NotImplementedError(f"K.function: arguments for a session are not supported: {', '.join(kwargs)}")
    return SymbolicFunction(inputs if isinstance(inputs, (list, tuple)) else [inputs], outputs)
