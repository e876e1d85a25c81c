"""A call that reads a model's weights sees one set of them, whatever other threads write meanwhile.

All weights of a model are k: what it computes, and what is saved, says whether they were of one k. The writer comes in
the middle of what reads, or the reader in the middle of what writes.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest

import pykernels as pk
from pykernels import callbacks, layers
from pykernels.graph import Variable, writing
from pykernels.saving import keras3, legacy_weights, tree

X = np.ones((8, 4), "float32")
SETS = (1.0, 2.0)


class Between(layers.Layer):
    """Calls `meanwhile` between two layers with weights, where arrays run through it one layer after the other."""

    meanwhile = None

    def call(self, x):
        if self.meanwhile is not None and isinstance(x, np.ndarray):
            self.meanwhile()
        return x


def make() -> pk.Sequential:
    stack = [pk.Input((4,)), layers.Dense(4, use_bias=False), layers.Dense(4, use_bias=False), Between()]
    model = pk.Sequential([*stack, layers.Dense(4, use_bias=False), layers.Dense(1, use_bias=False)])
    model.compile(pk.optimizers.SGD(0.0), "mean_absolute_error")
    set_all(model, SETS[0])
    return model


def set_all(model, k: float) -> None:
    model.set_weights([np.full(v.shape, k, "float32") for v in model.weights])


def result(k: float) -> float:
    return (4 * k) ** 4


def set_of(values) -> float:
    """The k of a prediction's rows, or of weights; fails where they are of several."""
    values = {float(v) for value in values for v in np.ravel(value)}
    known = {result(k): k for k in SETS} | {k: k for k in SETS}
    assert len(values) == 1 and values <= set(known), f"several sets of weights: {sorted(values)}"
    return known[values.pop()]


# --- a writer in the middle of what reads ---------------------------------------------------------------------------
class AtBatch(callbacks.Callback):
    def __init__(self, act):
        super().__init__()
        self.act = act

    def on_predict_batch_end(self, batch, logs=None):
        if batch == 0:
            self.act()

    on_test_batch_end = on_predict_batch_end


def batches(act, *targets):
    for i in range(4):
        if i == 1:
            act()
        yield (X[:2], *targets)


def saved(model, act, monkeypatch, path):
    """The file's weights; `act` runs when the first variable has been written."""
    seen = []
    original = tree.value_for_file

    def value(variable):
        if len(seen) == 1:
            act()
        seen.append(variable)
        return original(variable)

    for module in (keras3, legacy_weights):
        monkeypatch.setattr(module, "value_for_file", value)
    model.save(path) if str(path).endswith(("a.keras", "a.h5")) else model.save_weights(path)
    monkeypatch.undo()
    other = make()
    other.load_weights(path)
    return [v.numpy() for v in other.weights]


def weights_of(model, act, monkeypatch, path):
    original = Variable.numpy
    seen = []

    def numpy(variable):
        if len(seen) == 1:
            seen.append(variable)
            act()
        seen.append(variable)
        return original(variable)

    monkeypatch.setattr(Variable, "numpy", numpy)
    return model.get_weights()


def called(model, act, monkeypatch, path):
    model.layers[2].meanwhile = act
    return model(X, training=True)


def by_own_steps(model):
    """The model with a test_step and a predict_step that run in Python."""

    class Own(pk.Sequential):
        def test_step(self, data):
            x, y = data
            return {"loss": pk.ops.mean(pk.ops.abs(self(x, training=True) - y))}

        def predict_step(self, data):
            return self(data, training=True)

    own = Own(model.layers)
    own.compile("sgd", "mean_absolute_error", run_eagerly=True)
    return own


READERS = {
    "predict, callback": lambda m, act, *_: m.predict(X, batch_size=2, verbose=0, callbacks=[AtBatch(act)]),
    "predict, short last batch": lambda m, act, *_: m.predict(X[:5], batch_size=3, verbose=0, callbacks=[AtBatch(act)]),
    "predict, generator": lambda m, act, *_: m.predict(batches(act), verbose=0),
    "evaluate, callback": lambda m, act, *_: [
        m.evaluate(X, np.zeros((8, 1)), batch_size=2, verbose=0, callbacks=[AtBatch(act)])
    ],
    "evaluate, generator": lambda m, act, *_: [m.evaluate(batches(act, np.zeros((2, 1))), verbose=0)],
    "evaluate, own step": lambda m, act, *_: [
        by_own_steps(m).evaluate(X, np.zeros((8, 1)), batch_size=2, verbose=0, callbacks=[AtBatch(act)])
    ],
    "predict, own step": lambda m, act, *_: by_own_steps(m).predict(
        X, batch_size=2, verbose=0, callbacks=[AtBatch(act)]
    ),
    "model(x) layer by layer": called,
    "get_weights": weights_of,
    "save .keras": lambda m, act, mp, d: saved(m, act, mp, d / "a.keras"),
    "save .h5": lambda m, act, mp, d: saved(m, act, mp, d / "a.h5"),
    "save_weights": lambda m, act, mp, d: saved(m, act, mp, d / "b.weights.h5"),
    "save_weights, legacy": lambda m, act, mp, d: saved(m, act, mp, d / "b.h5"),
}


