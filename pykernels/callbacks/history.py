"""The record of a training."""

from __future__ import annotations

import numpy as np

from .callback import Callback
from .logs import Logs


class History(Callback):
    """Records the logs of each epoch. `fit` adds one and returns it.

    Attributes:
        history: dict of name -> list with one value per epoch. "acc" and "accuracy" give the same list.
            `history.rates` has the learning rates, for `visualization.plot_history`.
        epoch: list of the numbers of the epochs.
    """

    is_history = True

    def __init__(self):
        super().__init__()
        self.history = Logs()
        self.epoch = []

    def on_train_begin(self, logs=None):
        self.epoch = []
        if self.model is not None:
            self.model.history = self
            self._note_rate()

    def on_epoch_begin(self, epoch, logs=None):
        self._note_rate()  # as the last of the callbacks, after those that change it

    def _note_rate(self) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        if not hasattr(optimizer, "learning_rate") or not isinstance(self.history, Logs):
            return  # a MultiOptimizer has several
        rate, rates = float(np.asarray(optimizer.learning_rate)), self.history.rates
        if not rates or rates[-1][1] != rate:
            recorded = max((len(values) for values in self.history.values()), default=0)
            self.history.rates = [*(r for r in rates if r[0] < recorded), (recorded, rate)]

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
        if self.model is not None:
            self.model.history = self
