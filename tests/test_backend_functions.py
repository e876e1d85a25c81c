"""Functions of `keras.backend` that are more than one op, beside NumPy's formulas, at once and recorded."""

from __future__ import annotations

import numpy as np
import pytest

import pykernels as pk
from pykernels import _core
from pykernels import backend as K  # noqa: N812 - its usual name
from pykernels.graph import Trace
from pykernels.tf.v1 import ConfigProto, Session

RNG = np.random.default_rng(2)
X = RNG.normal(size=(2, 3, 4)).astype("float32")
Y = RNG.normal(size=(2, 4, 5)).astype("float32")
ROWS = RNG.normal(size=(2, 4)).astype("float32")
IMAGES = RNG.normal(size=(2, 4, 6, 3)).astype("float32")
FILTERS = np.ones((2, 2, 3, 1), "float32")
MASK = np.array([[True, True, False], [True, False, True]])


def _step(x, states):
    y = x + states[0]
    return y, [y]


def _running(mask=None, zero=False, backwards=False):
    """`_step` for each step of X: running sums, which stand still where the mask is False."""
    out, state = np.zeros_like(X), np.zeros((2, 4), "float32")
    last = np.zeros_like(state)
    for i, t in enumerate(range(2, -1, -1) if backwards else range(3)):
        y = X[:, t] + state
        keep = np.ones((2, 1), bool) if mask is None else mask[:, t, None]
        last = np.where(keep, y, 0 if zero else last)
        state = np.where(keep, y, state)
        out[:, i] = last
    return out


CASES = {
    "batch_dot": (lambda x: K.batch_dot(x, Y), X @ Y),
    "batch_dot axes": (lambda x: K.batch_dot(x, x, axes=(2, 2)), X @ X.transpose(0, 2, 1)),
    "batch_dot int": (lambda x: K.batch_dot(x, x, axes=1), X.transpose(0, 2, 1) @ X),
    "batch_dot rows": (lambda x: K.batch_dot(x[:, 0], ROWS, axes=1), (X[:, 0] * ROWS).sum(1, keepdims=True)),
    "batch_dot mixed": (lambda x: K.batch_dot(x, ROWS, axes=(2, 1)), np.einsum("bij,bj->bi", X, ROWS)),
    "cumsum": (lambda x: K.cumsum(x, axis=1), X.cumsum(1)),
    "cumprod": (lambda x: K.cumprod(x), X.cumprod(0)),
    "foldl": (lambda x: K.foldl(lambda a, b: a - b, x), X[0] - X[1]),
    "foldr": (lambda x: K.foldr(lambda a, b: a - b, x, np.zeros((3, 4), "float32")), 0 - X[1] - X[0]),
    "map_fn": (lambda x: K.map_fn(lambda v: v * 2.0, x), 2 * X),
    "temporal_padding": (lambda x: K.temporal_padding(x, (1, 2)), np.pad(X, [(0, 0), (1, 2), (0, 0)])),
    "moments": (lambda x: K.moments(x, [0, 1])[1], X.var((0, 1))),
    "normalize": (
        lambda x: K.normalize_batch_in_training(x, np.full(4, 2.0, "float32"), np.ones(4, "float32"), [0, 1], 0.0)[0],
        (X - X.mean((0, 1))) / X.std((0, 1)) * 2 + 1,
    ),
    "batch_normalization": (
        lambda x: K.batch_normalization(x, X.mean((0, 1)), X.var((0, 1)), None, None, epsilon=0.0),
        (X - X.mean((0, 1))) / X.std((0, 1)),
    ),
    "rnn": (lambda x: K.rnn(_step, x, [np.zeros((2, 4), "float32")])[1], _running()),
    "rnn last": (lambda x: K.rnn(_step, x, [np.zeros((2, 4), "float32")])[0], _running()[:, -1]),
    "rnn masked": (lambda x: K.rnn(_step, x, [np.zeros((2, 4), "float32")], mask=MASK)[1], _running(MASK)),
    "rnn zeros": (
        lambda x: K.rnn(_step, x, [np.zeros((2, 4), "float32")], mask=MASK, zero_output_for_mask=True)[1],
        _running(MASK, zero=True),
    ),
    "rnn back": (
        lambda x: K.rnn(_step, x, [np.zeros((2, 4), "float32")], go_backwards=True)[1],
        _running(backwards=True),
    ),
    "rnn time major": (
        lambda x: K.rnn(_step, K.permute_dimensions(x, (1, 0, 2)), [np.zeros((2, 4), "float32")], time_major=True)[1],
        _running().transpose(1, 0, 2),
    ),
    "identity": (lambda x: K.identity(x), X),
    "to_dense": (lambda x: K.to_dense(x), X),
    "print_tensor": (lambda x: K.print_tensor(x, "x is"), X),
}
OF_IMAGES = {
    "conv2d": (
        lambda x: K.conv2d(x, FILTERS),
        sum(IMAGES[:, i : 3 + i, j : 5 + j].sum(-1) for i in (0, 1) for j in (0, 1))[..., None],
    ),
    "pool2d": (lambda x: K.pool2d(x, (2, 2), (2, 2)), IMAGES.reshape(2, 2, 2, 3, 2, 3).max((2, 4))),
    "pool2d avg": (
        lambda x: K.pool2d(x, (2, 2), (2, 2), pool_mode="avg"),
        IMAGES.reshape(2, 2, 2, 3, 2, 3).mean((2, 4)),
    ),
    "resize_images": (lambda x: K.resize_images(x, 2, 3, "channels_last"), IMAGES.repeat(2, 1).repeat(3, 2)),
    "spatial_2d_padding": (
        lambda x: K.spatial_2d_padding(x, ((1, 0), (0, 2))),
        np.pad(IMAGES, [(0, 0), (1, 0), (0, 2), (0, 0)]),
    ),
    "spatial_2d_padding th": (
        lambda x: K.spatial_2d_padding(x, ((1, 0), (0, 2)), "channels_first"),
        np.pad(IMAGES, [(0, 0), (0, 0), (1, 0), (0, 2)]),
    ),
    "resize_volumes": (
        lambda x: K.resize_volumes(x[:, :, None], 2, 3, 1, "channels_last"),
        IMAGES[:, :, None].repeat(2, 1).repeat(3, 2),
    ),
    "depthwise_conv2d": (
        lambda x: K.depthwise_conv2d(x, np.ones((1, 1, 3, 2), "float32")),
        IMAGES.repeat(2, -1),
    ),
    "conv2d_transpose": (
        lambda x: K.conv2d_transpose(x, np.ones((2, 2, 1, 3), "float32"), (2, 8, 12, 1), strides=(2, 2)),
        IMAGES.sum(-1, keepdims=True).repeat(2, 1).repeat(2, 2),
    ),
}


