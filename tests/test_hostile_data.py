"""Images and data sets that ask for too much, and what is no file among them."""

from __future__ import annotations

import gzip
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

import pykernels as pk
from pykernels.datasets import idx, mnist
from pykernels.preprocessing.image import ImageDataGenerator
from pykernels.utils.regular_files import NotRegularFileError, open_regular
from pykernels.visualization.images import as_picture


@pytest.fixture
def no_waiting():
    """A read that waits for a pipe is a failure, not a hang."""

    def hangs(*_):
        raise AssertionError("waited for a pipe")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def photos(tmp_path):
    """Two classes of two images each."""
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        folder = tmp_path / name
        folder.mkdir()
        for i in range(2):
            Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype="uint8")).save(folder / f"{i}.png")
    return tmp_path


# --- what is not a file --------------------------------------------------------------------------------------------
def place(path, kind) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(path.with_suffix(".pipe"))
        path.symlink_to(path.with_suffix(".pipe"))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        before = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        server.bind(path.name)
        os.chdir(before)
        server.close()
    else:
        path.mkdir()


KINDS = ["pipe", "link to a pipe", "device", "socket", "folder"]
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("kind", KINDS)
def test_load_img(tmp_path, kind):
    place(tmp_path / "x.png", kind)
    with pytest.raises(OSError, match=r"x\.png"):
        pk.utils.load_img(tmp_path / "x.png")


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("kind", KINDS[:4])
def test_flow_from_directory(photos, kind):
    place(photos / "cats" / "x.png", kind)
    flow = ImageDataGenerator().flow_from_directory(photos, (4, 4), batch_size=5, shuffle=False)
    if kind == "socket":  # cannot even be opened
        with pytest.raises(OSError, match=r"x\.png"):
            next(flow)
    else:
        with pytest.raises(OSError, match=r"x\.png' is not a regular file but a device, pipe or socket"):
            next(flow)
    with pytest.warns(UserWarning, match=r"skipped: .*x\.png"):
        x, _ = next(ImageDataGenerator().flow_from_directory(photos, (4, 4), batch_size=5, on_error="skip"))
    assert len(x) == 4


@pytest.mark.usefixtures("no_waiting")
def test_image_dataset_from_directory(photos):
    place(photos / "cats" / "x.png", "pipe")
    with pytest.raises(OSError, match=r"x\.png' is not a regular file"):
        list(pk.utils.image_dataset_from_directory(photos, image_size=(4, 4), verbose=False))


@pytest.mark.usefixtures("no_waiting")
def test_a_regular_file_is_opened_for_waiting_reads(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "b")
    with pytest.raises(NotRegularFileError):
        open_regular("/dev/null")
    assert issubclass(NotRegularFileError, OSError)
    assert issubclass(NotRegularFileError, ValueError)


