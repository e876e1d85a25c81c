import gzip
import hashlib
import http.server
import pathlib
import shutil
import socketserver
import threading

import numpy as np
import pytest

from pykernels.datasets import digits, fashion_mnist, idx, mnist
from pykernels.utils import download

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A cache folder of its own, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(mnist, "_URL", "http://127.0.0.1:9/mnist.npz")
    monkeypatch.setattr(fashion_mnist, "_URL", "http://127.0.0.1:9/")
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


def shared(name):
    if not (SHARED / name).is_dir():
        pytest.skip(f"no ../shared/data/{name} beside the checkout")
    return SHARED / name


def small(n=7, seed=0):
    """Four idx arrays with few images."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (2 * n, 28, 28), dtype=np.uint8)
    y = rng.integers(0, 10, 2 * n, dtype=np.uint8)
    return x[:n], y[:n], x[n:], y[n:]


def write_idx(folder, arrays):
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for name, array in zip(names, arrays, strict=True):
        head = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        with gzip.open(folder / f"{name}-ubyte.gz", "wb") as file:
            file.write(head + array.tobytes())


def write_npz(path, arrays):
    np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.max() == 16 and set(y_test) == set(range(10))
    assert y_train.shape == (1437,) and y_test.shape == (360,)


def test_digits_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets")
    source = sklearn.load_digits()
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), source.images)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), source.target)


def test_digits_come_with_their_licence():
    text = pathlib.Path(digits.__file__).with_name("LICENSE-digits.txt").read_text()
    assert "Creative Commons Attribution 4.0" in text and "Alpaydin" in text


@pytest.mark.parametrize("in_cache", [False, True])
def test_mnist_from_idx_files(home, in_cache):
    source = shared("mnist")
    if in_cache:
        shutil.copytree(source, home / "mnist")
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    else:
        (x_train, y_train), (x_test, y_test) = mnist.load_data(path=str(source))
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(y_train), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert x_train.flags.writeable


def test_fashion_mnist_from_the_cache(home):
    shutil.copytree(shared("fashion-mnist"), home / "fashion-mnist")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert (np.bincount(y_train) == 6000).all() and (np.bincount(y_test) == 1000).all()
    assert y_test[:5].tolist() == [9, 2, 1, 1, 6]


def test_mnist_npz_in_the_cache(home, monkeypatch):
    arrays = small()
    write_npz(home / "mnist.npz", arrays)
    monkeypatch.setattr(mnist, "_SHA256", download.hash_of(home / "mnist.npz"))
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for got, expected in zip((x_train, y_train, x_test, y_test), arrays, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_mnist_at_a_path(tmp_path):
    arrays = small()
    write_npz(tmp_path / "mine.npz", arrays)
    np.testing.assert_array_equal(mnist.load_data(str(tmp_path / "mine.npz"))[0][0], arrays[0])
    (tmp_path / "idx").mkdir()
    write_idx(tmp_path / "idx", arrays)
    for load in (mnist.load_data, fashion_mnist.load_data):
        np.testing.assert_array_equal(load(path=tmp_path / "idx")[1][1], arrays[3])
    (tmp_path / "idx" / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks t10k-images-idx3-ubyte\.gz"):
        mnist.load_data(tmp_path / "idx")


def test_wrong_hash_in_the_cache_is_named(home):
    (home / "mnist.npz").write_bytes(b"half a file")
    with pytest.raises(ConnectionError, match="sha256") as error:
        mnist.load_data()
    assert str(home / "mnist.npz") in str(error.value)
    write_idx(home, small())
    (home / "mnist.npz").unlink()
    with pytest.raises(ValueError, match="sha256"):
        mnist.load_data()


def published(dtype=np.uint8, n=60000):
    """Arrays of the shapes of MNIST, cheap to write."""
    x, y = np.zeros((n, 28, 28), dtype), np.arange(n, dtype=dtype) % 10
    return x, y, np.ones((10000, 28, 28), dtype), np.arange(10000, dtype=dtype) % 7


def test_another_copy_of_mnist_in_the_cache(home):
    """A hash that is not the published one, and no network: the arrays decide, and one warning says so."""
    arrays = published()
    np.savez_compressed(
        home / "mnist.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True))
    )
    with pytest.warns(UserWarning, match="another hash") as caught:
        (_, y_train), (x_test, _) = mnist.load_data()
    assert len(caught) == 1
    np.testing.assert_array_equal(y_train, arrays[1])
    assert x_test.dtype == np.uint8 and x_test.min() == 1


@pytest.mark.parametrize("kind", ["float", "few", "names", "cut"])
def test_a_file_in_the_cache_that_is_not_mnist(home, kind):
    names = ["x_train", "y_train", "x_test", "z_test" if kind == "names" else "y_test"]
    arrays = published(np.float32 if kind == "float" else np.uint8, 59999 if kind == "few" else 60000)
    np.savez_compressed(home / "mnist.npz", **dict(zip(names, arrays, strict=True)))
    if kind == "cut":
        data = (home / "mnist.npz").read_bytes()
        (home / "mnist.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ConnectionError, match="sha256"):
        mnist.load_data()


@pytest.mark.parametrize(("load", "folder"), [(mnist.load_data, "mnist"), (fashion_mnist.load_data, "fashion-mnist")])
def test_another_copy_of_the_idx_files(home, load, folder):
    (home / folder).mkdir()
    write_idx(home / folder, published())
    with pytest.warns(UserWarning, match="another hash") as caught:
        (x_train, _), (_, y_test) = load()
    assert len(caught) == 1 and x_train.shape == (60000, 28, 28) and y_test[8] == 1
    (home / folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no")
    with pytest.raises((ConnectionError, ValueError), match="sha256"):
        load()


@pytest.mark.parametrize("load", [mnist.load_data, fashion_mnist.load_data])
def test_offline_error_says_where_to_put_the_file(home, load, capsys):
    with pytest.raises(ConnectionError, match="by hand") as error:
        load()
    assert str(home) in str(error.value) and "KERAS_HOME" in str(error.value)
    assert not list(home.rglob("*.part"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x00\x08", "not an idx|cut short"),
        (b"\x00\x00\x09\x01\x00\x00\x00\x00", "not an idx"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x05ab", "cut short"),
        (b"\x00\x00\x08\x03\x00\x00", "cut short"),
    ],
)
def test_damaged_idx(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        idx.read_idx(tmp_path / "x")


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(b"\x00\x00\x08\x01\x00\x00\x03\xe8" + bytes(range(250)) * 4)
    (tmp_path / "x.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ValueError, match="complete gzip"):
        idx.read_idx(tmp_path / "x.gz")
    changed = bytearray(packed)
    changed[10:30] = b"\xff" * 20
    (tmp_path / "x.gz").write_bytes(changed)
    with pytest.raises(ValueError, match=r"complete gzip file\. Delete"):  # without zlib's own words
        idx.read_idx(tmp_path / "x.gz")


@pytest.fixture
def server():
    content = b"the data" * 1000

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if "cut" not in self.path else content[:100])

        def log_message(self, *args):
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/", content
        running.shutdown()
        thread.join()


def test_download(tmp_path, server, capsys, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url, content = server
    good = hashlib.sha256(content).hexdigest()
    target = tmp_path / "folder" / "file"
    assert download.fetch(target, url, good)
    assert target.read_bytes() == content
    assert "Downloading data from" in capsys.readouterr().out
    assert not download.fetch(target, "http://127.0.0.1:9/", good)  # present: no network needed
    assert capsys.readouterr().out == ""
    target.write_bytes(b"stale")
    with pytest.raises(ValueError, match="expected 0000"):
        download.fetch(target, url, "0" * 64)
    with pytest.raises((ConnectionError, ValueError)):
        download.fetch(target, url + "cut", good)
    assert target.read_bytes() == b"stale"
    download.fetch(target, url, good)
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_keras_home(monkeypatch, tmp_path):
    assert download.keras_home() == tmp_path / "keras"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.keras_home() == tmp_path / ".keras"
