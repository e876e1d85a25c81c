"""The OpenMP runtime's rules, and where the threads of training come from and go."""

from __future__ import annotations

import ctypes
import os
import sys

import numpy as np
import pytest

import pykernels as keras
from pykernels import config_info, layers
from pykernels.graph.program import Program

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
NO_OPENMP = config_info.config()["openmp"].startswith("none")
OPENMP = pytest.mark.skipif(NO_OPENMP, reason="built without OpenMP")
#: The thread of the library in which the OpenMP region of the helpers is open; it sleeps.
SLEEPING = 0 if NO_OPENMP else 1

START = """
import ctypes, os, threading, time
import numpy as np
import pykernels as keras
from pykernels import layers, _core

def tasks():
    return sorted(int(t) for t in os.listdir("/proc/self/task") if int(t) != os.getpid())

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((512,)), layers.Dense(512, activation="relu"), layers.Dense(3)])
model.compile(optimizer="adam", loss="mse")
rng = np.random.default_rng(0)
x, y = rng.random((256, 512), dtype=np.float32), rng.random((256, 3), dtype=np.float32)

def fit(**arguments):
    model.fit(x, y, batch_size=128, epochs=2, verbose=0, **arguments)
"""


@pytest.fixture
def run(run_python):
    """Runs code before and after `START` and returns the numbers that it prints."""

    def run(code, first="", **env):
        done = run_python("-c", first + START + code, env={"OPENBLAS_NUM_THREADS": "1", **env}, check=True)
        return [word == "True" if word in ("True", "False") else float(word) for word in done.stdout.split()]

    return run


@LINUX
def test_as_many_threads_work_as_are_asked_for(run):
    code = "fit(); print(_core.num_threads(), len(tasks()))"
    assert run(code, OMP_NUM_THREADS="1") == [1, 0]
    assert run(code, OMP_NUM_THREADS="3,2") == [3, 2 + SLEEPING]
    assert run("_core.set_num_threads(4);" + code, OMP_NUM_THREADS="1") == [4, 3 + SLEEPING]


LIMITED = """
import pykernels
from threadpoolctl import threadpool_info, threadpool_limits
limits = threadpool_limits(1)
"""

LIMIT = """
fit()
print(_core.num_threads(), len(tasks()))
limits.restore_original_limits()
fit()
print(_core.num_threads(), len(tasks()))
path = _core.build_info()["openmp"].split("(")[1].rstrip(")")
ours = [info for info in threadpool_info() if os.path.realpath(info["filepath"]) == os.path.realpath(path)]
print(len(ours), ours[0]["user_api"] == "openmp", ours[0]["num_threads"])
"""


@LINUX
@OPENMP
def test_threadpoolctl_sees_the_threads_and_limits_them(run):
    pytest.importorskip("threadpoolctl")
    assert run(LIMIT, LIMITED, OMP_NUM_THREADS="2") == [1, 0, 2, 1 + SLEEPING, 1, True, 2]


SETTINGS = """
host = ctypes.CDLL(_core.build_info()["openmp"].split("(")[1].rstrip(")"))
print(_core.num_threads())
host.omp_set_num_threads(3)
print(_core.num_threads())
_core.set_num_threads(5)
print(_core.num_threads())
host.omp_set_num_threads(4)
print(_core.num_threads())
elsewhere = threading.Thread(target=lambda: print(_core.num_threads()))
elsewhere.start()
elsewhere.join()
fit()
print(len(tasks()))
"""


@LINUX
@OPENMP
def test_the_later_of_the_hosts_setting_and_ours_counts(run):
    assert run(SETTINGS, OMP_NUM_THREADS="2") == [2, 3, 5, 4, 5, 3 + SLEEPING]


BOUND = """
before = os.sched_getaffinity(0)
fit()
places = [os.sched_getaffinity(t) for t in tasks()]
print(before == os.sched_getaffinity(0), sum(len(place) == 1 for place in places), len(set().union(*places)))
"""


