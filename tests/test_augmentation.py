"""Random image layers against Keras's with the same parameters; phases, seeds, dtypes, files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from op_testing import check_gradient
from oracle import config_of, keras, message, pk

from pykernels import _core, ops
from pykernels.graph import Trace, Variable, gradients

FILLS = ("reflect", "wrap", "constant", "nearest")

# name -> options, without the seed
LAYERS = {
    "RandomFlip": [{}, {"mode": "horizontal"}, {"mode": "vertical"}],
    "RandomRotation": [{"factor": 0.3, "fill_mode": f} for f in FILLS]
    + [{"factor": (-0.5, 0.1), "fill_mode": "constant", "fill_value": 77.0}],
    "RandomZoom": [{"height_factor": 0.6, "fill_mode": f} for f in FILLS]
    + [{"height_factor": (-0.5, 0.9), "width_factor": (0.2, 0.3)}],
    "RandomTranslation": [{"height_factor": 0.7, "width_factor": (-0.6, 0.4), "fill_mode": f} for f in FILLS],
    "RandomContrast": [{"factor": 0.8}, {"factor": (0.9, 0.2), "value_range": (20, 200)}],
    "RandomBrightness": [{"factor": 0.5}, {"factor": (0.2, 0.9), "value_range": [0, 200]}],
    "RandomCrop": [{"height": 5, "width": 6}, {"height": 20, "width": 3}],
}
CASES = [(name, options) for name, cases in LAYERS.items() for options in cases]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


def pixels(shape=(4, 11, 13, 3), dtype="uint8", seed=0):
    """Smooth images: where a position is computed in float32, a step of one pixel must not decide a test."""
    rows, cols = (np.arange(n)[:, None, None] for n in shape[1:3])
    waves = np.random.default_rng(seed).uniform(0.1, 0.6, (shape[0], 2, 1, 1, shape[3]))
    x = 127.5 + 127.5 * np.sin(waves[:, 0] * rows) * np.cos(waves[:, 1] * cols.transpose(1, 0, 2))
    return x.astype(dtype)


def arrays(x):
    """NumPy's form of what Keras drew."""
    if isinstance(x, dict):
        return {k: arrays(v) for k, v in x.items()}
    if isinstance(x, tuple):
        return tuple(arrays(v) for v in x)
    return np.asarray(x) if hasattr(x, "dtype") else x


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("single", [False, True])
def test_same_parameters_same_pixels(name, options, data_format, single):
    ours, theirs = (getattr(k.layers, name)(**options, data_format=data_format, seed=3, name="a") for k in (pk, keras))
    assert config_of(ours) == config_of(theirs)
    x = pixels()
    x = x if data_format == "channels_last" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    x = x[0] if single else x
    for data in (x.astype("float32"), x):
        if data.dtype == "uint8" and name == "RandomBrightness":
            continue  # Keras adds the number as a uint8
        drawn = theirs.get_random_transformation(data, training=True)
        change = theirs.transform_single_image if single else theirs.transform_images
        want = np.asarray(change(data, drawn, training=True))
        have = ours.transform_images(data, arrays(drawn), training=True)
        assert have.shape == want.shape and have.dtype == "float32"
        assert np.abs(have - want).max() <= 1, np.abs(have - want).max()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_affine_transform(interpolation, fill_mode):
    x = pixels((3, 9, 8, 2), "float32")
    maps = np.array(
        [[0.8, -0.6, 2.13, 0.6, 0.8, -1.27, 0, 0], [1, 0, -20.25, 0, 1, 30.5, 0, 0], [-1, 0, 7, 0, 1.75, -3.25, 0, 0]],
        "float32",
    )
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 40.0}
    have, want = (np.asarray(k.ops.image.affine_transform(x, maps, **options)) for k in (pk, keras))
    np.testing.assert_allclose(
        have, want, atol=2e-2
    )  # positions are computed in float32 there: 30 pixels * eps * slope
    have, want = (np.asarray(k.ops.image.affine_transform(x.astype("uint8"), maps, **options)) for k in (pk, keras))
    assert have.dtype == want.dtype and np.abs(have.astype(int) - want.astype(int)).max() <= 1
    one, other = (np.asarray(k.ops.image.affine_transform(x[0], maps[0], **options)) for k in (pk, keras))
    np.testing.assert_allclose(one, other, atol=2e-2)
    check_gradient(lambda t: ops.image.affine_transform(t, maps, **options), [x[:, :4, :3]], wrt=[0])


