"""Checkpoints of a training: weights, optimizer, and where it stands."""

from __future__ import annotations

import os

from ..utils.load_budget import LoadBudget
from . import keras3, training_state
from .errors import reading
from .hdf5.reader import Hdf5File


def load_checkpoint(model, path: str, epoch_of_keras) -> None:
    """Reads weights, optimizer and training state; the `fit` that is beginning goes on from there.

    Args:
        model: built and compiled.
        path: weights file in the layout of Keras 3.
        epoch_of_keras: called for the epoch when the file has none (Keras's own callback wrote it).

    Raises:
        OSError: the file is damaged. ValueError: it does not fit to the model.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    with reading(path), LoadBudget(path, os.path.getsize(path)), Hdf5File.open(path) as h5:
        state = training_state.read(model, h5)
        keras3.read(model, h5, skip_mismatch=False)
    if state is None:
        model.__dict__["_resumption"] = Resumption(None, epoch_of_keras(), None)
    else:
        training_state.apply_to_model(state, model)
        model.__dict__["_resumption"] = Resumption(state, state.epoch, _values(model))


def remember(model, h5: Hdf5File) -> None:
    """For a model read from a file saved within `fit`: a `fit` with that `initial_epoch` goes on from there."""
    state = training_state.read(model, h5)
    if state is not None and getattr(model, "compiled", False):
        training_state.apply_to_model(state, model)
        model.__dict__["_resumption"] = Resumption(state, None, _values(model))


def _values(model) -> list:
    """(variable, version) of weights and optimizer: whether somebody has changed them since."""
    return [(v, v.storage.version) for v in (*model.weights, *model.optimizer.variables)]


class Resumption:
    """What a `fit` that goes on from a checkpoint has to restore.

    Attributes:
        epoch: the epoch to start with; None: only if `fit` was told the one of the checkpoint.
    """

    def __init__(self, state, epoch, values):
        self.state = state
        self.epoch = epoch
        self._values = values
        # Callbacks that act on an epoch's begin have done so already before a checkpoint within the epoch.
        self._copies = [(v, v.numpy()) for v, _ in values] if state is not None and state.batch else []

    def first_epoch(self, initial_epoch: int) -> int | None:
        """The epoch to start with; None when the checkpoint has nothing to do with this `fit`."""
        if self.epoch is not None:
            return self.epoch
        unchanged = all(v.storage.version == version for v, version in self._values)
        return initial_epoch if initial_epoch == self.state.epoch and unchanged else None

    @property
    def within_epoch(self) -> bool:
        return self.state is not None and self.state.batch > 0

    def apply(self, model, loop) -> None:
        """Just before the epoch begins, or within it, just before its batches."""
        if self.state is not None:
            for variable, value in self._copies:
                variable.assign(value)
            training_state.apply_to_training(self.state, model, loop)
