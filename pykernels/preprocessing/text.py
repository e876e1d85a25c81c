"""Texts as numbers of words, as Keras 1 and 2 make them."""

from __future__ import annotations

import collections
import hashlib
import json

import numpy as np

from ..compat.arguments import accepts_old_names

__all__ = ["Tokenizer", "base_filter", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "freq", "tfidf")


def base_filter() -> str:
    """The characters that part words by default; Keras 1's name for them.

    Returns:
        str.
    """
    return _FILTERS


def text_to_word_sequence(input_text, filters=_FILTERS, lower=True, split=" "):
    """The words of a text.

    Args:
        input_text: str.
        filters: characters that part words.
        lower: whether the text is made lower case. Default True.
        split: str that parts words. Default a space.

    Returns:
        List of str.
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if word]


def one_hot(input_text, n, filters=_FILTERS, lower=True, split=" ", analyzer=None):
    """A number for each word of a text: `hashing_trick` with Python's `hash`, which differs from process to process.

    Args:
        input_text: str.
        n: how many numbers there are, 0 included, which is never used.
        filters, lower, split: as in `text_to_word_sequence`.
        analyzer: callable that gives the words of a text, instead. Default None.

    Returns:
        List of int.
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(text, n, hash_function=None, filters=_FILTERS, lower=True, split=" ", analyzer=None):
    """A number from 1 to n - 1 for each word of a text; different words may have the same one.

    Args:
        text: str.
        n: how many numbers there are, 0 included, which is never used.
        hash_function: callable of a word, "md5", or None for Python's `hash`, which differs from process to process.
        filters, lower, split: as in `text_to_word_sequence`.
        analyzer: callable that gives the words of a text, instead. Default None.

    Returns:
        List of int.
    """
    if hash_function is None:
        hash_function = hash
    elif hash_function == "md5":
        hash_function = _md5
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [hash_function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers for the words of texts, from 1 on, the most frequent first.

    Args:
        num_words: only numbers below it are given; Keras 1 called it `nb_words`. Default None: all.
        filters, lower, split: as in `text_to_word_sequence`.
        char_level: whether characters are the words. Default False.
        oov_token: str that stands for words without a number; it has the number 1. Default None: they are left out.
        analyzer: callable that gives the words of a text, instead of `text_to_word_sequence`. Default None.
        kwargs: `document_count`, of texts seen before.

    Attributes: `word_counts` (how often each word occurs), `word_docs` (in how many texts), `index_docs` (that, by
    number), `word_index`, `index_word`, `document_count`.

    Raises:
        TypeError: an unknown argument.
    """

    @accepts_old_names("Tokenizer")
    def __init__(
        self,
        num_words=None,
        filters=_FILTERS,
        lower=True,
        split=" ",
        char_level=False,
        oov_token=None,
        analyzer=None,
        **kwargs,
    ):
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Unrecognized keyword arguments: {kwargs}")
        self.word_counts = collections.OrderedDict()
        self.word_docs = collections.defaultdict(int)
        self.index_docs = collections.defaultdict(int)
        self.word_index = {}
        self.index_word = {}
        self.filters = filters
        self.split = split
        self.lower = lower
        self.num_words = num_words
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer

    def _words(self, text):
        """The words of a text; of a list of them, in lower case where that is asked for."""
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if self.char_level:
            return text.lower() if self.lower else text
        if getattr(self, "analyzer", None) is not None:  # pickles of Keras 2 have none
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts):
        """Counts the words of texts, and numbers all that were seen.

        Args:
            texts: iterable of str, or of lists of words.
        """
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        by_count = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        vocabulary = [*([] if self.oov_token is None else [self.oov_token]), *by_count]
        self.word_index = {word: number for number, word in enumerate(vocabulary, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences):
        """Counts in how many sequences each number occurs, for `mode="tfidf"`.

        Args:
            sequences: list of lists of int.
        """
        self.document_count += len(sequences)
        for sequence in sequences:
            for number in set(sequence):
                self.index_docs[number] += 1

    def texts_to_sequences(self, texts):
        """The numbers of the words of each text.

        Args:
            texts: iterable of str, or of lists of words.

        Returns:
            List of lists of int.
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts):
        """As `texts_to_sequences`, one after the other.

        Args:
            texts: iterable of str, or of lists of words.

        Yields:
            Lists of int.
        """
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self._limited(self.word_index.get(word), unknown) for word in self._words(text))
            yield [number for number in numbers if number is not None]

    def _limited(self, number, unknown):
        return unknown if number is None or (self.num_words and number >= self.num_words) else number

    def sequences_to_texts(self, sequences):
        """The words of each sequence, with spaces between them.

        Args:
            sequences: iterable of lists of int.

        Returns:
            List of str.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences):
        """As `sequences_to_texts`, one after the other.

        Args:
            sequences: iterable of lists of int.

        Yields:
            str.
        """
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for sequence in sequences:
            known = (self._limited(number if number in self.index_word else None, unknown) for number in sequence)
            yield " ".join(self.index_word[number] for number in known if number is not None)

    def texts_to_matrix(self, texts, mode="binary"):
        """A row of numbers for each text; see `sequences_to_matrix`.

        Args:
            texts: iterable of str, or of lists of words.
            mode: as in `sequences_to_matrix`.

        Returns:
            float64 array of shape (texts, num_words).
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences, mode="binary"):
        """A row for each sequence, with a column for each number.

        Args:
            sequences: list of lists of int.
            mode: "binary" (whether the number is there), "count", "freq" (count / length) or "tfidf".

        Returns:
            float64 array of shape (len(sequences), num_words).

        Raises:
            ValueError: another mode; neither `num_words` nor texts were given; "tfidf" before texts were.
        """
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        if mode not in _MODES and any(sequences):
            raise ValueError("Unknown vectorization mode:", mode)
        width = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, sequence in zip(matrix, sequences, strict=True):
            counts = collections.Counter(number for number in sequence if number < width)
            for number, count in counts.items():
                row[number] = self._entry(mode, number, count, len(sequence))
        return matrix

    def _entry(self, mode: str, number: int, count: int, length: int) -> float:
        if mode == "tfidf":
            rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
            return (1 + np.log(count)) * rarity
        return {"binary": 1, "count": count, "freq": count / length}[mode]

    def get_config(self):
        """The arguments and what was counted; dicts as texts in JSON.

        Returns:
            dict.
        """
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counted = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {
            **{name: getattr(self, name) for name in names},
            **{name: json.dumps(getattr(self, name)) for name in counted},
        }

    def to_json(self, **kwargs):
        """The tokenizer as JSON, for `tokenizer_from_json`.

        Args:
            kwargs: for `json.dumps`.

        Returns:
            str.
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string):
    """A tokenizer as `Tokenizer.to_json` wrote it.

    Args:
        json_string: str.

    Returns:
        `Tokenizer`.

    Raises:
        ValueError: not the JSON of a tokenizer.
    """
    try:
        config = dict(json.loads(json_string)["config"])
        counted = {
            name: json.loads(config.pop(name))
            for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        }
        for name in ("index_docs", "index_word"):  # JSON has text for keys
            counted[name] = {int(key): value for key, value in counted[name].items()}
        tokenizer = Tokenizer(**config)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"This is not the JSON of a Tokenizer: {json_string[:100]!r} ({error!r})") from error
    for name, value in counted.items():
        setattr(tokenizer, name, value)
    return tokenizer
