"""The elements of datasets: arrays, and tuples and dicts of them; their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..graph import EagerArray
from ..utils.tree import map_structure


class Count(int):
    """A number with `numpy()`, as TensorFlow's cardinalities have it."""

    def numpy(self) -> np.int64:
        """The number as NumPy's."""
        return np.int64(self)


def _dtype_name(dtype) -> str:
    if isinstance(dtype, str) and dtype == "string":
        return dtype
    dtype = np.dtype(dtype)
    return "string" if dtype.kind in "OSU" else dtype.name


class TensorSpec:
    """Shape and dtype of an array in a dataset.

    Args:
        shape: tuple of ints and None for sizes that vary; None if the rank varies.
        dtype: name of a dtype; "string" for texts, which are arrays of objects. Default "float32".
        name: str, for messages. Default None.
    """

    def __init__(self, shape, dtype="float32", name=None):
        self.shape = None if shape is None else tuple(shape)
        self.dtype = _dtype_name(dtype)
        self.name = name

    def __eq__(self, other):
        return isinstance(other, TensorSpec) and vars(self) == vars(other)

    def __hash__(self):
        return hash((self.shape, self.dtype, self.name))

    def __repr__(self):
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype}, name={self.name!r})"

    def batched(self, size: int | None) -> TensorSpec:
        """Of `size` such arrays put together; None for a number that varies."""
        return TensorSpec(self.shape and (size, *self.shape) if self.shape != () else (size,), self.dtype)

    def row(self) -> TensorSpec:
        """Of one row of such an array."""
        return TensorSpec(self.shape and self.shape[1:], self.dtype)

    def example(self, extent: int) -> EagerArray:
        """Zeros of this shape, with `extent` where it varies."""
        shape = [extent if d is None else d for d in self.shape or ()]
        if self.dtype == "string":
            return np.full(shape, b"", object).view(EagerArray)
        return np.zeros(shape, self.dtype).view(EagerArray)

    def joined(self, other: TensorSpec) -> TensorSpec:
        """Of arrays that are sometimes this, sometimes the other."""
        if self.dtype != other.dtype:
            raise TypeError(f"elements of two types: {self} and {other}")
        if self.shape is None or other.shape is None or len(self.shape) != len(other.shape):
            return TensorSpec(None, self.dtype)
        pairs = zip(self.shape, other.shape, strict=True)
        return TensorSpec([a if a == b else None for a, b in pairs], self.dtype)


def each(function: Callable, item):
    """`function` of the leaves of tuples and dicts, in their structure."""
    return map_structure(function, item, lists=False)


def leaves(item) -> list:
    """The leaves of tuples and dicts."""
    found: list = []
    each(found.append, item)
    return found


def eager(batch):
    """Arrays and numbers of an element as `EagerArray`s."""
    return each(_eager, batch)


def text_array(texts) -> np.ndarray:
    """Text, or an array of it, as an array of objects: bytes, as TensorFlow has them (str within one stays)."""
    if isinstance(texts, np.ndarray) and texts.dtype == object:
        return texts
    array = np.empty((), object)
    if isinstance(texts, (str, bytes)):
        array[()] = texts
        return array
    texts = np.asarray(texts)
    array = np.empty(texts.shape, object)
    for place in np.ndindex(texts.shape):
        array[place] = texts[place].encode() if texts.dtype.kind == "U" else bytes(texts[place])
    return array


def _array(leaf):
    """Python's numbers as TensorFlow takes them, NumPy's as they are, texts as arrays of objects."""
    if isinstance(leaf, str):
        return text_array(leaf.encode())
    if isinstance(leaf, bytes) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind in "SU"):
        return text_array(leaf)
    kinds = {bool: "bool", int: "int32", float: "float32"}
    if type(leaf) in kinds or isinstance(leaf, np.generic):
        return np.asarray(leaf, kinds.get(type(leaf)))
    return leaf


def as_tensor(values) -> np.ndarray:
    """An array of what TensorFlow would make a tensor of: lists of Python's numbers have 32 bits, if they fit."""
    if not isinstance(values, list):
        return plain(values)
    array, first = np.asarray(values), values
    while isinstance(first, list) and first:
        first = first[0]
    if array.dtype.kind in "SU":
        return text_array(array)
    if type(first) is float or (type(first) is int and -(2**31) <= array.min() <= array.max() < 2**31):
        return array.astype(f"{array.dtype.kind}4") if array.dtype.kind in "if" else array
    return array


def _eager(leaf):
    leaf = _array(leaf)
    return leaf.view(EagerArray) if type(leaf) is np.ndarray else leaf


def plain(item):
    """An element with plain arrays."""
    return each(_plain, item)


def _plain(leaf):
    if hasattr(leaf, "element_spec"):  # a dataset within a dataset
        return leaf
    array = np.asarray(_array(leaf))
    return text_array(array) if array.dtype.kind in "SU" else array


def spec_of(item):
    """The `TensorSpec`s of an element."""
    return each(lambda leaf: TensorSpec(np.shape(leaf), np.asarray(_array(leaf)).dtype), item)


def joined_specs(one, other):
    """The `TensorSpec`s of elements that are sometimes one, sometimes the other.

    Raises:
        TypeError: they differ in their structure or in a dtype.
    """
    others = leaves(other)
    if each(lambda _: None, one) != each(lambda _: None, other):
        raise TypeError(f"elements of two types: {one} and {other}")
    return each(lambda spec: spec.joined(others.pop(0)), one)


def stack(items: list):
    """Elements put together along a new first axis."""
    if isinstance(items[0], tuple):
        return tuple(stack(list(column)) for column in zip(*items, strict=True))
    if isinstance(items[0], dict):
        return {key: stack([item[key] for item in items]) for key in items[0]}
    return np.stack([np.asarray(_array(item)) for item in items])


def rows(item) -> Iterator:
    """The rows of a batch, one by one."""
    return (_row(item, i) for i in range(len(leaves(item)[0])))


def _row(item, i: int):
    return each(lambda a: np.asarray(a)[i : i + 1].reshape(np.shape(a)[1:]), item)


def call(function: Callable, item):
    """`function` of an element: of its parts, if it is a tuple."""
    return function(*item) if isinstance(item, tuple) else function(item)
