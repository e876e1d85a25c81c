"""Keras's masks: which values of an array are used. Arrays have no attributes, so masks are kept in a table."""

from __future__ import annotations

import weakref

_masks: dict[int, tuple] = {}


def set_mask(x, mask) -> None:
    """Attaches `mask` (bool, the shape of `x` or less of its axes) to an array or tensor for as long as that lives."""
    key = id(x)
    try:
        reference = weakref.ref(x, lambda _, masks=_masks: masks.pop(key, None))  # modules may be gone by then
    except TypeError:  # a scalar: its value already says it all
        return
    _masks[key] = (reference, mask)


def get_mask(x):
    """The mask attached to `x`, or None."""
    reference, mask = _masks.get(id(x), (None, None))
    return mask if reference is not None and reference() is x else None


def any_masks() -> bool:
    """Whether anything has a mask now: where nothing has, nobody need look for one."""
    return bool(_masks)
