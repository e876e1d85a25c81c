"""Where a training stands: all that decides the bits of what follows, beside weights and optimizer.

Kept in the group "training_state" of a weights file, which Keras passes over: epoch and batch, the counters that name
random streams, seeds, the state of NumPy's and Python's generators now and when the present order of rows was drawn,
running metrics, and what callbacks remember.
"""

from __future__ import annotations

import json
import random
from typing import NamedTuple

import numpy as np

from ..ops.random import SeedGenerator
from .hdf5.reader import Group, Hdf5File

GROUP = "training_state"
_FORMAT = 1
_PLACES = ("start", "now")  # of a source of batches that keeps its place by itself
_MAX_NUMBERS = 1 << 34


class TrainingState(NamedTuple):
    """`values`: plain values as JSON has them. `arrays`: name -> array."""

    values: dict
    arrays: dict

    @property
    def epoch(self) -> int:
        """The epoch that is being trained, or is next when `batch` is 0."""
        return self.values["epoch"]

    @property
    def batch(self) -> int:
        """Batches of that epoch that are over."""
        return self.values["batch"]


# --- taking and applying ---------------------------------------------------------------------------------------
def capture(model) -> TrainingState | None:
    """The state of a model that `fit` is training now; None for others."""
    loop = getattr(model, "_running", None)
    if loop is None:
        return None
    over = loop.epoch_is_over
    arrays: dict = {}
    values = {
        "format": _FORMAT,
        "epoch": loop.epoch + 1 if over else loop.epoch,
        "batch": 0 if over else loop.step,
        "steps_done": model._steps_done,
        "runs_done": model._runs_done,
        "seed": model._random_seed(),
        "generators": [[g.seed, g.draws] for g in generators(model)],
        "python": random.getstate(),
        "numpy": _numpy_state(np.random.get_state(), "numpy", arrays),
        "feed": _adapter_state(loop, arrays),
        "callbacks": _callback_states(loop.callbacks.callbacks, arrays),
    }
    for i, variable in enumerate(metric_variables(model)):
        arrays[f"metric_{i}"] = variable.numpy()
    return TrainingState(values, arrays)


def generators(model) -> list[SeedGenerator]:
    """The seed generators of a model's layers, in the order of the layers."""
    return [x for layer in model._flatten_layers() for x in layer._held() if isinstance(x, SeedGenerator)]


def metric_variables(model) -> list:
    return [v for metric in model.metrics for v in metric.variables]


def _numpy_state(state, name: str, arrays: dict) -> list:
    kind, keys, position, has_gauss, gauss = state
    arrays[name] = np.asarray(keys, np.uint32)
    return [kind, int(position), int(has_gauss), float(gauss)]


def _adapter_state(loop, arrays: dict) -> dict | None:
    get = getattr(loop.adapter, "state", None)
    if get is None:
        return None
    values, drawn_from = get(loop.step)
    if drawn_from is not None:
        values["drawn_from"] = _numpy_state(drawn_from, "feed", arrays)
    for key in _PLACES:
        order = values.get(key, {}).pop("order", None)
        if order is not None:
            arrays[f"feed_{key}"] = np.asarray(order, np.int64)
    return values


def _callback_states(callbacks, arrays: dict) -> list:
    states = []
    for i, callback in enumerate(callbacks):
        state = {}
        for name in getattr(callback, "_remembered", ()):
            value = getattr(callback, name)
            if isinstance(value, (list, tuple)) and value and all(isinstance(v, np.ndarray) for v in value):
                for j, array in enumerate(value):
                    arrays[f"callback_{i}_{name}_{j}"] = array
                state[name] = {"arrays": len(value)}
            else:
                state[name] = value.item() if hasattr(value, "item") else value
        states.append([type(callback).__name__, state])
    return states


