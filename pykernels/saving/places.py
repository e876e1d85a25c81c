"""Where the layers of a model are in a weights file of Keras 2.12 and later.

Every version walks through the attributes of a model and its layers and keeps each layer under the first that leads
to it. In what order they walk differs: Keras 3 in the order of names, private ones last; Keras 2.14 and 2.15 in the
reverse order; 2.12 and 2.13 in that of `dir()`, in which the property `_layer_checkpoint_dependencies` comes first: it
has each layer with weights twice, so that numbers are left out (`dense`, `dense_2`). Files written on Windows may have
backslashes in their names.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..layers.state import LayerState
from .hdf5.reader import Group, Hdf5File
from .tree import MAX_DEPTH, children, numbered, walk

_TWICE = "_layer_checkpoint_dependencies"


class Places:
    """The groups of a file by their paths."""

    def __init__(self, h5: Hdf5File):
        self._h5 = h5
        self._windows: dict[str, Group] | None = None

    def group(self, path: str) -> Group | None:
        """The group of a layer's variables."""
        found = self._h5.get(f"{path}/vars" if path else "vars")
        if found is None and path:
            if self._windows is None:
                self._windows = dict(self._with_backslashes())
            found = self._windows.get(f"{path}/vars")
        return found if isinstance(found, Group) else None

    def _with_backslashes(self) -> Iterator[tuple[str, Group]]:
        """(path with slashes, group) of the groups whose names have backslashes in them, or in those above."""
        pending = [("", self._h5.root, False, 0)]
        while pending:
            path, group, is_found, depth = pending.pop()
            for name in group:
                node = group.get(name)
                found = is_found or "\\" in name
                if isinstance(node, Group) and depth <= MAX_DEPTH:
                    here = f"{path}/{name}" if path else name
                    if found:
                        yield here.replace("\\", "/"), node
                    pending.append((here, node, found, depth + 1))

    def of(self, model) -> list[tuple[str, object, Group | None]]:
        """(path, layer, group) of all layers of a model; None for those that the file does not have."""
        found = [(path, layer, self.group(path)) for path, layer in walk(model)]
        if all(group is not None or not layer._own_variables() for _, layer, group in found):
            return found
        known = dict(self._search(model))
        if not all(id(layer) in known for _, layer, _ in found if layer._own_variables()):
            return found  # the message shows the places of today
        return [(*known[id(layer)][:1], layer, known[id(layer)][1]) for _, layer, _ in found if id(layer) in known]

    def _search(self, model) -> Iterator[tuple[int, tuple[str, Group | None]]]:
        pending, seen = [("", model, 0)], {id(model)}
        yield id(model), ("", self.group(""))
        while pending:
            path, layer, depth = pending.pop(0)
            if depth > MAX_DEPTH:
                continue
            for name, child in _candidates(layer):
                here = f"{path}/{name}" if path else name
                group = self.group(here) if id(child) not in seen else None
                if group is not None:
                    seen.add(id(child))
                    pending.append((here, child, depth + 1))
                    yield id(child), (here, group)


def _candidates(layer) -> Iterator[tuple[str, LayerState]]:
    """(name, child): every name under which a version of Keras may keep a child of this layer."""
    for name, value in children(layer):
        if isinstance(value, LayerState):
            yield name, value
        else:
            yield from ((f"{name}/{key}", item) for key, item in numbered(value))
    layers = getattr(layer, "layers", None)
    if isinstance(layers, list):
        yield from ((f"layers/{key}", item) for key, item in numbered(layers))
        twice = [copy for item in layers for copy in ([item, item] if item.weights else [item])]
        yield from ((f"{_TWICE}/{key}", item) for key, item in numbered(twice))
