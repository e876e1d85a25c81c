"""The configuration of a functional model: its layers, and who calls whom."""

from __future__ import annotations

import inspect

from ..graph import Tensor
from ..layers.layer import Layer
from ..layers.layer_graph import LayerCall, LayerGraph, Slot
from ..utils import serialization
from ..utils.allocation_guard import allocation_guard
from ..utils.tree import flatten, map_structure
from .old_nodes import old_call
from .op_config import GraphOp, op_config

_LEAF = (str, int, int)


# --- out ------------------------------------------------------------------------------------------------------
def graph_config(graph: LayerGraph, functional: type) -> dict:
    """`layers`, `input_layers` and `output_layers` as Keras 3 writes them."""
    return _Writer(graph, functional).config()


class _Writer:
    def __init__(self, graph: LayerGraph, functional: type):
        self.graph = graph
        self.functional = functional
        self.places: dict[int, list] = {}  # index of a tensor -> [name, call, place among the results]
        self.entries: dict[str, dict] = {}
        self.used = {layer.name for layer in graph.layers}

    def config(self) -> dict:
        for tensor in self.graph.inputs:
            history = tensor._keras_history
            layer = history.operation
            self._entry(layer.name, layer)
            self.places[self.graph.index[id(tensor)]] = [layer.name, 0, history.tensor_index]
        for step in self.graph.calls:
            self._add(step)
        return {
            "layers": list(self.entries.values()),
            "input_layers": map_structure(self._end, self.graph.inputs_struct),
            "output_layers": map_structure(self._end, self.graph.outputs_struct),
        }

    def _entry(self, name: str, layer) -> dict:
        entry = self.entries.get(name)
        if entry is None:
            form = serialization.serialize_keras_object(layer) if isinstance(layer, Layer) else layer
            entry = self.entries[name] = {**form, "name": name, "inbound_nodes": []}
        return entry

    def _add(self, step: LayerCall) -> None:
        if isinstance(step.target, str):
            form, args, kwargs = op_config(step, self._name_of(step.target), self.graph.tensors)
            name = form["config"]["name"]
        else:
            form, args, kwargs, name = step.target, list(step.args), step.kwargs, step.target.name
        nodes = self._entry(name, form)["inbound_nodes"]
        node = {"args": map_structure(self._tensor, args), "kwargs": map_structure(self._tensor, kwargs)}
        for i, slot in enumerate(flatten(step.outputs)):
            self.places[slot.index] = [name, len(nodes), i]
        nodes.append(serialization.serialize_keras_object(node))

    def _name_of(self, op: str) -> str:
        name, count = op, 0
        while name in self.used:
            count += 1
            name = f"{op}_{count}"
        self.used.add(name)
        return name

    def _tensor(self, x):
        if not isinstance(x, Slot):
            return serialization.serialize_keras_object(x)
        tensor = self.graph.tensors[x.index]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": tensor.shape, "dtype": tensor.dtype, "keras_history": self.places[x.index]},
        }

    def _end(self, tensor) -> list:
        name, call, place = self.places[self.graph.index[id(tensor)]]
        if isinstance(self.entries.get(name), dict) and self.entries[name]["class_name"] == self.functional.__name__:
            call += 1  # Keras counts from 1 here for models within models
        return [name, call, place]


# --- in -------------------------------------------------------------------------------------------------------
def graph_from_config(config: dict, custom_objects, functional: type):
    """(inputs, outputs) of symbolic tensors, for the config of Keras 1, 2 or 3.

    Raises:
        ValueError: calls in a circle, or references to what is not there.
    """
    return _Reader(config, custom_objects, functional).ends()