def apply_to_model(state: TrainingState, model) -> None:
    """Counters and seeds, by which the model's random streams go on."""
    values = state.values
    model._steps_done, model._runs_done = values["steps_done"], values["runs_done"]
    model._seed = values["seed"]
    for generator, (seed, draws) in zip(generators(model), values["generators"], strict=False):
        generator.seed, generator.draws = seed, draws
    model._programs.clear()


def apply_to_training(state: TrainingState, model, loop) -> None:
    """Metrics, callbacks, the place in the data, and the generators of Python and NumPy."""
    values, arrays = state
    if state.batch:
        for i, variable in enumerate(metric_variables(model)):
            array = arrays.get(f"metric_{i}")
            if array is not None and array.shape == variable.shape:
                variable.assign(array)
    _apply_to_callbacks(values["callbacks"], arrays, loop.callbacks.callbacks)
    adapter, position = loop.adapter, values["feed"]
    if position is not None and hasattr(adapter, "resume"):
        drawn_from = None
        if "drawn_from" in position:
            drawn_from = _as_numpy_state(position["drawn_from"], arrays["feed"])
        for key in _PLACES:
            if position.get(key):
                position = {**position, key: {**position[key], "order": arrays.get(f"feed_{key}")}}
        adapter.resume(position, drawn_from, state.batch)
    version, numbers, gauss = values["python"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(_as_numpy_state(values["numpy"], arrays["numpy"]))


def _apply_to_callbacks(states, arrays: dict, callbacks) -> None:
    for i, (kind, state) in enumerate(states):
        same = [c for c in callbacks if type(c).__name__ == kind]
        before = sum(1 for other, _ in states[:i] if other == kind)
        if before >= len(same):
            continue
        for name in getattr(same[before], "_remembered", ()):
            value = state.get(name)
            if isinstance(value, dict):
                value = [arrays[f"callback_{i}_{name}_{j}"] for j in range(value["arrays"])]
            if name in state:
                setattr(same[before], name, value)


def _as_numpy_state(values, keys) -> tuple:
    kind, position, has_gauss, gauss = values
    if kind != "MT19937" or keys.shape != (624,) or not 0 <= position <= 624:
        raise ValueError("The state of NumPy's random generator in the file is damaged.")
    return kind, keys.astype(np.uint32), position, has_gauss, gauss


# --- files --------------------------------------------------------------------------------------------------------
def write(state: TrainingState, h5) -> None:
    """Into an open h5py file."""
    group = h5.create_group(GROUP)
    group.attrs["values"] = json.dumps(state.values)
    for name, array in state.arrays.items():
        group.create_dataset(name, data=array)


def read(model, h5: Hdf5File) -> TrainingState | None:
    """The state in a weights file; None where there is none.

    Raises:
        ValueError: damaged values.
    """
    group = h5.get(GROUP)
    if not isinstance(group, Group) or not isinstance(group.attrs.get("values"), str):
        return None
    values = json.loads(group.attrs["values"])
    _check(h5.name, values)
    limit = 8 * (sum(v.size for v in model.weights) + (1 << 20))
    return TrainingState(values, {name: group.dataset(name).read(limit) for name in group})


def _check(name: str, values) -> None:
    counters = ("epoch", "batch", "steps_done", "runs_done", "seed")
    fits = isinstance(values, dict) and values.get("format") == _FORMAT
    fits = fits and all(type(values.get(key)) is int and 0 <= values[key] < 1 << 62 for key in counters)
    fits = fits and all(isinstance(values.get(key), list) for key in ("generators", "callbacks", "python", "numpy"))
    fits = fits and all(
        isinstance(g, list) and len(g) == 2 and set(map(type, g)) == {int} for g in values["generators"]
    )
    adapter = values["feed"] if fits and values.get("feed") is not None else {}
    if not fits or not isinstance(adapter, dict) or any(not isinstance(adapter.get(key, {}), dict) for key in _PLACES):
        raise ValueError(f"{name}: the state of the training in it is damaged, or of a later version of pykernels.")
