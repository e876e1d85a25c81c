"""The elements of generators, checked against what the script says of them."""

from __future__ import annotations

import numpy as np

from .elements import TensorSpec, each, leaves, plain


def shapes_in_order(shapes, types) -> list:
    """The shapes in the order of `types`; a shape is a tuple or list of numbers and None."""
    if isinstance(types, tuple):
        return [shape for part, kind in zip(shapes, types, strict=True) for shape in shapes_in_order(part, kind)]
    if isinstance(types, dict):
        return [shape for key, kind in types.items() for shape in shapes_in_order(shapes[key], kind)]
    return [shapes]


def checked(item, signature):
    """An element as arrays. Raises ValueError if it is not of the `TensorSpec`s in `signature`, if given."""
    if signature is None:
        return plain(item)
    item = tuple(item) if isinstance(signature, tuple) and isinstance(item, list) else item
    specs = iter(leaves(signature))
    if isinstance(signature, (tuple, dict)) and each(lambda _: None, item) != each(lambda _: None, signature):
        raise ValueError(f"`generator` yielded an element of another structure than {signature}: {item!r}")
    return each(lambda leaf: _fitted(leaf, next(specs)), item)


def _fitted(leaf, spec: TensorSpec) -> np.ndarray:
    array = plain(leaf) if spec.dtype == "string" else np.asarray(leaf, spec.dtype)
    fits = spec.shape is None or (
        len(spec.shape) == array.ndim and all(d in (None, n) for d, n in zip(spec.shape, array.shape, strict=True))
    )
    if not fits:
        raise ValueError(f"`generator` yielded an array of shape {array.shape} where {spec} was expected.")
    return array