class _Reader:
    def __init__(self, config: dict, custom_objects, functional: type):
        self.config = config
        self.functional = functional
        self.layers: dict[str, object] = {}
        self.results: dict[str, list[list]] = {}
        pending = []
        limit = allocation_guard()
        for entry in config["layers"]:
            if limit is not None:
                limit.allow_layer()
            if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
                raise ValueError(f"The configuration of a layer should be a dict. Received: {str(entry)[:500]}")
            layer = _layer_from(entry, custom_objects)
            name = entry.get("name", entry["config"].get("name"))
            if not isinstance(name, str) or name in self.layers:
                raise ValueError(f"The configuration of the model has two layers, or none, with the name {name!r}.")
            self.layers[name] = layer
            self.results[name] = []
            nodes = entry.get("inbound_nodes") or []
            if not nodes and isinstance(layer, Layer) and layer._inbound_nodes:
                self.results[name].append(layer._inbound_nodes[0].output_tensors)  # an input
            pending.extend((name, node) for node in nodes)
        self._make_calls(pending)

    def _make_calls(self, pending: list) -> None:
        """Calls in rounds: each call waits for its arguments, and for the earlier calls of its layer."""
        while pending:
            waiting, blocked = [], set()
            for name, node in pending:
                arguments = None if name in blocked else self._arguments(node)
                if arguments is None:
                    waiting.append((name, node))
                    blocked.add(name)
                    continue
                args, kwargs = arguments
                if not any(isinstance(x, Tensor) for x in flatten([args, kwargs])):  # it would be computed right now
                    raise ValueError(f"Invalid Functional model configuration: '{name}' is called without a tensor.")
                layer = self.layers[name]
                self.results[name].append(flatten(layer(*args, **_taken(layer, kwargs))))
            if len(waiting) == len(pending):
                raise ValueError(
                    "Invalid Functional model configuration. The graph of the Functional model either has loops or "
                    f"disconnected nodes. The following layers cannot be called: {sorted({n for n, _ in waiting})[:20]}"
                )
            pending = waiting

    def _arguments(self, node):
        """(args, kwargs); None when a tensor is not there yet."""
        missing = []

        def find(name, call, place, old=False):
            if name not in self.results:
                raise ValueError(f"Invalid Functional model configuration. Missing node: {name}")
            call -= old and hasattr(self.layers[name], "_graph")  # models had a call of their own before
            calls = self.results[name]
            if call >= len(calls):
                missing.append(name)
                return None
            return calls[call][place]

        def revive(x):
            if isinstance(x, dict):
                if x.get("class_name") == "__keras_tensor__":
                    return find(*_history(x["config"]["keras_history"]))
                if "class_name" in x:
                    return serialization.deserialize_keras_object(x)
                return {key: revive(value) for key, value in x.items()}
            return [revive(item) for item in x] if isinstance(x, list) else x

        if isinstance(node, dict):
            args, kwargs = revive(node["args"]), revive(node["kwargs"])
        else:
            args, kwargs = old_call(node, lambda entry: find(*_history(entry), old=True), self.results)
        return None if missing else (args, kwargs)

    def ends(self):
        return self._end(self.config["input_layers"]), self._end(self.config["output_layers"])

    def _end(self, x):
        if isinstance(x, (list, tuple)) and len(x) == 3 and tuple(map(type, x)) == _LEAF:
            name, call, place = x
            layer = self.layers.get(name)
            if isinstance(layer, self.functional) or (hasattr(layer, "_graph") and call >= len(self.results[name])):
                call -= 1
            if name not in self.results or not 0 <= call < len(self.results[name]):
                raise ValueError(f"The model's configuration names a tensor {x} that no layer makes.")
            return self.results[name][call][place]
        if isinstance(x, dict):
            return {key: self._end(value) for key, value in x.items()}
        if not isinstance(x, (list, tuple)):
            raise ValueError(f"The model's configuration should name a tensor here: {str(x)[:200]}")
        return [self._end(item) for item in x]


def _taken(layer, kwargs: dict) -> dict:
    """Without what the layer need not be told: Keras 3.0 to 3.5 wrote `training: True` for layers of augmentation,
    whose default it is and which follow the outer call, and `mask: None` for layers that take no mask."""
    if not isinstance(layer, Layer):
        return kwargs
    if kwargs.get("training") is True and layer.trains_by_default:
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
    if None not in kwargs.values():
        return kwargs
    parameters = inspect.signature(layer.call).parameters
    if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        return kwargs
    return {key: value for key, value in kwargs.items() if value is not None or key in parameters}


def _history(entry) -> tuple:
    name, call, place = entry
    if tuple(map(type, entry)) != _LEAF or call < 0 or place < 0:
        raise ValueError(f"The model's configuration names a tensor in an unknown form: {str(entry)[:200]}")
    return name, call, place


def _layer_from(entry: dict, custom_objects):
    op = GraphOp.from_entry(entry)
    if op is not None:
        return op
    layer = serialization.deserialize_keras_object(entry, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"Unexpected object from deserialization, expected a layer or operation, got a {type(layer)}")
    return layer
