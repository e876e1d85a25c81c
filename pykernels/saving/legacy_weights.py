"""Weights in the layouts of Keras 1 and 2 (`.h5`, `.hdf5`).

A group per layer name, listed in the attribute "layer_names", each with the attribute "weight_names". Before Keras 1:
groups "layer_0", ... with data sets "param_0", ...
"""

from __future__ import annotations

import numpy as np

from ..user_warning import warn
from .hdf5.reader import Group, Hdf5File
from .matching import Found, match, shapes, table
from .theano import convert, is_converted
from .tree import read_variable, value_for_file

_ATTRIBUTE_LIMIT = 64512  # bytes that an object header of HDF5 holds
_TOP = "top_level_model_weights"
_KERAS_VERSION = "2.15.0"


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
    return names


def saved_layers(root: Group) -> list[tuple[str, list]]:
    """(name, data sets) of the layers that have weights, in the order of the file."""
    if "nb_layers" in root.attrs:  # before Keras 1
        names = [f"layer_{i}" for i in range(_count(root, "nb_layers"))]
        groups = [root.group(name) for name in names]
        saved = [
            (n, [g.dataset(f"param_{i}") for i in range(_count(g, "nb_params"))])
            for n, g in zip(names, groups, strict=True)
        ]
    else:
        groups = [(name, root.group(name)) for name in names_in(root, "layer_names")]
        saved = [(name, [g.dataset(w) for w in names_in(g, "weight_names")]) for name, g in groups]
    return [(name, datasets) for name, datasets in saved if datasets]


def _count(group: Group, attribute: str) -> int:
    value = group.attrs.get(attribute, 0)
    if not isinstance(value, (int, np.integer)) or not 0 <= value <= 100_000:
        raise ValueError(f"{group.file.name}: the attribute '{attribute}' of '{group.path}' is not a small number.")
    return int(value)


def read(model, h5: Hdf5File, skip_mismatch: bool, by_name: bool) -> bool:
    """Reads what `write`, or Keras 0, 1 and 2, wrote; by place, or by the names of layers.

    Returns:
        Whether filters of Keras 1 or of its Theano backend were converted (an optimizer's state would not be).

    Raises:
        ValueError: layers that do not fit, unless `skip_mismatch`. OSError: a damaged file.
    """
    root = weights_root(h5)
    saved = saved_layers(root)
    layers = [layer for layer in model.layers if layer.weights]
    if by_name:
        names = dict(saved)
        chosen = [(layer, layer.name, names[layer.name]) for layer in layers if layer.name in names]
    else:
        if len(saved) != len(layers) and not skip_mismatch:
            _raise_count(model, h5, saved, layers)
        places = [saved[i] if i < len(saved) else ("-", None) for i in range(len(layers))]
        chosen = [(layer, name, datasets) for layer, (name, datasets) in zip(layers, places, strict=True)]
    converted = convert(model, root, chosen)
    found = [Found(layer.name, ordered(layer), name, datasets) for layer, name, datasets in converted]
    own = root.get(_TOP)
    if isinstance(own, Group) and not by_name:
        datasets = [own.dataset(name) for name in names_in(own, "weight_names")]
        if datasets:
            found.append(Found(model.name, model._own_variables(), _TOP, datasets))
    pairs = match(model, h5.name, found, skip_mismatch)
    for dataset, _ in pairs:
        dataset.check()
    for dataset, variable in pairs:
        read_variable(dataset, variable)
    return is_converted(chosen, converted)


def _raise_count(model, h5, saved, layers) -> None:
    rows = []
    for i in range(max(len(saved), len(layers))):
        there = f"{saved[i][0]}: {shapes(saved[i][1])}" if i < len(saved) else "-"
        here = f"{layers[i].name}: {shapes(layers[i].weights)}" if i < len(layers) else "-"
        fits = i < min(len(saved), len(layers)) and shapes(saved[i][1]) == shapes(layers[i].weights)
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


def read_optimizer(model, h5: Hdf5File) -> None:
    """The state of the optimizer, in the orders of Keras 3 and of Keras 1 and 2; a warning when it does not fit."""
    group = h5.get("optimizer_weights")
    if not isinstance(group, Group):
        return
    datasets = [group.dataset(name) for name in names_in(group, "weight_names")]
    optimizer = model.optimizer
    if len(datasets) > 2 and not optimizer.built:
        optimizer.build(model.trainable_variables)
    variables = optimizer.variables
    for order in _orders(variables, len(model.trainable_variables)):
        if len(order) == len(datasets) and all(d.shape == v.shape for d, v in zip(datasets, order, strict=True)):
            for dataset, variable in zip(datasets, order, strict=True):
                dataset.check()
                read_variable(dataset, variable)
            return
    if datasets:
        warn(
            f"The saved state of the optimizer ({len(datasets)} arrays) does not fit to '{optimizer.name}' "
            f"({len(variables)} variables); the optimizer starts afresh."
        )


def _orders(variables, count: int):
    """The orders in which the state may have been saved."""
    yield variables
    scalars, slots = variables[:2], variables[2:]
    yield scalars[: min(2, len(variables))]
    yield [scalars[0], *slots]
    if count and len(slots) % count == 0:
        per = len(slots) // count
        grouped = [slots[i * per + j] for j in range(per) for i in range(count)]  # all of one kind, then the next
        for order in (grouped, slots):
            yield [scalars[0], *order]
            yield [*scalars, *order]
            yield order
