"""Passes move no read of a variable across a write of it."""

import numpy as np
import pytest

from pykernels import ops
from pykernels.graph import Trace, Variable, apply, passes
from pykernels.ops.optimizer import sgd_update

RNG = np.random.default_rng(0)
GEOMETRY = {"strides": (1, 1), "pads": (1, 1, 1, 1), "dilation": (1, 1), "groups": 1}


def variable(*shape):
    return Variable(RNG.normal(size=shape).astype("float32"))


def matmul_bias(written):
    """matmul, a new bias, the sum."""
    w, b = variable(3, 4), variable(4)
    with Trace() as trace:
        h = ops.matmul(trace.placeholder((2, 3)), w)
        {"weight": w, "bias": b}[written].assign(np.full({"weight": (3, 4), "bias": (4,)}[written], 18.0, "float32"))
        y = ops.relu(ops.add(h, b))
    return trace.build([y]), [np.ones((2, 3), "float32")]


def conv_bias(written):
    w, b = variable(3, 3, 2, 4), variable(4)
    with Trace() as trace:
        h = ops.conv(trace.placeholder((1, 5, 5, 2)), w, padding="same")
        {"weight": w, "bias": b}[written].assign(
            np.full({"weight": w.shape, "bias": b.shape}[written], 18.0, "float32")
        )
        y = ops.relu(ops.add(h, b))
    return trace.build([y]), [np.ones((1, 5, 5, 2), "float32")]


def conv_pool(written):
    w = variable(3, 3, 2, 4)
    with Trace() as trace:
        h = ops.conv(trace.placeholder((1, 6, 6, 2)), w, padding="same")
        w.assign(np.full(w.shape, 18.0, "float32"))
        y = ops.max_pool(h, 2)
    return trace.build([y]), [np.ones((1, 6, 6, 2), "float32")]


def conv_input_gradient(written):
    w = variable(3, 3, 2, 4)
    with Trace() as trace:
        dy, ref = trace.placeholder((1, 5, 5, 4)), trace.placeholder((1, 5, 5, 2))
        dx = apply("conv2d_backward_input", [dy, w], shape=(1, 5, 5, 2), **GEOMETRY)
        w.assign(np.full(w.shape, 18.0, "float32"))
        y = apply("activation_grad", [ref, dx], activation="relu", alpha=0.0)
    return trace.build([y]), [np.ones((1, 5, 5, 4), "float32"), np.ones((1, 5, 5, 2), "float32")]


def bias_gradient(written):
    """The sum of dy before a write of x or behind it; the weights' gradient, which reads x, behind it."""
    x = variable(1, 5, 5, 2)
    with Trace() as trace:
        dy = trace.placeholder((1, 5, 5, 4))
        if written == "before":
            db = ops.sum(dy, axis=(0, 1, 2))
        x.assign(np.full(x.shape, 18.0, "float32"))
        dw = apply("conv2d_backward_weights", [x, dy], shape=(3, 3, 2, 4), **GEOMETRY)
        if written != "before":
            db = ops.sum(dy, axis=(0, 1, 2))
    return trace.build([dw, db]), [np.ones((1, 5, 5, 4), "float32")]


def update(written):
    """A gradient, a new value of what it read, the update."""
    x, w = variable(5, 3), variable(3, 4)
    with Trace() as trace:
        g = apply("matmul", [x, trace.placeholder((5, 4))], transpose_a=True, transpose_b=False)
        x.assign(np.full(x.shape, 100.0, "float32"))
        sgd_update(g, 1.0, w)
    return trace.build([w]), [np.ones((5, 4), "float32")]


def update_of_its_own_factor(written):
    """The gradient of a weight that is a product with the weight itself."""
    w = variable(4, 4)
    with Trace() as trace:
        g = ops.matmul(w, trace.placeholder((4, 4)))
        sgd_update(g, 1.0, w)
    return trace.build([w]), [np.ones((4, 4), "float32")]


def crossentropy(written):
    """The gradient of a loss, new targets, the gradient of the softmax."""
    target = Variable(np.eye(3, dtype="float32"))
    with Trace() as trace:
        p = ops.softmax(trace.placeholder((3, 3)))
        dp = apply("categorical_crossentropy_grad", [target, p, np.ones(3, "float32")], from_logits=False, epsilon=1e-7)
        target.assign(np.zeros((3, 3), "float32"))
        y = apply("softmax_grad", [p, dp])
    return trace.build([y]), [RNG.normal(size=(3, 3)).astype("float32")]


CASES = [
    (matmul_bias, "weight"),
    (matmul_bias, "bias"),
    (conv_bias, "weight"),
    (conv_bias, "bias"),
    (conv_pool, "weight"),
    (conv_input_gradient, "weight"),
    (bias_gradient, "before"),
    (bias_gradient, "after"),
    (update, "input"),
    (update_of_its_own_factor, "weight"),
    (crossentropy, "target"),
]


@pytest.mark.parametrize(("record", "written"), CASES, ids=[f"{r.__name__}-{w}" for r, w in CASES])
def test_a_write_in_between(monkeypatch, record, written):
    global RNG
    results = []
    for disabled in (set(), {p.__name__ for p in passes.PASSES}):
        monkeypatch.setattr(passes, "disabled", disabled)
        RNG = np.random.default_rng(0)
        program, feeds = record(written)
        results.append(program.run(feeds))
    for have, want in zip(*results, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)
