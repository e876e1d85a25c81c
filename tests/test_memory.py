"""Memory: what `Model.memory` says is what is used; what does not fit is refused; programs share one arena."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import pykernels as pk
from pykernels.training import memory_plan as memory
from pykernels.training import step_programs as steps

L = pk.layers


def dense_net(depth=3, width=64, **options):
    model = pk.Sequential([pk.Input((20,))])
    for _ in range(depth):
        model.add(L.Dense(width, activation="relu"))
        model.add(L.Dropout(0.2))
    model.add(L.Dense(5, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def test_the_parts_and_their_sum():
    model = dense_net()
    plan = model.memory(32)
    assert plan.kind == "train" and plan.batch_size == 32
    weights = 4 * model.count_params()
    assert plan.weights == weights
    assert 2 * weights <= plan.optimizer <= 2 * weights + 64
    assert plan.batch == 32 * (20 + 1) * 4
    assert plan.lower_bound <= plan.activations
    parts = (plan.weights, plan.optimizer, plan.activations, plan.scratch, plan.prepared, plan.batch, plan.constants)
    assert plan.peak == sum(parts)
    assert "batch size 32" in str(plan) and "activations" in str(plan)
    assert model.memory(64).activations > plan.activations
    test, predict = model.memory(32, "test"), model.memory(32, "predict")
    assert test.optimizer == predict.optimizer == 0
    assert predict.activations <= test.activations < plan.activations


def test_before_and_after_running_the_answer_is_one():
    model = dense_net()
    before = [model.memory(10, kind) for kind in ("train", "test", "predict")]
    x, y = np.zeros((20, 20), "float32"), np.zeros(20, int)
    model.fit(x, y, batch_size=10, validation_split=0.5, verbose=0)
    model.predict(x, batch_size=10, verbose=0)
    assert [model.memory(10, kind) for kind in ("train", "test", "predict")] == before


def test_several_outputs_and_subclasses():
    a = pk.Input((6,))
    model = pk.Model(a, {"c": L.Dense(3, activation="softmax")(a), "n": L.Dense(1)(a), "free": L.Dense(2)(a)})
    model.compile("sgd", {"c": "sparse_categorical_crossentropy", "n": "mse"}, metrics={"c": ["accuracy"]})
    assert model.memory(8).batch == 8 * (6 + 1 + 1) * 4
    x = np.zeros((8, 6), "float32")
    model.fit(x, {"c": np.zeros(8, int), "n": np.zeros((8, 1))}, verbose=0)  # memory() has built nothing of the model

    class Free(pk.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Free()
    with pytest.raises(ValueError, match="does not know its inputs"):
        model.memory(4, "predict")
    model.predict(x, verbose=0)
    assert model.memory(4).batch_size == 4


@pytest.mark.parametrize("arguments", [(0,), ("many",), (8, "dream")])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=r"batch_size|kind"):
        dense_net().memory(*arguments)


USED = """
    import sys
    import numpy as np
    import pykernels as pk

    def status(key):
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

    kind, batch = sys.argv[1], 4096
    x = y = pk.Input((800,))
    for _ in range(6):
        y = pk.layers.Dropout(0.2)(pk.layers.Dense(800, activation="gelu")(y))
    model = pk.Model(x, pk.layers.Dense(10, activation="softmax")(y))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data, labels = np.random.rand(2 * batch, 800).astype("float32"), np.random.randint(0, 10, 2 * batch)
    plan = model.memory(batch, kind)
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = status("VmRSS")
    if kind == "train":
        model.fit(data, labels, batch_size=batch, verbose=0)
    elif kind == "test":
        model.evaluate(data, labels, batch_size=batch, verbose=0)
    else:
        model.predict(data, batch_size=batch, verbose=0)
    print(plan.step, status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["train", "test", "predict"])
def test_what_is_planned_is_what_is_used(kind):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(USED), kind], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    planned, used = map(int, done.stdout.split())
    assert abs(planned - used) <= 0.1 * used, f"planned {planned:,}, used {used:,}"


def test_too_large_a_batch_is_refused_and_the_process_lives_on(monkeypatch):
    model = dense_net()
    x, y = np.zeros((4096, 20), "float32"), np.zeros(4096, int)
    monkeypatch.setattr(memory, "_UNCHECKED", 1 << 10)
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    pattern = r"(?s)training step of model '.*' with batch size 4096 needs .* MB \(activations .*1 MB are available. "
    with pytest.raises(MemoryError, match=pattern + r"Use a smaller batch_size, or compile.*checkpoint.*would fit"):
        model.fit(x, y, batch_size=4096, verbose=0)
    with pytest.raises(MemoryError, match=r"prediction step.*Use a smaller batch_size\. About"):
        model.predict(x, batch_size=4096, verbose=0)
    assert model._programs._workspaces.idle_bytes == 0
    model.fit(x, y, batch_size=64, verbose=0)


@pytest.mark.parametrize("batch", [1 << 40, 1 << 60, 1 << 70])
def test_sizes_beyond_any_memory(batch):
    model = dense_net()
    for kind in ("train", "test", "predict"):
        with pytest.raises(MemoryError, match="batch size"):
            model.memory(batch, kind)
    model.predict(np.zeros((2, 20), "float32"), verbose=0)


def test_training_testing_and_prediction_share_an_arena():
    model = dense_net()
    x, y = np.zeros((64, 20), "float32"), np.zeros(64, int)
    model.fit(x, y, batch_size=32, verbose=0)
    pool = model._programs._workspaces
    held = pool.idle_bytes
    plan = model.memory(32)
    assert held == plan.activations + plan.scratch + plan.batch
    model.evaluate(x, y, batch_size=32, verbose=0)
    model.predict(x, batch_size=32, verbose=0)
    model.fit(x, y, batch_size=16, verbose=0)
    assert pool.idle_bytes == held
    model.fit(x, y, batch_size=64, verbose=0)
    assert pool.idle_bytes > held


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_control_groups(tmp_path, version):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 5000 kB\n")
    assert memory.available_memory(str(tmp_path)) == 5000 << 10
    if version == 2:
        (tmp_path / "proc/self/cgroup").write_text("0::/outer/inner\n")
        base, limit, used, cache = tmp_path / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
    else:
        (tmp_path / "proc/self/cgroup").write_text("3:cpu:/x\n4:memory:/outer/inner\n0::/\n")
        base, limit = tmp_path / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        used, cache = "memory.usage_in_bytes", "total_inactive_file"
    inner = base / "outer/inner"
    inner.mkdir(parents=True)
    (inner / limit).write_text("max\n" if version == 2 else str((1 << 63) - 4096))
    (inner / used).write_text("7\n")
    assert memory.available_memory(str(tmp_path)) == 5000 << 10
    (inner.parent / limit).write_text("1000000\n")
    (inner.parent / used).write_text("900000\n")
    (inner.parent / "memory.stat").write_text(f"anon 5\n{cache} 50000\n")
    assert memory.available_memory(str(tmp_path)) == 150000


def test_readable_sizes():
    assert [memory.readable(n) for n in (12, 1536, 5 << 30)] == ["12 bytes", "1.5 KB", "5 GB"]


def test_the_kept_program_answers_for_other_batches():
    model = dense_net()
    x, y = np.zeros((8, 20), "float32"), np.zeros((8, 1))
    model.fit(x, y, verbose=0)
    types = model._programs.known_signature("train", 3)
    assert types == steps.StepSignature(3, (((3, 20), "float32"),), (((3, 1), "int32"),), (), "leaf", None)
