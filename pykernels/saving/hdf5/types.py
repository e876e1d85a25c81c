"""Shapes, element types and values in HDF5 files (HDF5 File Format Specification 3.0, sections IV.A.2.b, d)."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from ..errors import damaged

_MAX_RANK = 32


class VarString(NamedTuple):
    """Strings of any length, kept in the global heap. `itemsize` is that of the reference."""

    itemsize: int = 16


def parse_dataspace(data: bytes, name: str) -> tuple[tuple[int, ...] | None, int]:
    """(shape, None for a null space; bytes used)."""
    version, rank, flags = data[0], data[1], data[2]
    if version not in (1, 2) or rank > _MAX_RANK:
        raise damaged(name, f"a shape of version {version} with {rank} dimensions")
    start = 8 if version == 1 else 4
    if version == 2 and data[3] == 2:
        return None, start
    dims = struct.unpack_from(f"<{rank}Q", data, start)
    total = 1
    for d in dims:
        total *= d
        if total >= 1 << 62:
            raise ValueError(f"{name}: a data set claims the shape {dims}, which no computer can hold; refused.")
    return dims, start + 8 * rank * (2 if flags & 1 else 1)


def parse_datatype(data: bytes, name: str, depth: int = 0) -> np.dtype | VarString:
    """The element type. Raises ValueError for kinds that Keras does not write."""
    if len(data) < 8 or depth > 2:
        raise damaged(name, "an element type that ends too early")
    kind, version, bits, size = data[0] & 15, data[0] >> 4, data[1], struct.unpack_from("<I", data, 4)[0]
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8):
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
    if kind == 1 and size in (2, 4, 8) and not bits & 0x40:
        _check_ieee(data, size, name)
        return np.dtype(f"{order}f{size}")
    if kind == 3 and 0 < size <= 1 << 20:
        return np.dtype(f"S{size}")
    if kind == 8:
        base = parse_datatype(data[8:], name, depth + 1)
        members = data[1] | data[2] << 8
        if isinstance(base, np.dtype) and base.itemsize == 1 and members == 2:
            return np.dtype(bool)
        return base
    if kind == 9 and bits & 15 == 1:
        return VarString()
    raise ValueError(f"{name}: an element type of HDF5 class {kind} (version {version}, {size} bytes) is not read.")


def _check_ieee(data: bytes, size: int, name: str) -> None:
    """bfloat16 and other floats share the class with IEEE's."""
    precision = struct.unpack_from("<H", data, 10)[0] if len(data) >= 20 else 8 * size
    exponent = data[13] if len(data) >= 20 else {2: 5, 4: 8, 8: 11}[size]
    if precision != 8 * size or exponent != {2: 5, 4: 8, 8: 11}[size]:
        raise ValueError(
            f"{name}: floats of {precision} bits with an exponent of {exponent} bits (bfloat16, for example) are not "
            "read; save the model with dtype float32."
        )


class GlobalHeap:
    """The heap that holds strings of any length."""

    def __init__(self, source, budget):
        self._source = source
        self._budget = budget
        self._objects: dict[int, dict[int, tuple[int, int]]] = {}

    def string(self, reference: bytes) -> bytes:
        length, address, index = struct.unpack("<IQI", reference)
        if length == 0:
            return b""
        if address not in self._objects:
            self._objects[address] = self._collection(address)
        place = self._objects[address].get(index)
        if place is None or place[1] < length:
            raise damaged(self._source.name, "a string that is not in the heap")
        self._budget.spend(1 + (length >> 4))
        self._budget.allocate(length + 64, "texts in its heap")
        return self._source.get(place[0], length)

    def _collection(self, address: int) -> dict[int, tuple[int, int]]:
        header = self._source.get(address, 16)
        if header[:4] != b"GCOL" or header[4] != 1:
            raise damaged(self._source.name, "a heap without its signature")
        size = struct.unpack_from("<Q", header, 8)[0]
        found: dict[int, tuple[int, int]] = {}
        offset = 16
        while offset + 16 <= size:
            self._budget.spend()
            index, _, length = struct.unpack("<HHxxxxQ", self._source.get(address + offset, 16))
            if index == 0:
                break
            found[index] = (address + offset + 16, length)
            offset += 16 + (length + 7 & ~7)
        return found
