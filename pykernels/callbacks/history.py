"""The record of a training."""

from __future__ import annotations

from .callback import Callback
from .logs import Logs


class History(Callback):
    """Collects the logs of each epoch. `fit` adds one and returns it.

    Attributes:
        history: dict of lists, one entry per epoch; "acc" and "accuracy" both answer.
        epoch: list of the epochs' numbers.
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

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
        if self.model is not None:
            self.model.history = self
