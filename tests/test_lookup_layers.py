"""Layers that turn words and numbers into indices, and models that begin with them."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest
from argument_rows import parameters
from lookup_cases import CASES, RESULTS, TEXTS, WORDS, result_of

from pykernels import layers, models
from pykernels.tf import strings as tf_strings
from pykernels.utils.string_hash import fingerprint64, siphash64
from pykernels.utils.text import is_text

EXPECTED = json.loads(RESULTS.read_text())


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_keras(name):
    found, expected = result_of(layers, name), EXPECTED[name]
    if isinstance(expected["values"][0], float):
        np.testing.assert_allclose(found.pop("values"), expected["values"], rtol=0, atol=2e-6)
    assert found == {key: expected[key] for key in found}
    assert expected.keys() - {"values"} <= found.keys() | {"values"}


@pytest.mark.parametrize(
    "text, farm, sip",
    [  # of TensorFlow's to_hash_bucket_fast and to_hash_bucket_strong(key=[133, 137]), with 2**61 - 1 buckets
        ("", 11160318154034397263, 4928313950774450900),
        ("a", 12917804110809363939, 7077939996121841354),
        ("seven77", 12609918153904721023, 7166656929132136959),
        ("sixteen bytes 16", 14708089853631212040, 12000616071920824076),
        ("thirty-two bytes are here: 32 32", 13705295817167433003, 4972968356767271432),
        ("x" * 64, 6916188127298655160, 8261463781227458993),
        ("y" * 65, 13246502507848426076, 4475297591810910813),
        ("z" * 200, 8728890208429024092, 5373994600396966406),
    ],
)
def test_hashes_of_strings_are_those_of_tensorflow(text, farm, sip):
    assert (fingerprint64(text.encode()), siphash64(text.encode(), (133, 137))) == (farm, sip)


def test_siphash_gives_the_value_of_its_paper():
    assert siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == 0xA129CA6149BE45E5


def test_every_argument_has_a_case():
    # of these the tests below show that they act or are refused
    others = {"name", "sparse", "ragged", "dtype", "encoding", "vocabulary_dtype"}
    for kind in {case[0] for case in CASES.values()}:
        used = {name for case in CASES.values() if case[0] == kind for name in case[1]}
        wanted = parameters(getattr(layers, kind).__init__) - others
        assert not wanted - used, kind


def test_text_comes_as_bytes_str_and_arrays_of_either():
    layer = layers.StringLookup(vocabulary=["ä", "b"], encoding="latin-1")
    for words in (["ä", "b"], np.array(["ä", "b"]), np.array(["ä", "b"], object), ["ä".encode("latin-1"), b"b"]):
        assert layer(words).tolist() == [1, 2]
    assert layer("b").shape == ()
    assert layers.StringLookup(vocabulary=["ä"], encoding="latin-1", invert=True)([1])[0].numpy() == b"\xe4"
    with pytest.raises(ValueError, match="Text is expected"):
        layer(np.array([1, 2]))


def test_functions_of_the_user_standardize_and_split():
    layer = layers.TextVectorization(
        standardize=lambda text: np.char.replace(text, "<br />", " "),
        split=lambda text: [item.split("-") for item in text],
    )
    layer.adapt(["a-b<br />c-a", "a"] * 200)
    assert layer.get_vocabulary()[2:] == ["a", "b c"]
    assert layer(["b c-a-q"]).tolist() == [[3, 2, 1]]


def test_adapt_takes_batches_and_steps():
    layer = layers.TextVectorization()
    layer.adapt(iter([np.array(["a b"]), np.array(["b c"]), np.array(["d"])]), steps=2)
    assert sorted(layer.get_vocabulary()[2:]) == ["a", "b", "c"]
    numbers = layers.Discretization(num_bins=2)
    numbers.adapt(iter([np.arange(5.0), np.arange(5.0, 10.0), np.full(50, 100.0)]), steps=2)
    assert 4 <= numbers.bin_boundaries[0] <= 5


def test_a_vocabulary_comes_from_a_file_of_lines(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("x\ny\n")
    assert layers.StringLookup(vocabulary=str(path)).get_vocabulary() == ["[UNK]", "x", "y"]
    with pytest.raises(ValueError, match=r"Vocabulary file .*none\.txt does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    "kind, arguments, message",
    [
        ("StringLookup", {"max_tokens": 1}, "greater than 1"),
        ("StringLookup", {"num_oov_indices": -1}, "num_oov_indices"),
        ("StringLookup", {"pad_to_max_tokens": True}, "must set `max_tokens`"),
        ("StringLookup", {"output_mode": "sum"}, "output_mode"),
        ("StringLookup", {"output_mode": "count", "invert": True}, "invert"),
        ("StringLookup", {"output_mode": "count", "sparse": True}, "sparse=True"),
        ("StringLookup", {"vocabulary": ["a", "a"]}, "repeated"),
        ("StringLookup", {"vocabulary": ["a", "m"], "mask_token": "m"}, "reserved mask token"),
        ("StringLookup", {"vocabulary": ["a", "b", "c"], "max_tokens": 3}, "larger than the maximum"),
        ("StringLookup", {"vocabulary": []}, "empty vocabulary"),
        ("StringLookup", {"idf_weights": [1.0]}, "idf_weights"),
        ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
        ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}, "same length"),
        ("StringLookup", {"salt": "pepper"}, "salt"),
        ("IntegerLookup", {"salt": 3}, "farmhash"),
        ("IntegerLookup", {"vocabulary_dtype": "float32"}, "vocabulary_dtype"),
        ("IntegerLookup", {"oov_method": "dice"}, "oov_method"),
        ("TextVectorization", {"standardize": "upper"}, "standardize"),
        ("TextVectorization", {"split": "lines"}, "split"),
        ("TextVectorization", {"ngrams": 0}, "ngrams"),
        ("TextVectorization", {"ragged": True}, "ragged"),
        ("TextVectorization", {"output_mode": "count", "output_sequence_length": 3}, "output_sequence_length"),
        ("TextVectorization", {"output_sequence_length": "long"}, "output_sequence_length"),
        ("Hashing", {"num_bins": 0}, "num_bins"),
        ("Hashing", {"num_bins": 3, "dtype": "float32"}, "integer type"),
        ("HashedCrossing", {"num_bins": 3, "output_mode": "count"}, "output_mode"),
        ("CategoryEncoding", {}, "num_tokens must be set"),
        ("CategoryEncoding", {"num_tokens": 0}, "num_tokens"),
        ("Discretization", {}, "num_bins` or `bin_boundaries"),
        ("Discretization", {"num_bins": 3, "bin_boundaries": [1.0]}, "should not be set"),
    ],
)
def test_wrong_arguments_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(layers, kind)(**arguments)


def test_wrong_calls_are_refused():
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        layers.StringLookup()(["a"])
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        layers.TextVectorization()(["a"])
    with pytest.raises(ValueError, match="static"):
        layers.StringLookup(vocabulary=["a"]).adapt(["b"])
    with pytest.raises(ValueError, match=r"OOV values \['q'\]"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "q"])
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        layers.TextVectorization(vocabulary=["a"])([["a", "b"], ["a", "b"]])
    with pytest.raises(ValueError, match="at least two"):
        layers.HashedCrossing(3)([np.array(["a"])])
    with pytest.raises(ValueError, match="one shape"):
        layers.HashedCrossing(3)([np.array(["a"]), np.array([1, 2])])
    with pytest.raises(ValueError, match="integers from 0 to num_tokens - 1 = 3"):
        layers.CategoryEncoding(4)([[4]])


# --- models -----------------------------------------------------------------------------------------------------
def text_model(**options):
    """A model of text (batch, 1), words (batch, 1) and numbers (batch, 2)."""
    vectorize = layers.TextVectorization(output_sequence_length=4, **options)
    vectorize.adapt(TEXTS)
    words = layers.StringLookup(output_mode="multi_hot")
    words.adapt(WORDS)
    text, word = layers.Input((1,), dtype="string", name="text"), layers.Input((1,), dtype="string", name="word")
    number = layers.Input((2,), name="number")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(vectorize.vocabulary_size(), 3)(vectorize(text)))
    x = layers.Concatenate()([x, words(word), number])
    return models.Model([text, word, number], layers.Dense(1)(x))


DATA = [np.array(TEXTS), np.array(["a", "b", "zoo", "d", "q"]), np.arange(10.0).reshape(5, 2).astype("float32")]
TARGETS = np.arange(5.0, dtype="float32")


def test_a_model_takes_text_in_every_way_of_running_it():
    model = text_model()
    model.compile("adam", "mse")
    history = model.fit(DATA, TARGETS, epochs=3, batch_size=2, validation_split=0.4, verbose=0).history
    assert len(history["val_loss"]) == 3 and np.isfinite(history["loss"]).all()
    predicted = model.predict(DATA, verbose=0)
    named = {"text": DATA[0], "word": DATA[1][:, None], "number": DATA[2]}
    np.testing.assert_array_equal(model.predict(named, verbose=0), predicted)
    np.testing.assert_array_equal(model(DATA), predicted)
    np.testing.assert_array_equal(model.predict_on_batch([[*map(str, DATA[0])], *DATA[1:]]), predicted)
    batches = (([x[i : i + 2] for x in DATA], TARGETS[i : i + 2]) for i in range(0, 4, 2))
    model.fit(batches, verbose=0)
    assert np.isfinite(model.evaluate(DATA, TARGETS, verbose=0))
    assert np.isfinite(model.train_on_batch(DATA, TARGETS))


def test_the_same_model_of_indices_trains_to_the_same_weights():
    vectorize = layers.TextVectorization(output_sequence_length=4)
    vectorize.adapt(TEXTS)
    tail = [layers.Embedding(vectorize.vocabulary_size(), 3), layers.GlobalMaxPooling1D(), layers.Dense(1)]
    whole = models.Sequential([vectorize, *tail])
    copies = [type(layer).from_config(layer.get_config()) for layer in tail]
    part = models.Sequential([layers.Input((4,), dtype="int64"), *copies])
    part.set_weights(whole.get_weights())
    for model, x in ((whole, np.array(TEXTS)), (part, vectorize(TEXTS))):
        model.compile("sgd", "mse")
        model.fit(x, TARGETS, batch_size=2, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_vocabulary_that_is_found_later_acts():
    vectorize = layers.TextVectorization(output_sequence_length=2)
    model = models.Sequential([vectorize, layers.Lambda(lambda x: x * 1.0)])
    vectorize.adapt(["a b"])
    assert model.predict(["a b"], verbose=0).tolist() == [[3.0, 2.0]]  # of two as frequent the later comes first
    vectorize.adapt(["a a b"])
    assert vectorize.get_vocabulary()[2:] == ["a", "b"]
    assert model.predict(["a b"], verbose=0).tolist() == [[2.0, 3.0]]


def test_boundaries_that_are_found_later_act():
    layer = layers.Discretization(num_bins=2)
    layer.adapt(np.arange(10.0))
    model = models.Sequential([layers.Input((1,)), layer])
    low = model.predict(np.array([[20.0]]), verbose=0)
    layer.adapt(np.arange(100.0, 110.0))
    assert low.tolist() == [[1]] and model.predict(np.array([[20.0]]), verbose=0).tolist() == [[0]]


def test_models_of_lookups_alone_predict():
    lookup = layers.StringLookup(vocabulary=["a", "b"], output_mode="count")
    text = layers.Input((3,), dtype="string")
    model = models.Model(text, lookup(text))
    assert model.predict(np.array([["a", "a", "q"]]), verbose=0).tolist() == [[1, 2, 0]]
    outer_input = layers.Input((3,), dtype="string")
    outer = models.Model(outer_input, layers.Dense(1, use_bias=False, kernel_initializer="ones")(model(outer_input)))
    assert outer.predict(np.array([["a", "a", "q"]]), verbose=0).tolist() == [[3.0]]


@pytest.mark.parametrize("form", ["keras", "pickle"])
def test_files_keep_the_vocabulary(form, tmp_path):
    model = text_model()
    expected = model.predict(DATA, verbose=0)
    if form == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        path = tmp_path / "model.keras"
        model.save(path)
        names = zipfile.ZipFile(path).namelist()
        assert "assets/layers/text_vectorization/vocabulary.txt" in names
        assert "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt" in names  # as Keras writes it
        again = models.load_model(path)
    np.testing.assert_array_equal(again.predict(DATA, verbose=0), expected)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[2] is not None and "inverted" not in n])
def test_every_adapted_layer_survives_a_file(name, tmp_path):
    kind, arguments, adapts, inputs = CASES[name]
    layer = getattr(layers, kind)(**arguments)
    layer.adapt(np.array(adapts))
    text = kind in ("StringLookup", "TextVectorization")
    shape = np.shape(inputs)[1:] or (1,)
    x = layers.Input(shape, dtype="string" if text else "int64" if kind == "IntegerLookup" else "float32")
    model = models.Model(x, layers.Lambda(_scaled)(layer(x)))
    expected = model.predict(np.array(inputs), verbose=0)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras", custom_objects={"_scaled": _scaled})
    np.testing.assert_array_equal(again.predict(np.array(inputs), verbose=0), expected)


def _scaled(x):
    return x * 2


def test_a_file_does_not_make_the_reader_open_others(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("secret\n")
    layer = layers.StringLookup(vocabulary=["a"], name="thief")
    text = layers.Input((1,), dtype="string")
    path = tmp_path / "model.keras"
    models.Model(text, layer(text)).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = members["config.json"].decode().replace('["a"]', json.dumps(str(words)))
    members["config.json"] = config.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="vocabulary file outside"):
        models.load_model(path)
    members["assets/layers/string_lookup/../../evil.txt"] = b"x"
    members["config.json"] = config.replace(json.dumps(str(words)), "null").encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="leads out of its folder"):
        models.load_model(path)


def test_weights_of_a_whole_model_bring_its_vocabulary(tmp_path):
    def model(words):
        layer = layers.StringLookup(output_mode="count")
        layer.adapt(words)
        text = layers.Input((2,), dtype="string")
        return models.Model(text, layer(text))

    saved, other = model(["a", "b"]), model(["c", "d"])
    saved.save(tmp_path / "model.keras")
    other.load_weights(tmp_path / "model.keras")
    x = np.array([["a", "b"], ["c", "a"]])
    np.testing.assert_array_equal(other.predict(x, verbose=0), saved.predict(x, verbose=0))


def test_a_file_with_a_wrong_vocabulary_is_refused(tmp_path):
    layer = layers.StringLookup(mask_token="-")
    layer.adapt(["a", "b"])
    text = layers.Input((1,), dtype="string")
    path = tmp_path / "model.keras"
    models.Model(text, layer(text)).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (name,) = [name for name in members if name.endswith("vocabulary.txt")]
    for words, message in ((b"-\n[UNK]\na\na", "repeated term"), (b"a\n-", "reserved mask token")):
        members[name] = words
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        with pytest.raises(ValueError, match=message):
            models.load_model(path)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(1,), (3,), (3, 1), (3, 2)])
def test_the_shape_is_that_of_the_result(mode, shape):
    made = [
        layers.IntegerLookup(vocabulary=[1, 2], output_mode=mode),
        layers.Hashing(3, output_mode=mode),
        layers.Discretization([0.5, 1.5], output_mode=mode),
        *([] if mode == "int" else [layers.CategoryEncoding(3, output_mode=mode)]),
    ]
    for layer in made:
        assert tuple(layer.compute_output_shape(shape)) == np.shape(layer(np.ones(shape, "int64"))), layer.name


def test_what_cannot_be_is_refused_by_name():
    lookup = layers.StringLookup(vocabulary=["a"], name="words")
    text = layers.Input((1,), dtype="string", name="text")
    with pytest.raises(ValueError, match=r"Layer 'dense.*text"):
        models.Model(text, layers.Dense(1, name="dense")(text)).predict(np.array(["a"]), verbose=0)
    number = layers.Input((1,), dtype="int64")
    ints = layers.IntegerLookup(vocabulary=[1], name="ints")
    model = models.Model(number, ints(layers.Identity()(number)))
    with pytest.raises(ValueError, match=r"Layer 'ints'.*only be applied to inputs"):
        model.predict(np.array([[1]]), verbose=0)
    model = models.Model(text, layers.Dense(1)(lookup(text)))
    with pytest.raises(NotImplementedError, match="words"):
        model.export("never.onnx", format="onnx")
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="lookups"):
        model.fit(np.array(["a"]), np.ones((1, 1)), cache_frozen=True, verbose=0)
    with pytest.raises(ValueError, match="Text is expected"):
        model.predict(np.ones((2, 1)), verbose=0)


def test_numbers_are_no_text():
    assert not any(is_text(x) for x in (1, 2.0, None, [1], np.zeros(2), "a", np.float32(1)))
    assert all(is_text(x) for x in (np.array(["a"]), np.array([b"a"]), np.array(["a"], object)))


def test_a_model_within_a_model_may_begin_with_lookups():
    inner = text_model()
    inputs = [layers.Input((1,), dtype="string"), layers.Input((1,), dtype="string"), layers.Input((2,))]
    outer = models.Model(inputs, layers.Activation("sigmoid")(inner(inputs)))
    expected = 1 / (1 + np.exp(-inner.predict(DATA, verbose=0)))
    np.testing.assert_allclose(outer.predict(DATA, verbose=0), expected, rtol=1e-6)
    outer.compile("sgd", "mse")
    before = inner.get_weights()
    outer.fit(DATA, TARGETS, verbose=0)
    assert any(not np.array_equal(a, b) for a, b in zip(before, inner.get_weights(), strict=True))
    vectorize = layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=2)
    first = models.Sequential([vectorize, layers.Embedding(4, 2), layers.Flatten(), layers.Dense(1)])
    export = models.Sequential([first, layers.Activation("sigmoid")])
    assert export.predict(np.array(["a b", "q"]), verbose=0).shape == (2, 1)


def test_the_mean_and_the_variance_of_a_normalization():
    layer = layers.Normalization()
    assert layer.mean is None
    layer.adapt(np.array([[1.0, 4.0], [3.0, 8.0]]))
    assert layer.mean.numpy().tolist() == [[2.0, 6.0]] and layer.variance.numpy().tolist() == [[1.0, 4.0]]


def test_texts_compare_as_texts():
    parts, names = tf_strings.split("photos/rose/1.jpg", "/"), np.array(["daisy", "rose"])
    assert (parts[-2] == names).tolist() == [False, True] and (parts[-2] != names).tolist() == [True, False]
    assert bool(parts[-2] == "rose") and bool(parts[-2] == b"rose") and not bool(parts[0] == "rose")
    assert isinstance(parts[0].numpy(), bytes)
