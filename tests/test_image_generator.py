"""ImageDataGenerator and its iterators against real Keras: draws, pixels, orders, labels, warnings and errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from image_folders import picture, write_classes
from oracle import keras

from pykernels.preprocessing import image

theirs = pytest.importorskip("keras.src.legacy.preprocessing.image")
pytest.importorskip("scipy")

IMAGES = np.stack([picture(21, 17, k) for k in range(11)])
LABELS = np.arange(11) % 3
EVERYTHING = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.1,
    "brightness_range": (0.5, 1.5),
    "shear_range": 15,
    "zoom_range": 0.3,
    "channel_shift_range": 30.0,
    "horizontal_flip": True,
    "vertical_flip": True,
}
OPTIONS = (
    {},
    EVERYTHING,
    {**EVERYTHING, "fill_mode": "constant", "cval": 9.0, "rescale": 1 / 255},
    {**EVERYTHING, "fill_mode": "reflect", "brightness_range": None, "interpolation_order": 3},
    {"fill_mode": "wrap", "width_shift_range": [-4, 0, 4], "height_shift_range": 5, "interpolation_order": 0},
    {"width_shift_range": 3.5, "zoom_range": (0.5, 1.0), "horizontal_flip": True},
    {"samplewise_center": True, "samplewise_std_normalization": True},
    {"featurewise_center": True, "featurewise_std_normalization": True, "rescale": 0.01},
    {"preprocessing_function": lambda x: x / 127.5 - 1, "vertical_flip": True},
    {"preprocessing_function": lambda x: x + np.random.normal(0, 9, x.shape), "rotation_range": 20},
)


def make(library, data_format="channels_last", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator = library.ImageDataGenerator(data_format=data_format, **options)
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    if options.get("featurewise_center"):
        generator.fit(images.astype("float32"))
    return generator


def grey_level(options) -> float:
    """One grey level after what `options` do to the values."""
    scale = options.get("rescale", 1.0)
    if "preprocessing_function" in options:
        return 1.0 if "rotation_range" in options else 1 / 127.5
    return scale * (1 / 40 if any("std" in name for name in options) else 1.0)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("options", OPTIONS)
def test_batches_are_those_of_keras(options, data_format):
    if data_format == "channels_first" and options.get("brightness_range"):
        options = {**options, "brightness_range": None}  # Keras takes brightness in the global data format only
    a, b = make(image, data_format, **options), make(theirs, data_format, **options)
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    for seed in (None, 5):
        flows = []
        for generator in (a, b):
            np.random.seed(3)
            flow = generator.flow(images, LABELS, batch_size=4, seed=seed)
            flows.append([next(flow) for _ in range(7)] + [flow[1], flow[2]])
        for (x, y), (want_x, want_y) in zip(*flows, strict=True):
            assert x.dtype == want_x.dtype and x.shape == want_x.shape
            np.testing.assert_allclose(x, want_x, rtol=1e-5, atol=grey_level(options))
            np.testing.assert_array_equal(y, want_y)


@pytest.mark.parametrize("options", OPTIONS)
def test_transforms_with_given_parameters(options):
    a, b = make(image, **options), make(theirs, **options)
    for seed, x in enumerate(IMAGES.astype("float32")):
        want = b.get_random_transform(x.shape, seed)
        assert a.get_random_transform(x.shape, seed) == want
        have = a.apply_transform(x, want)
        assert have.dtype == "float32" and have.shape == x.shape
        np.testing.assert_allclose(have, b.apply_transform(x, want), atol=1)
        np.testing.assert_array_equal(a.random_transform(x, seed), have)
        np.testing.assert_allclose(b.apply_transform(x, {"theta": 30}), a.apply_transform(x, {"theta": 30}), atol=1)


def test_brightness_of_channels_first():
    first, last = make(image, "channels_first", **EVERYTHING), make(image, **EVERYTHING)
    x = first.flow(IMAGES.transpose(0, 3, 1, 2), seed=1)[0]
    np.testing.assert_array_equal(x.transpose(0, 2, 3, 1), last.flow(IMAGES, seed=1)[0])


def test_most_pixels_are_the_same_bits():
    """Linear interpolation agrees to rounding, not only to a grey level."""
    a, b = (
        make(image, **OPTIONS[3] | {"interpolation_order": 1}),
        make(theirs, **OPTIONS[3] | {"interpolation_order": 1}),
    )
    for seed, x in enumerate(IMAGES.astype("float32")):
        drawn = b.get_random_transform(x.shape, seed)
        np.testing.assert_allclose(a.apply_transform(x, drawn), b.apply_transform(x, drawn), atol=255 * 2**-22)


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
def test_affine_maps(fill_mode, order):
    rng = np.random.default_rng(order)
    for trial in range(8):
        height, width = rng.integers(9, 40, 2)
        x = rng.uniform(0, 255, (height, width, 3)).astype("float32")
        p = {
            "theta": rng.choice([0, 90, rng.uniform(-180, 180)]),
            "tx": rng.choice([0, 3, rng.uniform(-20, 20)]),
            "ty": rng.choice([0, -2, rng.uniform(-20, 20)]),
            "shear": rng.choice([0, rng.uniform(-40, 40)]),
            "zx": rng.choice([1, rng.uniform(0.5, 2)]),
            "zy": rng.choice([1, rng.uniform(0.5, 2)]),
            "fill_mode": fill_mode,
            "cval": 7.0,
            "order": order,
        }
        axes = [
            {"row_axis": 0, "col_axis": 1, "channel_axis": 2},
            {},
            {"row_axis": 1, "col_axis": 0, "channel_axis": 2},
        ]
        for axis in axes:
            y = x.transpose(2, 0, 1) if not axis else x
            want = theirs.apply_affine_transform(y, **p, **axis)
            np.testing.assert_allclose(image.apply_affine_transform(y, **p, **axis), want, atol=0.1, err_msg=f"{trial}")
        byte = x.astype("uint8")
        want = theirs.apply_affine_transform(byte, **p, **axes[0])
        have = image.apply_affine_transform(byte, **p, **axes[0])
        assert have.dtype == "uint8"
        if order <= 1:  # higher orders overshoot, and SciPy's bytes then wrap around
            assert np.abs(have.astype(int) - want).max() <= 1


def test_functions_for_single_images():
    x = IMAGES[0].astype("float32")
    axes = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
    calls = [
        ("random_rotation", (30,), axes),
        ("random_shift", (0.2, 0.3), axes),
        ("random_shear", (20,), axes),
        ("random_zoom", ((0.7, 1.2),), axes),
        ("random_channel_shift", (20.0,), {"channel_axis": 2}),
        ("random_brightness", ((0.5, 2.0),), {}),
        ("apply_brightness_shift", (1.3,), {}),
        ("apply_brightness_shift", (0.7, False), {}),
        ("apply_channel_shift", (-20,), {"channel_axis": 2}),
    ]
    for name, args, options in calls:
        for value in (x, x * 2 - 100):
            results = []
            for library in (image, theirs):
                np.random.seed(1)
                results.append(getattr(library, name)(value, *args, **options))
            np.testing.assert_allclose(*results, atol=1, err_msg=name)
    with pytest.raises(ValueError, match="zoom_range"):
        image.random_zoom(x, (1, 2, 3))
    with pytest.raises(ValueError, match="distinct"):
        image.apply_affine_transform(x, row_axis=0, col_axis=0)
    with pytest.raises(ValueError, match="Channels are allowed"):
        image.apply_affine_transform(x, row_axis=0, col_axis=2, channel_axis=1)
    with pytest.raises(ValueError, match="fill_mode"):
        image.apply_affine_transform(x, theta=3, fill_mode="mirrored")


@pytest.mark.parametrize("rows", [11, 5000])
def test_fit(rows):
    rng = np.random.default_rng(0)
    x = rng.normal(100, 30, (rows, 4, 4, 3)).astype("float32") if rows > 11 else IMAGES[:, :6, :6].astype("float32")
    with pytest.warns(UserWarning, match="overrides"):
        pair = [m.ImageDataGenerator(zca_whitening=True, zca_epsilon=1e-2, rescale=1 / 255) for m in (image, theirs)]
    for generator in pair:
        generator.fit(x)
    a, b = (g.zca_whitening_matrix for g in pair)
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, atol=2e-3 * np.abs(b).max())  # float32 singular values in Keras
    batches = [g.flow(x[:8], shuffle=False)[0] for g in pair]
    np.testing.assert_allclose(*batches, atol=5e-3 * np.abs(batches[1]).max())
    pair = [make(m, rotation_range=20, featurewise_center=True) for m in (image, theirs)]
    for generator in pair:
        generator.fit(IMAGES, augment=True, rounds=2, seed=4)
    np.testing.assert_allclose(pair[0].mean, pair[1].mean, rtol=1e-4)
    with pytest.raises(ValueError, match="rank 4"):
        pair[0].fit(IMAGES[0])
    with pytest.warns(UserWarning, match=r"hasn't been fit"):
        next(image.ImageDataGenerator(featurewise_center=True).flow(IMAGES))


def test_own_mean_of_any_shape():
    for mean in (3.0, np.array([1.0, 2, 3]), IMAGES.mean(0), np.ones((21, 1, 1))):
        generator = image.ImageDataGenerator(featurewise_center=True)
        generator.mean = mean
        x = generator.flow(IMAGES, shuffle=False, batch_size=11)[0]
        np.testing.assert_allclose(x, IMAGES - np.asarray(mean), atol=1e-4)


def test_options_are_checked():
    for options, word in (
        ({"zoom_range": (1, 2, 3)}, "zoom_range"),
        ({"brightness_range": 2}, "brightness_range"),
        ({"validation_split": 2}, "validation_split"),
        ({"fill_mode": "edge"}, "fill_mode"),
        ({"interpolation_order": 6}, "interpolation_order"),
        ({"data_format": "last"}, "data_format"),
    ):
        with pytest.raises(ValueError, match=word):
            image.ImageDataGenerator(**options)
    with pytest.raises(TypeError, match=r"^ImageDataGenerator.*rotation"):
        image.ImageDataGenerator(rotation=3)
    assert image.ImageDataGenerator(dim_ordering="th").channel_axis == 1
    for name in ("samplewise", "featurewise"):
        with pytest.warns(UserWarning, match=f"{name}_center"):
            assert getattr(image.ImageDataGenerator(**{f"{name}_std_normalization": True}), f"{name}_center")


def test_flow_of_arrays():
    generator = image.ImageDataGenerator(validation_split=0.3)
    weight = np.arange(11.0)
    flow = generator.flow((IMAGES, [weight, LABELS]), LABELS, sample_weight=weight, batch_size=4, shuffle=False)
    assert len(flow) == 3 and flow.n == 11
    (x, w, k), y, sw = flow[2]
    assert len(x) == 3
    for have, want in ((x, IMAGES), (w, weight), (k, LABELS), (y, LABELS), (sw, weight)):
        np.testing.assert_array_equal(have, want[8:])
    assert flow.next()[1].tolist() == LABELS[:4].tolist()
    flow.reset()
    assert next(flow)[1].tolist() == LABELS[:4].tolist()
    with pytest.raises(ValueError, match="retrieve element 3"):
        flow[3]
    y = np.tile([0, 1], 6)[:11]
    a = generator.flow(IMAGES, y, subset="validation", shuffle=False, batch_size=20)[0]
    b = generator.flow(IMAGES, y, subset="training", shuffle=False, batch_size=20)[0]
    np.testing.assert_array_equal(np.concatenate([a[1], b[1]]), y)
    assert len(a[0]) == 3
    for bad, message in (
        (lambda: generator.flow(IMAGES, y[:3]), "same length"),
        (lambda: generator.flow(IMAGES, sample_weight=y[:3]), "same length"),
        (lambda: generator.flow((IMAGES, y[:3])), "same length"),
        (lambda: generator.flow(IMAGES[0]), "rank 4"),
        (lambda: generator.flow(IMAGES, np.arange(11), subset="training"), "number of classes"),
        (lambda: generator.flow(IMAGES, subset="test"), "Invalid subset name"),
        (lambda: generator.flow(IMAGES, batch_size=0), "batch_size"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
    with pytest.warns(UserWarning, match="5 channels"):
        generator.flow(np.zeros((2, 4, 4, 5)))


def test_other_dtypes_and_own_methods():
    for dtype in ("float64", "float16"):
        a = image.ImageDataGenerator(dtype=dtype, rotation_range=20, samplewise_center=True)
        b = theirs.ImageDataGenerator(dtype="float64", rotation_range=20, samplewise_center=True)
        x, want = a.flow(IMAGES, seed=1)[0], b.flow(IMAGES, seed=1)[0]
        assert x.dtype == dtype
        np.testing.assert_allclose(x, want, atol=1)

    class Own(image.ImageDataGenerator):
        def standardize(self, x):
            return super().standardize(x) * 0 + 7

        def get_random_transform(self, shape, seed=None):
            return {"theta": 0}

    assert (Own().flow(IMAGES)[0] == 7).all()

    class OwnIterator(image.Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array * 2

    assert OwnIterator(5, 2, False, None)[1].tolist() == [4, 6]


@pytest.fixture
def folder(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 5, "dog": 7, "a bird \u9ce5": 4})
    return tmp_path / "photos"


def pair_of_flows(folder, capsys, generator=None, **options):
    result = []
    for library in (image, theirs):
        flow = library.ImageDataGenerator(**(generator or {})).flow_from_directory(str(folder), **options)
        result.append((flow, capsys.readouterr().out))
    return result


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "sparse", "color_mode": "grayscale", "interpolation": "bicubic"},
        {"class_mode": None, "color_mode": "rgba", "keep_aspect_ratio": True},
        {"class_mode": "input"},
        {"classes": ["dog", "cat"], "class_mode": "binary", "shuffle": False},
        {"subset": "validation"},
        {"subset": "training", "batch_size": 3},
    ],
)
def test_folders_are_read_as_by_keras(folder, capsys, options):
    options = {"target_size": (15, 18), "batch_size": 6, "seed": 2, **options}
    generator = {"rescale": 1 / 255, "horizontal_flip": True, "validation_split": 0.4}
    (a, said), (b, keras_said) = pair_of_flows(folder, capsys, generator, **options)
    assert said == keras_said and said.startswith("Found ")
    for name in ("class_indices", "filenames", "filepaths", "samples", "num_classes", "image_shape", "n", "batch_size"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.classes.tolist() == b.classes.tolist() == a.labels.tolist()
    assert len(a) == len(b)
    for _ in range(2 * len(a) + 1):
        have, want = next(a), next(b)
        have, want = ((have,), (want,)) if options.get("class_mode", 1) is None else (have, want)
        for x, y in zip(have, want, strict=True):
            assert x.dtype == y.dtype
            np.testing.assert_allclose(x, y, rtol=1e-6)


def test_tables_are_read_as_by_keras(folder, capsys):
    pandas = pytest.importorskip("pandas")
    names = [f"cat/{i:03d}.{('png', 'jpg')[i % 2]}" for i in range(5)] + ["absent.png", "dog/001.jpg"]
    table = pandas.DataFrame(
        {
            "filename": names,
            "class": ["x", "y", "x", "z", "y", "x", "y"],
            "tags": [["a"], ["a", "b"], ["b"], ["c"], ["a", "c"], ["a"], ["b"]],
            "value": np.arange(7.0),
            "weight": np.arange(7) / 2,
        }
    )
    for options in (
        {},
        {"class_mode": "sparse", "weight_col": "weight"},
        {"y_col": "tags", "classes": ["b", "a"]},
        {"classes": ["x", "y"], "class_mode": "binary"},
        {"class_mode": "raw", "y_col": "value"},
        {"class_mode": "raw", "y_col": ["value", "weight"]},
        {"class_mode": "multi_output", "y_col": ["value", "weight"]},
        {"class_mode": None},
        {"subset": "training"},
    ):
        flows = []
        for library in (image, theirs):
            generator = library.ImageDataGenerator(validation_split=0.3)
            with pytest.warns(UserWarning, match="1 invalid image filename"):
                flow = generator.flow_from_dataframe(table, str(folder), target_size=(9, 9), seed=1, **options)
            flows.append((flow, capsys.readouterr().out, next(flow)))
        (a, said, have), (b, keras_said, want) = flows
        assert said == keras_said
        assert a.filenames == b.filenames and a.samples == b.samples
        keras.tree.map_structure(np.testing.assert_array_equal, have, want)


def test_table_of_columns(folder, capsys):
    """A dict of lists will do: pandas is not needed."""
    table = {"filename": ["cat/000.png", "dog/001.jpg", "cat/001.jpg"], "class": ["x", "y", "x"], "n": [3, 4, 5]}
    generator = image.ImageDataGenerator()
    flow = generator.flow_from_dataframe(table, folder, target_size=(9, 9), shuffle=False)
    assert capsys.readouterr().out == "Found 3 validated image filenames belonging to 2 classes.\n"
    assert flow.class_indices == {"x": 0, "y": 1} and flow.classes == [0, 1, 0]
    assert next(flow)[1].tolist() == [[1, 0], [0, 1], [1, 0]]
    flow = generator.flow_from_dataframe(table, folder, y_col="n", class_mode="raw", shuffle=False)
    assert next(flow)[1].tolist() == [3, 4, 5]
    for options, error, message in (
        ({"class_mode": "sparse", "y_col": "n"}, TypeError, "must be strings"),
        ({"y_col": "n"}, TypeError, "string, list or tuple"),
        ({"class_mode": "multi_output", "y_col": "n"}, TypeError, "must be a list"),
        ({"y_col": ["class", "n"]}, TypeError, 'one column of classes.*class_mode="raw"'),
        ({"x_col": "class"}, ValueError, "x_col='class' must hold file names with their extension"),
        ({"x_col": "n"}, TypeError, "x_col=n"),
        ({"weight_col": "class"}, TypeError, "weight_col=class must be numeric"),
        ({"class_mode": "boolean"}, ValueError, "Invalid class_mode"),
        ({"class_mode": "binary", "classes": ["x"]}, ValueError, "must be 2 classes"),
    ):
        with pytest.raises(error, match=message):
            generator.flow_from_dataframe(table, folder, **options)


def test_a_preprocessing_function_without_a_result_is_refused():
    for wrong, message in (
        (lambda x: None, "`preprocessing_function` returned None"),
        (lambda x: x[:2], r"`preprocessing_function` must return an image of shape \(21, 17, 3\).*\(2, 17, 3\)"),
    ):
        flow = image.ImageDataGenerator(preprocessing_function=wrong).flow(IMAGES, batch_size=4)
        with pytest.raises(ValueError, match=message):
            next(flow)
    with pytest.raises(ValueError, match="returned None"):
        image.ImageDataGenerator(preprocessing_function=lambda x: None, dtype="float64").flow(IMAGES)[0]
    grey = image.ImageDataGenerator(preprocessing_function=lambda x: x.mean(2, keepdims=True)).flow(IMAGES)[0]
    assert grey.shape == (11, 21, 17, 3)  # as in Keras


def test_validation_images_without_a_split(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 2, "dog": 2})
    generator = image.ImageDataGenerator()
    with pytest.raises(ValueError, match="validation_split="):
        generator.flow(IMAGES, subset="validation")
    with pytest.raises(ValueError, match="validation_split="):
        generator.flow_from_directory(tmp_path / "photos", subset="validation")
    assert generator.flow(IMAGES, subset="training").n == len(IMAGES)
