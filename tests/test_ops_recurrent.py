"""lstm, gru, simple_rnn: float64 references in NumPy, differences, bits for any number of threads and any batch."""

import numpy as np
import pytest
from op_testing import assert_close, check_gradient

from pykernels import _core, ops
from pykernels.graph import Trace, gradients
from pykernels.ops import recurrent

ACTS = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "linear": lambda x: x,
}
# name, gates, activation, recurrent activation, options
CELLS = [
    ("lstm", 4, "tanh", "sigmoid", {}),
    ("lstm", 4, "softsign", "hard_sigmoid", {}),
    ("gru", 3, "tanh", "sigmoid", {"reset_after": True, "bias": True}),
    ("gru", 3, "softsign", "sigmoid", {"reset_after": True}),
    ("gru", 3, "tanh", "sigmoid", {"reset_after": False}),
    ("gru", 3, "linear", "hard_sigmoid", {"reset_after": False}),
    ("simple_rnn", 1, "tanh", None, {}),
    ("simple_rnn", 1, "linear", None, {}),
]
IDS = [f"{c[0]}-{c[2]}-{c[4].get('reset_after', '')}" for c in CELLS]


def arrays_of(cell, batch, steps, units, seed=0):
    name, gates, _, _, options = cell
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(batch, steps, gates * units)), rng.normal(size=(units, gates * units)) / units**0.5]
    arrays += [rng.uniform(-1, 1, (batch, units)) for _ in range(1 + (name == "lstm"))]
    if options.get("bias"):
        arrays.append(rng.normal(size=gates * units) / 2)
    return arrays


def ours(cell, mask=None, backwards=False):
    """All outputs side by side: (batch, steps * units + states * units)."""
    name, _, act, gate, options = cell
    attrs = {"activation": act, "mask": mask, "backwards": backwards}
    if gate:
        attrs["recurrent_activation"] = gate
    if name == "gru":
        attrs["reset_after"] = options["reset_after"]

    def function(x, w, *rest):
        states, more = rest[: 1 + (name == "lstm")], rest[1 + (name == "lstm") :]
        y, states = getattr(recurrent, name)(x, w, states, *more, **attrs)
        return ops.concatenate([ops.reshape(y, (y.shape[0], -1)), *states], axis=1)

    return function


def reference(cell, mask=None, backwards=False):
    name, gates, act, gate, options = cell
    a, r = ACTS[act], ACTS.get(gate)

    def function(x, w, h, *rest):
        units = w.shape[0]
        c = rest[0] if name == "lstm" else None
        bias = rest[0] if options.get("bias") else 0.0
        outputs = []
        for t in range(x.shape[1])[:: -1 if backwards else 1]:
            xs = np.split(x[:, t], gates, axis=1)
            if name == "lstm":
                i, f, g, o = (p + q for p, q in zip(xs, np.split(h @ w, 4, axis=1), strict=True))
                new_c = r(f) * c + r(i) * a(g)
                new = r(o) * a(new_c)
            elif name == "simple_rnn":
                new = a(xs[0] + h @ w)
            elif options["reset_after"]:
                rec = np.split(h @ w + bias, 3, axis=1)
                z, s = r(xs[0] + rec[0]), r(xs[1] + rec[1])
                new = z * h + (1 - z) * a(xs[2] + s * rec[2])
            else:
                z, s = r(xs[0] + h @ w[:, :units]), r(xs[1] + h @ w[:, units : 2 * units])
                new = z * h + (1 - z) * a(xs[2] + (s * h) @ w[:, 2 * units :])
            used = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
            if name == "lstm":
                c = np.where(used, new_c, c)
            h = np.where(used, new, h)
            outputs.append(h)
        states = [h, c] if name == "lstm" else [h]
        return np.concatenate([np.stack(outputs, 1).reshape(len(x), -1), *states], axis=1)

    return function


def holes(batch, steps):
    mask = np.random.default_rng(4).random((batch, steps)) < 0.6
    mask[0], mask[-1] = True, False
    return mask


@pytest.mark.parametrize("cell", CELLS, ids=IDS)
@pytest.mark.parametrize(("batch", "steps", "units"), [(1, 3, 5), (7, 4, 17), (33, 2, 40)])
def test_values(cell, batch, steps, units):
    arrays = arrays_of(cell, batch, steps, units)
    for mask, backwards in ((None, False), (holes(batch, steps), True)):
        function = ours(cell, mask, backwards)
        for dtype in ("float64", "float32"):
            inputs = [a.astype(dtype) for a in arrays]
            want = reference(cell, mask, backwards)(*(a.astype("float64") for a in inputs))
            got = function(*inputs)
            assert_close(got, want, dtype, steps * units, 64, f"{dtype} {backwards}")
            with Trace() as trace:
                places = [trace.placeholder(a.shape, dtype) for a in inputs]
                program = trace.build(outputs=[function(*places)])
            np.testing.assert_array_equal(program.run(inputs)[0], got)


