"""Files whose harm lies in what they ask for: work and memory out of proportion to their size."""

from __future__ import annotations

import json
import os
import signal
import struct
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
from hostile_files import UNDEFINED, Hdf5Pieces

import pykernels as pk
from pykernels import layers, models
from pykernels.saving.archive import KerasArchive
from pykernels.utils.atomic import atomic_write


def tensor(name, call=0):
    history = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


def call(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs}


def operation(name, kind, nodes, config=None, module="keras.src.ops.numpy"):
    config = {"name": name, **(config or {})}
    return {"module": module, "class_name": kind, "config": config, "name": name, "inbound_nodes": nodes}


def functional(name, entries, end):
    first = {"batch_shape": [None, 4], "dtype": "float32", "name": "x"}
    inputs = {"module": "keras.layers", "class_name": "InputLayer", "config": first, "name": "x", "inbound_nodes": []}
    config = {"name": name, "layers": [inputs, *entries], "input_layers": [["x", 0, 0]], "output_layers": [end]}
    return {"module": "keras.models", "class_name": "Functional", "config": config}


# --- configurations ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "args", "config", "module"),
    [
        ("Tile", [[1.0]], {"repeats": [1 << 24]}, "keras.src.ops.numpy"),
        ("Repeat", [[1.0]], {"repeats": 1 << 24}, "keras.src.ops.numpy"),
        ("Pad", [[1.0]], {"pad_width": [[0, 1 << 24]]}, "keras.src.ops.numpy"),
        ("BroadcastTo", [[1.0]], {"shape": [1 << 24]}, "keras.src.ops.numpy"),
        ("OneHot", [[1]], {"num_classes": 1 << 24}, "keras.src.ops.nn"),
        ("GraphOp", [[1.0]], {"op": "broadcast_to", "attributes": {"shape": [1 << 24]}}, "pykernels.ops"),
        ("RepeatVector", [[[1.0]]], {"n": 1 << 24, "trainable": True}, "keras.layers"),
    ],
)
def test_calls_on_constants_are_not_computed(kind, args, config, module):
    """A call without a tensor would run while the file is loaded; Keras writes none."""
    constant = operation("c", kind, [call(*args)], config, module)
    add = operation("sum", "Add", [call(tensor("x"), tensor("c"))])
    text = json.dumps(functional("m", [constant, add], ["sum", 0, 0]))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"'c'.* without a tensor"):
            models.model_from_json(text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_models_that_call_models_twice():
    """A model of 20 levels, each of which calls the next one twice, has a million calls in a small file."""
    inner = {"module": "keras.layers", "class_name": "Activation", "config": {"name": "m", "activation": "relu"}}
    for level in range(20):
        nodes = [call(tensor("x")), call(tensor("m"))]
        end = ["m", 1 if level == 0 else 2, 0]
        inner = functional("m", [{**inner, "name": "m", "inbound_nodes": nodes}], end)
    with pytest.raises(ValueError, match="calls of layers"):
        models.model_from_json(json.dumps(inner))


def test_many_calls_of_an_honest_model():
    """The bound is out of the way of shared models."""
    shared = pk.Sequential([pk.Input((4,)), *[layers.Dense(4) for _ in range(3)]], name="shared")
    x = y = pk.Input((4,))
    for _ in range(20):
        y = shared(y)
    model = pk.Model(x, y)
    copy = models.model_from_json(model.to_json())
    assert len(copy.layers[1]._inbound_nodes) >= 20


# --- archives ------------------------------------------------------------------------------------------------------
def saved(tmp_path, ending="keras"):
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3, name="d"), layers.Dense(2, name="e")])
    path = tmp_path / f"m.{ending}"
    (model.save_weights if "weights" in ending else model.save)(path)
    return model, path


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path, compression=zipfile.ZIP_STORED, **changed):
    parts = {**members(path), **{name.replace("_", "."): data for name, data in changed.items()}}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_a_configuration_that_is_mostly_brackets(tmp_path):
    """16 KB of a ZIP archive that become half a gigabyte of empty lists."""
    _, path = saved(tmp_path)
    rewritten(path, zipfile.ZIP_DEFLATED, config_json=b"[" + b"[]," * 5_000_000 + b"[]]")
    assert path.stat().st_size < 1 << 17
    with pytest.raises(ValueError, match="decompression bomb"):
        models.load_model(path)


