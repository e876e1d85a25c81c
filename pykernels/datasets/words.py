"""What IMDB and Reuters share: texts as lists of word numbers, and the numbers of words."""

from __future__ import annotations

import itertools
import json

import numpy as np

from ..utils.load_budget import LoadBudget
from ..utils.regular_files import read_regular
from . import cache, npz, pickles

_TOO_SHORT = "After filtering for sequences shorter than maxlen={}, no sequence was kept. Increase maxlen."


def read(path, names) -> list:
    """What a file holds: the arrays `names` of an `.npz` file, or the value in a pickle of Keras 1.

    Raises:
        ValueError: it is damaged or holds something else.
    """
    if not cache.is_pickle(path):
        return npz.read(path, names, objects=True)
    data, budget = cache.read_pickle(path)
    return pickles.loads(data, str(path), budget)


def check(path, texts, labels) -> tuple[list, np.ndarray]:
    """The texts as a list, the labels as an array.

    Raises:
        ValueError: they differ in number, or are not lists of whole numbers and whole numbers.
    """
    try:
        array = np.asarray(labels)
        rows = list(texts)
        kinds = {type(row) for row in rows}
        if kinds <= {list, tuple}:
            right = set(map(type, itertools.chain.from_iterable(rows))) <= {int}
        else:
            right = all(isinstance(row, np.ndarray) and row.ndim == 1 and row.dtype.kind in "iu" for row in rows)
    except (TypeError, ValueError):
        right = False
    if not right or array.shape != (len(rows),) or array.dtype.kind not in "iuf":
        raise ValueError(f"{path} does not hold lists of word numbers and as many labels. Delete it and get it again.")
    return rows, array


class Texts:
    """Texts as one array of word numbers, so that the steps of `load_data` are NumPy's."""

    def __init__(self, rows: list):
        self.lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        self.words = np.fromiter(itertools.chain.from_iterable(rows), np.int64, int(self.lengths.sum()))

    def mark(self, start_char, index_from) -> None:
        """Adds `index_from` to the numbers and puts `start_char` before each text, as far as they are given."""
        if index_from:
            self.words = self.words + index_from
        if start_char is not None:
            starts = np.cumsum(self.lengths) - self.lengths
            self.words = np.insert(self.words, starts, start_char)
            self.lengths = self.lengths + 1

    def shorter_than(self, maxlen) -> np.ndarray:
        """Drops the texts of `maxlen` words and more; which were kept."""
        kept = self.lengths < maxlen
        self.words = self.words[np.repeat(kept, self.lengths)]
        self.lengths = self.lengths[kept]
        return kept

    def limit(self, num_words, skip_top, oov_char) -> None:
        """Puts `oov_char` where a number is not in skip_top..num_words - 1; drops it for None. Without `num_words`, the
        largest number there is is the limit, which makes it `oov_char` too, as in Keras."""
        if not num_words:
            num_words = self.words.max(initial=0)
        common = (skip_top <= self.words) & (self.words < num_words)
        if oov_char is None:
            owner = np.repeat(np.arange(len(self.lengths)), self.lengths)
            self.words = self.words[common]
            self.lengths = np.bincount(owner[common], minlength=len(self.lengths))
        else:
            self.words = np.where(common, self.words, oov_char)

    def arrays(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        """The first `at` texts and the others, as arrays of lists (of two axes, where all have one length)."""
        numbers, ends = self.words.tolist(), np.cumsum(self.lengths).tolist()
        rows = [numbers[end - length : end] for end, length in zip(ends, self.lengths.tolist(), strict=True)]
        return np.array(rows[:at], dtype=object), np.array(rows[at:], dtype=object)


def filtered(rows, labels, split, maxlen) -> tuple[np.ndarray, int]:
    """The labels of the texts shorter than `maxlen`, and how many of those are among the first `split`.

    Raises:
        ValueError: there are none, in one part or the other.
    """
    kept = rows.shorter_than(maxlen)
    first = int(kept[:split].sum())
    if not kept[:split].any() or (split < len(kept) and not kept[split:].any()):
        raise ValueError(_TOO_SHORT.format(maxlen))
    return labels[kept], first


def shuffled(rows: list, labels: np.ndarray, rng) -> tuple[list, np.ndarray]:
    """Both in the order that `rng` draws."""
    order = np.arange(len(rows))
    rng.shuffle(order)
    return [rows[i] for i in order], labels[order]


def word_index(path, name: str, md5: str) -> dict[str, int]:
    """{word: number} from `name` in the cache, or from another JSON file, or from a pickle of Keras 1; see
    `cache.locate`.

    Raises:
        ConnectionError: no local copy, and no network.
        ValueError: a damaged file.
    """
    older = [name.replace(".json", ".pkl")]
    return _read_index(cache.locate(path, name, cache.ADDRESS + name, md5, _is_index, older))


def _is_index(path) -> bool:
    try:
        return bool(_read_index(path))
    except (ValueError, OSError):
        return False


def _read_index(path) -> dict[str, int]:
    try:
        if cache.is_pickle(path):
            data, budget = cache.read_pickle(path)
            found = {_word(word): number for word, number in pickles.loads(data, str(path), budget).items()}
        else:
            data = read_regular(path)
            LoadBudget(str(path), len(data)).allocate(len(data), "its text")
            found = json.loads(data)
        if not all(type(word) is str and type(number) is int for word, number in found.items()):
            raise ValueError("other values")
    except pickles.RefusedPickleError:
        raise
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} does not hold the numbers of words. Delete it and get it again.") from error
    return found


def _word(word) -> str:
    return word.decode("utf-8", "surrogateescape") if isinstance(word, bytes) else word
