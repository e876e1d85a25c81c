"""One layer, forward and backward, against a NumPy function: in a program and called, in float64 and in float32.

Gradients are compared with central differences of the function, along random directions where there are many elements.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from op_testing import assert_close, numeric_gradient

from pykernels.graph import Trace, gradients

STEP = 1e-5
FORMATS = st.sampled_from(("channels_last", "channels_first"))
CHANNELS = st.sampled_from((1, 2, 3, 5, 16, 17))
BATCHES = st.sampled_from((0, 1, 2, 3))
SMOOTH = st.sampled_from((None, "tanh", "softplus"))


def np_activation(y, name):
    return {None: lambda y: y, "tanh": np.tanh, "softplus": lambda y: np.logaddexp(y, 0)}[name](y)


def drawn(shapes, distinct):
    """Arrays of float32 values in -3 to 3; `distinct`: none near another one, nor near 0, 0.5 and 1: kinks are far."""
    rng, sizes = np.random.default_rng(7), [int(np.prod(shape)) for shape in shapes]
    total = sum(sizes)
    if distinct:
        assert total < 0.1 / STEP
        flat = (rng.permutation(total) + 0.3) / max(total, 1) * 6 - 3
    else:
        flat = rng.uniform(-3, 3, total)
    parts = np.split(flat.astype("float32"), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def run_layer(layer, xs, many, weights, cotangent, phase):
    """Outputs and gradients of inputs and trained weights, from one program."""
    xs = [x.astype(layer.dtype) for x in xs]
    layer.build([x.shape for x in xs] if many else xs[0].shape)
    layer.set_weights(weights(layer))
    with Trace() as trace:
        places = [trace.placeholder(x.shape, x.dtype.name) for x in xs]
        y = layer(places if many else places[0], **phase)
        seed = cotangent(tuple(y.shape)).astype(layer.dtype)
        grads = gradients(y, [*places, *layer.trainable_weights], output_gradient=seed)
        program = trace.build(outputs=[y, *grads])
    y, *grads = program.run(xs)
    if not phase:
        np.testing.assert_array_equal(layer(xs if many else xs[0]), y, err_msg="the program and the call differ")
    return y, grads, seed


def check_layer(make, reference, shapes, terms=1, ulp=32, distinct=False, phase=None):
    """One layer in float32 and float64.

    Args:
        make: function of a dtype that gives the layer.
        reference: function of float64 inputs and weights that gives the outputs.
        shapes: the inputs' shapes, in a list; one shape for a layer of one input.
        terms: how many terms meet in one result of the forward pass.
        ulp: what the layer's functions may add.
        distinct: see `drawn`.
        phase: keyword arguments of the call.
    """
    many = isinstance(shapes, list)
    xs = drawn(shapes if many else [shapes], distinct)

    def weights(layer):
        rng = np.random.default_rng(1)
        return [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in layer.weights]

    def cotangent(shape):
        return np.random.default_rng(2).uniform(0.5, 1.5, shape).astype("float32")

    results = {}
    for dtype in ("float64", "float32"):
        layer = make(dtype)
        assert layer.dtype == dtype
        results[dtype] = run_layer(layer, xs, many, weights, cotangent, phase or {})
    values = [a.astype("float64") for a in (*xs, *weights(layer))]
    count = len(xs) + len(layer.trainable_weights)
    want = reference(*values)
    for dtype, (y, _, _) in results.items():
        assert y.dtype == dtype
        assert_close(y, want, dtype, terms, ulp, "outputs")
    _, grads, seed = results["float64"]
    _check_differences(reference, values[:count], values[count:], grads, seed)
    # a gradient sums over the windows of an input element or over all places of a weight
    places = terms + (want.size if layer.trainable_weights else 0) + want.size // max(xs[0].size, 1)
    for g32, g64 in zip(results["float32"][1], grads, strict=True):
        assert g32.dtype == "float32"
        assert_close(g32, g64, "float32", places, ulp, "gradients in float32")


def _check_differences(reference, values, fixed, grads, seed, rtol=1e-6):
    """The errors of the differences are about eps / step + step^2 of the sum, 1e-10, times the larger derivatives."""

    def function(*arguments):
        return reference(*arguments, *fixed)

    for i, g in enumerate(grads):
        assert g is not None and g.shape == values[i].shape
        if g.size <= 24:
            want, have = numeric_gradient(function, values, i, seed, STEP), g
        else:
            directions = np.random.default_rng(3).choice((-1.0, 1.0), (3, *g.shape))
            want, have = np.zeros(3), (directions * g).reshape(3, -1).sum(1)
            for k, direction in enumerate(directions):
                ends = [
                    np.sum(seed * function(*values[:i], values[i] + sign * STEP * direction, *values[i + 1 :]))
                    for sign in (1, -1)
                ]
                want[k] = (ends[0] - ends[1]) / (2 * STEP)
        size = np.sqrt(g.size) * max(np.max(np.abs(g), initial=1.0), 1.0)
        np.testing.assert_allclose(have, want, rtol=0, atol=rtol * size, err_msg=f"gradient {i}")
