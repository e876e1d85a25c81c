"""Reads event files as TensorBoard does, by the definitions of their formats: no code of pykernels is used."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def crc32c(data: bytes) -> int:
    r = 0xFFFFFFFF
    for byte in data:
        r ^= byte
        for _ in range(8):
            r = (r >> 1) ^ (0x82F63B78 if r & 1 else 0)
    return r ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(path: Path) -> list[bytes]:
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert struct.unpack("<I", data[8:12])[0] == masked(data[:8])
        body = data[12 : 12 + length]
        assert len(body) == length and struct.unpack("<I", data[12 + length : 16 + length])[0] == masked(body)
        found.append(body)
        data = data[16 + length :]
    return found


def fields(data: bytes) -> list[tuple[int, object]]:
    """(number, value) of the fields of a protocol buffer: ints, floats of fixed fields, bytes."""
    at, found = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
        elif key & 7 == 2:
            length = varint()
            found.append((key >> 3, data[at : at + length]))
            at += length
        else:
            size, code = (8, "<d") if key & 7 == 1 else (4, "<f")
            assert key & 7 in (1, 5)
            found.append((key >> 3, struct.unpack(code, data[at : at + size])[0]))
            at += size
    return found


def one(data: bytes, number: int, default=None):
    return next((value for field, value in fields(data) if field == number), default)


def tensor(data: bytes):
    kind = one(data, 1)
    shape = [one(dim, 1, 0) for field, dim in fields(one(data, 2, b"")) if field == 2]
    if kind == 7:
        strings = [value for field, value in fields(data) if field == 8]
        return strings if shape else strings[0]
    return np.frombuffer(one(data, 4), {1: "<f4", 2: "<f8"}[kind]).reshape(shape)


def summaries(path: Path) -> list[tuple[int, str, str, object]]:
    """(step, tag, plugin, value) of each summary of an event file."""
    first, *events = records(path)
    assert one(first, 3) == b"brain.Event:2"
    found = []
    for event in events:
        step = one(event, 2, 0)
        for field, value in fields(one(event, 5)):
            assert field == 1
            tag, plugin = one(value, 1).decode(), ""
            if one(value, 9) is not None:
                plugin = one(one(one(value, 9), 1), 1).decode()
            data = one(value, 8)
            found.append((step, tag, plugin, tensor(data) if data is not None else one(value, 2)))
    return found


def of_folder(folder: Path) -> list[tuple[int, str, str, object]]:
    return [found for path in sorted(Path(folder).glob("events.out.tfevents.*")) for found in summaries(path)]
