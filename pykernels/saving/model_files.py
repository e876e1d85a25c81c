"""Whole models in files: `.keras`, and the `.h5` of Keras 1 and 2."""

from __future__ import annotations

import datetime
import json
import os

import numpy as np

from .. import backend, ops
from ..layers.node import outside_traces
from ..user_warning import warn
from ..utils import serialization
from ..utils.atomic import atomic_write
from ..utils.code import provide
from ..utils.load_budget import LoadBudget, load_budget
from . import assets, keras3, legacy_weights, names
from .archive import CONFIG, METADATA, KerasArchive, write_archive
from .checkpoints import remember
from .errors import reading
from .hdf5.reader import Hdf5File, is_hdf5
from .legacy_activations import old_activations
from .legacy_compile import modern_compile
from .legacy_config import is_legacy, modern_model
from .tree import reading_all

provide({"np": np, "numpy": np, "ops": ops, "K": backend, "backend": backend})

_KERAS_VERSION = "3.12.0"  # whose forms these are
# TensorFlow's SavedModel, which Keras 3 does not write either, was what loads again under the same name.
_FORMATS = {"keras": "keras", "tf": "keras", "tensorflow": "keras", "h5": "h5", "hdf5": "h5"}
_TEXT_LIMIT = 1 << 28
_SPARE_NUMBERS = 1 << 16  # variables that files need not hold: counters, states of random generators


# --- writing --------------------------------------------------------------------------------------------------
def save_model(model, filepath, overwrite=True, include_optimizer=True, save_format=None, zipped=None) -> None:
    """See `Model.save`."""
    import h5py

    if hasattr(filepath, "write"):
        target: str | None = None
        form = _format_of("an open file.keras", save_format, zipped)
    else:
        target = path = names.text_of(filepath)
        form = _format_of(path, save_format, zipped)
        if not names.has_ending(path, names.MODEL_ENDINGS):
            target = names.place_of_model(path)
    if form == "keras":
        with serialization.object_sharing_scope():
            config = serialization.serialize_keras_object(model)
        if not include_optimizer:
            config.pop("compile_config", None)
        texts = {METADATA: _metadata(), CONFIG: json_text(config)}
        members = {name: text.encode() for name, text in texts.items()}
        opened = atomic_write(target, overwrite) if target else names.to_open_file(filepath)
        with reading_all(model), opened as file:
            members.update(assets.collect(model))
            write_archive(file, members, lambda h5: keras3.write(model, h5, include_optimizer))
    else:
        attributes = _legacy_attributes(model, include_optimizer)
        opened = atomic_write(target, overwrite) if target else names.to_open_file(filepath)
        with reading_all(model), opened as file, h5py.File(file, "w") as h5:
            for name, value in attributes.items():
                h5.attrs[name] = value
            legacy_weights.write(model, h5.create_group("model_weights"))
            if "training_config" in attributes:
                legacy_weights.write_optimizer(model, h5)


def _format_of(path: str, save_format, zipped) -> str:
    if zipped is False:
        raise ValueError("save(zipped=False) writes a folder in Keras; pykernels writes files only. Use `.keras`.")
    if save_format is not None and str(save_format).lower() in _FORMATS:
        return _FORMATS[str(save_format).lower()]
    if save_format is not None:
        raise ValueError(f"Unknown `save_format` argument: {save_format!r}. Use 'keras' or 'h5'.")
    if path.endswith(".weights.h5"):
        raise ValueError(f"`.weights.h5` files hold weights only: use model.save_weights({path!r}).")
    return "h5" if path.endswith((".h5", ".hdf5")) else "keras"


def _metadata() -> str:
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": _KERAS_VERSION, "date_saved": now})


def json_text(config, **options) -> str:
    """JSON, with NumPy's numbers as plain ones."""

    def default(x):
        if isinstance(x, np.generic):
            return x.item()
        if isinstance(x, np.ndarray):
            return x.tolist()
        raise TypeError(f"The configuration holds {x!r} of type {type(x)}, which cannot be written to a file.")

    return json.dumps(config, default=default, **options)


