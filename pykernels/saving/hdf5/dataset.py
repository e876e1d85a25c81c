"""What an HDF5 file holds under a name: attributes, and arrays in one piece, in the object header, or in chunks."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from ..errors import damaged
from .types import VarString, parse_dataspace, parse_datatype

if TYPE_CHECKING:
    from .reader import Hdf5File

UNDEFINED = 0xFFFFFFFFFFFFFFFF  # an address that is none
MAX_TREE_DEPTH = 16
_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3  # filters
_FLETCHER_WORDS = 1 << 16  # summed at a time: their weighted sum is within 64 bits


class Node:
    """A group or a data set."""

    def __init__(self, file: Hdf5File, path: str, messages: list[tuple[int, bytes]]):
        self.file = file
        self.path = path
        self._messages = messages
        self._attrs: dict | None = None

    def _message(self, kind: int) -> bytes | None:
        return next((data for k, data in self._messages if k == kind), None)

    @property
    def attrs(self) -> dict:
        """name -> str, number or array; strings come as str, or bytes where they are not UTF-8."""
        if self._attrs is None:
            info = self._message(0x15)
            if info is not None and struct.unpack_from("<Q", info, 4 if info[1] & 1 else 2)[0] != UNDEFINED:
                raise ValueError(
                    f"{self.file.name}: '{self.path}' has its attributes in a form that is not read (libver='latest'). "
                    "Write it with h5py's default libver."
                )
            try:
                self._attrs = dict(self._attribute(data) for kind, data in self._messages if kind == 12)
            except struct.error as error:
                raise damaged(self.file.name, f"an attribute of '{self.path}'") from error
        return self._attrs

    def _attribute(self, data: bytes) -> tuple[str, object]:
        version, flags, n, t, s = struct.unpack_from("<BBHHH", data)
        if version not in (1, 2, 3) or (version > 1 and flags & 3):
            raise damaged(self.file.name, f"an attribute of version {version}")

        def padded(size):
            return size + 7 & ~7 if version == 1 else size

        at = 9 if version == 3 else 8
        name = data[at : at + n].split(b"\0")[0].decode("utf-8", "replace")
        at += padded(n)
        dtype = parse_datatype(data[at : at + t], self.file.name)
        at += padded(t)
        shape, _ = parse_dataspace(data[at : at + s], self.file.name)
        at += padded(s)
        if shape is None:
            return name, None
        count = int(np.prod(shape, dtype=object))
        if count * dtype.itemsize > len(data) - at:
            raise damaged(self.file.name, f"attribute '{name}' is shorter than its shape says")
        self.file.budget.spend(1 + count)
        self.file.budget.allocate(64 * count, f"attribute '{name[:100]}'")
        if isinstance(dtype, VarString):
            texts = [_text(self.file.heap.string(data[at + 16 * i : at + 16 * i + 16])) for i in range(count)]
            return name, texts if shape else texts[0]
        values = np.frombuffer(data, dtype, count, at).reshape(shape)
        if dtype.kind == "S":
            texts = [_text(bytes(v)) for v in values.reshape(-1)]
            return name, texts if shape else texts[0]
        return name, values if shape else values[()]


class Dataset(Node):
    """An array in the file. `shape`, `dtype`; nothing is read before `read_into`."""

    def __init__(self, file: Hdf5File, path: str, messages):
        super().__init__(file, path, messages)
        name = f"{file.name}: '{path}'"
        shape, _ = parse_dataspace(self._message(1), name)
        self.shape = shape if shape is not None else (0,)
        self.dtype = parse_datatype(self._message(3), name)
        self.bytes = int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    @property
    def is_packed(self) -> bool:
        """Whether it may take less room in the file than in memory: it is compressed, or has chunks never written."""
        layout = self._message(8)
        return layout[0] == 3 and layout[1] == 2

    def read_into(self, array: np.ndarray) -> None:
        """Fills a C-contiguous array of the same shape, converting the numbers if its dtype is another.

        Raises:
            ValueError: another shape, or not numbers. OSError: the file is damaged.
        """
        if not isinstance(self.dtype, np.dtype) or self.dtype.kind not in "fiub":
            raise ValueError(f"{self.file.name}: '{self.path}' does not hold numbers.")
        if array.shape != self.shape:
            raise ValueError(f"{self.file.name}: '{self.path}' has shape {self.shape}, expected {array.shape}.")
        try:
            if self.bytes == 0:
                return
            if array.dtype == self.dtype and array.dtype != bool:
                self._fill(_bytes_of(array))
            else:
                self.file.budget.allocate(self.bytes, f"'{self.path}'")
                raw = np.empty(self.shape, "u1" if self.dtype == bool else self.dtype)
                self._fill(_bytes_of(raw))
                array[...] = raw != 0 if array.dtype == bool else raw
        except struct.error as error:
            raise damaged(self.file.name, f"'{self.path}'") from error

    def check(self) -> None:
        """Raises OSError when the bytes of the array are not all in the file."""
        layout = self._message(8)
        if self.bytes and layout[0] in (3, 4) and layout[1] == 1:
            address, size = struct.unpack_from("<QQ", layout, 2)
            if address == UNDEFINED or size < self.bytes or address + self.bytes > self.file.source.size:
                raise damaged(self.file.name, f"'{self.path}' is not in the file to its end")

    def read(self, limit: int) -> np.ndarray:
        """A new array. Raises ValueError when it would have more than `limit` bytes."""
        if self.bytes > limit:
            raise ValueError(f"{self.file.name}: '{self.path}' has {self.bytes} bytes, more than the {limit} expected.")
        if not isinstance(self.dtype, np.dtype) or self.dtype.kind not in "fiub":
            raise ValueError(f"{self.file.name}: '{self.path}' does not hold numbers.")
        self.file.budget.allocate(self.bytes, f"'{self.path}'")
        array = np.empty(self.shape, self.dtype)
        self.read_into(array)
        return array

    def _fill(self, target: memoryview) -> None:
        layout = self._message(8)
        version, kind = layout[0], layout[1]
        source = self.file.source
        if version in (3, 4) and kind == 0:
            size = struct.unpack_from("<H", layout, 2)[0]
            if size < len(target) or len(layout) < 4 + len(target):
                raise damaged(self.file.name, f"'{self.path}' is shorter than its shape says")
            target[:] = layout[4 : 4 + len(target)]
        elif version in (3, 4) and kind == 1:
            address, size = struct.unpack_from("<QQ", layout, 2)
            if address == UNDEFINED or size < len(target):
                raise damaged(self.file.name, f"'{self.path}' was never written")
            source.read_into(address, target)
        elif version in (1, 2) and layout[2] == 1:
            source.read_into(struct.unpack_from("<Q", layout, 8)[0], target)
        elif version == 3 and kind == 2:
            self._fill_chunks(layout, target)
        else:
            what = "a virtual data set" if version == 4 and kind == 3 else f"stored in a form (layout {version}.{kind})"
            raise ValueError(
                f"{self.file.name}: '{self.path}' is {what}, which is refused. Load and save it with Keras."
            )

    # --- chunks ----------------------------------------------------------------------------------------------
    def _fill_chunks(self, layout: bytes, target: memoryview) -> None:
        rank = layout[2] - 1
        tree, *dims = struct.unpack_from(f"<Q{rank + 1}I", layout, 3)
        if rank != len(self.shape) or 0 in dims or dims[-1] != self.dtype.itemsize:
            raise damaged(self.file.name, f"the chunks of '{self.path}'")
        chunk = tuple(dims[:-1])
        size = int(np.prod(chunk, dtype=object)) * self.dtype.itemsize
        if size > 64 * self.bytes + (1 << 16):
            raise damaged(self.file.name, f"'{self.path}' has chunks of {size} bytes and is {self.bytes} bytes long")
        filters = self._filters()
        array = np.frombuffer(target, "u1" if self.dtype == bool else self.dtype).reshape(self.shape)
        array[...] = self._fill_value(array.dtype)
        self._chunks_left = int(np.prod([-(-n // c) for n, c in zip(self.shape, chunk, strict=True)], dtype=object))
        if tree != UNDEFINED:
            self._read_chunks(tree, None, array, chunk, size, filters)

    def _fill_value(self, dtype):
        """What chunks hold that were never written."""
        data = self._message(5)
        if data is None or len(data) < 4:
            return 0
        at = 2 if data[0] == 3 else 4
        defined = data[1] & 0x20 if data[0] == 3 else data[0] == 1 or data[3]
        size = struct.unpack_from("<I", data, at)[0] if defined else 0
        if size != dtype.itemsize or len(data) < at + 4 + size:
            return 0
        return np.frombuffer(data, dtype, 1, at + 4)[0]

    def _filters(self) -> list[int]:
        data = self._message(0x0B)
        if data is None:
            return []
        version, count = data[0], data[1]
        at, kinds = 8 if version == 1 else 2, []
        for _ in range(count):
            kind = struct.unpack_from("<H", data, at)[0]
            named = version == 1 or kind >= 256
            name = struct.unpack_from("<H", data, at + 2)[0] if named else 0
            values = struct.unpack_from("<H", data, at + (6 if named else 4))[0]
            at += (8 if named else 6) + (name + 7 & ~7 if version == 1 else name) + 4 * values
            at += 4 if version == 1 and values % 2 else 0
            if kind not in (_DEFLATE, _SHUFFLE, _FLETCHER32):
                raise ValueError(f"{self.file.name}: '{self.path}' is compressed by filter {kind}; gzip is read.")
            if kind in kinds:
                raise ValueError(f"{self.file.name}: '{self.path}' has filter {kind} twice, which is refused.")
            kinds.append(kind)
        return kinds

    def _read_chunks(self, address, level, array, chunk, size, filters) -> None:
        self.file.budget.spend(10)
        get = self.file.source.get
        header = get(address, 24)
        kind, depth, count = struct.unpack_from("<BBH", header, 4)
        if header[:4] != b"TREE" or kind != 1 or depth > MAX_TREE_DEPTH or (level is not None and depth != level):
            raise damaged(self.file.name, f"the index of '{self.path}'")
        key = 8 + 8 * (len(chunk) + 1)
        entries = get(address + 24, count * (key + 8))
        for i in range(count):
            at = i * (key + 8)
            child = struct.unpack_from("<Q", entries, at + key)[0]
            if depth:
                self._read_chunks(child, depth - 1, array, chunk, size, filters)
                continue
            self.file.budget.spend(10)
            stored, mask, *offsets = struct.unpack_from(f"<II{len(chunk)}Q", entries, at)
            self._chunks_left -= 1
            if self._chunks_left < 0:
                raise damaged(self.file.name, f"'{self.path}' has more chunks than fit into it")
            self._place(self.file.bulk(child, stored), mask, offsets, array, chunk, size, filters)

    def _place(self, data, mask, offsets, array, chunk, size, filters) -> None:
        if any(o % c or o >= max(n, 1) for o, c, n in zip(offsets, chunk, self.shape, strict=True)):
            raise damaged(self.file.name, f"a chunk of '{self.path}' lies outside of it")
        self.file.budget.allocate(size, f"chunks of '{self.path}'")
        for i, kind in reversed(list(enumerate(filters))):
            if mask >> i & 1:
                continue
            if kind == _DEFLATE:
                data = self._inflated(data, size + 4)
            elif kind == _SHUFFLE:
                data = _unshuffled(data, self.dtype.itemsize)
            else:
                data = self._checked(data)
        if len(data) != size:
            raise damaged(self.file.name, f"a chunk of '{self.path}' has {len(data)} bytes instead of {size}")
        block = np.frombuffer(data, array.dtype).reshape(chunk)
        there = tuple(slice(o, min(o + c, n)) for o, c, n in zip(offsets, chunk, self.shape, strict=True))
        array[there] = block[tuple(slice(0, s.stop - s.start) for s in there)]

    def _inflated(self, data: bytes, most: int) -> bytes:
        try:
            return zlib.decompressobj().decompress(data, most)
        except zlib.error as error:
            raise damaged(self.file.name, f"a chunk of '{self.path}' is not what gzip writes") from error

    def _checked(self, data: bytes) -> bytes:
        """The data without the checksum behind them, which must be theirs."""
        if len(data) < 4:
            raise damaged(self.file.name, f"a chunk of '{self.path}' is shorter than its checksum")
        data, stored = data[:-4], struct.unpack("<I", data[-4:])[0]
        if stored not in (sums := fletcher32(data), _bytes_swapped(sums)):  # HDF5 1.6.2 and before swapped them
            raise damaged(self.file.name, f"a chunk of '{self.path}' does not fit to its checksum")
        return data


def fletcher32(data: bytes) -> int:
    """HDF5's checksum: two sums of the 16-bit words, the high byte first, with their carries added in again."""
    words = np.frombuffer(data + bytes(len(data) % 2), ">u2")
    first = second = 0
    for start in range(0, len(words), _FLETCHER_WORDS):
        block = words[start : start + _FLETCHER_WORDS].astype(np.uint64)
        total = int(block.sum())
        weighted = int((block * np.arange(len(block), 0, -1, dtype=np.uint64)).sum())
        second = _folded(second + first * len(block) + weighted)
        first = _folded(first + total)
    return second << 16 | first


def _folded(x: int) -> int:
    """The remainder by 65535, of which only 0 itself is 0."""
    return (x - 1) % 65535 + 1 if x else 0


def _bytes_swapped(x: int) -> int:
    return (x & 0x00FF00FF) << 8 | x >> 8 & 0x00FF00FF


def _unshuffled(data: bytes, width: int) -> bytes:
    """Elements whose first bytes come first, then their second ones, ...; what is left over stays at the end."""
    whole = len(data) // width * width
    return np.frombuffer(data, "u1", whole).reshape(width, -1).T.tobytes() + data[whole:]


def _bytes_of(array: np.ndarray) -> memoryview:
    return memoryview(array.reshape(-1).view("u1"))


def _text(data: bytes):
    data = data.rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data
