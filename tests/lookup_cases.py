"""Cases for the lookup layers, and what Keras with TensorFlow gives for them (`lookup_results.json`).

Keras's lookup layers need TensorFlow, which is no dependency of the tests. Where it is installed, the results are made
again by `KERAS_BACKEND=tensorflow python tests/lookup_cases.py`.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np

RESULTS = pathlib.Path(__file__).with_name("lookup_results.json")
WORDS = [["b", "a", "d"], ["b", "zoo", "a"], ["b", "", "Ärger"]]
TEXTS = ["The quick (brown) fox,", "the lazy DOG! the end", "", "tabs\tand\nlines  dog's", "ÄRGER über-all"]
NUMBERS = [[5, 3, 5], [9, 3, 1], [5, -1, 0]]
REALS = [[0.1, 4.0, 2.5], [2.5, -3.0, 100.0], [7.0, 0.1, 0.2], [1.5, 2.0, 3.0]]

# name -> (class, arguments of the constructor, what `adapt` gets or None, inputs)
CASES = {
    "words": ("StringLookup", {}, WORDS, WORDS),
    "words given": ("StringLookup", {"vocabulary": ["a", "b"]}, None, WORDS),
    "words given with specials": ("StringLookup", {"vocabulary": ["[UNK]", "a", "b"]}, None, WORDS),
    "words masked": ("StringLookup", {"mask_token": ""}, WORDS, WORDS),
    "words limited": ("StringLookup", {"max_tokens": 3}, WORDS, WORDS),
    "words in buckets": ("StringLookup", {"vocabulary": ["a"], "num_oov_indices": 5}, None, WORDS),
    "words in salted buckets": (
        "StringLookup",
        {"vocabulary": ["a"], "num_oov_indices": 5, "salt": [3, 4]},
        None,
        WORDS,
    ),
    "words another oov token": ("StringLookup", {"oov_token": "zoo"}, WORDS, WORDS),
    "words one hot": ("StringLookup", {"output_mode": "one_hot"}, WORDS, ["a", "b", "q"]),
    "words one hot column": ("StringLookup", {"output_mode": "one_hot"}, WORDS, [["a"], ["b"]]),
    "words multi hot": ("StringLookup", {"output_mode": "multi_hot"}, WORDS, WORDS),
    "words binary": ("StringLookup", {"output_mode": "binary"}, WORDS, WORDS),
    "words count": ("StringLookup", {"output_mode": "count"}, WORDS, [["a", "a", "q"], ["b", "q", "q"]]),
    "words count masked": ("StringLookup", {"output_mode": "count", "mask_token": ""}, WORDS, WORDS),
    "words padded": (
        "StringLookup",
        {"output_mode": "count", "max_tokens": 12, "pad_to_max_tokens": True},
        WORDS,
        WORDS,
    ),
    "words tf-idf": ("StringLookup", {"output_mode": "tf_idf"}, WORDS, WORDS),
    "words tf-idf padded": (
        "StringLookup",
        {"output_mode": "tf-idf", "max_tokens": 12, "pad_to_max_tokens": True},
        WORDS,
        WORDS,
    ),
    "words tf-idf given": (
        "StringLookup",
        {"output_mode": "tf_idf", "vocabulary": ["a", "b"], "idf_weights": [0.5, 2.0]},
        None,
        WORDS,
    ),
    "words inverted": ("StringLookup", {"vocabulary": ["a", "b"], "invert": True}, None, [[1, 2], [0, 7]]),
    "integers": ("IntegerLookup", {}, NUMBERS, NUMBERS),
    "integers masked": ("IntegerLookup", {"mask_token": 0}, NUMBERS, NUMBERS),
    "integers given": ("IntegerLookup", {"vocabulary": [3, 5]}, None, NUMBERS),
    "integers in buckets": ("IntegerLookup", {"vocabulary": [3], "num_oov_indices": 3}, None, NUMBERS),
    "integers hashed": (
        "IntegerLookup",
        {"vocabulary": [3], "num_oov_indices": 3, "oov_method": "farmhash"},
        None,
        NUMBERS,
    ),
    "integers salted": (
        "IntegerLookup",
        {"vocabulary": [3], "num_oov_indices": 3, "oov_method": "farmhash", "salt": 7},
        None,
        NUMBERS,
    ),
    "integers limited": ("IntegerLookup", {"max_tokens": 3, "oov_token": 5}, NUMBERS, NUMBERS),
    "integers padded": (
        "IntegerLookup",
        {"max_tokens": 9, "pad_to_max_tokens": True, "output_mode": "count"},
        NUMBERS,
        NUMBERS,
    ),
    "integers tf-idf given": (
        "IntegerLookup",
        {"output_mode": "tf_idf", "vocabulary": [3, 5], "idf_weights": [0.5, 2.0]},
        None,
        NUMBERS,
    ),
    "integers multi hot": ("IntegerLookup", {"output_mode": "multi_hot"}, NUMBERS, NUMBERS),
    "integers inverted": ("IntegerLookup", {"vocabulary": [3, 5], "invert": True}, None, [[1, 2], [0, 7]]),
    "text": ("TextVectorization", {}, TEXTS, TEXTS),
    "text column": ("TextVectorization", {}, TEXTS, [[text] for text in TEXTS]),
    "text limited": ("TextVectorization", {"max_tokens": 5, "output_sequence_length": 3}, TEXTS, TEXTS),
    "text longer": ("TextVectorization", {"output_sequence_length": 9}, TEXTS, TEXTS),
    "text as it is": ("TextVectorization", {"standardize": None}, TEXTS, TEXTS),
    "text lower": ("TextVectorization", {"standardize": "lower"}, TEXTS, TEXTS),
    "text without punctuation": ("TextVectorization", {"standardize": "strip_punctuation"}, TEXTS, TEXTS),
    "text by character": ("TextVectorization", {"split": "character"}, TEXTS, TEXTS),
    "text pairs": ("TextVectorization", {"ngrams": 2}, TEXTS, TEXTS),
    "text triples": ("TextVectorization", {"ngrams": (1, 3)}, TEXTS, TEXTS),
    "text multi hot": ("TextVectorization", {"output_mode": "multi_hot"}, TEXTS, TEXTS),
    "text count": (
        "TextVectorization",
        {"output_mode": "count", "max_tokens": 20, "pad_to_max_tokens": True},
        TEXTS,
        TEXTS,
    ),
    "text tf-idf": ("TextVectorization", {"output_mode": "tf_idf"}, TEXTS, TEXTS),
    "text tf-idf given": (
        "TextVectorization",
        {"output_mode": "tf_idf", "vocabulary": ["dog", "the"], "idf_weights": [0.5, 2.0]},
        None,
        TEXTS,
    ),
    "text given": ("TextVectorization", {"vocabulary": ["dog", "the"]}, None, TEXTS),
    "hash": ("Hashing", {"num_bins": 7}, None, WORDS),
    "hash of integers": ("Hashing", {"num_bins": 7}, None, NUMBERS),
    "hash masked": ("Hashing", {"num_bins": 7, "mask_value": ""}, None, WORDS),
    "hash salted": ("Hashing", {"num_bins": 7, "salt": [133, 137]}, None, WORDS),
    "hash salted once": ("Hashing", {"num_bins": 7, "salt": 133}, None, NUMBERS),
    "hash multi hot": ("Hashing", {"num_bins": 5, "output_mode": "multi_hot"}, None, WORDS),
    "hash one hot": ("Hashing", {"num_bins": 5, "output_mode": "one_hot"}, None, [["a"], ["b"]]),
    "hash count": ("Hashing", {"num_bins": 5, "output_mode": "count"}, None, NUMBERS),
    "cross": ("HashedCrossing", {"num_bins": 9}, None, [["a", "b", "a"], [1, 1, 2]]),
    "cross of three": ("HashedCrossing", {"num_bins": 1000}, None, [["a", "b"], [1, -1], ["x" * 40, "y" * 70]]),
    "cross one hot": ("HashedCrossing", {"num_bins": 9, "output_mode": "one_hot"}, None, [[["a"], ["b"]], [[1], [2]]]),
    "category": ("CategoryEncoding", {"num_tokens": 4}, None, [[0, 1, 1], [3, 2, 2]]),
    "category one hot": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [[0, 1], [3, 2]]),
    "category one hot row": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [3, 2]),
    "category count": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}, None, [[0, 1, 1], [3, 2, 2]]),
    "ranges": ("Discretization", {"bin_boundaries": [0.1, 2.0, 3.0]}, None, REALS),
    "ranges found": ("Discretization", {"num_bins": 4}, REALS, REALS),
    "ranges coarse": ("Discretization", {"num_bins": 3, "epsilon": 0.3}, REALS, REALS),
    "ranges one hot": ("Discretization", {"bin_boundaries": [0.1, 2.0], "output_mode": "one_hot"}, None, REALS),
    "ranges multi hot": ("Discretization", {"bin_boundaries": [0.1, 2.0], "output_mode": "multi_hot"}, None, REALS),
    "ranges count": ("Discretization", {"bin_boundaries": [0.1, 2.0], "output_mode": "count"}, None, REALS),
}


def result_of(layers, name: str) -> dict:
    """What a case gives with the layers of `pykernels` or of Keras: the output, its dtype, the vocabulary."""
    kind, arguments, adapts, inputs = CASES[name]
    layer = getattr(layers, kind)(**arguments)
    if adapts is not None:
        layer.adapt(np.array(adapts))
    crossed = kind == "HashedCrossing"
    output = np.asarray(layer([np.array(x) for x in inputs] if crossed else np.array(inputs)))
    found = {"dtype": str(output.dtype), "shape": list(output.shape)}
    if output.dtype == object:
        found["values"] = [item.decode() for item in output.ravel()]
    else:
        found["values"] = [round(float(value), 6) for value in output.ravel()]
    if hasattr(layer, "get_vocabulary"):
        found["vocabulary"] = [word if isinstance(word, str) else int(word) for word in layer.get_vocabulary()]
    if kind == "Discretization":
        found["boundaries"] = [round(float(b), 5) for b in layer.bin_boundaries]
    return found


if __name__ == "__main__":
    import keras

    rows = [f"{json.dumps(name)}: {json.dumps(result_of(keras.layers, name))}" for name in CASES]
    RESULTS.write_text("{\n" + ",\n".join(rows) + "\n}\n")