def _legacy_attributes(model, include_optimizer: bool) -> dict:
    config = _without_modules(serialization.serialize_keras_object(model))
    attributes = {
        "backend": b"tensorflow",
        "keras_version": _KERAS_VERSION.encode(),
        "model_config": json_text({"class_name": config["class_name"], "config": config["config"]}).encode(),
    }
    if include_optimizer and getattr(model, "compiled", False):
        compiled = _without_modules(model.get_compile_config())
        compiled["optimizer_config"] = compiled.pop("optimizer")
        attributes["training_config"] = json_text(compiled).encode()
    return attributes


def _without_modules(config, key=None):
    """The form of Keras 2: classes by name alone; parts of layers stay as they are."""
    if isinstance(config, (list, tuple)):
        return [_without_modules(x) for x in config]
    if not isinstance(config, dict):
        return config
    if isinstance(config.get("class_name"), str) and not config["class_name"].startswith("__"):
        if config["class_name"] == "function":
            return config["config"]
        dropped = ("module", "registered_name", "build_config", "compile_config", "shared_object_id")
        name = config.get("registered_name") or config["class_name"]
        kept = {k: v for k, v in config.items() if k not in dropped}
        inner = kept.get("config")
        if isinstance(inner, dict):
            inner = {k: _without_modules(v) if k in _NESTED else v for k, v in inner.items()}
        own = str(config.get("module")).startswith(("keras", "pykernels"))
        return {**kept, "class_name": config["class_name"] if own else name, "config": inner, **_inbound(kept)}
    return {k: _without_modules(v) for k, v in config.items()}


_NESTED = ("layers",)


def _inbound(entry: dict) -> dict:
    return {"inbound_nodes": entry["inbound_nodes"]} if "inbound_nodes" in entry else {}


# --- reading --------------------------------------------------------------------------------------------------
def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):  # noqa: A002 - Keras's name
    """A model that `Model.save`, or Keras 1, 2 or 3, wrote.

    Args:
        filepath: `.keras` file, or `.h5` file of a whole model; which of them it is, its contents say. Or a name
            without an ending that `Model.save` was given, or an open binary file.
        custom_objects: dict of names and the user's classes and functions.
        compile: whether the model is compiled as it was, with the state of its optimizer.
        safe_mode: False runs the lambdas that the file holds: only for files that you trust.

    Returns:
        The model.

    Raises:
        FileNotFoundError: no such file. OSError: it is damaged. ValueError: it is not a model, or asks for something
        that is refused. TypeError: a class that is not known; pass it in `custom_objects`.
    """
    if hasattr(filepath, "read"):
        with names.from_open_file(filepath) as copy:
            return load_model(copy, custom_objects, compile, safe_mode)
    path = names.text_of(filepath)
    if os.path.isdir(path):
        path = names.model_in(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"File not found: filepath={path}. Please ensure the file is an accessible file.")
    scopes = serialization.safe_mode_scope(safe_mode), serialization.custom_object_scope(custom_objects or {})
    is_file_of_keras_1_or_2 = is_hdf5(path)  # raises for what is not a file
    budget = LoadBudget(path, os.path.getsize(path))
    with reading(path), scopes[0], scopes[1], serialization.object_sharing_scope(), outside_traces(), budget:
        if is_file_of_keras_1_or_2:
            with Hdf5File.open(path) as h5:
                return _load_legacy(path, h5, custom_objects, compile)
        if not KerasArchive.looks_like(path):
            raise ValueError(f"{path} is neither a `.keras` archive nor an HDF5 file, or it is damaged.")
        with KerasArchive.open(path) as archive:
            return _load_archive(path, archive, custom_objects, compile)