# --- images --------------------------------------------------------------------------------------------------------
def png(width: int, height: int, color: int = 3, depth: int = 8, row: bytes | None = None) -> bytes:
    """A PNG of zeros: `color` 0 is grey, 2 RGB, 3 a palette."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = row or bytes(1 + (width * depth * (3 if color == 2 else 1) + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    palette = chunk(b"PLTE", bytes((1, 2, 3))) if color == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("read", ["load_img", "flow", "dataset", "show"])
def test_images_of_too_many_pixels(tmp_path, monkeypatch, read):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    (tmp_path / "cats").mkdir()
    path = tmp_path / "cats" / "large.png"
    path.write_bytes(png(150, 100))

    def go():
        if read == "load_img":
            return pk.utils.load_img(path, target_size=(8, 8))
        if read == "flow":
            return next(ImageDataGenerator().flow_from_directory(tmp_path, (8, 8)))
        if read == "show":
            return as_picture(path)
        options = {"image_size": (8, 8), "verbose": False, "labels": None}
        return list(pk.utils.image_dataset_from_directory(tmp_path, **options))

    with pytest.raises(OSError, match=r"large\.png.*150 x 100 pixels, more than PIL\.Image\.MAX_IMAGE_PIXELS = 10,000"):
        go()
    for allowed in (20_000, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", allowed)
        go()


def test_the_default_limit_is_pillows():
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3


@pytest.mark.parametrize("color_mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "I", "CMYK", "YCbCr", "L+t", "P+t"])
def test_pixels_are_those_of_keras_order(tmp_path, mode, interpolation, color_mode):
    """Keras converts the whole image, then resizes. Here small results are made first where the pixels are the same."""
    rng = np.random.default_rng(1)
    base = Image.fromarray(rng.integers(0, 256, (23, 17, 3), dtype="uint8"))
    plain = mode.partition("+")[0]
    if plain in ("I;16", "I"):
        image = Image.fromarray(rng.integers(0, 60_000, (23, 17)).astype("uint16" if plain == "I;16" else "int32"))
    else:
        image = base.convert("RGBA" if plain == "PA" else plain)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr", "I", "PA") else "x.png")
    image.save(path, **({"transparency": 5} if mode.endswith("+t") else {}))
    opened = Image.open(path)
    target = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[color_mode]
    keep = color_mode == "grayscale" and opened.mode in ("L", "I;16", "I")
    want = opened if keep else opened.convert(target)
    method = getattr(Image.Resampling, interpolation.upper())
    got = pk.utils.load_img(path, color_mode, (9, 11), interpolation)
    assert got.mode == want.mode
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want.resize((11, 9), method)))


MEASURE = """
import sys
import pykernels as pk
pk.utils.load_img(sys.argv[2], target_size=(8, 8))
def resident(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
before = resident("VmHWM")
pk.utils.load_img(sys.argv[1], target_size=(8, 8))
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
def test_a_large_palette_image_is_decoded_once(tmp_path):
    """A byte per pixel; the image in RGB, which only 64 pixels are taken of, would have four."""
    for name, extent in (("large", 4000), ("small", 10)):
        (tmp_path / name).write_bytes(png(extent, extent))
    command = [sys.executable, "-c", MEASURE, tmp_path / "large", tmp_path / "small"]
    grown = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) << 10
    assert grown < 2.5 * 4000 * 4000


def test_no_program_is_run_for_an_image(tmp_path, monkeypatch):
    """Pillow gives PostScript to Ghostscript, whatever a file is called."""

    def no_process(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "x.png").write_bytes(text)
    with pytest.raises(OSError, match=r"x\.png.*no image format"):
        pk.utils.load_img(tmp_path / "x.png")


# --- data sets -----------------------------------------------------------------------------------------------------
def idx_bytes(*shape: int, data: bytes = b"", kind: int = 8) -> bytes:
    return bytes((0, 0, kind, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + data


def npz(path, **arrays) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)


def npy(shape, dtype="|u1", data=b"", version=(1, 0)) -> bytes:
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    width = "<H" if version == (1, 0) else "<I"
    return b"\x93NUMPY" + bytes(version) + struct.pack(width, len(text)) + text + data


def peak(call) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="x"):
            call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros() -> bytes:
    return bytes(40 << 20)


IDX = {
    "1 GB claimed": lambda: idx_bytes(1 << 30),
    "2^93 bytes claimed": lambda: idx_bytes(1 << 31, 1 << 31, 1 << 31),
    "40 MB of zeros": lambda: idx_bytes(40 << 20, data=zeros()),
    "zeros behind a short array": lambda: idx_bytes(10, data=zeros()),
    "255 axes": lambda: idx_bytes(*[1] * 255, data=zeros()),
    "cut short": lambda: idx_bytes(3, 4, data=bytes(11)),
    "too long": lambda: idx_bytes(3, 4, data=bytes(13)),
    "floats": lambda: idx_bytes(3, data=bytes(12), kind=13),
    "zeros alone": lambda: zeros(),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("kind", IDX)
def test_idx_files(tmp_path, kind):
    """40 MB behind 40 KB, and headers that say anything."""
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(IDX[kind]()))
    assert peak(lambda: idx.read_idx(path)) < 5 << 20


