"""A network of layers, from symbolic inputs to symbolic outputs, as a flat list of calls."""

from __future__ import annotations

import collections

from ..graph import Tensor, apply
from ..ops.random import SeedGenerator, same_draws
from ..utils.load_budget import load_budget
from ..utils.tree import flatten, map_structure
from .context import StructureVersion
from .inference import inferred_outputs
from .input_layer import InputLayer
from .layer import Layer
from .node import Node, retype, symbolic


class Slot:
    """Stands for the i-th tensor of a graph in the arguments of a call."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


class LayerCall:
    """One call: `target` is a layer, or the name of an op. `args`, `kwargs` and `outputs` hold `Slot`s."""

    __slots__ = ("args", "kwargs", "outputs", "target")

    def __init__(self, target, args, kwargs, outputs):
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs

    def __call__(self, fill):
        args, kwargs = map_structure(fill, self.args), map_structure(fill, self.kwargs)
        return self.apply(args, kwargs) if isinstance(self.target, str) else self.target(*args, **kwargs)

    def apply(self, args, kwargs):
        """The op, when `target` is the name of one, on these arguments."""
        return apply(self.target, args, **kwargs)


class LayerGraph:
    """Built once from symbolic tensors; runs on arrays and inside traces.

    Attributes:
        inputs, outputs: lists of symbolic tensors. inputs_struct, outputs_struct: as they were given.
        layers: input layers, then the others, in the order of execution.
        calls: list of `LayerCall`.

    Raises:
        ValueError: an input or output that is not symbolic, outputs that the inputs do not lead to, or two layers
            with one name.
    """

    def __init__(self, inputs, outputs):
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            for x in flatten(structure):
                if not isinstance(x, Tensor):
                    raise ValueError(
                        f"All `{what}` values must be KerasTensors. Received: {what}={structure} including invalid "
                        f"value {x} of type {type(x)}"
                    )
        self.inputs = flatten(inputs)
        self.outputs = flatten(outputs)
        self.inputs_struct = inputs
        self.outputs_struct = outputs
        self.index: dict[int, int] = {}
        self.tensors: list[Tensor] = []
        for tensor in self.inputs:
            self._slot(tensor)
        self.calls = [self._call_of(origin) for origin in self._ordered()]
        self.layers = self._collect_layers()
        self._seen = self._assignments()

    # --- construction -----------------------------------------------------------------------------------
    def _slot(self, tensor) -> Slot:
        index = self.index.setdefault(id(tensor), len(self.tensors))
        if index == len(self.tensors):
            self.tensors.append(tensor)
        return Slot(index)

    def _origin(self, tensor):
        """The layer call or op that made a tensor."""
        history = getattr(tensor, "_keras_history", None)
        origin = history.operation._inbound_nodes[history.node_index] if history is not None else tensor.node
        needed = origin.input_tensors if isinstance(origin, Node) else [x for x in origin.inputs if _is_tensor(x)]
        if not needed:
            raise ValueError(
                f"`inputs` not connected to `outputs`: the tensor {tensor!r} is needed and is neither an input of the "
                "model nor computed from one."
            )
        return origin, needed

    def _ordered(self) -> list:
        """Layer calls and ops in the order of execution (Keras's: by depth, the deepest first)."""
        inputs = {id(t) for t in self.inputs}
        order: list = []
        needs: dict[int, list] = {}
        pending = [(t, False) for t in reversed(self.outputs)]
        while pending:
            tensor, done = pending.pop()
            if id(tensor) in inputs:
                continue
            origin, needed = self._origin(tensor)
            if done:
                if id(origin) not in needs:
                    needs[id(origin)] = [self._origin(t)[0] for t in needed if id(t) not in inputs]
                    order.append(origin)
            elif id(origin) not in needs:
                pending.append((tensor, True))
                pending.extend((t, False) for t in reversed(needed))
        depth = dict.fromkeys((id(origin) for origin in order), 0)
        for origin in reversed(order):
            for earlier in needs[id(origin)]:
                depth[id(earlier)] = max(depth[id(earlier)], depth[id(origin)] + 1)
        return sorted(order, key=lambda origin: -depth[id(origin)])

    def _call_of(self, origin) -> LayerCall:
        def template(x):
            return self._slot(x) if isinstance(x, Tensor) else x

        if isinstance(origin, Node):
            args, kwargs = origin.arguments
            target, outputs = origin.operation, origin.outputs
        else:
            args, kwargs, target = list(origin.inputs), dict(origin.attrs), origin.name
            outputs = origin.outputs[0] if len(origin.outputs) == 1 else origin.outputs
        return LayerCall(
            target, map_structure(template, args), map_structure(template, kwargs), map_structure(template, outputs)
        )

    def _collect_layers(self) -> list[Layer]:
        found: dict[int, Layer] = {}
        for tensor in self.inputs:
            history = getattr(tensor, "_keras_history", None)
            if history is not None and isinstance(history.operation, InputLayer):
                found[id(history.operation)] = history.operation
        for step in self.calls:
            if isinstance(step.target, Layer):
                found[id(step.target)] = step.target
        names = collections.Counter(layer.name for layer in found.values())
        for name, count in names.items():
            if count > 1:
                raise ValueError(
                    f'The name "{name}" is used {count} times in the model. All operation names should be unique.'
                )
        return list(found.values())

    # --- parts --------------------------------------------------------------------------------------------
    def split(self, first: list[LayerCall]) -> tuple[LayerGraph, LayerGraph]:
        """The graph cut in two: `first`, calls that need only inputs and each other, and the rest, whose inputs are
        what it needs of theirs (and of the graph's inputs)."""
        inside = {id(step) for step in first}
        known = set(range(len(self.inputs)))
        known.update(slot.index for step in first for slot in slots_of(step.outputs))
        needed = [s.index for step in self.calls if id(step) not in inside for s in slots_of([step.args, step.kwargs])]
        needed += [self.index[id(t)] for t in self.outputs]
        cut = [self.tensors[i] for i in sorted({i for i in needed if i in known})]
        return LayerGraph(self.inputs, cut), LayerGraph(cut, self.outputs_struct)

    # --- attributes that are assigned later ---------------------------------------------------------------
    def _assignments(self) -> tuple[int, list]:
        """The version of the structure, and how often attributes of each layer were assigned."""
        found = [x.__dict__.get("_revision", 0) for layer in self.layers for x in layer._flatten_layers()]
        return StructureVersion.value, found

    def assigned_since(self) -> bool:
        """Whether attributes of the layers were assigned since the graph was made or followed."""
        return self._assignments()[1] != self._seen[1]

    def follow_assignments(self) -> None:
        """Shapes and dtypes of the tensors as they are after attributes of layers (strides, padding) were assigned."""
        if self._seen[0] == StructureVersion.value:
            return
        now = self._assignments()
        if now[1] != self._seen[1]:
            parts = [x for layer in self.layers for x in layer._flatten_layers()]
            generators = [x for part in parts for x in part._held() if isinstance(x, SeedGenerator)]
            with same_draws(generators):
                for step in self.calls:
                    self._infer_again(step)
        self._seen = now

    def _infer_again(self, step: LayerCall) -> None:
        def fill(x):
            return self.tensors[x.index] if isinstance(x, Slot) else x

        args, kwargs = map_structure(fill, step.args), map_structure(fill, step.kwargs)
        if isinstance(step.target, str):
            results = step.apply(args, kwargs)
        else:
            results = inferred_outputs(step.target, args, kwargs)
        for slot, result in zip(flatten(step.outputs), _leaves(results), strict=True):
            retype(self.tensors[slot.index], tuple(result.shape), str(result.dtype))

    @property
    def returned_struct(self):
        """The outputs as calls return them: as they were given, except that a list of one is its only entry."""
        given = self.outputs_struct
        return given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else given

    # --- running ----------------------------------------------------------------------------------------
    def run(self, inputs: list, watch=None):
        """Outputs, in the structure of `returned_struct`.

        Args:
            inputs: list of arrays or tensors, one per input.
            watch: called with (step, results) after each step.
        """
        values: list = [None] * len(self.tensors)
        values[: len(inputs)] = inputs

        def fill(x):
            return values[x.index] if isinstance(x, Slot) else x

        budget = load_budget()
        for step in self.calls:
            if budget is not None:
                budget.call()
            results = step(fill)
            if watch is not None:
                watch(step, results)
            for slot, value in zip(flatten(step.outputs), _leaves(results), strict=True):
                values[slot.index] = value
        return map_structure(lambda t: values[self.index[id(t)]], self.returned_struct)

    def replay(self, inputs: list, call):
        """The outputs, each step made by `call(step, args, kwargs)`: for copies of the graph."""
        values: list = [None] * len(self.tensors)
        values[: len(inputs)] = inputs

        def fill(x):
            return values[x.index] if isinstance(x, Slot) else x

        for step in self.calls:
            results = call(step, map_structure(fill, step.args), map_structure(fill, step.kwargs))
            for slot, value in zip(flatten(step.outputs), _leaves(results), strict=True):
                values[slot.index] = value
        return map_structure(lambda t: values[self.index[id(t)]], self.outputs_struct)

    # --- copies and pickles: symbolic tensors are made anew ------------------------------------------------
    def __getstate__(self):
        def template(t):
            return Slot(self.index[id(t)])

        return {
            "specs": [(t.shape, t.dtype, t.name) for t in self.tensors],
            "inputs": map_structure(template, self.inputs_struct),
            "outputs": map_structure(template, self.outputs_struct),
            "steps": [(s.target, s.args, s.kwargs, s.outputs) for s in self.calls],
            "layers": self.layers,
        }

    def __setstate__(self, state):
        self.layers = state["layers"]
        self.calls = [LayerCall(*parts) for parts in state["steps"]]
        self.tensors = [symbolic(*spec) for spec in state["specs"]]
        holders = [layer for layer in self.layers if isinstance(layer, InputLayer)]
        for slot, layer in zip(flatten(state["inputs"]), holders, strict=False):
            self.tensors[slot.index] = layer.output

        def fill(x):
            return self.tensors[x.index] if isinstance(x, Slot) else x

        for step in self.calls:
            args, kwargs = map_structure(fill, step.args), map_structure(fill, step.kwargs)
            if isinstance(step.target, str):
                for slot, tensor in zip(
                    flatten(step.outputs), _leaves(apply(step.target, args, **kwargs)), strict=True
                ):
                    self.tensors[slot.index] = tensor
            else:
                Node(step.target, args, kwargs, map_structure(fill, step.outputs))
        self.index = {id(t): i for i, t in enumerate(self.tensors)}
        self.inputs_struct = map_structure(fill, state["inputs"])
        self.outputs_struct = map_structure(fill, state["outputs"])
        self.inputs, self.outputs = flatten(self.inputs_struct), flatten(self.outputs_struct)
        self._seen = self._assignments()


def slots_of(structure) -> list[Slot]:
    """The slots in the arguments or outputs of a call."""
    return [x for x in flatten(structure) if isinstance(x, Slot)]


def _is_tensor(x) -> bool:
    return isinstance(x, Tensor)


def _leaves(results) -> list:
    return flatten(results) if isinstance(results, (list, tuple, dict)) else [results]
