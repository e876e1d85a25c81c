"""image_dataset_from_directory: files, labels and pixels of real Keras; the methods of its result; training on it."""

from __future__ import annotations

import gc
import threading
import warnings

import numpy as np
import pytest
from image_folders import picture, write_awkward, write_classes
from oracle import keras
from PIL import Image

import pykernels as pk
from pykernels import layers
from pykernels.preprocessing.resampling import METHODS, resize
from pykernels.preprocessing.streams import Stream, cardinality

indexing = pytest.importorskip("keras.src.utils.dataset_utils")
theirs = pytest.importorskip("keras.src.utils.image_dataset_utils")
FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@pytest.fixture
def folder(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 9, "dog": 8, "ice cream": 6})
    return str(tmp_path / "photos")


def dataset(folder, **options):
    options = {"image_size": (14, 11), "batch_size": 5, **options}
    return pk.utils.image_dataset_from_directory(folder, **options)


def labels_of(data):
    return np.concatenate([y for _, y in data])


# --- resizing -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
def test_resizing_is_that_of_keras(method):
    x = picture(37, 53)
    crop, pad = {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}
    for size, options in (((20, 20), {}), ((64, 80), {}), ((20, 20), crop), ((5, 100), pad), ((90, 30), pad)):
        want = np.asarray(keras.ops.image.resize(x.astype("float32"), size, method, **options))
        for pixels in (x, x.astype("float32")):
            have = resize(pixels, size, method, "crop_to_aspect_ratio" in options, "pad_to_aspect_ratio" in options)
            assert have.dtype == "float32"
            # JAX computes the weights in float32: a relative error of eps times the distance in pixels
            np.testing.assert_allclose(have, want, atol=255 * 53 * 2**-23 * 4)


