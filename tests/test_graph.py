"""Traces, autodiff, passes, programs."""

import copy
import pickle

import numpy as np
import pytest

import pykernels
from pykernels import ops
from pykernels.graph import Source, Trace, Variable, apply, apply_into, gradients, operand, passes, scope
from pykernels.ops import operators


def dense_step(update="sgd", activation="relu", batch=8, seed=0):
    """A two-layer training step; returns (program, variables)."""
    rng = np.random.default_rng(seed)
    w1 = Variable(rng.normal(size=(5, 7)).astype("float32"), name="w1")
    b1 = Variable(rng.normal(size=7).astype("float32"), name="b1")
    w2 = Variable(rng.normal(size=(7, 3)).astype("float32"), name="w2")
    lr = Variable(np.float32(0.1), name="lr")
    slots = {id(v): [Variable(np.zeros(v.shape, "float32")) for _ in range(2)] for v in (w1, b1, w2)}
    iterations = Variable(np.int64(0), name="iterations")
    with Trace() as trace:
        x = trace.placeholder((batch, 5), name="x")
        t = trace.placeholder((batch, 3), name="t")
        with scope("hidden"):
            h = apply("activation", [ops.add(ops.matmul(x, w1), b1)], activation=activation, alpha=0.0)
        with scope("out"):
            p = ops.softmax(ops.matmul(h, w2))
        loss = ops.mean(ops.categorical_crossentropy(t, p))
        trace.check_finite(loss)
        for v, g in zip((w1, b1, w2), gradients(loss, [w1, b1, w2]), strict=True):
            if update == "sgd":
                apply_into("sgd_update", [g, lr], [v], momentum=0.0, nesterov=False)
            else:
                apply_into(
                    "adam_update", [g, lr, iterations], [v, *slots[id(v)]],
                    beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                )  # fmt: skip
        iterations.assign_add(1)
    return trace.build(outputs=[loss, p]), (w1, b1, w2)


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    return rng.normal(size=(8, 5)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, 8)]


