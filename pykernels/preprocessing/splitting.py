"""`split_dataset`: two datasets of one."""

from __future__ import annotations

import random

import numpy as np

from .elements import plain, stack
from .streams import Stream, StreamMethods


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """The first elements of a dataset, and the last ones.

    Args:
        dataset: an array, a tuple or list of arrays of the same length, or a dataset.
        left_size, right_size: how many elements each part has, as an int, or a float between 0 and 1 for a fraction.
            Default None: what the other one leaves; one must be given.
        shuffle: whether the elements are shuffled before. Default False.
        seed: of the order. Default None: drawn.
        preferred_backend: accepted; the parts are the same for each of Keras's backends.

    Returns:
        Two datasets with the methods of `tf.data.Dataset`; batched, if `dataset` was the result of `batch`.

    Raises:
        TypeError: another kind of dataset, or of size.
        ValueError: sizes that cannot be; no elements, or arrays of different lengths.
    """
    items = _items(dataset)
    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    if not items:
        raise ValueError(
            "Received an empty dataset. Argument `dataset` must be a non-empty list/tuple of `numpy.ndarray` objects "
            "or `tf.data.Dataset` objects."
        )
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(items)
    left, right = _sizes(left_size, right_size, len(items))
    size = getattr(dataset, "batch_size_of_elements", None)
    found = [Stream.from_tensor_slices(stack(part)) for part in (items[:left], items[-right:])]
    return tuple(found if size is None else [part.batch(size) for part in found])


def _items(dataset) -> list:
    if isinstance(dataset, StreamMethods):
        batched = getattr(dataset, "batch_size_of_elements", None) is not None
        return [plain(item) for item in (dataset.unbatch() if batched else dataset)]
    if isinstance(dataset, np.ndarray):
        items = list(dataset)
        shape = items[0].shape if items else None
        return items if all(item.shape == shape for item in items) else []
    if not isinstance(dataset, (list, tuple)):
        raise TypeError(
            "The `dataset` argument must be either a `tf.data.Dataset` object, or a list/tuple of arrays. Received: "
            f"dataset={dataset} of type {type(dataset)}"
        )
    for i, array in enumerate(dataset):
        if not isinstance(array, np.ndarray):
            kind = type(dataset).__name__
            raise ValueError(f"Expected a {kind} of `numpy.ndarray` objects. Received: {type(array)} at index {i}.")
        if len(array) != len(dataset[0]):
            raise ValueError(
                f"Received NumPy arrays with different lengths. Mismatch found at index {i}, Expected "
                f"shape={dataset[0].shape} Received shape={array.shape}. Please provide arrays of the same length."
            )
    return list(zip(*dataset, strict=True))


def _sizes(left, right, total: int) -> tuple[int, int]:
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if type(size) not in (int, float):
            raise TypeError(f"Invalid `{name}` Type. Expected: int or float or None, Received: {type(size)}.")
        if not 0 < size < (total if type(size) is int else 1):
            raise ValueError(
                f"`{name}` should be either a positive integer smaller than {total}, or a float within the range "
                f"`[0, 1]`. Received: {name}={size}"
            )
    if type(left) is type(right) is float and left + right > 1:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than 1. It must be less than or equal to 1."
        )
    counts = [round(size * total) if type(size) is float else size for size in (left, right)]
    counts = [total - counts[1 - i] if count is None else count for i, count in enumerate(counts)]
    if sum(counts) > total:
        raise ValueError(
            f"The sum of `left_size` and `right_size` should be smaller than the {total}. Received: left_size + "
            f"right_size = {sum(counts)} and total_length = {total}"
        )
    for count, side in zip(counts, ("left", "right"), strict=True):
        if count == 0:
            raise ValueError(
                f"With `dataset` of length={total}, `left_size`={counts[0]} and `right_size`={counts[1]}. Resulting "
                f"{side} side dataset split will be empty. Adjust any of the aforementioned parameters"
            )
    return counts[0], counts[1]
