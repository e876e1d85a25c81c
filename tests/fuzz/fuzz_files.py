"""Mutated files, loaded by the thousand: `python tests/fuzz/fuzz_files.py --count 200000`.

Each file is a good one of some format with bytes, words, JSON values or archive members changed. Loading it may succeed
or raise what the functions document: ValueError (and its subclasses), TypeError, OSError, NotImplementedError.
Anything else is a finding: another exception, a crash, more than `--seconds` or `--memory`, and every event by which
code runs or another file is touched (Python's audit hooks: exec, compile, import, marshal, pickle, subprocess, sockets,
open). `--first N --count 1` makes file N again.
"""

from __future__ import annotations

import argparse
import copy
import faulthandler
import io
import json
import multiprocessing
import os
import pathlib
import random
import resource
import signal
import struct
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile

ALLOWED = (ValueError, TypeError, OSError, NotImplementedError)
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


# --- good files -------------------------------------------------------------------------------------------------
def make_seeds(folder: pathlib.Path) -> list[tuple[str, str, bytes]]:
    """(format, what to load it with, bytes) of small good files."""
    import h5py
    import numpy as np

    import pykernels as pk
    from pykernels import callbacks, layers

    pk.utils.set_random_seed(1)
    small = [layers.Dense(3, activation="relu"), layers.Dropout(0.5), layers.Dense(2, kernel_regularizer="l2")]
    stack = pk.Sequential([pk.Input((4,)), *small], name="stack")
    a = pk.Input((4,), name="a")
    b = layers.Reshape((2, 2))(layers.Dense(4, activation="tanh")(a))
    b = layers.Flatten()(b * 2.0 + 1.0)
    graph = pk.Model(a, [stack(b), layers.Softmax()(stack(a))], name="graph")
    stack.compile("adam", "mse", metrics=["mae"])
    x = np.zeros((8, 4), "float32")
    backup = callbacks.BackupAndRestore(folder / "backup", save_freq=1, delete_checkpoint=False)
    stack.fit(x, x[:, :2], batch_size=2, verbose=0, callbacks=[backup])
    seeds = []
    image = pk.Sequential(
        [
            pk.Input((6, 7, 2)),
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2, 2),
            layers.Flatten(),
            layers.Dense(2),
        ],
        name="image",
    )
    for name, model in (("stack", stack), ("graph", graph), ("image", image)):
        for ending in ("keras", "h5"):
            model.save(folder / f"{name}.{ending}")
            seeds.append((ending, "model", (folder / f"{name}.{ending}").read_bytes()))
        for ending in ("weights.h5", "h5"):
            model.save_weights(folder / f"{name}_w.{ending}")
            seeds.append(("weights.h5", name, (folder / f"{name}_w.{ending}").read_bytes()))
        seeds.append(("json", "json", model.to_json().encode()))
    seeds.append(("weights.h5", "stack", (folder / "backup" / "latest.weights.h5").read_bytes()))
    with h5py.File(folder / "chunked.weights.h5", "w") as file:
        for path, weights in (("dense", small[0].weights), ("dense_1", small[2].weights)):
            for i, v in enumerate(weights):
                file.create_dataset(
                    f"layers/{path}/vars/{i}", data=v.numpy(), chunks=True, compression="gzip", shuffle=True
                )
    seeds.append(("weights.h5", "stack", (folder / "chunked.weights.h5").read_bytes()))
    seeds.extend(("weights.h5", "image", _other_weights(image, kind)) for kind in ("theano", "newest"))
    seeds.append(("json", "json", json.dumps(KERAS1).encode()))
    for kind in ("tar", "zip"):
        seeds.append(("archive", kind, _archive(kind)))
    return seeds


