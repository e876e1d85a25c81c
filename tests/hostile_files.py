"""Files that ask for far more work or memory than they have bytes, at any size: for tests and the fuzz program."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np

UNDEFINED = 0xFFFFFFFFFFFFFFFF


# --- archives ----------------------------------------------------------------------------------------------------
def archive(config, weights: bytes | None = None, compression=zipfile.ZIP_DEFLATED, **extra) -> bytes:
    """A `.keras` file of a configuration and the HDF5 file of its weights."""
    out = io.BytesIO()
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    with zipfile.ZipFile(out, "w", compression) as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.12.0", "date_saved": "2025-01-01@00:00:00"}))
        file.writestr("config.json", text)
        file.writestr("model.weights.h5", no_weights() if weights is None else weights)
        for name, data in extra.items():
            file.writestr(name, data)
    return out.getvalue()


def no_weights() -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_group("layers")
        file.create_group("vars")
    return out.getvalue()


# --- configurations ----------------------------------------------------------------------------------------------
def layer(kind: str, name: str, nodes=None, **config) -> dict:
    entry = {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}}
    return entry if nodes is None else {**entry, "name": name, "inbound_nodes": nodes}


def tensor(name: str, call: int = 0) -> dict:
    history = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


def node(*args) -> dict:
    return {"args": list(args), "kwargs": {}}


def sequential(layers: list, name: str = "stack") -> dict:
    first = layer("InputLayer", "x", batch_shape=[None, 4], dtype="float32")
    config = {"name": name, "layers": [first, *layers], "build_input_shape": [None, 4]}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def functional(entries: list, end: list, name: str = "graph") -> dict:
    first = layer("InputLayer", "x", [], batch_shape=[None, 4], dtype="float32")
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [end]}
    config = {"name": name, "layers": [first, *entries], **ends}
    return {"module": "keras.models", "class_name": "Functional", "config": config}


def long_sequential(count: int) -> dict:
    return sequential([layer("Flatten", str(i)) for i in range(count)])


def chain(count: int, backwards: bool) -> dict:
    """A functional model of `count` layers in a row, listed from the end where `backwards`."""
    entries = [layer("Flatten", str(i), [node(tensor("x" if i == 0 else str(i - 1)))]) for i in range(count)]
    return functional(entries[::-1] if backwards else entries, [str(count - 1), 0, 0])


def legacy_chain(count: int) -> dict:
    """The same in the form of Keras 2, from the end."""
    entries = [
        {
            "class_name": "Flatten",
            "config": {"name": str(i)},
            "name": str(i),
            "inbound_nodes": [[["x" if i == 0 else str(i - 1), 0, 0, {}]]],
        }
        for i in range(count)
    ]
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 4]}, "name": "x"}
    config = {
        "name": "m",
        "layers": [*entries[::-1], {**first, "inbound_nodes": []}],
        "input_layers": [["x", 0, 0]],
        "output_layers": [[str(count - 1), 0, 0]],
    }
    return {"class_name": "Model", "config": config}


def one_layer_called(count: int) -> dict:
    """One layer, called on its own result `count` times, the calls listed from the end."""
    nodes = [node(tensor("x" if i == 0 else "a", 0 if i == 0 else i - 1)) for i in range(count)]
    return functional([layer("Flatten", "a", nodes)], ["a", count - 1, 0])


def stack_called(layers: int, calls: int) -> dict:
    """A model of `layers` layers, called `calls` times."""
    inner = sequential([layer("Flatten", f"f{i}") for i in range(layers)], "inner")
    nodes = [node(tensor("x" if i == 0 else "inner", 0 if i == 0 else i - 1)) for i in range(calls)]
    return functional([{**inner, "name": "inner", "inbound_nodes": nodes}], ["inner", calls, 0])


def models_calling_twice(levels: int) -> dict:
    """Each of the levels calls the next one twice."""
    inner = layer("Activation", "m", activation="relu")
    for level in range(levels):
        end = ["m", 1 if level == 0 else 2, 0]
        inner = functional([{**inner, "name": "m", "inbound_nodes": [node(tensor("x")), node(tensor("m"))]}], end, "m")
    return inner


def wide_addition(count: int) -> dict:
    """`count` layers on one input, and the sum of their results."""
    entries = [layer("Flatten", str(i), [node(tensor("x"))]) for i in range(count)]
    total = layer("Add", "sum", [node([tensor(str(i)) for i in range(count)])])
    return functional([total, *entries], ["sum", 0, 0])


# --- HDF5, piece by piece ----------------------------------------------------------------------------------------
class Hdf5Pieces:
    """Writes HDF5 structures (File Format Specification 3.0, version 0) at the end of a growing file."""

    def __init__(self):
        self.data = bytearray(96)

    def put(self, piece: bytes) -> int:
        """The address of the piece."""
        self.data.extend(bytes(-len(self.data) % 8))
        address = len(self.data)
        self.data.extend(piece)
        return address

    def header(self, messages: list[tuple[int, bytes]]) -> int:
        body = b""
        for kind, content in messages:
            content += bytes(-len(content) % 8)
            body += struct.pack("<HHBxxx", kind, len(content), 0) + content
        return self.put(struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body)

    def heap(self, names: bytes) -> int:
        start = self.put(names)
        return self.put(b"HEAP" + struct.pack("<B3xQQQ", 0, len(names), 1, start))

    def table(self, entries: list[tuple[int, int]]) -> int:
        """The index of a group: (offset of the name in the heap, address of the object)."""
        body = b"".join(struct.pack("<QQII16x", name, address, 0, 0) for name, address in entries)
        node = self.put(b"SNOD" + struct.pack("<BxH", 1, len(entries)) + body)
        return self.put(
            b"TREE" + struct.pack("<BBHQQ", 0, 0, 1, UNDEFINED, UNDEFINED) + struct.pack("<QQQ", 0, node, 0)
        )

    def group(self, names: list[tuple[bytes, int]], messages=()) -> int:
        """A group of (name, address of the object)."""
        heap, entries = bytearray(8), []
        for name, address in names:
            entries.append((len(heap), address))
            heap.extend(name + bytes(8 - len(name) % 8))
        return self.header([*messages, (0x11, struct.pack("<QQ", self.table(entries), self.heap(bytes(heap))))])

    def attribute(self, name: bytes, dtype: bytes, space: bytes, values: bytes) -> tuple[int, bytes]:
        def padded(part):
            return part + bytes(-len(part) % 8)

        name += b"\0"
        sizes = struct.pack("<BxHHH", 1, len(name), len(dtype), len(space))
        return 12, sizes + padded(name) + padded(dtype) + padded(space) + values

    def global_heap(self, value: bytes) -> int:
        size = 32 + len(value) + 8
        head = b"GCOL" + struct.pack("<B3xQ", 1, size) + struct.pack("<HHxxxxQ", 1, 1, len(value))
        return self.put(head + value + bytes(8))

    def file(self, root: int) -> bytes:
        signature = b"\x89HDF\r\n\x1a\n" + bytes((0, 0, 0, 0, 0, 8, 8, 0)) + struct.pack("<HHI", 4, 16, 0)
        ends = struct.pack("<QQQQ", 0, UNDEFINED, len(self.data), UNDEFINED)
        self.data[:96] = (signature + ends + struct.pack("<QQII16x", 0, root, 0, 0)).ljust(96, b"\0")[:96]
        return bytes(self.data)


_VAR_STRING = bytes((0x19, 1, 0, 0)) + struct.pack("<I", 16) + bytes((0x10, 0, 0, 0)) + struct.pack("<IHH", 1, 0, 8)


def _space(*shape: int) -> bytes:
    return struct.pack("<BBBxxxxx", 1, len(shape), 0) + struct.pack(f"<{len(shape)}Q", *shape)


def shared_name(count: int) -> bytes:
    """`count` entries of a group share one name of 200 * count bytes."""
    pieces = Hdf5Pieces()
    empty = pieces.group([])
    names = bytes(8) + b"n" * (200 * count) + bytes(8)
    entries = [(8 + i, empty) for i in range(count)]
    layers = pieces.header([(0x11, struct.pack("<QQ", pieces.table(entries), pieces.heap(names)))])
    return pieces.file(pieces.group([(b"layers", layers), (b"vars", empty)]))


def shared_header(count: int) -> bytes:
    """`count` names for one object whose header has as many messages."""
    pieces = Hdf5Pieces()
    large = pieces.header([(0, bytes(8))] * count)
    names = [(b"n%d" % i, large) for i in range(count)]
    return pieces.file(pieces.group([(b"layers", pieces.group(names)), (b"vars", pieces.group([]))]))


def shared_string(count: int) -> bytes:
    """A list of `count` names, which are one text of 200 * count bytes."""
    pieces = Hdf5Pieces()
    text = b"/".join([b"n" * 99] * (2 * count))
    heap = pieces.global_heap(text)
    refs = struct.pack("<IQI", len(text), heap, 1) * count
    names = [pieces.attribute(b"layer_names", _VAR_STRING, _space(count), refs)]
    return pieces.file(pieces.group([(b"a", pieces.group([]))], names))


def repeated_layers(count: int) -> bytes:
    """`layer_names` lists one group `count` times, and the group one array as often."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.attrs["layer_names"] = np.array([b"a"] * count)
        file.create_group("a").attrs["weight_names"] = np.array([b"w"] * count)
        file["a/w"] = np.zeros(1, "float32")
    return out.getvalue()


