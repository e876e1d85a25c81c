"""The order and the names in which Keras 3 keeps the layers of a model in a file, and variables in and out of HDF5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..graph import reading
from ..layers.state import LayerState
from ..utils.naming import to_snake_case
from .hdf5.reader import Dataset

MAX_DEPTH = 64


def walk(model, optimizer=None) -> Iterator[tuple[str, object]]:
    """(path in the file, layer or optimizer), each once. Layers in lists are numbered by class, in snake case."""
    seen = {id(model)}
    yield "", model
    yield from _children(model, "", seen, 0)
    if optimizer is not None:
        yield "optimizer", optimizer


def _children(layer, path: str, seen: set, depth: int):
    if depth > MAX_DEPTH:
        raise ValueError(f"Layers are nested more than {MAX_DEPTH} deep at '{path}'.")
    before = f"{path}/" if path else ""
    is_model, has_graph = hasattr(layer, "_graph"), getattr(layer, "_graph", None) is not None
    held = children(layer)
    if has_graph or hasattr(layer, "_stack"):
        held.insert(0, ("layers", layer.layers))
    elif is_model:  # to Keras this property is an attribute like others: those that come after it are listed there
        held.insert(sum(1 for name, _ in held if _order(name) < "layers"), ("layers", layer.layers))
    for name, value in held:
        if isinstance(value, LayerState):
            yield from _visit(value, before + name, seen, depth)
        else:
            for place, item in numbered(value):
                yield from _visit(item, f"{before}{name}/{place}", seen, depth)


def _order(name: str) -> str:
    return f"~{name}" if name[0] == "_" else name


def children(layer) -> list[tuple[str, object]]:
    """(attribute, layer or container) of what a layer holds, in the order of Keras 3: private ones last."""
    held = vars(layer)
    return [
        (name, held[name])
        for name in sorted(held, key=_order)
        if name not in layer._not_state
        and name not in ("_stack", "_graph")
        and isinstance(held[name], (LayerState, list, tuple, dict))
    ]


def numbered(items, depth: int = 0) -> Iterator[tuple[str, LayerState]]:
    """(place, layer) of the layers in a container; they are numbered by class, in snake case."""
    if depth > MAX_DEPTH:
        raise ValueError(f"Containers are nested more than {MAX_DEPTH} deep.")
    used: dict[str, int] = {}

    def place(kind):
        count = used.get(kind, 0)
        used[kind] = count + 1
        return f"{kind}_{count}" if count else kind

    for item in items.values() if isinstance(items, dict) else items:
        if isinstance(item, LayerState):
            yield place(to_snake_case(type(item).__name__)), item
        elif isinstance(item, (list, tuple, dict)):
            here = place("container")
            yield from ((f"{here}/{key}", inner) for key, inner in numbered(item, depth + 1))


def _visit(layer, path: str, seen: set, depth: int):
    if id(layer) not in seen:
        seen.add(id(layer))
        yield path, layer
        yield from _children(layer, path, seen, depth + 1)


def own_variables(holder) -> list:
    """The variables of a layer itself, without those of layers within it; or those of an optimizer."""
    return holder._own_variables() if isinstance(holder, LayerState) else holder.variables


def reading_all(model):
    """Within it the weights and the optimizer's variables are those of one moment, even if other threads train."""
    optimizer = model.optimizer if getattr(model, "compiled", False) else None
    return reading([*model.weights, *(optimizer.variables if optimizer is not None else ())])


def value_for_file(variable) -> np.ndarray:
    """The value as Keras writes it: the counter of an optimizer is int32 there, as long as it fits."""
    array = variable.array
    if array.dtype == np.int64 and variable.name == "iteration" and array.ndim == 0 and array < 2**31:
        return array.astype(np.int32)
    return array


def read_variable(dataset: Dataset, variable) -> None:
    """The data set into the variable's own memory."""
    with variable.storage.write() as array:
        dataset.read_into(array)
