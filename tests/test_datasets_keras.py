"""CIFAR, IMDB, Reuters and the house prices: files in Keras's forms and places, read as Keras reads them."""

import hashlib
import importlib
import json
import pathlib
import pickle
import tarfile
import zipfile

import numpy as np
import oracle
import pytest

from pykernels import backend, datasets
from pykernels.datasets import cache, cifar, cifar10, cifar100, imdb, pickles, reuters

_SPLIT_NAMES = ("x_train", "y_train", "x_test", "y_test")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache folder of its own, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("pykernels.utils.download._opener", _no_network)
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


def _no_network():
    raise OSError("no network in tests")


def keras_datasets(home, monkeypatch):
    """Keras's own loaders, which take any file of the right name in `home`."""
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "validate_file", lambda *args, **kwargs: True)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(home.parent), raising=False)
    return oracle.keras.datasets


def texts(n, seed=0, longest=12):
    rng = np.random.default_rng(seed)
    rows = np.empty(n, dtype=object)
    for i in range(n):
        rows[i] = [int(w) for w in rng.integers(1, 300, rng.integers(1, longest))]
    return rows, rng.integers(0, 2, n)


def write_imdb(path, n=40):
    arrays = (*texts(n), *texts(n - 7, seed=1))
    np.savez(path, **dict(zip(_SPLIT_NAMES, arrays, strict=True)))
    return arrays


def batch(n, seed, *keys):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
    labels = {key: [int(v) for v in rng.integers(0, 10, n)] for key in keys}
    return {b"data": images, b"filenames": [b"a.png"] * n, **{k.encode(): v for k, v in labels.items()}}