def test_an_idx_file_of_another_size_is_read(tmp_path):
    data = np.arange(24, dtype="uint8")
    for name, pack in (("x", bytes), ("x.gz", gzip.compress)):
        (tmp_path / name).write_bytes(pack(idx_bytes(2, 3, 4, data=data.tobytes())))
        np.testing.assert_array_equal(idx.read_idx(tmp_path / name), data.reshape(2, 3, 4))


GOOD = npy((2, 3, 3), data=bytes(18)), npy((2,), data=bytes(2))


NPY = {
    "10^13 bytes claimed": lambda: npy((10**13,)),
    "10^26 bytes claimed": lambda: npy((10**13, 10**13)),
    "40 MB of zeros": lambda: npy((40 << 20,), data=zeros()),
    "zeros behind a short array": lambda: npy((2, 3, 3), data=zeros()),
    "Python objects": lambda: npy((2, 3, 3), "|O", data=bytes(18)),
    "texts": lambda: npy((2, 3, 3), "<U1000", data=bytes(18)),
    "negative extents": lambda: npy((-2, -3, 3), data=bytes(18)),
    "cut short": lambda: npy((2, 3, 3), data=bytes(17)),
    "more images than labels": lambda: npy((3, 3, 3), data=bytes(27)),
    "no axes": lambda: npy((), data=bytes(1)),
    "another version": lambda: npy((2, 3, 3), data=bytes(18), version=(9, 9)),
    "a long header": lambda: b"\x93NUMPY\x02\0" + struct.pack("<I", 40 << 20) + zeros(),
    "brackets": lambda: b"\x93NUMPY\x01\0" + struct.pack("<H", 9000) + b"(" * 9000,
    "nothing": lambda: b"",
    "zeros alone": lambda: zeros(),
}


@pytest.mark.parametrize("kind", NPY)
def test_arrays_in_npz_archives(tmp_path, kind):
    path = tmp_path / "x.npz"
    npz(path, x_train=NPY[kind](), y_train=GOOD[1], x_test=GOOD[0], y_test=GOOD[1])
    assert peak(lambda: mnist.load_data(path)) < 5 << 20


@pytest.mark.parametrize("names", [("x_train",), ()])
def test_missing_arrays(tmp_path, names):
    npz(tmp_path / "x.npz", **dict.fromkeys(names, GOOD[0]))
    with pytest.raises(ValueError, match=r"x\.npz lacks the arrays .*y_train, x_test, y_test"):
        mnist.load_data(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", bytes(100)])
def test_npz_archives_that_are_none(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz is not an \.npz archive"):
        mnist.load_data(tmp_path / "x.npz")


def test_npz_archives_with_names_that_are_no_text(tmp_path):
    """Found by the fuzz program: the message was Python's own."""
    npz(tmp_path / "x.npz", **{"\u00e9": GOOD[0]})
    content = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(content.replace("\u00e9".encode(), b"\xccA"))
    with pytest.raises(ValueError, match=r"x\.npz is not an \.npz archive"):
        mnist.load_data(tmp_path / "x.npz")


def test_good_archives_are_read(tmp_path):
    arrays = [
        np.arange(18, dtype="uint8").reshape(2, 3, 3),
        np.arange(2),
        np.asfortranarray(np.ones((4, 3, 3))),
        [1] * 4,
    ]
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
        (x, y), (z, w) = mnist.load_data(tmp_path / "x.npz")
        for got, want in zip((x, y, z, w), arrays, strict=True):
            np.testing.assert_array_equal(got, want)
        x[0] = 1  # they can be written to
    out = io.BytesIO()
    np.lib.format.write_array(out, arrays[0], version=(2, 0))
    npz(tmp_path / "x.npz", x_train=out.getvalue(), y_train=GOOD[1], x_test=GOOD[0], y_test=GOOD[1])
    np.testing.assert_array_equal(mnist.load_data(tmp_path / "x.npz")[0][0], arrays[0])
