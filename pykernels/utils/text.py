"""Text as NumPy arrays of Python strings, and what TextVectorization does with it.

The rules are TensorFlow's (`tf.strings.lower`, `split`, `unicode_split`, `ngrams`), which Keras applies.
"""

from __future__ import annotations

import re

import numpy as np

#: The characters that "strip_punctuation" removes.
PUNCTUATION = r"[!\"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~']"
_PUNCTUATION = re.compile(PUNCTUATION)
_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}  # as tf.strings.lower: ASCII only


def is_text(x) -> bool:
    """Whether an array holds text (or Python objects, which may be text)."""
    return getattr(getattr(x, "dtype", None), "kind", None) in ("O", "S", "U")


def as_text(x, encoding: str = "utf-8") -> np.ndarray:
    """An object array of `str` from text, bytes, and arrays and lists of them.

    Raises:
        ValueError: something that is not text; the message shows it.
    """
    array = np.asarray(x) if hasattr(x, "dtype") else _from_lists(x)
    if array.dtype.kind in "fiub":
        raise ValueError(f"Text is expected. Received an array of dtype {array.dtype}: {array.ravel()[:3]}")
    flat = [_as_str(item, encoding) for item in array.ravel().tolist()]
    return object_array(flat).reshape(array.shape)


def object_array(items: list) -> np.ndarray:
    """A list as an object array with one axis, whatever is in it."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _from_lists(x) -> np.ndarray:
    if isinstance(x, (str, bytes)):
        return np.asarray(x, object)
    try:
        return np.asarray(x, object)
    except ValueError:
        raise ValueError(f"Text must come as lists of equal lengths or an array. Received: {str(x)[:200]}") from None


def _as_str(item, encoding: str) -> str:
    if isinstance(item, np.ndarray) and item.ndim == 0:  # of a list of such arrays
        item = item.item()
    if isinstance(item, str):
        return str(item)
    if isinstance(item, bytes):
        return item.decode(encoding, "replace")
    raise ValueError(f"Text is expected. Received: {item!r:.100} (of type {type(item).__name__})")


def map_text(function, text: np.ndarray) -> np.ndarray:
    """`function` of each string, in an array of the same shape."""
    return object_array([function(item) for item in text.ravel()]).reshape(text.shape)


def lower(text: np.ndarray) -> np.ndarray:
    """ASCII letters in lower case."""
    return map_text(lambda item: item.translate(_UPPER), text)


def strip_punctuation(text: np.ndarray) -> np.ndarray:
    """Without the characters of `PUNCTUATION`."""
    return map_text(lambda item: _PUNCTUATION.sub("", item), text)


def ngrams(tokens: list[str], widths: tuple[int, ...]) -> list[str]:
    """The n-grams of each width, one width after another, joined by spaces."""
    return [" ".join(tokens[i : i + n]) for n in widths for i in range(len(tokens) - n + 1)]


def padded(rows: list, length: int | None, dtype="int64") -> np.ndarray:
    """Lists of numbers as one array: cut to `length` (by default that of the longest), 0 where they end."""
    width = max((len(row) for row in rows), default=0) if length is None else length
    out = np.zeros((len(rows), width), dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row[:width]
    return out
