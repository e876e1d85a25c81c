"""Weights in the layouts of Keras 1 and 2 (`.h5`, `.hdf5`).

A group per layer name, listed in the attribute "layer_names", each with the attribute "weight_names". Before Keras 1:
groups "layer_0", ... with data sets "param_0", ...
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..graph import writing
from ..user_warning import warn
from . import optimizer_state
from .hdf5.reader import Group, Hdf5File
from .legacy_recurrent import convert_recurrent
from .matching import Found, match, shapes, table
from .owners import assign
from .theano import Converted, convert
from .tree import read_variable, value_for_file

_ATTRIBUTE_LIMIT = 64512  # bytes that an object header of HDF5 holds
_TOP = "top_level_model_weights"
_KERAS_VERSION = "2.15.0"
_SORTED = ("0.", "1.", *(f"2.0.{i}" for i in range(7)))  # versions that sorted what they trained by name


# --- writing --------------------------------------------------------------------------------------------------
def write(model, group) -> None:
    """Writes a model's weights into an open h5py file or group."""
    layers = model.layers
    write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = _KERAS_VERSION.encode()
    for layer in sorted(layers, key=lambda x: x.name):
        _write_group(group.create_group(layer.name), layer, ordered(layer))
    _write_group(group.create_group(_TOP), model, model._own_variables())


