"""Batches of elements whose shapes differ."""

from __future__ import annotations

import numpy as np

from .elements import TensorSpec, each, leaves, plain


def padded(items: list, shapes, values):
    """Elements put together along a new first axis, each filled up to the largest, or to `shapes`.

    Args:
        items: elements.
        shapes: in the structure of an element, or None; None and -1 in a shape stand for the largest extent.
        values: in the structure of an element, or one for all, or None for zeros and empty texts.

    Raises:
        ValueError: an element that is larger than its shape, or has another rank.
    """
    items = [plain(item) for item in items]
    columns = zip(*(leaves(item) for item in items), strict=True)
    number = len(leaves(items[0]))
    wanted = [None] * number if shapes is None else _shapes_of(shapes, items[0])
    fills = leaves(values) if isinstance(values, (tuple, dict)) else [values] * number
    filled = iter([_filled(*column) for column in zip(columns, wanted, fills, strict=True)])
    return each(lambda _: next(filled), items[0])


def _shapes_of(shapes, item) -> list:
    """The shapes in the order of the leaves of an element."""
    if isinstance(item, tuple):
        return [shape for part, leaf in zip(shapes, item, strict=True) for shape in _shapes_of(part, leaf)]
    if isinstance(item, dict):
        return [shape for key, leaf in item.items() for shape in _shapes_of(shapes[key], leaf)]
    return [tuple(shapes) if isinstance(shapes, (list, tuple)) else (shapes,)]


def _filled(arrays, shape, value) -> np.ndarray:
    rank = arrays[0].ndim
    if any(a.ndim != rank for a in arrays) or (shape is not None and len(shape) != rank):
        raise ValueError(
            f"All elements in a batch must have the same rank as the padded shape. Expected rank: "
            f"{rank if shape is None else len(shape)}, got arrays of shapes {[a.shape for a in arrays]}."
        )
    largest = [max(a.shape[d] for a in arrays) for d in range(rank)]
    extents = [n if s in (None, -1) else s for s, n in zip(shape or [None] * rank, largest, strict=True)]
    if any(n > s for n, s in zip(largest, extents, strict=True)):
        raise ValueError(f"Attempted to pad to a smaller size than the input element: {largest} to {extents}.")
    if value is None:
        value = b"" if arrays[0].dtype == object else 0
    batch = np.full((len(arrays), *extents), value, arrays[0].dtype)
    for row, array in zip(batch, arrays, strict=True) if rank else ():
        row[tuple(map(slice, array.shape))] = array
    if not rank:
        batch[:] = [a[()] for a in arrays]
    return batch


def padded_spec(spec, shapes):
    """The `TensorSpec`s of elements that are filled up to `shapes`."""
    wanted = iter([None] * len(leaves(spec)) if shapes is None else _shapes_of(shapes, spec))

    def of(leaf: TensorSpec) -> TensorSpec:
        shape = next(wanted)
        kept = leaf.shape if shape is None else [None if d == -1 else d for d in shape]
        return TensorSpec(kept, leaf.dtype)

    return each(of, spec)
