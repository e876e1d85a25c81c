"""Which array of a weights file of Keras 1 or 2 belongs to which layer within a model or a composite layer.

Such a file keeps the arrays of a nested model in one list, those that training changes first. What was frozen when it
was written, and is not now (or the reverse), stands elsewhere in the list than in the model. The names in the file say
whose an array is: `conv2d_3/kernel:0`, in Keras 1 `convolution2d_3_W`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .hdf5.reader import Dataset

# Keras 1's names of variables, as endings of the array's name, and today's.
_OLD = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "alphas": "alpha",
    "depthwise_kernel": "depthwise_kernel",
    "pointwise_kernel": "pointwise_kernel",
    "gamma": "gamma",
    "beta": "beta",
}
_OLD_ENDING = re.compile(rf"(.+)_({'|'.join(sorted(_OLD, key=len, reverse=True))})")
_NUMBERED = re.compile(r"(.*?)_?(\d*)")


class Owned(NamedTuple):
    """The arrays of one layer. `names`: the full ones of the file."""

    layer: object
    names: list[str]
    datasets: list[Dataset]


def assign(layer, file_name: str, names: list[str], datasets: list[Dataset]) -> list[Owned] | None:
    """The arrays of a layer of the model, for the layers within it, in the order of each one's variables.

    Args:
        layer: with weights. file_name: for the message.
        names, datasets: what the file has for it, in the order of the file.

    Returns:
        None when numbers or shapes do not fit.

    Raises:
        ValueError: several ways fit, and the names do not say which.
    """
    holders = [x for x in layer._flatten_layers() if x._own_variables()]
    if len(holders) == 1:
        return [Owned(holders[0], names, datasets)] if len(datasets) == len(holders[0]._own_variables()) else None
    if len(datasets) != len(layer.weights):
        return None
    found = _by_names(layer, holders, names, datasets)
    return _by_place(layer, holders, file_name, names, datasets) if found is None else found


def split(name: str) -> tuple[str, str] | None:
    """(path of the layer, variable) of the name of an array; None for a name that does not say."""
    name = name.lstrip("/").partition(":")[0]
    path, slash, variable = name.rpartition("/")
    if slash:
        return path, variable
    old = _OLD_ENDING.fullmatch(name)
    return (old[1], _OLD[old[2]]) if old else None


# --- by names -----------------------------------------------------------------------------------------------------
class _Part(NamedTuple):
    """What is known under one name: variable -> (place in the list, shape)."""

    path: str
    variables: dict[str, tuple[int, tuple]]

    @property
    def signature(self) -> frozenset:
        return frozenset((name, shape) for name, (_, shape) in self.variables.items())

    def tail(self, levels: int) -> str:
        return "/".join(self.path.split("/")[-levels:])


def _paths(layer, holders) -> list[str]:
    """The names of the layers down to each holder."""
    paths, pending = {id(layer): layer.name}, [layer]
    while pending:
        outer = pending.pop()
        for inner in outer._sublayers():
            if id(inner) not in paths:
                paths[id(inner)] = f"{paths[id(outer)]}/{inner.name}"
                pending.append(inner)
    return [paths[id(holder)] for holder in holders]


def _by_names(layer, holders, names, datasets) -> list[Owned] | None:
    """None when the names are of no use."""
    there: dict[str, _Part] = {}
    for i, (name, dataset) in enumerate(zip(names, datasets, strict=True)):
        parts = split(name)
        if parts is None:
            return None
        path, variable = parts
        part = there.setdefault(path, _Part(path, {}))
        if variable in part.variables:
            return None
        part.variables[variable] = (i, tuple(dataset.shape))
    here = [
        _Part(path, {v.name: (i, tuple(v.shape)) for i, v in enumerate(holder._own_variables())})
        for path, holder in zip(_paths(layer, holders), holders, strict=True)
    ]
    pairs = _matched(list(there.values()), here)
    if pairs is None:
        return None
    places = {id(part): holder for part, holder in zip(here, holders, strict=True)}
    owned = []
    for in_file, in_model in pairs:
        order = [in_file.variables[name][0] for name in in_model.variables]
        owned.append(Owned(places[id(in_model)], [names[i] for i in order], [datasets[i] for i in order]))
    return owned


def _matched(there: list[_Part], here: list[_Part]) -> list[tuple[_Part, _Part]] | None:
    """Layers of the same variables and shapes with each other."""
    pairs = []
    by_signature = {part.signature: [x for x in there if x.signature == part.signature] for part in here}
    if sum(map(len, by_signature.values())) != len(there) or len(there) != len(here):
        return None
    for signature, in_file in by_signature.items():
        in_model = [part for part in here if part.signature == signature]
        if len(in_file) != len(in_model):
            return None
        ordered = _in_order(in_file, in_model)
        if ordered is None:
            return None
        pairs += zip(ordered, in_model, strict=True)
    return pairs


def _in_order(in_file: list[_Part], in_model: list[_Part]) -> list[_Part] | None:
    """The layers of the file, one for each of the model's; None when their names do not say."""
    if len(in_file) == 1:
        return in_file
    for levels in (1, 2, 3):
        by_name = {part.tail(levels): part for part in in_file}
        wanted = [part.tail(levels) for part in in_model]
        if len(by_name) == len(in_file) and set(by_name) == set(wanted):
            return [by_name[name] for name in wanted]
    numbers, places = _numbers(in_file), _numbers(in_model)
    if numbers is None:
        return None
    ordered = [part for _, part in sorted(zip(numbers, in_file, strict=True), key=lambda pair: pair[0])]
    if places is None:
        return ordered
    ranks = sorted(range(len(places)), key=places.__getitem__)
    return [part for _, part in sorted(zip(ranks, ordered, strict=True), key=lambda pair: pair[0])]


def _numbers(parts: list[_Part]) -> list[int] | None:
    """The numbers that Keras gave to layers of one class, in the order in which they were made."""
    matches = [_NUMBERED.fullmatch(part.tail(1)) for part in parts]
    stems, numbers = {m[1] for m in matches}, [int(m[2] or 0) for m in matches]
    return numbers if len(stems) == 1 and len(set(numbers)) == len(numbers) else None


# --- by place -----------------------------------------------------------------------------------------------------
def _by_place(layer, holders, file_name, names, datasets) -> list[Owned] | None:
    now = [*layer.trainable_weights, *layer.non_trainable_weights]
    alike = [  # the order in which they would be, were none of them frozen
        *(v for holder in holders for v in holder._trainable_variables),
        *(v for holder in holders for v in holder._non_trainable_variables),
    ]
    shapes = [tuple(d.shape) for d in datasets]
    orders = [order for order in (now, alike) if [tuple(v.shape) for v in order] == shapes]
    if not orders:
        return None
    if len(orders) == 2 and any(a is not b for a, b in zip(*orders, strict=True)):
        raise ValueError(
            f"{file_name}: the names of the arrays of '{layer.name}' ({', '.join(names[:4])}, ...) are not those of "
            "the model's layers, and its layers have equal shapes: whether they were frozen when the file was written "
            "decides which array belongs to which. Nothing was loaded. Freeze the same layers as then (or none) while "
            "you load the weights, or give the layers the names they have in the file."
        )
    places = {id(v): i for i, v in enumerate(orders[0])}
    owned = []
    for holder in holders:
        order = [places[id(v)] for v in holder._own_variables()]
        owned.append(Owned(holder, [names[i] for i in order], [datasets[i] for i in order]))
    return owned
