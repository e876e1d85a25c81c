"""Checks of ops: values against NumPy in float64, gradients against central differences in float64, shapes as inferred.

Tolerances are stated in units of the dtype's epsilon: `length` is the number of terms that meet in one result,
`ulp` what the functions in it may add.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pykernels.graph import Trace, gradients

# 1, odd, around the widths of SIMD vectors (4, 8, 16), and an empty batch
EXTENTS = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33)


def extents(empty=False):
    return st.sampled_from((0, *EXTENTS) if empty else EXTENTS)


@st.composite
def shapes(draw, min_rank=0, max_rank=3, most=4096, empty=True):
    """A shape of at most `most` elements, at times with an empty first dimension."""
    rank = draw(st.integers(min_rank, max_rank))
    shape = [draw(extents()) for _ in range(rank)]
    while np.prod(shape) > most:
        shape[int(np.argmax(shape))] = 1
    if empty and rank and draw(st.integers(0, 9)) == 0:
        shape[0] = 0
    return tuple(shape)


@st.composite
def broadcasting(draw, count=2, max_rank=3, most=512):
    """`count` shapes that broadcast with each other."""
    full = draw(shapes(1, max_rank, most))
    result = []
    for _ in range(count):
        kept = full[draw(st.integers(0, len(full))) :]
        result.append(tuple(1 if draw(st.booleans()) and d else d for d in kept))
    return result


def uniform(shape, low=-3.0, high=3.0, seed=0, away_from=(), distance=0.05):
    """float64 in [low, high), none within `distance` of the kinks in `away_from`."""
    x = np.random.default_rng(seed).uniform(low, high, shape)
    for kink in away_from:
        near = np.abs(x - kink) < distance
        x = np.where(near, kink + np.where(x < kink, -2, 2) * distance, x)
    return x


def tolerance(dtype, want, length=1, ulp=4):
    """`ulp` + `length` roundings of the largest magnitude that meets in a result."""
    size = float(np.max(np.abs(want[np.isfinite(want)]), initial=1.0)) if np.size(want) else 1.0
    return (ulp + length) * float(np.finfo(dtype).eps) * size


def assert_close(got, want, dtype="float32", length=1, ulp=4, what=""):
    """Same shape; finite values within `tolerance`; NaN and infinities in the same places."""
    got, want = np.asarray(got), np.asarray(want, np.float64)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    allowed = tolerance(dtype, want, length, ulp)
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=0, atol=allowed, err_msg=what)


def run_symbolic(function, arrays):
    """`function` recorded on placeholders of the arrays' types, and the program run on the arrays."""
    with Trace() as trace:
        y = function(*(trace.placeholder(a.shape, a.dtype.name) for a in arrays))
        program = trace.build(outputs=[y])
    return y, program.run([np.array(a, order="C") for a in arrays])[0]


def check_forward(function, reference, arrays, length=1, ulp=4, dtypes=("float32", "float64")):
    """`function` on arrays and in a program against `reference` in float64; shape and dtype too."""
    for dtype in dtypes:
        inputs = [a.astype(dtype) if a.dtype == np.float64 else a for a in arrays]
        want = reference(*(a.astype(np.float64) if a.dtype.kind == "f" else a for a in inputs))
        got = function(*inputs)
        assert isinstance(got, np.ndarray)
        if got.dtype.kind == "f":
            assert got.dtype == dtype
            assert_close(got, want, dtype, length, ulp, f"{dtype}, shapes {[a.shape for a in arrays]}")
        else:
            np.testing.assert_array_equal(got, want)
        tensor, out = run_symbolic(function, inputs)
        assert (tuple(tensor.shape), tensor.dtype) == (got.shape, got.dtype.name)
        np.testing.assert_array_equal(out, got, err_msg="the program and the immediate result differ")


def numeric_gradient(function, arrays, i, weights, step):
    """d sum(weights * function(*arrays)) / d arrays[i], by central differences."""
    x = arrays[i]
    result = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[at] += sign * step
            values.append(np.sum(weights * function(*arrays[:i], moved, *arrays[i + 1 :])))
        result[at] = (values[0] - values[1]) / (2 * step)
    return result


def check_gradient(function, arrays, wrt=None, step=1e-5, rtol=2e-7):
    """The recorded gradients in float64 against central differences, for the inputs in `wrt` (all floats by default).

    The error of the differences is about eps / step + step^2 relative to the values: 1e-10 here, and 1e-7 is asked
    for since third derivatives may be large.
    """
    arrays = [np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else np.asarray(a) for a in arrays]
    wrt = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"] if wrt is None else wrt
    y = function(*arrays)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, np.shape(y))
    with Trace() as trace:
        inputs = [trace.placeholder(a.shape, a.dtype.name) for a in arrays]
        grads = gradients(function(*inputs), [inputs[i] for i in wrt], output_gradient=weights)
        assert all(g is not None for g in grads), "a gradient is missing"
        program = trace.build(outputs=grads)
    got = program.run([np.array(a, order="C") for a in arrays])
    for i, g in zip(wrt, got, strict=True):
        want = numeric_gradient(function, arrays, i, weights, step)
        size = np.max(np.abs(want), initial=1.0)
        np.testing.assert_allclose(g, want, rtol=0, atol=rtol * size, err_msg=f"gradient of input {i}")
    return got


def gradient_of(function, arrays):
    """The gradients of sum(function(*arrays)) with respect to each float array, in the arrays' dtype."""
    with Trace() as trace:
        inputs = [trace.placeholder(a.shape, a.dtype.name) for a in arrays]
        program = trace.build(outputs=gradients(function(*inputs), inputs))
    return program.run(list(arrays))


#: Where a number is mapped to, for functions that are not defined everywhere.
DOMAINS = {
    **dict.fromkeys(("sqrt", "rsqrt", "log", "log2", "log10", "log1p", "reciprocal"), lambda o, x: o.absolute(x) + 0.1),
    **dict.fromkeys(("arcsin", "arccos", "arctanh", "erfinv"), lambda o, x: o.tanh(x) * 0.9),
    "arccosh": lambda o, x: o.absolute(x) + 1.1,
}


def every_unary(o, x, names):
    """`o.name(x)` for each name, as float32; `o` is `pykernels.ops` or `keras.ops`."""
    return [o.cast(getattr(o, name)(DOMAINS.get(name, lambda o, x: x)(o, x)), "float32") for name in names]
