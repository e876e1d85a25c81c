"""Sorting, cumulating, counting, placing, and what leaves NaN out, beside Keras (JAX)."""

from __future__ import annotations

import numpy as np
import pytest
from op_oracle import Case, check, normal, table, whole

import pykernels as pk
from pykernels import ops
from pykernels.graph import Tensor, Trace, gradients

X = normal(3, 5)
CUBE = normal(2, 4, 3)
TIES = whole(4, 3, 7)
HOLES = np.where(normal(3, 5) > 0.6, np.nan, X).astype("float32")
HOLES[1] = np.nan
SOME = HOLES.copy()
SOME[1] = X[1]
IDS = np.array([0, 2, 2, -1, 5, 0], "int32")
ROWS = normal(6, 3)
ZEROS = np.array([[1.0, 0, 3, 0], [2, 0, -1, 4]], "float32")

ORDERING = (
    Case("sort", lambda o, x: o.sort(x), X, batch=True),
    Case("sort axis", lambda o, x: o.sort(x, axis=1), CUBE, batch=True),
    Case("sort flat", lambda o, x: o.sort(x, axis=None), X),
    Case("sort ints", lambda o, x: o.sort(x, 0), TIES),
    Case("sort bools", lambda o, x: o.sort(x), TIES > 1),
    Case("sort nan", lambda o, x: o.sort(x), SOME, grad=False),
    Case("argsort", lambda o, x: o.argsort(x), X, batch=True),
    Case("argsort ties", lambda o, x: o.argsort(x, axis=0), TIES),
    Case("argsort nan", lambda o, x: o.argsort(x, axis=None), SOME),
    Case("top_k", lambda o, x: o.top_k(x, 2), X, batch=True),
    Case("top_k ties", lambda o, x: o.top_k(x, 5), TIES),
    Case("top_k nan", lambda o, x: o.top_k(x, 3, sorted=False), SOME, grad=False),
    Case("median", lambda o, x: o.median(x), X),
    Case("median even", lambda o, x: o.median(x, axis=(0, 1), keepdims=True), CUBE),
    Case("median ints", lambda o, x: o.median(x, axis=1), TIES),
    Case("quantile", lambda o, x: o.quantile(x, 0.3, axis=1), CUBE, batch=True),
    Case("quantile several", lambda o, x: o.quantile(x, [0.1, 0.5, 1.0], axis=0, keepdims=True), CUBE),
    *(Case(f"quantile {m}", lambda o, x, m=m: o.quantile(x, 0.33, 1, m), X) for m in ("lower", "higher", "midpoint")),
    Case("quantile nearest", lambda o, x: o.quantile(x, 0.3, 1, "nearest"), X),
    Case("quantile nan", lambda o, x: o.quantile(x, 0.5, axis=1), SOME, grad=False),
    Case("percentile", lambda o, x: o.percentile(x, np.array([20.0, 75.0], "float32"), axis=-1), X),
    Case("nanquantile", lambda o, x: o.nanquantile(x, 0.4, axis=1), HOLES, grad=False),
    Case("nanpercentile", lambda o, x: o.nanpercentile(x, 40, axis=1, keepdims=True), HOLES, grad=False),
    Case("nanmedian", lambda o, x: o.nanmedian(x, axis=1), HOLES, grad=False),
)
CUMULATIVE = (
    Case("cumsum", lambda o, x: o.cumsum(x, axis=1), CUBE, batch=True),
    Case("cumsum flat", lambda o, x: o.cumsum(x), X),
    Case("cumsum ints", lambda o, x: o.cumsum(x, axis=0), TIES),
    Case("cumsum bools", lambda o, x: o.cumsum(x, axis=0), TIES > 1),
    Case("cumsum uint8", lambda o, x: o.cumsum(x, axis=0), TIES.astype("uint8")),
    Case("cumsum dtype", lambda o, x: o.cumsum(x, axis=0, dtype="float32"), TIES),
    Case("cumprod", lambda o, x: o.cumprod(x, axis=-1), CUBE),
    Case("cumprod zeros", lambda o, x: o.cumprod(x, axis=1), ZEROS),
    Case("nancumsum", lambda o, x: o.nancumsum(x, axis=1), SOME),
    Case("nancumprod", lambda o, x: o.nancumprod(x), SOME),
    Case("diff", lambda o, x: o.diff(x, 2, axis=1), CUBE, batch=True),
    Case("diff bools", lambda o, x: o.diff(x), TIES > 1),
    Case("trapezoid", lambda o, y: o.trapezoid(y, dx=0.5, axis=1), CUBE),
    Case("trapezoid places", lambda o, y, x: o.trapezoid(y, x), CUBE, normal(3)),
)
COUNTING = (
    Case("bincount", lambda o, x: o.bincount(x), TIES[0], recorded=False, compiled=False),
    Case(
        "bincount weights", lambda o, x, w: o.bincount(x, w, 6), TIES[0], X[0, :1].repeat(7), compiled=False, grad=False
    ),
    Case("bincount rows", lambda o, x: o.bincount(x, minlength=5), TIES, compiled=False),
    Case("searchsorted", lambda o, s, v: o.searchsorted(s, v), np.sort(X[0]), CUBE),
    Case("searchsorted right", lambda o, s, v: o.searchsorted(s, v, side="right"), np.sort(TIES[0]), TIES),
    Case("digitize", lambda o, x, b: o.digitize(x, b), X, np.array([-1.0, 0, 0.5], "float32")),
    Case("digitize falling", lambda o, x, b: o.digitize(x, b), TIES, np.array([3, 1], "int32")),
    Case("histogram", lambda o, x: o.histogram(x, bins=4), X[0], grad=False, compiled=False),
    Case("histogram range", lambda o, x: o.histogram(x, 3, (-1, 1)), X[0], grad=False, compiled=False),
    Case("isin", lambda o, a, b: o.isin(a, b), TIES, whole(3, 2)),
    Case("isin invert", lambda o, a, b: o.isin(a, b, invert=True), X, X[1]),
    Case("nonzero", lambda o, x: o.nonzero(x), TIES, recorded=False, compiled=False),
    Case("unique", lambda o, x: o.unique(x), TIES, recorded=False, compiled=False),
    Case(
        "unique all",
        lambda o, x: o.unique(x, return_index=True, return_inverse=True, return_counts=True),
        TIES,
        recorded=False,
        compiled=False,
    ),
    Case("unique rows", lambda o, x: o.unique(x, axis=0, size=5), TIES // 3, recorded=False, compiled=False),
)
PLACING = (
    Case("take_along_axis", lambda o, x, i: o.take_along_axis(x, i, axis=1), CUBE, whole(4, 2, 2, 3)),
    Case("take_along_axis flat", lambda o, x, i: o.take_along_axis(x, i), X, whole(15, 4) - 2),
    Case("take_along_axis spread", lambda o, x, i: o.take_along_axis(x, i, -1), CUBE, whole(3, 1, 1, 6)),
    Case("scatter", lambda o, i, v: o.scatter(i, v, (4, 3)), np.array([[0], [3], [0], [-1]], "int32"), normal(4, 3)),
    Case("scatter points", lambda o, i, v: o.scatter(i, v, (4, 3)), whole(3, 5, 2), normal(5)),
    Case("scatter ints", lambda o, i, v: o.scatter(i, v, (4,)), whole(4, 6, 1), whole(9, 6)),
    Case("scatter_update", lambda o, x, i, u: o.scatter_update(x, i, u), X, np.array([[0, 1], [2, -1]]), normal(2)),
    Case("scatter_update rows", lambda o, x, i, u: o.scatter_update(x, i, u), X, np.array([[2], [0]]), normal(2, 5)),
    # JAX has no gradient of products here
    *(
        Case(
            f"scatter_update {r}",
            lambda o, x, i, u, r=r: o.scatter_update(x, i, u, r),
            *(X, whole(3, 4, 2), normal(4)),
            grad=r != "mul",
        )
        for r in ("add", "mul", "max", "min")
    ),
    *(
        Case(f"segment_{r}", lambda o, x, i, r=r: getattr(o, f"segment_{r}")(x, i, 4), ROWS, IDS, grad=r != "prod")
        for r in ("sum", "max", "min", "prod")
    ),
    Case("segment_sum ints", lambda o, x, i: o.segment_sum(x, i, num_segments=3), whole(9, 6), IDS),
    Case("segment_max ints", lambda o, x, i: o.segment_max(x, i, 4), whole(9, 6), IDS),
    Case("slice_update", lambda o, x, u: o.slice_update(x, (1, 2), u), X, normal(2, 2)),
    Case("slice_update moved", lambda o, x, u, s: o.slice_update(x, s, u), X, normal(2, 2), np.array([2, 4], "int32")),
)
WITHOUT_NAN = (
    *(
        Case(f"{name} {word}", lambda o, x, name=name, k=kwargs: getattr(o, name)(x, **k), x, grad=grad)
        for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanargmax", "nanargmin")
        for word, x, kwargs, grad in (
            ("all", SOME, {}, True),
            ("rows", HOLES, {"axis": 1, "keepdims": True}, False),
            ("ints", TIES, {"axis": 0}, False),
        )
    ),
    Case("nanstd", lambda o, x: o.nanstd(x, axis=0), SOME),
)


@table(*ORDERING, *CUMULATIVE, *COUNTING, *PLACING, *WITHOUT_NAN)
def test_as_keras(case):
    check(case)


def test_gradients_of_products():
    """Also where one or two elements of a segment are 0."""
    x = np.array([2.0, 0, 3, 4, 0, 0, 5, 1], "float64")
    ids = np.array([0, 0, 0, 1, 2, 2, 2, -1], "int32")
    with Trace() as trace:
        place = trace.placeholder(x.shape, "float64")
        (grad,) = gradients(ops.sum(ops.segment_prod(place, ids, 4)), [place])
        program = trace.build(outputs=[grad])
    np.testing.assert_array_equal(program.run([x])[0], [0, 6, 0, 1, 0, 0, 0, 0])


def test_argpartition_divides():
    x = normal(4, 9)
    order = np.take_along_axis(x, np.asarray(ops.argpartition(x, 3, axis=0)), 0)
    assert (order[:3] <= order[3]).all() and np.array_equal(np.sort(order, 0), np.sort(x, 0))
    with pytest.raises(ValueError, match="out of bounds"):
        ops.argpartition(x, 4, axis=0)


def test_results_of_unknown_shape_are_refused_while_recording():
    x = Tensor((None, 3), "float32")
    for name in ("nonzero", "unique"):
        with pytest.raises(ValueError, match=name):
            getattr(ops, name)(x)
    with pytest.raises(ValueError, match="minlength"):
        ops.bincount(Tensor((4,), "int32"))


def test_wrong_arguments_are_named():
    x = normal(3, 4)
    for call, words in (
        (lambda: ops.top_k(x, 5), "k=5"),
        (lambda: ops.quantile(x, 0.5, method="cubic"), "cubic"),
        (lambda: ops.take_along_axis(x, np.zeros(3, "int32"), 0), "same rank"),
        (lambda: ops.scatter(np.zeros((2, 1), "int32"), x, (4,)), "values"),
        (lambda: ops.scatter_update(x, np.zeros((1, 2), "int32"), [1.0], "mean"), "mean"),
        (lambda: ops.segment_max(x, np.zeros((3, 1), "int32")), "1-D"),
        (lambda: ops.slice_update(x, (0,), x), "start_indices"),
        (lambda: ops.searchsorted(x, x), "1-D"),
        (lambda: ops.searchsorted(x[0], x, side="up"), "up"),
        (lambda: ops.histogram(x, -1), "bins=-1"),
        (lambda: ops.bincount(np.zeros(3, "int32"), sparse=True), "sparse"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_long_axes_have_the_same_bits_on_every_number_of_threads():
    x = normal(40, 3000)
    before = pk._core.num_threads()
    first = [
        np.asarray(f(x)) for f in (ops.sort, ops.argsort, lambda v: ops.cumsum(v, 1), lambda v: ops.top_k(v, 7)[0])
    ]
    pk._core.set_num_threads(1)
    try:
        again = [
            np.asarray(f(x)) for f in (ops.sort, ops.argsort, lambda v: ops.cumsum(v, 1), lambda v: ops.top_k(v, 7)[0])
        ]
    finally:
        pk._core.set_num_threads(before)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
