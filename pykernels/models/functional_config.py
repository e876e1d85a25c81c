"""The configuration of a functional model: its layers, and who calls whom."""

from __future__ import annotations

import heapq
import inspect
from collections.abc import Iterator
from typing import NamedTuple

from ..graph import Tensor
from ..layers.layer import Layer
from ..layers.layer_graph import LayerCall, LayerGraph, Slot
from ..utils import serialization
from ..utils.tree import flatten, map_structure
from . import lost_calls
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


class _Call(NamedTuple):
    """The call `number` (from 0) of the layer `name`, and what the configuration says of it."""

    name: str
    number: int
    node: object


class _Reader:
    def __init__(self, config: dict, custom_objects, functional: type):
        self.config = config
        self.functional = functional
        self.layers: dict[str, object] = {}
        self.results: dict[str, list[list]] = {}
        calls = []
        lost_calls.restore(config["layers"], config.get("output_layers"))
        for entry in config["layers"]:
            if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
                raise ValueError(f"The configuration of a layer should be a dict. Received: {str(entry)[:500]}")
            layer = _layer_from(entry, custom_objects)
            name = entry.get("name", entry["config"].get("name"))
            if not isinstance(name, str) or name in self.layers:
                raise ValueError(f"The configuration of the model has two layers, or none, with the name {name!r}.")
            self.layers[name] = layer
            self.results[name] = []
            nodes = entry.get("inbound_nodes") or []
            if not isinstance(nodes, (list, tuple)):
                raise ValueError(f"`inbound_nodes` of layer '{name}' should be a list. Received: {str(nodes)[:200]}")
            if not nodes and isinstance(layer, Layer) and layer._inbound_nodes:
                self.results[name].append(layer._inbound_nodes[0].output_tensors)  # an input
            calls.extend(_Call(name, i, node) for i, node in enumerate(nodes))
        self._make_calls(calls)

    def _make_calls(self, calls: list) -> None:
        """Calls in rounds through their list: each call waits for its arguments, and for the earlier calls of its
        layer. Each is looked at once when its last argument is there."""
        waiting: dict[tuple, list] = {}  # (name, number of a call) -> the places of the calls that wait for it
        missing = []
        for place, call in enumerate(calls):
            wanted = {key for key in self._wanted(call) if not self._is_there(key)}
            missing.append(len(wanted))
            for key in wanted:
                waiting.setdefault(key, []).append(place)
        ready = [(0, place) for place, count in enumerate(missing) if count == 0]  # sorted, as a heap is
        done = 0
        while ready:
            turn, place = heapq.heappop(ready)
            call = calls[place]
            self._perform(call)
            done += 1
            for later in waiting.pop((call.name, len(self.results[call.name]) - 1), ()):
                missing[later] -= 1
                if missing[later] == 0:
                    heapq.heappush(ready, (turn if later > place else turn + 1, later))
        if done < len(calls):
            stuck = sorted({call.name for call, count in zip(calls, missing, strict=True) if count})
            raise ValueError(
                "Invalid Functional model configuration. The graph of the Functional model either has loops or "
                f"disconnected nodes. The following layers cannot be called: {stuck[:20]}"
            )

    def _perform(self, call: _Call) -> None:
        args, kwargs = self._arguments(call.node)
        if not any(isinstance(x, Tensor) for x in flatten([args, kwargs])):  # it would be computed right now
            raise ValueError(f"Invalid Functional model configuration: '{call.name}' is called without a tensor.")
        layer = self.layers[call.name]
        self.results[call.name].append(flatten(layer(*args, **_taken(layer, kwargs))))

    def _is_there(self, key: tuple) -> bool:
        return key[1] < len(self.results[key[0]])

    def _wanted(self, call: _Call) -> Iterator[tuple]:
        """(name, number) of the calls whose results a call needs, and of the call of its layer before it."""
        if call.number > 0:
            yield call.name, call.number - 1
        node = call.node
        if isinstance(node, dict):
            if not isinstance(node.get("args"), (list, tuple)) or not isinstance(node.get("kwargs"), dict):
                raise _unknown_form(call)
            pending = [node["args"], node["kwargs"]]
            while pending:
                x = pending.pop()
                if isinstance(x, dict) and x.get("class_name") == "__keras_tensor__":
                    yield self._key(*_history_of(x))
                elif isinstance(x, dict) and "class_name" not in x:
                    pending.extend(x.values())
                elif isinstance(x, list):
                    pending.extend(x)
        else:  # Keras 1 and 2: [[name, call, place, kwargs], ...]
            found: list[tuple] = []
            old_call(node, lambda entry: found.append(self._key(*_history(entry), old=True)), self.results)
            yield from found

    def _key(self, name: str, call: int, place: int, old: bool = False) -> tuple[str, int]:
        if name not in self.results:
            raise ValueError(f"Invalid Functional model configuration. Missing node: {name}")
        if old and hasattr(self.layers[name], "_graph"):  # models had a call of their own before
            call = max(call - 1, 0)
        return name, call

    def _arguments(self, node) -> tuple[list, dict]:
        """The arguments of a call; the tensors are there."""

        def find(name, call, place, old=False):
            results = self.results[name][self._key(name, call, place, old)[1]]
            if place >= len(results):
                raise ValueError(
                    f"The model's configuration names result {place} of layer '{name}', which has {len(results)}."
                )
            return results[place]

        def revive(x):
            if isinstance(x, dict):
                if x.get("class_name") == "__keras_tensor__":
                    return find(*_history_of(x))
                if "class_name" in x:
                    return serialization.deserialize_keras_object(x)
                return {key: revive(value) for key, value in x.items()}
            return [revive(item) for item in x] if isinstance(x, list) else x

        if isinstance(node, dict):
            return revive(node["args"]), revive(node["kwargs"])
        return old_call(node, lambda entry: find(*_history(entry), old=True), self.results)

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
            if not 0 <= place < len(self.results[name][call]):
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
    if not isinstance(entry, (list, tuple)) or tuple(map(type, entry)) != _LEAF or entry[1] < 0 or entry[2] < 0:
        raise ValueError(f"The model's configuration names a tensor in an unknown form: {str(entry)[:200]}")
    return tuple(entry)


def _history_of(tensor: dict) -> tuple:
    config = tensor.get("config")
    return _history(config.get("keras_history") if isinstance(config, dict) else config)


def _unknown_form(call: _Call) -> ValueError:
    return ValueError(
        f"The model's configuration has call {call.number} of layer '{call.name}' in an unknown form: "
        f"{str(call.node)[:200]}"
    )


def _layer_from(entry: dict, custom_objects):
    op = GraphOp.from_entry(entry)
    if op is not None:
        return op
    layer = serialization.deserialize_keras_object(entry, custom_objects)
    if not isinstance(layer, Layer):
        raise ValueError(f"Unexpected object from deserialization, expected a layer or operation, got a {type(layer)}")
    return layer
