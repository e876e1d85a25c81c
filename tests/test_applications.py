"""The networks of `keras.applications`: layers, configurations, weights and predictions are those of real Keras."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from network_weights import realistic_weights
from oracle import config_of, jax, keras, message
from PIL import Image

import pykernels as pk
from pykernels import applications

FAMILIES = {
    "vgg16": ["VGG16"],
    "vgg19": ["VGG19"],
    "resnet": ["ResNet50", "ResNet101", "ResNet152"],
    "resnet50": ["ResNet50"],
    "resnet_v2": ["ResNet50V2", "ResNet101V2", "ResNet152V2"],
    "mobilenet": ["MobileNet"],
    "mobilenet_v2": ["MobileNetV2"],
    "densenet": ["DenseNet121", "DenseNet169", "DenseNet201"],
    "efficientnet": [f"EfficientNetB{i}" for i in range(8)],
    "xception": ["Xception"],
}
SMALL = {"weights": None, "input_shape": (32, 32, 3)}
STRUCTURES = [
    ("VGG16", {**SMALL, "classes": 10}),
    ("VGG16", {"weights": None, "include_top": False}),
    ("VGG19", {**SMALL, "include_top": False, "pooling": "max", "name": "mine"}),
    ("ResNet50", {"weights": None}),
    ("ResNet152", {**SMALL, "include_top": False, "pooling": "max"}),
    ("ResNet50V2", {"weights": None, "input_shape": (64, 48, 1)}),
    ("ResNet101V2", {**SMALL, "include_top": False, "pooling": "avg"}),
    ("MobileNet", {"weights": None}),
    ("MobileNet", {**SMALL, "alpha": 0.5, "depth_multiplier": 2, "dropout": 0.2, "classes": 3}),
    ("MobileNet", {"weights": None, "include_top": False, "pooling": "avg"}),
    ("MobileNetV2", {"weights": None}),
    ("MobileNetV2", {"weights": None, "alpha": 1.4, "input_shape": (97, 33, 3), "classes": 2}),
    ("MobileNetV2", {"weights": None, "include_top": False, "pooling": "max", "alpha": 0.35}),
    ("DenseNet121", {"weights": None}),
    ("DenseNet201", {**SMALL, "include_top": False, "pooling": "avg"}),
    ("EfficientNetB3", {"weights": None, "include_top": False, "pooling": "max", "input_shape": (65, 47, 3)}),
    ("Xception", {"weights": None, "include_top": False, "pooling": "avg", "input_shape": (71, 80, 3)}),
]
LOGITS = {"classes": 5, "classifier_activation": None}
PREDICTIONS = [
    ("VGG16", {**SMALL, **LOGITS}),
    ("VGG19", {"weights": None, "include_top": False, "pooling": "avg"}),
    ("ResNet50", {**SMALL, **LOGITS}),
    ("ResNet50V2", {"weights": None, "input_shape": (33, 47, 3), **LOGITS}),
    ("MobileNet", {"weights": None, "input_shape": (41, 37, 3), "alpha": 0.25, "classes": 5}),
    ("MobileNetV2", {"weights": None, "input_shape": (41, 38, 3), "alpha": 0.35, **LOGITS}),
    ("MobileNetV2", {"weights": None, "include_top": False, "pooling": "max", "alpha": 0.35}),
    ("DenseNet121", {**SMALL, **LOGITS}),
    ("EfficientNetB0", {"weights": None, "input_shape": (41, 38, 3), **LOGITS}),
    ("Xception", {"weights": None, "input_shape": (71, 80, 3), **LOGITS}),
]


def twins(name, arguments):
    models = []
    for library in (pk, keras):
        library.backend.clear_session()
        models.append(getattr(library.applications, name)(**arguments))
    return models


def ids(cases):
    return [name + "".join(f"-{key}={value}" for key, value in arguments.items() if value) for name, arguments in cases]


@pytest.mark.parametrize(("name", "arguments"), STRUCTURES, ids=ids(STRUCTURES))
def test_layers_and_weights_are_those_of_keras(name, arguments):
    ours, theirs = twins(name, arguments)
    assert ours.name == theirs.name
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        assert type(mine).__name__ == type(other).__name__
        assert config_of(mine) == config_of(other)
    seeds = [w for w in theirs.weights if "seed" in w.path]
    assert not seeds
    assert [(w.name, tuple(w.shape)) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    assert ours.count_params() == theirs.count_params()
    assert tuple(ours.output_shape) == tuple(theirs.output_shape)
    assert tuple(ours.input_shape) == tuple(theirs.input_shape)


# As Keras's models print them.
COUNTS = {"VGG16": 138_357_544, "ResNet101": 44_707_176, "ResNet152V2": 60_380_648, "DenseNet169": 14_307_880}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_parameters_of_the_whole_networks(name, count):
    assert getattr(applications, name)(weights=None).count_params() == count


def set_weights(keras_model, weights):
    """Sets the weights of a model of Keras, whose Normalization takes those that are set only when it is told."""
    keras_model.set_weights(weights)
    for layer in keras_model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def predict_in_float64(name, arguments, weights, x):
    """What Keras computes with twice the digits."""
    jax.config.update("jax_enable_x64", True)
    keras.config.set_dtype_policy("float64")
    try:
        model = getattr(keras.applications, name)(**arguments)
        set_weights(model, weights)
        y = np.asarray(model.predict(x, verbose=0))
        assert y.dtype == "float64"
        return y
    finally:
        keras.config.set_dtype_policy("float32")
        jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize(("name", "arguments"), PREDICTIONS, ids=ids(PREDICTIONS))
def test_predictions_are_those_of_keras(name, arguments):
    ours, theirs = twins(name, arguments)
    # ResNet's sums grow by themselves, twofold a block.
    # EfficientNet's excitations halve them: with 2 nothing comes through, with 3 rounding does too.
    gains = {"ResNet": 1.0, "Effici": 2.3}
    weights = realistic_weights(ours, gain=gains.get(name[:6], 2.0))
    ours.set_weights(weights)
    set_weights(theirs, weights)
    shape = arguments.get("input_shape") or (45, 36, 3)
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype("f") * (255 if name.startswith("Effici") else 1)
    expected = np.asarray(theirs.predict(x, verbose=0))
    assert np.abs(expected[0] - expected[1]).max() > 1e-2 * np.abs(expected).max()  # not the biases alone
    got, tolerance = ours.predict(x, verbose=0), 1e-5 * np.abs(expected).max()
    if np.abs(got - expected).max() > tolerance:
        # A net that amplifies rounding: both sum in float32 and each is off by itself. Then the sums in float64 decide.
        expected = predict_in_float64(name, arguments, weights, x)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("family", "names"), FAMILIES.items())
def test_modules_have_keras_functions_and_arguments(family, names):
    mine, other = getattr(applications, family), getattr(keras.applications, family)
    for name in names:
        ours, theirs = inspect.signature(getattr(mine, name)), inspect.signature(getattr(other, name))
        assert [(p.name, p.default) for p in ours.parameters.values()] == [
            (p.name, p.default) for p in theirs.parameters.values()
        ]
        assert getattr(applications, name) is getattr(mine, name)
        assert getattr(mine, name).__doc__
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3))
    for data_format in (None, "channels_last"):
        np.testing.assert_array_equal(
            mine.preprocess_input(images.copy(), data_format), other.preprocess_input(images.copy(), data_format)
        )
    assert mine.decode_predictions is applications.imagenet_utils.decode_predictions


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64"])
def test_preprocessing(mode, data_format, batch, dtype):
    shape = (4, 5, 3) if data_format == "channels_last" else (3, 4, 5)
    x = np.random.default_rng(0).integers(0, 256, (2, *shape) if batch else shape).astype(dtype)
    ours, theirs = x.copy(), x.copy()
    got = applications.imagenet_utils.preprocess_input(ours, data_format, mode)
    want = keras.applications.imagenet_utils.preprocess_input(theirs, data_format, mode)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(ours, theirs)  # changed in place, or not, alike
    if dtype.startswith("float"):
        tensor = pk.Input(x.shape[1:] if batch else x.shape)
        y = applications.imagenet_utils.preprocess_input(tensor, data_format, mode)
        computed = pk.Model(tensor, y)(x.astype("f") if batch else x.astype("f")[None])
        if batch:
            np.testing.assert_allclose(computed, want, rtol=1e-6, atol=2e-5)


def test_preprocessing_takes_images_of_three_channels():
    preprocess_input = applications.vgg16.preprocess_input
    for wrong in (np.zeros((2, 4, 5, 1)), np.zeros((4, 5)), pk.Input((4, 5, 1)), np.zeros((1, 2, 4, 5, 3))):
        with pytest.raises(ValueError, match=r"images of 3 channels.*Received shape: \((2|4|None|1), "):
            preprocess_input(wrong)
    assert applications.mobilenet.preprocess_input(np.zeros((2, 4, 5, 1))).shape == (2, 4, 5, 1)
    pixels = np.arange(24).reshape(2, 4, 3)
    for given in (pixels.tolist(), Image.fromarray(pixels.astype("uint8"))):
        np.testing.assert_array_equal(preprocess_input(given), preprocess_input(pixels))


def test_preprocessing_refuses_what_it_does_not_know():
    x = np.zeros((1, 2, 2, 3), "f")
    for arguments in ({"mode": "pt"}, {"data_format": "hwc"}):
        ours, theirs = (
            message(lambda k, a=arguments: k.applications.imagenet_utils.preprocess_input(x, **a), library)
            for library in (pk, keras)
        )
        assert ours == theirs


WRONG = [
    {"weights": "/no/such/file.h5"},
    {"weights": None, "input_shape": (31, 40, 3)},
    {"weights": None, "input_shape": (40, 40)},
    {"weights": None, "input_shape": (None, None, 3)},
    {"weights": "imagenet", "classes": 10},
    {"weights": "imagenet", "input_shape": (96, 100, 3)},
    {"weights": "imagenet", "input_shape": (96, 96, 4), "include_top": False},
]


@pytest.mark.parametrize("arguments", WRONG, ids=[str(a) for a in WRONG])
def test_wrong_arguments_are_refused_as_by_keras(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    for top in ("", "_notop"):
        (tmp_path / "models" / f"vgg16_weights_tf_dim_ordering_tf_kernels{top}.h5").touch()
    ours, theirs = (message(lambda k: k.applications.VGG16(**arguments), library) for library in (pk, keras))
    assert ours == theirs


def test_other_wrong_arguments():
    with pytest.raises(ValueError, match=r"pooling.*'mean'"):
        applications.VGG16(weights=None, include_top=False, pooling="mean")
    with pytest.raises(ValueError, match="input_tensor"):
        applications.VGG16(weights=None, input_tensor=np.zeros((1, 32, 32, 3)))
    tensor = pk.Input((64, 64, 3))
    with pytest.raises(ValueError, match=r"input_tensor.shape\[2\] must equal input_shape\[1\]"):
        applications.MobileNetV2(weights=None, input_tensor=tensor, input_shape=(96, 96, 3))


def test_weights_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"downloads no weights.*vgg16_weights_tf.*_notop\.h5.*weights='/path"):
        applications.VGG16(include_top=False)


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_weights_from_a_file(ending, tmp_path):
    arguments = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 4}
    _, theirs = twins("MobileNet", {"weights": None, **arguments})
    theirs.set_weights(realistic_weights(theirs))
    path = str(tmp_path / f"m{ending}")
    theirs.save_weights(path) if ending == ".weights.h5" else theirs.save(path)
    ours = applications.MobileNet(weights=path, **arguments)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(ValueError, match=r"predictions|conv_preds|reshape"):
        applications.MobileNet(weights=path, **{**arguments, "classes": 5})
    with pytest.raises(ValueError, match="Only `None` and `softmax`"):
        applications.MobileNet(weights=path, classifier_activation="sigmoid", **arguments)


def test_imagenet_weights_from_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    source = applications.MobileNet(weights=None, alpha=0.25, input_shape=(128, 128, 3), include_top=False)
    source.save_weights(str(tmp_path / "models" / "mobilenet_2_5_128_tf_no_top.h5"))
    loaded = applications.MobileNet(alpha=0.25, input_shape=(128, 128, 3), include_top=False)
    assert loaded.name == "mobilenet_0.25_128"
    for mine, other in zip(loaded.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(ValueError, match="alpha can be one of"):
        applications.MobileNet(alpha=0.3, include_top=False)
    with pytest.raises(FileNotFoundError, match=r"mobilenet_2_5_224_tf_no_top\.h5"), pytest.warns(match="224, 224"):
        applications.MobileNet(alpha=0.25, include_top=False)


def test_an_input_tensor_that_is_computed():
    for library in (pk, keras):
        library.backend.clear_session()
    for library in (pk, keras):
        x = library.Input((40, 40, 3), name="raw")
        y = library.layers.Rescaling(1 / 255, name="scaled")(x)
        base = library.applications.MobileNet(weights=None, include_top=False, input_tensor=y, alpha=0.25)
        assert [layer.name for layer in base.layers][:3] == ["raw", "scaled", "conv1"]
        assert base.inputs[0] is x


def test_channels_first_shapes():
    for library in (pk, keras):
        library.config.set_image_data_format("channels_first")
    try:
        arguments = {"weights": None, "include_top": False, "input_shape": (3, 64, 48), "pooling": "avg"}
        ours, theirs = twins("ResNet50", arguments)
        assert [tuple(layer.output.shape) for layer in ours.layers] == [
            tuple(layer.output.shape) for layer in theirs.layers
        ]
        assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
        _, text = message(lambda k: k.applications.DenseNet121(weights=None), pk)
        assert text.startswith("DenseNet does not support")
    finally:
        for library in (pk, keras):
            library.config.set_image_data_format("channels_last")


# --- SqueezeNet, which Keras does not have --------------------------------------------------------------------------
def test_squeezenet():
    model = applications.SqueezeNet(weights=None)
    # The paper's version 1.1: 1,235,496 weights, images of 227x227, a last map of 13x13 (1.24 million in its table).
    assert model.count_params() == 1_235_496
    assert model.input_shape == (None, 227, 227, 3)
    assert model.get_layer("fire9/concat").output.shape == (None, 13, 13, 512)
    names = [w.shape for w in model.get_layer("fire2/squeeze1x1").weights]
    assert names == [(1, 1, 64, 16), (16,)]
    small = applications.SqueezeNet(weights=None, include_top=False, input_shape=(64, 64, 3), pooling="avg")
    features = small.predict(np.random.default_rng(0).normal(size=(2, 64, 64, 3)), verbose=0)
    assert features.shape == (2, 512)
    with pytest.raises(ValueError, match="at least 48x48"):
        applications.SqueezeNet(weights=None, input_shape=(47, 64, 3))


# --- classes ------------------------------------------------------------------------------------------
def class_index(count):
    return {str(i): [f"n{i:08}", f"thing_{i}"] for i in range(count)}


def test_predictions_by_name(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    preds = rng.dirichlet(np.ones(1000), 3).astype("f")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(applications.imagenet_utils, "_class_index", None)
    with pytest.raises(FileNotFoundError, match=r"imagenet_class_index\.json.*class_index=path"):
        applications.vgg16.decode_predictions(preds)
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "imagenet_class_index.json"
    path.write_text(json.dumps(class_index(1000)))
    decoded = applications.vgg16.decode_predictions(preds, top=4)
    monkeypatch.setattr("keras.src.applications.imagenet_utils.CLASS_INDEX", class_index(1000))
    assert decoded == keras.applications.vgg16.decode_predictions(preds, top=4)
    assert applications.resnet.decode_predictions(preds, 2, class_index=path)[0] == decoded[0][:2]
    few = applications.imagenet_utils.decode_predictions(preds[:, :5], top=1, class_index=class_index(5))
    assert few[1][0][1] == f"thing_{preds[1, :5].argmax()}"
    ours, theirs = (
        message(lambda k: k.applications.vgg16.decode_predictions(preds[:, :5]), library) for library in (pk, keras)
    )
    assert ours == theirs


def test_wrong_arguments_for_names():
    decode = applications.imagenet_utils.decode_predictions
    for top in (0, -1):
        with pytest.raises(ValueError, match=f"top={top}"):
            decode(np.ones((1, 1000)), top=top)
    with pytest.raises(ValueError, match=r"class_index must have the form"):
        decode(np.ones((1, 2)), class_index=["cat", "dog"])


def test_files_that_are_no_class_index(tmp_path):
    preds = np.zeros((1, 3))
    path = tmp_path / "c.json"
    path.write_text("{'a'")
    with pytest.raises(ValueError, match=r"c\.json is not a JSON file"):
        applications.vgg16.decode_predictions(preds, class_index=path)
    path.write_text('{"1": ["a", "b"]}')
    with pytest.raises(ValueError, match=r"c\.json must have the form"):
        applications.vgg16.decode_predictions(preds, class_index=path)
    with pytest.raises(FileNotFoundError, match=r"d\.json"):
        applications.vgg16.decode_predictions(preds, class_index=tmp_path / "d.json")