@pytest.mark.parametrize("cell", CELLS, ids=IDS)
@pytest.mark.parametrize("masked", [False, True])
def test_gradients(cell, masked):
    arrays = arrays_of(cell, 3, 3, 2)
    mask = holes(3, 3) if masked else None
    check_gradient(ours(cell, mask, masked), arrays)


@pytest.mark.parametrize("cell", CELLS[:6], ids=IDS[:6])
def test_gradients_in_float32(cell):
    """Those of float64, which differences confirm, for sizes with whole vectors, ends and several blocks of rows."""
    arrays = arrays_of(cell, 19, 3, 35)
    mask = holes(19, 3)
    found = {}
    for dtype in ("float64", "float32"):
        inputs = [a.astype(dtype) for a in arrays]
        with Trace() as trace:
            places = [trace.placeholder(a.shape, dtype) for a in inputs]
            seed = np.random.default_rng(1).uniform(0.5, 1.5, reference(cell, mask)(*arrays).shape).astype(dtype)
            program = trace.build(outputs=gradients(ours(cell, mask)(*places), places, output_gradient=seed))
        found[dtype] = program.run(inputs)
    for have, want in zip(found["float32"], found["float64"], strict=True):
        assert_close(have, want, "float32", 19 * 3, 64)


@pytest.mark.parametrize("cell", [CELLS[0], CELLS[2], CELLS[4], CELLS[6]], ids=lambda c: c[0])
def test_bits_do_not_depend_on_threads_or_on_the_batch(cell):
    arrays = [a.astype("float32") for a in arrays_of(cell, 37, 3, 24)]
    with Trace() as trace:
        places = [trace.placeholder(a.shape, "float32") for a in arrays]
        y = ours(cell)(*places)
        program = trace.build(outputs=[y, *gradients(ops.sum(ops.square(y)), places)])
    before, results = _core.num_threads(), {}
    try:
        for threads in (1, 2, 3, 7):
            _core.set_num_threads(threads)
            results[threads] = program.run(arrays)
    finally:
        _core.set_num_threads(before)
    for threads in (2, 3, 7):
        for have, want in zip(results[threads], results[1], strict=True):
            np.testing.assert_array_equal(have, want)
    per_row = 3 if cell[0] == "lstm" else 2
    some = [a[5:8] if i == 0 or 2 <= i <= per_row else a for i, a in enumerate(arrays)]
    np.testing.assert_array_equal(ours(cell)(*some), results[1][0][5:8])


@pytest.mark.parametrize("cell", [CELLS[0], CELLS[2], CELLS[4], CELLS[6]], ids=lambda c: c[0])
def test_without_initial_states_they_are_zeros(cell):
    arrays = arrays_of(cell, 3, 4, 5)
    states = 1 + (cell[0] == "lstm")
    arrays[2 : 2 + states] = [np.zeros((3, 5))] * states
    rest = arrays[2 + states :]
    results = []
    for inputs in (arrays, [*arrays[:2], *rest]):
        with Trace() as trace:
            places = [trace.placeholder(a.shape, "float64") for a in inputs]
            more = places[2:] if len(inputs) < len(arrays) else places[2 + states :]
            given = None if len(inputs) < len(arrays) else places[2 : 2 + states]
            attrs = {"activation": "tanh"}
            if cell[1] > 1:
                attrs["recurrent_activation"] = "sigmoid"
            if cell[0] == "gru":
                attrs["reset_after"] = cell[4]["reset_after"]
            y, _ = getattr(recurrent, cell[0])(*places[:2], given, *more, **attrs)
            program = trace.build(outputs=[y, *gradients(ops.sum(ops.square(y)), [*places[:2], *more])])
        results.append(program.run(inputs))
    for have, want in zip(*results, strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"activation": "gelu"}, "gelu"),
        ({"activation": "elu"}, "parameter"),
        ({"recurrent_activation": "nothing"}, "nothing"),
    ],
)
def test_activations_that_the_op_does_not_have(change, what):
    arrays = arrays_of(CELLS[0], 2, 2, 3)
    with pytest.raises(ValueError, match=what):
        recurrent.lstm(*arrays[:2], **{"activation": "tanh", "recurrent_activation": "sigmoid", **change})


def test_shapes_that_do_not_fit():
    x, w, h, c = arrays_of(CELLS[0], 2, 2, 3)
    for wrong in ([x[:, :, :8], w, h, c], [x, w[:2], h, c], [x, w, h[:1], c]):
        with pytest.raises(ValueError, match="lstm"):
            recurrent.lstm(*wrong[:2], wrong[2:], activation="tanh", recurrent_activation="sigmoid")
