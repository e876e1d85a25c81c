"""TensorBoard's event files: protocol buffers (https://protobuf.dev/programming-guides/encoding) in records with
checksums (https://www.tensorflow.org/tutorials/load_data/tfrecord), written without TensorFlow.

Only the messages that summaries need are here. Their field numbers are those of tensorboard/compat/proto.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import threading
import time

import numpy as np

from .. import _core

_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # of TensorFlow's DataType
_files = itertools.count()


# --- protocol buffers --------------------------------------------------------------------------------------
def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as their complement of two
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """A field of an integer, enum or bool type; empty for 0, the default."""
    return _varint(field << 3) + _varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """A field of type double."""
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """A field of type float."""
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def message(field: int, value: bytes | str) -> bytes:
    """A field of type bytes or string, or a message."""
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


# --- TensorFlow's messages ---------------------------------------------------------------------------------
def tensor(value) -> bytes:
    """TensorProto of an array of floats, or of a str, bytes or list of them."""
    if isinstance(value, (str, bytes)):
        return integer(1, _STRING) + message(2, b"") + message(8, value)
    if isinstance(value, list):
        return integer(1, _STRING) + message(2, _shape([len(value)])) + b"".join(message(8, item) for item in value)
    array = np.asarray(value)
    kind = _DOUBLE if array.dtype == np.float64 else _FLOAT
    return (
        integer(1, kind)
        + message(2, _shape(array.shape))
        + message(4, array.astype("<f8" if kind == _DOUBLE else "<f4").tobytes())
    )


def _shape(extents) -> bytes:
    return b"".join(message(2, integer(1, n)) for n in extents)


def tensor_value(
    tag: str, value, plugin: str, data_class: int = 0, content: bytes = b"", description: str = ""
) -> bytes:
    """Summary.Value of what a plugin of TensorBoard shows.

    Args:
        tag: str, its name.
        value: what `tensor` takes.
        plugin: "scalars", "histograms", "images", "text", ...
        data_class: 1 for scalars, 2 for tensors, 3 for files such as images; 0 where the plugin does not say.
        content: what the plugin keeps beside the data.
        description: str, Markdown.
    """
    metadata = message(1, message(1, plugin) + (message(2, content) if content else b""))
    metadata += message(3, description) if description else b""
    metadata += integer(4, data_class)
    return message(1, tag) + message(8, tensor(value)) + message(9, metadata)


def histogram_rows(values, buckets: int = 30) -> np.ndarray:
    """(left edge, right edge, count) of equally wide buckets from the smallest to the largest finite value, float64
    (buckets, 3). Of values that are all the same, the last bucket has them all."""
    values = np.asarray(values, np.float64).ravel()
    values = values[np.isfinite(values)]
    if not values.size or buckets <= 0:
        return np.zeros((max(buckets, 0), 3))
    low, high = values.min(), values.max()
    rows = np.empty((buckets, 3))
    edges = np.linspace(low, high, buckets + 1)
    rows[:, 0], rows[:, 1] = edges[:-1], edges[1:]
    if low == high:
        rows[:, 2] = 0
        rows[-1, 2] = values.size
    else:
        rows[:, 2] = np.histogram(values, buckets, (low, high))[0]
    return rows


# --- files -------------------------------------------------------------------------------------------------
def _masked(data: bytes) -> bytes:
    """The checksum of a record, turned and moved so that checksums of data with checksums in them stay good ones."""
    crc = _core.crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """One record of a TFRecord file: length, its checksum, data, their checksum."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


class EventFile:
    """An event file in a folder, which is made with its parents.

    Args:
        folder: path.
        suffix: str, the end of the file's name. Default "".
        queue: int, the number of events that are kept before they are written. Default 10.
        seconds: float, the time after which an event is written at the latest when the next one comes. Default 120.

    Attributes:
        path: of the file, which is made with the first event.
    """

    def __init__(self, folder, suffix: str = "", queue: int = 10, seconds: float = 120.0):
        self.folder = os.fspath(folder)
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_files)}{suffix}"
        )
        self.path = os.path.join(self.folder, name)
        self._queue, self._seconds = queue, seconds
        self._waiting: list[bytes] = []
        self._written = time.monotonic()
        self._file = None
        self._lock = threading.Lock()  # a writer may be used by several threads

    def add(self, step: int, *values: bytes, wall_time: float | None = None) -> None:
        """Adds an event with `Summary.Value`s."""
        event = double(1, time.time() if wall_time is None else wall_time) + integer(2, int(step))
        event += message(5, b"".join(message(1, value) for value in values))
        with self._lock:
            self._waiting.append(record(event))
            if len(self._waiting) >= self._queue or time.monotonic() - self._written > self._seconds:
                self._write()

    def flush(self) -> None:
        """Writes what is waiting."""
        with self._lock:
            self._write()

    def close(self) -> None:
        """Writes what is waiting, and closes the file; a later event opens it again."""
        with self._lock:
            self._write()
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self) -> None:
        if self._file is None and (self._waiting or not os.path.exists(self.path)):
            os.makedirs(self.folder, exist_ok=True)
            self._file = open(self.path, "ab")  # noqa: SIM115 - it stays open between events
            if self._file.tell() == 0:
                self._file.write(record(double(1, time.time()) + message(3, "brain.Event:2")))
        if self._file is not None:
            self._file.write(b"".join(self._waiting))
            self._file.flush()
        self._waiting.clear()
        self._written = time.monotonic()

    def __getstate__(self):
        return {"folder": self.folder, "queue": self._queue, "seconds": self._seconds}

    def __setstate__(self, state):
        self.__init__(**state)