@LINUX
@OPENMP
def test_helpers_keep_to_their_places(run):
    cpus = len(os.sched_getaffinity(0))
    count = max(2, cpus)
    env = {"OMP_NUM_THREADS": str(count)}
    assert run(BOUND, **env, OMP_PROC_BIND="close", OMP_PLACES="threads") == [True, count, cpus]
    if cpus > 1:
        assert run(BOUND, **env, OMP_PROC_BIND="false")[:2] == [True, 0]


@LINUX
@OPENMP
def test_the_runtime_may_grant_fewer(run):
    granted = run("fit(); print(len(tasks()))", OMP_NUM_THREADS="40", OMP_DYNAMIC="true")[0]
    assert granted <= os.cpu_count()  # without OMP_DYNAMIC 39 helpers
    assert run("fit(); print(len(tasks()))", OMP_NUM_THREADS="40", OMP_THREAD_LIMIT="4") == [3 + SLEEPING]


WAITING = """
def seconds():  # of processor time of all other threads
    return sum(int(open(f"/proc/self/task/{t}/schedstat").read().split()[0]) for t in tasks()) / 1e9

fit()
before = seconds()
time.sleep(0.1)
print(seconds() - before)
"""


@LINUX
def test_waiting_helpers_sleep_unless_they_shall_not(run):
    if not os.path.exists("/proc/self/schedstat"):
        pytest.skip("no /proc/self/schedstat")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("helpers that share a processor with their caller never spin")
    active, passive, unset = (
        run(WAITING, OMP_NUM_THREADS="2", OMP_WAIT_POLICY=policy)[0] for policy in ("active", "passive", None)
    )
    assert passive < active / 4
    assert unset < active / 4


def test_a_trace_says_what_the_loops_of_a_step_are():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((256,)), layers.Dense(512, activation="relu"), layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.ones((128, 256), "float32"), np.ones((128, 2), "float32")
    calls, profile = [], Program.profile

    def trace(program, feeds, repeats):
        calls.extend(zip(program.describe(), program.core.trace(feeds, repeats), strict=True))
        return profile(program, feeds, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "profile", trace)
        model.profile(x, y, batch_size=128, repeats=3, print_fn=None)
    products = [loops for row, (_, loops) in calls if row["op"].startswith("matmul") and row["flops"] > 1e7]
    assert len(products) == 2  # forward and the update
    for loops in products:
        assert loops and all(len(tasks) > 1 and workers >= 1 and min(tasks) > 0 for workers, tasks in loops)
    small = [loops for row, (_, loops) in calls if row["bytes"] < 1000]
    assert small and not any(small)


FORK = """
class Fork(keras.callbacks.Callback):
    child = None

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            Fork.child = os.fork()

{before}
fit(callbacks=[Fork()])
digest = hash(b"".join(w.tobytes() for w in model.get_weights())) % 1000003
if Fork.child == 0:
    os._exit(42 if len(tasks()) == {threads} and digest == int(os.environ["DIGEST"]) else digest % 7)
print(os.waitstatus_to_exitcode(os.waitpid(Fork.child, 0)[1]), digest)
"""

#: Opens a region of the host program in the main thread, as other libraries do, whose threads a forked child lacks.
REGION = """
host = ctypes.CDLL(_core.build_info()["openmp"].split("(")[1].rstrip(")"))
host.GOMP_parallel(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None), None, 3, 0)
"""


@LINUX
@pytest.mark.parametrize("before", ["", pytest.param(REGION, marks=OPENMP)], ids=["alone", "beside OpenMP of the host"])
def test_training_goes_on_in_both_after_a_fork_in_the_middle(run, before):
    if before and not hasattr(ctypes.CDLL(config_info.config()["openmp"].split("(")[1].rstrip(")")), "GOMP_parallel"):
        pytest.skip("the runtime is not libgomp")
    env = {"OMP_NUM_THREADS": "3", "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    code = FORK.format(before=before, threads=2 + SLEEPING)
    digest = run(code, **env, DIGEST="0")[1]
    assert run(code, **env, DIGEST=str(int(digest))) == [42, digest]
