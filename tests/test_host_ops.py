"""Ops that a Python function computes: at once and within programs, their errors, threads and memory."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from pykernels import _core, ops
from pykernels.graph import NONDIFFERENTIABLE, Trace, apply, registry


@pytest.fixture
def host():
    """Defines an op for the time of a test: host(function, infer)."""
    names = []

    def define(function, infer=lambda types, attrs: [types[0]]):
        names.append(f"test_host_{len(names)}")
        registry.define(names[-1], infer=infer, grad=NONDIFFERENTIABLE, host=function)
        return names[-1]

    yield define
    for name in names:
        registry._ops.pop(name, None)


def program_of(name, shape=(4,), **attrs):
    with Trace() as trace:
        x = trace.placeholder(shape, "float32")
        return trace.build(outputs=[apply(name, [x], **attrs)])


def test_attributes_and_several_results(host):
    name = host(lambda x, k: (x * k, np.argsort(x).astype("int32")), lambda t, a: [t[0], (t[0][0], "int32")])
    x = np.array([3, 1, 2], "float32")
    y, order = apply(name, [x], k=2.0)
    assert y.tolist() == [6, 2, 4] and order.tolist() == [1, 2, 0]
    with Trace() as trace:
        place = trace.placeholder((3,), "float32")
        program = trace.build(outputs=list(apply(name, [ops.negative(place)], k=3.0)))
    y, order = program.run([x])
    assert y.tolist() == [-9, -3, -6] and order.tolist() == [0, 2, 1]


def test_what_a_function_raises_is_raised(host):
    def refuse(x):
        raise KeyError("of the function")

    name = host(refuse)
    for run in (lambda x: apply(name, [x]), lambda x: program_of(name).run([x])):
        with pytest.raises(KeyError, match="of the function"):
            run(np.zeros(4, "float32"))
    name = host(lambda x: x)
    program = program_of(name)  # a program that failed before runs again
    assert program.run([np.ones(4, "float32")])[0].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda x: x[:2], ValueError, r"shape \(4,\)"),
        (lambda x: x.astype("float64"), TypeError, "dtype float32"),
        (lambda x: (x, x), ValueError, "gave 2 arrays, expected 1"),
    ],
)
def test_results_of_another_type_are_refused(host, function, error, words):
    with pytest.raises(error, match=words):
        program_of(host(function)).run([np.ones(4, "float32")])


def test_what_a_function_keeps_is_its_own(host):
    kept = []
    program = program_of(host(lambda x: kept.append(x) or x))
    for value in (1.0, 2.0):
        program.run([np.full(4, value, "float32")])
    assert [x[0] for x in kept] == [1, 2]


def test_subnormals_are_kept_in_the_function(host):
    tiny = np.float32(1e-40)
    program = program_of(host(lambda x: np.full_like(x, 1.0 if np.float32(tiny) * np.float32(1) != 0 else 0.0)))
    assert program.run([np.zeros(4, "float32")])[0][0] == 1


def test_programs_with_a_function_run_in_many_threads(host):
    program, results = program_of(host(lambda x: np.cumsum(x))), []
    threads = [
        threading.Thread(
            target=lambda i=i: results.append((i, [program.run([np.full(4, i, "float32")])[0] for _ in range(50)]))
        )
        for i in range(6)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
    assert len(results) == 6
    for i, found in results:
        assert all(y.tolist() == [i, 2 * i, 3 * i, 4 * i] for y in found)


def test_a_program_gives_its_function_back(host):
    class Function:
        def __call__(self, x):
            return x

    function = Function()
    program = program_of(host(function))
    name = next(n for n in registry._ops if n.startswith("test_host_"))
    there = weakref.ref(function)
    del registry._ops[name], function
    gc.collect()
    assert there() is not None
    del program
    gc.collect()
    assert there() is None


def test_attributes_that_are_no_function_are_refused():
    with pytest.raises(ValueError, match="'function'"):
        _core.run_op("host", [np.zeros(3, "float32")], [((3,), "float32")], {"function": 3})
