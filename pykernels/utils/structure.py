"""Nested targets and weights: lists, tuples and dicts of arrays, as a flat list and a hashable description.

A `spec` is what is left of a structure when its leaves are taken out: None for None, LEAF for a leaf, `("list", ...)`,
`("tuple", ...)`, or `("dict", (key, spec), ...)` by sorted key. It is part of the key of a program.
"""

from __future__ import annotations

from typing import Any

LEAF = "leaf"


def take_apart(structure: Any) -> tuple[Any, list]:
    """(spec, leaves) of a structure; None holds a place and is no leaf."""
    leaves: list = []
    return _describe(structure, leaves), leaves


def _describe(structure, leaves: list):
    if structure is None:
        return None
    if isinstance(structure, dict):
        return ("dict", *((key, _describe(structure[key], leaves)) for key in sorted(structure)))
    if isinstance(structure, (list, tuple)):
        kind = "list" if isinstance(structure, list) else "tuple"
        return (kind, *(_describe(item, leaves) for item in structure))
    leaves.append(structure)
    return LEAF


def put_together(spec, leaves) -> Any:
    """The structure that `spec` describes, around the given leaves."""
    return _fill(spec, iter(leaves))


def _fill(spec, leaves):
    if spec is None:
        return None
    if spec == LEAF:
        return next(leaves)
    kind, *items = spec
    if kind == "dict":
        return {key: _fill(item, leaves) for key, item in items}
    filled = [_fill(item, leaves) for item in items]
    return filled if kind == "list" else tuple(filled)


def spec_size(spec) -> int:
    """The number of leaves."""
    if spec is None or spec == LEAF:
        return int(spec == LEAF)
    return sum(spec_size(item[1] if spec[0] == "dict" else item) for item in spec[1:])


def is_nested(x) -> bool:
    return isinstance(x, (list, tuple, dict))