def deep_groups(count: int) -> bytes:
    """Groups within groups, each with a name of 100 bytes."""
    pieces = Hdf5Pieces()
    inner = pieces.group([])
    for _ in range(count):
        inner = pieces.group([(b"n" * 100, inner)])
    return pieces.file(pieces.group([(b"layers", inner), (b"vars", pieces.group([]))]))


def cyclic_group(count: int) -> bytes:
    """A group whose `count` entries are the group itself."""
    pieces = Hdf5Pieces()
    start = pieces.put(bytes(64))
    names = [(b"n%d" % i, start) for i in range(count)]
    header = pieces.group(names)
    length = len(pieces.data) - header
    pieces.data[start : start + length] = pieces.data[header : header + length]
    return pieces.file(pieces.group([(b"layers", start), (b"vars", pieces.group([]))]))


def wide_chunks(count: int) -> bytes:
    """An array (count, 4) in chunks (1, 64 * 4 * count), each of them compressed."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        dataset = file.create_dataset(
            "layers/dense/vars/0", (count, 3), "float32", maxshape=(None, None), chunks=(1, 64 * count), compression=9
        )
        dataset[...] = 0
        file["layers/dense/vars/1"] = np.zeros(3, "float32")
        file.create_group("vars")
    return out.getvalue()


def twice_deflated(size: int) -> bytes:
    """An array of `size` bytes of zeros, deflated twice."""
    out = io.BytesIO()
    count = size // 16
    with h5py.File(out, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((count, 4))
        plist.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
        plist.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (9,))
        group = file.create_group("layers/dense/vars")
        space = h5py.h5s.create_simple((count, 4))
        dataset = h5py.h5d.create(group.id, b"0", h5py.h5t.IEEE_F32LE, space, plist)
        once = zlib.compress(bytes(count * 16), 9)
        dataset.write_direct_chunk((0, 0), zlib.compress(once, 9))
        file["layers/dense/vars/1"] = np.zeros(4, "float32")
        file.create_group("vars")
    return out.getvalue()


def dense_config(inputs: int, units: int) -> dict:
    first = layer("InputLayer", "x", batch_shape=[None, inputs], dtype="float32")
    dense = {**layer("Dense", "dense", units=units), "build_config": {"input_shape": [None, inputs]}}
    config = {"name": "stack", "layers": [first, dense], "build_input_shape": [None, inputs]}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def many_members(count: int) -> bytes:
    """An archive of a model and `count` empty members."""
    return archive(long_sequential(1), compression=zipfile.ZIP_STORED, **{f"m{i}": b"" for i in range(count)})


def brackets(count: int) -> bytes:
    """A configuration of `count` empty lists."""
    return archive("[" + "[]," * count + "[]]")


# Each maker takes a number in proportion to the size of the file.
MODEL_FILES = {
    "shared name": lambda n: archive(long_sequential(1), shared_name(n)),
    "shared header": lambda n: archive(long_sequential(1), shared_header(n)),
    "deep groups": lambda n: archive(long_sequential(1), deep_groups(n)),
    "cyclic group": lambda n: archive(long_sequential(1), cyclic_group(n)),
    "wide chunks": lambda n: archive(dense_config(n, 3), wide_chunks(n)),
    "twice deflated": lambda n: archive(dense_config(n << 14, 4), twice_deflated(n << 18)),
    "long sequential": lambda n: archive(long_sequential(8 * n)),
    "backward chain": lambda n: archive(chain(8 * n, True)),
    "chain": lambda n: archive(chain(8 * n, False)),
    "backward chain of Keras 2": lambda n: archive(legacy_chain(8 * n)),
    "one layer called": lambda n: archive(one_layer_called(8 * n)),
    "stack called": lambda n: archive(stack_called(2 * n, 2 * n)),
    "models calling twice": lambda n: archive(models_calling_twice(n.bit_length() + 10)),
    "wide addition": lambda n: archive(wide_addition(8 * n)),
    "many members": many_members,
    "brackets": lambda n: brackets(1000 * n),
}
WEIGHTS_FILES = {"shared string": shared_string, "repeated layers": repeated_layers}
