"""The headers of HDF5 files that have checksums, and making these fit after a change."""

from __future__ import annotations

import re

from pykernels import _core

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def headers(data: bytes) -> list[tuple[int, int]]:
    """(start, end) of the superblock of version 2 or 3, and of object headers and their further blocks. Their last 4
    bytes are the checksum."""
    found = []
    if data[:8] == _SIGNATURE and data[8:9] in (b"\2", b"\3"):
        found.append((0, 48))
    pieces = []
    for match in re.finditer(b"OHDR\2", data):
        start = match.start()
        flags = data[start + 5] if start + 5 < len(data) else 0
        at = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        pieces.append((start, at + width + int.from_bytes(data[at : at + width], "little") + 4))
    # Continuation messages give the address and the length of further blocks.
    for match in re.finditer(b"OCHK", data):
        pointer = data.find(match.start().to_bytes(8, "little"))
        if pointer >= 0:
            pieces.append((match.start(), match.start() + int.from_bytes(data[pointer + 8 : pointer + 16], "little")))
    return found + [(start, end) for start, end in sorted(pieces) if start + 8 < end <= len(data)]


def with_checksums(data: bytes) -> bytes:
    """The file with checksums that fit to its headers."""
    made = bytearray(data)
    for start, end in headers(data):
        made[end - 4 : end] = _core.lookup3(bytes(made[start : end - 4])).to_bytes(4, "little")
    return bytes(made)
