"""State shared by the layers that are being called in this thread, and the counter of `pykernels.graph`."""

from __future__ import annotations

import threading

from ..graph.structure import StructureVersion as StructureVersion
from ..graph.structure import structure_changed as structure_changed

_local = threading.local()
_default: dict[str, bool | None] = {"phase": None}


def inside_a_layer() -> bool:
    """Whether this thread runs the `call` or `build` of a layer: what is assigned then is the layer's own business."""
    return getattr(_local, "depth", 0) > 0


class working:  # noqa: N801 - used as `with working():`
    """`with working():` around code of a layer's that may assign attributes."""

    __slots__ = ()

    def __enter__(self):
        _local.depth = getattr(_local, "depth", 0) + 1

    def __exit__(self, *exc):
        _local.depth -= 1


def called_by_a_layer() -> bool:
    """Whether this thread runs the `call` of a layer."""
    return getattr(_local, "calls", 0) > 0


def training_phase():
    """The `training` argument of the outermost layer call in this thread, else what `set_default_phase` was told; None
    when there is neither."""
    found = getattr(_local, "training", None)
    return _default["phase"] if found is None else found


def set_default_phase(training: bool | None) -> None:
    """Says what layers that nobody tells the phase work as. None: each as it does by default."""
    _default["phase"] = training
    structure_changed()


class running_part:  # noqa: N801 - used as `with running_part(...)`
    """`with running_part(model, graph):` a model is called with the inputs of `graph`, a part of its own graph, and
    computes that. With None for the graph nothing changes."""

    __slots__ = ("graph", "model", "outer")

    def __init__(self, model, graph):
        self.model, self.graph = model, graph

    def __enter__(self):
        self.outer = getattr(_local, "part", None)
        if self.graph is not None:
            _local.part = (self.model, self.graph)

    def __exit__(self, *exc):
        _local.part = self.outer


def part_of(model):
    """The graph that `running_part` says for a model in this thread; None for all of its own."""
    part = getattr(_local, "part", None)
    return part[1] if part is not None and part[0] is model else None


class calling:  # noqa: N801 - used as `with calling(...)`
    """`with calling(training):` around a layer's `call`, so that layers within learn the phase."""

    __slots__ = ("outer", "training")

    def __init__(self, training):
        self.training = training

    def __enter__(self):
        self.outer = getattr(_local, "training", None)
        _local.training = self.training
        _local.depth = getattr(_local, "depth", 0) + 1
        _local.calls = getattr(_local, "calls", 0) + 1

    def __exit__(self, *exc):
        _local.training = self.outer
        _local.depth -= 1
        _local.calls -= 1
