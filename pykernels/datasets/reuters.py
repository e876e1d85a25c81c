"""Reuters: 11,228 newswires about 46 topics (Lewis, Reuters-21578)."""

from __future__ import annotations

import numpy as np

from ..compat.arguments import accepts_old_names
from . import cache, npz, words

_NAME, _INDEX = "reuters.npz", "reuters_word_index.json"
_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
_NEWSWIRES = 11_228
_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude
    nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel
    rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead
"""


@accepts_old_names("load_data")
def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """Newswires as lists of word numbers (the most frequent word has the lowest), and the numbers of their topics.

    `path` itself, if it is a file; `reuters.npz` in Keras's cache (`~/.keras/datasets`, or `$KERAS_HOME/datasets`),
    checked by its sha256 (without a network a file with another one is used with a warning, if it holds 11,228
    newswires and labels); a file of Keras 1 there, `reuters.pkl`; a download into the cache. From a file nothing is
    unpickled but lists and arrays.

    Args:
        path: name within the cache folder, or path of an `.npz` file or of a pickle of Keras 1.
        num_words: int or None. Words with this number and higher ones become `oov_char`. Default None: all are kept.
        skip_top: words with a number below it become `oov_char`. Default 0.
        maxlen: int or None. Newswires of this length and longer ones are dropped. Default None.
        test_split: fraction that is the test part. Default 0.2.
        seed: of the order. Default 113.
        start_char: what stands before each newswire; None for nothing. Default 1.
        oov_char: what stands for words left out; None to leave them out. Default 2.
        index_from: what is added to the numbers of the words. Default 3.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: arrays of lists, and int64 arrays.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
        ValueError: a damaged file; a `maxlen` that leaves no newswire.
    """
    found = cache.locate(path, _NAME, cache.ADDRESS + _NAME, _SHA256, _is_published, ("reuters.pkl",))
    content = words.read(found, ("x", "y"))
    if not isinstance(content, (list, tuple)) or len(content) != 2:
        raise ValueError(f"{found} does not hold the newswires of Reuters. Delete it and get it again.")
    rows, labels = words.shuffled(*words.check(found, *content), np.random.RandomState(seed))
    texts = words.Texts(rows)
    texts.mark(start_char, index_from)
    if maxlen:
        labels, _ = words.filtered(texts, labels, len(labels), maxlen)
    texts.limit(num_words, skip_top, oov_char)
    split = int(len(labels) * (1 - test_split))
    x_train, x_test = texts.arrays(split)
    return (x_train, labels[:split]), (x_test, labels[split:])


def _is_published(path) -> bool:
    found = npz.headers(path, ("x", "y"))
    return found is not None and all(shape == (_NEWSWIRES,) for shape, _ in found.values())


def get_word_index(path="reuters_word_index.json"):
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


def get_label_names():
    """The names of the 46 topics, in the order of the labels.

    Returns:
        tuple of str.
    """
    return tuple(_TOPICS.split())
