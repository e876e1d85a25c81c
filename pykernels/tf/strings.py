"""`tf.strings`: functions of texts, one or an array of them. Bytes are read as UTF-8; results are bytes, as there."""

from __future__ import annotations

import re

import numpy as np

from ..graph import eager
from .dtypes import supported

__all__ = [
    *("as_string", "join", "length", "lower", "reduce_join", "regex_full_match", "regex_replace", "split", "strip"),
    *("substr", "to_number", "upper"),
]


def _text(value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _each(function, values):
    """function(str) of each text; one text, or an array of objects."""
    if isinstance(values, (str, bytes)):
        return _out(function(_text(values)))
    array = np.asarray(values, dtype=object)
    out = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        out[place] = _out(function(_text(array[place])))
    return eager(out) if out.ndim else out.item()


def _out(value):
    return value.encode() if isinstance(value, str) else value


def lower(input, encoding="", name=None):  # noqa: A002 - TensorFlow's name
    """In lower case."""
    return _each(str.lower, input)


def upper(input, encoding="", name=None):  # noqa: A002
    """In upper case."""
    return _each(str.upper, input)


def strip(input, name=None):  # noqa: A002
    """Without white space at both ends."""
    return _each(str.strip, input)


def length(input, unit="BYTE", name=None):  # noqa: A002
    """int32: the number of bytes, or of characters (`unit="UTF8_CHAR"`)."""
    counted = _each(lambda s: len(s if unit == "UTF8_CHAR" else s.encode()), input)
    return eager(np.asarray(counted, "int32"))


def substr(input, pos, len, unit="BYTE", name=None):  # noqa: A002
    """The `len` characters from `pos` on."""
    return _each(lambda s: s[pos:][: int(len)], input)


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):  # noqa: A002
    """Each match of a pattern (or the first) replaced."""
    pattern, rewrite = re.compile(_text(pattern)), _text(rewrite)
    return _each(lambda s: pattern.sub(rewrite, s, 0 if replace_global else 1), input)


def regex_full_match(input, pattern, name=None):  # noqa: A002
    """bool: whether the whole text matches."""
    pattern = re.compile(_text(pattern))
    return eager(np.asarray(_each(lambda s: pattern.fullmatch(s) is not None, input), "bool"))


def split(input, sep=None, maxsplit=-1, name=None):  # noqa: A002
    """The parts between separators (white space by default): of one text an array, of several a list of arrays."""
    sep = _text(sep) if sep else None

    def parts(value):
        return eager(np.asarray([p.encode() for p in _text(value).split(sep, maxsplit)], dtype=object))

    if isinstance(input, (str, bytes)) or not np.ndim(input):
        return parts(input if isinstance(input, (str, bytes)) else np.asarray(input, dtype=object).item())
    return [parts(value) for value in input]


def join(inputs, separator="", name=None):
    """Texts, or arrays of them, joined element by element."""
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=object) for x in inputs))
    out = np.empty(arrays[0].shape, object)
    for place in np.ndindex(out.shape):
        out[place] = _text(separator).join(_text(a[place]) for a in arrays).encode()
    return out if out.ndim else out.item()


def reduce_join(inputs, axis=None, keepdims=False, separator="", name=None):
    """All texts of an array joined."""
    if axis is not None or keepdims:
        raise ValueError("tf.strings.reduce_join of pykernels joins all texts (axis=None, keepdims=False)")
    return _text(separator).join(_text(s) for s in np.asarray(inputs, dtype=object).reshape(-1)).encode()


def to_number(input, out_type="float32", name=None):  # noqa: A002
    """The numbers that texts say."""
    kind = supported(out_type)
    return eager(np.asarray(_each(float if kind.startswith("float") else int, input), kind))


def as_string(input, precision=-1, name=None):  # noqa: A002
    """Numbers as texts, floats with `precision` digits behind the point if given."""
    return _each_number(input, lambda v: f"{v:.{precision}f}" if precision >= 0 and isinstance(v, float) else str(v))


def _each_number(values, function):
    array = np.asarray(values)
    out = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        out[place] = function(array[place].item()).encode()
    return out if out.ndim else out.item()
