"""What scripts for Keras 1 and 2 take from corners of Keras: small functions, `keras.json`, old modules."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import pykernels as pk
from pykernels import config, layers, models, regularizers
from pykernels.utils import old_names


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads a `keras.json`, as the import does; the settings of the tests come back afterwards."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(config, "_settings", {**config._settings, "image_data_format": None})

    def reader(content):
        (tmp_path / "keras.json").write_text(content)
        config._read_keras_json()
        return f"{config.floatx()} {config.epsilon()} {config.image_data_format()}"

    return reader


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{}", "float32 1e-07 channels_last"),
        ('{"floatx": "float64", "epsilon": 1e-05, "backend": "theano"}', "float64 1e-05 channels_last"),
        ('{"image_dim_ordering": "th"}', "float32 1e-07 channels_first"),
        ('{"image_dim_ordering": "th", "image_data_format": "channels_last"}', "float32 1e-07 channels_last"),
        ('{"image_data_format": "channels_first"}', "float32 1e-07 channels_first"),
        ("[1, 2", "float32 1e-07 channels_last"),
        ("[1, 2]", "float32 1e-07 channels_last"),
    ],
)
def test_keras_json(read, content, expected):
    assert read(content) == expected
    assert config.image_data_format_is_chosen() == ("channels_first" in expected)


@pytest.mark.parametrize(
    "content", ['{"floatx": "float8"}', '{"epsilon": "small"}', '{"image_data_format": "chw"}', '{"epsilon": 3}']
)
def test_values_in_keras_json_that_cannot_be(read, content):
    with pytest.raises(ValueError, match=r"keras\.json"):
        read(content)


IMPORTS = """
from keras.engine.topology import Layer, InputSpec, Container, get_source_inputs
from keras.engine.network import Network
from keras.engine.functional import Functional
from keras.engine.input_spec import InputSpec
from keras.utils.generic_utils import Progbar, get_custom_objects, to_list, has_arg
from keras.utils.layer_utils import layer_from_config, count_params, print_summary
from keras.utils.np_utils import probas_to_classes, categorical_probas_to_classes, convert_kernel
from keras.utils.visualize_util import plot, to_graph
from keras.utils.all_utils import to_categorical
from keras.layers.containers import Sequential
from keras.legacy.layers import Dense
from keras.regularizers import activity_l1, activity_l2, activity_l1l2, l1l2, WeightRegularizer, ActivityRegularizer
from keras.datasets.cifar import load_batch
from keras.datasets.data_utils import get_file
from keras.optimizers import adam_v2, gradient_descent_v2
from keras.optimizers.optimizer_v2.adam import Adam
from keras.optimizer_v2 import rmsprop
from keras.saving.save import load_model
from tensorflow.contrib.keras import models
from tensorflow.contrib.keras.api.keras.layers import Dense as Same
from tensorflow.python.keras.preprocessing.text import Tokenizer
from tensorflow.train import latest_checkpoint
from keras_preprocessing.sequence import pad_sequences
import keras, tensorflow as tf
assert Same is Dense and adam_v2.Adam is Adam is keras.optimizers.Adam and gradient_descent_v2.SGD
assert isinstance(models.Sequential(), Container) and callable(tf.train.latest_checkpoint)
for f in (layer_from_config, print_summary, plot, to_graph, load_batch, l1l2, activity_l1l2, ActivityRegularizer):
    f.__doc__