@pytest.mark.parametrize("update", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu", "mish"])
@pytest.mark.parametrize("name", [p.__name__ for p in passes.PASSES])
def test_each_pass_keeps_the_results(monkeypatch, batch, update, activation, name):
    fused, v_fused = dense_step(update, activation)
    monkeypatch.setattr(passes, "disabled", {name})
    plain, v_plain = dense_step(update, activation)
    for step in range(3):
        a, b = fused.run(list(batch), step=step), plain.run(list(batch), step=step)
        np.testing.assert_allclose(a[0], b[0], rtol=2e-6)
        np.testing.assert_allclose(a[1], b[1], rtol=1e-5, atol=1e-7)
    for x, y in zip(v_fused, v_plain, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=2e-5, atol=1e-6)


def test_what_fuses():
    program, _ = dense_step("adam")
    ops_run = [row["op"] for row in program.describe()]
    assert ops_run.count("matmul") == 3  # forward twice (bias and relu inside), dh
    assert ops_run.count("matmul_update") == 2
    assert "softmax_categorical_crossentropy_grad" in ops_run
    assert "add" not in ops_run and "activation" not in ops_run
    assert {row["label"] for row in program.describe()} >= {"hidden", "out"}


def test_a_program_prints_and_profiles(batch):
    program, _ = dense_step()
    text = str(program)
    assert "matmul" in text and "arena" in text
    rows = program.profile(list(batch), repeats=3)
    assert all(row["ns"] >= 0 for row in rows)
    assert sum(row["flops"] for row in rows) >= 2 * 8 * (5 * 7 + 7 * 3)


def test_run_batches_equals_runs(batch):
    one, v_one = dense_step("adam")
    many, v_many = dense_step("adam")
    x = np.concatenate([batch[0]] * 4)
    t = np.concatenate([batch[1]] * 4)
    order = np.random.default_rng(0).permutation(32).astype(np.int64)
    for i in range(4):
        rows = order[8 * i : 8 * i + 8]
        one.run([x[rows], t[rows]], step=i)
    steps, status = many.run_batches(
        [Source(x.astype("float64"), "float32"), Source(t.astype("uint8"), "float32")], 8, 0, 4, order=order, seconds=0
    )
    assert (steps, status) == (4, "done")
    for a, b in zip(v_one, v_many, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_nan_stops_before_the_update(batch):
    program, variables = dense_step()
    before = [v.numpy() for v in variables]
    x = batch[0].copy()
    x[3, 2] = np.nan
    sources = [Source(x, "float32"), Source(batch[1], "float32")]
    assert program.run_batches(sources, 8, 0, 1) == (0, "nan")
    for v, old in zip(variables, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), old)
    assert program.run_batches(sources, 8, 0, 1, check_finite=False) == (1, "done")


def test_a_value_used_twice_sums_its_gradients():
    v = Variable(np.array([2.0, 3.0], "float32"))
    with Trace() as trace:
        x = ops.multiply(v, v)
        y = ops.sum(ops.add(x, ops.multiply(x, v)))
        (g,) = gradients(y, [v])
    np.testing.assert_allclose(trace.build([g]).run([])[0], [2 * 2 + 3 * 4, 2 * 3 + 3 * 9])


def test_unreached_variables_have_no_gradient():
    v, w = Variable(np.ones(2, "float32")), Variable(np.ones(2, "float32"))
    with Trace():
        assert gradients(ops.sum(v * 2.0), [v, w])[1] is None


def test_programs_see_assigned_values():
    v = Variable(np.ones(3, "float32"))
    with Trace() as trace:
        x = trace.placeholder((2, 3))
        y = ops.matmul(x, ops.reshape(v, (3, 1)))
    program = trace.build([y])
    data = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(program.run([data])[0], [[3], [3]])
    v.assign([2.0, 3.0, 4.0])
    np.testing.assert_array_equal(program.run([data])[0], [[9], [9]])


def test_packed_weights_follow_training():
    """Programs that only read a weight may keep it packed; they must notice updates by other programs."""
    rng = np.random.default_rng(0)
    w = Variable(rng.normal(size=(96, 64)).astype("float32"))
    with Trace() as trace:
        x = trace.placeholder((128, 96))
        y = ops.matmul(x, w)
    predict = trace.build([y])
    with Trace() as trace:
        w.assign_add(ops.multiply(w, 1.0))
    train = trace.build()
    data = rng.normal(size=(128, 96)).astype("float32")
    for _ in range(3):
        np.testing.assert_allclose(predict.run([data])[0], data @ w.numpy(), rtol=1e-4, atol=1e-3)
        train.run([])


def test_wrong_feeds_are_refused(batch):
    program, _ = dense_step()
    with pytest.raises(ValueError, match="takes 2 inputs, got 1"):
        program.run([batch[0]])
    with pytest.raises(ValueError, match=r"must have shape \(8, 5\), got \(8, 4\)"):
        program.run([batch[0][:, :4], batch[1]])
    with pytest.raises(TypeError, match="numbers are needed"):
        program.run([np.full((8, 5), "a"), batch[1]])
    with pytest.raises(IndexError):
        program.run_batches(
            [Source(batch[0], "float32"), Source(batch[1], "float32")], 8, 0, 1, order=np.full(8, 9, np.int64)
        )


def test_symbolic_tensors_explain_themselves():
    with Trace() as trace:
        x = trace.placeholder((2, 3))
        with pytest.raises(TypeError, match="truth value"):
            bool(x)
        with pytest.raises(TypeError, match="symbolic"):
            np.asarray(x)
        with pytest.raises(TypeError, match="iterated"):
            list(x)
        with pytest.raises(TypeError, match=r"np\.spacing cannot"):
            np.spacing(x)


def test_numpy_functions_on_symbolic_tensors_record_ops():
    with Trace() as trace:
        x = trace.placeholder((2, 3))
        y = np.exp(x) + np.ones((2, 3), "float32") * x
        z = np.ones((2, 3), "float32") - y
    data = np.arange(6, dtype="float32").reshape(2, 3) / 6
    np.testing.assert_allclose(trace.build([z]).run([data])[0], 1 - (np.exp(data) + data), rtol=1e-5, atol=1e-6)


def test_variables_copy_and_pickle_by_value():
    v = Variable(np.arange(3, dtype="float32"), name="v")
    for twin in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        v.assign([9.0, 9.0, 9.0])
        np.testing.assert_array_equal(twin.numpy(), [0, 1, 2])
        v.assign([0.0, 1.0, 2.0])
        assert twin.name == "v" and twin.dtype == "float32"


def test_variables_refuse_wrong_shapes_and_outlive_their_views():
    v = Variable(np.zeros((2, 3), "float32"), name="kernel")
    with pytest.raises(ValueError, match="kernel"):
        v.assign(np.zeros((3, 2), "float32"))
    view = v.array
    del v
    np.testing.assert_array_equal(view, np.zeros((2, 3)))
    with pytest.raises(ValueError):
        view[0, 0] = 1


def test_every_python_op_has_a_kernel_and_the_reverse():
    ops.load_all()
    from_python = {name for name in pykernels.graph.op_names() if pykernels.graph.definition(name).host is None}
    kernels = {name for name, _, _ in pykernels._core.op_entries()}
    assert from_python <= kernels
    made_by_passes = {
        "matmul_update",
        "softmax_categorical_crossentropy_grad",
        "softmax_sparse_categorical_crossentropy_grad",
        "sigmoid_binary_crossentropy_grad",
        "conv2d_max_pool2d",
    }
    effects = {"host", "assign", "assign_add", "sgd_update", "rmsprop_update", "adam_update"}
    assert kernels - from_python <= made_by_passes | effects


def test_operators_are_stated_in_full():
    with pytest.raises(ValueError, match=r"these differ: \{'add'\}"):
        operand.implement({name: f for name, f in operators.OPERATORS.items() if name != "add"}, {})
    with pytest.raises(ValueError, match=r"these differ: \{'plus'\}"):
        operand.implement({**operators.OPERATORS, "plus": ops.add}, {})
    assert operand.operator("add") is ops.add
    assert operand.function_of(np.exp) is ops.exp
    assert operand.function_of(np.spacing) is None


def test_a_product_that_is_a_result_stays_one():
    w, b = Variable(np.eye(3, dtype="float32")), Variable(np.full(3, -2.0, "float32"))
    with Trace() as trace:
        x = trace.placeholder((2, 3))
        h = ops.matmul(x, w)
        y = ops.relu(ops.add(h, b))
    data = np.arange(6, dtype="float32").reshape(2, 3)
    product, rest = trace.build([h, y]).run([data])
    np.testing.assert_array_equal(product, data)
    np.testing.assert_array_equal(rest, np.maximum(data - 2, 0))
