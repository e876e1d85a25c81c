"""Ranges of bytes that readers of files work on: bounds are checked, and nothing is mapped into memory (a file that
another process cuts off meanwhile must not kill this one)."""

from __future__ import annotations

import os

from .. import _core
from ..utils.load_budget import LoadBudget
from .errors import damaged

_BLOCK = 1 << 16
_BLOCK_OPERATIONS = 16  # that reading one costs
_PIECE = 1 << 26  # bytes per read of the system
_CACHED = 1 << 19  # bytes per read where a checksum reads them again


class FileBytes:
    """Part of an open file.

    Args:
        fd: file descriptor, which stays the caller's.
        start, size: the part; `size` None is up to the end.
        name: for messages.
    """

    def __init__(self, fd: int, name: str, start: int = 0, size: int | None = None):
        self._fd = fd
        self.name = name
        self._start = start
        self.size = os.fstat(fd).st_size - start if size is None else size
        self._blocks: dict[int, bytes] = {}
        self.parts = None  # a `PartsCrc` that wants to see what is read
        self.budget: LoadBudget | None = None  # that blocks are charged to

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise damaged(self.name, f"it names bytes {offset} to {offset + size} and has {self.size}")

    def get(self, offset: int, size: int) -> bytes:
        """Small pieces; neighbouring ones are read together."""
        self._check(offset, size)
        first, last = offset // _BLOCK, (offset + size - 1) // _BLOCK
        if first == last:
            block = self._blocks.get(first)
            if block is None:
                if self.budget is not None:
                    self.budget.spend(_BLOCK_OPERATIONS)
                if len(self._blocks) > 256:
                    self._blocks.clear()
                block = self._blocks[first] = self._read(first * _BLOCK, _BLOCK)
            piece = block[offset - first * _BLOCK : offset - first * _BLOCK + size]
        else:
            piece = self._read(offset, size)
        if len(piece) != size:
            raise damaged(self.name, "it became shorter while it was read")
        return piece

    def _read(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, min(size, self.size - offset), self._start + offset)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fills `target` (bytes) without a copy in between."""
        self._check(offset, len(target))
        piece = _PIECE if self.parts is None else _CACHED
        done = crc = 0
        while done < len(target):
            count = os.preadv(self._fd, [target[done : done + piece]], self._start + offset + done)
            if count == 0:
                raise damaged(self.name, "it became shorter while it was read")
            if self.parts is not None:
                crc = _core.crc32(target[done : done + count], crc)
            done += count
        if self.parts is not None:
            self.parts.add(offset, done, crc)

    def crc32(self) -> int:
        """Of the whole range."""
        buffer = memoryview(bytearray(min(self.size, _CACHED)))
        value = done = 0
        while done < self.size:
            piece = buffer[: min(len(buffer), self.size - done)]
            self.read_into(done, piece)
            value = _core.crc32(piece, value)
            done += len(piece)
        return value


class MemoryBytes:
    """Bytes in memory, with the same methods."""

    def __init__(self, data: bytes, name: str):
        self._data = memoryview(data)
        self.name = name
        self.size = len(data)
        self.budget: LoadBudget | None = None  # as in `FileBytes`; there are no blocks here

    def get(self, offset: int, size: int) -> bytes:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise damaged(self.name, f"it names bytes {offset} to {offset + size} and has {self.size}")
        return bytes(self._data[offset : offset + size])

    def read_into(self, offset: int, target: memoryview) -> None:
        if offset < 0 or offset + len(target) > self.size:
            raise damaged(self.name, f"it names bytes {offset} to {offset + len(target)} and has {self.size}")
        target[:] = self._data[offset : offset + len(target)]