def load(model, folder, name):
    other = make()
    set_all(other, SETS[1])
    other.save_weights(folder / name)
    return lambda: model.load_weights(folder / name)


def train(model, _):
    """One step, after which all weights are the other k: minimum and maximum norm leave nothing else."""
    for v in model.weights:
        v.constraint = lambda w: pk.ops.add(pk.ops.multiply(w, 0.0), SETS[1])
    return lambda: model.train_on_batch(X, np.zeros((8, 1)))


def fit(model, folder):
    train(model, folder)
    return lambda: model.fit(X, np.zeros((8, 1)), epochs=1, verbose=0)


WRITERS = {
    "set_weights": lambda model, _: lambda: set_all(model, SETS[1]),
    "load_weights": lambda model, folder: load(model, folder, "w.weights.h5"),
    "load_weights, legacy": lambda model, folder: load(model, folder, "w.h5"),
    "assign": lambda model, _: lambda: [v.assign(np.full(v.shape, SETS[1])) for v in model.weights],
    "train_on_batch": train,
    "fit": fit,
}


def in_a_thread(function):
    def act():
        thread = threading.Thread(target=function)
        thread.start()
        thread.join(30)
        assert not thread.is_alive(), "the writer waits for what reads"

    return act


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("reader", READERS)
def test_what_reads_keeps_the_set_it_began_with(reader, writer, monkeypatch, tmp_path):
    model = make()
    write = WRITERS[writer](model, tmp_path)
    if writer in ("fit", "train_on_batch"):
        write()  # what is recorded is recorded
        set_all(model, SETS[0])
    assert set_of(READERS[reader](model, in_a_thread(write), monkeypatch, tmp_path)) == SETS[0]
    monkeypatch.undo()
    assert set_of(model.get_weights()) == SETS[1]
    assert set_of(model.predict(X, verbose=0)) == SETS[1]


@pytest.mark.parametrize("reader", ["predict, callback", "evaluate, callback"])
def test_what_the_reading_thread_writes_itself_counts_at_once(reader):
    model = make()
    values = READERS[reader](model, lambda: set_all(model, SETS[1]))
    if reader.startswith("predict"):
        assert [set_of(values[:2]), set_of(values[2:])] == list(SETS)
    else:
        assert values == [np.mean([result(1.0), *[result(2.0)] * 3])]


# --- a reader in the middle of what writes ------------------------------------------------------------------------
QUICK = {
    "predict": lambda m: m.predict(X, verbose=0),
    "predict_on_batch": lambda m: m.predict_on_batch(X),
    "model(x)": lambda m: m(X),
    "test_on_batch": lambda m: [m.test_on_batch(X, np.zeros((8, 1)))],
    "get_weights": lambda m: m.get_weights(),
}


@pytest.mark.parametrize("writer", ["set_weights", "load_weights", "load_weights, legacy"])
@pytest.mark.parametrize("reader", QUICK)
def test_nobody_reads_half_of_what_is_written(reader, writer, monkeypatch, tmp_path):
    model = make()
    write = WRITERS[writer](model, tmp_path)
    QUICK[reader](model)
    found, threads = [], []

    def after(original):
        def method(*args, **kwargs):
            result = original(*args, **kwargs)
            if not threads:
                threads.append(threading.Thread(target=lambda: found.append(QUICK[reader](model))))
                threads[0].start()
                threads[0].join(0.1)  # it waits for the rest
            return result

        return method

    monkeypatch.setattr(Variable, "assign", after(Variable.assign))
    for module in (keras3, legacy_weights):
        monkeypatch.setattr(module, "read_variable", after(module.read_variable))
    write()
    threads[0].join(30)
    assert set_of(found[0]) == SETS[1]


