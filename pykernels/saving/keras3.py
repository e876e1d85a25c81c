"""Weights in the layout of Keras 3 (`.weights.h5`, and `model.weights.h5` within `.keras`).

A group per layer, `layers/dense/vars`, in which the variables are data sets "0", "1", ...; `optimizer/vars` likewise.
"""

from __future__ import annotations

from ..graph import Variable, writing
from ..layers.state import LayerState
from ..optimizers.state import OptimizerState
from ..user_warning import warn
from ..utils.overrides import overrides
from . import optimizer_state, training_state
from .hdf5.reader import Dataset, Group, Hdf5File
from .matching import Found, match
from .places import Places
from .tree import own_variables, read_variable, value_for_file, walk


def write(model, h5, optimizer=True) -> None:
    """Writes a model's variables (and its optimizer's) into an open h5py file."""
    keeps = optimizer and getattr(model, "compiled", False)
    for path, holder in walk(model, model.optimizer if keeps else None):
        group = h5.require_group(f"{path}/vars" if path else "vars")
        group.attrs["name"] = holder.name
        if _overridden(holder, "save_own_variables"):
            store: dict = {}
            holder.save_own_variables(store)
            for key, value in store.items():
                group[key] = value
            continue
        for i, variable in enumerate(own_variables(holder)):
            group.create_dataset(str(i), data=value_for_file(variable))
    state = training_state.capture(model) if keeps else None
    if state is not None:
        training_state.write(state, h5)


def _overridden(holder, name: str) -> bool:
    return overrides(holder, name, LayerState if isinstance(holder, LayerState) else OptimizerState)


def numbers_in(h5: Hdf5File) -> int:
    """How many numbers the layers in the file have, the optimizer's state not counted."""
    found, pending = [], [(h5.root, 0)]
    while pending:
        group, depth = pending.pop()
        for name in group:
            if depth == 0 and name in ("optimizer", training_state.GROUP):
                continue
            node = group[name]
            if isinstance(node, Dataset):
                found.append(node)
            elif depth < 256:
                pending.append((node, depth + 1))
    return h5.numbers_of(found)


def read(model, h5: Hdf5File, skip_mismatch: bool, optimizer=True) -> None:
    """Reads what `write` wrote. Nothing changes unless all layers fit.

    Raises:
        ValueError: another layout, or layers that do not fit, unless `skip_mismatch`. OSError: a damaged file.
    """
    if "vars" not in h5 and "layers" not in h5 and not any(isinstance(h5[k], Group) for k in h5):
        raise ValueError(f"{h5.name} has neither the layout of Keras 3 nor that of earlier weights files.")
    found, own = [], []
    places = Places(h5)
    for path, layer, group in places.of(model):
        if _overridden(layer, "load_own_variables"):
            own.append((layer, group))
            continue
        variables = own_variables(layer)
        if variables or (group is not None and len(group)):
            found.append(Found(layer.name, variables, path or "vars", _datasets(group)))
    pairs = match(model, h5.name, found, skip_mismatch)
    if optimizer and getattr(model, "compiled", False):
        group = places.group("optimizer")
        if group is not None and _overridden(model.optimizer, "load_own_variables"):
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            own.append((model.optimizer, group))
        else:
            pairs += _optimizer_pairs(model, group)
    for dataset, _ in pairs:
        dataset.check()
    with writing([*(v for _, v in pairs), *(v for holder, _ in own for v in holder.variables)]):
        for dataset, variable in pairs:
            read_variable(dataset, variable)
        for holder, group in own:
            numbers = 2 * sum(v.size for v in holder.variables) + getattr(holder, "numbers_beside_variables", 0)
            store = {d.path.rpartition("/")[2]: d.read(64 * (8 + numbers)) for d in _datasets(group) or ()}
            holder.load_own_variables(store)


def has_optimizer(h5: Hdf5File) -> bool:
    """Whether the file has the state of an optimizer."""
    return bool(_datasets(Places(h5).group("optimizer")))


def _datasets(group: Group | None) -> list[Dataset] | None:
    if group is None:
        return None
    names = sorted(group, key=lambda n: (len(n), n)) if all(n.isdigit() for n in group) else list(group)
    return [group.dataset(name) for name in names]


def _optimizer_pairs(model, group: Group | None) -> list[tuple[Dataset, Variable]]:
    datasets = _datasets(group)
    if not datasets:
        return []
    optimizer = model.optimizer
    if not optimizer.built:
        if len(datasets) <= 2:  # saved before the first step: only the counter and the learning rate
            variables = optimizer.variables[: len(datasets)]
            return [(d, v) for d, v in zip(datasets, variables, strict=False) if d.shape == v.shape == ()]
        optimizer.build(model.trainable_variables)
    pairs = optimizer_state.fit(optimizer, datasets)
    if pairs is None:
        warn(
            f"Skipping variable loading for optimizer '{optimizer.name}', because it has {len(optimizer.variables)} "
            f"variables whereas the saved optimizer has {len(datasets)} variables, or their shapes differ."
        )
    return pairs or []