def test_a_projective_map_is_as_documented():
    x = np.arange(30, dtype="float32").reshape(5, 6, 1)
    m = np.array([0.9, 0.1, 0.3, -0.05, 1.0, 0.2, 0.02, 0.03], "float32")
    y = ops.image.affine_transform(x, m, fill_mode="nearest")
    col, row = np.meshgrid(np.arange(6), np.arange(5))
    k = m[6] * col + m[7] * row + 1
    u, v = (m[0] * col + m[1] * row + m[2]) / k, (m[3] * col + m[4] * row + m[5]) / k
    # the image is 6 row + column: linear interpolation reproduces it
    want = 6 * np.clip(v, 0, 4) + np.clip(u, 0, 5)
    np.testing.assert_allclose(y[..., 0], want, atol=1e-4)


def test_trained_maps_are_refused():
    maps = Variable(np.array([[1, 0, 0, 0, 1, 0, 0, 0]], "float32"), name="maps")
    with Trace() as trace:
        x = trace.placeholder((1, 4, 4, 1), "float32")
        y = ops.image.affine_transform(x, maps)
        with pytest.raises(NotImplementedError, match="with respect to `transform`"):
            gradients(y, [maps])


@pytest.mark.parametrize(
    "options", [{"interpolation": "cubic"}, {"fill_mode": "x"}, {"x": np.zeros((3, 3))}, {"m": np.zeros((1, 1, 8))}]
)
def test_errors_of_affine_transform(options):
    options = {"x": np.zeros((3, 3, 1), "float32"), "m": np.zeros(8, "float32"), **options}
    x, m = options.pop("x"), options.pop("m")
    for library in (keras, pk):
        with pytest.raises(ValueError, match="Invalid"):
            library.ops.image.affine_transform(x, m, **options)


ERRORS = [
    lambda k: k.layers.RandomRotation(2.0),
    lambda k: k.layers.RandomRotation("a"),
    lambda k: k.layers.RandomRotation((0.1, 0.2, 0.3)),
    lambda k: k.layers.RandomZoom(2.0),
    lambda k: k.layers.RandomZoom(-1.0),
    lambda k: k.layers.RandomZoom((0.1, 0.2, 0.3)),
    lambda k: k.layers.RandomTranslation(1.1, 0.1),
    lambda k: k.layers.RandomTranslation(0.1, "x"),
    lambda k: k.layers.RandomContrast(-0.2),
    lambda k: k.layers.RandomContrast((0.1, 0.2, 0.3)),
    lambda k: k.layers.RandomBrightness(0.1, value_range=3),
    lambda k: k.layers.RandomBrightness(1.5),
    lambda k: k.layers.RandomFlip(seed="a"),
    lambda k: k.layers.RandomFlip(factor=0.3),
]


@pytest.mark.parametrize("make", ERRORS)
def test_errors_are_those_of_keras(make):
    assert message(make, pk) == message(make, keras)


def test_other_errors():
    for options in ({"fill_mode": "mirror"}, {"interpolation": "bicubic"}):
        said = []
        for library in (keras, pk):
            with pytest.raises(NotImplementedError) as caught:
                library.layers.RandomRotation(0.1, **options)
            said.append(str(caught.value))
        assert said[0] == said[1]
    with pytest.raises(ValueError, match="diagonal"):
        pk.layers.RandomFlip("diagonal")  # Keras flips nothing and does not say so
    for name, cases in LAYERS.items():
        with pytest.raises(ValueError, match="rank 3"):
            getattr(pk.layers, name)(**cases[0])(np.zeros((3, 3), "float32"))


# --- behaviour --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_phases_and_dtypes(name, options):
    x = pixels()
    for data in (x, x.astype("float32"), x[1]):
        layer = getattr(pk.layers, name)(**options, seed=5)
        calm = layer(data, training=False)
        assert calm.dtype == "float32"
        if name == "RandomCrop":
            size = (options["height"], options["width"])
            np.testing.assert_array_equal(
                calm, ops.image.resize(data.astype("float32"), size, crop_to_aspect_ratio=True)
            )
        else:
            np.testing.assert_array_equal(calm, data)
        changed = layer(data)  # in training, by default
        assert changed.dtype == "float32" and changed.shape == layer.compute_output_shape(data.shape)
        if name != "RandomCrop" and len(data.shape) == 4:
            assert np.abs(changed - data).max() > 1
        np.testing.assert_array_equal(
            getattr(pk.layers, name)(**options, seed=5)(data, training=True)[..., 0].shape[0], changed.shape[0]
        )


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_seeds(name, options):
    x = pixels()
    make = getattr(pk.layers, name)
    a, b = make(**options, seed=7), make.from_config(make(**options, seed=7).get_config())
    first, second = a(x), a(x)
    np.testing.assert_array_equal(first, b(x))
    np.testing.assert_array_equal(second, b(x))
    if name != "RandomCrop" and options.get("mode") is None:
        assert np.abs(first - second).max() > 0.1
        rows = [np.abs(first[i] - x[i]).mean() for i in range(4)]
        assert name == "RandomFlip" or len(set(np.round(rows, 3))) > 1  # each image has numbers of its own


