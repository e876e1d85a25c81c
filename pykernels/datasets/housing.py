"""What the two data sets of house prices share: an `.npz` file of `x` and `y`, shuffled and split."""

from __future__ import annotations

import numpy as np

from . import cache, npz


def load(path, name: str, sha256: str, shape: tuple, test_split, seed, rows=None):
    """`((x_train, y_train), (x_test, y_test))` from the file at `path`; see `cache.locate`.

    Args:
        path: of the file, or its name in the cache.
        name: the file's name.
        sha256: of the published file.
        shape: of its `x`.
        test_split: fraction of the rows that is the test part, in [0, 1).
        seed: of the order.
        rows: how many are used, of the first; all for None.

    Raises:
        ConnectionError: no local copy, and no network.
        ValueError: another `test_split`, or a damaged file.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")

    def is_published(file) -> bool:
        found = npz.headers(file, ("x", "y"))
        return found is not None and found["x"][0] == shape and found["y"][0] == shape[:1]

    found = cache.locate(path, name, cache.ADDRESS + name, sha256, is_published)
    x, y = npz.read(found, ("x", "y"))
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"{found}: features of shape {x.shape} do not go with prices of shape {y.shape}.")
    x, y = x[:rows], y[:rows]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    split = int(len(x) * (1 - test_split))
    return (x[:split].copy(), y[:split].copy()), (x[split:].copy(), y[split:].copy())
