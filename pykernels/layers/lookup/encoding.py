"""Indices of categories as one-hot vectors, sets and counts."""

from __future__ import annotations

import numpy as np

#: What a layer may give for categories. "binary" and "tf-idf" are older names of two of them.
OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def standardize_mode(layer: str, mode, allowed=OUTPUT_MODES) -> str:
    """The output mode under its present name. Raises ValueError for one that is not `allowed`."""
    mode = _OLD_MODES.get(mode, mode) if isinstance(mode, str) else mode
    if mode not in allowed:
        raise ValueError(
            f"Unknown value for `output_mode` argument of layer {layer}. Allowed values are: {allowed}. "
            f"Received: output_mode={mode!r}"
        )
    return mode


def encode(rows, mode: str, depth: int, weights=None, dtype="float32") -> np.ndarray:
    """Rows of indices as vectors of `depth` numbers. Indices below 0 and from `depth` on count for nothing.

    Args:
        rows: int array (..., n), or list of lists of ints.
        mode: "one_hot" (a vector for each index), "multi_hot" (1 where an index occurs in the row), "count" (how
            often) or "tf_idf" (as often as its weight in `weights`).
        weights: float array (depth,), for "tf_idf".
    """
    if mode == "one_hot":
        indices = np.asarray(rows)
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        out = np.zeros((*indices.shape, depth), dtype)
        inside = (indices >= 0) & (indices < depth)
        out[(*np.nonzero(inside), indices[inside])] = 1
        return out
    if isinstance(rows, np.ndarray):
        lead = rows.shape[:-1]
        flat = rows.reshape(-1, rows.shape[-1]) if rows.ndim else rows.reshape(1, 1)
    else:
        lead, flat = (len(rows),), rows
    out = np.zeros((len(flat), depth), "float64")
    for i, row in enumerate(flat):
        row = np.asarray(row, "int64")
        inside = (row >= 0) & (row < depth)
        out[i] = np.bincount(row[inside], minlength=depth)
    if mode == "multi_hot":
        out = np.minimum(out, 1)
    elif mode == "tf_idf":
        out = out * weights
    return out.reshape(*lead, depth).astype(dtype)


def encoded_shape(shape: tuple, mode: str, depth: int | None) -> tuple:
    """The shape of `encode`'s result for indices of a shape."""
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def numbers_as_array(inputs):
    """A number, or a list of numbers, as an array; anything else as it is."""
    first = inputs
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return np.asarray(inputs) if isinstance(first, (bool, int, float)) else inputs
