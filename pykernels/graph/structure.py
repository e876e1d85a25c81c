"""The counter of changes after which recorded programs may be out of date."""

from __future__ import annotations

import itertools

_versions = itertools.count(1)


class StructureVersion:
    """Grows when some layer is built, frozen, unfrozen, added or removed, or an attribute of a layer or variable is
    assigned. Caches of programs compare it."""

    value = 0


def structure_changed() -> None:
    StructureVersion.value = next(_versions)
