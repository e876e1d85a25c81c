"""`keras.backend` (K) and `keras.config`."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from op_testing import run_symbolic, uniform

from pykernels import backend as K  # noqa: N812 - its usual name
from pykernels import config
from pykernels.graph import Tensor, Variable

os.environ.setdefault("KERAS_BACKEND", "jax")  # of the Keras whose signatures are compared


@pytest.fixture(autouse=True)
def default_settings():
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


def test_settings():
    assert (K.floatx(), K.epsilon(), K.image_data_format(), K.backend()) == (
        *("float32", 1e-7, "channels_last"),
        "pykernels",
    )
    K.set_floatx("float64")
    assert K.zeros((2,)).dtype == "float64" and K.cast_to_floatx([1, 2]).dtype == np.float64
    K.set_epsilon(1e-5)
    assert config.epsilon() == 1e-5
    K.set_image_data_format("channels_first")
    assert config.image_data_format() == "channels_first" and K.image_dim_ordering() == "th"
    K.set_image_dim_ordering("tf")
    assert K.image_data_format() == "channels_last"


@pytest.mark.parametrize(
    ("function", "value", "match"),
    [
        (K.set_floatx, "float16", "floatx.*float16"),
        (K.set_epsilon, -1.0, "epsilon"),
        (K.set_image_data_format, "last", "data_format=last"),
        (K.set_image_dim_ordering, "xx", "dim_ordering: xx"),
    ],
)
def test_bad_settings(function, value, match):
    with pytest.raises(ValueError, match=match):
        function(value)


def test_variables():
    v = K.variable([[1, 2]], name="v")
    assert isinstance(v, Variable) and v.dtype == "float32" and K.int_shape(v) == (1, 2)
    K.set_value(v, [[3, 4]])
    np.testing.assert_array_equal(K.get_value(v), [[3, 4]])
    lr = K.variable(0.5)
    K.set_value(lr, K.get_value(lr) / 10)  # the idiom of learning-rate schedules
    assert isinstance(K.get_value(lr), np.float32) and K.get_value(lr) == np.float32(0.05)
    K.update(v, np.zeros((1, 2)))
    K.update_add(v, np.ones((1, 2)))
    K.update_sub(v, np.full((1, 2), 3.0))
    assert K.eval(v).tolist() == [[-2, -2]]
    K.moving_average_update(v, np.zeros((1, 2), np.float32), 0.5)
    assert K.batch_get_value([v])[0].tolist() == [[-1, -1]]
    K.batch_set_value([(v, [[7, 8]])])
    assert v.numpy().tolist() == [[7, 8]] and K.count_params(v) == 2
    with pytest.raises(TypeError, match="takes a variable"):
        K.set_value(3, 4)
    with pytest.raises(ValueError, match="symbolic"):
        K.get_value(Tensor((2,), "float32"))


def test_creation():
    assert isinstance(K.zeros((2, 2)), Variable) and K.ones((2,), dtype="int32").dtype == "int32"
    assert K.constant([1, 2]).dtype == np.float32 and K.constant(3, shape=(2, 2)).tolist() == [[3, 3], [3, 3]]
    assert K.eye(2).numpy().tolist() == [[1, 0], [0, 1]]
    assert K.zeros_like(np.ones((2,))).tolist() == [0, 0] and K.ones_like(np.ones(2), dtype="int32").dtype == np.int32
    assert K.arange(3).dtype == np.int32


X, Y = uniform((3, 4), 0.2, 2), uniform((3, 4), 0.2, 2, seed=1)
REFERENCE = {
    "sum": lambda: (K.sum(X, axis=1, keepdims=True), X.sum(1, keepdims=True)),
    "mean": lambda: (K.mean(X, axis=-1), X.mean(-1)),
    "max": lambda: (K.max(X, axis=0), X.max(0)),
    "min": lambda: (K.min(X), X.min()),
    "prod": lambda: (K.prod(X, axis=0), X.prod(0)),
    "std": lambda: (K.std(X, axis=0), X.std(0)),
    "var": lambda: (K.var(X, axis=0), X.var(0)),
    "any": lambda: (K.any(X > 1, axis=0), (X > 1).any(0)),
    "all": lambda: (K.all(X > 1, axis=0), (X > 1).all(0)),
    "argmax": lambda: (K.argmax(X), X.argmax(-1)),
    "argmin": lambda: (K.argmin(X, axis=0), X.argmin(0)),
    "square": lambda: (K.square(X), X**2),
    "sqrt": lambda: (K.sqrt(X), np.sqrt(X)),
    "abs": lambda: (K.abs(-X), X),
    "log": lambda: (K.log(X), np.log(X)),
    "exp": lambda: (K.exp(X), np.exp(X)),
    "pow": lambda: (K.pow(X, 3), X**3),
    "pow a": lambda: (K.pow(X, a=2), X**2),
    "clip": lambda: (K.clip(X, min_value=0.5, max_value=1), np.clip(X, 0.5, 1)),
    "maximum": lambda: (K.maximum(x=X, y=Y), np.maximum(X, Y)),
    "minimum": lambda: (K.minimum(X, Y), np.minimum(X, Y)),
    "equal": lambda: (K.equal(X, X), X == X),
    "greater": lambda: (K.greater(X, Y), X > Y),
    "dot": lambda: (K.dot(X, Y.T), X @ Y.T),
    "transpose": lambda: (K.transpose(X), X.T),
    "permute_dimensions": lambda: (K.permute_dimensions(X, (1, 0)), X.T),
    "reshape": lambda: (K.reshape(X, shape=(4, -1)), X.reshape(4, 3)),
    "flatten": lambda: (K.flatten(X), X.ravel()),
    "batch_flatten": lambda: (K.batch_flatten(X.reshape(3, 2, 2)), X),
    "expand_dims": lambda: (K.expand_dims(X), X[..., None]),
    "squeeze": lambda: (K.squeeze(X[None], 0), X),
    "concatenate": lambda: (K.concatenate([X, Y]), np.concatenate([X, Y], -1)),
    "stack": lambda: (K.stack([X, Y]), np.stack([X, Y])),
    "repeat": lambda: (K.repeat(X, 2), np.repeat(X[:, None], 2, 1)),
    "repeat_elements": lambda: (K.repeat_elements(X, 2, axis=0), np.repeat(X, 2, 0)),
    "tile": lambda: (K.tile(X, n=(1, 2)), np.tile(X, (1, 2))),
    "reverse": lambda: (K.reverse(X, 1), X[:, ::-1]),
    "gather": lambda: (K.gather(X, [2, 0]), X[[2, 0]]),
    "cast": lambda: (K.cast(X, "int32"), X.astype("int32")),
    "sigmoid": lambda: (K.sigmoid(X), 1 / (1 + np.exp(-X))),
    "tanh": lambda: (K.tanh(X), np.tanh(X)),
    "softmax": lambda: (K.softmax(X), np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    "relu": lambda: (K.relu(X - 1), np.maximum(X - 1, 0)),
    "relu options": lambda: (
        K.relu(X - 1, alpha=0.1, max_value=0.5),
        np.where(X > 1, np.minimum(X - 1, 0.5), 0.1 * (X - 1)),
    ),
    "hard_sigmoid": lambda: (K.hard_sigmoid(X), np.clip(0.2 * X + 0.5, 0, 1)),
    "l2_normalize": lambda: (K.l2_normalize(X, 1), X / np.linalg.norm(X, axis=1, keepdims=True)),
    "bias_add": lambda: (
        K.bias_add(np.zeros((1, 3, 2, 2)), X[:, 0], "channels_first"),
        np.tile(X[:, 0][None, :, None, None], (1, 1, 2, 2)),
    ),
    "switch": lambda: (K.switch(X[:, 0] > 1, X, Y), np.where(X[:, :1] > 1, X, Y)),
    "logsumexp": lambda: (K.logsumexp(X, axis=1), np.log(np.exp(X).sum(1))),
    "one_hot": lambda: (K.one_hot([1, 0], 3), np.eye(3)[[1, 0]]),
    "in_top_k": lambda: (K.in_top_k(X, X.argmax(1), 1), np.ones(3, bool)),
    "categorical_crossentropy": lambda: (
        K.categorical_crossentropy(Y, X),
        -(Y * np.log(X / X.sum(-1, keepdims=True))).sum(-1),
    ),
    "binary_crossentropy": lambda: (
        K.binary_crossentropy(Y / 2, X / 2.1),
        -(Y / 2 * np.log(X / 2.1) + (1 - Y / 2) * np.log(1 - X / 2.1)),
    ),
    "sparse_categorical_crossentropy": lambda: (
        K.sparse_categorical_crossentropy([0, 1, 3], X),
        -np.log(X / X.sum(-1, keepdims=True))[[0, 1, 2], [0, 1, 3]],
    ),
}


@pytest.mark.parametrize("case", REFERENCE)
def test_functions(case):
    got, want = REFERENCE[case]()
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_ignore_class():
    got = K.sparse_categorical_crossentropy([0, -1, 3], X, ignore_class=-1)
    np.testing.assert_allclose(got, [K.sparse_categorical_crossentropy([0], X[:1])[0], 0, *got[2:]])
    assert got[2] > 0


def test_random():
    assert K.random_uniform((3,), seed=1).shape == (3,) and K.random_normal((3,), dtype="float64").dtype == np.float64
    assert np.abs(K.truncated_normal((500,))).max() <= 2
    assert set(np.unique(K.random_bernoulli((100,), 0.5, seed=1))) == {0, 1}
    assert isinstance(K.random_uniform_variable((2,), -1, 1), Variable)
    assert K.dropout(np.ones((5,), np.float32), 0.5, seed=1).shape == (5,)


def test_phases_and_session():
    assert K.learning_phase() == 0
    assert K.in_train_phase(1, lambda: 2) == 2 and K.in_train_phase(1, 2, training=True) == 1
    assert K.in_test_phase(1, 2) == 1
    first = K.get_uid("a")
    K.clear_session()
    assert K.get_uid("a") == 1 <= first


def test_a_loss_written_with_k():
    """The way lessons write a custom loss: on symbolic tensors and on arrays alike."""

    def rmse(y_true, y_pred):
        return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1) + K.epsilon())

    tensor, got = run_symbolic(rmse, [X, Y])
    assert isinstance(tensor, Tensor)
    np.testing.assert_allclose(got, np.sqrt(((X - Y) ** 2).mean(-1) + 1e-7), rtol=1e-12)
    np.testing.assert_array_equal(got, rmse(X, Y))


def test_arguments_are_those_of_keras():
    legacy = pytest.importorskip("keras.src.legacy.backend")
    differ = []
    for name, ours in vars(K).items():
        theirs = getattr(legacy, name, None)
        if not inspect.isfunction(ours) or not inspect.isfunction(theirs) or name.startswith("_"):
            continue
        names = [list(inspect.signature(f).parameters) for f in (ours, theirs)]
        if names[0] != names[1] and name != "gradients":
            differ.append((name, *names))
    assert differ == []
