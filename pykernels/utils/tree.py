"""Nested structures of tensors: lists, tuples and dicts, walked as Keras walks them (dicts by sorted key)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LEAF = "leaf"


def flatten(structure: Any) -> list:
    """The leaves of `structure`, in order. None is a leaf."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any, lists: bool = True) -> Any:
    """`structure` with `function` applied to each leaf, in the order of `flatten`.

    Args:
        lists: False takes a list as a leaf, as tf.data does.
    """
    if isinstance(structure, dict):
        done = {key: map_structure(function, structure[key], lists) for key in sorted(structure)}
        return {key: done[key] for key in structure}
    if isinstance(structure, tuple) or (lists and isinstance(structure, list)):
        items = [map_structure(function, item, lists) for item in structure]
        if hasattr(structure, "_fields"):  # a namedtuple
            return type(structure)(*items)
        return type(structure)(items) if isinstance(structure, tuple) else items
    return function(structure)


def is_shape(x: Any) -> bool:
    """Whether `x` is one shape: a tuple or list of ints and Nones."""
    return isinstance(x, (list, tuple)) and all(d is None or isinstance(d, int) for d in x)


def map_shapes(function: Callable[[tuple], Any], structure: Any) -> Any:
    """`structure` of shapes with `function` applied to each shape."""
    if is_shape(structure):
        return function(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shapes(function, structure[key]) for key in structure}
    if isinstance(structure, (list, tuple)):
        return [map_shapes(function, item) for item in structure]
    return structure


# --- structures as a flat list and a hashable spec -------------------------------------------------------


def tree_flatten(structure: Any) -> tuple[list, Any]:
    """(leaves, spec) of a structure. None is part of the structure, not a leaf.

    The spec is hashable: None for None, `LEAF` for a leaf, `("list", ...)`, `("tuple", ...)`, or
    `("dict", (key, spec), ...)` by sorted key. It is part of the signature of a step.
    """
    leaves: list = []
    spec = _describe(structure, leaves)
    return leaves, spec


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


def tree_unflatten(spec, leaves) -> Any:
    """The structure that `spec` describes, with the given leaves: the inverse of `tree_flatten`."""
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


def tree_size(spec) -> int:
    """The number of leaves."""
    if spec is None or spec == LEAF:
        return int(spec == LEAF)
    return sum(tree_size(item[1] if spec[0] == "dict" else item) for item in spec[1:])


def is_nested(x) -> bool:
    return isinstance(x, (list, tuple, dict))


# --- leaves for the outputs of a model -------------------------------------------------------------------
def match_outputs(structure, names: list, wanted: list[bool], with_loss: list[bool], what: str) -> list:
    """The leaf of `structure` for each output, None where there is none.

    Args:
        structure: one leaf, a list or tuple in the order of the outputs (or of those with a loss), a dict by name, or
            something with as many leaves as there are outputs.
        names: the outputs' names (None where unknown).
        wanted: which outputs cannot do without.
        with_loss: which outputs have a loss.
        what: the argument's name in messages.

    Raises:
        ValueError: anything else.
    """
    n = len(names)
    if isinstance(structure, dict) and not any(is_nested(v) for v in structure.values()):
        found = match_names(structure, names, what)
    else:
        leaves = flatten(structure)
        if len(leaves) == n:
            found = leaves
        elif len(leaves) == sum(with_loss):
            rest = iter(leaves)
            found = [next(rest) if has else None for has in with_loss]
        else:
            raise ValueError(
                f"`{what}` and the model's outputs have different structures: {len(leaves)} arrays for {n} outputs"
                f"{f', {sum(with_loss)} of them with a loss' if sum(with_loss) != n else ''}."
            )
    for name, leaf, needed in zip(names, found, wanted, strict=True):
        if leaf is None and needed:
            raise ValueError(f"`{what}` has nothing for the output '{name}', which has a loss or a metric.")
    return found


def match_names(given: dict, names: list, what: str) -> list:
    """The values of a flat dict by the names of the outputs, None where there is none; `what` is for the message.

    Raises:
        ValueError: a key that is no output's name.
    """
    if len(names) == 1 and len(given) == 1:
        return list(given.values())
    unknown = [key for key in given if key not in names]
    if unknown:
        raise ValueError(f"`{what}` is a dict with the key '{unknown[0]}', which is not the name of an output.")
    return [given.get(name) for name in names]
