"""Texts and sequences as numbers (`preprocessing.text`, `preprocessing.sequence`, `pad_sequences`), beside Keras's."""

import importlib
import json
import pickle
import random

import numpy as np
import oracle
import pytest

import pykernels as pk
from pykernels.preprocessing import sequence, text

THEIR_TEXT = importlib.import_module("keras.src.legacy.preprocessing.text")
THEIR_SEQUENCE = importlib.import_module("keras.src.legacy.preprocessing.sequence")
TEXTS = [
    "The cat sat on the mat.",
    "The dog, the CAT; and\tthe bird!",
    "",
    "One more: a cat's tale",
    ["The", "Mat", "cat"],
]
NEW = ["the unknown cat", "dog dog bird", ["Mat", "hat"]]


def both(function, ours, theirs):
    """The same call in both: equal results, or the same exception with the same words."""
    try:
        expected = function(theirs)
    except Exception as error:
        with pytest.raises(type(error)) as caught:
            function(ours)
        assert str(caught.value) == str(error)
        return
    got = function(ours)
    np.testing.assert_equal(got, expected)
    if isinstance(expected, np.ndarray):
        assert got.dtype == expected.dtype


RAGGED = [[1, 2, 3], [4], [], [5, 6, 7, 8, 9]]
PADDING = {
    "plain": (RAGGED, {}),
    "maxlen": (RAGGED, {"maxlen": 4}),
    "short": (RAGGED, {"maxlen": 2, "padding": "post"}),
    "cut behind": (RAGGED, {"maxlen": 3, "truncating": "post", "value": -1, "dtype": "int64"}),
    "floats": ([[0.5], [1.5, 2.5]], {"dtype": "float32", "value": 9.5}),
    "arrays": ([np.ones((2, 3)), np.zeros((1, 3))], {"dtype": "float32", "maxlen": 3}),
    "texts": ([["a"], ["b", "c"]], {"dtype": object, "value": "-"}),
    "empty lists": ([[], []], {}),
    "no list": (3, {}),
    "numbers": ([1, 2], {}),
    "shapes": ([np.ones((2, 3)), np.ones((2, 4))], {}),
    "text in ints": ([[1]], {"value": "x"}),
    "padding": (RAGGED, {"padding": "middle"}),
    "truncating": (RAGGED, {"truncating": "middle", "maxlen": 2}),
}


@pytest.mark.parametrize("kind", PADDING)
def test_pad_sequences(kind):
    sequences, given = PADDING[kind]
    both(lambda f: f(sequences, **given), pk.utils.pad_sequences, oracle.keras.utils.pad_sequences)
    assert sequence.pad_sequences is pk.utils.pad_sequences


def test_pad_sequences_of_nothing():
    assert pk.utils.pad_sequences([]).shape == (0, 0)
    assert pk.utils.pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)


TOKENIZERS = [
    {},
    {"num_words": 4},
    {"num_words": 4, "oov_token": "<?>"},
    {"oov_token": "<?>", "lower": False},
    {"char_level": True},
    {"filters": "", "split": "t"},
    {"analyzer": lambda words: list(words[:5])},
]


@pytest.mark.parametrize("given", TOKENIZERS, ids=lambda given: "-".join(given) or "plain")
def test_tokenizer(given):
    texts = TEXTS[:4] if "analyzer" in given else TEXTS

    def steps(tokenizer):
        tokenizer = tokenizer(**given)
        tokenizer.fit_on_texts(texts)
        tokenizer.fit_on_texts(["again the cat"])
        sequences = tokenizer.texts_to_sequences(NEW if "analyzer" not in given else NEW[:2])
        tokenizer.fit_on_sequences(sequences)
        return [
            tokenizer.document_count,
            tokenizer.word_index,
            tokenizer.index_word,
            dict(tokenizer.word_counts),
            dict(tokenizer.word_docs),
            dict(tokenizer.index_docs),
            sequences,
            tokenizer.sequences_to_texts([*sequences, [1, 99]]),
            *(tokenizer.texts_to_matrix(texts, mode) for mode in ("binary", "count", "freq", "tfidf")),
            json.loads(tokenizer.to_json()),
        ]

    both(steps, text.Tokenizer, THEIR_TEXT.Tokenizer)


def test_tokenizer_to_json_and_back():
    tokenizer = text.Tokenizer(num_words=5, oov_token="?")
    tokenizer.fit_on_texts(TEXTS)
    twins = (
        text.tokenizer_from_json(tokenizer.to_json()),
        text.tokenizer_from_json(THEIR_TEXT.tokenizer_from_json(tokenizer.to_json()).to_json(indent=1)),
        pickle.loads(pickle.dumps(tokenizer)),
    )
    for twin in twins:
        assert twin.texts_to_sequences(NEW) == tokenizer.texts_to_sequences(NEW)
        assert twin.get_config() == tokenizer.get_config()
    for wrong in ("{}", "[1]", "no", '{"config": {"word_counts": "1"}}'):
        with pytest.raises(ValueError, match="not the JSON of a Tokenizer"):
            text.tokenizer_from_json(wrong)


