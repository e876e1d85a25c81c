"""The order and the names in which Keras 3 keeps the layers of a model in a file, and variables in and out of HDF5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..layers.state import LayerState
from ..utils.naming import to_snake_case
from .hdf5.reader import Dataset

_MAX_DEPTH = 64


def walk(model, optimizer=None) -> Iterator[tuple[str, object]]:
    """(path in the file, layer or optimizer), each once. Layers in lists are numbered by class, in snake case."""
    seen = {id(model)}
    yield "", model
    yield from _children(model, "", seen, 0)
    if optimizer is not None:
        yield "optimizer", optimizer


def _children(layer, path: str, seen: set, depth: int):
    if depth > _MAX_DEPTH:
        raise ValueError(f"Layers are nested more than {_MAX_DEPTH} deep at '{path}'.")
    listed = f"{path}/layers" if path else "layers"
    is_model, has_graph = hasattr(layer, "_graph"), getattr(layer, "_graph", None) is not None
    if has_graph or hasattr(layer, "_stack"):
        yield from _listed(layer.layers, listed, seen, depth)
        is_model = False
    # To Keras the property `layers` of a model is an attribute like others: those that come after it are listed there.
    for name in sorted([*vars(layer), *(["layers"] if is_model else [])], key=lambda n: "~" + n if n[0] == "_" else n):
        value = layer.layers if is_model and name == "layers" else vars(layer)[name]
        if name in layer._not_state or name in ("_stack", "_graph"):
            continue
        here = f"{path}/{name}" if path else name
        if isinstance(value, LayerState):
            yield from _visit(value, here, seen, depth)
        elif isinstance(value, (list, tuple, dict)):
            yield from _listed(value, here, seen, depth)


def _listed(items, path: str, seen: set, depth: int):
    if depth > _MAX_DEPTH:
        raise ValueError(f"Containers are nested more than {_MAX_DEPTH} deep at '{path}'.")
    used: dict[str, int] = {}

    def place(kind):
        count = used.get(kind, 0)
        used[kind] = count + 1
        return f"{path}/{kind}_{count}" if count else f"{path}/{kind}"

    for item in items.values() if isinstance(items, dict) else items:
        if isinstance(item, LayerState):
            yield from _visit(item, place(to_snake_case(type(item).__name__)), seen, depth)
        elif isinstance(item, (list, tuple, dict)):
            yield from _listed(item, place("container"), seen, depth + 1)


def _visit(layer, path: str, seen: set, depth: int):
    if id(layer) not in seen:
        seen.add(id(layer))
        yield path, layer
        yield from _children(layer, path, seen, depth + 1)


def own_variables(holder) -> list:
    """The variables of a layer itself, without those of layers within it; or those of an optimizer."""
    return holder._own_variables() if isinstance(holder, LayerState) else holder.variables


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