def ordered(layer) -> list:
    """The weights in the order of these files: trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_group(group, layer, variables) -> None:
    owners = {id(v): owner for owner in layer._flatten_layers() for v in owner._own_variables()}
    names = []
    for v in variables:
        owner = owners.get(id(v), layer)
        path = layer.name if owner is layer else f"{layer.name}/{owner.name}"
        names.append(f"{path}/{v.name}")
    write_arrays(group, _unique(names), variables)


def write_arrays(group, names: list[str], variables) -> None:
    """Data sets under these names, and the list of the names."""
    write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        group.create_dataset(name, data=value_for_file(variable))


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(f"{name}_{count}" if count else name)
    return result


def write_names(group, attribute: str, names: list[str]) -> None:
    """A list of texts as an attribute; as several numbered ones when HDF5 would not take one."""
    texts = [name.encode() for name in names]
    pieces = 1
    while any(16 * len(part) > _ATTRIBUTE_LIMIT for part in np.array_split(np.arange(len(texts)), pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[attribute] = texts
        return
    for i, part in enumerate(np.array_split(np.arange(len(texts)), pieces)):
        group.attrs[f"{attribute}{i}"] = [texts[j] for j in part]


# --- reading --------------------------------------------------------------------------------------------------
def is_legacy(h5: Hdf5File) -> bool:
    return weights_root(h5) is not None


def weights_root(h5: Hdf5File) -> Group | None:
    """The group that lists the layers: the file itself, or "model_weights" of a whole model."""
    for node in (h5.get("model_weights"), h5.root):
        if isinstance(node, Group) and any(a in node.attrs for a in ("layer_names", "layer_names0", "nb_layers")):
            return node
    return None


def names_in(group: Group, attribute: str) -> list[str]:
    """A list of texts that `write_names` or Keras wrote."""
    attrs = group.attrs
    parts = [attribute] if attribute in attrs else []
    while not (parts and parts[0] == attribute) and f"{attribute}{len(parts)}" in attrs:
        parts.append(f"{attribute}{len(parts)}")
    names: list[str] = []
    for part in parts:
        value = attrs[part]
        for name in value if isinstance(value, list) else np.ravel(value) if value is not None else []:
            if not isinstance(name, str):
                raise ValueError(f"{group.file.name}: '{attribute}' of '{group.path}' is not a list of names.")
            names.append(name)
    _charge(group, len(names))
    return names


def _charge(group: Group, names: int) -> None:
    group.file.budget.spend(1 + names)
    group.file.budget.allocate(64 * names, "names of its arrays")


class Saved(NamedTuple):
    """What a file has under the name of a layer; `names` are those of the data sets."""

    name: str
    names: list[str]
    datasets: list


def saved_layers(root: Group) -> list[Saved]:
    """The layers that have weights, in the order of the file."""
    if "nb_layers" in root.attrs:  # before Keras 1
        groups = [(name, root.group(name)) for name in (f"layer_{i}" for i in range(_count(root, "nb_layers")))]
        named = [(name, g, [f"param_{i}" for i in range(_count(g, "nb_params"))]) for name, g in groups]
    else:
        groups = [(name, root.group(name)) for name in names_in(root, "layer_names")]
        named = [(name, g, names_in(g, "weight_names")) for name, g in groups]
    return [Saved(name, names, _datasets(g, names)) for name, g, names in named if names]


def _datasets(group: Group, names: list[str]) -> list:
    """Some names of Keras 2 on Theano begin with a slash: those data sets are in the root of the file."""
    return [group.file.root.dataset(n.lstrip("/")) if n.startswith("/") else group.dataset(n) for n in names]


def _count(group: Group, attribute: str) -> int:
    value = group.attrs.get(attribute, 0)
    if not isinstance(value, (int, np.integer)) or not 0 <= value <= 100_000:
        raise ValueError(f"{group.file.name}: the attribute '{attribute}' of '{group.path}' is not a small number.")
    _charge(group, int(value))
    return int(value)


class Read(NamedTuple):
    """What `read` found out, by the ids of the model's variables.

    Attributes:
        names: the name in the file.
        conversions: the `Converted` data set of those whose filters Keras 1 or its Theano backend stored otherwise.
    """

    names: dict[int, str]
    conversions: dict[int, Converted]


def read(model, h5: Hdf5File, skip_mismatch: bool, by_name: bool) -> Read:
    """Reads what `write`, or Keras 0, 1 and 2, wrote; by the names of layers where the file has the same ones as the
    model, or `by_name` asks for it, else by place; within nested models by the names of the arrays.

    Raises:
        ValueError: layers that do not fit, unless `skip_mismatch`; a nested model whose arrays fit in several ways.
        OSError: a damaged file.
    """
    root = weights_root(h5)
    saved = saved_layers(root)
    layers = [layer for layer in model.layers if layer.weights]
    named = {entry.name: entry for entry in saved}
    if by_name or (len(named) == len(saved) and set(named) == {layer.name for layer in layers}):
        places = [(layer, named[layer.name]) for layer in layers if layer.name in named]
    else:
        if len(saved) != len(layers) and not skip_mismatch:
            _raise_count(model, h5, saved, layers)
        places = [(layer, saved[i] if i < len(saved) else None) for i, layer in enumerate(layers)]
    chosen = [part for layer, entry in places for part in _parts(layer, entry, h5.name)]
    converted = convert(model, root, convert_recurrent(chosen))
    found = [Found(p.layer.name, p.variables, p.name, p.datasets) for p in converted]
    own = root.get(_TOP)
    if isinstance(own, Group) and not by_name:
        datasets = _datasets(own, names_in(own, "weight_names"))
        if datasets:
            found.append(Found(model.name, model._own_variables(), _TOP, datasets))
    pairs = match(model, h5.name, found, skip_mismatch)
    for dataset, _ in pairs:
        dataset.check()
    with writing([variable for _, variable in pairs]):
        for dataset, variable in pairs:
            read_variable(dataset, variable)
    kept = [pair for p in converted for pair in zip(p.variables, p.names, p.datasets or (), strict=False)]
    return Read(
        {id(v): name for v, name, _ in kept},
        {id(v): dataset for v, _, dataset in kept if isinstance(dataset, Converted)},
    )


class Part(NamedTuple):
    """A layer with weights of its own, and what the file has for it (None: nothing)."""

    layer: object
    variables: list
    name: str
    names: list[str]
    datasets: list | None


def _parts(layer, entry: Saved | None, file_name: str) -> list[Part]:
    """The layers within a layer of the model; the layer as a whole where the file does not fit to them."""
    if entry is None:
        return [Part(layer, ordered(layer), "-", [], None)]
    owned = assign(layer, file_name, entry.names, entry.datasets)
    if owned is None:
        return [Part(layer, ordered(layer), entry.name, entry.names, entry.datasets)]
    return [Part(o.layer, o.layer._own_variables(), entry.name, o.names, o.datasets) for o in owned]


def _raise_count(model, h5, saved, layers) -> None:
    rows = []
    for i in range(max(len(saved), len(layers))):
        there = f"{saved[i].name}: {shapes(saved[i].datasets)}" if i < len(saved) else "-"
        here = f"{layers[i].name}: {shapes(layers[i].weights)}" if i < len(layers) else "-"
        fits = i < min(len(saved), len(layers)) and shapes(saved[i].datasets) == shapes(layers[i].weights)
        rows.append((there, here, fits))
    raise ValueError(
        f"Layer count mismatch when loading weights from file {h5.name}. Model expected {len(layers)} layers, found "
        f"{len(saved)} saved layers.\n{table(model, rows)}"
    )


# --- the optimizer ----------------------------------------------------------------------------------------------
def write_optimizer(model, h5) -> None:
    variables = model.optimizer.variables
    names = _unique([f"{model.optimizer.name}/{v.name}" for v in variables])
    write_arrays(h5.create_group("optimizer_weights"), names, variables)


def read_optimizer(model, h5: Hdf5File, weights: Read) -> None:
    """The state of the optimizer, in the orders of Keras 3 and of Keras 1 and 2; a warning when it does not fit.

    Args:
        weights: what `read` returned: Keras 1 sorted them by their names, and its filters are converted here too.
    """
    group = h5.get("optimizer_weights")
    if not isinstance(group, Group):
        return
    names = names_in(group, "weight_names")
    datasets = _datasets(group, names)
    optimizer = model.optimizer
    if len(datasets) > 2 and not optimizer.built:
        optimizer.build(model.trainable_variables)
    version = weights_root(h5).attrs.get("keras_version")
    by_name = None
    if not isinstance(version, str) or version.startswith(_SORTED):
        by_name = [weights.names.get(id(v), v.name) for v in optimizer._trainable_variables]
    pairs = optimizer_state.fit(optimizer, datasets, names, by_name, weights.conversions)
    for dataset, _ in pairs or ():
        dataset.check()
    for dataset, variable in pairs or ():
        read_variable(dataset, variable)
    if datasets and pairs is None:
        warn(
            f"The saved state of the optimizer ({len(datasets)} arrays) does not fit to '{optimizer.name}' "
            f"({len(optimizer.variables)} variables); the optimizer starts afresh."
        )