def test_other_methods():
    x = picture(36, 48)
    blocks = x.reshape(9, 4, 12, 4, 3).mean((1, 3))
    np.testing.assert_allclose(resize(x, (9, 12), "area"), blocks, rtol=1e-6)
    thirds = resize(x, (24, 32), "area")  # one and a half pixels each
    want = (x[0::3] + x[1::3] / 2) / 1.5
    want = (want[:, 0::3] + want[:, 1::3] / 2) / 1.5
    np.testing.assert_allclose(thirds[::2, ::2], want, rtol=1e-5)
    flat = np.full((30, 20, 1), 77, "uint8")
    for method in METHODS:
        np.testing.assert_allclose(resize(flat, (50, 7), method), 77, rtol=1e-5)
    # a line stays a line under kernels that reproduce lines, away from the ends
    ramp = np.repeat(np.arange(64, dtype="float32")[:, None, None], 5, 1)
    centres = (np.arange(40) + 0.5) * 1.6 - 0.5
    for method in ("bilinear", "bicubic", "mitchellcubic"):
        np.testing.assert_allclose(resize(ramp, (40, 5), method)[4:-4, 2, 0], centres[4:-4], atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_smart_resize_is_that_of_keras(method, dtype):
    smart_resize = pytest.importorskip("keras.src.utils.image_utils").smart_resize
    x = picture(37, 53).astype(dtype)
    for size in ((20, 20), [64, 80], (5, 100)):
        for data, data_format in ((x, "channels_last"), (x[None], "channels_last"), (x.T, "channels_first")):
            want = smart_resize(data, size, method, data_format)
            have = pk.preprocessing.image.smart_resize(data, size, method, data_format)
            assert have.dtype == want.dtype and have.shape == want.shape
            np.testing.assert_allclose(have, want, atol=255 * 53 * 2**-23 * 4)


def test_smart_resize_of_other_things():
    smart_resize = pk.preprocessing.image.smart_resize
    whole = picture(30, 40)
    np.testing.assert_array_equal(smart_resize(Image.fromarray(whole), (8, 8)), smart_resize(whole, (8, 8)))
    inputs = pk.Input((30, 40, 3))
    net = pk.Model(inputs, smart_resize(inputs, (8, 8)))
    np.testing.assert_array_equal(net.predict(whole[None], verbose=0)[0], smart_resize(whole, (8, 8)))
    for args, message in (
        ((whole, (8, 8, 3)), "2 integers"),
        ((whole[:, :, 0], (8, 8)), "incorrect rank"),
        ((whole, (0, 8)), "positive"),
        ((whole, (8, 8), "box"), "interpolation"),
        ((whole, (8, 8), "nearest", "first"), "data_format"),
    ):
        with pytest.raises(ValueError, match=message):
            smart_resize(*args)


# --- files and labels -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("labels", ["inferred", None, "given"])
def test_files_are_found_as_by_keras(folder, capsys, labels, shuffle):
    labels = list(range(22, -1, -1)) if labels == "given" else labels
    copy = labels if labels in ("inferred", None) else list(labels)  # Keras shuffles the caller's list
    want = indexing.index_directory(folder, copy, FORMATS, shuffle=shuffle, seed=4)
    keras_said = capsys.readouterr().out
    data = dataset(folder, labels=labels, shuffle=shuffle, seed=4)
    assert capsys.readouterr().out == keras_said
    assert data.file_paths == want[0] and data.class_names == want[2]
    if labels is not None:
        assert data._labels.tolist() == list(want[1])
    for part in ("training", "validation"):
        have = dataset(folder, labels=labels, shuffle=shuffle, seed=4, validation_split=0.3, subset=part)
        said = capsys.readouterr().out
        paths, numbers = indexing.get_training_or_validation_split(want[0], want[1], 0.3, part)
        assert said == keras_said + capsys.readouterr().out
        assert have.file_paths == paths
        assert labels is None or have._labels.tolist() == list(numbers)


def test_pixels_and_labels(folder):
    for color_mode, channels in (("rgb", 3), ("grayscale", 1), ("rgba", 4)):
        for data_format in ("channels_last", "channels_first"):
            data = dataset(folder, color_mode=color_mode, data_format=data_format, shuffle=False)
            x = np.concatenate([x for x, _ in data])
            for k in (0, 9) if color_mode == "rgb" else (22,):
                path = data.file_paths[k]
                want = np.asarray(theirs._load_image_grain(path, (14, 11), channels, "bilinear", data_format))
                np.testing.assert_allclose(x[k], want, atol=2e-3)
    sparse = labels_of(dataset(folder, shuffle=False))
    assert sparse.dtype == "int32" and sparse.tolist() == [0] * 9 + [1] * 8 + [2] * 6
    hot = labels_of(dataset(folder, shuffle=False, label_mode="categorical"))
    np.testing.assert_array_equal(hot, np.eye(3, dtype="float32")[sparse])
    two = dataset(folder, shuffle=False, label_mode="binary", class_names=["dog", "cat"])
    binary = labels_of(two)
    assert binary.shape == (17, 1) and binary.dtype == "float32" and binary.sum() == 9
    for options in ({"labels": None}, {"label_mode": None}):
        assert [x.shape for x in dataset(folder, **options)] == [(5, 14, 11, 3)] * 4 + [(3, 14, 11, 3)]
    single = list(dataset(folder, batch_size=None, shuffle=False))
    assert len(single) == 23 and single[0][0].shape == (14, 11, 3) and int(single[22][1]) == 2


def test_awkward_pictures(tmp_path):
    (tmp_path / "all" / "kinds").mkdir(parents=True)
    write_awkward(tmp_path / "all" / "kinds")
    for color_mode in ("rgb", "rgba", "grayscale"):
        data = dataset(tmp_path / "all", color_mode=color_mode, shuffle=False, batch_size=1, format="grain")
        assert any(path.endswith("animated.gif") for path in data.file_paths)
        channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[color_mode]
        for path, (x, _) in zip(data.file_paths, data, strict=True):
            want = theirs._load_image_grain(path, (14, 11), channels, "bilinear", "channels_last")
            np.testing.assert_allclose(x[0], np.asarray(want), rtol=1e-5, atol=2e-3, err_msg=path)


def test_orders_and_parts(folder):
    first = [labels_of(data).tolist() for data in [dataset(folder, seed=1)] for _ in range(3)]
    again = [labels_of(data).tolist() for data in [dataset(folder, seed=1)] for _ in range(3)]
    assert first == again and first[0] != first[1] != first[2]
    train, validation = dataset(folder, seed=1, validation_split=0.25, subset="both")
    assert len(train.file_paths) == 18 and len(validation.file_paths) == 5
    assert not set(train.file_paths) & set(validation.file_paths)
    assert labels_of(validation).tolist() == labels_of(validation).tolist() == validation._labels.tolist()


def test_errors(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    for options, error, message in (
        ({"labels": 3}, ValueError, "`labels` must be a list"),
        ({"labels": [1, 2]}, ValueError, "we found 23 files"),
        ({"labels": [1] * 23, "class_names": ["a"]}, ValueError, "class_names"),
        ({"labels": [1, 2, 3] * 7 + [1, 2], "label_mode": "categorical"}, ValueError, "class numbers from 0 on"),
        ({"labels": None, "class_names": ["a"]}, ValueError, "cannot be specified"),
        ({"class_names": ["cats"]}, ValueError, "did not match"),
        ({"label_mode": "one"}, ValueError, "label_mode"),
        ({"label_mode": "binary"}, ValueError, "exactly 2 class_names"),
        ({"color_mode": "bw"}, ValueError, "color_mode"),
        ({"image_size": (3, 4, 5)}, ValueError, "image_size"),
        ({"interpolation": "best"}, ValueError, "interpolation"),
        ({"format": "torch"}, ValueError, "format"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, ValueError, "Only one"),
        ({"validation_split": 0.2}, ValueError, "subset"),
        ({"validation_split": 2, "subset": "both"}, ValueError, "between 0 and 1"),
        ({"validation_split": 0.2, "subset": "test"}, ValueError, "subset"),
        ({"validation_split": 0.2, "subset": "both"}, ValueError, "seed"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, ValueError, "No validation images"),
        ({"directory": tmp_path / "empty"}, ValueError, "No images found"),
        ({"directory": tmp_path / "absent"}, FileNotFoundError, "no folder"),
        ({"directory": tmp_path / "absent", "labels": None}, FileNotFoundError, "no folder"),
        ({"directory": f"{folder}/cat/000.png"}, NotADirectoryError, "is a file"),
    ):
        with pytest.raises(error, match=message):
            dataset(**{"folder": options.pop("directory", folder), **options})


def test_bad_files(tmp_path, folder):
    (tmp_path / "photos" / "dog" / "002.png").write_bytes(b"text")
    with pytest.raises(OSError, match=r"dog.002\.png"):
        list(dataset(folder))
    data = dataset(folder, on_error="skip")
    with pytest.warns(UserWarning, match=r"skipped: .*dog.002\.png"):
        assert len(labels_of(data)) == 22
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(labels_of(data)) == 22
    assert len(data.skipped) == 1


# --- as TensorFlow's datasets ---------------------------------------------------------------------------------------
def test_methods(folder):
    data = dataset(folder, shuffle=False, label_mode="int")
    threads = threading.active_count()
    for images, labels in data.take(1):
        assert images[0].numpy().astype("uint8").shape == (14, 11, 3)
        assert data.class_names[labels[2]] == "cat" and labels[2].numpy() == 0
        assert type(images.numpy()) is np.ndarray
    gc.collect()
    assert threading.active_count() == threads
    assert len(data) == data.cardinality() == 5
    half = data.map(lambda x, y: (x / 2, y + 1), num_parallel_calls=-1)
    np.testing.assert_array_equal(labels_of(half), labels_of(data) + 1)
    assert half.class_names == data.class_names and len(half.take(2)) == 2 and len(half.skip(2)) == 3
    np.testing.assert_array_equal(labels_of(data.skip(2)), labels_of(data)[10:])
    assert len(list(data.take(-1))) == 5 and list(data.take(0)) == []
    twice = data.repeat(2)
    assert len(twice) == 10 and len(labels_of(twice)) == 46
    assert len(list(data.repeat().take(12))) == 12
    with pytest.raises(TypeError, match="infinite"):
        len(data.repeat())
    calls = []
    kept = data.map(lambda x, y: calls.append(1) or (x, y)).cache().prefetch(buffer_size=-1)
    first, again = labels_of(kept), labels_of(kept)
    np.testing.assert_array_equal(first, again)
    assert len(calls) == 5
    mixed = data.shuffle(100, seed=3)
    orders = [[int(y[0]) for _, y in mixed] for _ in range(4)]
    assert sorted(orders[0]) == sorted(int(y[0]) for _, y in data) and len({tuple(order) for order in orders}) > 1
    fixed = data.unbatch().shuffle(10, seed=3, reshuffle_each_iteration=False)
    assert [int(y) for _, y in fixed] == [int(y) for _, y in fixed] != [int(y) for _, y in data.unbatch()]
    rows = data.unbatch().batch(8)
    assert [len(y) for _, y in rows] == [8, 8, 7] and len(list(data.unbatch().batch(8, drop_remainder=True))) == 2
    np.testing.assert_array_equal(labels_of(rows), labels_of(data))
    assert data.unbatch().cardinality() == -2
    assert [k for k, _ in data.enumerate()] == list(range(5))
    x, y = next(data.as_numpy_iterator())
    assert type(x) is np.ndarray and y.tolist() == [0] * 5
    assert data.as_numpy_iterator().next()[1].tolist() == [0] * 5
    both = data.concatenate(data.take(2))
    assert len(both) == 7 and both.class_names == data.class_names
    np.testing.assert_array_equal(labels_of(both), [*labels_of(data), *labels_of(data)[:10]])
    dogs = data.unbatch().filter(lambda x, y: y == 1)
    assert {int(y) for _, y in dogs} == {1} and dogs.cardinality() == -2
    assert data.reduce(0, lambda count, batch: count + len(batch[1])) == 23


def test_slices_of_arrays():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    rows = Stream.from_tensor_slices((x, y))
    assert len(rows) == cardinality(rows) == 6
    first = next(iter(rows))
    assert first[0].numpy().tolist() == [0, 1] and first[1].numpy() == 0
    batches = rows.shuffle(6, seed=1).batch(4).prefetch(-1)
    assert [len(b) for _, b in batches] == [4, 2]
    got = np.concatenate([b for _, b in batches])
    assert sorted(got) == list(range(6)) and got.tolist() != list(range(6))
    assert all((a[:, 0] == 2 * b).all() for a, b in batches)
    nested = Stream.from_tensor_slices(({"a": x, "b": y}, y)).batch(3)
    inputs, targets = next(iter(nested))
    assert inputs["a"].shape == (3, 2) and inputs["b"].numpy().tolist() == targets.tolist() == [0, 1, 2]
    assert [int(b) for _, b in nested.unbatch()] == list(range(6))
    assert [int(v) for v in Stream.from_tensor_slices(y)] == list(range(6))
    for wrong in ((x, y[:3]), 5):
        with pytest.raises(ValueError, match="same length"):
            Stream.from_tensor_slices(wrong)
    net = pk.Sequential([layers.Input((2,)), layers.Dense(1)])
    net.compile("sgd", "mse")
    history = net.fit(batches.repeat(), steps_per_epoch=3, epochs=2, validation_data=rows.batch(2), verbose=0)
    assert len(history.history["val_loss"]) == 2 and int(net.optimizer.iterations) == 6


def test_training(folder):
    results = []
    for workers in (0, 3):
        pk.utils.set_random_seed(3)
        train, validation = dataset(folder, seed=1, validation_split=0.25, subset="both")
        net = pk.Sequential([layers.Input((14, 11, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")])
        net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = net.fit(train, validation_data=validation, epochs=3, workers=workers, verbose=0)
        scaled = train.map(lambda x, y: (x / 255, y)).cache().shuffle(10, seed=1)
        again = net.fit(scaled, epochs=2, verbose=0)
        output = net.predict(validation, workers=workers, verbose=0)
        assert output.shape == (5, 3)
        score = net.evaluate(validation, verbose=0)
        results.append([*history.history["val_loss"], *again.history["loss"], *output.ravel(), *score])
    np.testing.assert_array_equal(*results)


# --- pixels of TensorFlow -------------------------------------------------------------------------------------------
def write_kinds(folder):
    """Small pictures of each kind, made from formulas."""
    y, x = np.mgrid[0:23, 0:31]
    rgb = np.stack([(x * 8) % 256, (y * 11) % 256, (x * y) % 256], -1).astype("uint8")
    kinds = {
        "rgb": rgb,
        "gray16": ((x * 2000 + y * 700) % 65536).astype("uint16"),
        "la": Image.fromarray(np.dstack([rgb[..., 0], (y * 9 % 256).astype("uint8")]), "LA"),
        "bit": rgb[..., 0] > 128,
    }
    for name, pixels in kinds.items():
        (folder / name / "a").mkdir(parents=True)
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        image.save(folder / name / "a" / "x.png")


# (kind, options, dtype, sum of all values, first six pixels of row 3) as Keras 3.15.1 with TensorFlow 2.19.1 gave them
# for images of 12 x 20
PIXELS = [
    (
        "rgb",
        "rgb",
        {"pad_to_aspect_ratio": True},
        "float32",
        64011.66614256799,
        [0.0, 3.75, 19.25, 34.75, 50.25, 65.75],
    ),
    (
        "rgb",
        "grayscale",
        {"pad_to_aspect_ratio": True},
        "float32",
        22455.04254436493,
        [0.0, 40.86458206176758, 46.67708206176758, 53.35286331176758, 59.30208206176758, 65.11457824707031],
    ),
    (
        "gray16",
        "rgb",
        {},
        "float32",
        94044.72947645187,
        [18.76770782470703, 31.016664505004883, 42.625, 55.02499771118164, 67.32604217529297, 78.82499694824219],
    ),
    ("gray16", "grayscale", {"interpolation": "nearest"}, "uint8", 31130.0, [16, 32, 39, 55, 63, 78]),
    ("rgb", "grayscale", {"interpolation": "nearest"}, "uint8", 28007.0, [38, 44, 47, 54, 57, 63]),
    ("rgb", "rgba", {"interpolation": "nearest"}, "uint8", 140720.0, [0, 16, 24, 40, 48, 64]),
    (
        "la",
        "grayscale",
        {},
        "float32",
        28799.999027252197,
        [2.1999998092651367, 14.599998474121094, 27.0, 39.39999771118164, 51.79999923706055, 64.19999694824219],
    ),
    ("bit", "grayscale", {}, "float32", 27540.0, [0.0] * 6),
]


@pytest.mark.parametrize(("kind", "color_mode", "options", "dtype", "total", "row"), PIXELS)
def test_pixels_are_those_of_tensorflow(kind, color_mode, options, dtype, total, row, tmp_path):
    write_kinds(tmp_path)
    options = {"image_size": (12, 20), "color_mode": color_mode, "label_mode": None, "batch_size": 1, **options}
    data = pk.utils.image_dataset_from_directory(str(tmp_path / kind), verbose=False, **options)
    image = next(iter(data))[0]
    assert image.dtype == dtype and data.element_spec.dtype == dtype
    np.testing.assert_allclose(image[3, :6, 0], row, atol=255 * 2**-21)
    np.testing.assert_allclose(image.sum(dtype="float64"), total, rtol=1e-6)


def test_the_pixels_of_grain(tmp_path):
    """Pillow's values, in float32, padded before they are resized: `keras.ops.image.resize` of `load_img`."""
    write_kinds(tmp_path)
    options = {"image_size": (12, 20), "label_mode": None, "batch_size": 1, "format": "grain", "verbose": False}
    for kind, color_mode, more in (("rgb", "rgb", {"pad_to_aspect_ratio": True}), ("gray16", "grayscale", {})):
        data = pk.utils.image_dataset_from_directory(str(tmp_path / kind), color_mode=color_mode, **options, **more)
        x = np.asarray(pk.utils.load_img(tmp_path / kind / "a" / "x.png", color_mode), "float32")
        want = keras.ops.image.resize(x if x.ndim == 3 else x[..., None], (12, 20), **more)
        np.testing.assert_allclose(next(iter(data))[0], want, rtol=1e-5, atol=255 * 53 * 2**-21)
