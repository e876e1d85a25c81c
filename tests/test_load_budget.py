"""Reading a file of n bytes takes O(n) memory and work, whatever the file says (`pykernels.utils.load_budget`)."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
import zipfile

import h5py
import hostile_files
import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, models
from pykernels.saving.hdf5.dataset import fletcher32
from pykernels.utils import load_budget
from pykernels.utils.load_budget import MEMORY, MEMORY_PER_BYTE, OPERATIONS, OPERATIONS_PER_BYTE, LoadBudget

_EVENTS = 40  # calls of and returns from functions, Python's and C's, per operation of the budget


def events_of(call) -> int:
    """Calls and returns meanwhile: work, without a clock."""
    events = 0

    def count(*_):
        nonlocal events
        events += 1

    outer = sys.getprofile()
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(outer)
    return events


def peak_of(call) -> int:
    """The most bytes of Python's memory meanwhile."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def budgets(monkeypatch):
    """The budgets that are made meanwhile."""
    made = []
    original = LoadBudget.__init__

    def init(self, *args, **kwargs):
        made.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(LoadBudget, "__init__", init)
    return made


def load(kind: str, path, data: bytes) -> str | None:
    """The message with which the file is refused; None where it is not."""
    path.write_bytes(data)
    try:
        if kind in hostile_files.MODEL_FILES:
            models.load_model(path)
        else:
            model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
            model.load_weights(path, skip_mismatch=True)
    except (ValueError, OSError) as error:
        assert str(path) in str(error)
        return str(error)
    return None


EVERY = [*hostile_files.MODEL_FILES, *hostile_files.WEIGHTS_FILES]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", EVERY)
def test_cost_is_in_proportion_to_size(tmp_path, budgets, monkeypatch, kind):
    """The law holds for small files and for larger ones, counted by Python and not by the budget itself."""
    operations, memory = OPERATIONS // 20, MEMORY // 20  # what every file may have, made small beside the files' sizes
    monkeypatch.setattr(load_budget, "OPERATIONS", operations)
    monkeypatch.setattr(load_budget, "MEMORY", memory)
    make = {**hostile_files.MODEL_FILES, **hostile_files.WEIGHTS_FILES}[kind]
    models.model_from_json(json.dumps(hostile_files.long_sequential(1)))  # imports
    for n in (10, 80):
        data = make(n)
        path = tmp_path / ("m.keras" if kind in hostile_files.MODEL_FILES else "m.h5")
        events = events_of(lambda: load(kind, path, data))  # noqa: B023 - called at once
        budget = budgets[-1]
        assert budget.size == len(data)
        assert events <= _EVENTS * (operations + OPERATIONS_PER_BYTE * len(data))
        assert events <= _EVENTS * (budget.operations + 2000), "work that nobody counts"
    assert peak_of(lambda: load(kind, path, data)) <= memory + MEMORY_PER_BYTE * len(data)


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("shared name", 1000),
        ("shared header", 1000),
        ("cyclic group", 1000),
        ("wide chunks", 1000),
        ("twice deflated", 500),
        ("stack called", 400),
        ("models calling twice", 100),
        ("brackets", 1000),
        ("shared string", 2000),
        ("repeated layers", 1000),
        ("long sequential", 2000),
    ],
)
def test_files_that_ask_for_too_much_are_refused(tmp_path, kind, n):
    make = {**hostile_files.MODEL_FILES, **hostile_files.WEIGHTS_FILES}[kind]
    message = load(kind, tmp_path / ("m.keras" if kind in hostile_files.MODEL_FILES else "m.h5"), make(n))
    assert message is not None
    assert "made to do harm" in message or "twice, which is refused" in message


def test_a_budget_that_is_not_charged_is_seen(monkeypatch, tmp_path):
    """The test above counts for itself: without the charges it is the names in the file that grow."""
    monkeypatch.setattr(LoadBudget, "spend", lambda *args: None)
    monkeypatch.setattr(LoadBudget, "allocate", lambda *args: None)
    data = hostile_files.MODEL_FILES["shared name"](1000)
    path = tmp_path / "m.keras"
    assert peak_of(lambda: load("shared name", path, data)) > MEMORY + MEMORY_PER_BYTE * len(data)


@pytest.mark.parametrize("make", [hostile_files.long_sequential, lambda n: hostile_files.chain(n, True)])
def test_long_models_are_read(make):
    """A text that names its layers one by one may have as many as it likes."""
    model = models.model_from_json(json.dumps(make(1500)))
    assert len([x for x in model.layers if isinstance(x, layers.Flatten)]) == 1500


def test_calls_listed_backwards_compute_the_same():
    forwards, backwards = (models.model_from_json(json.dumps(hostile_files.chain(20, b))) for b in (False, True))
    assert [x.name for x in forwards.layers] == [x.name for x in backwards.layers]
    x = np.arange(8, dtype="float32").reshape(2, 4)
    np.testing.assert_array_equal(backwards.predict(x, verbose=0), x)


