"""load_img, img_to_array, array_to_img, save_img: the pixels of real Keras, and files that cannot be read."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from image_folders import AWKWARD, picture, write_awkward
from oracle import keras
from PIL import Image, UnidentifiedImageError

from pykernels import utils
from pykernels.preprocessing import image

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("awkward images")
    write_awkward(path)
    return path


@pytest.fixture(scope="module")
def keras_utils():
    return keras.utils


def outcome(function, *args, **kwargs):
    """The array, or the kind of the error: Pillow does not resize all modes by all methods."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(function(*args, **kwargs))
    except ValueError:
        return "ValueError"


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("name", AWKWARD)
def test_pixels_are_those_of_keras(folder, keras_utils, name, color_mode):
    path = folder / name
    for size in (None, (16, 16), (37, 53), (50, 20)):
        for interpolation in INTERPOLATIONS if size else ("nearest",):
            for keep in (False, True):
                options = (color_mode, size, interpolation, keep)
                want = outcome(keras_utils.load_img, path, *options)
                have = outcome(image.load_img, path, *options)
                assert type(want) is type(have)
                if not isinstance(want, str):
                    assert want.dtype == have.dtype
                    np.testing.assert_array_equal(want, have)


def test_photographs_are_those_of_keras(shared_data, keras_utils):
    for path in sorted((shared_data / "snacks" / "test").glob("*/*.jpg"))[::60]:
        for interpolation in INTERPOLATIONS:
            for keep in (False, True):
                options = {"target_size": (96, 64), "interpolation": interpolation, "keep_aspect_ratio": keep}
                want = keras_utils.img_to_array(keras_utils.load_img(path, **options))
                have = utils.img_to_array(utils.load_img(path, **options))
                assert have.dtype == "float32"
                np.testing.assert_array_equal(want, have)


def test_paths_of_every_kind(folder):
    path = folder / "progressive.jpg"
    want = np.asarray(image.load_img(str(path)))
    for given in (path, str(path).encode(), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(np.asarray(image.load_img(given)), want)
    with pytest.raises(TypeError, match="path should be path-like"):
        image.load_img(3)
    with pytest.raises(FileNotFoundError, match="absent"):
        image.load_img(folder / "absent.jpg")
    with pytest.raises(IsADirectoryError):
        image.load_img(folder)


def test_spellings_of_keras_1(folder):
    path = folder / "plain.bmp"
    for arguments, options in (((), {"grayscale": True}), ((True,), {}), ((True, (5, 7)), {})):
        assert image.load_img(path, *arguments, **options).mode == "L"
    assert image.load_img(path, False, (5, 7)).size == (7, 5)
    assert image.load_img(path, grayscale=False).mode == "RGB"


def test_an_image_shape_serves_as_target_size(folder, keras_utils):
    path = folder / "plain.bmp"
    for size in ((5, 7, 3), [5, 7, None], np.array((5, 7, 3))):
        want = keras_utils.img_to_array(keras_utils.load_img(path, target_size=size))
        np.testing.assert_array_equal(image.img_to_array(image.load_img(path, target_size=size)), want)


def test_options_are_checked(folder):
    path = folder / "gray.png"
    with pytest.raises(ValueError, match="color_mode"):
        image.load_img(path, color_mode="hsv")
    with pytest.raises(ValueError, match="Invalid interpolation method area"):
        image.load_img(path, target_size=(3, 3), interpolation="area")
    for size in (5, (5,), (0, 3), (2.5, 3), ("a", "b")):
        with pytest.raises(ValueError, match="target_size"):
            image.load_img(path, target_size=size)
    with pytest.raises(ValueError, match="data_format"):
        image.img_to_array(np.zeros((2, 2)), data_format="last")


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "cut png", "noise"])
def test_a_damaged_file_is_named(tmp_path, folder, damage):
    whole = (folder / "progressive.jpg").read_bytes()
    content = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "text": b"<html>not found</html>",
        "cut png": (folder / "gray16.png").read_bytes()[:200],
        "noise": whole[:20] + bytes(range(256)),
    }[damage]
    path = tmp_path / "br\u00f6ken photo.jpg"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"br\u00f6ken photo\.jpg") as caught:
        image.load_img(path)
    if damage in ("empty", "text"):
        assert isinstance(caught.value, UnidentifiedImageError)
    if damage == "empty":
        assert "empty" in str(caught.value)
    if damage == "text":
        assert "<html>" in str(caught.value)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_arrays_and_images(keras_utils, data_format):
    rng = np.random.default_rng(0)
    for channels in (1, 3, 4):
        x = rng.normal(0, 80, (7, 9, channels)).astype("float32")
        x = x if data_format == "channels_last" else x.transpose(2, 0, 1)
        for scale in (True, False):
            for value in (x, np.abs(x), np.abs(x) * 100 if channels == 1 else np.abs(x) % 256, np.zeros_like(x)):
                if not scale:
                    value = np.abs(value)
                want = keras_utils.array_to_img(value, data_format, scale)
                have = utils.array_to_img(value, data_format, scale)
                assert want.mode == have.mode
                np.testing.assert_array_equal(np.asarray(want), np.asarray(have))
                for dtype in (None, "uint8", "float64"):
                    a = keras_utils.img_to_array(want, data_format, dtype)
                    b = utils.img_to_array(have, data_format, dtype)
                    assert a.dtype == b.dtype
                    np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="rank 3"):
        utils.array_to_img(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="channel number: 2"):
        utils.array_to_img(np.zeros((5, 5, 2)), "channels_last")
    with pytest.raises(ValueError, match="Unsupported image shape"):
        utils.img_to_array(np.zeros((1, 2, 3, 4)))


def test_save_img(tmp_path, keras_utils):
    x = picture(12, 10).astype("float32")
    for name in ("a.png", "a.jpg", "a.jpeg", "a.bmp"):
        keras_utils.save_img(tmp_path / f"keras {name}", x, scale=False)
        utils.save_img(tmp_path / name, x, scale=False)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"keras {name}").read_bytes()
    np.testing.assert_array_equal(np.asarray(image.load_img(tmp_path / "a.png")), x)
    with pytest.warns(UserWarning, match="RGBA"):
        image.save_img(str(tmp_path / "b.jpg"), picture(5, 5, channels=4), scale=False)
    stream = io.BytesIO()
    image.save_img(stream, x, file_format="png")
    assert Image.open(stream).size == (10, 12)
