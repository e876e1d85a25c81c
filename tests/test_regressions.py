"""Defects that were found by trying to break the package, one test each."""

import numpy as np
import pytest

import pykernels as keras
from pykernels import layers, ops, regularizers
from pykernels.layers import Dense, Flatten, Layer

X = np.random.default_rng(0).normal(size=(40, 8)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 40)


class Apply(Layer):
    """A custom layer that applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def trains(function):
    model = keras.Sequential([keras.Input((8,)), Dense(12), Apply(function), Flatten(), Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss = model.fit(X, Y, batch_size=16, verbose=0).history["loss"][-1]
    assert np.isfinite(loss)
    return model


@pytest.mark.parametrize("name", ["l1_l2", "l1l2"])
def test_the_name_l1_l2_regularizes(name):
    """As in Keras 1 and tf.keras: the string means 0.01 each, not the L1L2() that does nothing."""
    assert regularizers.get(name).get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}}).get_config()["l1"] == 0.0


def test_reshape_with_the_batch_of_ops_shape_and_a_free_extent():
    model = trains(lambda x: ops.reshape(x, (ops.shape(x)[0], 4, -1)))
    assert model.layers[1].output.shape == (None, 4, 3)
    with pytest.raises(ValueError, match="total size"):
        trains(lambda x: ops.reshape(x, (ops.shape(x)[0], 5, -1)))


@pytest.mark.parametrize("draw", ["normal", "uniform", "truncated_normal"])
def test_random_values_in_the_shape_of_an_unknown_batch(draw):
    function = getattr(keras.random, draw)
    model = trains(lambda x: x + function(ops.shape(x)))
    assert model.layers[1].output.shape == (None, 12)
    seeds = keras.random.SeedGenerator(3)
    trains(lambda x: x + function(ops.shape(x), seed=seeds))


def test_dense_on_a_sequence_of_unknown_length():
    model = keras.Sequential([keras.Input((None, 8)), Dense(2, activation="relu"), Dense(1)])
    assert model.output_shape == (None, None, 1)
    model.compile("sgd", "mse")
    x = X.reshape(10, 4, 8)
    assert model.predict(x, verbose=0).shape == (10, 4, 1)
    assert np.isfinite(model.fit(x, np.ones((10, 4, 1)), verbose=0).history["loss"][0])
    assert model.predict(x[:, :3], verbose=0).shape == (10, 3, 1)


def test_metrics_of_one_name_have_columns_of_their_own():
    def MyMetric(y_true, y_pred):  # noqa: N802 - Keras names it my_metric
        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", "mae", MyMetric, lambda t, p: ops.mean(p, axis=-1)])
    history = model.fit(np.ones((4, 2), "f4"), np.ones((4, 1), "f4"), epochs=2, verbose=0).history
    assert list(history) == ["lambda", "loss", "mae", "mae_1", "my_metric"]
    assert all(len(column) == 2 for column in history.values())


def test_random_layers_draw_anew_at_each_prediction():
    class Noise(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1)

        def call(self, x):
            return x + keras.random.normal(ops.shape(x), seed=self.seed_generator)

    model = keras.Sequential([layers.Input((3,)), Noise()])
    x = np.zeros((4, 3), "f4")
    draws = [model(x), model(x), model.predict(x, verbose=0), model.predict(x, verbose=0), model.predict_on_batch(x)]
    draws += [model.predict(x, batch_size=2, verbose=0)]
    assert len({d.tobytes() for d in draws}) == len(draws)


@pytest.mark.parametrize(("a", "b"), [((0, 3), (3, 4)), ((2, 3), (3, 0)), ((2, 0), (0, 4)), ((0, 0), (0, 0))])
def test_products_with_no_rows_columns_or_depth(a, b):
    product = ops.matmul(np.ones(a, "f4"), np.ones(b, "f4"))
    np.testing.assert_array_equal(product, np.zeros((a[0], b[1]), "f4"))


def test_weights_files_are_named_in_errors(tmp_path):
    model = keras.Sequential([layers.Input((64,)), layers.Dense(64)])
    good = tmp_path / "good.weights.h5"
    model.save_weights(good)
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes(good.read_bytes()[:8000])
    with pytest.raises(OSError, match=r"cut\.weights\.h5 cannot be read"):
        model.load_weights(cut)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        model.save_weights(tmp_path / "nowhere" / "w.weights.h5")


@pytest.mark.parametrize("y", [np.array([-1, 1, 1, -1]), np.array([0, 9, 3, 1])])
def test_binary_crossentropy_warns_of_targets_outside_0_to_1(y):
    model = keras.Sequential([layers.Input((8,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    with pytest.warns(UserWarning, match="takes targets from 0 to 1"):
        model.fit(X[:4], y, verbose=0)


def test_repeat_and_tile_in_a_model():
    """With the batch unknown, the extents of the repetition were kept as unknown when the model ran."""
    x = keras.Input((4, 5))
    model = keras.Model(x, [ops.repeat(x, 2, axis=1), ops.tile(x, (1, 2, 1))])
    data = np.arange(60, dtype="f4").reshape(3, 4, 5)
    repeated, tiled = model.predict(data, verbose=0)
    np.testing.assert_array_equal(repeated, np.repeat(data, 2, axis=1))
    np.testing.assert_array_equal(tiled, np.tile(data, (1, 2, 1)))