def test_calls_of_one_layer_keep_their_order():
    model = models.model_from_json(json.dumps(hostile_files.one_layer_called(5)))
    x = np.arange(8, dtype="float32").reshape(2, 4)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (None, "one"),
        (5, "unknown form"),
        ([5], "unknown form"),
        ([["x", 0]], "unknown form"),
        ({"args": 3, "kwargs": {}}, "unknown form"),
        ({"args": []}, "unknown form"),
        (
            {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x"]}}], "kwargs": {}},
            "unknown form",
        ),
        ({"args": [{"class_name": "__keras_tensor__", "config": 1}], "kwargs": {}}, "unknown form"),
        ({"args": [{"class_name": "__keras_tensor__"}], "kwargs": {}}, "unknown form"),
        (hostile_files.node(hostile_files.tensor("y")), "Missing node: y"),
        ([["x", 0, 3, {}]], "result 3 of layer 'x'"),
        (hostile_files.node(hostile_files.tensor("a")), "loops or disconnected"),
        (hostile_files.node([1.0]), "without a tensor"),
    ],
)
def test_calls_in_unknown_forms(node, message):
    config = hostile_files.functional([hostile_files.layer("Flatten", "a", [node])], ["a", 0, 0])
    with pytest.raises(ValueError, match=r"^The JSON text: ") as caught:
        models.model_from_json(json.dumps(config))
    if message != "one":
        assert message in str(caught.value)


# --- what is counted ---------------------------------------------------------------------------------------------
def test_threads_have_budgets_of_their_own():
    import threading

    seen = []
    with LoadBudget("a", 10):
        thread = threading.Thread(target=lambda: seen.append(load_budget.load_budget()))
        thread.start()
        thread.join()
        assert load_budget.load_budget().name == "a"
    assert seen == [None]
    assert load_budget.load_budget() is None


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_large_model_fits(tmp_path, compression, budgets):
    """The bounds are far from what Keras writes: a fiftieth of the memory, a twentieth of the work."""
    blocks = [layers.Dense(16, activation="relu", kernel_regularizer="l2") for _ in range(100)]
    model = pk.Sequential([pk.Input((16,)), *blocks])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((4, 16)), np.zeros((4, 16)), verbose=0)
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(tmp_path / "m.keras", "w", compression) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.get_weights()[-1], model.get_weights()[-1])
    budget = budgets[-1]
    assert budget.operations * 20 < budget.most_operations
    assert budget.memory * 20 < budget.most_memory


# --- functions ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "where", ["activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint", "layer"]
)
@pytest.mark.parametrize("known", ["registered", "custom_objects"])
def test_functions_are_never_called_with_what_a_file_says(where, known):
    calls = []

    def open_the_door(*args, **kwargs):
        calls.append((args, kwargs))
        return args[0] if args else 0.0

    entry = {"class_name": "open_the_door", "config": {"command": "now"}, "registered_name": "Custom>open_the_door"}
    entry["module"] = "builtins"
    dense = hostile_files.layer("Dense", "d", units=3, **({} if where == "layer" else {where: entry}))
    config = hostile_files.sequential([entry if where == "layer" else dense])
    objects = {"open_the_door": open_the_door} if known == "custom_objects" else {}
    if known == "registered":
        pk.saving.register_keras_serializable("Custom", "open_the_door")(open_the_door)
    try:
        models.model_from_json(json.dumps(config), custom_objects=objects)
    except (ValueError, TypeError):
        pass
    finally:
        pk.saving.get_custom_objects().pop("Custom>open_the_door", None)
    assert all("command" not in kwargs for _, kwargs in calls)


def test_a_class_without_from_config_is_not_made_from_a_file():
    made = []

    class Opener:
        def __init__(self, **kwargs):
            made.append(kwargs)

    entry = {"class_name": "Opener", "config": {"command": "now"}, "module": None, "registered_name": "Opener"}
    with pytest.raises(TypeError, match=r"missing a `from_config\(\)` method"):
        pk.saving.deserialize_keras_object(entry, custom_objects={"Opener": Opener})
    assert made == []


# --- filters of HDF5 ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 2, 3, 12, 1001, 70_000])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_checksums_of_chunks_are_those_of_hdf5(tmp_path, count, dtype, shuffle):
    values = np.random.default_rng(count).integers(0, 256, count).astype(dtype)
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        options = {
            "chunks": (count,),
            "fletcher32": True,
            "shuffle": shuffle,
            "compression": "gzip" if shuffle else None,
        }
        file.create_dataset("x", data=values, **options)
    from pykernels.saving.hdf5.reader import Hdf5File

    got = np.empty(count, dtype)
    with Hdf5File.open(path) as file:
        file["x"].read_into(got)
    np.testing.assert_array_equal(got, values)


@pytest.mark.parametrize("value", [0, 255])
def test_checksums_of_extremes(value):
    """Sums that are multiples of 65535 are 65535, not 0; of zeros they are 0."""
    data = bytes([value]) * 1000
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        dataset = file.create_dataset("x", data=np.frombuffer(data, "u1"), chunks=(1000,), fletcher32=True)
        _, stored = dataset.id.read_direct_chunk((0,))
    assert fletcher32(data) == int.from_bytes(stored[-4:], "little")


def test_a_flipped_byte_in_a_chunk_with_a_checksum(tmp_path):
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    kernel = model.get_weights()[0]
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        group.create_dataset("0", data=kernel, chunks=kernel.shape, fletcher32=True)
    model.load_weights(path)
    data = bytearray(path.read_bytes())
    data[data.rindex(kernel.tobytes()) + 5] ^= 4
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"w\.weights\.h5.*layers/dense/vars/0.*checksum"):
        model.load_weights(path)


def test_a_chunk_that_is_not_gzip(tmp_path):
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        dataset = group.create_dataset("0", (4, 3), "float32", chunks=(4, 3), compression="gzip")
        dataset.id.write_direct_chunk((0, 0), b"no gzip at all")
    with pytest.raises(OSError, match="not what gzip writes"):
        model.load_weights(path)
