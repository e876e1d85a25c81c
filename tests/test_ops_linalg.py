"""Decompositions, Fourier transforms and control flow beside Keras (JAX)."""

from __future__ import annotations

import numpy as np
import pytest
from op_oracle import Case, check, jax, keras, normal, table, whole

import pykernels as pk
from pykernels import layers, models, ops
from pykernels.graph import Tensor, Trace

A = normal(3, 3)
STACK = normal(2, 3, 3)
TALL, WIDE = normal(5, 3), normal(3, 5)
POSITIVE = (STACK @ STACK.transpose(0, 2, 1) + 2 * np.eye(3)).astype("float32")
SINGULAR = np.outer([1.0, 2, 3], [1, 0, 2]).astype("float32") + np.outer([0, 1.0, 1], [1, 1, 0]).astype("float32")
RE, IM = normal(2, 4, 6), normal(2, 4, 6)
SIGNAL = normal(2, 40)


def signless(o, m, axis):
    """A factor whose columns (rows) are known but for their sign."""
    return o.multiply(m, o.sign(o.max(m, axis, keepdims=True) + o.min(m, axis, keepdims=True)))


LINALG = (
    Case("cholesky", lambda o, x: o.cholesky(x), POSITIVE, compiled=True),
    Case("cholesky upper", lambda o, x: o.cholesky(x, upper=True), POSITIVE),
    Case("cholesky_inverse", lambda o, x: o.cholesky_inverse(x), np.linalg.cholesky(POSITIVE[0])),
    Case("cholesky_inverse upper", lambda o, x: o.cholesky_inverse(x, True), np.linalg.cholesky(POSITIVE[0]).T.copy()),
    Case("det", lambda o, x: o.det(x), STACK),
    Case("det singular", lambda o, x: o.det(x), SINGULAR, tolerance=1e-4),
    Case("slogdet", lambda o, x: o.slogdet(x), STACK),
    Case("logdet", lambda o, x: o.logdet(x), POSITIVE),
    Case("eigh", lambda o, x: o.eigh(x)[0], POSITIVE),
    Case("eigh vectors", lambda o, x: o.square(o.eigh(x)[1]), POSITIVE, tolerance=1e-4),
    Case("inv", lambda o, x: o.inv(x), STACK, tolerance=1e-4),
    Case("lu_factor", lambda o, x: o.lu_factor(x), STACK, grad=False),
    Case("lu_factor tall", lambda o, x: o.lu_factor(x), TALL, grad=False),
    Case("qr", lambda o, x: o.qr(x), TALL, tolerance=1e-4),
    Case("qr wide", lambda o, x: o.qr(x), WIDE, grad=False),
    Case("qr complete", lambda o, x: o.qr(x, mode="complete")[1], TALL, grad=False),
    Case("solve", lambda o, a, b: o.solve(a, b), POSITIVE, normal(2, 3, 2)),
    Case("solve vector", lambda o, a, b: o.solve(a, b), A, normal(3), tolerance=1e-4),
    Case("solve_triangular", lambda o, a, b: o.solve_triangular(a, b, lower=True), POSITIVE, normal(2, 3, 2)),
    Case("solve_triangular upper", lambda o, a, b: o.solve_triangular(a, b), POSITIVE, normal(2, 3, 2)),
    Case("svd values", lambda o, x: o.svd(x, compute_uv=False), WIDE),
    Case("svd", lambda o, x: [o.square(m) for m in o.svd(x, full_matrices=False)], TALL, tolerance=1e-4),
    Case("svd full", lambda o, x: [o.square(m) for m in o.svd(x)], A, tolerance=1e-4),
    Case("svd wide", lambda o, x: [o.square(m) for m in o.svd(x, full_matrices=False)], WIDE, tolerance=1e-4),
    Case("lstsq", lambda o, a, b: o.lstsq(a, b), TALL, normal(5), tolerance=1e-4),
    Case("lstsq wide", lambda o, a, b: o.lstsq(a, b), WIDE, normal(3, 2), grad=False),
    Case("pinv", lambda o, x: o.pinv(x), TALL, tolerance=1e-4),
    Case("pinv rank", lambda o, x: o.pinv(x, rcond=1e-4), SINGULAR, grad=False),
    Case("matrix_rank", lambda o, x: o.matrix_rank(x), SINGULAR, grad=False),
    Case("jvp", lambda o, x, t: o.jvp(lambda v: o.sin(v) * v, (x,), (t,)), A, normal(3, 3), grad=False),
    Case("jvp two", lambda o, x, t: o.jvp(lambda a, b: o.matmul(a, b), (x, t), (t, x)), A, normal(3, 3), grad=False),
)
SIGNALS = (
    Case("fft", lambda o, a, b: o.fft((a, b)), RE, IM),
    Case("fft2", lambda o, a, b: o.fft2((a, b)), RE, IM),
    Case("ifft2", lambda o, a, b: o.ifft2((a, b)), RE, IM),
    Case("rfft", lambda o, a: o.rfft(a), RE),
    Case("rfft longer", lambda o, a: o.rfft(a, fft_length=9), RE),
    Case("rfft shorter", lambda o, a: o.rfft(a, fft_length=4), RE),
    Case("irfft", lambda o, a, b: o.irfft((a, b)), RE, IM),
    Case("irfft odd", lambda o, a, b: o.irfft((a, b), fft_length=9), RE, IM),
    Case("extract_sequences", lambda o, x: o.extract_sequences(x, 8, 3), SIGNAL),
    Case("stft", lambda o, x: o.stft(x, 8, 4, 8), SIGNAL),
    Case("stft hamming", lambda o, x: o.stft(x, 6, 3, 10, window="hamming", center=False), SIGNAL),
    Case("stft no window", lambda o, x: o.stft(x, 8, 4, 8, window=None), SIGNAL),
    Case("istft", lambda o, a, b: o.istft((a, b), 8, 4, 8), normal(2, 9, 5), normal(2, 9, 5), tolerance=1e-4),
    Case(
        "istft length",
        lambda o, a, b: o.istft((a, b), 8, 4, 8, length=20),
        normal(2, 9, 5),
        normal(2, 9, 5),
        tolerance=1e-4,
    ),
)
XS = normal(5, 3)
CONTROL = (
    Case("cond", lambda o, p, x: o.cond(o.sum(p) > 0, lambda: o.sin(x), lambda: o.cos(x)), np.float32([1.0, 2]), XS),
    Case("cond else", lambda o, p, x: o.cond(o.sum(p) > 9, lambda: o.sin(x), lambda: o.cos(x)), np.float32([1.0]), XS),
    *(Case(f"switch {i}", lambda o, i, x: o.switch(i, [o.sin, o.cos, o.exp], x), np.int32(i), XS) for i in (-1, 1, 5)),
    Case(
        "while_loop",
        lambda o, x: o.while_loop(lambda i, v: o.sum(v) < 40.0, lambda i, v: (i + 1, v * 2.0), (0, x), 8),
        np.abs(XS),
        grad=False,
    ),
    Case("fori_loop", lambda o, x: o.fori_loop(0, 3, lambda i, v: v * 1.5 + i, x), XS),
    Case("scan", lambda o, x: o.scan(lambda c, v: (c + v, c * v), o.zeros_like(x[0]), x), XS),
    Case("scan back", lambda o, x: o.scan(lambda c, v: (c * 0.5 + v, c), x[0], x, reverse=True), XS),
    Case("scan length", lambda o, x: o.scan(lambda c, _: (c * 2.0, c), x, length=3), XS),
    Case("map", lambda o, x: o.map(lambda v: o.sum(v) * v, x), XS),
    Case("vectorized_map", lambda o, x: o.vectorized_map(lambda v: o.sum(v) * v, x), XS),
    *(
        Case(f"associative_scan {n} {r}", lambda o, x, r=r: o.associative_scan(o.add, x, reverse=r), normal(n, 2))
        for n in (1, 2, 5, 8)
        for r in (False, True)
    ),
    Case("associative_scan axis", lambda o, x: o.associative_scan(o.multiply, x, axis=1), XS),
    Case("vectorize", lambda o, x, y: o.vectorize(lambda a, b: o.sum(a * b), signature="(n),(n)->()")(x, y), XS, XS[0]),
    Case("vectorize plain", lambda o, x, y: o.vectorize(lambda a, b: a * b + 1.0)(x, y), XS[0], XS[:2, :1]),
)


