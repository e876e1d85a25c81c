"""Everything that may be given as data."""

import h5py
import numpy as np
import pytest

from pykernels import backend, layers, models, ops, optimizers
from pykernels.models import Model, Sequential
from pykernels.utils import set_random_seed


def x_of(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def regression(inputs=3, units=1, **options):
    set_random_seed(0)
    model = models.Sequential([layers.Dense(units, input_dim=inputs)])
    model.compile("sgd", "mse", **options)
    return model


X = (x_of(50, 3) * 40).astype("int8").astype("float32")
Y = x_of(50, 1)


def fitted(x, y=None, **options):
    model = regression()
    model.optimizer.learning_rate = 1e-4
    history = model.fit(x, y, epochs=2, shuffle=False, verbose=0, **options)
    return [*history.history["loss"], *model.get_weights()]


def assert_same(have, want):
    for a, b in zip(have, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.fixture(scope="module")
def expected():
    return fitted(X, Y)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "int16", "int32", "int64", ">f4", ">i2"])
def test_any_numeric_dtype(dtype, expected):
    assert_same(fitted(X.astype(dtype), Y), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.asfortranarray(X),
        lambda: np.repeat(X, 2, axis=0)[::2],
        lambda: X[::-1][::-1],
        lambda: np.concatenate([X, X], axis=1)[:, :3],
        lambda: X.tolist(),
        lambda: list(X),
        lambda: tuple(X),
        lambda: [X],
        lambda: {"input": X},
    ],
)
def test_layouts_and_lists(make, expected):
    x = make()
    if isinstance(x, dict):
        i = layers.Input((3,), name="input")
        set_random_seed(0)
        model = models.Model(i, layers.Dense(1)(i))
        model.compile(optimizers.SGD(1e-4), "mse")
        history = model.fit(x, Y, epochs=2, shuffle=False, verbose=0)
        assert len(history.history["loss"]) == 2
        return
    assert_same(fitted(x, Y), expected)


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 1, 1)])
def test_targets_of_other_rank(shape, expected):
    if len(shape) == 3:
        return
    assert_same(fitted(X, Y.reshape(shape)), expected)


def test_inputs_of_other_rank():
    model = regression(inputs=1)
    x = np.arange(6.0)
    np.testing.assert_allclose(model.predict(x, verbose=0), model.predict(x[:, None], verbose=0))
    model.fit(x, x, verbose=0)


def test_pandas(expected):
    pandas = pytest.importorskip("pandas")
    assert_same(fitted(pandas.DataFrame(X, columns=list("abc")), pandas.Series(Y[:, 0])), expected)
    assert_same(fitted(pandas.DataFrame(X), pandas.DataFrame(Y)), expected)


def test_memory_maps_are_not_read_whole(tmp_path, expected):
    mapped = np.memmap(tmp_path / "x", "float32", "w+", shape=X.shape)
    mapped[:] = X
    assert_same(fitted(mapped, Y), expected)
    model = regression()
    np.testing.assert_allclose(model.predict(mapped, verbose=0), model.predict(X, verbose=0))


