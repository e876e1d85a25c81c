"""IMDB: 50,000 reviews of films, good or bad (Maas et al., 2011)."""

from __future__ import annotations

import numpy as np

from ..compat.arguments import accepts_old_names
from . import cache, npz, words

_NAME, _INDEX = "imdb.npz", "imdb_word_index.json"
_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_REVIEWS = 25_000


@accepts_old_names("load_data")
def load_data(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """Reviews as lists of word numbers (the most frequent word has the lowest), and labels 0 (bad) and 1 (good).

    `path` itself, if it is a file; `imdb.npz` in Keras's cache (`~/.keras/datasets`, or `$KERAS_HOME/datasets`),
    checked by its sha256 (without a network a file with another one is used with a warning, if it holds 25,000 reviews
    and labels in each part); a file of Keras 1 there, `imdb_full.pkl` or `imdb.pkl`; a download into the cache. The
    reviews are shuffled and cut as Keras 3 does, from whatever file. From a file nothing is unpickled but lists and
    arrays.

    Args:
        path: name within the cache folder, or path of an `.npz` file or of a pickle of Keras 1.
        num_words: int or None. Words with this number and higher ones become `oov_char`. Default None: all are kept.
        skip_top: words with a number below it become `oov_char`. Default 0.
        maxlen: int or None. Reviews of this length and longer ones are dropped. Default None.
        seed: of the order. Default 113.
        start_char: what stands before each review; None for nothing. Default 1.
        oov_char: what stands for words left out; None to leave them out. Default 2.
        index_from: what is added to the numbers of the words. Default 3.
        kwargs: `nb_words`, Keras 1's name of `num_words`, and `test_split`, as in Keras 1.0 and before: the training
            part is split, the last `test_split` of it being the test part.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: arrays of lists, and int64 arrays.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        TypeError: an unknown argument.
        ValueError: a damaged file; a `maxlen` that leaves no review.
    """
    test_split = kwargs.pop("test_split", None)
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}. load_data() of imdb takes path, num_words, ...")
    older = ("imdb_full.pkl", "imdb.pkl")
    found = cache.locate(path, _NAME, cache.ADDRESS + _NAME, _SHA256, _is_published, older)
    parts = _parts(found, words.read(found, _ARRAYS))
    rng = np.random.RandomState(seed)
    if test_split is not None or len(parts) == 1:
        rows, labels = words.shuffled(*parts[0], rng)
        split = int(len(rows) * (1 - (0.2 if test_split is None else test_split)))
    else:
        (rows, labels), (more, more_labels) = (words.shuffled(*part, rng) for part in parts)
        split = len(rows)
        rows, labels = rows + more, np.concatenate([labels, more_labels])
    texts = words.Texts(rows)
    texts.mark(start_char, index_from)
    if maxlen:
        labels, split = words.filtered(texts, labels, split, maxlen)
    texts.limit(num_words, skip_top, oov_char)
    x_train, x_test = texts.arrays(split)
    return (x_train, labels[:split]), (x_test, labels[split:])


def _parts(path, content) -> list:
    """(texts, labels) of each part; files of Keras 1.0 have one."""
    try:
        if isinstance(content, list):
            pairs = [content[:2], content[2:]]
        elif isinstance(content[0], tuple):
            pairs = list(content)
        else:
            pairs = [content]
        return [words.check(path, *pair) for pair in pairs]
    except (TypeError, IndexError, KeyError) as error:
        raise ValueError(f"{path} does not hold the reviews of IMDB. Delete it and get it again.") from error


def _is_published(path) -> bool:
    found = npz.headers(path, _ARRAYS)
    return found is not None and all(shape == (_REVIEWS,) for shape, _ in found.values())


def get_word_index(path="imdb_word_index.json"):
    """The number of each word, before `index_from` is added to it.

    Args:
        path: name within the cache folder, or path of a file (JSON, or a pickle of Keras 1). See `load_data`.

    Returns:
        dict of str to int.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        ValueError: a damaged file.
    """
    return words.word_index(path, _INDEX, _INDEX_MD5)
