"""Lists of different lengths as one array."""

from __future__ import annotations

import numpy as np


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences as the rows of one array: short ones are filled up, long ones are cut.

    Args:
        sequences: list of sequences of numbers, or of arrays of equal shapes.
        maxlen: length of the rows. Default None: that of the longest sequence.
        dtype: of the array; `object` for text. Default "int32".
        padding: "pre" (default) or "post": where a short sequence is filled up.
        truncating: "pre" (default) or "post": where a long sequence is cut.
        value: what it is filled up with. Default 0.

    Returns:
        Array of shape (len(sequences), maxlen, ...).

    Raises:
        ValueError: something that is no list of sequences, shapes that differ, text without `dtype=object`, another
            `padding` or `truncating`.
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for name, given in (("Padding", padding), ("Truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f'{name} type "{given}" not understood')
    lengths = [_length(sequence) for sequence in sequences]
    longest = max(lengths, default=0) if maxlen is None else int(maxlen)
    if isinstance(value, str) and dtype is not object and not np.issubdtype(dtype, np.character):
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\n"
            "You should set `dtype=object` for variable length strings."
        )
    full = next((np.asarray(s) for s, length in zip(sequences, lengths, strict=True) if length), np.empty(0))
    rows = np.full((len(lengths), longest, *full.shape[1:]), value, dtype=dtype)
    for i, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        if not length:
            continue
        kept = min(length, longest)
        part = np.asarray(sequence[length - kept :] if truncating == "pre" else sequence[:kept], dtype=dtype)
        if part.shape[1:] != full.shape[1:]:
            raise ValueError(
                f"Shape of sample {part.shape[1:]} of sequence at position {i} is different from expected shape "
                f"{full.shape[1:]}"
            )
        rows[i, slice(longest - kept, None) if padding == "pre" else slice(kept)] = part
    return rows


def _length(sequence) -> int:
    try:
        return len(sequence)
    except TypeError:
        raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence}") from None