def test_a_compressed_archive_is_read(tmp_path):
    model, path = saved(tmp_path)
    rewritten(path, zipfile.ZIP_DEFLATED)
    np.testing.assert_array_equal(models.load_model(path).get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("text", [b"\xff\xfe{}", "{}".encode("utf-16"), b"{\x80}"])
def test_a_configuration_that_is_no_text(tmp_path, text):
    _, path = saved(tmp_path)
    rewritten(path, config_json=text)
    with pytest.raises(ValueError, match=r"m\.keras.*(UTF-8|JSON)"):
        models.load_model(path)


def test_a_member_before_the_file(tmp_path):
    """The directory's claimed place shifts all members to before the beginning."""
    _, path = saved(tmp_path)
    data = bytearray(path.read_bytes())
    end = data.find(b"PK\x05\x06")
    data[end + 16 : end + 20] = (int.from_bytes(data[end + 16 : end + 20], "little") + 50).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"m\.keras cannot be read"), KerasArchive.open(str(path)) as archive:
        archive.text("metadata.json")


# --- HDF5 ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_data_sets_that_claim_what_is_not_stored(tmp_path, ending, compression):
    """Chunks that were never written take no place in the file; variables of that size would take memory."""
    _, path = saved(tmp_path, ending)
    units = 1 << 26
    inner = tmp_path / "inner.h5"
    inner.write_bytes(members(path)["model.weights.h5"] if ending == "keras" else path.read_bytes())
    with h5py.File(inner, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None)
        for name in names[:2]:  # bias or kernel of the first layer
            shape = tuple(units if n == 3 else n for n in file[name].shape)
            del file[name]
            file.create_dataset(name, shape, "float32", chunks=(*shape[:-1], 1 << 16), compression=compression)
        config = json.loads(members(path)["config.json"] if ending == "keras" else file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["units"] = units
        if ending == "h5":
            file.attrs["model_config"] = json.dumps(config)
    if ending == "keras":
        rewritten(path, config_json=json.dumps(config), model_weights_h5=inner.read_bytes())
    else:
        inner.rename(path)
    with pytest.raises(ValueError, match=r"layer 'd' .*damaged or was made to do harm"):
        models.load_model(path)


def test_chunks_that_were_never_written_have_the_fill_value(tmp_path):
    model, path = saved(tmp_path, "weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars"].create_dataset("0", (4, 3), "float32", chunks=(2, 3), fillvalue=7.0)
        file["layers/dense/vars/0"][:2] = 1.0
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], [[1.0] * 3] * 2 + [[7.0] * 3] * 2)


def test_a_training_state_of_many_claims(tmp_path):
    """Each array of the state is within its bound; together they are not."""
    model, path = saved(tmp_path, "weights.h5")
    model.compile("sgd", "mse")
    x = np.zeros((4, 4), "float32")
    checkpoint = pk.callbacks.ModelCheckpoint(path, save_weights_only=True)
    model.fit(x, x[:, :2], verbose=0, callbacks=[checkpoint])
    with h5py.File(path, "r+") as file:
        for i in range(50):
            file.create_dataset(
                f"training_state/more_{i}", (1 << 20,), "float64", chunks=(1 << 18,), compression="gzip"
            )
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, OSError), match=r"m\.weights\.h5"):
            model.load_weights(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


# --- what is not a file --------------------------------------------------------------------------------------------
@pytest.fixture
def fifo(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path = tmp_path / "pipe.keras"
    os.mkfifo(path)

    def hangs(*_):
        raise AssertionError("waited for a pipe")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(20)
    yield path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_pipes_and_devices_are_not_read(fifo):
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="not a regular file"):
        models.load_model(fifo)
    with pytest.raises(ValueError, match="not a regular file"):
        model.load_weights(fifo)


def test_pipes_and_devices_are_not_replaced(fifo, tmp_path):
    """Root could rename a file over a device, through a link for example."""
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
    link = tmp_path / "link.keras"
    link.symlink_to(fifo)
    for path in (fifo, link):
        with pytest.raises(OSError, match="not a regular file"):
            model.save(path)
    assert fifo.is_fifo()
    assert sorted(os.listdir(tmp_path)) == ["link.keras", "pipe.keras"]


def test_errors_of_the_writer_keep_their_type(tmp_path):
    with pytest.raises(ConnectionError, match=r"^the line is dead$"), atomic_write(tmp_path / "a"):
        raise ConnectionError("the line is dead")


def test_an_index_of_a_group_that_is_its_own_entry(tmp_path):
    pieces = Hdf5Pieces()
    index = pieces.put(b"TREE" + struct.pack("<BBHQQ", 0, 0, 1, UNDEFINED, UNDEFINED) + bytes(24))
    pieces.data[index + 32 : index + 40] = struct.pack("<Q", index)
    root = pieces.header([(0x11, struct.pack("<QQ", index, pieces.heap(bytes(16))))])
    path = tmp_path / "m.weights.h5"
    path.write_bytes(pieces.file(root))
    with pytest.raises(OSError, match="the index of group ''"):
        pk.Sequential([layers.Input((2,)), layers.Dense(1)]).load_weights(path)
