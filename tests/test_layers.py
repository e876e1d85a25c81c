"""Layers: names, shapes, state, errors, configuration, user subclasses."""

import copy
import pickle

import numpy as np
import pytest

from pykernels import backend, initializers, layers, models, ops, regularizers


@pytest.fixture(autouse=True)
def fresh_names():
    backend.clear_session()


def x_of(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_names_are_unique_and_reset():
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert layers.LeakyReLU().name == "leaky_re_lu"
    assert layers.PReLU().name == "p_re_lu"
    assert layers.InputLayer((3,)).name == "input_layer"
    backend.clear_session()
    assert layers.Dense(1).name == "dense"
    assert layers.Dense(1, name="mine").name == "mine"


def test_dense_computes_and_builds():
    layer = layers.Dense(3, activation="relu")
    x = x_of(5, 4)
    y = layer(x)
    assert layer.built
    assert [v.name for v in layer.weights] == ["kernel", "bias"]
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(y, np.maximum(x @ kernel + bias, 0), rtol=1e-5, atol=1e-6)
    assert layer.count_params() == 15
    assert layer.compute_output_shape((None, 4)) == (None, 3)
    deep = layers.Dense(2)
    assert deep(x_of(2, 5, 4)).shape == (2, 5, 2)
    assert deep.weights[0].shape == (4, 2)


def test_dense_takes_integers():
    layer = layers.Dense(2, kernel_initializer="ones")
    np.testing.assert_allclose(layer(np.array([[1, 2]])), [[3.0, 3.0]])


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("activation", "tanh"),
        ("use_bias", False),
        ("kernel_initializer", "ones"),
        ("bias_initializer", "ones"),
    ],
)
def test_dense_arguments_change_the_output(argument, value):
    x = x_of(3, 4)
    plain = layers.Dense(2, kernel_initializer=initializers.GlorotUniform(seed=1), bias_initializer="uniform")
    options = {"kernel_initializer": initializers.GlorotUniform(seed=1), "bias_initializer": "uniform", argument: value}
    assert not np.allclose(plain(x), layers.Dense(2, **options)(x))


@pytest.mark.parametrize("argument", ["kernel_regularizer", "bias_regularizer", "activity_regularizer"])
def test_dense_regularizers_join_the_losses(argument):
    layer = layers.Dense(2, kernel_initializer="ones", bias_initializer="ones", **{argument: regularizers.L2(0.5)})
    y = layer(np.ones((4, 3), "float32"))
    expected = {
        "kernel_regularizer": 0.5 * 6,
        "bias_regularizer": 0.5 * 2,
        "activity_regularizer": 0.5 * float((y**2).sum()) / 4,
    }[argument]
    np.testing.assert_allclose([float(v) for v in layer.losses], [expected], rtol=1e-6)


@pytest.mark.parametrize("argument", ["kernel_constraint", "bias_constraint"])
def test_dense_constraints_act_in_training(argument):
    model = models.Sequential([layers.Dense(2, input_dim=3, bias_initializer="ones", **{argument: "non_neg"})])
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 5.0
    model.fit(x_of(8, 3), -10 * np.ones((8, 2)), epochs=2, verbose=0)
    constrained = model.weights[0 if argument == "kernel_constraint" else 1].numpy()
    assert (constrained >= 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dense(-3), "invalid value for `units`, expected a positive integer. Received: units=-3"),
        (lambda: layers.Dense(3, foo=2), r"Unrecognized keyword arguments passed to Dense: {'foo': 2}"),
        (lambda: layers.Dense(3, activation="rellu"), "relu"),
        (lambda: layers.Dense(3, dtype="bfloat16"), "bfloat16"),
        (lambda: layers.Dense(3, lora_rank=2), "lora_rank"),
        (lambda: layers.Dropout(3), "Invalid value received for argument `rate`"),
        (lambda: layers.Dropout(0.5, noise_shape="a"), "noise_shape"),
        (lambda: layers.LeakyReLU(-1), "negative_slope value of a Leaky ReLU"),
        (lambda: layers.ReLU(max_value=-1), "max_value of a ReLU layer"),
        (lambda: layers.Reshape((-1, -1)), "only be one -1"),
        (lambda: layers.Input(), "You must pass a `shape` argument."),
        (lambda: layers.Input((3,), batch_shape=(None, 3)), "both `shape` and `batch_shape`"),
        (lambda: layers.Input((3,), sparse=True), "sparse"),
    ],
)
def test_constructor_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_input_spec_messages_name_the_layer():
    layer = layers.Dense(3)
    with pytest.raises(ValueError, match="of layer 'dense' is incompatible with the layer: expected min_ndim=2"):
        layer(np.ones(3, "float32"))
    layer(np.ones((2, 4), "float32"))
    with pytest.raises(ValueError, match=r"expected axis -1 of input shape to have value 4, but received.*\(2, 5\)"):
        layer(np.ones((2, 5), "float32"))
    with pytest.raises(ValueError, match="must be unchanged"):
        layers.Reshape((5,))(np.ones((2, 4), "float32"))


