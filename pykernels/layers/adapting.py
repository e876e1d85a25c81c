"""Data for `adapt`: arrays at once, or batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from ..graph import Tensor


def batches_of_data(data, steps: int | None = None) -> Iterator:
    """The batches of what a user passed to `adapt`.

    An array, a list or a table is one batch, to which an axis is added if it has only one; anything else that can be
    iterated gives batches.

    Args:
        steps: how many batches are read. None: all.

    Raises:
        ValueError: symbolic tensors, or something that holds no data.
    """
    if isinstance(data, Tensor):
        raise ValueError("`adapt()` needs data: an array, a list or a Dataset. Received a symbolic tensor.")
    if isinstance(data, (str, bytes)) or not (hasattr(data, "__iter__") or hasattr(data, "__array__")):
        raise ValueError(f"`adapt()` needs data: an array, a list or a Dataset. Received: {str(data)[:100]}")
    if isinstance(data, (list, tuple)) or hasattr(data, "__array__"):
        array = np.asarray(data, object if _holds_text(data) else None)
        yield array[:, None] if array.ndim == 1 else array
    else:
        yield from itertools.islice(iter(data), steps)


def _holds_text(data) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (str, bytes))
