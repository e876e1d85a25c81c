"""Ops beside those of Keras (JAX): a table of cases, each checked at once, recorded, and in its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import _COMPILER_OPTIONS, assert_close, jax, keras

import pykernels as pk
from pykernels.graph import Tensor, Trace, gradients
from pykernels.utils.tree import flatten

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def whole(high, *shape):
    return RNG.integers(0, high, shape).astype("int32")


class Case:
    """One call: `f(ops, *arrays)` with the ops of either library.

    Args:
        name: of the op; and a word, with a blank between, where there are several cases.
        f: the call.
        arrays: its tensors.
        grad: False where there is no gradient to compare.
        recorded: False for what works on values only.
        compiled: False for what JAX cannot compile.
        batch: whether the shape is inferred as Keras does it for an unknown first extent of the first array.
        tolerance: of the largest value.
    """

    def __init__(self, name, f, *arrays, grad=True, recorded=True, compiled=True, batch=False, tolerance=1e-5):
        self.name, self.f, self.arrays, self.grad, self.recorded = name, f, arrays, grad, recorded
        self.compiled, self.batch, self.tolerance = compiled, batch, tolerance
        self.floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"] if grad and recorded else []

    def ops(self):
        return self.name.partition(" ")[0]


def table(*cases):
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def _outputs(y):
    return [v for v in flatten(y) if v is not None]


def _keras(case, cotangents_of):
    def forward(*floats):
        arrays = list(case.arrays)
        for i, x in zip(case.floats, floats, strict=True):
            arrays[i] = x
        return _outputs(case.f(keras.ops, *arrays))

    def everything(floats):
        ys, pull = jax.vjp(forward, *floats)
        return ys, pull(cotangents_of(ys, jax.numpy.zeros))

    if not case.floats:
        run = jax.jit(lambda *xs: _outputs(case.f(keras.ops, *xs))) if case.compiled else None
        return (run or (lambda *xs: _outputs(case.f(keras.ops, *xs))))(*case.arrays), ()
    floats = [case.arrays[i] for i in case.floats]
    if not case.compiled:
        return everything(floats)
    return jax.jit(everything, **({"compiler_options": _COMPILER_OPTIONS} if _COMPILER_OPTIONS else {}))(floats)


def _cotangents(ys, zeros):
    """A fixed pattern for outputs of floats."""
    found = []
    for y in ys:
        pattern = np.cos(np.arange(np.prod(y.shape, dtype=int)) + 1.0).reshape(y.shape).astype("float32")
        found.append(pattern if str(y.dtype).startswith("float") else np.zeros(y.shape, jax.dtypes.float0))
    return found


def _close(have, want, case, what):
    have, want = np.asarray(have), np.asarray(want)
    assert have.dtype == want.dtype, f"{what}: dtype {have.dtype}, Keras {want.dtype}"
    if have.dtype.kind == "c":
        have, want = (np.stack([v.real, v.imag]) for v in (have, want))
    if have.dtype.kind != "f":
        np.testing.assert_array_equal(have, want, err_msg=what)
        return
    odd = ~np.isfinite(want)
    np.testing.assert_array_equal(have[odd] if have.shape == want.shape else have.shape, want[odd], err_msg=what)
    assert_close(np.where(odd, 0, have), np.where(odd, 0, want), what, case.tolerance)


def check(case):
    want, want_grads = _keras(case, _cotangents)
    at_once = _outputs(case.f(pk.ops, *case.arrays))
    assert len(at_once) == len(want)
    for i, (have, expected) in enumerate(zip(at_once, want, strict=True)):
        _close(have, expected, case, f"output {i}")
    if case.recorded:
        _check_recorded(case, want, want_grads)
    if case.batch:
        _check_inference(case)


def _check_recorded(case, want, want_grads):
    with Trace() as trace:
        places = [trace.placeholder(x.shape, str(x.dtype)) for x in case.arrays]
        outs = _outputs(case.f(pk.ops, *places))
        grads = _pulled(outs, [places[i] for i in case.floats])
        program = trace.build(outputs=[*outs, *grads])
    got = program.run(list(case.arrays))
    for i, (have, expected) in enumerate(zip(got, want, strict=False)):
        _close(have, expected, case, f"recorded output {i}")
    for i, (have, expected) in enumerate(zip(got[len(outs) :], want_grads, strict=True)):
        _close(have, expected, case, f"gradient {i}")


def _pulled(outs, wrt):
    """The gradients of the sum of the outputs, each weighted with its pattern."""
    if not wrt:
        return []
    parts = [(y, c) for y, c in zip(outs, _cotangents(outs, np.zeros), strict=True) if y.dtype.startswith("float")]
    total = sum(pk.ops.sum(pk.ops.multiply(y, c)) for y, c in parts)
    return [np.zeros(x.shape, x.dtype) if g is None else g for x, g in zip(wrt, gradients(total, wrt), strict=True)]


def _check_inference(case):
    shapes = []
    for library, tensor in ((pk, Tensor), (keras, keras.KerasTensor)):
        first = tensor((None, *case.arrays[0].shape[1:]), str(case.arrays[0].dtype))
        y = _outputs(case.f(library.ops, first, *case.arrays[1:]))
        shapes.append([(tuple(v.shape), str(v.dtype)) for v in y])
    assert shapes[0] == shapes[1]
