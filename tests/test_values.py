"""What an op, a metric or a variable gives is a value: a later update of the variable does not change it."""

from __future__ import annotations

import numpy as np
import pytest

import pykernels as pk
from pykernels import activations, backend, layers, metrics, ops, random
from pykernels.graph import EagerArray, Trace, Variable

SHAPES = ((), (3,), (2, 2), (1, 4, 4, 3))
ROOMS = {"ops": ops, "activations": activations, "backend": backend, "random": random}
# These make a variable or update the one they are given, and give it back.
MAKERS = {"variable", "zeros", "ones", "eye", "update", "update_add", "update_sub", "moving_average_update"}


def functions(room):
    names = getattr(ROOMS[room], "__all__", None) or dir(ROOMS[room])
    for name in sorted(names):
        found = getattr(ROOMS[room], name)
        if callable(found) and not isinstance(found, type) and name[0] != "_" and name not in MAKERS:
            yield name, found


def results(function, variable):
    """What `function` makes of the variable, with arguments that leave as much as possible as it is."""
    for more in ([], [1], [0], [variable.shape], [variable.dtype], [1.0], [np.ones(variable.shape, variable.dtype)]):
        try:
            made = function(variable, *more)
        except Exception:  # arguments that the function does not take
            continue
        yield from made if isinstance(made, (tuple, list)) else [made]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.filterwarnings("ignore")
def test_no_op_gives_the_variable_itself(room):
    seen = 0
    for name, function in functions(room):
        for dtype in ("float32", "uint8", "int32", "bool"):
            for shape in SHAPES:
                variable = Variable(np.ones(shape, dtype))
                for made in results(function, variable):
                    seen += isinstance(made, np.ndarray)
                    if room in ("ops", "random") and isinstance(made, np.ndarray):
                        assert type(made) is EagerArray or name == "convert_to_numpy", name
                    assert not isinstance(made, Variable), name
                    if isinstance(made, np.ndarray) and made.size:
                        assert not np.shares_memory(made, variable.array), name
                with Trace():
                    for made in results(function, variable):
                        assert not isinstance(made, Variable), f"{name} in a program"
    assert seen > (100 if room == "backend" else 10)


@pytest.mark.parametrize(
    "name",
    ["convert_to_tensor", "array", "copy", "cast", "transpose", "broadcast_to", "round", "absolute", "power", "tile"],
)
def test_updates_in_place_do_not_reach_the_argument(name):
    more = {"cast": ["uint8"], "broadcast_to": [(3,)], "power": [1], "tile": [1]}.get(name, [])
    x = np.ones(3, np.uint8)
    y = getattr(ops, name)(x, *more)
    y += 1
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize("read", [lambda v: v.value, lambda v: v.numpy(), lambda v: v.read_value(), np.asarray])
def test_reading_a_variable(read):
    variable = Variable(np.zeros(3, np.float32))
    before = read(variable)
    variable.assign_add(np.ones(3))
    assert np.all(before == 0)
    before = read(variable)
    before += 5  # a copy of one's own
    assert np.all(variable.numpy() == 1)


@pytest.mark.filterwarnings("ignore:In loss categorical")
def test_results_of_metrics():
    y_true, y_pred = np.array([[0.0], [1.0]]), np.array([[0.2], [0.4]])
    seen = 0
    for name in metrics.__all__:
        cls = getattr(metrics, name)
        if not (isinstance(cls, type) and issubclass(cls, metrics.Metric)):
            continue
        try:
            metric = cls()
            metric.update_state(y_true, y_pred)
        except (TypeError, NotImplementedError, ValueError):
            continue
        first = metric.result()
        kept = np.array(first)
        metric.update_state(1 - y_true, y_pred + 7)
        np.testing.assert_array_equal(first, kept, err_msg=name)
        seen += 1
    assert seen >= 8
    total = metrics.Sum()
    total.update_state([1.0, 2.0])
    result = total.result()
    total.update_state([10.0])
    assert float(result) == 3.0 and float(total.result()) == 13.0


def test_weights_are_copies():
    model = pk.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    weights, state = model.get_weights(), model.optimizer.iterations.value
    kernel = ops.convert_to_tensor(model.layers[0].kernel)
    model.train_on_batch(np.ones((3, 2)), np.zeros((3, 1)))
    assert np.all(weights[0] == 1) and np.all(kernel == 1) and state == 0
    assert not np.all(model.get_weights()[0] == 1)


def test_values_within_a_program():
    """`cast`, `convert_to_tensor`, `value`, ... take the value of the moment, and gradients flow through them."""
    variable = Variable(np.full((2, 3), 2.0, np.float32))
    with Trace() as trace:
        taken = [
            ops.cast(variable, "float32"),
            ops.convert_to_tensor(variable),
            variable.value,
            ops.transpose(variable, (0, 1)),
            ops.reshape(variable, (2, 3)),
            ops.stop_gradient(variable),
            ops.stack([variable, variable])[0],
            ops.convert_to_tensor([variable, variable])[0],
        ]
        later = [ops.multiply(x, 1.0) for x in taken]
        variable.assign_add(np.ones((2, 3), np.float32))
        after = ops.multiply(ops.convert_to_tensor(variable), 1.0)
        more = [ops.multiply(x, 1.0) for x in taken]
        program = trace.build(outputs=[*taken, *later, *more, after])
    for run in range(2):
        *old, new = program.run([])
        assert all(np.all(x == 2.0 + run) for x in old)
        assert np.all(new == 3.0 + run)


def test_a_result_taken_before_a_reset():
    total = metrics.Sum(name="total")
    with Trace() as trace:
        x = trace.placeholder((4,), "float32")
        total.update_state(x)
        result = total.result()
        total.reset_state()
        program = trace.build(outputs=[result, total.result()])
    for value in (1.0, 2.0):
        before, after = program.run([np.full(4, value, np.float32)])
        assert before == 4 * value and after == 0


def test_gradients_flow_through_values():
    class Layer(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 1), initializer="ones")

        def call(self, x):
            return ops.matmul(x, ops.cast(self.kernel.value, self.compute_dtype))

    for cls in (Layer, lambda: layers.Dense(1, use_bias=False, kernel_initializer="ones")):
        model = pk.Sequential([layers.Input((2,)), cls()])
        model.compile(pk.optimizers.Adam(0.5), "mse")
        model.fit(np.ones((8, 2)), np.zeros((8, 1)), verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], 0.5, rtol=1e-5)


def test_values_cost_nothing_in_a_program():
    variable = Variable(np.ones((4, 4), np.float32))
    with Trace() as trace:
        x = trace.placeholder((2, 4))
        program = trace.build(outputs=[ops.matmul(x, ops.cast(variable, "float32"))])
    assert [row["op"] for row in program.describe()] == ["matmul"]