def test_ranges_of_what_is_drawn():
    x = np.zeros((500, 4, 6, 1), "float32")
    angle = pk.layers.RandomRotation((-0.1, 0.3), seed=1).get_random_transformation(x)["angle"]
    assert -36 <= angle.min() < -30 and 102 < angle.max() <= 108
    zoom = pk.layers.RandomZoom((-0.5, 0.5), (0.1, 0.2), seed=1).get_random_transformation(x)
    assert 0.5 <= zoom["height_zoom"].min() < 0.55 and 1.45 < zoom["height_zoom"].max() <= 1.5
    assert zoom["width_zoom"].min() >= 1.1 and zoom["width_zoom"].max() <= 1.2
    moved = pk.layers.RandomTranslation(0.5, (0, 1), seed=1).get_random_transformation(x)["translations"]
    assert moved[:, 0].min() >= 0 and 5.5 < moved[:, 0].max() <= 6 and np.abs(moved[:, 1]).max() <= 2
    flips = pk.layers.RandomFlip(seed=1).get_random_transformation(x)["flips"]
    assert flips.dtype == bool and 190 < flips.sum() < 310  # 5 deviations of sqrt(500) / 2
    contrast = pk.layers.RandomContrast((0.3, 0.6), seed=1).get_random_transformation(x)["contrast_factor"]
    assert 0.7 <= contrast.min() < 0.72 and 1.58 < contrast.max() <= 1.6
    delta = pk.layers.RandomBrightness(0.5, (0, 10), seed=1).get_random_transformation(x)["rgb_delta"]
    assert -5 <= delta.min() < -4.9 and 4.9 < delta.max() <= 5
    crop = pk.layers.RandomCrop(3, 3, seed=1)
    places = {tuple(int(v) for v in crop.get_random_transformation(x)) for _ in range(60)}
    assert places == {(i, j) for i in range(2) for j in range(4)}


def test_same_bits_for_any_number_of_threads():
    x = pixels((6, 90, 110, 3))
    threads = _core.num_threads()
    try:
        for name, cases in LAYERS.items():
            results = []
            for n in (1, 2, 4):
                _core.set_num_threads(n)
                results.append(getattr(pk.layers, name)(**cases[0], seed=11)(x).tobytes())
            assert len(set(results)) == 1, name
    finally:
        _core.set_num_threads(threads)