@table(*LINALG, *SIGNALS, *CONTROL)
def test_as_keras(case):
    check(case)


def test_eig_gives_complex_arrays():
    values, vectors = ops.eig(A)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-5)
    assert values.dtype == "complex64"
    with pytest.raises(ValueError, match="eigh"):
        ops.eig(Tensor((3, 3), "float32"))


def test_what_cannot_be_decomposed():
    for library in (pk, keras):
        with pytest.raises(ValueError, match="positive definite"):
            library.ops.cholesky(-np.eye(3, dtype="float32"))
    stack = np.stack([np.eye(2), -np.eye(2)]).astype("float32")
    with Trace() as trace:
        x = trace.placeholder(stack.shape, "float32")
        program = trace.build(outputs=[ops.cholesky(x)])
    (y,) = program.run([stack])
    assert np.array_equal(y[0], np.eye(2)) and np.isnan(y[1]).all()
    for call in (ops.inv, ops.det, ops.cholesky, ops.eigh):
        with pytest.raises(ValueError, match="square"):
            call(TALL)


def test_loops_that_need_jumps_are_refused_while_recording():
    with Trace() as trace:
        x = trace.placeholder((3,), "float32")
        with pytest.raises(NotImplementedError, match="maximum_iterations"):
            ops.while_loop(lambda v: ops.sum(v) < 3.0, lambda v: v + 1.0, x)
        with pytest.raises(NotImplementedError, match="bounds"):
            ops.fori_loop(0, ops.sum(x), lambda i, v: v, x)
        counted = ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * 2.0), (0, x))[1]
        program = trace.build(outputs=[counted])
    assert program.run([np.ones(3, "float32")])[0].tolist() == [8, 8, 8]