def test_predictions_beside_a_training():
    """Two branches that are trained alike have the same bits after each step."""
    x = pk.Input((16,))
    wide = [layers.Dense(512, kernel_initializer="ones", use_bias=False)(x) for _ in range(2)]
    model = pk.Model(x, [layers.Dense(1, kernel_initializer="ones", use_bias=False)(h) for h in wide])
    model.compile(pk.optimizers.SGD(1e-6, momentum=0.9), "mse")
    data = np.ones((64, 16), "float32")
    targets = [np.zeros((64, 1))] * 2
    model.fit(data, targets, verbose=0)
    model.predict(data[:6], batch_size=2, verbose=0)
    training = threading.Thread(target=lambda: model.fit(data, targets, batch_size=4, epochs=60, verbose=0))
    training.start()
    calls, seen = 0, set()
    while training.is_alive() or calls < 20:
        left, right = model.predict(data[:6], batch_size=2, verbose=0)
        np.testing.assert_array_equal(left, right)
        assert len(set(left.ravel().tolist())) == 1
        first, second, *_ = model.get_weights()
        np.testing.assert_array_equal(first, second)
        calls, seen = calls + 1, seen | {float(left[0, 0])}
    training.join()
    assert len(seen) > 2  # it saw the training go on


def test_two_trainings_of_one_model_take_turns():
    """Each step leaves the branches alike, so any order of whole steps does."""
    x = pk.Input((16,))
    wide = [layers.Dense(256, kernel_initializer="ones", use_bias=False)(x) for _ in range(2)]
    model = pk.Model(x, [layers.Dense(1, kernel_initializer="ones", use_bias=False)(h) for h in wide])
    model.compile(pk.optimizers.SGD(1e-6), "mse")
    data, targets = np.ones((64, 16), "float32"), [np.zeros((64, 1))] * 2
    model.fit(data, targets, verbose=0)
    run = [
        threading.Thread(target=lambda: model.fit(data, targets, batch_size=8, epochs=10, verbose=0)) for _ in range(3)
    ]
    for thread in run:
        thread.start()
    for thread in run:
        thread.join(60)
    assert not any(thread.is_alive() for thread in run)
    first, second, *_ = model.get_weights()
    np.testing.assert_array_equal(first, second)


# --- no deadlocks ---------------------------------------------------------------------------------------------------
class Holder:
    """A thread that is in the middle of writing a model's weights."""

    def __init__(self, model):
        self.begun, self.over = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(model,))

    def _run(self, model):
        with writing(model.weights):
            self.begun.set()
            self.over.wait(30)

    def __enter__(self):
        self.thread.start()
        assert self.begun.wait(30)
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join(30)


def test_callbacks_use_the_model_that_is_trained():
    model = make()
    seen = []

    class Uses(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            set_all(self.model, SETS[1])
            seen.append(set_of(self.model.predict(X, batch_size=3, verbose=0, callbacks=[AtBatch(self.inner)])))

        def inner(self):
            seen.append(set_of(model.predict(X, verbose=0)))
            model.evaluate(X, np.zeros((8, 1)), verbose=0)

    model.fit(X, np.zeros((8, 1)), batch_size=4, verbose=0, callbacks=[Uses()])
    assert seen == [SETS[1]] * 4


def test_a_wait_for_weights_can_be_interrupted():
    model = make()
    model.predict(X, verbose=0)
    with Holder(model):
        timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model.predict(X, verbose=0)
        timer.join()
    assert set_of(model.predict(X, verbose=0)) == SETS[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_does_not_wait_for_threads_that_it_has_not():
    model = make()
    model.predict(X, verbose=0)
    with Holder(model):
        child = os.fork()
        if child == 0:
            try:
                set_all(model, SETS[1])
                os._exit(0 if set_of(model.predict(X, verbose=0)) == SETS[1] else 1)
            finally:
                os._exit(2)
        deadline = time.monotonic() + 30
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                pytest.fail("the child waits")
            time.sleep(0.02)
    assert os.waitstatus_to_exitcode(done[1]) == 0


def test_an_error_gives_the_weights_free(monkeypatch):
    model = make()
    with pytest.raises(RuntimeError, match="in the middle"), writing(model.weights):
        raise RuntimeError("in the middle")
    failing = [AtBatch(lambda: (_ for _ in ()).throw(RuntimeError("of a callback")))]
    for call in (
        lambda: model.predict(X, batch_size=2, verbose=0, callbacks=failing),
        lambda: model.evaluate(X, np.zeros((8, 1)), batch_size=2, verbose=0, callbacks=failing),
    ):
        with pytest.raises(RuntimeError, match="of a callback"):
            call()
        in_a_thread(lambda: set_all(model, SETS[1]))()
        assert set_of(model.predict(X, verbose=0)) == SETS[1]
        set_all(model, SETS[0])


def test_an_array_of_a_variable_is_the_value_it_had():
    v = Variable(np.zeros(3, "float32"))
    before = v.array
    v.assign([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(before, [0, 0, 0])
    np.testing.assert_array_equal(v.array, [1, 2, 3])
    in_place = v.array.ctypes.data
    v.assign([4.0, 5.0, 6.0])  # nobody holds it
    assert v.array.ctypes.data == in_place