def test_fit_does_not_copy(monkeypatch):
    resource = pytest.importorskip("resource")
    x = np.zeros((400_000, 100), "uint8")
    y = np.zeros(400_000, "uint8")
    model = regression(inputs=100)
    model.fit(x[:64], y[:64], verbose=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.fit(x, y, batch_size=1000, verbose=0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; the array has 40,000


def test_h5py(tmp_path, expected):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = X, Y
    with h5py.File(tmp_path / "data.h5") as file:
        assert_same(fitted(file["x"], file["y"]), expected)
        model = regression()
        np.testing.assert_allclose(model.predict(file["x"], verbose=0), model.predict(X, verbose=0), rtol=1e-6)
        a = model.fit(file["x"], Y, validation_split=0.2, verbose=0, shuffle="batch").history
        model.fit(file["x"], Y, verbose=0)
        assert set(a) == {"loss", "val_loss"}
        np.testing.assert_allclose(
            model.evaluate(file["x"], file["y"], verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-6
        )


def batches(x=X, y=Y, size=32, forever=False, weight=None):
    while True:
        for i in range(0, len(x), size):
            rows = slice(i, i + size)
            yield (x[rows], y[rows]) if weight is None else (x[rows], y[rows], weight[rows])
        if not forever:
            return


def test_infinite_generator(expected):
    assert_same(fitted(batches(forever=True), steps_per_epoch=2), expected)


def test_generator_that_ends():
    model = regression()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(batches(), epochs=3, verbose=0)
    assert len(history.history["loss"]) == 1
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(batches(), epochs=1, steps_per_epoch=5, verbose=0)
    assert int(model.optimizer.iterations) == 4


class Batches:
    """Like keras.utils.Sequence: `len` and `[i]`."""

    def __init__(self):
        self.ends = 0
        self.order = []

    def __len__(self):
        return 2

    def __getitem__(self, i):
        self.order.append(i)
        return X[i * 32 : i * 32 + 32], Y[i * 32 : i * 32 + 32]

    def on_epoch_end(self):
        self.ends += 1


def test_sequences(expected):
    source = Batches()
    assert_same(fitted(source), expected)
    assert source.ends == 2
    model = regression()
    np.testing.assert_allclose(model.evaluate(source, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-6)
    np.testing.assert_allclose(model.predict(source, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    model.fit(X, Y, validation_data=source, verbose=0)
    shuffled = Batches()
    model.optimizer.learning_rate = 1e-4
    model.fit(shuffled, epochs=20, verbose=0)
    assert len({tuple(shuffled.order[i : i + 2]) for i in range(0, 40, 2)}) == 2


def test_iterables_start_again(expected):
    class Loader:
        def __iter__(self):
            return batches()

    assert_same(fitted(Loader()), expected)
    assert_same(fitted(Loader(), steps_per_epoch=2), expected)


def test_generators_with_weights():
    weight = np.linspace(0, 2, 50).astype("float32")
    model = regression()
    a = model.evaluate(batches(weight=weight), verbose=0)
    np.testing.assert_allclose(a, model.evaluate(X, Y, sample_weight=weight, verbose=0), rtol=1e-5)


def test_keras_1_and_2_generator_methods(expected):
    def run(**options):
        model = regression()
        model.optimizer.learning_rate = 1e-4
        history = model.fit_generator(batches(forever=True), verbose=0, **options)
        return [*history.history["loss"], *model.get_weights()]

    assert_same(run(steps_per_epoch=2, epochs=2, workers=4, use_multiprocessing=True), expected)
    assert_same(run(steps_per_epoch=2, nb_epoch=2, nb_worker=1), expected)
    model = regression()
    model.fit_generator(
        batches(size=10, forever=True),
        samples_per_epoch=50,
        nb_epoch=1,
        verbose=0,
        validation_data=(X, Y),
        max_q_size=3,
    )
    assert int(model.optimizer.iterations) == 5
    np.testing.assert_allclose(model.evaluate_generator(batches(), steps=2), model.evaluate(X, Y, verbose=0), rtol=1e-6)
    np.testing.assert_allclose(
        model.predict_generator(batches(forever=True), steps=1), model.predict(X[:32], verbose=0)
    )
    model.fit(X, Y, nb_epoch=2, verbose=0)
    assert len(model.history.epoch) == 2
    old = {"val_samples": len(X), "max_q_size": 2, "nb_worker": 1, "pickle_safe": False}
    np.testing.assert_allclose(
        model.evaluate_generator(batches(forever=True), **old), model.evaluate(X, Y, verbose=0), rtol=1e-6
    )
    assert model.predict_generator(batches(forever=True), **old).shape == (len(X), 1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        model.fit_generator(batches(), foo=3)


def test_classification_targets_keep_large_class_numbers():
    set_random_seed(0)
    model = models.Sequential([layers.Dense(300, activation="softmax", input_dim=3)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = np.arange(50) % 300
    kernel, bias = (w.astype("float64") for w in model.get_weights())
    z = X.astype("float64") @ kernel + bias
    log_p = z - np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1, keepdims=True)) - z.max(-1, keepdims=True)
    for target in (y, y.astype("uint8"), y.astype("float32"), y[:, None]):
        loss, _ = model.evaluate(X, target, verbose=0)
        np.testing.assert_allclose(loss, -log_p[np.arange(50), y].mean(), rtol=1e-5)


def test_steps():
    model = regression()
    np.testing.assert_allclose(model.predict(X, batch_size=10, steps=2, verbose=0), model.predict(X[:20], verbose=0))
    assert model.evaluate(X, Y, batch_size=10, steps=2, verbose=0) == pytest.approx(
        model.evaluate(X[:20], Y[:20], verbose=0), rel=1e-5
    )


def test_predictions_of_big_arrays_do_not_depend_on_batches():
    model = regression(units=5)
    x = x_of(1000, 3)
    whole = model.predict(x, batch_size=1000, verbose=0)
    np.testing.assert_allclose(model.predict(x, batch_size=33, verbose=0), whole, rtol=1e-6, atol=1e-6)
    assert whole.flags.writeable


def test_integer_inputs_of_subclassed_models():
    class Net(models.Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(1)

        def call(self, x):
            return self.d(ops.cast(x, "float32") / 255.0)

    model = Net()
    model.compile("sgd", "mse")
    x = np.arange(150).reshape(50, 3).astype("uint8")
    model.fit(x, Y, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), x / 255.0 @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_labels_of_every_batch_are_checked():
    model = models.Sequential([layers.Dense(3, activation="softmax", input_dim=3)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.zeros(50, int)
    y[40] = 3
    with pytest.raises(ValueError, match="label 3"):
        model.fit(batches(X, y), verbose=0)
    assert int(model.optimizer.iterations) == 1


def test_inputs_as_a_dict_in_any_order():
    a, b = layers.Input((3,), name="b"), layers.Input((2,), name="a")
    model = models.Model({"b": a, "a": b}, layers.Dense(1)(layers.Dense(2)(a) + b))
    model.compile("sgd", "mse")
    xa, xb = X, x_of(50, 2)
    p = model.predict({"a": xb, "b": xa}, verbose=0)
    k, c, d, e = model.get_weights()
    np.testing.assert_allclose(p, (xa @ k + c + xb) @ d + e, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model({"b": xa, "a": xb}), p, rtol=1e-5, atol=1e-5)
    model.fit({"a": xb, "b": xa / 40}, Y, validation_split=0.2, verbose=0)


def columns():
    pandas = pytest.importorskip("pandas")
    return pandas, {
        "bool": pandas.DataFrame({"a": [1, 2, 3, 4], "b": [True, False, True, False], "c": [0.1, 0.2, 0.3, 0.4]}),
        "dummies": pandas.get_dummies(pandas.DataFrame({"a": [1, 2, 3, 4], "kind": ["x", "y", "z", "x"]})),
        "nullable": pandas.DataFrame(
            {
                "a": pandas.array([1, 2, 3, 4], dtype="Int64"),
                "b": pandas.array([True, False, True, True], dtype="boolean"),
            }
        ),
    }


@pytest.mark.parametrize("kind", ["bool", "dummies", "nullable"])
def test_tables_of_mixed_columns(kind):
    _, tables = columns()
    table = tables[kind]
    model = Sequential([layers.Input((table.shape[1],)), layers.Dense(1)])
    want = model.predict(table.astype("float32").to_numpy(), verbose=0)
    np.testing.assert_array_equal(model.predict(table, verbose=0), want)


def test_tables_with_text_and_with_missing_values():
    pandas, tables = columns()
    model = Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Column 'name' of `x` must hold numbers.*get_dummies"):
        model.predict(pandas.DataFrame({"a": [1, 2], "name": ["x", "y"]}))
    missing = tables["nullable"].copy()
    missing.loc[1, "a"] = pandas.NA
    assert np.isnan(model.predict(missing, verbose=0)[1, 0])


def test_a_loss_of_the_users_own_may_mask_nan_in_the_targets():
    def masked(y, p):
        known = ops.logical_not(ops.isnan(y))
        return ops.mean(ops.square(ops.where(known, y, p) - p))

    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    x, y = np.ones((8, 3)), np.array([1, np.nan] * 4)
    model.compile("sgd", masked)
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="NaN"):
        model.fit(x, y, verbose=0)


def two_outputs():
    x = layers.Input((3,))
    return Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])


def test_one_metric_for_every_output_as_in_keras_2():
    model = two_outputs()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(np.ones((4, 3)), [np.ones(4), np.ones(4)], verbose=0).history
    assert {"a_mae", "b_mae"} <= set(history)


def test_variables_as_loss_weights_act_when_they_change():
    weight = backend.variable(1.0)
    model = two_outputs()
    model.compile("sgd", "mse", loss_weights=[weight, 2.0])
    x, ys = np.ones((4, 3)), [np.zeros(4), np.zeros(4)]
    backend.set_value(weight, 0.0)
    before = [w.copy() for w in model.get_weights()]
    model.fit(x, ys, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True]
    backend.set_value(weight, 1.0)
    model.fit(x, ys, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])
