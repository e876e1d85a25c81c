"""Reductions and matrix products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import assert_close, check_forward, check_gradient, gradient_of, shapes, uniform

from pykernels import ops
from pykernels.graph import apply

few = settings(max_examples=15)


@st.composite
def reductions(draw, most=4096, empty=True):
    """A shape, axes of it (None, int or tuple) and keepdims."""
    shape = draw(shapes(1, 4, most, empty))
    axes = [i for i in range(len(shape)) if draw(st.booleans())]
    form = draw(st.integers(0, 2))
    axis = None if form == 0 else tuple(a - len(shape) if draw(st.booleans()) else a for a in axes)
    if form == 2:
        axis = draw(st.integers(-len(shape), len(shape) - 1))
    return shape, axis, draw(st.booleans())


def length(shape, axis):
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis).astype(int)
    return int(np.prod([shape[a] for a in axes]))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
def test_reduction(name):
    reference = getattr(np, name)

    @few
    @given(reductions(most=600 if name == "prod" else 4096, empty=name in ("sum", "prod")))
    def forward(case):
        shape, axis, keepdims = case
        # around 1, so that products neither vanish nor overflow
        x = uniform(shape, 0.8, 1.25) if name == "prod" else uniform(shape)
        check_forward(
            lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims),
            lambda x: reference(x, axis=axis, keepdims=keepdims),
            [x],
            length=0 if name in ("max", "min") else length(shape, axis),
            ulp=0 if name in ("max", "min") else 8,
        )

    forward()
    for shape, axis in (((5,), None), ((3, 4), 0), ((3, 4), -1), ((2, 3, 4), (0, 2)), ((2, 1, 3), 1), ((2, 3), ())):
        if name == "std" and shape != (5,) and (axis in ((), 1)):
            continue  # the square root of a variance of 0 has no derivative
        x = uniform(shape, 0.5, 2.0)
        for keepdims in (False, True):
            check_gradient(lambda x, a=axis, k=keepdims: getattr(ops, name)(x, axis=a, keepdims=k), [x])


def test_ties_share_the_gradient():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(gradient_of(lambda x: ops.max(x, axis=1), [x])[0], [[0, 0.5, 0.5], [1 / 3] * 3])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_gradient_of_a_product_with_zeros(zeros):
    x = uniform((2, 4), 0.5, 2)
    x[0, :zeros] = 0
    check_gradient(lambda x: ops.prod(x, axis=1), [x])


@given(reductions())
@few
def test_any_all(case):
    shape, axis, keepdims = case
    x = np.random.default_rng(0).integers(0, 4, shape) > 0
    for name in ("any", "all"):
        got = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, getattr(np, name)(x, axis=axis, keepdims=keepdims))
    np.testing.assert_array_equal(ops.count_nonzero(x, axis), np.count_nonzero(x, axis))


@given(shapes(1, 4, empty=False), st.integers(-4, 3), st.booleans())
@few
def test_arg_reductions(shape, axis, keepdims):
    axis = axis % len(shape)
    x = np.random.default_rng(0).integers(0, 5, shape).astype(np.float64)  # many ties: the first counts
    for name in ("argmax", "argmin"):
        for a in (axis, None):
            check_forward(
                lambda x, n=name, a=a: getattr(ops, n)(x, axis=a, keepdims=keepdims),
                lambda x, n=name, a=a: getattr(np, n)(x, axis=a, keepdims=keepdims),
                [x],
            )
    assert ops.argmax(x, axis).dtype == np.int32


def test_empty_and_integer_reductions():
    with pytest.raises(ValueError, match="no identity"):
        ops.max(np.zeros((0, 3), np.float32), axis=0)
    assert ops.max(np.zeros((0, 3), np.float32), axis=0, initial=-1.0).tolist() == [-1, -1, -1]
    assert ops.max(np.array([1.0, 5.0], np.float32), initial=7.0) == 7
    assert ops.sum(np.zeros((0, 3), np.float32), axis=0).tolist() == [0, 0, 0]
    assert np.isnan(ops.mean(np.zeros((0,), np.float32)))
    with pytest.raises(ValueError, match="empty sequence"):
        ops.argmax(np.zeros((2, 0), np.float32), axis=1)
    assert ops.sum(np.ones(300, bool)).dtype == np.int32 and ops.sum(np.ones(300, np.uint8)) == 300
    assert ops.mean(np.array([1, 2])).dtype == np.float32
    assert ops.max(np.array([3, 200], np.uint8)).dtype == np.uint8
    assert ops.max(np.array([True, False])).dtype == np.bool_
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        ops.sum(np.zeros((2, 2)), axis=2)
    with pytest.raises(ValueError, match="duplicate"):
        ops.sum(np.zeros((2, 2)), axis=(0, -2))


def test_nan_propagates():
    x = np.array([1.0, np.nan, 3.0], np.float32)
    assert np.isnan(ops.max(x)) and np.isnan(ops.min(x)) and np.isnan(ops.sum(x))
    assert ops.argmax(x) == np.argmax(x)


@given(reductions(most=600, empty=False))
@few
def test_logsumexp(case):
    shape, axis, keepdims = case
    x = uniform(shape, -30, 30)

    def reference(x):
        top = x.max(axis=axis, keepdims=True)
        y = np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top
        return y if keepdims else y.reshape(np.sum(x, axis=axis).shape)

    check_forward(lambda x: ops.logsumexp(x, axis, keepdims), reference, [x], length(shape, axis), ulp=8)


def test_logsumexp_extremes_and_gradient():
    assert ops.logsumexp(np.array([1000.0, 1000.0], np.float32)) == pytest.approx(1000 + np.log(2))
    assert ops.logsumexp(np.array([-np.inf, -np.inf], np.float32)) == -np.inf
    check_gradient(lambda x: ops.logsumexp(x, axis=1), [uniform((3, 4))])


@pytest.mark.parametrize("order", [None, 1, 2, 3, 0.5, 0, np.inf, -np.inf])
def test_vector_norm(order):
    x = uniform((3, 5), away_from=(0,))
    for axis in (0, 1):
        check_forward(
            lambda x, a=axis: ops.norm(x, order, a), lambda x, a=axis: np.linalg.norm(x, order, a), [x], 5, ulp=32
        )
    if order not in (0,):
        check_gradient(lambda x: ops.norm(x, order, 1), [x])


@pytest.mark.parametrize("order", [None, "fro", 1, -1, np.inf, -np.inf])
def test_matrix_norm(order):
    x = uniform((2, 3, 4))
    for axis in ((0, 1), (2, 0), (-1, -2)):
        for keepdims in (False, True):
            check_forward(
                lambda x, a=axis, k=keepdims: ops.norm(x, order, a, k),
                lambda x, a=axis, k=keepdims: np.linalg.norm(x, order, a, k),
                [x],
                12,
            )


def test_norm_errors_and_normalize():
    with pytest.raises(ValueError, match="ord=nuc"):
        ops.norm(np.eye(2), "nuc")
    x = uniform((3, 4))
    assert_close(ops.normalize(x), x / np.linalg.norm(x, axis=-1, keepdims=True), "float64")
    assert_close(ops.normalize(x, 0, order=1), x / np.abs(x).sum(0, keepdims=True), "float64")
    assert ops.normalize(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]


def test_average_and_moments():
    x, w = uniform((3, 4)), uniform((4,), 0.1, 1, seed=1)
    assert_close(ops.average(x, 1, w), np.average(x, 1, w), "float64")
    assert_close(ops.average(x), np.average(x), "float64", 12)
    mean, var = ops.moments(x, (0,), keepdims=True)
    assert_close(mean, x.mean(0, keepdims=True), "float64")
    assert_close(var, x.var(0, keepdims=True), "float64")


# --- products ----------------------------------------------------------------------------------------
SMALL = st.sampled_from((1, 2, 3, 7, 8, 9, 16, 17, 33))


@given(SMALL, SMALL, SMALL, st.sampled_from(((), (2,), (3, 1), (0,))), st.sampled_from(((), (1,), (2,))))
@settings(max_examples=30)
def test_matmul(m, k, n, lead_a, lead_b):
    try:
        np.broadcast_shapes(lead_a, lead_b)
    except ValueError:
        return
    a, b = uniform((*lead_a, m, k)), uniform((*lead_b, k, n), seed=1)
    check_forward(ops.matmul, np.matmul, [a, b], length=k * 9, ulp=1)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        *(((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 5)), ((4,), (2, 4, 3))),
        *(((2, 3, 4), (2, 4, 1)), ((1, 3, 4), (2, 4, 2)), ((2, 1, 3, 2), (4, 2, 3)), ((0, 3), (3, 2))),
        *(((2, 0), (0, 3)), ((2, 3, 4), (4,))),
    ],
    ids=str,
)
def test_matmul_forms(a, b):
    arrays = [uniform(a), uniform(b, seed=1)]
    check_forward(ops.matmul, np.matmul, arrays, length=40)
    check_gradient(ops.matmul, arrays)


def test_matmul_gradient_of_a_gradient_form():
    """The gradients are matmuls with transposes; these have gradients too."""
    a, b = uniform((3, 4)), uniform((5, 4), seed=1)
    for ta in (False, True):
        for tb in (False, True):
            check_gradient(
                lambda a, b, ta=ta, tb=tb: apply("matmul", [a, b], transpose_a=ta, transpose_b=tb),
                [a.T.copy() if ta else a, b if tb else b.T.copy()],
            )


def test_matmul_errors_and_integers():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, 2\)"):
        ops.matmul(np.zeros((2, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="rank 1"):
        ops.matmul(np.zeros((2, 3)), 1.0)
    a = np.arange(6, dtype=np.int32).reshape(2, 3)
    got = ops.matmul(a, a.T)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, a @ a.T)


@pytest.mark.parametrize(
    ("a", "b"), [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3, 2)), ((2, 2, 3), (4, 3, 2))], ids=str
)
def test_dot(a, b):
    check_forward(ops.dot, np.dot, [uniform(a), uniform(b, seed=1)], length=40)


@pytest.mark.parametrize("axes", [0, 1, 2, ((1, 2), (0, 1)), ((2,), (1,)), (-1, -2)], ids=str)
def test_tensordot(axes):
    a, b = uniform((2, 3, 4)), uniform((3, 4, 5) if axes != 1 else (4, 5), seed=1)
    check_forward(lambda a, b: ops.tensordot(a, b, axes), lambda a, b: np.tensordot(a, b, axes), [a, b], length=120)
    check_gradient(lambda a, b: ops.tensordot(a, b, axes), [a[:1], b] if axes in (0, 1, (-1, -2)) else [a, b])


def test_vdot_inner_outer():
    a, b = uniform((2, 3)), uniform((4, 3), seed=1)
    check_forward(ops.vdot, lambda a, b: np.vdot(a, b), [a, b[:2]], length=50)
    check_forward(ops.inner, np.inner, [a, b], length=30)
    check_forward(ops.outer, np.outer, [a, b])
