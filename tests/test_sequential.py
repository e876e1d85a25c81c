"""Sequential and functional models: structure, building, weights, copies, files."""

import copy
import os
import pickle
import threading

import h5py
import numpy as np
import pytest

from pykernels import backend, layers, models, optimizers


@pytest.fixture(autouse=True)
def fresh_names():
    backend.clear_session()


def x_of(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def small(**options):
    return models.Sequential(
        [layers.Dense(3, activation="relu", input_shape=(4,)), layers.Dropout(0.5), layers.Dense(2)], **options
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: [layers.Dense(3, input_shape=(4,)), layers.Dense(2)],
        lambda: [layers.Dense(3, input_dim=4), layers.Dense(2)],
        lambda: [layers.Input((4,)), layers.Dense(3), layers.Dense(2)],
        lambda: [layers.Input(shape=(4,)), layers.Dense(3), layers.Dense(2)],
        lambda: [layers.InputLayer((4,)), layers.Dense(3), layers.Dense(2)],
        lambda: [layers.InputLayer(input_shape=(4,)), layers.Dense(3), layers.Dense(2)],
        lambda: [layers.Dense(3, batch_input_shape=(None, 4)), layers.Dense(2)],
    ],
)
@pytest.mark.parametrize("by", ["list", "add"])
def test_ways_to_say_the_input_shape(make, by):
    stack = make()
    if by == "list":
        model = models.Sequential(stack)
    else:
        model = models.Sequential()
        for layer in stack:
            model.add(layer)
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense"]
    assert model.built
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 2)
    assert model.count_params() == 23
    assert model.name == "sequential"
    assert model.predict(x_of(3, 4), verbose=0).shape == (3, 2)


def test_deferred_build():
    model = models.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    with pytest.raises(ValueError, match="isn't built"):
        model.count_params()
    with pytest.raises(AttributeError, match="no defined"):
        _ = model.inputs
    model.build((None, 4))
    assert model.count_params() == 23
    other = models.Sequential([layers.Flatten(), layers.Dense(2)])
    other.compile("sgd", "mse")
    other.fit(x_of(8, 2, 3), x_of(8, 2), verbose=0)
    assert other.input_shape == (None, 2, 3)
    third = models.Sequential([layers.Dense(2)])
    assert third(x_of(5, 3)).shape == (5, 2)
    assert third.built


def test_add_and_pop():
    model = small()
    first = model.layers[0].get_weights()
    model.pop()
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(7, activation="softmax", name="new"))
    assert model.output_shape == (None, 7)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first[0])
    assert model.predict(x_of(2, 4), verbose=0).shape == (2, 7)
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("rmsprop", "categorical_crossentropy")
    model.fit(x_of(8, 4), np.eye(7)[np.arange(8) % 7], verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first[0])
    assert len(model.trainable_weights) == 2


def test_structure_errors():
    with pytest.raises(ValueError, match=r"Only instances of `keras.Layer` can be added.*Did you mean Dense\(\)"):
        models.Sequential([layers.Dense])
    with pytest.raises(ValueError, match=r"should have unique names. Name 'a'"):
        models.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")])
    model = small()
    with pytest.raises(ValueError, match="already been configured to use input shape"):
        model.add(layers.Input((5,)))
    with pytest.raises(ValueError, match="You cannot build it with input_shape"):
        model.build((None, 9))
    with pytest.raises(ValueError, match="no layers"):
        models.Sequential().build((None, 2))
    with pytest.raises(ValueError, match=r"No such layer: foo. Existing layers are: \['dense"):
        model.get_layer("foo")
    with pytest.raises(ValueError, match="layer at index 9"):
        model.get_layer(index=9)
    with pytest.raises(AttributeError, match="reserved"):
        model.layers = []
    with pytest.raises(TypeError, match="no layers in the model"):
        models.Sequential().pop()


def test_get_layer():
    model = small()
    assert model.get_layer("dense") is model.layers[0]
    assert model.get_layer(index=-1) is model.layers[-1]
    assert model.layers[0].output.shape == (None, 3)