def augmenting(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((12, 14, 3), dtype="float32"),
            layers.RandomFlip(seed=1),
            layers.RandomRotation(0.1, seed=2),
            layers.RandomZoom(0.2, seed=3),
            layers.RandomTranslation(0.1, 0.1, seed=4),
            layers.RandomContrast(0.3, seed=5),
            layers.RandomBrightness(0.2, seed=6),
            layers.RandomCrop(8, 9, seed=7),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_in_a_model():
    x = pixels((40, 12, 14, 3)).astype("float32")
    y = np.arange(40) % 3
    histories, predictions = [], []
    for _ in range(2):
        pk.utils.set_random_seed(5)
        model = augmenting(pk)
        model.compile("adam", "sparse_categorical_crossentropy")
        start = model.get_weights()
        histories.append(model.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"])
        predictions.append(model.predict(x, verbose=0))
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(*predictions)
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    assert model.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(start, model.get_weights(), strict=True))
    assert model.output_shape == augmenting(keras).output_shape


def test_a_model_called_without_a_phase():
    """Layers have their own defaults then, as in Keras: lessons draw augmented images by calling a model of layers."""
    x = pixels().astype("float32")
    for library in (pk, keras):
        inner = library.Sequential([library.layers.RandomBrightness((0.3, 0.5)), library.layers.Dropout(0.5)])
        model = library.Sequential([library.Input(x.shape[1:]), inner])
        for call in (inner, model):
            assert np.all(np.asarray(call(x)) >= np.minimum(x + 70, 255))
            np.testing.assert_array_equal(call(x, training=False), x)
        np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_training_sees_new_images_in_each_step():
    x = pixels((8, 10, 10, 1)).astype("float32")
    model = pk.Sequential(
        [pk.Input((10, 10, 1)), pk.layers.RandomRotation(0.5, seed=1), pk.layers.Flatten(), pk.layers.Dense(1)]
    )
    model.compile(pk.optimizers.SGD(0.0), "mse")
    losses = model.fit(x, np.zeros(8), epochs=4, batch_size=8, verbose=0).history["loss"]
    assert len(set(losses)) == 4


def test_gradients_pass_through():
    def build():
        inputs = pk.Input((6, 7, 2))
        h = pk.layers.Conv2D(2, 1, use_bias=False, name="before")(inputs)
        h = pk.layers.RandomRotation(0.2, seed=3)(h)
        h = pk.layers.UpSampling2D(2, interpolation="bilinear")(h)
        return pk.Model(inputs, pk.layers.GlobalAveragePooling2D()(h))

    model = build()
    model.compile(pk.optimizers.SGD(0.1), "mse")
    before = model.get_weights()[0]
    model.fit(np.ones((4, 6, 7, 2), "float32"), np.ones((4, 2)), epochs=1, verbose=0)
    assert np.abs(model.get_weights()[0] - before).max() > 0


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_gradients_of_colors(data_format):
    shape = (2, 3, 4, 2) if data_format == "channels_last" else (2, 2, 3, 4)
    x = np.random.default_rng(8).uniform(20, 230, shape)
    for layer, drawn in (
        (pk.layers.RandomContrast(0.5, (60, 180)), {"contrast_factor": np.array([0.6, 1.9]).reshape(2, 1, 1, 1)}),
        (pk.layers.RandomBrightness(0.5, (60, 180)), {"rgb_delta": np.array([-30.0, 40.0]).reshape(2, 1, 1, 1)}),
    ):
        options = {**layer.get_config(), "dtype": "float64", "data_format": data_format}
        double = type(layer).from_config(options)
        check_gradient(lambda t, d=double, w=drawn: d.transform_images(t, w), [x])


def test_gradients_of_scales_and_shifts():
    x = np.random.default_rng(9).uniform(-1, 1, (2, 3, 4, 3))
    scale, shift = np.array([0.7, 1.8]), np.arange(6.0).reshape(2, 3) / 5
    check_gradient(lambda *t: ops.image.adjust(*t, -0.5, 1.5, "channels_last"), [x, scale, shift])


def test_dicts():
    images, masks = pixels(), (pixels((4, 11, 13, 1), seed=1) > 128).astype("uint8")
    for name, cases in LAYERS.items():
        layer = getattr(pk.layers, name)(**cases[0], seed=2)
        given_in = {"images": images, "labels": np.arange(4), "segmentation_masks": masks}
        out = layer(given_in, training=True)
        assert set(out) == set(given_in) and given_in["images"] is images
        np.testing.assert_array_equal(out["labels"], np.arange(4))
        assert set(np.unique(out["segmentation_masks"])) <= {0, 1}
        with pytest.raises(NotImplementedError, match="bounding boxes"):
            layer({"images": images, "bounding_boxes": {}})


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_files_both_ways(name, options, tmp_path):
    x = pixels().astype("float32")
    if name == "RandomCrop":
        options = {**options, "seed": 4}
    model = keras.Sequential([keras.Input(x.shape[1:]), getattr(keras.layers, name)(**options)])
    model.save(tmp_path / "theirs.keras")
    ours = pk.models.load_model(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    again = keras.models.load_model(tmp_path / "ours.keras")
    # tuples come back from files as lists
    configs = [json.dumps(m.layers[0].get_config(), sort_keys=True) for m in (again, model)]
    assert configs[0] == configs[1]
    if name != "RandomCrop":
        np.testing.assert_array_equal(ours.predict(x, verbose=0), x)
    clone = pk.models.model_from_json(again.to_json())
    assert json.dumps(config_of(clone.layers[0])) == json.dumps(config_of(ours.layers[0]))


def test_old_addresses():
    import pykernels.layers.experimental.preprocessing as old

    assert {"RandomFlip", "RandomCrop", "RandomContrast"} <= set(old.__all__)
    for name in old.__all__:
        assert getattr(old, name) is getattr(pk.layers, name)
    with pytest.raises(AttributeError):
        old.RandomHeight  # noqa: B018
