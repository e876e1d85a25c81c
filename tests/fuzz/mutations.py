"""How the fuzzer changes a file: bytes, words, JSON values, members of archives."""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import sys
import warnings
import zipfile

from checksums import with_checksums

WORDS = (
    0,
    1,
    2,
    7,
    8,
    255,
    256,
    65535,
    1 << 31,
    (1 << 32) - 1,
    1 << 40,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
NAMES = (
    *("Dense", "Lambda", "Functional", "Sequential", "InputLayer", "function", "__lambda__", "__numpy__", "__tuple__"),
    *("__keras_tensor__", "GraphOp", "os.system", "eval", "get_file", "load_model", "Model", "Activation", "Reshape"),
)
VALUES = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        10**12,
        -(10**20),
        1 << 31,
        1 << 63,
        1 << 64,
        10**400,
        1e308,
        float("inf"),
        float("nan"),
        "",
        "/",
        "..",
        "a" * 5000,
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"class_name": None},
        {"class_name": "Dense"},
        {"class_name": "os.system", "config": "true"},
    ),
    {"class_name": "function", "config": "eval", "module": "builtins"},
    {"class_name": "__lambda__", "config": {"value": {"code": "4wEAAAA=", "defaults": None, "closure": None}}},
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
    {"module": "pykernels.utils", "class_name": "get_file", "config": {"origin": "http://localhost/x"}},
    {
        "module": "keras.saving",
        "class_name": "load_model",
        "config": {"filepath": "/etc/passwd"},
        "registered_name": "x",
    },
)


def mutate_bytes(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8, 32))):
        if not data:
            return b""
        at = rng.randrange(min(len(data), rng.choice((64, 512, 4096, len(data)))))
        kind = rng.randrange(9)
        if kind <= 2:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            data[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif kind in (4, 5):
            size = rng.choice((2, 4, 8))
            at -= at % rng.choice((1, size))
            value = rng.choice((*WORDS, len(data), rng.randrange(len(data))))
            data[at : at + size] = struct.pack("<Q", value)[:size]
        elif kind == 6:
            length = rng.randrange(1, 64)
            source = rng.randrange(len(data))
            data[at : at + length] = data[source : source + length]
        elif kind == 7:
            del data[at : at + rng.choice((1, 8, 64, len(data)))]
        else:
            other = rng.choice(others)
            start = rng.randrange(max(1, len(other)))
            data[at:at] = other[start : start + rng.randrange(1, 200)]
    return bytes(data)


def _copies(item, count: int) -> list:
    """Copies of a layer, or of anything, with other names."""
    copies = [copy.deepcopy(item) for _ in range(count)]
    for i, made in enumerate(copies):
        for part in (made, made.get("config") if isinstance(made, dict) else None):
            if isinstance(part, dict) and isinstance(part.get("name"), str):
                part["name"] = f"{part['name']}_{i}"
    return copies


def mutate_json(rng: random.Random, config):
    config = copy.deepcopy(config)
    for _ in range(rng.choice((1, 1, 2, 4))):
        places: list = []

        def collect(x, places=places):
            for key in list(x) if isinstance(x, dict) else range(len(x)):
                places.append((x, key))
                if isinstance(x[key], (dict, list)):
                    collect(x[key])

        collect(config)
        if not places:
            return config
        holder, key = rng.choice(places)
        kind = rng.randrange(10)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, k = rng.choice(places)
            if k in other if isinstance(other, dict) else k < len(other):
                holder[key] = copy.deepcopy(other[k])
        elif kind == 2 and isinstance(holder, dict):
            key = rng.choice(("module", "class_name", "config", "units", "name", "registered_name", "x"))
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        elif kind == 3:
            holder[key] = rng.choice(NAMES)
        elif kind == 8 and isinstance(holder[key], list):
            holder[key].reverse()
        elif kind == 9 and isinstance(holder, list):
            holder.extend(_copies(holder[key], rng.choice((2, 30, 300))))
        elif kind == 4:
            for _ in range(rng.choice((2, 30, 150, 1200))):
                deeper = {"class_name": "Sequential", "config": holder[key]}
                holder[key] = [holder[key]] if rng.random() < 0.5 else deeper
            return config
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    return config


def _json_text(config) -> str:
    sys.setrecursionlimit(100_000)
    try:
        return json.dumps(config)
    except ValueError:  # numbers with thousands of digits
        return "{}"
    finally:
        sys.setrecursionlimit(1000)


def mutate(rng: random.Random, seed: tuple[str, str, bytes], others: list[bytes]) -> bytes:
    form, _, data = seed
    if form == "json" and rng.random() < 0.8:
        return _json_text(mutate_json(rng, json.loads(data))).encode()
    if form == "keras" and rng.random() < 0.8:
        return _mutate_archive(rng, data, others)
    if form == "h5" and rng.random() < 0.3:
        return _mutate_attribute(rng, data)
    changed = mutate_bytes(rng, data, others)
    return with_checksums(changed) if rng.random() < 0.5 else changed  # else few files of HDF5's newer forms get far


def _mutate_archive(rng, data: bytes, others) -> bytes:
    """A member is changed, and the checksums fit."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        members = [(i.filename, old.read(i)) for i in old.infolist()]
        chosen = rng.choice(("config.json", "config.json", "model.weights.h5", "model.weights.h5", "names"))
        for name, content in members:
            if name == chosen == "config.json":
                content = _json_text(mutate_json(rng, json.loads(content))).encode()
            elif name == chosen:
                content = mutate_bytes(rng, content, others)
                content = with_checksums(content) if rng.random() < 0.5 else content
            if chosen == "names" and rng.random() < 0.5:
                name = rng.choice(
                    ("../../evil", "/tmp/evil", "config.json", "model.weights.h5", "assets/x", "model.weights.npz")
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
                new.writestr(name, content, method)
    return out.getvalue()


def _mutate_attribute(rng, data: bytes) -> bytes:
    import h5py

    out = io.BytesIO(data)
    with h5py.File(out, "r+") as file:
        name = rng.choice(sorted(file.attrs))
        if name.endswith("_config"):
            file.attrs[name] = _json_text(mutate_json(rng, json.loads(file.attrs[name]))).encode()
        else:
            file.attrs[name] = rng.choice(("", "1.2.2", "theano", 3, [1, 2], b"\xff\xfe"))
    return out.getvalue()
