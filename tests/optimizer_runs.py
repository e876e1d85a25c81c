"""Fifty steps of an optimizer, by Keras on JAX and by pykernels: at once on arrays, and as a program."""

import jax
import keras
import numpy as np

from pykernels import constraints
from pykernels.graph import Trace, Variable

STEPS = 50
SHAPES = [(4, 3), (3,)]
START = [np.random.default_rng(1).normal(size=s).astype("float32") for s in SHAPES]
GRADIENTS = [
    [(np.random.default_rng(100 + i).normal(size=s) * 3 ** (i % 3)).astype("float32") for s in SHAPES]
    for i in range(STEPS)
]


def variables(constrained=False):
    made = [Variable(v, name=f"w{i}") for i, v in enumerate(START)]
    if constrained:
        made[0].constraint = constraints.MaxNorm(0.5)
    return made


def keras_variables():
    return [keras.Variable(v) for v in START]


def by_keras(optimizer, steps=STEPS, constrained=False):
    ws = keras_variables()
    if constrained:
        ws[0].constraint = keras.constraints.MaxNorm(0.5)
    optimizer.build(ws)
    step = jax.jit(optimizer.stateless_apply)
    values, state = [w.value for w in ws], [v.value for v in optimizer.variables]
    for g in GRADIENTS[:steps]:
        values, state = step(state, g, values)
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)
    return [np.asarray(v) for v in values]


def at_once(optimizer, ws, steps=STEPS):
    for g in GRADIENTS[:steps]:
        optimizer.apply_gradients(zip(g, ws, strict=True))
    return [w.numpy() for w in ws]


def by_program(optimizer, ws, steps=STEPS):
    optimizer.build(ws)
    with Trace() as trace:
        grads = [trace.placeholder(s, "float32", f"g{i}") for i, s in enumerate(SHAPES)]
        optimizer.apply(grads, ws)
    program = trace.build()
    for g in GRADIENTS[:steps]:
        program.run(g)
    return [w.numpy() for w in ws]


def agree(ours, theirs, rtol=1e-5):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


def compare_state(ours, theirs, ws, expected):
    assert len(ours.variables) == len(theirs.variables)
    for a, b in zip(ours.variables[2:], theirs.variables[2:], strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-5, atol=1e-6)
    assert int(ours.iterations) == int(theirs.iterations)
    if ours.use_ema:
        kept = [keras.Variable(v) for v in expected]
        ours.finalize_variable_values(ws)
        theirs.finalize_variable_values(kept)
        agree([w.numpy() for w in ws], [np.asarray(v) for v in kept])