print(count_params(models.Sequential([Dense(3, input_dim=2)]).weights), keras.version()[:2], keras.backend.floatx())
"""


def test_modules_and_names_of_every_era(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float64"}')
    done = subprocess.run(
        [sys.executable, "-m", "pykernels", "-c", IMPORTS],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_HOME": str(tmp_path)},
    )
    assert done.stdout.strip() == "9 3. float64", done.stderr


def test_yaml_is_refused_as_in_keras():
    with pytest.raises(RuntimeError, match="security risk of arbitrary code execution"):
        models.Sequential().to_yaml()
    with pytest.raises(RuntimeError, match="security risk of arbitrary code execution"):
        models.model_from_yaml("a: b")


def test_layer_from_config_of_keras_1():
    old = {
        "class_name": "Dense",
        "config": {"name": "d", "output_dim": 3, "init": "glorot_uniform", "activation": "relu", "trainable": True},
    }
    layer = layers.deserialize(json.loads(json.dumps(old)))
    assert layer.units == 3 and layer.name == "d" and layer.activation.__name__ == "relu"


def test_activity_regularizers_of_keras_1():
    x = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")
    layer = layers.Dense(2, use_bias=False, kernel_initializer="identity", activity_regularizer=regularizers.L2(0.1))
    layer(x)
    assert sum(float(v) for v in layer.losses) == pytest.approx(0.1 * 30 / 2)


def test_symbolic_tensors_tell_their_shape_and_sources():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    hidden = layers.Dense(3)(layers.add([a, b]))
    assert a._keras_shape == (None, 4) and hidden._keras_shape == (None, 3)
    assert [t.name for t in old_names.get_source_inputs(hidden)] == ["a", "b"]
    assert [t.name for t in old_names.get_source_inputs([hidden, a])] == ["a", "b"]
    assert old_names.get_source_inputs(b) == [b]


def test_small_functions(capsys):
    np.testing.assert_array_equal(old_names.probas_to_classes([[0.1, 0.9], [0.8, 0.2]]), [1, 0])
    np.testing.assert_array_equal(old_names.probas_to_classes([[0.4], [0.6]]), [0, 1])
    np.testing.assert_array_equal(old_names.probas_to_classes([0.4, 0.6]), [0, 1])
    assert old_names.to_list(3) == [3] and old_names.to_list([3]) == [3]
    assert old_names.to_list((1, 2)) == [(1, 2)] and old_names.to_list((1, 2), allow_tuple=True) == [1, 2]
    assert old_names.has_arg(lambda a, **k: 0, "a") and not old_names.has_arg(lambda a, **k: 0, "b")
    assert old_names.has_arg(lambda a, **k: 0, "b", accept_all=True)
    kernel = np.arange(2 * 3 * 2).reshape(2, 3, 2, 1)
    np.testing.assert_array_equal(old_names.convert_kernel(kernel), kernel[::-1, ::-1])
    np.testing.assert_array_equal(old_names.convert_kernel(kernel[0]), kernel[0, ::-1])
    with pytest.raises(ValueError, match=r"Invalid kernel shape: \(2, 1\)"):
        old_names.convert_kernel(kernel[0, 0])
    model = pk.Sequential([layers.Input((2,)), layers.Dense(3)])
    assert old_names.count_params(model.weights) == 9 == old_names.count_params([*model.weights, model.weights[0]])
    old_names.print_summary(model, line_length=70)
    assert "Total params: 9" in capsys.readouterr().out


def test_hdf5_matrix(tmp_path):
    h5py = pytest.importorskip("h5py")
    x = np.random.default_rng(0).integers(0, 256, (40, 3), dtype=np.uint8)
    y = x[:, :1] / 255
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = x, y
    rows = pk.utils.HDF5Matrix(str(tmp_path / "data.h5"), "x", 4, 36, normalizer=lambda a: a / 255)
    expected = x[4:36] / 255
    assert rows.shape == (32, 3) and len(rows) == 32 and rows.dtype == "float64" and rows.size == 96
    for key in (slice(None), slice(3, 9, 2), slice(None, None, -1), 5, -1, [4, 2, 2], np.array([7, 0])):
        np.testing.assert_array_equal(rows[key], expected[key])
    np.testing.assert_array_equal(np.asarray(rows), expected)
    targets = pk.utils.HDF5Matrix(tmp_path / "data.h5", "y", start=4, end=36)
    weights = []
    for data in ((rows, targets), (expected, y[4:36])):
        pk.utils.set_random_seed(3)
        model = pk.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(*data, batch_size=8, epochs=2, shuffle="batch", validation_split=0.25, verbose=0)
        weights.append(model.get_weights()[0])
        assert model.predict(data[0], verbose=0).shape == (32, 1)
    np.testing.assert_allclose(*weights, rtol=1e-6)
    with pytest.raises(ValueError, match="'x' has 40 rows"):
        pk.utils.HDF5Matrix(tmp_path / "data.h5", "x", 4, 41)
    with pytest.raises(IndexError, match="32 rows"):
        rows[32]
    with pytest.raises(IndexError, match="32 rows"):
        rows[[40]]
