"""Small good files of every format, which the fuzzer changes."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import tarfile
import zipfile

import hostile_files

import pykernels as pk
from pykernels import callbacks, layers
from pykernels.utils.naming import to_snake_case


def make_seeds(folder: pathlib.Path) -> list[tuple[str, str, bytes]]:
    """(format, what to load it with, bytes) of small good files."""
    import h5py
    import numpy as np

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
    seeds.extend(_hostile())
    seeds.extend(_data())
    return seeds


def _hostile() -> list[tuple[str, str, bytes]]:
    """Small ones of the files that ask for more than they have."""
    seeds = [("keras", "model", make(20)) for make in hostile_files.MODEL_FILES.values()]
    return seeds + [("weights.h5", "stack", make(20)) for make in hostile_files.WEIGHTS_FILES.values()]


def _data() -> list[tuple[str, str, bytes]]:
    """Data sets and images."""
    import numpy as np
    from PIL import Image

    arrays = {"x_train": np.zeros((3, 4, 4), "u1"), "y_train": np.zeros(3, "u1")}
    arrays |= {"x_test": np.ones((2, 4, 4), "u1"), "y_test": np.ones(2, "u1")}
    seeds = []
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(out, **arrays)
        seeds.append(("npz", "data", out.getvalue()))
    array = bytes((0, 0, 8, 3)) + b"".join(n.to_bytes(4, "big") for n in (3, 4, 4)) + bytes(48)
    seeds += [("idx", "data", array), ("gz", "data", gzip.compress(array))]
    image = Image.fromarray(np.arange(192, dtype="u1").reshape(8, 8, 3))
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM"):
        out = io.BytesIO()
        image.save(out, form)
        seeds.append(("image", "data", out.getvalue()))
    return seeds


def _other_weights(model, kind: str) -> bytes:
    """Weights as Keras 1 on Theano wrote them, or in the newest form of HDF5."""
    import h5py

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
