"""State shared by the layers that are being called in this thread, and the counter of structural changes."""

from __future__ import annotations

import itertools
import threading

_local = threading.local()
_versions = itertools.count(1)


class StructureVersion:
    """Grows when some layer is built, frozen, unfrozen, added or removed. Caches of programs compare it."""

    value = 0


def structure_changed() -> None:
    StructureVersion.value = next(_versions)


def training_phase():
    """The `training` argument of the outermost layer call in this thread; None when there is none."""
    return getattr(_local, "training", None)


class calling:  # noqa: N801 - used as `with calling(...)`
    """`with calling(training):` around a layer's `call`, so that layers within learn the phase."""

    __slots__ = ("outer", "training")

    def __init__(self, training):
        self.training = training

    def __enter__(self):
        self.outer = getattr(_local, "training", None)
        _local.training = self.training

    def __exit__(self, *exc):
        _local.training = self.outer