@pytest.mark.parametrize(("name", "x"), [(n, X) for n in CASES] + [(n, IMAGES) for n in OF_IMAGES])
def test_values(name, x):
    call, want = {**CASES, **OF_IMAGES}[name]
    np.testing.assert_allclose(call(x), want, rtol=1e-4, atol=1e-5)
    with Trace() as trace:
        place = trace.placeholder(x.shape, "float32")
        program = trace.build(outputs=[call(place)])
    np.testing.assert_allclose(program.run([x])[0], want, rtol=1e-4, atol=1e-5)


def test_ctc_batch_cost_is_the_loss_with_the_blank_last():
    p = np.full((1, 2, 3), 1 / 3, "float32")
    loss = K.ctc_batch_cost(np.array([[0]]), p, np.array([[2]]), np.array([[1]]))
    np.testing.assert_allclose(loss, [[-np.log(3 / 9)]], rtol=1e-5)  # 0 0, 0 blank, blank 0


def test_placeholders_and_functions():
    x, y = K.placeholder(shape=(None, 3)), K.placeholder(ndim=2)
    assert K.int_shape(x) == (None, 3) and K.ndim(y) == 2 and K.is_placeholder(x) and not K.is_placeholder(x * 2)
    double = K.function([x], [x * 2.0])
    np.testing.assert_array_equal(double([np.ones((2, 3), "float32")])[0], np.full((2, 3), 2))
    for wrong in ({"sparse": True, "shape": (2,)}, {}):
        with pytest.raises(ValueError, match="placeholder"):
            K.placeholder(**wrong)


def test_sessions_set_the_number_of_threads():
    before = _core.num_threads()
    try:
        K.set_session(Session(config=ConfigProto(intra_op_parallelism_threads=1)))
        assert _core.num_threads() == 1
        assert K.get_session().run(K.variable(3.0)) == 3 and K.get_session().graph is K.get_graph()
    finally:
        _core.set_num_threads(before)


def test_wrong_arguments_are_named():
    for words, call in (
        ("rank < 2", lambda: K.batch_dot(X[0, 0], X)),
        ("axis 0", lambda: K.batch_dot(X, X, axes=0)),
        ("4 != 3", lambda: K.batch_dot(X, X, axes=(2, 1))),
        ("pooling mode", lambda: K.pool2d(IMAGES, 2, pool_mode="min")),
        ("output_shape", lambda: K.conv2d_transpose(IMAGES, np.ones((2, 2, 1, 3), "float32"), (2, 9, 9, 1))),
        ("input_length=7", lambda: K.rnn(_step, X, [ROWS], input_length=7)),
        ("number of steps", lambda: K.rnn(_step, pk.Input((None, 4)), [ROWS])),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_print_tensor_prints(capsys):
    K.print_tensor(X[0, 0, :2], "first:")
    assert capsys.readouterr().err.startswith("first: [")


def test_what_a_value_is():
    variable = K.variable(X)
    assert K.is_variable(variable) and not K.is_variable(X)
    assert not K.is_sparse(variable) and K.is_keras_tensor(pk.Input((3,))) and not K.is_keras_tensor(X)
    assert K.is_float_dtype("float64") and not K.is_float_dtype("int32")
    assert K.is_int_dtype("uint8") and not K.is_int_dtype("float32")


def test_random_variables_and_binomials():
    drawn = K.random_normal_variable((2000,), 3.0, 0.5, seed=1)
    assert K.is_variable(drawn) and abs(drawn.numpy().mean() - 3) < 0.05 and abs(drawn.numpy().std() - 0.5) < 0.05
    coins = np.asarray(K.random_binomial((4000,), p=0.25, seed=1))
    assert set(coins.tolist()) == {0.0, 1.0} and abs(coins.mean() - 0.25) < 0.03


def test_volumes():
    assert K.spatial_3d_padding(np.ones((1, 2, 2, 2, 1)), ((1, 0), (0, 2), (1, 1))).shape == (1, 3, 4, 4, 1)
    with pytest.raises(NotImplementedError, match="three spatial axes"):
        K.pool3d(np.ones((1, 2, 2, 2, 1)), (2, 2, 2))