def _load_archive(path, archive: KerasArchive, custom_objects, compile):  # noqa: A002
    config = parse_json(archive.text(CONFIG), path)
    h5 = archive.weights()
    if not isinstance(config, dict):
        raise ValueError(f"{path}: the configuration is not that of a model.")
    compile_config = config.pop("compile_config", None) if isinstance(config, dict) else None
    budget = load_budget()
    budget.allow_variables(keras3.numbers_in(h5) + _SPARE_NUMBERS)
    model = build_model(config, custom_objects, path, _version(archive, path))
    compiled = compile and compile_config and _compile(model.compile_from_config, modern_compile(compile_config), path)
    keras3.read(model, h5, skip_mismatch=False)
    assets.restore(model, archive)
    if compiled and model.compiled and not keras3.has_optimizer(h5):
        warn(f"{path} has no state of the optimizer '{model.optimizer.name}', which starts afresh.")
    budget.fill_rest()
    remember(model, h5)
    archive.finish()
    return model


def _version(archive: KerasArchive, path: str) -> str | None:
    """The version of Keras that wrote the archive."""
    metadata = parse_json(archive.text(METADATA), path) if METADATA in archive else None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else None


def _load_legacy(path, h5: Hdf5File, custom_objects, compile):  # noqa: A002
    text = h5.attrs.get("model_config")
    if not isinstance(text, str):
        raise ValueError(
            f"No model config found in the file at {path}: it holds weights only. Build the model in code and use "
            "model.load_weights()."
        )
    root = legacy_weights.weights_root(h5)
    if root is None:
        raise ValueError(f"{path} has no weights.")
    budget = load_budget()
    datasets = [d for entry in legacy_weights.saved_layers(root) for d in entry.datasets]
    budget.allow_variables(h5.numbers_of(datasets) + _SPARE_NUMBERS)
    model = build_model(parse_json(text, path), custom_objects, path, h5.attrs.get("keras_version"))
    if not model.built:
        raise ValueError(
            f"{path}: the class {type(model).__name__} of the model makes its variables when it is first called, and "
            "the file does not say for which input shape. Make the model in code, call it or build() it, and use "
            "model.load_weights()."
        )
    done = legacy_weights.read(model, h5, skip_mismatch=False, by_name=False)
    budget.fill_rest()
    training = h5.attrs.get("training_config")
    if not compile:
        return model
    if not isinstance(training, str):
        warn(
            f"No training configuration found in the save file {path}, so the model was *not* compiled. Compile it "
            "manually."
        )
    elif (
        _compile(model._compile_with, modern_compile(parse_json(training, path), h5.attrs.get("keras_version")), path)
        and model.compiled
    ):
        legacy_weights.read_optimizer(model, h5, done)
    return model


def parse_json(text: str, path: str):
    """JSON from a file. Raises ValueError for text that is not JSON, too long, or nested too deep."""
    if len(text) > _TEXT_LIMIT:
        raise ValueError(f"{path}: the configuration has {len(text)} characters, more than any model has.")
    budget = load_budget()
    if budget is not None:
        budget.values(text)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{path}: the configuration is nested too deep to be that of a model.") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: the configuration is not valid JSON ({error}). The file is damaged.") from error
    except ValueError as error:  # Python's bound on the digits of an integer
        raise ValueError(f"{path}: the configuration has a number with thousands of digits.") from error


def build_model(config, custom_objects, path: str, version: str | None = None):
    """The model of a configuration of any era; `version` is that of Keras, where the file says it elsewhere.

    Raises:
        ValueError: it is not the configuration of a layer or model. TypeError: an unknown class.
    """
    version = version or (config.get("keras_version") if isinstance(config, dict) else None)
    is_old = str(version)[:2] in ("0.", "1.", "2.") if version else is_legacy(config)
    config = modern_model(config)
    if is_old:
        config = old_activations(config)
    model = serialization.deserialize_keras_object(config, custom_objects)
    if not hasattr(model, "load_weights"):
        raise ValueError(f"{path}: the configuration is that of {type(model).__name__}, not of a model.")
    return model


def _compile(compile_with, config, path: str) -> bool:
    """Compiles; a loss or metric that is not known leaves the model uncompiled, with a warning."""
    try:
        compile_with(config)
    except (TypeError, ValueError) as error:
        warn(
            f"{path}: the model was not compiled, since the training configuration cannot be restored: {error} Pass "
            "`custom_objects`, or call compile() yourself; predict() works."
        )
        return False
    return True
