"""Ops that move elements: exact against NumPy, gradients by differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import check_forward, check_gradient, run_symbolic, shapes, uniform

from pykernels import ops
from pykernels.graph import Tensor, Trace, gradients

few = settings(max_examples=15)


def check_all(function, reference, arrays):
    """Exact for every dtype, and the gradient."""
    for dtype in ("float32", "float64", "int32", "int64", "uint8", "bool"):
        inputs = [np.abs(a * 10).astype(dtype) for a in arrays]
        got = function(*inputs)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, reference(*inputs))
    check_forward(function, reference, arrays, length=0, ulp=0)
    if sum(a.size for a in arrays) <= 100:
        check_gradient(function, arrays)


@given(shapes(1, 4))
@few
def test_reshape(shape):
    x = uniform(shape)
    check_all(lambda x: ops.reshape(x, shape[::-1]), lambda x: x.reshape(shape[::-1]), [x])
    check_all(ops.ravel, np.ravel, [x])
    if 0 not in shape:
        check_all(lambda x: ops.reshape(x, (-1, shape[-1])), lambda x: x.reshape(-1, shape[-1]), [x])


def test_reshape_errors():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, -1\)"):
        ops.reshape(x, (4, -1))
    with pytest.raises(ValueError, match="at most one unknown"):
        ops.reshape(x, (-1, -1))


@given(shapes(1, 4, most=600), st.randoms(use_true_random=False))
@few
def test_transpose(shape, random):
    axes = list(range(len(shape)))
    random.shuffle(axes)
    check_all(lambda x: ops.transpose(x, axes), lambda x: np.transpose(x, axes), [uniform(shape)])
    check_all(ops.transpose, np.transpose, [uniform(shape)])
    a, b = random.choice(axes), random.choice(axes)
    check_all(lambda x: ops.swapaxes(x, a, b), lambda x: np.swapaxes(x, a, b), [uniform(shape)])
    check_all(lambda x: ops.moveaxis(x, a, -1), lambda x: np.moveaxis(x, a, -1), [uniform(shape)])


def test_moveaxis_of_several():
    x = uniform((2, 3, 4))
    check_all(lambda x: ops.moveaxis(x, (0, 1), (-1, 0)), lambda x: np.moveaxis(x, (0, 1), (-1, 0)), [x])
    with pytest.raises(ValueError, match="permutation"):
        ops.transpose(x, (0, 0, 1))


def test_squeeze_and_expand_dims():
    x = uniform((1, 3, 1, 2))
    check_all(ops.squeeze, np.squeeze, [x])
    check_all(lambda x: ops.squeeze(x, -2), lambda x: np.squeeze(x, -2), [x])
    check_all(lambda x: ops.expand_dims(x, (0, -1)), lambda x: np.expand_dims(x, (0, -1)), [x])
    with pytest.raises(ValueError, match="Cannot squeeze axis=1"):
        ops.squeeze(x, 1)
    with pytest.raises(ValueError, match="out of bounds"):
        ops.expand_dims(x, 7)


@given(shapes(1, 3, most=300))
@few
def test_broadcast_to(shape):
    x = uniform(tuple(1 if i % 2 else d for i, d in enumerate(shape)))
    check_all(lambda x: ops.broadcast_to(x, (2, *shape)), lambda x: np.broadcast_to(x, (2, *shape)), [x])


def test_broadcast_to_error():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 4\)"):
        ops.broadcast_to(np.zeros((2, 3)), (2, 4))


@given(shapes(1, 3, most=300), st.integers(-3, 2), st.integers(1, 3))
@few
def test_concatenate_and_stack(shape, axis, count):
    axis = axis % len(shape)
    parts = [uniform((*shape[:axis], shape[axis] + i, *shape[axis + 1 :]), seed=i) for i in range(count)]
    check_all(lambda *xs: ops.concatenate(xs, axis), lambda *xs: np.concatenate(xs, axis), parts)
    same = [uniform(shape, seed=i) for i in range(count)]
    check_all(lambda *xs: ops.stack(xs, axis - 1), lambda *xs: np.stack(xs, axis - 1), same)


def test_concatenate_errors_and_promotion():
    with pytest.raises(ValueError, match=r"\(2, 2\).*\(2, 3\)"):
        ops.concatenate([np.zeros((2, 3)), np.zeros((2, 2))], 0)
    assert ops.concatenate([np.zeros(2, "int32"), np.zeros(2, "float32")]).dtype == np.float32
    with pytest.raises(ValueError, match="non-empty list"):
        ops.concatenate([])


@given(shapes(1, 3, most=300), st.integers(-3, 2))
@few
def test_split(shape, axis):
    axis = axis % len(shape)
    x, n = uniform(shape), shape[axis]
    for got, want in zip(ops.split(x, [1, n // 2], axis), np.split(x, [1, n // 2], axis), strict=True):
        np.testing.assert_array_equal(got, want[:]) if want.size == got.size else pytest.fail("wrong part")
    check_all(lambda x: ops.split(x, 1, axis)[0], lambda x: x, [x])


def test_split_equal_and_unstack():
    x = uniform((4, 6))
    check_all(lambda x: ops.split(x, 3, 1)[1], lambda x: np.split(x, 3, 1)[1], [x])
    check_all(lambda x: ops.unstack(x, axis=0)[2], lambda x: x[2], [x])
    with pytest.raises(ValueError, match="divisible"):
        ops.split(x, 4, 1)


@given(shapes(1, 3, most=200), st.integers(0, 3), st.integers(0, 2))
@few
def test_repeat_and_tile(shape, count, axis):
    x, axis = uniform(shape), axis % len(shape)
    check_all(lambda x: ops.repeat(x, count, axis), lambda x: np.repeat(x, count, axis), [x])
    counts = [(i + count) % 3 for i in range(len(shape))]
    check_all(lambda x: ops.tile(x, counts), lambda x: np.tile(x, counts), [x])


def test_repeat_forms():
    x = uniform((3, 2))
    check_all(lambda x: ops.repeat(x, 2), lambda x: np.repeat(x, 2), [x])
    check_all(lambda x: ops.repeat(x, [1, 0, 3], 0), lambda x: np.repeat(x, [1, 0, 3], 0), [x])
    check_all(lambda x: ops.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), [x])
    with pytest.raises(ValueError, match="2 counts for an axis of extent 3"):
        ops.repeat(x, [1, 2], 0)


@given(shapes(1, 3, most=200), st.integers(0, 2), st.integers(-20, 20))
@few
def test_flip_and_roll(shape, axis, shift):
    x, axis = uniform(shape), axis % len(shape)
    check_all(lambda x: ops.flip(x, axis), lambda x: np.flip(x, axis), [x])
    check_all(ops.flip, np.flip, [x])
    check_all(lambda x: ops.roll(x, shift, axis), lambda x: np.roll(x, shift, axis), [x])


@given(shapes(1, 3, most=100, empty=False), st.integers(0, 3), st.integers(0, 3))
@few
def test_pad(shape, before, after):
    x = uniform(shape)
    widths = [(before, after)] * len(shape)
    check_all(lambda x: ops.pad(x, widths), lambda x: np.pad(x, widths), [x])
    check_all(lambda x: ops.pad(x, before), lambda x: np.pad(x, before), [x])
    if min(shape) > 3:
        for mode in ("reflect", "symmetric"):
            check_all(lambda x, m=mode: ops.pad(x, widths, m), lambda x, m=mode: np.pad(x, widths, m), [x])


def test_pad_constant_and_errors():
    x = uniform((2, 2))
    check_forward(
        lambda x: ops.pad(x, ((1, 0), (0, 2)), constant_values=5),
        lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=5),
        [x],
    )
    with pytest.raises(ValueError, match="'constant', 'reflect' or 'symmetric'"):
        ops.pad(x, 1, "wrap")
    with pytest.raises(ValueError, match="constant_values"):
        ops.pad(x, 1, "reflect", 2)


KEYS = [
    0,
    -1,
    slice(1, 3),
    slice(None, None, -1),
    slice(-2, None),
    slice(5, 2, -2),
    slice(3, 1),
    (slice(None), 1),
    (slice(None), -1, slice(None, None, 2)),
    (Ellipsis, 0),
    (0, Ellipsis, slice(1, 2)),
    None,
    (slice(None), None, 2),
    (Ellipsis, None),
    (1, 2, 1),
    (slice(None, None, 3), slice(4, None, -1), slice(0, 0)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing(key):
    x = uniform((6, 5, 3))
    check_all(lambda x: ops.get_item(x, key), lambda x: x[key], [x])
    tensor, got = run_symbolic(lambda t: t[key], [x])
    assert isinstance(tensor, Tensor)
    np.testing.assert_array_equal(got, x[key])


def test_indexing_with_arrays():
    x = uniform((6, 5))
    rows = np.array([[0, -1], [3, 3]])
    check_all(lambda x: ops.get_item(x, rows), lambda x: x[rows], [x])
    check_all(lambda x: ops.get_item(x, (rows, slice(1, 3))), lambda x: x[rows, 1:3], [x])
    check_all(lambda x: ops.get_item(x, [2, 0]), lambda x: x[[2, 0]], [x])


def test_indexing_errors():
    x = uniform((2, 3))
    for key, error, match in (
        (2, IndexError, "index 2 is out of bounds for axis 0 with size 2"),
        ((0, 0, 0), IndexError, "too many indices"),
        ((Ellipsis, Ellipsis), IndexError, "single ellipsis"),
        (np.array([True, False]), ValueError, "boolean mask"),
        (1.5, IndexError, "only integers"),
    ):
        with pytest.raises(error, match=match):
            ops.get_item(x, key)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_take(axis):
    x = uniform((4, 3, 5))
    indices = np.array([[0, 2], [-1, 1], [2, 2]])
    check_all(lambda x: ops.take(x, indices, axis), lambda x: np.take(x, indices, axis), [x])
    _, got = run_symbolic(lambda x, i: ops.take(x, i, axis), [x, indices.astype("int32")])
    np.testing.assert_array_equal(got, np.take(x, indices, axis))


def test_take_out_of_range():
    got = ops.take(np.arange(3, dtype=np.float32), np.array([2, 3, -4, -3, 2**40]), 0)
    np.testing.assert_array_equal(got, [2, np.nan, np.nan, 0, np.nan])
    assert ops.take(np.zeros((3, 2), np.float32), np.zeros((0, 4), int), 0).shape == (0, 4, 2)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    x = np.array([[0, 2, -1], [3, 1, 0]])
    want = np.moveaxis((x[..., None] == np.arange(3)).astype(np.float32), -1, axis)
    got = ops.one_hot(x, 3, axis=axis)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want)
    assert ops.one_hot(x, 3, dtype="int32").dtype == np.int32
    with pytest.raises(ValueError, match="sparse"):
        ops.one_hot(x, 3, sparse=True)


def test_slice():
    x = uniform((4, 5))
    check_all(lambda x: ops.slice(x, (1, 2), (2, -1)), lambda x: x[1:3, 2:], [x])
    with pytest.raises(ValueError, match="not inside"):
        ops.slice(x, (3, 0), (2, 1))


@pytest.mark.parametrize("name", ["tril", "triu"])
@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(name, k):
    check_all(lambda x: getattr(ops, name)(x, k), lambda x: getattr(np, name)(x, k), [uniform((2, 3, 4))])


def test_creation():
    assert ops.zeros((2, 3)).dtype == np.float32 and ops.ones(4, "int32").tolist() == [1] * 4
    assert ops.full((2,), 3).dtype == np.float32 and ops.full((2,), 3, "int64").tolist() == [3, 3]
    assert ops.arange(5).dtype == np.int32 and ops.arange(1, 2, 0.5).dtype == np.float32
    np.testing.assert_array_equal(ops.eye(2, 3, k=1), np.eye(2, 3, 1))
    np.testing.assert_allclose(ops.linspace(0, 1, 5), np.linspace(0, 1, 5))
    assert ops.zeros_like(np.ones((2, 2), "int32")).dtype == np.int32
    assert ops.full_like(np.zeros((1, 2), np.float32), 4.0).tolist() == [[4.0, 4.0]]
    with pytest.raises(ValueError, match="concrete"):
        ops.zeros((None, 2))


def test_unknown_batch():
    x = Tensor((None, 4, 3), "float32")
    assert ops.reshape(x, (-1, 12)).shape == (None, 12)
    assert ops.reshape(x, (ops.shape(x)[0], 6, 2)).shape == (None, 6, 2)
    assert ops.zeros_like(x).shape == (None, 4, 3)
    assert (x + np.zeros((4, 1), np.float32)).shape == (None, 4, 3)
    assert x[:, 1:].shape == (None, 3, 3)
    assert x[2:].shape == (None, 4, 3)
    assert x[0].shape == (4, 3)
    assert ops.concatenate([x, x], 0).shape == (None, 4, 3)
    assert ops.concatenate([x, x], -1).shape == (None, 4, 6)
    assert ops.tile(x, (1, 2, 1)).shape == (None, 8, 3)
    assert ops.repeat(x, 2, axis=1).shape == (None, 8, 3)
    assert ops.transpose(x).shape == (3, 4, None)
    assert ops.matmul(x, np.zeros((3, 7), np.float32)).shape == (None, 4, 7)
    assert ops.mean(x, axis=(0, 2)).shape == (4,)
    assert ops.softmax(x, axis=1).shape == (None, 4, 3)
    assert ops.pad(x, ((0, 0), (1, 1), (0, 0))).shape == (None, 6, 3)
    assert ops.squeeze(ops.sum(x, 1, keepdims=True)).shape == (None, 3)
    with pytest.raises(ValueError, match="unknown extent"):
        x[-1]


def test_stop_gradient():
    with Trace() as trace:
        x = trace.placeholder((3,), "float64")
        y = x * ops.stop_gradient(x)
        program = trace.build(outputs=[y, *gradients(y, [x])])
    y, dx = program.run([np.array([1.0, 2.0, 3.0])])
    assert y.tolist() == [1, 4, 9] and dx.tolist() == [1, 2, 3]


def test_convert():
    assert ops.convert_to_tensor([1, 2]).dtype == np.int32
    assert ops.convert_to_tensor([1.5]).dtype == np.float32
    assert ops.convert_to_tensor(np.array([1.5])).dtype == np.float64
    assert ops.convert_to_tensor([True]).dtype == np.bool_
    assert ops.convert_to_tensor(np.float64(2.0)).dtype == np.float32
    assert ops.convert_to_tensor([2**40]).dtype == np.int64
    assert ops.convert_to_tensor(np.ones(2, np.float16), "float32").dtype == np.float32
    with pytest.raises(ValueError, match=r"float16.*not supported"):
        ops.convert_to_tensor(np.ones(2, np.float16))
    with pytest.raises(ValueError, match="dtype"):
        ops.convert_to_tensor(["a"])
    with pytest.raises(ValueError, match="Invalid dtype: flaot32"):
        ops.cast(np.ones(2), "flaot32")
    with pytest.raises(ValueError, match="symbolic"):
        ops.convert_to_numpy(Tensor((2,), "float32"))


@pytest.mark.parametrize("source", ["float32", "float64", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("target", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_cast(source, target):
    x = np.array([0, 1, 2.7, 100.2], "float64").astype(source)
    got = ops.cast(x, target)
    assert got.dtype == target
    np.testing.assert_array_equal(got, x.astype(target))