def test_shapes():
    x = x_of(2, 3, 4)
    assert layers.Flatten()(x).shape == (2, 12)
    assert layers.Flatten()(np.ones(3, "float32")).shape == (3, 1)
    np.testing.assert_array_equal(layers.Flatten(data_format="channels_first")(x), np.moveaxis(x, 1, -1).reshape(2, -1))
    assert layers.Reshape((4, 3))(x).shape == (2, 4, 3)
    assert layers.Reshape((-1, 6))(x).shape == (2, 2, 6)
    assert layers.Reshape((2, -1)).compute_output_shape((None, 3, 4)) == (None, 2, 6)
    assert layers.Flatten().compute_output_shape((None, 3, 4)) == (None, 12)


def test_activation_layers():
    x = x_of(4, 5)
    np.testing.assert_allclose(layers.ReLU()(x), np.maximum(x, 0))
    np.testing.assert_allclose(layers.ReLU(max_value=0.5)(x), np.clip(x, 0, 0.5))
    leaky = layers.ReLU(negative_slope=0.1, threshold=0.2)(x)
    np.testing.assert_allclose(leaky, np.where(x >= 0.2, x, 0.1 * (x - 0.2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layers.LeakyReLU()(x), np.where(x > 0, x, 0.3 * x), rtol=1e-6)
    np.testing.assert_allclose(layers.LeakyReLU(alpha=0.1)(x), np.where(x > 0, x, 0.1 * x), rtol=1e-6)
    np.testing.assert_allclose(layers.ELU(2.0)(x), np.where(x > 0, x, 2 * np.expm1(x)), rtol=1e-5, atol=1e-6)
    prelu = layers.PReLU(alpha_initializer="ones")
    np.testing.assert_allclose(prelu(x), x, rtol=1e-6)
    assert prelu.weights[0].shape == (5,)
    shared = layers.PReLU(shared_axes=[1])
    shared(x_of(2, 3, 4))
    assert shared.weights[0].shape == (1, 4)
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(layers.Softmax()(x), e / e.sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(np.sum(layers.Softmax(axis=[0, 1])(x)), 1, rtol=1e-5)
    masked = np.asarray(layers.Softmax()(x, mask=np.arange(5) < 2))
    assert (masked[:, 2:] == 0).all()
    np.testing.assert_allclose(masked.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(layers.Activation("tanh")(x), np.tanh(x), rtol=1e-5, atol=1e-6)


def test_dropout():
    x = np.ones((200, 100), "float32")
    layer = layers.Dropout(0.25, seed=3)
    np.testing.assert_array_equal(layer(x), x)
    y = np.asarray(layer(x, training=True))
    kept = y != 0
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y[kept], 1 / 0.75, rtol=1e-6)
    rows = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(x, training=True))
    assert set(np.unique(rows.mean(axis=1))) == {0.0, 2.0}
    assert not np.asarray(layers.Dropout(1.0)(x, training=True)).any()
    np.testing.assert_array_equal(layers.Dropout(0.0)(x, training=True), x)


def test_keras_1_spellings():
    layer = layers.Dense(output_dim=3, init="zeros", input_dim=4, b_regularizer="l2", bias=True)
    assert layer.units == 3
    assert layer._batch_shape_arg == (None, 4)
    assert layers.Dropout(p=0.3).rate == 0.3
    weights = [np.full((2, 3), 2.0), np.arange(3.0)]
    model = models.Sequential([layers.Dense(3, weights=weights, batch_input_shape=(None, 2))])
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])


