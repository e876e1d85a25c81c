"""Real Keras (JAX backend) as the oracle: the same thing made in both libraries, with equal weights, and compared.

Importing it skips the test module where Keras is not installed, or was imported with another backend.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")  # compiles in half the time
keras = pytest.importorskip("keras")
if keras.backend.backend() != "jax":
    pytest.skip("keras was imported with another backend", allow_module_level=True)

import jax  # noqa: E402

import pykernels as pk  # noqa: E402
from pykernels.graph import Trace, gradients  # noqa: E402

TOLERANCE = 1e-5


def _cheap_compilation():
    """Options with which XLA compiles in two thirds of the time, where this version has them."""
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda x: x + 1, compiler_options=options)(1.0)
    except Exception:  # of a kind that depends on the version
        return None
    return options


_COMPILER_OPTIONS = _cheap_compilation()


def assert_close(have, want, what, tolerance=TOLERANCE):
    """The largest difference is at most `tolerance` of the largest value."""
    have, want = np.asarray(have, "float64"), np.asarray(want, "float64")
    assert have.shape == want.shape, f"{what}: shape {have.shape}, expected {want.shape}"
    if want.size:
        error = np.abs(have - want).max() / max(np.abs(want).max(), 1e-3)
        assert error <= tolerance, f"{what}: relative error {error:.2e} is above {tolerance:.2e}"


def twins(build, seed=3):
    """The same model in both libraries, with the same weights."""
    a, b = build(pk), build(keras)
    rng = np.random.default_rng(seed)
    weights = [0.3 * rng.normal(size=w.shape).astype("float32") for w in b.get_weights()]
    a.set_weights(weights)
    b.set_weights(weights)
    return a, b


def message(function, library):
    """(type, text) of the error that `function(library)` raises."""
    with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
        function(library)
    return type(caught.value), str(caught.value)


def config_of(layer):
    """The configuration, without what only Keras has."""
    config = layer.get_config()
    config.pop("quantization_config", None)
    return config


def layer_twins(make, shapes, seed=0):
    """One layer in both libraries: configurations, weights, inferred shapes are equal. Random weights are set in both.

    Args:
        make: function of the library that gives the layer.
        shapes: list of the inputs' shapes, batch included; one shape for a layer of one input.
    """
    pair = []
    for library in (pk, keras):
        library.backend.clear_session()
        pair.append(make(library))
    ours, theirs = pair
    assert config_of(ours) == config_of(theirs)
    many = isinstance(shapes, list)
    _start_with_ones(theirs)
    batch_free = [(None, *s[1:]) for s in shapes] if many else (None, *shapes[1:])
    outputs = []
    for library, layer in zip((pk, keras), pair, strict=True):
        inputs = [library.Input(s[1:]) for s in batch_free] if many else library.Input(batch_free[1:])
        outputs.append(tuple(layer(inputs).shape))
    assert outputs[0] == outputs[1]
    assert tuple(ours.compute_output_shape(shapes)) == tuple(theirs.compute_output_shape(shapes))
    _equal_weights(ours, theirs, seed)
    getattr(theirs, "finalize_state", lambda: None)()  # Normalization computes with copies
    return ours, theirs


def _start_with_ones(layer):
    """Gives a layer of Keras initializers that cost nothing: XLA compiles random numbers for each shape."""
    for name in list(vars(layer)):
        if name.endswith("_initializer"):
            setattr(layer, name, lambda shape, dtype=None: np.ones(shape, dtype))


def _equal_weights(ours, theirs, seed):
    for part in ("trainable_weights", "non_trainable_weights"):
        mine, others = (
            [(v.name, tuple(v.shape)) for v in getattr(layer, part) if "seed" not in v.name] for layer in (ours, theirs)
        )
        assert mine == others, part
    rng = np.random.default_rng(seed)
    # variances must be positive
    weights = [
        rng.uniform(0.5, 1.5, w.shape) if "variance" in w.name else rng.normal(size=w.shape) for w in ours.weights
    ]
    weights = [w.astype("float32") for w in weights]
    ours.set_weights(weights)
    for v, w in zip([v for v in theirs.variables if "seed" not in v.name], weights, strict=True):
        v.assign(w)


def same_layer(make, shapes, training=False, terms=64, seed=0, integers=False):
    """Outputs, gradients of inputs and weights, and updated state of one layer are equal in both libraries.

    Args:
        make, shapes: see `layer_twins`.
        training: the phase.
        terms: the most terms that meet in one sum: the tolerance is eps times (32 + that) of the largest value.
        integers: inputs are small whole numbers, so that ties occur.
    """
    ours, theirs = layer_twins(make, shapes, seed)
    many = isinstance(shapes, list)
    rng = np.random.default_rng(seed + 1)
    draw = (lambda s: rng.integers(-3, 4, s)) if integers else (lambda s: rng.normal(size=s))
    xs = [draw(s).astype("float32") for s in (shapes if many else [shapes])]
    tolerance = (32 + terms) * float(np.finfo("float32").eps)

    phase = {"training": True} if training else {}
    cotangent = rng.normal(size=theirs.compute_output_shape(shapes)).astype("float32")
    y, want = _keras_results(theirs, xs, many, phase, cotangent)
    with Trace() as trace:
        places = [trace.placeholder(x.shape, "float32") for x in xs]
        out = ours(places if many else places[0], **phase)
        grads = gradients(out, [*places, *ours.trainable_weights], output_gradient=cotangent)
        program = trace.build(outputs=[out, *grads])
    got = program.run(xs)
    names = [f"dx{i}" for i in range(len(xs))] + [f"d{v.name}" for v in ours.trainable_weights]
    assert_close(got[0], y, "outputs", tolerance)
    for name, have, expected in zip(names, got[1:], want["gradients"], strict=True):
        assert_close(have, expected, name, tolerance)
    for v, expected in zip(ours.non_trainable_weights, want["state"], strict=True):
        assert_close(v.numpy(), expected, v.name, tolerance)
    if not training:
        assert_close(ours(xs if many else xs[0]), y, "at once", tolerance)
    return ours, theirs


def _keras_results(layer, xs, many, phase, cotangent):
    """Outputs, gradients and updated state. They are kept in the folder PYKERNELS_REFERENCES where that is set: of the
    same layer, weights and inputs the results are the same, whatever instruction set they are compared with."""
    path = _reference(layer, xs, many, phase, cotangent)
    if path is None:
        return _computed_results(layer, xs, many, phase, cotangent)
    if not path.exists():
        y, want = _computed_results(layer, xs, many, phase, cotangent)
        unfinished = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, y=y, **{f"{key}{i}": value for key in want for i, value in enumerate(want[key])})
        unfinished.replace(path)
    with np.load(path) as file:
        counts = {key: sum(name.startswith(key) for name in file) for key in _PARTS}
        return file["y"], {key: [file[f"{key}{i}"] for i in range(count)] for key, count in counts.items()}


def _reference(layer, xs, many, phase, cotangent):
    """The file for these results. None: they are not kept, or the layer's configuration is more than data."""
    folder, kind = os.environ.get("PYKERNELS_REFERENCES"), type(layer)
    if not folder:
        return None
    config = {**layer.get_config(), "name": None}
    what = [keras.__version__, jax.__version__, kind.__module__, kind.__qualname__, config, many, phase]
    try:
        digest = hashlib.sha256(json.dumps(what).encode())
    except TypeError:
        return None
    for array in (*xs, *(np.asarray(v.value) for v in layer.variables), cotangent):
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return Path(folder, digest.hexdigest() + ".npz")


_PARTS = ("gradients", "state")


def _computed_results(layer, xs, many, phase, cotangent):
    """They are compiled as one program, since XLA would compile each op for each shape."""

    def run(inputs, trainable):
        state = [v.value for v in layer.non_trainable_variables]
        y, state = layer.stateless_call(trainable, state, inputs if many else inputs[0], **phase)
        return y, state

    def everything(xs, trainable, cotangent):
        y, pull, state = jax.vjp(run, xs, trainable, has_aux=True)
        return y, pull(cotangent), state

    values = [np.asarray(v.value) for v in layer.trainable_variables]
    compiled = jax.jit(everything, **({"compiler_options": _COMPILER_OPTIONS} if _COMPILER_OPTIONS else {}))
    y, (dxs, dws), state = compiled(xs, values, cotangent)
    kept = [s for s, v in zip(state, layer.non_trainable_variables, strict=True) if "seed" not in v.name]
    return np.asarray(y), {"gradients": [*dxs, *dws], "state": kept}
