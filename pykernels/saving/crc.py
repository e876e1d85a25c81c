"""CRC-32 of a file whose parts pass by in any order (ZIP wants it of the whole, in order)."""

from __future__ import annotations

from .. import _core

_POLYNOMIAL = 0xEDB88320
_SMALL = 1 << 16  # parts below this are read again at the end


def _times(matrix: list[int], vector: int) -> int:
    total = 0
    for row in matrix:
        if not vector:
            break
        if vector & 1:
            total ^= row
        vector >>= 1
    return total


def combine(first: int, second: int, length: int) -> int:
    """The CRC of two parts after each other; `length` is that of the second, in bytes.

    Appending a zero bit is a linear map of the CRC register; its powers of two are made by squaring.
    """
    matrix = [_POLYNOMIAL, *(1 << i for i in range(31))]  # one zero bit
    for _ in range(3):
        matrix = [_times(matrix, row) for row in matrix]  # one zero byte
    while length:
        if length & 1:
            first = _times(matrix, first)
        matrix = [_times(matrix, row) for row in matrix]
        length >>= 1
    return first ^ second


class PartsCrc:
    """Collects the CRCs of parts, and finds that of the whole; what did not pass by is read at the end."""

    def __init__(self):
        self._parts: dict[int, tuple[int, int]] = {}  # offset -> (length, crc)

    def passed(self, offset: int, data: memoryview) -> None:
        """`data` is at `offset` now; an earlier part that it overlaps is forgotten."""
        self.add(offset, len(data), _core.crc32(data) if len(data) >= _SMALL else 0)

    def add(self, offset: int, length: int, crc: int) -> None:
        """The same, for data whose checksum is known."""
        end = offset + length
        for start in [s for s, (n, _) in self._parts.items() if s < end and offset < s + n]:
            del self._parts[start]
        if length >= _SMALL:
            self._parts[offset] = (length, crc)

    def total(self, size: int, read) -> int:
        """CRC of `size` bytes; `read(offset, length)` gives bytes."""
        value = at = 0
        for start, (length, crc) in sorted(self._parts.items()):
            value = self._through(value, at, start, read)
            value = combine(value, crc, length)
            at = start + length
        return self._through(value, at, size, read)

    @staticmethod
    def _through(value: int, start: int, end: int, read) -> int:
        while start < end:
            piece = read(start, min(1 << 22, end - start))
            value = _core.crc32(piece, value)
            start += len(piece)
        return value