def _other_weights(model, kind: str) -> bytes:
    """Weights as Keras 1 on Theano wrote them, or in the newest form of HDF5."""
    import h5py

    from pykernels.utils.naming import to_snake_case

    out = io.BytesIO()
    with h5py.File(out, "w", libver="latest" if kind == "newest" else None) as file:
        if kind == "newest":
            weighted = [layer for layer in model.layers if layer.weights]
            used: dict[str, int] = {}
            for layer in weighted:
                path = to_snake_case(type(layer).__name__)
                used[path] = used.get(path, -1) + 1
                path += f"_{used[path]}" if used[path] else ""
                for i, v in enumerate(layer.weights):
                    file[f"layers/{path}/vars/{i}"] = v.numpy()
        else:
            file.attrs["keras_version"], file.attrs["backend"] = b"1.2.2", b"theano"
            file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
            for layer in model.layers:
                group = file.create_group(layer.name)
                group.attrs["weight_names"] = [v.name.encode() for v in layer.weights]
                for v in layer.weights:
                    group[v.name] = v.numpy().transpose(3, 2, 0, 1) if len(v.shape) == 4 else v.numpy()
    return out.getvalue()


KERAS1 = {
    "class_name": "Sequential",
    "config": [
        {
            "class_name": "Dense",
            "config": {
                "name": "dense_1",
                "output_dim": 3,
                "batch_input_shape": [None, 4],
                "activation": "relu",
                "init": "glorot_uniform",
                "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
                "b_regularizer": None,
                "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
                "trainable": True,
                "input_dtype": "float32",
                "bias": True,
            },
        },
        {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
    ],
    "keras_version": "1.2.2",
}


def _archive(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name in ("a/b.txt", "c.txt"):
                info = tarfile.TarInfo(name)
                info.size = 5
                tar.addfile(info, io.BytesIO(b"12345"))
    else:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("a/b.txt", b"12345" * 100)
            zipped.writestr("c.txt", b"12345")
    return out.getvalue()


# --- mutations --------------------------------------------------------------------------------------------------
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
        kind = rng.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, k = rng.choice(places)
            if k in other if isinstance(other, dict) else k < len(other):
                holder[key] = copy.deepcopy(other[k])
        elif kind == 2 and isinstance(holder, dict):
            holder[rng.choice(("module", "class_name", "config", "units", "name", "registered_name", "x"))] = (
                rng.choice(VALUES)
            )
        elif kind == 3:
            holder[key] = rng.choice(NAMES)
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
    return mutate_bytes(rng, data, others)


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


# --- loading ----------------------------------------------------------------------------------------------------
WATCHED = (
    *("exec", "compile", "marshal.", "pickle.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn"),
    *("socket.", "urllib.", "ctypes.dlopen", "shutil.", "code.__new__"),
)


class Watch:
    """Audit events while a file is loaded."""

    def __init__(self):
        self.active = False
        self.seen: list[str] = []
        self.mine = ""
        self.unpacking = False
        sys.addaudithook(self._hook)

    def _hook(self, event, args):
        if not self.active:
            return
        if event == "shutil.rmtree" and self.unpacking and str(args[0]).startswith(self.mine):
            return
        if event.startswith(WATCHED) or (event == "import" and args[0] not in sys.modules):
            self.seen.append(f"{event} {str(args)[:200]}")
        elif event == "open" and isinstance(args[0], (str, bytes)):
            path = os.fsdecode(args[0])
            inside = self.unpacking and not os.path.isabs(path)  # shutil.rmtree works relative to a folder it has open
            if (
                not inside
                and not path.startswith(self.mine)
                and not path.startswith(("/proc/meminfo", sys.prefix, "/sys"))
            ):
                self.seen.append(f"open {path}")


def loader(pk, folder: pathlib.Path):
    from pykernels.utils.get_file import _UNPACKERS, _unpack

    models = {name: pk.models.load_model(folder / f"{name}.keras") for name in ("stack", "graph", "image")}

    def load(seed, path, text):
        form, target, _ = seed
        if target == "model":
            pk.models.load_model(path)
        elif form == "json":
            pk.models.model_from_json(text)
        elif form == "archive":
            if _UNPACKERS[target][0](path):
                _unpack(pathlib.Path(path), pathlib.Path(path + ".out"), target)
        else:
            models[target].load_weights(path, skip_mismatch=bool(len(text) % 2))

    return load


def work(first: int, last: int, folder: str, options, report) -> None:
    """Loads the files with these numbers; a number is told before its file is loaded."""
    faulthandler.enable()
    signal.signal(signal.SIGPROF, alarm)
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import pykernels as pk

    seeds = make_seeds(pathlib.Path(folder))
    others = [data for _, _, data in seeds]
    load = loader(pk, pathlib.Path(folder))
    for seed in seeds:  # what good files import is imported now
        _one(seed, seed[2], folder, load)
    watch = Watch()
    watch.mine = folder
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + options.memory,) * 2)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    counts = {"loaded": 0, "refused": 0}
    for number in range(first, last):
        rng = random.Random(number)
        seed = rng.choice(seeds)
        data = mutate(rng, seed, others)
        report.send(("at", number, None))
        signal.setitimer(signal.ITIMER_PROF, options.seconds)
        watch.active, watch.unpacking = True, seed[0] == "archive"
        try:
            _one(seed, data, folder, load)
            counts["loaded"] += 1
        except ALLOWED as error:
            counts["refused"] += 1
            if not str(error):
                report.send(("finding", number, "an error without a message"))
        except BaseException as error:
            report.send(("finding", number, f"{type(error).__name__}: {error}"[:500]))
        finally:
            watch.active = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        if watch.seen:
            report.send(("finding", number, f"events: {watch.seen[:5]}"))
            watch.seen.clear()
        outside = [p for p in ("/tmp/evil", os.path.join(os.path.dirname(folder), "evil")) if os.path.exists(p)]
        if outside:
            report.send(("finding", number, f"wrote {outside}"))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - used
    report.send(("end", last, {**counts, "grown_MB": grown >> 20}))


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _one(seed, data: bytes, folder: str, load) -> None:
    path = os.path.join(folder, "x.keras" if seed[0] == "keras" else "x.h5")
    with open(path, "wb") as file:
        file.write(data)
    load(seed, path, data.decode("utf-8", "replace"))