def test_weights():
    model = small()
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(4, 3), (3,), (3, 2), (2,)]
    model.set_weights([w + 1 for w in weights])
    np.testing.assert_array_equal(model.get_weights()[1], weights[1] + 1)
    with pytest.raises(ValueError, match="weight list of length 1, but the layer was expecting 4 weights"):
        model.set_weights([1])
    with pytest.raises(
        ValueError, match=r"weight shape \(3, 2\) is not compatible with provided weight shape \(2, 2\)"
    ):
        model.set_weights([*weights[:2], np.ones((2, 2)), weights[3]])
    np.testing.assert_array_equal(model.get_weights()[1], weights[1] + 1)  # nothing was half set


def test_models_within_models():
    inner = models.Sequential([layers.Dense(3, input_dim=4, activation="relu")], name="inner")
    model = models.Sequential([inner, layers.Dense(2)])
    assert model.input_shape == (None, 4)
    assert len(model.weights) == 4
    x = x_of(5, 4)
    a, b, c, d = model.get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), np.maximum(x @ a + b, 0) @ c + d, rtol=1e-4, atol=1e-5)
    model.compile("sgd", "mse")
    model.fit(x, np.ones((5, 2)), verbose=0)
    assert not np.allclose(model.get_weights()[0], a)
    inner.trainable = False
    assert len(model.trainable_weights) == 2
    lazy = models.Sequential([layers.Dense(3)], name="lazy")
    functional = models.Model((i := layers.Input((4,))), layers.Dense(1)(lazy(i)))
    assert functional.predict(x, verbose=0).shape == (5, 1)


def test_functional_model():
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    shared = layers.Dense(4, name="shared")
    x = shared(a) + layers.Dense(4)(b)
    out = layers.Dense(1)(shared(a) * x)
    model = models.Model(inputs=[a, b], outputs=out)
    assert model.input_names == ["a", "b"]
    assert model.output_names == ["dense_1"]
    assert len(model.weights) == 6
    xa, xb = x_of(6, 3), x_of(6, 2)
    y = model.predict([xa, xb], verbose=0)
    np.testing.assert_allclose(model.predict({"b": xb, "a": xa}, verbose=0), y)
    np.testing.assert_allclose(model([xa, xb]), y, rtol=1e-5, atol=1e-6)
    model.compile("adam", "mse")
    history = model.fit([xa, xb], np.ones(6), epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    features = models.Model(model.input, shared.output)
    assert features.predict([xa, xb], verbose=0).shape == (6, 4)
    two = models.Model(a, [shared(a), layers.Dense(1)(a)])
    assert [p.shape for p in two.predict(xa, verbose=0)] == [(6, 4), (6, 1)]
    with pytest.raises(ValueError, match="not connected"):
        models.Model(a, x)
    with pytest.raises(ValueError, match="must be KerasTensors"):
        models.Model(np.ones(3), x)
    assert models.Model(input=a, output=shared(a)).output_shape == (None, 4)


def test_subclassed_model():
    class Net(models.Model):
        def __init__(self, units):
            super().__init__()
            self.hidden = layers.Dense(units, activation="relu")
            self.drop = layers.Dropout(0.3)
            self.out = layers.Dense(2, activation="softmax")

        def call(self, inputs, training=False):
            return self.out(self.drop(self.hidden(inputs), training=training))

    model = Net(5)
    model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = x_of(64, 4)
    y = (x[:, 0] > 0).astype(int)
    history = model.fit(x, y, epochs=30, verbose=0, batch_size=16)
    assert history.history["accuracy"][-1] > 0.8
    assert model.evaluate(x, y, verbose=0)[1] > 0.8
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in model.layers] == ["dense", "dropout", "dense_1"]
    assert model.count_params() == 4 * 5 + 5 + 5 * 2 + 2

    class Sub(models.Model):
        def __init__(self):
            i = layers.Input((3,))
            super().__init__(i, layers.Dense(1)(i))

    assert Sub().predict(x_of(2, 3), verbose=0).shape == (2, 1)


def compiled():
    model = small()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x_of(32, 4), x_of(32, 2), epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
