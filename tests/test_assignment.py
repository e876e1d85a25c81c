"""Attributes that are assigned on a layer act at once, in everything that a model does, or are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from argument_rows import same
from test_arguments_layers import _NO_EFFECT, _REFUSED, _SPECIAL, _VALUES, MERGING, ROWS, base, takes_training

import pykernels as pk
from pykernels import layers, models, ops, utils
from pykernels.layers.context import StructureVersion
from pykernels.training import step_programs

# Further arguments, so that the cases draw as many random numbers and take equal steps.
ALSO = {
    "dropout": {"dropout": 0.2},
    "pool_size": {"strides": 2},
    "recurrent_dropout": {"recurrent_dropout": 0.2},
    "width_factor": {"width_factor": 0.2},
}
# What an assignment after the layer was made cannot mean: other names, first weights.
NOT_ASSIGNED = {"name", "seed", "weights"}


def numbers(weight, seed):
    """Of both signs, so that constraints act, but no negative variance."""
    low = 0.2 if "variance" in weight.name else -0.8
    return np.random.default_rng(seed).uniform(low, 1.0, weight.shape).astype("float32")


def observe(name, options, shape, change=None) -> list:
    """What a model with the layer gives after it was trained and asked, its weights were set, and an attribute of the
    layer was assigned."""
    utils.set_random_seed(3)
    x = np.random.default_rng(1).uniform(-1.5, 2.5, (4, *shape)).astype("float32")
    layer = getattr(layers, name)(**options)
    inputs = [layers.Input(shape), layers.Input(shape)] if name in MERGING else layers.Input(shape)
    model = models.Model(inputs, layer(inputs))
    data = [x, x[::-1] * 0.5] if name in MERGING else x
    model.compile("sgd", "mse", run_eagerly=False)
    use(model, layer, data)
    layer.set_weights([numbers(w, i) for i, w in enumerate(layer.weights)])
    if change is not None:
        setattr(layer, *change)
    return [*use(model, layer, data), model.output_shape]


def use(model, layer, data) -> list:
    found = [np.asarray(model(data)), model.predict(data, verbose=0), model.predict_on_batch(data)]
    target = np.zeros_like(found[1])
    if takes_training(layer):
        found.append(np.asarray(model(data, training=True)))
    if target.dtype.kind != "f" or target.size == 0:
        return found
    found.append(model.evaluate(data, target, verbose=0))
    if layer.trainable_weights:
        found += [model.fit(data, target, epochs=2, verbose=0).history["loss"], model.train_on_batch(data, target)]
        found += [w.numpy() for w in layer.weights]
    return found


@pytest.mark.parametrize(("name", "argument"), [r for r in ROWS if r not in _NO_EFFECT and r not in _REFUSED])
@pytest.mark.filterwarnings("ignore")
def test_arguments_of_layers(name, argument):
    if argument in NOT_ASSIGNED or argument.endswith("_initializer"):
        return
    shape, options = base(name)
    value, also = _SPECIAL.get((name, argument)) or (_VALUES[argument], {})
    options = {**options, **also, **ALSO.get(argument, {})}
    try:
        got = observe(name, options, shape, (argument, value))
    except AttributeError as error:
        assert argument in getattr(layers, name).decides_weights or argument == "dtype", error
        assert (argument in str(error) and "Make a new layer" in str(error)) or "make a new layer" in str(error)
        return
    want = observe(name, {**options, argument: value}, shape)
    assert same(got, want), [type(a) for a in got]


def small(*parts, size=6):
    model = pk.Sequential([layers.Input((size,)), *parts])
    model.compile("sgd", "mse")
    return model


X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.zeros((8, 2))


def everything(model) -> list:
    """What each way of running a model gives; all must be the same."""
    found = [
        np.asarray(model(X)),
        model.predict(X, verbose=0),
        model.predict_on_batch(X),
        model.predict(X[:3], verbose=0),
    ]
    assert same(found[0], found[1]) and same(found[1], found[2]) and same(found[1][:3], found[3])
    return [found[1], model.evaluate(X, Y, verbose=0), model.test_on_batch(X, Y)]


@pytest.fixture
def records(monkeypatch):
    """The kinds of programs that are recorded, one after the other."""
    seen = []
    record = step_programs.record
    monkeypatch.setattr(
        step_programs, "record", lambda model, kind, *what: seen.append(kind) or record(model, kind, *what)
    )
    return seen


def test_activations_act_in_every_way_of_running():
    model = small(layers.Dense(5, activation="relu"), layers.Dense(2))
    dense, head = model.layers
    for activation in (
        pk.activations.tanh,
        "sigmoid",
        None,
        lambda x: ops.maximum(x, 0.1),
        layers.LeakyReLU(0.5),
        "relu",
    ):
        dense.activation = activation
        found = everything(model)
        z = X @ dense.kernel.numpy() + dense.bias.numpy()
        want = np.asarray(pk.activations.get(activation)(z)) @ head.kernel.numpy() + head.bias.numpy()
        np.testing.assert_allclose(found[0], want, rtol=2e-5, atol=1e-6)
        assert found[1] == found[2] == pytest.approx(float(np.mean(want**2)), rel=1e-5)
    with pytest.raises(ValueError, match="no such function"):
        dense.activation = "no such function"
    assert dense.activation is pk.activations.relu


def test_what_a_constructor_refuses_is_refused():
    dropout = layers.Dropout(0.5)
    for wrong in (1.5, -1):
        with pytest.raises(ValueError, match="rate"):
            dropout.rate = wrong
    assert dropout.rate == 0.5
    with pytest.raises(ValueError, match="padding"):
        layers.Conv2D(2, 3).padding = "sane"


def test_what_weights_depend_on_stays():
    model = small(layers.Dense(5), layers.Dense(2))
    dense = model.layers[0]
    for name, value in (("units", 7), ("use_bias", False)):
        with pytest.raises(AttributeError, match=f"{name}.*Make a new layer"):
            setattr(dense, name, value)
    dense.units = 5  # what it is
    with pytest.raises(AttributeError, match=r"dtype.*make a new layer"):
        dense.dtype = "float64"
    unbuilt = layers.Dense(5)
    unbuilt.units, unbuilt.use_bias = 3, False
    assert unbuilt(X).shape == (8, 3) and len(unbuilt.weights) == 1


def test_usual_forms():
    conv = layers.Conv2D(2, 3)
    conv.strides, conv.padding, conv.kernel_regularizer = 2, "SAME", "l2"
    assert conv.strides == (2, 2) and conv.padding == "same" and isinstance(conv.kernel_regularizer, pk.regularizers.L2)
    assert conv.get_config()["strides"] == (2, 2)
    assert conv(np.ones((1, 5, 5, 1), "float32")).shape == (1, 3, 3, 2)


def test_dropout_that_was_none():
    model = small(layers.Dropout(0.0), layers.Dense(2))
    model.fit(X, Y, verbose=0)
    model.layers[0].rate = 0.5
    losses = {model.fit(X, Y, verbose=0).history["loss"][0] for _ in range(3)}
    assert len(losses) == 3
    assert np.count_nonzero(model.layers[0](np.ones((50, 50)), training=True) == 0) > 1000
    model.layers[0].rate = 1.0
    model.layers[1].set_weights([np.ones((6, 2)), np.ones(2)])
    assert model.train_on_batch(X, Y) == 1.0


def test_regularizers_and_constraints():
    model = small(layers.Dense(2, use_bias=False, kernel_initializer="ones"))
    model.compile(pk.optimizers.SGD(0.0), "mse")
    dense = model.layers[0]
    plain = model.evaluate(X, Y, verbose=0)
    dense.kernel_regularizer = pk.regularizers.L1(0.5)
    assert model.evaluate(X, Y, verbose=0) == model.train_on_batch(X, Y) == pytest.approx(plain + 6.0)
    dense.kernel.regularizer = None
    assert model.evaluate(X, Y, verbose=0) == plain
    dense.kernel_constraint = lambda w: w * 0.0
    model.train_on_batch(X, Y)
    assert np.all(dense.kernel.numpy() == 0)
    dense.activity_regularizer = "l2"
    dense.kernel_constraint = None
    dense.kernel.assign(np.ones((6, 2)))
    assert model.evaluate(X, Y, verbose=0) > plain


def test_trainable_variables():
    model = small(layers.Dense(2))
    model.fit(X, Y, verbose=0)
    kernel = model.layers[0].kernel
    kernel.trainable = False
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert same(before[0], model.get_weights()[0]) and not same(before[1], model.get_weights()[1])


def test_shapes_follow():
    inputs = layers.Input((9, 9, 1))
    conv = layers.Conv2D(2, 3, padding="same")
    outputs = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(conv(inputs)))
    model = pk.Model(inputs, [outputs, conv.output])
    x = np.ones((2, 9, 9, 1), "float32")
    assert model.predict(x, verbose=0)[1].shape == (2, 9, 9, 2)
    conv.strides = 2
    assert model.predict(x, verbose=0)[1].shape == (2, 5, 5, 2) == (2, *model.output_shape[1][1:])
    assert conv.output.shape == (None, 5, 5, 2)
    model.compile("sgd", "mse")
    model.fit(x, [np.zeros((2, 2)), np.zeros((2, 5, 5, 2))], verbose=0)
    # what behind it cannot take its new output says so
    dense = pk.Sequential([layers.Input((9, 9, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    dense.layers[0].strides = 2
    with pytest.raises(ValueError, match="dense"):
        dense.predict(x, verbose=0)


class Scaled(layers.Layer):
    bias = 0.0

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self._hidden = 1.0
        self.options = {"power": 1}
        self.calls = 0

    def call(self, x):
        self.calls += 1
        self.last = x
        return (x * self.factor * self._hidden + self.bias) ** self.options["power"]


def test_layers_of_the_users_own(records):
    layer = Scaled(2.0)
    model = small(layer, layers.Dense(2, kernel_initializer="ones"))
    sums = X.sum(1)

    def check(factor, bias=0.0):
        for _ in range(2):
            np.testing.assert_allclose(everything(model)[0][:, 0], factor * sums + 6 * bias, rtol=1e-4, atol=1e-4)

    model.evaluate(X, Y, verbose=0)
    records.clear()
    check(2.0)
    assert sorted(records) == ["predict", "predict"]  # attributes that `call` sets record nothing anew
    layer.factor = 3.0
    check(3.0)
    layer._hidden = 2.0
    check(6.0)
    layer.bias = 1.0
    check(6.0, 1.0)
    done = len(records)
    layer.factor = 3.0
    layer.calls = layer.calls + 0
    layer.unknown_so_far = 5
    layer.name = "other"
    check(6.0, 1.0)
    assert len(records) == done  # nothing that a program may have read is another
    layer.options = {"power": 2}
    np.testing.assert_allclose(model.predict(X, verbose=0)[:, 0], ((X * 6 + 1) ** 2).sum(1), rtol=1e-4)


def test_subclasses_of_layers():
    class Mine(layers.Dense):
        def __init__(self, units, **kwargs):
            super().__init__(units, activation="relu", **kwargs)
            self.gain = 2.0
            self.activation = pk.activations.tanh

        def call(self, x):
            return super().call(x) * self.gain

    layer = Mine(2)
    model = small(layer)
    z = X @ layer.kernel.numpy()
    np.testing.assert_allclose(everything(model)[0], 2 * np.tanh(z), rtol=1e-5, atol=1e-6)
    layer.gain, layer.activation = 3.0, "linear"
    np.testing.assert_allclose(everything(model)[0], 3 * z, rtol=1e-5, atol=1e-6)
    with pytest.raises(AttributeError, match="units"):
        layer.units = 3


def test_callbacks_assign_between_batches():
    """From the next batch on, also with many steps in one execution and at the ends of epochs."""
    layer = Scaled(0.0)
    model = small(layer, layers.Dense(2, use_bias=False, kernel_initializer="ones"))
    model.compile(pk.optimizers.SGD(0.0), "mse")
    losses = []

    class Grow(pk.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            layer.factor = float(batch)

        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    model.fit(np.ones((4, 6)), np.zeros((4, 2)), batch_size=1, callbacks=[Grow()], verbose=0, shuffle=False)
    want = np.cumsum([(6.0 * b) ** 2 for b in range(4)]) / np.arange(1, 5)
    np.testing.assert_allclose(losses, want, rtol=1e-6)

    class Epochs(pk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            layer.factor = float(epoch)

    history = model.fit(np.ones((4, 6)), np.zeros((4, 2)), epochs=3, callbacks=[Epochs()], verbose=0).history["loss"]
    np.testing.assert_allclose(history, [0, 36, 144], rtol=1e-6)


def test_training_records_once(records):
    """The loop's own bookkeeping records nothing anew."""
    model = small(Scaled(1.0), layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(2))

    class Count(pk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = False
            self.model.note = "not an attribute that a program has seen"

    model.fit(X, Y, batch_size=2, epochs=4, validation_split=0.25, callbacks=[Count()], verbose=0)
    assert sorted(records) == ["test", "train"]


def test_models_of_the_users_own():
    class Net(pk.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, kernel_initializer="ones")
            self.scale = 1.0

        def call(self, x):
            return self.dense(x) * self.scale

    model = Net()
    model.compile("sgd", "mse")
    np.testing.assert_allclose(everything(model)[0][:, 0], X.sum(1), rtol=1e-4, atol=1e-5)
    model.scale = 4.0
    np.testing.assert_allclose(everything(model)[0][:, 0], 4 * X.sum(1), rtol=1e-4, atol=1e-5)
    model.dense = layers.Dense(2, kernel_initializer="zeros")
    assert np.all(everything(model)[0] == 0)


def test_copies_files_and_clones_have_the_new_values(tmp_path):
    import copy

    model = small(layers.Dense(5, activation="relu"), layers.Dense(2))
    model.predict(X, verbose=0)
    model.layers[0].activation = "tanh"
    want = model.predict(X, verbose=0)
    model.save(tmp_path / "net.keras")
    clone = pk.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for other in (copy.deepcopy(model), pk.models.load_model(tmp_path / "net.keras"), clone):
        np.testing.assert_allclose(other.predict(X, verbose=0), want, rtol=1e-6)
        other.layers[0].activation = "linear"
        assert not np.allclose(other.predict(X, verbose=0), want)


def test_assigning_costs_no_random_numbers():
    """What is drawn afterwards is the same with and without an assignment."""
    kernels = []
    for assigns in (False, True):
        utils.set_random_seed(5)
        dropout = layers.Dropout(0.4)
        if assigns:
            dropout.rate = 0.3
        kernels.append(small(dropout, layers.Dense(2)).get_weights()[0])
    assert same(*kernels)


def test_constructors_and_calls_are_not_assignments():
    before = StructureVersion.value
    layer = Scaled(1.0)
    assert "_revision" not in layer.__dict__
    layer(X)
    assert "_revision" not in layer.__dict__
    layer.factor = 2.0
    assert layer.__dict__["_revision"] == 1 and StructureVersion.value > before


def test_another_optimizer():
    model = small(layers.Dense(2, use_bias=False))
    model.compile(pk.optimizers.SGD(0.1), "mse")
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    model.optimizer = pk.optimizers.SGD(0.0)
    model.fit(X, Y, verbose=0)
    model.train_on_batch(X, Y)
    assert same(before, model.get_weights())
    model.optimizer = pk.optimizers.Adam(0.1)
    model.fit(X, Y, verbose=0)
    assert not same(before, model.get_weights())


def test_frozen_layers_whose_results_are_kept():
    frozen = layers.Dense(4, trainable=False)
    model = small(frozen, layers.Dense(2))

    class Assigns(pk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                frozen.activation = "relu"

    with pytest.raises(ValueError, match=rf"cache_frozen=True.*{frozen.name}"):
        model.fit(X, Y, epochs=3, cache_frozen=True, callbacks=[Assigns()], verbose=0)
    model.fit(X, Y, epochs=2, cache_frozen=True, verbose=0)
