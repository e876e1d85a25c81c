"""Arrangements, integers, pairs, windows and contractions beside Keras (JAX)."""

from __future__ import annotations

import numpy as np
import pytest
from op_oracle import Case, check, normal, table, whole

from pykernels import ops
from pykernels.graph import Tensor

X = normal(3, 5)
Y = normal(3, 5)
CUBE = normal(2, 4, 3)
SQUARE = normal(4, 4)
V = normal(6)
INTS = whole(40, 3, 4)
MORE = whole(5, 3, 4) + 1
HOLES = np.where(X > 0.8, np.nan, X).astype("float32")

ARRANGEMENT = (
    Case("append", lambda o, a, b: o.append(a, b), X, CUBE),
    Case("append axis", lambda o, a, b: o.append(a, b, axis=1), X, Y),
    Case("array_split", lambda o, x: o.array_split(x, 3, axis=1), X, batch=True),
    Case("vsplit", lambda o, x: o.vsplit(x, 2), CUBE),
    Case("hsplit", lambda o, x: o.hsplit(x, [1, 3]), CUBE, batch=True),
    Case("hsplit vector", lambda o, x: o.hsplit(x, 3), V),
    Case("dsplit", lambda o, x: o.dsplit(x, 3), CUBE, batch=True),
    Case("dstack", lambda o, a, b: o.dstack([a, b]), X, Y),
    Case("dstack vectors", lambda o, a: o.dstack([a, a]), V),
    Case("diag", lambda o, x: o.diag(x, k=1), V),
    Case("diag below", lambda o, x: o.diag(x, k=-2), V),
    Case("diag matrix", lambda o, x: o.diag(x, k=1), X),
    Case("diagflat", lambda o, x: o.diagflat(x, k=-1), normal(2, 2)),
    Case("diagonal", lambda o, x: o.diagonal(x), X),
    Case("diagonal axes", lambda o, x: o.diagonal(x, offset=-1, axis1=2, axis2=1), CUBE, batch=True),
    Case("diagonal far", lambda o, x: o.diagonal(x, offset=9), X, grad=False),
    Case("trace", lambda o, x: o.trace(x, 1), SQUARE),
    Case("trace ints", lambda o, x: o.trace(x), INTS),
    Case("trace axes", lambda o, x: o.trace(x, axis1=1, axis2=2), CUBE, batch=True),
    Case("fliplr", lambda o, x: o.fliplr(x), X, batch=True),
    Case("flipud", lambda o, x: o.flipud(x), X),
    *(Case(f"rot90 {k}", lambda o, x, k=k: o.rot90(x, k, axes=(1, 2)), CUBE) for k in (1, 2, 3, 4)),
    Case("meshgrid", lambda o, a, b: o.meshgrid(a, b), normal(3), normal(2)),
    Case("meshgrid ij", lambda o, a, b, c: o.meshgrid(a, b, c, indexing="ij"), normal(3), normal(2), whole(4, 2)),
    Case("kron", lambda o, a, b: o.kron(a, b), normal(2, 3), normal(2, 2)),
    Case("kron ranks", lambda o, a, b: o.kron(a, b), normal(2), normal(2, 1, 2)),
    Case("select", lambda o, a, b: o.select([a > 1, a > 0], [a, b], default=5.0), X, Y),
    Case("unravel_index", lambda o, i: o.unravel_index(i, (3, 4, 2)), whole(24, 5) - 1),
    Case("vander", lambda o, x: o.vander(x), V, tolerance=1e-4),
    Case("vander up", lambda o, x: o.vander(x, N=3, increasing=True), whole(4, 5)),
)
INTEGERS = (
    *(
        Case(name, lambda o, a, b, name=name: getattr(o, name)(a, b), INTS, MORE)
        for name in (
            *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),
            *("left_shift", "right_shift", "gcd", "lcm"),
        )
    ),
    Case("bitwise_or bools", lambda o, a, b: o.bitwise_or(a, b), INTS > 20, MORE > 2),
    Case("bitwise_xor uint8", lambda o, a, b: o.bitwise_xor(a, b), INTS.astype("uint8"), MORE[:1].astype("uint8")),
    Case("bitwise_invert", lambda o, a: o.bitwise_invert(a), INTS, batch=True),
    Case("bitwise_not", lambda o, a: o.bitwise_not(a), INTS.astype("uint8")),
    Case("bitwise_not bools", lambda o, a: o.bitwise_not(a), INTS > 20),
)
PAIRS = (
    Case("allclose", lambda o, a, b: o.allclose(a, b), X, X + 1e-7),
    Case("allclose not", lambda o, a, b: o.allclose(a, b, equal_nan=True), X, Y),
    Case("fmax", lambda o, a, b: o.fmax(a, b), X, Y, batch=True),
    Case("fmax nan", lambda o, a, b: o.fmax(a, b), HOLES, Y, grad=False),
    Case("fmin", lambda o, a, b: o.fmin(a, b), HOLES, Y, grad=False),
    Case("fmod", lambda o, a, b: o.fmod(a, b), 5 * X, Y),
    Case("fmod ints", lambda o, a, b: o.fmod(a, b), INTS - 20, MORE),
    Case("heaviside", lambda o, a, b: o.heaviside(a, b), np.where(X > 0.5, 0, HOLES).astype("float32"), Y, grad=False),
    Case("hypot", lambda o, a, b: o.hypot(a, b), X, Y),
    Case(
        "hypot edges",
        lambda o, a, b: o.hypot(a, b),
        np.array([0, np.inf, 3e30], "float32"),
        np.float32([0, 1, 4e30]),
        grad=False,
    ),
    Case("ldexp", lambda o, a, b: o.ldexp(a, b), normal(3, 4), MORE),
    Case("logaddexp2", lambda o, a, b: o.logaddexp2(a, b), X, Y),
    Case("nextafter", lambda o, a, b: o.nextafter(a, b), X, Y, grad=False),
    Case("saturate_cast", lambda o, x: o.saturate_cast(x, "uint8"), 300 * X),
    Case("saturate_cast ints", lambda o, x: o.saturate_cast(x, "uint8"), 300 * (INTS - 20)),
    Case("saturate_cast large", lambda o, x: o.saturate_cast(x, "int32"), np.array([3e9, -3e9, 7.5], "float32")),
)
WINDOWS = (
    *(
        Case(name, lambda o, name=name: getattr(o, name)(7), compiled=False)
        for name in ("bartlett", "blackman", "hamming", "hanning")
    ),
    Case("kaiser", lambda o: o.kaiser(8, 3.5), compiled=False),
    Case("logspace", lambda o: o.logspace(0, 2, 5, base=3.0)),
    Case("geomspace", lambda o: o.geomspace(1.0, 1000.0, num=4, endpoint=False)),
)
A, B, C = normal(2, 3, 4), normal(4, 5), normal(2, 4, 3)
CONTRACTION = (
    *(
        Case(f"einsum {text}", lambda o, *xs, text=text: o.einsum(text, *xs), *arrays, batch=batch)
        for text, arrays, batch in (
            ("ijk,kl->ijl", (A, B), True),
            ("abc,acd->abd", (A, C), True),
            ("abc,acd->dba", (A, C), False),
            ("...k,kl->...l", (A, B), True),
            ("ijk->ki", (A,), False),
            ("ijk", (A,), False),
            ("ii", (SQUARE,), False),
            ("iij->ij", (normal(3, 3, 2),), False),
            ("i,j->ij", (V, normal(3)), False),
            ("ij,ij->", (X, Y), False),
            ("ij,ij->i", (X, Y), True),
            ("ijk,kl,lm->im", (A, B, normal(5, 2)), False),
            ("bqhd,bkhd->bhqk", (normal(2, 3, 2, 4), normal(2, 5, 2, 4)), True),
            ("ij,jk", (whole(5, 2, 3), whole(5, 3, 2)), False),
            ("...ij,...jk->...ik", (normal(2, 2, 3), normal(1, 3, 2)), False),
        )
    ),
    Case("cdist", lambda o, a, b: o.cdist(a, b), A, normal(2, 5, 4)),
    Case("corrcoef", lambda o, x: o.corrcoef(x), X),
    *(
        Case(f"correlate {mode} {n} {m}", lambda o, a, b, mode=mode: o.correlate(a, b, mode), normal(n), normal(m))
        for mode in ("valid", "same", "full")
        for n, m in ((6, 3), (3, 6), (5, 4))
    ),
    Case("cross", lambda o, a, b: o.cross(a, b), CUBE, normal(4, 3), batch=True),
    Case("cross planes", lambda o, a, b: o.cross(a, b), normal(4, 2), normal(4, 2)),
    Case("cross mixed", lambda o, a, b: o.cross(a, b, axisa=0, axisc=0), normal(2, 4), normal(4, 3)),
    Case("rearrange", lambda o, x: o.rearrange(x, "b (h w) c -> b c h w", h=2), CUBE, compiled=False),
    Case("rearrange merged", lambda o, x: o.rearrange(x, "b h c -> (c b) h"), CUBE),
)


