"""Weights in HDF5: Keras 3's `.weights.h5` layout, and the layout of Keras 1 and 2 (`.h5`, `.hdf5`).

Keras 3: a group per layer, `layers/dense/vars/0`, where "dense" is the class in snake case, numbered by place;
`optimizer/vars/...`. Earlier: a group per layer name, listed in the attribute "layer_names", each with "weight_names".
"""

from __future__ import annotations

import os
import tempfile

import numpy as np

from ..layers.state import LayerState
from ..user_warning import warn
from ..utils.naming import to_snake_case

_ENDINGS = (".weights.h5", ".h5", ".hdf5")


# --- writing --------------------------------------------------------------------------------------------------
def save_weights(model, path: str, overwrite: bool) -> None:
    """See `Model.save_weights`."""
    if not path.endswith(_ENDINGS):
        raise ValueError(
            f"The filename must end in `.weights.h5`. Received: filepath={path}. (`.h5` and `.hdf5` are taken too, and "
            "give the layout of Keras 2.)"
        )
    if not model.built:
        raise ValueError(
            f"Model '{model.name}' has no weights to save yet: build it with model.build(input_shape) or train it."
        )
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"The file {path} is already there. Pass overwrite=True to replace it.")
    write = _write_keras3 if path.endswith(".weights.h5") else _write_legacy
    _write_atomically(path, lambda file: write(model, file))


def _write_atomically(path: str, write) -> None:
    import h5py

    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {folder}. Make it first: os.makedirs.")
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            write(file)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes private files
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _write_keras3(model, file) -> None:
    for path, holder in _keras3_tree(model):
        group = file.require_group(f"{path}/vars" if path else "vars")
        group.attrs["name"] = holder.name
        for i, variable in enumerate(_variables_of(holder)):
            group[str(i)] = variable.array


def _variables_of(holder) -> list:
    return holder._own_variables() if isinstance(holder, LayerState) else holder.variables


def _keras3_tree(model, optimizer=True):
    """(path in the file, layer or optimizer), as Keras 3 walks a model."""
    seen = {id(model)}
    yield "", model
    yield from _children(model, "", seen)
    if optimizer and model.compiled and model.optimizer.built:
        yield "optimizer", model.optimizer


def _children(layer, path: str, seen: set):
    groups = []
    if hasattr(layer, "_graph") and (layer._graph is not None or hasattr(layer, "_stack")):
        groups.append(("layers", layer.layers))
    else:
        for name in sorted(vars(layer), key=lambda n: "~" + n if n.startswith("_") else n):
            value = vars(layer)[name]
            if name not in layer._not_state and isinstance(value, (LayerState, list, tuple, dict)):
                groups.append((name, value))
    for name, value in groups:
        here = f"{path}/{name}" if path else name
        if isinstance(value, LayerState):
            yield from _visit(value, here, seen)
            continue
        used: dict[str, int] = {}
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, LayerState):
                kind = to_snake_case(type(item).__name__)
                count = used.get(kind, 0)
                used[kind] = count + 1
                yield from _visit(item, f"{here}/{kind}_{count}" if count else f"{here}/{kind}", seen)


def _visit(layer, path: str, seen: set):
    if id(layer) not in seen:
        seen.add(id(layer))
        yield path, layer
        yield from _children(layer, path, seen)


def _write_legacy(model, file) -> None:
    layers = model.layers
    file.attrs["layer_names"] = np.array([layer.name.encode() for layer in layers])
    file.attrs["backend"] = b"tensorflow"
    file.attrs["keras_version"] = b"2.15.0"
    for layer in layers:
        group = file.create_group(layer.name)
        names = _unique([f"{layer.name}/{v.name}:0" for v in layer.weights])
        group.attrs["weight_names"] = np.array([name.encode() for name in names], dtype="S")
        for name, variable in zip(names, layer.weights, strict=True):
            group[name] = variable.array


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(name.replace(":0", f"_{count}:0") if count else name)
    return result


