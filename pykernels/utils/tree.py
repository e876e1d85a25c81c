"""Nested structures of tensors: lists, tuples and dicts, walked as Keras walks them (dicts by sorted key)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .eager_array import EagerArray


def flatten(structure: Any) -> list:
    """The leaves of `structure`, in order. None is a leaf."""
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """`structure` with `function` applied to each leaf, in the order of `flatten`."""
    if isinstance(structure, dict):
        done = {key: map_structure(function, structure[key]) for key in sorted(structure)}
        return {key: done[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        items = [map_structure(function, item) for item in structure]
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


def as_given(leaves: list, outputs: Any) -> Any:
    """`outputs` with their arrays as `EagerArray`s, where the inputs' `leaves` have one."""
    if any(type(x) is EagerArray for x in leaves):
        return map_structure(lambda y: y.view(EagerArray) if type(y) is np.ndarray else y, outputs)
    return outputs