class Scale(layers.Layer):
    """A user's layer with a trainable factor, a counter and a phase."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, inputs, training=None):
        self.add_loss(0.25 * ops.sum(self.factor * self.factor))
        self.calls.assign_add(1.0)
        y = inputs * self.factor * self.start
        return ops.where(inputs > 0, y, 0.0 * y) if training else y


def test_user_layer_trains():
    layer = Scale(2.0)
    model = models.Sequential([layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = x_of(64, 3), x_of(64, 1)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert float(layer.calls) == 8
    assert [v.name for v in layer.trainable_weights] == ["factor"]
    assert [v.name for v in layer.non_trainable_weights] == ["calls"]
    assert not np.allclose(layer.factor.numpy(), 1)
    eager = Scale(2.0)
    np.testing.assert_allclose(eager(x), 2 * x)
    np.testing.assert_allclose(eager(x, training=True), np.where(x > 0, 2 * x, 0))
    assert eager.get_config()["start"] == 2.0
    assert Scale.from_config(eager.get_config()).start == 2.0


def test_layer_of_layers():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [layers.Dense(4, activation="relu"), layers.Dense(2)]
            self.drop = layers.Dropout(0.5)

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return self.drop(x)

    block = Block()
    x = x_of(3, 5)
    np.testing.assert_array_equal(block(x), block(x))  # no dropout outside training
    assert len(block.weights) == 4
    block.trainable = False
    assert block.trainable_weights == []
    assert len(block.non_trainable_weights) == 4
    assert not block.parts[0].trainable
    block.trainable = True
    assert len(block.trainable_weights) == 4


def test_super_not_called():
    class Forgetful(layers.Layer):
        def __init__(self):
            self.units = 3

    with pytest.raises(RuntimeError, match=r"forgot to call `super\(\).__init__\(\)`"):
        Forgetful()(np.ones((1, 1), "float32"))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, activation="relu", kernel_regularizer="l2", name="d"),
        layers.Activation("tanh"),
        layers.Flatten(),
        layers.Reshape((2, 2)),
        layers.Dropout(0.2, seed=3),
        layers.Softmax(axis=1),
        layers.ReLU(6.0, 0.1, 0.2),
        layers.LeakyReLU(0.2),
        layers.ELU(0.5),
        layers.PReLU(shared_axes=[1]),
        layers.InputLayer((3,), name="in"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_config_round_trip(layer):
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert layers.deserialize(layers.serialize(layer)).get_config() == config
    assert copy.deepcopy(layer).get_config() == config
    assert pickle.loads(pickle.dumps(layer)).get_config() == config


class Scaled(layers.Layer):
    """Without `get_config`; the rest of its arguments has a name of its own choosing."""

    def __init__(self, units, *factors, bias=True, **rest):
        super().__init__(**rest)
        self.units, self.factors, self.bias = units, factors, bias

    def call(self, x):
        return x


def test_config_that_is_made_of_the_arguments():
    """As Keras makes it: by the names of the constructor's parameters, whatever `**` is called."""
    layer = Scaled(3, bias=False, name="own", trainable=False)
    config = layer.get_config()
    assert {key: config[key] for key in ("units", "bias", "name", "trainable")} == {
        "units": 3,
        "bias": False,
        "name": "own",
        "trainable": False,
    }
    assert "rest" not in config
    copy = Scaled.from_config(config)
    assert (copy.units, copy.bias, copy.name, copy.trainable) == (3, False, "own", False)


def test_functional_shapes_and_history():
    inputs = layers.Input((4,), name="features")
    hidden = layers.Dense(3, name="hidden")
    x = hidden(inputs)
    assert x.shape == (None, 3)
    assert x._keras_history.operation is hidden
    assert hidden.input is inputs
    assert hidden.output is x
    assert hidden.output_shape == (None, 3)
    y = layers.Dense(2)(x) + layers.Dense(2)(inputs)
    model = models.Model(inputs, y)
    data = x_of(6, 4)
    w = model.get_weights()
    expected = (data @ w[0] + w[1]) @ w[2] + w[3] + data @ w[4] + w[5]
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model(data), expected, rtol=1e-4, atol=1e-5)
    assert layers.Input(3).shape == (None, 3)


def test_lambda():
    layer = layers.Lambda(lambda x, k: x * k, arguments={"k": 3.0})
    np.testing.assert_allclose(layer(np.ones((2, 2), "float32")), 3)
    model = models.Sequential([layers.Lambda(lambda x: x + 1.0, input_shape=(2,)), layers.Dense(1)])
    assert model.predict(np.ones((2, 2)), verbose=0).shape == (2, 1)
    config = layer.get_config()
    assert config["function"]["class_name"] == "__lambda__"
    with pytest.raises(ValueError, match="bytecode of a lambda"):
        layers.Lambda.from_config(config)


def test_float64_layers():
    layer = layers.Dense(2, dtype="float64")
    y = layer(np.ones((2, 3)))
    assert y.dtype == np.float64
    assert layer.weights[0].dtype == "float64"
    model = models.Sequential([layers.Dense(2, dtype="float64", input_dim=3), layers.Dense(1, dtype="float64")])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(np.ones((4, 3)), np.ones(4), verbose=0).history["loss"][0])
    assert model.predict(np.ones((4, 3)), verbose=0).dtype == np.float64