@pytest.mark.parametrize(
    "steps",
    [
        lambda m: m.Tokenizer(words=3),
        lambda m: m.Tokenizer().sequences_to_matrix([[1]]),
        lambda m: m.Tokenizer(num_words=3).sequences_to_matrix([[1]], mode="tfidf"),
        lambda m: m.Tokenizer(num_words=3).sequences_to_matrix([[1]], mode="other"),
        lambda m: m.Tokenizer(num_words=3).sequences_to_matrix([[1, 1, 5], []], mode="count"),
        lambda m: m.hashing_trick(TEXTS[0], 50, "md5"),
        lambda m: m.hashing_trick(TEXTS[1], 50, len, lower=False),
        lambda m: m.hashing_trick("a b", 50, "md5", analyzer=list),
        lambda m: m.one_hot(TEXTS[1], 30),
        lambda m: m.one_hot("a-b", 30, filters="-", lower=False, split="-"),
        lambda m: m.text_to_word_sequence(TEXTS[1]),
        lambda m: m.text_to_word_sequence("aXbXX c", filters=" ", lower=False, split="X"),
    ],
)
def test_text_functions(steps):
    both(steps, text, THEIR_TEXT)


def test_nb_words_of_keras_1():
    assert text.Tokenizer(nb_words=7).num_words == 7


SERIES = np.arange(60).reshape(30, 2)
GENERATORS = [
    {},
    {"sampling_rate": 2, "stride": 3, "batch_size": 4},
    {"start_index": 3, "end_index": 20, "batch_size": 5, "reverse": True},
    {"shuffle": True, "batch_size": 6},
    {"shuffle": True, "batch_size": 16, "start_index": 22},  # three steps to draw from
    {"start_index": 27},
    {"batch_size": 2, "stride": 2, "end_index": 12},
]


@pytest.mark.parametrize("given", GENERATORS, ids=str)
def test_timeseries_generator(given):
    def steps(generator):
        np.random.seed(5)
        generator = generator(SERIES, np.arange(30), length=5, **given)
        return [len(generator), *(part for i in range(len(generator)) for part in generator[i])]

    both(steps, sequence.TimeseriesGenerator, THEIR_SEQUENCE.TimeseriesGenerator)


def test_timeseries_generator_is_fit():
    generator = sequence.TimeseriesGenerator(SERIES / 60, SERIES[:, 0] / 60, length=4, batch_size=8)
    model = pk.Sequential([pk.layers.Flatten(input_shape=(4, 2)), pk.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(generator, epochs=1, verbose=0).history["loss"][0])
    both(lambda m: m.TimeseriesGenerator(SERIES, [1], length=2), sequence, THEIR_SEQUENCE)
    config = json.loads(generator.to_json())["config"]  # fails in Keras 3; as Keras 2 wrote it
    assert json.loads(config["targets"]) == (SERIES[:, 0] / 60).tolist() and config["start_index"] == 4
    with pytest.raises(TypeError, match="Data not JSON Serializable"):
        sequence.TimeseriesGenerator([object()] * 9, range(9), length=2).get_config()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"window_size": 1, "negative_samples": 0},
        {"categorical": True, "seed": 4},
        {"shuffle": False, "negative_samples": 0.5},
        {"sampling_table": sequence.make_sampling_table(20, 0.01)},
    ],
    ids=str,
)
def test_skipgrams(given):
    def steps(module):
        random.seed(3)
        return module.skipgrams([1, 2, 0, 3, 9, 4, 1, 15], 20, **given)

    both(steps, sequence, THEIR_SEQUENCE)


def test_make_sampling_table():
    both(lambda m: m.make_sampling_table(50), sequence, THEIR_SEQUENCE)
    both(lambda m: m.make_sampling_table(50, sampling_factor=1e-3), sequence, THEIR_SEQUENCE)


def test_sample_weights_are_packed_as_in_keras():
    x, y, w = np.ones(2), np.zeros(2), np.ones(2)
    for given in ((x,), (x, y), (x, y, w), ([x, x],), ((x, x), y)):
        both(lambda m, given=given: m.pack_x_y_sample_weight(*given), pk.utils, oracle.keras.utils)
    for data in (x, (x,), [x, y], (x, y, w), {"a": x}):
        both(lambda m, data=data: m.unpack_x_y_sample_weight(data), pk.utils, oracle.keras.utils)
    with pytest.raises(ValueError, match="Data is expected to be in format"):
        pk.utils.unpack_x_y_sample_weight((x, y, w, x))


@pytest.mark.parametrize(
    "steps",
    [
        lambda m: m.to_categorical([0, 2, 1]),
        lambda m: m.to_categorical([0, 2, 1], 5),
        lambda m: m.to_categorical([[0], [2]]),
        lambda m: m.to_categorical([[0, 1], [2, 0]], num_classes=3),
        lambda m: m.to_categorical(2, 4),
        lambda m: m.to_categorical([1.7, 0.2]),
        lambda m: m.normalize(np.array([[3.0, 4.0], [0.0, 0.0]])),
        lambda m: m.normalize(np.array([[3.0, 4.0], [1.0, 1.0]]), order=1),
        lambda m: m.normalize(np.array([3.0, 4.0]), -1, 2),
        lambda m: m.normalize(np.array([3.0, 4.0]), axis=None),
    ],
)
def test_arrays_of_labels_and_features(steps):
    both(steps, pk.utils, oracle.keras.utils)
