"""Writes the files of `tests/gallery`: small models, by the version of Keras that this interpreter imports.

    python tests/gallery/write.py OUT.tar.xz [--backend theano] [--only dense,convnet] [--lean] [--keras tf_keras]

Each family of `families.py` becomes files of every format that this version writes, and `FAMILY.npz` with what it
predicted (`y`), and predicted after one more step of training (`next`). Keras 1 has its own families, since all names
were others (`families1.py`). The old versions run on Python 3.11 with Theano 1.0.5 and NumPy 1.23, or with TensorFlow
2.12 through its names of version 1.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
import tarfile
import tempfile
import traceback

import numpy as np


def old_names_of_python():
    """What Python and NumPy had when Theano and Keras 1 were written."""
    import collections
    import collections.abc
    import inspect

    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(inspect, "getargspec"):
        inspect.ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
        inspect.getargspec = lambda f: inspect.ArgSpec(*inspect.getfullargspec(f)[:4])


def import_keras(name: str, backend: str | None, version1: bool):
    old_names_of_python()
    if backend == "theano":
        os.environ["THEANO_FLAGS"] = "cxx=,device=cpu,floatX=float32,optimizer=None,blas.ldflags="
        import numpy.distutils.__config__ as blas
        import scipy.signal._signaltools
        import scipy.signal._sigtools

        blas.blas_opt_info = {}
        sys.modules["scipy.signal.signaltools"] = scipy.signal._signaltools
        sys.modules["scipy.signal.sigtools"] = scipy.signal._sigtools
        import theano.ifelse  # noqa: F401 - Keras takes it for imported
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    if version1:
        import version1_of_tensorflow

        version1_of_tensorflow.install()
    keras = importlib.import_module("tensorflow").keras if name == "tf.keras" else importlib.import_module(name)
    if not hasattr(keras, "layers"):
        for part in ("layers", "models", "optimizers", "regularizers", "constraints", "backend", "activations"):
            importlib.import_module(f"{name}.{part}")
    return keras


class Library:
    """The module with what differs between versions."""

    def __init__(self, keras):
        self.text = getattr(keras, "__version__", None) or importlib.import_module("keras").__version__  # of tf.keras
        parts = ("layers", "models", "optimizers", "losses", "metrics", "regularizers", "constraints", "activations")
        for part in parts:
            module = "objectives" if part == "losses" and self.text[0] in "01" else part
            setattr(self, part, getattr(keras, module, None) or importlib.import_module(f"{keras.__name__}.{module}"))
        self.initializers = getattr(keras, "initializers", None)
        self.keras = keras
        self.old_resizing = os.environ.get("KERAS_BACKEND") == "theano" or "version1_of_tensorflow" in sys.modules
        self.merge = getattr(self.layers, "merge", None)
        self.version = tuple(int(n) for n in self.text.split(".")[:3] if n.isdigit())
        self.mean = keras.ops.mean if self.version >= (3,) else keras.backend.mean


def randomize(model, backend):
    """Weights that no initializer gives, so that a layer that kept its own is found out."""
    rng = np.random.RandomState(3)
    names = [getattr(w, "path", w.name) for w in model.weights]
    old = hasattr(backend, "batch_set_value")
    values = []
    # In Keras 1 and 2, `get_weights` had another order than `weights`.
    for name, value in zip(names, backend.batch_get_value(model.weights) if old else model.get_weights(), strict=True):
        fixed = value.dtype.kind != "f" or "seed" in name or "count" in name or value.ndim == 0
        values.append(
            value if fixed else rng.uniform(0.2, 0.9, value.shape).astype(value.dtype) * sign(rng, name, value)
        )
    if old:
        backend.batch_set_value(list(zip(model.weights, values, strict=True)))
    else:
        model.set_weights(values)


def sign(rng, name, value):
    positive = any(part in name for part in ("variance", "std", "gamma"))
    return np.ones(value.shape, value.dtype) if positive else rng.choice([-1, 1], value.shape).astype(value.dtype)


def write_family(library, name, make, lean):
    """{file name: bytes} of one family."""
    backend = getattr(library.keras, "backend", None)
    if hasattr(backend, "clear_session"):
        backend.clear_session()
    np.random.seed(0)
    case = make(library)
    model = case.model
    if library.version >= (2, 2) or model.weights:
        model.predict(case.x, **quiet(library))
    if model.weights and case.random:
        randomize(model, backend)
    if case.y is not None:
        train(library, case)
        train(library, case)
    arrays = {}
    for i, x in enumerate(case.x if isinstance(case.x, list) else [case.x]):
        arrays[f"x{i}"] = x
    keep(arrays, "y", model.predict(case.x, **quiet(library)))
    for i, y in enumerate([] if case.y is None else case.y if isinstance(case.y, list) else [case.y]):
        arrays[f"t{i}"] = y
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for ending, save in writers(library, model, lean, case):
            path = os.path.join(folder, name + ending)
            try:
                save(path)
            except Exception as error:  # whatever this version cannot write is left out, and said
                print(f"  {name}{ending}: {type(error).__name__}: {str(error)[:200]}")
                continue
            with open(path, "rb") as file:
                files[name + ending] = file.read()
    # There, Adam of Keras 1 may or may not see the counter that the step is changing.
    torn = library.version < (2,) and "version1_of_tensorflow" in sys.modules
    if case.step and not (torn and type(model.optimizer).__name__ == "Adam"):
        averages = [w for w in model.weights if "moving_" in w.name or "running_" in w.name]
        before = [read(w, backend) for w in averages]
        train(library, case)
        for w, value in zip(averages, before, strict=True):
            assign(w, value, backend)  # versions move them differently
        keep(arrays, "next", model.predict(case.x, **quiet(library)))
    out = io.BytesIO()
    np.savez(out, **arrays)
    files[name + ".npz"] = out.getvalue()
    return files


def read(variable, backend):
    return backend.get_value(variable) if hasattr(backend, "get_value") else np.asarray(variable)


def assign(variable, value, backend):
    if hasattr(backend, "set_value"):
        backend.set_value(variable, value)
    else:
        variable.assign(value)


def train(library, case):
    """One step."""
    case.model.train_on_batch(case.x, case.y)


def quiet(library):
    return {} if library.version < (1,) else {"verbose": 0}


def keep(arrays, key, value):
    for i, y in enumerate(value if isinstance(value, (list, tuple)) else [value]):
        arrays[f"{key}{i}"] = np.asarray(y)


def writers(library, model, lean, case):
    """(ending, function that writes) of the formats of this version."""

    def json_text(path):
        text = model.to_json()
        json.loads(text)
        with open(path, "w") as file:
            file.write(text)

    def save(path):
        if path.endswith(".keras") and library.version < (2, 13):
            model.save(path, save_format="keras_v3")  # by default it wrote HDF5 under this name
        else:
            model.save(path)

    def weights(path):
        model.save_weights(path)

    archive = (".keras", save) if library.version >= (2, 12) else None
    main = [archive] if archive else [(".h5", save)]
    if lean:
        return main
    is_subclass = type(model).__name__ == "Block"  # whose `.h5` nobody could read
    rest = [(".h5", save)] if archive and not is_subclass else []
    if archive:
        rest.append((".weights.h5", weights))
    if library.version < (3,):
        rest.append(("-weights.h5", weights))
    return [*main, *rest, (".json", json_text)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--keras", default="keras")
    parser.add_argument("--backend")
    parser.add_argument("--version1", action="store_true", help="TensorFlow 2 with its names of version 1")
    parser.add_argument("--only", default="")
    parser.add_argument("--full", default="dense,nested,operators,images_th", help="families in all formats")
    options = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    library = Library(import_keras(options.keras, options.backend, options.version1))
    families = importlib.import_module("families" if library.version >= (2,) else "families1")
    for more in ("graphs", "functions", "images", "training") if library.version >= (2,) else ():
        importlib.import_module(f"families_{more}")
    library.custom = (
        importlib.import_module("families_training").custom_objects(library) if library.version >= (2,) else {}
    )
    wanted = options.only.split(",") if options.only else list(families.FAMILIES)
    full = list(families.FAMILIES) if options.full == "all" else options.full.split(",")
    with tarfile.open(options.out, "w:xz", preset=9) as out:
        for name in wanted:
            try:
                files = write_family(library, name, families.FAMILIES[name], name not in full)
            except families.Lacks as error:
                print(f"  {name}: lacks {error}")
                continue
            except Exception:
                print(f"  {name}: {traceback.format_exc(limit=-1)[-300:]}")
                continue
            for key, data in sorted(files.items()):
                info = tarfile.TarInfo(key)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    print(f"{options.out}: {library.text}, {os.path.getsize(options.out)} bytes")


if __name__ == "__main__":
    main()
