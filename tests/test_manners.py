"""How the library behaves in other people's processes: output, cores, threads, forks, memory, data."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import re
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest

import pykernels as keras
from pykernels import config_info, layers

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


def classifier(features=6, hidden=5, classes=3, **options):
    model = keras.Sequential(
        [
            keras.Input((features,)),
            layers.Dense(hidden, activation="tanh", name="hidden"),
            layers.Dense(classes, activation="softmax", name="classes"),
        ]
    )
    options = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **options}
    model.compile(**options)
    return model


def data(rows=64, features=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    x = rng.random((rows, features), dtype=np.float32)
    x[np.arange(rows), y] += 1
    return x, y


# --- output ----------------------------------------------------------------------------------------------------------

FIT = """
import numpy as np, pykernels as keras
from pykernels import layers
model = keras.Sequential([keras.Input((20,)), layers.Dense(10, activation="relu"), layers.Dense(3)])
model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
x, y = np.zeros(({rows}, 20), "float32"), np.zeros(({rows}, 3), "float32")
model.fit(x, y, epochs=2, batch_size=4, validation_split=0.5, verbose={verbose})
model.evaluate(x[:8], y[:8], verbose={verbose})
model.predict(x[:8], verbose={verbose})
"""


def test_plain_lines_when_the_output_is_no_terminal(run_python):
    text = run_python("-c", FIT.format(rows=4000, verbose="'auto'"), check=True).stdout
    assert "\r" not in text and "\b" not in text and "\x1b" not in text
    assert "Epoch 1/2" in text and "Epoch 2/2" in text
    lines = [line for line in text.splitlines() if "val_loss" in line]
    assert len(lines) == 2 and all("500/500" in line and "loss: " in line for line in lines)
    assert len(text.splitlines()) < 12


def test_verbose_0_is_silent(run_python):
    done = run_python("-c", FIT.format(rows=40, verbose="0"), check=True)
    assert (done.stdout, done.stderr) == ("", "")


@LINUX
def test_a_bar_on_a_terminal_at_most_ten_redraws_a_second(tmp_path):
    import pty

    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", FIT.format(rows=400_000, verbose="'auto'")])
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux's end of a terminal
            break
        if not chunk:
            break
        chunks.append(chunk)
    seconds = time.monotonic() - began
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    text = b"".join(chunks).decode()
    redraws = text.replace("\r\n", "\n").count("\r")
    assert "━" in text and "Epoch 2/2" in text
    # each of fit's two epochs, evaluate and predict may draw its first and its last state besides
    assert 4 <= redraws <= 10 * seconds + 8


# --- cores -----------------------------------------------------------------------------------------------------------

THREADS = "from pykernels import _core; print(_core.num_threads())"


def test_omp_num_threads_is_obeyed(run_python):
    for count in (1, 2):
        done = run_python("-c", THREADS, env={"OMP_NUM_THREADS": str(count)}, check=True)
        assert int(done.stdout) == count


@LINUX
def test_the_affinity_mask_is_obeyed(run_python):
    cpus = sorted(os.sched_getaffinity(0))
    for count in {1, len(cpus)}:
        code = f"import os; os.sched_setaffinity(0, {set(cpus[:count])}); {THREADS}"
        assert int(run_python("-c", code, env={"OMP_NUM_THREADS": None}, check=True).stdout) <= count


WORK = """
import os, numpy as np, pykernels as keras
from pykernels import layers, _core
model = keras.Sequential([keras.Input(({width},)), layers.Dense({width}, activation="relu"), layers.Dense(4)])
model.compile(optimizer="adam", loss="mse")
x = np.zeros((512, {width}), "float32")
model.fit(x, x[:, :4].copy(), epochs=2, batch_size=128, verbose=0)
model.predict(x, verbose=0)
print(len(os.listdir("/proc/self/task")), _core.num_threads())
"""


@LINUX
def test_small_work_stays_on_one_thread_and_large_work_does_not(run_python):
    environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}
    small = run_python("-c", WORK.format(width=8), env=environment, check=True).stdout.split()
    large = run_python("-c", WORK.format(width=1024), env=environment, check=True).stdout.split()
    assert small == ["1", "2"]
    # beside the caller and its helper, the library's thread in which the OpenMP region of the helpers is open sleeps
    sleeping = 0 if config_info.config()["openmp"].startswith("none") else 1
    assert large == [str(2 + sleeping), "2"]


# --- threads and processes -------------------------------------------------------------------------------------------


def test_predict_from_several_threads_at_once():
    model = classifier(features=64, hidden=256, classes=10)
    x = np.random.default_rng(0).random((400, 64), dtype=np.float32)
    expected = model.predict(x, verbose=0)
    failures = []

    def work(seed):
        rows = np.random.default_rng(seed).permutation(400)[: 100 + 60 * seed]
        try:
            for _ in range(20):
                # the same rows in other batches: equal up to rounding
                np.testing.assert_allclose(model.predict(x[rows], verbose=0), expected[rows], rtol=1e-5, atol=1e-7)
                np.testing.assert_allclose(model(x[rows[:1]]), expected[rows[:1]], rtol=1e-5, atol=1e-7)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures, failures[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_predict_after_fork():
    model = classifier(features=1024, hidden=1024)
    x, y = np.random.default_rng(0).random((512, 1024), dtype=np.float32), np.arange(512) % 3
    model.fit(x, y, epochs=1, batch_size=128, verbose=0)  # the parent's threads have worked
    expected = model.predict(x, verbose=0)
    pid = os.fork()
    if pid == 0:
        same = np.array_equal(model.predict(x, verbose=0), expected)
        model.fit(x, y, epochs=1, batch_size=128, verbose=0)
        os._exit(0 if same else 1)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        pytest.fail("predict hangs after fork")
    assert os.waitstatus_to_exitcode(status) == 0
    assert np.array_equal(model.predict(x, verbose=0), expected)


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_models_pickle_and_deep_copy(how):
    x, y = data()
    model = classifier()
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    twin = how(model)
    assert twin is not model
    assert np.array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    assert twin.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    # the optimizer's state came along: both continue alike, and apart from each other
    a = model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
    between = twin.predict(x, verbose=0)
    b = twin.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert a == b
    assert not np.array_equal(between, model.predict(x, verbose=0))
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_an_uncompiled_model_pickles():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.predict(np.eye(3), verbose=0), model.predict(np.eye(3), verbose=0))


# --- memory ----------------------------------------------------------------------------------------------------------


def resident():
    psutil = pytest.importorskip("psutil")
    gc.collect()
    return psutil.Process().memory_info().rss


def grows(work, times, warm):
    """Bytes by which `times` runs of `work` make the process grow, after `warm` runs."""
    for _ in range(warm):
        work()
    before = resident()
    for _ in range(times):
        work()
    return resident() - before


def test_memory_stays_flat_over_predicts():
    model, (x, _) = classifier(features=100, hidden=200), data(256, 100)
    batches = [x[:n].copy() for n in (1, 7, 32, 256)]

    def work():
        for batch in batches:
            model.predict(batch, verbose=0)
            model(batch)

    assert grows(work, 250, 50) < 1 << 20


def test_memory_stays_flat_over_fits():
    model, (x, y) = classifier(features=100, hidden=200), data(64, 100)
    assert grows(lambda: model.fit(x, y, batch_size=25, validation_split=0.1, verbose=0), 200, 40) < 1 << 20


MODELS = """
import gc, psutil, numpy as np, pykernels as keras
from pykernels import layers
def work():
    model = keras.Sequential([keras.Input((400,)), layers.Dense(2000, activation="tanh"), layers.Dense(3)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((32, 400), "float32"), np.zeros((32, 3), "float32"), verbose=0)
def run(times):
    for _ in range(times):
        work()
    gc.collect()
    return psutil.Process().memory_info().rss
before = run(20)
print(run(50) - before)
"""


def test_memory_stays_flat_over_models(run_python):
    """A model and its optimizer hold 9.7 MB: 50 of them would add 485 MB, and less than two may."""
    pytest.importorskip("psutil")
    assert int(run_python("-c", MODELS, check=True).stdout) < 16 << 20


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.dense(inputs)


def functional():
    inputs = keras.Input((4,))
    hidden = layers.Dense(5, activation="relu", kernel_regularizer="l2")(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden * 2.0 + hidden))


def nested():
    inputs = keras.Input((4,))
    return keras.Model(inputs, functional()(layers.Dropout(0.1)(inputs)))


def deferred():
    return keras.Sequential([layers.Dense(5), layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize("make", [functional, nested, deferred, Subclass])
def test_a_deleted_model_is_freed_without_the_garbage_collector(make):
    gc.collect()
    gc.disable()
    try:
        model, (x, y) = make(), data(20, 4)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, verbose=0, validation_data=(x, y))
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)
        model.train_on_batch(x, y)
        model(x)
        held = [model, *model.weights, *model.optimizer.variables, *model._programs._kept.values()]
        parts = [weakref.ref(part) for part in held]
        del model, held
        assert [part() for part in parts] == [None] * len(parts)
    finally:
        gc.enable()


def test_history_outlives_the_model_and_the_model_its_history():
    x, y = data(20)
    model = classifier()
    loss = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    assert model.history.history["loss"] is loss and model.history.epoch == [0, 1]
    assert model.history.model is model and model.history.params["epochs"] == 2
    history = model.fit(x, y, verbose=0)
    assert model.history is history
    del model
    assert np.isfinite(history.model.evaluate(x, y, verbose=0)[0])


def test_a_layers_symbolic_results_are_remade_when_nobody_held_them():
    layer = layers.Dense(3, name="made")
    layer(keras.Input((4,)))
    assert layer.output.shape == (None, 3) and layer.input.shape == (None, 4)
    model = keras.Model(layer.input, layer.output)
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 3)


def test_a_deleted_model_is_freed():
    model, (x, y) = classifier(), data()
    model.fit(x, y, verbose=0)
    parts = [weakref.ref(model), weakref.ref(model.layers[0]), weakref.ref(model.weights[0])]
    del model
    gc.collect()
    assert [part() for part in parts] == [None, None, None]


PEAK = """
import resource, sys, numpy as np, pykernels as keras
from pykernels import layers
rows, features = 20_000, 784
kind = sys.argv[1]
if kind == "memmap":
    x = np.memmap("x.bin", "uint8", "w+", shape=(rows, features))
    x[:] = np.arange(features) % 251
    x.flush()
    x = np.memmap("x.bin", "uint8", "r", shape=(rows, features))
elif kind == "strided":
    x = np.full((rows, 2 * features), 3, "uint8")[:, ::2]
else:
    x = np.full((rows, features), 3, kind)
y = np.arange(rows) % 10
model = keras.Sequential([keras.Input((features,)), layers.Dense(10, activation="softmax")])
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
model.fit(x[:2000], y[:2000], batch_size=100, verbose=0, validation_split=0.1)
model.predict(x[:2000], verbose=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(x, y, batch_size=100, verbose=0, validation_split=0.1)
model.evaluate(x, y, batch_size=100, verbose=0)
model.predict(x, batch_size=100, verbose=0)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@LINUX
@pytest.mark.parametrize("kind", ["uint8", "float64", "float32", "strided", "memmap"])
def test_fit_does_not_copy_the_users_array(run_python, kind):
    """As float32 these rows take 63 MB, as uint8 16 MB: neither that nor a copy of the array may appear."""
    grown = int(run_python("-c", PEAK, kind, check=True).stdout)
    allowed = 20_000 * 784 + (6 << 20) if kind == "memmap" else 6 << 20  # pages of the file count as ours
    assert grown < allowed


@pytest.mark.parametrize("kind", ["uint8", "float64", "int64", "strided", "memmap", "fortran", "big-endian"])
def test_other_arrays_train_as_their_float32_copy_does(tmp_path, kind):
    values = np.random.default_rng(3).integers(0, 255, (50, 6))
    x32, y = values.astype("float32"), np.arange(50) % 3
    if kind == "strided":
        x = np.repeat(x32, 2, axis=1)[:, ::2]
    elif kind == "memmap":
        x = np.memmap(tmp_path / "x.bin", "uint8", "w+", shape=values.shape)
        x[:] = values
    elif kind == "fortran":
        x = np.asfortranarray(x32)
    elif kind == "big-endian":
        x = values.astype(">f4")
    else:
        x = values.astype(kind)
    before = np.array(x)
    results = []
    for array in (x32, x):
        keras.utils.set_random_seed(5)
        model = classifier()
        model.fit(array, y, epochs=2, batch_size=8, verbose=0)
        results.append([*model.get_weights(), model.predict(array, verbose=0)])
    for expected, got in zip(*results, strict=True):
        assert np.array_equal(expected, got)
    assert np.array_equal(before, x)


# --- numbers that mean what they say ---------------------------------------------------------------------------------


def test_the_short_last_batch_counts_by_its_size():
    x, y = data(10)
    model = classifier(optimizer=keras.optimizers.SGD(0.0))
    history = model.fit(x, y, batch_size=4, epochs=1, verbose=0).history
    loss, accuracy = model.evaluate(x, y, batch_size=10, verbose=0)
    assert history["loss"][0] == pytest.approx(loss, rel=1e-6)
    assert history["accuracy"][0] == pytest.approx(accuracy, rel=1e-6)
    assert model.evaluate(x, y, batch_size=4, verbose=0)[0] == pytest.approx(loss, rel=1e-6)


def test_the_short_last_batch_is_trained():
    x, y = data(10)
    model, twin = classifier(optimizer="sgd"), classifier(optimizer="sgd")
    twin.set_weights(model.get_weights())
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for first in (0, 4, 8):
        twin.train_on_batch(x[first : first + 4], y[first : first + 4])
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("by", ["split", "data"])
def test_evaluate_and_the_validation_line_agree(by):
    x, y = data(53)
    model = classifier()
    cut = int(53 * 0.6)
    given = {"validation_split": 0.4} if by == "split" else {"validation_data": (x[cut:], y[cut:])}
    fitted = (x, y) if by == "split" else (x[:cut], y[:cut])
    history = model.fit(*fitted, batch_size=8, epochs=2, verbose=0, **given).history
    results = model.evaluate(x[cut:], y[cut:], batch_size=8, verbose=0, return_dict=True)
    assert results["loss"] == history["val_loss"][-1]
    assert results["accuracy"] == history["val_accuracy"][-1]


def test_a_split_that_leaves_a_class_out_warns():
    x, _ = data(30)
    y = np.sort(np.arange(30) % 3)
    with pytest.warns(UserWarning, match=r"validation_split.*class 2") as caught:
        classifier().fit(x, y, validation_split=1 / 3, verbose=0)
    assert caught[0].filename == __file__  # the user's line, not one of the package
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier().fit(x, np.arange(30) % 3, validation_split=1 / 3, verbose=0)


def test_a_nan_loss_is_told_once_with_epoch_batch_and_layer():
    x, y = data(40)
    x[17, 2] = np.nan
    with pytest.warns(RuntimeWarning, match="not finite") as caught:
        classifier().fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert caught[0].filename == __file__
    told = [str(warning.message) for warning in caught if warning.category is RuntimeWarning]
    assert len(told) == 1
    assert re.search(r"epoch 1, batch 3: the input x has 1 NaN", told[0])

    model = classifier()
    weights = model.get_weights()
    weights[2][0, 0] = np.nan
    model.set_weights(weights)
    with pytest.warns(RuntimeWarning, match=r"epoch 1, batch 1: the first layer.*'classes'.*weight.*NaN"):
        model.fit(*data(16), batch_size=8, epochs=1, verbose=0)