@table(*ARRANGEMENT, *INTEGERS, *PAIRS, *WINDOWS, *CONTRACTION)
def test_as_keras(case):
    check(case)


def test_several_unknown_extents():
    x = Tensor((None, None, 4), "float32")
    assert ops.einsum("abc,cd->abd", x, B).shape == (None, None, 5)
    assert ops.rearrange(Tensor((None, 4, 3), "float32"), "b h c -> b (c h)").shape == (None, 12)


def test_wrong_arguments_are_named():
    for error, words, call in (
        (ValueError, "operands", lambda: ops.einsum("ij,jk->ik", X)),
        (ValueError, "rank 2", lambda: ops.einsum("ijk->i", X)),
        (ValueError, "'j' has the extents", lambda: ops.einsum("ij,jk->ik", X, Y)),
        (ValueError, "once", lambda: ops.einsum("ij->iz", X)),
        (ValueError, "indexing", lambda: ops.meshgrid(V, indexing="yx")),
        (ValueError, "1-D or 2-D", lambda: ops.diag(CUBE)),
        (ValueError, "two different", lambda: ops.rot90(X, axes=(0, 0))),
        (ValueError, "condlist", lambda: ops.select([X > 0], [])),
        (ValueError, "mode", lambda: ops.correlate(V, V, "all")),
        (ValueError, "components", lambda: ops.cross(SQUARE, SQUARE)),
        (ValueError, "rearrange", lambda: ops.rearrange(X, "a (b c) -> a", b=2)),
        (TypeError, "float32", lambda: ops.bitwise_and(X, X)),
        (TypeError, "integer", lambda: ops.ldexp(X, X)),
        (ValueError, "1-D", lambda: ops.vander(X)),
    ):
        with pytest.raises(error, match=words):
            call()