class TooLong(BaseException):
    """A file took too long. Not an OSError, which would be allowed."""


def alarm(*_):
    raise TooLong


def run(options) -> list[tuple[int, str]]:
    """All files; a worker that dies is replaced by one that goes on behind the file that killed it."""
    findings: list[tuple[int, str]] = []
    number, end, batch = options.first, options.first + options.count, options.batch
    totals: dict[str, int] = {}
    began = time.monotonic()
    while number < end:
        last = min(end, number + batch)
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = multiprocessing.Pipe(False)
            process = multiprocessing.get_context("spawn").Process(
                target=work, args=(number, last, folder, options, theirs)
            )
            process.start()
            theirs.close()
            at = number
            while True:
                try:
                    if not ours.poll(options.seconds + 600):
                        findings.append((at, "hangs"))
                        print(f"finding {findings[-1]}", flush=True)
                        process.kill()
                        break
                    kind, at, what = ours.recv()
                except EOFError:
                    process.join()
                    findings.append((at, f"the process died with exit code {process.exitcode}"))
                    print(f"finding {findings[-1]}", flush=True)
                    break
                if kind == "finding":
                    findings.append((at, what))
                    print(f"finding {at}: {what}", flush=True)
                elif kind == "end":
                    for key, value in what.items():
                        totals[key] = max(totals.get(key, 0), value) if "grown" in key else totals.get(key, 0) + value
                    at = last - 1
                    break
            process.join()
            number = at + 1
        print(
            f"{number - options.first} files, {len(findings)} findings, {totals}, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return findings


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--batch", type=int, default=10_000, help="files per process")
    parser.add_argument("--seconds", type=float, default=10.0, help="of processor time per file")
    parser.add_argument("--memory", type=int, default=1 << 30, help="bytes beyond those of good files")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
    found = run(parse())
    for n, what in found:
        print(f"finding {n}: {what}")
    sys.exit(1 if found else 0)
