"""A model as boxes and arrows: what `plot_model` draws."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..graph import Tensor
from ..layers import InputLayer
from ..layers.layer_graph import Slot
from ..models import Model, Sequential
from ..utils.tree import flatten

_KINDS = (  # beginning or ending of a class name, and the colour of its boxes
    ("Input", "#eceff1"),
    ("Conv", "#dbe9f6"),
    ("Pooling", "#e3ddf1"),
    ("Normalization", "#fbeed0"),
    ("Dropout", "#f3e0e0"),
    ("Noise", "#f3e0e0"),
    ("Dense", "#dcefdc"),
    ("Activation", "#fbe1d0"),
    ("ReLU", "#fbe1d0"),
    ("Softmax", "#fbe1d0"),
)
_OTHER_KIND = "#f4f4f4"
_GREEN, _RED = "#2e7d4f", "#b3372f"


class Line(NamedTuple):
    """A line of text in a box; `color` None for ink."""

    text: str
    color: str | None = None


class Shows(NamedTuple):
    """What boxes say besides the class of the layer; names as in `plot_model`."""

    shapes: bool
    dtype: bool
    layer_names: bool
    expand_nested: bool
    layer_activations: bool
    trainable: bool


class Box:
    """A layer or an op. `inner` is the graph within, for a model that is unfolded."""

    def __init__(self, key: str, name: str, kind: str, lines: list[Line], inner: Boxes | None = None):
        self.key, self.name, self.kind, self.lines, self.inner = key, name, kind, lines, inner
        self.color = next((color for part, color in _KINDS if part in kind), _OTHER_KIND)


class Boxes(NamedTuple):
    """Boxes in an order of execution, and (from, to) between their places in the list."""

    boxes: list[Box]
    edges: list[tuple[int, int]]


def model_boxes(model: Any, shows: Shows) -> Boxes:
    """The boxes of a model; one box for a model without a graph of layers.

    Raises:
        ValueError: a model that is not built.
    """
    if not getattr(model, "built", False):
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by calling the model on "
            "a batch of data."
        )
    if getattr(model, "_graph", None) is None:
        return Boxes([_layer_box(model, str(id(model)), shows)], [])
    graph = model._graph
    calls = _merged(graph) or [(step.target, [i]) for i, step in enumerate(graph.calls)]
    holders = [] if isinstance(model, Sequential) else [x for x in graph.layers if isinstance(x, InputLayer)]
    maker: dict[int, int] = {}  # tensor -> box
    for place, tensor in enumerate(graph.inputs):
        for i, layer in enumerate(holders):
            if any(tensor is output for output in flatten([layer.output])):
                maker[place] = i
    boxes = [_layer_box(layer, str(id(layer)), shows) for layer in holders]
    for target, steps in calls:
        for i in steps:
            maker.update((slot.index, len(boxes)) for slot in _slots(graph.calls[i].outputs))
        if isinstance(target, str):
            boxes.append(_op_box(target, graph, graph.calls[steps[0]], shows))
        else:
            boxes.append(_layer_box(target, f"{id(target)}_{steps[0]}", shows))
    edges: dict[tuple[int, int], None] = {}
    for i, (_, steps) in enumerate(calls, start=len(holders)):
        for step in steps:
            for slot in _slots([graph.calls[step].args, graph.calls[step].kwargs]):
                if slot.index in maker:
                    edges[(maker[slot.index], i)] = None
    return Boxes(boxes, list(edges))


def _slots(structure) -> list[Slot]:
    return [x for x in flatten(structure) if isinstance(x, Slot)]


def _merged(graph) -> list[tuple[Any, list[int]]] | None:
    """(target, its steps) with the calls of a shared layer together, in an order of execution; None where one such
    call needs another's result."""
    groups: dict[Any, list[int]] = {}
    for i, step in enumerate(graph.calls):
        groups.setdefault(("op", i) if isinstance(step.target, str) else id(step.target), []).append(i)
    group_of = {i: key for key, steps in groups.items() for i in steps}
    maker = {slot.index: i for i, step in enumerate(graph.calls) for slot in _slots(step.outputs)}
    needs = {
        key: {
            group_of[maker[slot.index]]
            for i in steps
            for slot in _slots([graph.calls[i].args, graph.calls[i].kwargs])
            if slot.index in maker
        }
        for key, steps in groups.items()
    }
    order, done = [], set()
    while len(order) < len(groups):
        ready = [key for key in groups if key not in done and needs[key] <= done]
        if not ready:
            return None
        done.update(ready)
        order.extend(ready)
    return [(graph.calls[groups[key][0]].target, groups[key]) for key in order]


# --- what boxes say -----------------------------------------------------------------------------------------------
def _layer_box(layer: Any, key: str, shows: Shows) -> Box:
    lines = []
    activation = getattr(layer, "activation", None)
    if shows.layer_activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None) or str(activation)
        lines.append(Line(f"activation: {name}"))
    tensors = {what: _tensors(layer, what) for what in ("input", "output")}
    if shows.shapes:
        lines.append(Line(_shapes(tensors, isinstance(layer, InputLayer))))
    if shows.dtype:
        lines.append(Line(_join([t.dtype for t in tensors["output"]])))
    if shows.trainable and layer.weights:
        lines.append(Line("trainable", _GREEN) if layer.trainable else Line("not trainable", _RED))
    nested = shows.expand_nested and isinstance(layer, Model) and layer._graph is not None
    name = layer.name if shows.layer_names or nested else ""
    return Box(key, name, type(layer).__name__, lines, model_boxes(layer, shows) if nested else None)


def _op_box(name: str, graph, step, shows: Shows) -> Box:
    tensors = {
        "input": [graph.tensors[s.index] for s in _slots([step.args, step.kwargs])],
        "output": [graph.tensors[s.index] for s in _slots(step.outputs)],
    }
    lines = [Line(_shapes(tensors, False))] if shows.shapes else []
    if shows.dtype:
        lines.append(Line(_join([t.dtype for t in tensors["output"]])))
    return Box(f"{id(graph)}_{id(step)}", "", name, lines)


def _tensors(layer: Any, what: str) -> list[Tensor]:
    try:
        return [t for t in flatten(getattr(layer, what)) if isinstance(t, Tensor)]
    except AttributeError:  # never called on symbolic tensors
        return []


def _shapes(tensors: dict, only_output: bool) -> str:
    after = _join([str(t.shape) for t in tensors["output"]])
    return after if only_output else f"{_join([str(t.shape) for t in tensors['input']])}  →  {after}"


def _join(texts: list[str]) -> str:
    return ", ".join(texts) if texts else "?"