def test_vectorize_passes_what_is_excluded():
    double = ops.vectorize(lambda x, k: x * len(k), excluded={1})
    assert double(np.arange(3.0, dtype="float32"), "ab").tolist() == [0, 2, 4]


def test_wrong_arguments_are_named():
    x = normal(4, 4)
    for error, words, call in (
        (ValueError, "mode", lambda: ops.qr(x, "full")),
        (ValueError, "Incompatible", lambda: ops.solve(x, normal(3))),
        (ValueError, "tuple of two", lambda: ops.fft(x)),
        (ValueError, "same shape", lambda: ops.fft((x, x[:2]))),
        (TypeError, "int32", lambda: ops.stft(whole(4, 30), 4, 2, 4)),
        (ValueError, "fft_length", lambda: ops.stft(SIGNAL, 8, 4, 4)),
        (ValueError, "window", lambda: ops.stft(SIGNAL, 8, 4, 8, window="box")),
        (TypeError, "callable", lambda: ops.scan(3, x, x)),
        (ValueError, "length", lambda: ops.scan(lambda c, v: (c, v), x)),
        (ValueError, "same structure", lambda: ops.cond(Tensor((), "bool"), lambda: x, lambda: (x, x))),
        (ValueError, "known extent", lambda: ops.map(lambda v: v, Tensor((None, 3), "float32"))),
    ):
        with pytest.raises(error, match=words):
            call()


def test_gradients_that_are_not_there_are_refused():
    with Trace() as trace:
        x = trace.placeholder((3, 5), "float32")
        for y, words in ((ops.qr(x)[0], "qr"), (ops.svd(x)[0], "svd"), (ops.lu_factor(x)[0], "lu_factor")):
            with pytest.raises((NotImplementedError, ValueError), match=words):
                pk.graph.gradients(ops.sum(y), [x])
    assert jax is not None


def test_tensordot_of_an_unknown_batch():
    x, y = layers.Input((3,)), layers.Input((3, 2))
    over_rows = models.Model([x, y], ops.tensordot(x, y[:, :, 0], 2) + ops.sum(x, axis=1))
    one_unknown = models.Model(x, ops.tensordot(x, np.eye(3, dtype="float32"), 1))
    a, b = np.arange(6.0).reshape(2, 3).astype("float32"), np.ones((2, 3, 2), "float32")
    np.testing.assert_allclose(over_rows([a, b]), 15.0 + a.sum(1))
    np.testing.assert_allclose(one_unknown(a), a)
    with pytest.raises(ValueError, match="two unknown extents"):
        ops.tensordot(x, x, [[1], [1]])
