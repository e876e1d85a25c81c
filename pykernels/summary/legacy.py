"""Summaries as TensorFlow 1 had them: messages that are filled in and given to a `FileWriter`."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np

from .events import EventFile, double, integer, message, single


class _Message:
    """A message of named fields; names of no field are refused."""

    _defaults: ClassVar[dict] = {}

    def __init__(self, **fields):
        for name, value in self._defaults.items():
            setattr(self, name, type(value)() if isinstance(value, list) else value)
        for name, value in fields.items():
            if name not in self._defaults:
                raise ValueError(f"Protocol message {type(self).__name__} has no {name!r} field.")
            setattr(self, name, value)

    def SerializeToString(self) -> bytes:  # noqa: N802 - the name of protocol buffers
        """The message in the wire format."""
        raise NotImplementedError


class HistogramProto(_Message):
    """A distribution: `min`, `max`, `num`, `sum`, `sum_squares`, and the counts `bucket` below each `bucket_limit`."""

    _defaults: ClassVar[dict] = {
        "min": 0.0,
        "max": 0.0,
        "num": 0.0,
        "sum": 0.0,
        "sum_squares": 0.0,
        "bucket_limit": [],
        "bucket": [],
    }

    def SerializeToString(self) -> bytes:  # noqa: N802
        numbers = (self.min, self.max, self.num, self.sum, self.sum_squares)
        out = b"".join(double(i, float(value)) for i, value in enumerate(numbers, 1))
        for field, values in ((6, self.bucket_limit), (7, self.bucket)):
            out += message(field, np.asarray(values, "<f8").tobytes())
        return out


class _Image(_Message):
    """An image file: `encoded_image_string`, `height`, `width`, `colorspace` (1 grey, 3 RGB, 4 RGBA)."""

    _defaults: ClassVar[dict] = {"height": 0, "width": 0, "colorspace": 0, "encoded_image_string": b""}

    def SerializeToString(self) -> bytes:  # noqa: N802
        sizes = integer(1, self.height) + integer(2, self.width) + integer(3, self.colorspace)
        return sizes + message(4, self.encoded_image_string)


class _Value(_Message):
    """A summary of one tag: `simple_value`, `image` or `histo`."""

    _defaults: ClassVar[dict] = {"tag": "", "node_name": "", "simple_value": None, "image": None, "histo": None}

    def SerializeToString(self) -> bytes:  # noqa: N802
        out = message(1, self.tag) + (message(7, self.node_name) if self.node_name else b"")
        if self.simple_value is not None:
            out += single(2, float(self.simple_value))
        for field, part in ((4, self.image), (5, self.histo)):
            if part is not None:
                out += message(field, part.SerializeToString())
        return out


class _Values(list):
    def add(self, **fields) -> _Value:
        """Adds a value, which is returned to be filled in."""
        self.append(_Value(**fields))
        return self[-1]


class Summary(_Message):
    """Summaries of one step: a list of values, `Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])`.

    Attributes:
        value: list of `Summary.Value`; `value.add()` adds an empty one.
    """

    Value, Image = _Value, _Image
    _defaults: ClassVar[dict] = {"value": []}

    def __init__(self, value=()):
        super().__init__()
        self.value = _Values(value)

    def SerializeToString(self) -> bytes:  # noqa: N802
        return b"".join(message(1, value.SerializeToString()) for value in self.value)


class FileWriter:
    """Writes summaries of TensorFlow 1 to an event file.

    Args:
        logdir: path of the folder, which is made.
        graph: must be None: there is no graph to write.
        max_queue: int, the number of summaries kept in memory before they are written. Default 10.
        flush_secs: float, the seconds after which they are written with the next one. Default 120.
        filename_suffix: str, the end of the file's name. Default None: "".

    Raises:
        NotImplementedError: a graph.
    """

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, filename_suffix=None):
        if graph is not None:
            raise NotImplementedError(
                "tf.summary.FileWriter writes no graph of operations: drop the argument `graph`. "
                "keras.callbacks.TensorBoard(write_graph=True) writes the graph of a model's layers."
            )
        self._file = EventFile(logdir, filename_suffix or "", max_queue, flush_secs)

    def get_logdir(self) -> str:
        """The folder."""
        return os.fspath(self._file.folder)

    def add_summary(self, summary, global_step=None) -> None:
        """Adds a `Summary` of a step (default 0)."""
        values = [value.SerializeToString() for value in summary.value]
        self._file.add(0 if global_step is None else int(global_step), *values)

    def flush(self) -> None:
        """Writes what has not been written yet."""
        self._file.flush()

    def close(self) -> None:
        """Writes what has not been written yet, and closes the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