def same(got, expected):
    for ours, theirs in zip((*got[0], *got[1]), (*expected[0], *expected[1]), strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        if ours.dtype == object:
            assert [list(row) for row in ours] == [list(row) for row in theirs]
        else:
            np.testing.assert_array_equal(ours, theirs)


# --- as Keras --------------------------------------------------------------------------------------------------------
WORD_ARGUMENTS = [
    {},
    {"num_words": 100},
    {"num_words": 100, "skip_top": 20},
    {"maxlen": 8},
    {"seed": 5},
    {"start_char": None},
    {"start_char": None, "index_from": 0},
    {"oov_char": None, "num_words": 50},
    {"index_from": 7, "start_char": 9, "oov_char": 4, "skip_top": 12, "maxlen": 10},
]


def test_texts_are_those_of_keras(home, monkeypatch):
    theirs = keras_datasets(home, monkeypatch)
    write_imdb(home / "imdb.npz")
    x, y = texts(53, seed=3)
    np.savez(home / "reuters.npz", x=x, y=y)
    monkeypatch.setattr(imdb, "_is_published", lambda path: True)
    monkeypatch.setattr(reuters, "_is_published", lambda path: True)
    with pytest.warns(UserWarning, match="another hash"):
        for given in WORD_ARGUMENTS:
            same(imdb.load_data(**given), theirs.imdb.load_data(**given))
            same(reuters.load_data(**given), theirs.reuters.load_data(**given))
        same(reuters.load_data(test_split=0.35), theirs.reuters.load_data(test_split=0.35))
    assert reuters.get_label_names() == theirs.reuters.get_label_names()


def test_texts_of_one_length_make_arrays_of_two_axes(home, monkeypatch):
    theirs = keras_datasets(home, monkeypatch)
    np.savez(home / "reuters.npz", x=np.arange(1, 41).reshape(10, 4), y=np.arange(10))
    monkeypatch.setattr(reuters, "_is_published", lambda path: True)
    with pytest.warns(UserWarning, match="another hash"):
        same(reuters.load_data(), theirs.reuters.load_data())


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_house_prices_are_those_of_keras(home, monkeypatch, name):
    theirs = getattr(keras_datasets(home, monkeypatch), name)
    ours = getattr(datasets, name)
    shape = (506, 13) if name == "boston_housing" else (20640, 8)
    rng = np.random.default_rng(0)
    np.savez(home / f"{name}.npz", x=rng.random(shape), y=rng.random(shape[0]))
    arguments = [{}, {"test_split": 0.37, "seed": 7}, {"test_split": 0}]
    arguments += [{"version": "small"}] if name == "california_housing" else []
    with pytest.warns(UserWarning, match="another hash"):
        for given in arguments:
            same(ours.load_data(**given), theirs.load_data(**given))
    for given in ({"test_split": 1}, {"test_split": -0.1}, {"version": "big"}):
        if "version" not in given or name == "california_housing":
            with pytest.raises(ValueError, match=r"`test_split`|`version`") as error:
                ours.load_data(**given)
            with pytest.raises(ValueError, match=r"`test_split`|`version`") as expected:
                theirs.load_data(**given)
            assert str(error.value) == str(expected.value)


def test_house_prices_of_another_shape_are_not_taken(home):
    np.savez(home / "boston_housing.npz", x=np.zeros((506, 12)), y=np.zeros(506))
    for given in ({}, {"path": str(home / "boston_housing.npz")}):  # the whole path of a file in the cache as well
        with pytest.raises(ConnectionError, match="sha256"):
            datasets.boston_housing.load_data(**given)


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_is_that_of_keras(home, monkeypatch, mode):
    theirs = keras_datasets(home, monkeypatch)
    folder = home / "cifar-100-python-target" / "cifar-100-python"
    folder.mkdir(parents=True)
    (home / "cifar-100-python-target_archive").write_bytes(b"Keras asks whether it is there")
    for name, n in (("train", 9), ("test", 4)):
        content = pickle.dumps(batch(n, n, "fine_labels", "coarse_labels"), protocol=2)
        (folder / name).write_bytes(content.replace(b"numpy._core", b"numpy.core"))
    monkeypatch.setattr("keras.src.datasets.cifar100.get_file", lambda **kwargs: str(folder.parent))
    monkeypatch.setattr("keras.src.datasets.npz_utils._ALLOWED_PICKLE_GLOBALS", set(pickles._KNOWN))
    same(cifar100.load_data(mode), theirs.cifar100.load_data(mode))
    with pytest.raises(ValueError, match="`label_mode` must be one of"):
        cifar100.load_data("medium")


# --- places ----------------------------------------------------------------------------------------------------------
def write_cifar10(folder, n=6):
    folder.mkdir(parents=True)
    for i, name in enumerate((*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")):
        (folder / name).write_bytes(pickle.dumps(batch(n, i, "labels"), protocol=2))


@pytest.mark.parametrize(
    "place", ["cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py", "cifar-10-batches-py/" * 2]
)
def test_cifar10_in_the_folders_of_every_keras(home, place):
    write_cifar10(home / place)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (30, 32, 32, 3) and y_train.shape == (30, 1) and y_test.shape == (6, 1)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    expected = batch(6, 5, "labels")
    np.testing.assert_array_equal(x_test[2, :, :, 1].ravel(), expected[b"data"][2, 1024:2048])
    assert y_test.ravel().tolist() == expected[b"labels"]
    backend.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(cifar10.load_data()[1][0], x_test.transpose(0, 3, 1, 2))
    finally:
        backend.set_image_data_format("channels_last")


def write_archive(path, folder):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(folder, arcname="cifar-10-batches-py")


@pytest.mark.parametrize(
    "name", ["cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"]
)
def test_cifar10_in_an_archive(home, tmp_path, monkeypatch, name):
    write_cifar10(tmp_path / "made")
    write_archive(home / name, tmp_path / "made")
    monkeypatch.setattr(cifar10, "_SHA256", hashlib.sha256((home / name).read_bytes()).hexdigest())
    assert len(cifar10.load_data()[0][0]) == 30
    assert (home / "cifar-10-batches-py-target" / "cifar-10-batches-py" / "test_batch").is_file()  # Keras's place


def test_an_archive_with_another_hash(home, tmp_path, monkeypatch):
    """It is used if its batches have the published sizes."""
    write_cifar10(tmp_path / "made")
    write_archive(home / "cifar-10-python.tar.gz", tmp_path / "made")
    with pytest.raises(ConnectionError, match="by hand") as error:
        cifar10.load_data()
    assert str(home) in str(error.value)
    assert not list(home.glob("*target*"))
    monkeypatch.setattr(cifar10, "_IMAGES", 6)
    with pytest.warns(UserWarning, match="another hash") as caught:
        (x_train, _), (_, y_test) = cifar10.load_data()
    assert len(caught) == 1 and x_train.shape == (30, 32, 32, 3) and len(y_test) == 6


@pytest.mark.parametrize("name", ["imdb", "reuters", "boston_housing", "california_housing", "cifar10", "cifar100"])
def test_without_network_the_place_is_named(home, name):
    module = getattr(datasets, name)
    with pytest.raises(ConnectionError, match="by hand") as error:
        module.load_data()
    assert str(home) in str(error.value)
    with pytest.raises(ConnectionError):
        (getattr(module, "get_word_index", None) or module.load_data)()
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_addresses_and_hashes_are_those_of_keras():
    for name in ("imdb", "reuters", "boston_housing", "california_housing", "cifar10", "cifar100"):
        theirs = pathlib.Path(importlib.import_module(f"keras.src.datasets.{name}").__file__).read_text()
        ours = importlib.import_module(f"pykernels.datasets.{name}")
        for attribute in ("_SHA256", "_INDEX_MD5", "_URL", "_NAME", "_INDEX"):
            assert getattr(ours, attribute, "") in theirs, (name, attribute)
        assert ours.load_data.__doc__
        assert name.startswith("cifar") or cache.ADDRESS in theirs


# --- Keras 1 ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_pickles_of_keras_1(home, tmp_path, protocol):
    x, y = texts(30, seed=3)
    (tmp_path / "own.pkl").write_bytes(pickle.dumps((list(x), y.tolist()), protocol))
    np.savez(tmp_path / "own.npz", x=x, y=y)
    same(reuters.load_data(str(tmp_path / "own.pkl"), nb_words=99), reuters.load_data(tmp_path / "own.npz", 99))
    arrays = write_imdb(tmp_path / "imdb.npz")
    pairs = [(list(arrays[i]), arrays[i + 1].tolist()) for i in (0, 2)]
    (home / "imdb_full.pkl").write_bytes(pickle.dumps(tuple(pairs), protocol))
    expected = imdb.load_data(tmp_path / "imdb.npz", maxlen=9)
    same(imdb.load_data(maxlen=9), expected)
    same(imdb.load_data("imdb_full.pkl", maxlen=9), expected)
    (home / "imdb.pkl").write_bytes(pickle.dumps(pairs[0], protocol))  # of Keras 1.0: one part, split
    (a, b), (c, d) = imdb.load_data(path="imdb.pkl", nb_words=50, test_split=0.25)
    assert (len(a), len(b), len(c), len(d)) == (30, 30, 10, 10)
    same(imdb.load_data(tmp_path / "imdb.npz", nb_words=50, test_split=0.25), ((a, b), (c, d)))
    with pytest.raises(TypeError, match="nb_word"):
        imdb.load_data(nb_word=3)


def test_word_index(home, tmp_path):
    index = {"the": 1, "été": 2}
    (home / "imdb_word_index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.warns(UserWarning, match="another hash"):
        assert imdb.get_word_index() == index
    python_2 = b"\x80\x02}(U\x03theK\x01U\x05\xc3\xa9t\xc3\xa9K\x02u."  # its text were bytes
    (home / "reuters_word_index.pkl").write_bytes(python_2)
    assert reuters.get_word_index() == index
    assert reuters.get_word_index("reuters_word_index.pkl") == index
    (tmp_path / "own.json").write_text('{"the": "one"}')
    with pytest.raises(ValueError, match=r"own\.json does not hold the numbers of words"):
        imdb.get_word_index(tmp_path / "own.json")


def test_nothing_is_kept_when_maxlen_is_too_low(tmp_path):
    write_imdb(tmp_path / "imdb.npz")
    for load, path in ((imdb.load_data, tmp_path / "imdb.npz"),):
        with pytest.raises(ValueError, match=r"shorter than maxlen=1, no sequence was kept\. Increase maxlen\."):
            load(path, maxlen=1)


# --- pickles that nobody trusts --------------------------------------------------------------------------------------
class Evil:
    def __init__(self, call, *args):
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_calls_is_refused(tmp_path, protocol):
    marker = tmp_path / "marker"
    data = pickle.dumps([[1, 2], Evil(pathlib.Path.touch, marker)], protocol)
    (tmp_path / "own.pkl").write_bytes(data)
    rows = np.empty(1, dtype=object)
    rows[0] = Evil(eval, f"open({str(marker)!r}, 'w')")
    np.savez(tmp_path / "own.npz", x=rows, y=np.zeros(1, int))
    for path in ("own.pkl", "own.npz"):
        with pytest.raises(pickle.UnpicklingError, match="Refusing to deserialize") as error:
            reuters.load_data(tmp_path / path)
        assert isinstance(error.value, ValueError) and path in str(error.value)
    with pytest.raises(pickle.UnpicklingError, match="Refusing"):
        cifar.load_batch(tmp_path / "own.pkl")
    assert not marker.exists()


LONG_LINE = b"I" + b"9" * 10000 + b"\n."
DAMAGED = {
    "empty": b"",
    "cut": pickle.dumps(([[1, 2]], [1]), 2)[:-4],
    "no pickle": b"PK\x03\x04 and more",
    "text": pickle.dumps("words", 2),
    "self": b"]q\x00h\x00a.",
    "strings": pickle.dumps(([["a", "b"]], [1]), 2),
    "floats": pickle.dumps(([[1.5]], [1]), 2),
    "lengths": pickle.dumps(([[1], [2]], [1]), 2),
    "unmatched mark": b"e.",
    "append to nothing": b"a.",
    "long text": b"X\xff\xff\xff\x7fabc.",
    "long bytes": b"\x8e" + b"\xff" * 8 + b".",
    "far place": b"K\x01r\xff\xff\xff\xff0N.",
    "long number": LONG_LINE,
    "unhashable": b"}]K\x01s.",
    "array without contents": b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R.",
    "call of a dtype": b"cnumpy\nndarray\n)R.",
    "build of a number": b"K\x01)b.",
    "unknown instruction": b"\xff.",
    "appended to a number": b"K\x01I1\naI2\na.",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_pickles(tmp_path, kind):
    (tmp_path / "own.pkl").write_bytes(DAMAGED[kind])
    with pytest.raises(ValueError, match=r"own\.pkl"):
        reuters.load_data(tmp_path / "own.pkl")
    with pytest.raises(ValueError, match=r"own\.pkl"):
        cifar.load_batch(tmp_path / "own.pkl")


def test_a_pickle_asks_for_more_than_its_file_may(tmp_path):
    dtype = b"cnumpy\ndtype\nC\x02u1\x85R(K\x03C\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    again = b"(q\x01cnumpy._core.multiarray\n_reconstruct\n"
    huge = array + b"(K\x01J\xff\xff\xff\x7f\x85" + dtype + b"\x89C\x01atb."
    assert again and len(huge) < 400
    (tmp_path / "own.pkl").write_bytes(huge)
    with pytest.raises(ValueError, match="asks for more than"):
        cifar.load_batch(tmp_path / "own.pkl")
    text = b"X\x00\x00\x10\x00" + b"a" * (1 << 20)
    many = b"(c_codecs\nencode\nq\x02" + text + b"X\x06\x00\x00\x00latin1\x86q\x01R" + b"h\x02h\x01R" * 500 + b"t."
    (tmp_path / "own.pkl").write_bytes(many)
    with pytest.raises(ValueError, match="asks for more than"):
        cifar.load_batch(tmp_path / "own.pkl")


@pytest.mark.parametrize("kind", ["object", "shape", "cut"])
def test_damaged_arrays_of_lists(tmp_path, kind):
    rows, labels = texts(5)
    np.savez(tmp_path / "good.npz", x=rows, y=labels)
    with zipfile.ZipFile(tmp_path / "good.npz") as source, zipfile.ZipFile(tmp_path / "own.npz", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "x.npy":
                data = data.replace(b"(5,)", b"(6,)") if kind == "shape" else data
                data = data[:-20] if kind == "cut" else data
            target.writestr(name, data)
    if kind == "object":
        np.savez(tmp_path / "own.npz", x=np.array([{1: 2}, None], dtype=object), y=labels[:2])
    with pytest.raises(ValueError, match=r"own\.npz"):
        reuters.load_data(tmp_path / "own.npz")
    with pytest.raises(ValueError, match="does not hold numbers but objects"):
        datasets.boston_housing.load_data(tmp_path / "good.npz")


def test_every_kind_of_value_is_read_as_python_reads_it():
    array = np.arange(6, dtype=">i2").reshape(2, 3)
    values = [
        [0, -1, 255, 256, 65536, -(2**31), 2**31, 2**70, True, False, None, 1.5],
        (1, (2,), (), [[]], {"a": [1], b"b": (2, 3)}),
        {"text": "é\n", "bytes": bytes(range(256)), "long": "x" * 300, "more": b"y" * 70000},
        list(range(-3000, 3000)),
        [np.arange(3)] * 2,
        array,
        np.asfortranarray(array),
        np.array(3.5),
    ]
    for value in values:
        for protocol in range(5):
            got = pickles.loads(pickle.dumps(value, protocol), "value")
            if isinstance(value, np.ndarray):
                assert got.shape == value.shape and got.dtype == value.dtype
            np.testing.assert_equal(got, value)


@pytest.mark.parametrize("text", [b"S'abc\n.", b"S'abc\"\n.", b"Sabc\n.", b"S'\n."])
def test_text_without_its_quotes(text):
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        pickle.loads(text)
    with pytest.raises(ValueError, match="words is damaged"):
        pickles.loads(text, "words")