def test_copies_are_by_value(how):
    model = compiled()
    again = how(model)
    x, y = x_of(32, 4), x_of(32, 2)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    before = model.get_weights()
    again.fit(x, y, epochs=2, verbose=0)
    for have, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(have, want)
    assert not np.array_equal(again.get_weights()[0], before[0])
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) + 2


def test_functional_copies():
    i = layers.Input((4,))
    x = layers.Dense(3)(i)
    model = models.Model(i, layers.Dense(2)(x) + layers.Dense(2)(i))
    data = x_of(5, 4)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
    assert again.layers[1].output.shape == (None, 3)
    deep = models.Sequential([layers.Dense(4, input_dim=4), *(layers.Dense(4) for _ in range(150))])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(deep))(data), deep(data))


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "w.hdf5"])
def test_weights_files(tmp_path, name):
    model = compiled()
    path = tmp_path / name
    model.save_weights(path)
    other = small()
    other.load_weights(str(path))
    np.testing.assert_array_equal(other.predict(x_of(3, 4), verbose=0), model.predict(x_of(3, 4), verbose=0))
    assert sorted(os.listdir(tmp_path)) == [name]
    with pytest.raises(FileExistsError):
        model.save_weights(path, overwrite=False)


def test_weights_file_layout_and_optimizer(tmp_path):
    model = compiled()
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    with h5py.File(path) as file:
        assert sorted(file) == ["layers", "optimizer", "vars"]
        assert sorted(file["layers"]) == ["dense", "dense_1", "dropout"]
        assert file["layers/dense/vars/0"].shape == (4, 3)
        assert file["layers/dense_1/vars"].attrs["name"] == "dense_1"
    other = small()
    other.compile("adam", "mse")
    other.load_weights(path)
    assert int(other.optimizer.iterations) == int(model.optimizer.iterations)


def test_weights_files_that_do_not_fit(tmp_path):
    model = compiled()
    model.save_weights(tmp_path / "a.weights.h5")
    model.save_weights(tmp_path / "a.h5")
    other = models.Sequential([layers.Dense(3, input_dim=4), layers.Dropout(0.5), layers.Dense(5)])
    before = other.get_weights()
    for name in ("a.weights.h5", "a.h5"):
        with pytest.raises(ValueError, match=r"does not fit.*\n.*\n.*\n?.*differs"):
            other.load_weights(tmp_path / name)
        for have, want in zip(other.get_weights(), before, strict=True):
            np.testing.assert_array_equal(have, want)
        with pytest.warns(UserWarning, match="do not fit"):
            other.load_weights(tmp_path / name, skip_mismatch=True)
        np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
        other.set_weights(before)
    third = models.Sequential([layers.Dense(3, input_dim=4)])
    with pytest.raises(ValueError, match="Layer count mismatch"):
        third.load_weights(tmp_path / "a.h5")
    named = models.Sequential([layers.Dense(2, input_dim=3, name=model.layers[-1].name)])
    named.load_weights(tmp_path / "a.h5", by_name=True)
    np.testing.assert_array_equal(named.get_weights()[0], model.get_weights()[2])
    with pytest.raises(ValueError, match=r"`.keras` files hold whole models: use model.save\('m.keras'\)"):
        model.save_weights("m.keras")
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "none.h5")
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        model.load_weights(tmp_path / "bad.h5")
    with pytest.raises(ValueError, match="Build it first"):
        models.Sequential([layers.Dense(2)]).load_weights(tmp_path / "a.h5")


def test_predict_from_many_threads():
    model = models.Sequential([layers.Dense(32, activation="tanh", input_dim=16), layers.Dense(4)])
    data = [x_of(n, 16) * n for n in range(1, 9)]
    expected = [model.predict(x, verbose=0) for x in data]
    wrong = []

    def work(seed):
        for i in range(60):
            n = (i + seed) % len(data)
            result = model.predict(data[n], verbose=0) if i % 2 else model(data[n])
            if not np.array_equal(result, expected[n]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_config_round_trip():
    model = small(name="mine")
    again = models.Sequential.from_config(model.get_config())
    assert again.name == "mine"
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x_of(2, 4), verbose=0), model.predict(x_of(2, 4), verbose=0))