# --- reading --------------------------------------------------------------------------------------------------
def load_weights(model, path: str, skip_mismatch: bool, by_name: bool) -> None:
    """See `Model.load_weights`."""
    import h5py

    if not model.built:
        raise ValueError(
            f"Model '{model.name}' has no variables yet, so that weights cannot be loaded. Build it first: "
            "model.build(input_shape), or call it on data."
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no weights file {path}.")
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is not an HDF5 file (or is damaged).")
    try:
        opened = h5py.File(path, "r")
    except OSError as error:  # h5py does not name the file
        raise OSError(f"{path} cannot be read: {error}. It is damaged or was not written to its end.") from error
    with opened as file:
        root = file.get("model_weights", file)
        if "layer_names" in root.attrs:
            pairs = _read_legacy(model, root, skip_mismatch, by_name)
        elif by_name:
            raise ValueError("by_name=True works with weights files of Keras 1 and 2 only; this one is of Keras 3.")
        else:
            pairs = _read_keras3(model, file, skip_mismatch)
    for variable, value in pairs:
        variable.assign(value)


def _compare(model, rows: list[tuple]) -> str:
    """A table: file against model, the differences marked."""
    lines = [f"{'in the file':<44} | in model '{model.name}'"]
    for in_file, in_model, fits in rows:
        lines.append(f"{in_file:<44} | {in_model}{'' if fits else '   <-- differs'}")
    return "\n".join(lines)


def _shapes(values) -> str:
    return ", ".join(str(tuple(v.shape)) for v in values) or "no weights"


def _matched(model, found: list[tuple], skip_mismatch: bool) -> list[tuple]:
    """(variable, value) for each; ValueError with a table when the shapes differ. `found`: (name, layer, name in the
    file, arrays or None)."""
    pairs, rows, bad = [], [], []
    for name, variables, file_name, values in found:
        fits = values is not None and [v.shape for v in values] == [tuple(v.shape) for v in variables]
        there = f"{file_name}: {_shapes(values)}" if values is not None else "-"
        rows.append((there, f"{name}: {_shapes(variables)}", fits))
        if fits:
            pairs.extend(zip(variables, values, strict=True))
        else:
            bad.append(name)
    if bad and not skip_mismatch:
        raise ValueError(
            f"The weights file does not fit to model '{model.name}' (layers {', '.join(bad)}); nothing was loaded.\n"
            + _compare(model, rows)
            + "\nPass skip_mismatch=True to load the layers that fit."
        )
    if bad:
        warn(f"Weights of layers {', '.join(bad)} do not fit and are left as they are.")
    return pairs


def _read_keras3(model, file, skip_mismatch: bool) -> list[tuple]:
    if "vars" not in file and "layers" not in file:
        raise ValueError(f"{file.filename} has neither the layout of Keras 3 nor that of earlier weights files.")
    found = []
    for path, layer in _keras3_tree(model, optimizer=False):
        variables = layer._own_variables()
        group = file.get(f"{path}/vars" if path else "vars")
        if variables or (group is not None and len(group)):
            values = None if group is None else [np.asarray(group[str(i)]) for i in range(len(group))]
            found.append((layer.name, variables, path or "vars", values))
    pairs = _matched(model, found, skip_mismatch)
    if model.compiled and "optimizer/vars" in file:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        group = file["optimizer/vars"]
        values = [np.asarray(group[str(i)]) for i in range(len(group))]
        variables = model.optimizer.variables
        if [v.shape for v in values] == [tuple(v.shape) for v in variables]:
            pairs.extend(zip(variables, values, strict=True))
        else:
            warn(
                f"Skipping variable loading for optimizer '{model.optimizer.name}', because it has {len(variables)} "
                f"variables whereas the saved optimizer has {len(values)} variables, or their shapes differ.",
            )
    return pairs


def _text(name) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _read_legacy(model, file, skip_mismatch: bool, by_name: bool) -> list[tuple]:
    saved = []
    for name in map(_text, file.attrs["layer_names"]):
        group = file[name]
        values = [np.asarray(group[_text(w)]) for w in group.attrs.get("weight_names", ())]
        if values:
            saved.append((name, values))
    layers = [layer for layer in model.layers if layer.weights]
    if by_name:
        names = dict(saved)
        found = [(x.name, x.weights, x.name, names[x.name]) for x in layers if x.name in names]
        return _matched(model, found, skip_mismatch)
    if len(saved) != len(layers) and not skip_mismatch:
        rows = []
        for i in range(max(len(saved), len(layers))):
            there = f"{saved[i][0]}: {_shapes(saved[i][1])}" if i < len(saved) else "-"
            here = f"{layers[i].name}: {_shapes(layers[i].weights)}" if i < len(layers) else "-"
            fits = i < min(len(saved), len(layers)) and _shapes(saved[i][1]) == _shapes(layers[i].weights)
            rows.append((there, here, fits))
        raise ValueError(
            f"Layer count mismatch when loading weights from file. Model expected {len(layers)} layers, found "
            f"{len(saved)} saved layers.\n" + _compare(model, rows)
        )
    found = []
    for i, layer in enumerate(layers):
        name, values = saved[i] if i < len(saved) else ("-", None)
        found.append((layer.name, layer.weights, name, values))
    return _matched(model, found, skip_mismatch)
