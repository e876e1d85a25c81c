"""Small callbacks: LambdaCallback, TerminateOnNaN, LearningRateScheduler, CSVLogger."""

from __future__ import annotations

import csv
import math
import os

from ..utils.progbar import print_line
from .callback import Callback


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: callables `(epoch, logs)`. Default None.
        on_train_begin, on_train_end: callables `(logs)`. Default None.
        on_train_batch_begin, on_train_batch_end: callables `(batch, logs)`. Default None.
        **kwargs: other methods of `Callback`, such as `on_test_begin`, or their earlier names.
    """

    _MOMENTS = frozenset(name for name in vars(Callback) if name.startswith("on_"))

    def __init__(
        self,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_train_begin=None,
        on_train_end=None,
        on_train_batch_begin=None,
        on_train_batch_end=None,
        **kwargs,
    ):
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in {**kwargs, **{k: f for k, f in given.items() if f is not None}}.items():
            if name in self._MOMENTS and function is not None:
                setattr(self, name, function)
            elif name not in self._MOMENTS:
                setattr(self, name, function)  # as in Keras: further attributes for the functions' use


class TerminateOnNaN(Callback):
    """Ends the training at the first batch whose loss is NaN or infinite.

    Args:
        raise_error: whether that raises RuntimeError at once, so that no callback's `on_train_end` is called, instead
            of setting `model.stop_training`. Default False.
    """

    def __init__(self, raise_error=False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(
                    f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training "
                    "immediately."
                )
            print_line(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: callable `(epoch, learning_rate)` or `(epoch)` that returns the learning rate, a float.
        verbose: 0 (default), or 1 to print the learning rate.

    Raises:
        ValueError: while training, a schedule that does not return a float.
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        try:
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:  # Keras 1: the epoch only
            rate = self.schedule(epoch)
        rate = getattr(rate, "item", lambda: rate)()
        if isinstance(rate, bool) or not isinstance(rate, (int, float)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print_line(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class CSVLogger(Callback):
    """Writes the logs of each epoch to a CSV file.

    Args:
        filename: path.
        separator: str between the fields. Default ",".
        append: whether lines are added to an existing file. Default False: it is replaced.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys = None
        self._file = None

    def on_train_begin(self, logs=None):
        continuing = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._needs_header = not continuing
        self.keys = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            validated = any(key.startswith("val_") for key in self.keys)
            if getattr(self.model, "_validation_expected", False) and not validated:  # not in this epoch
                self.keys += [f"val_{key}" for key in self.keys]
        writer = csv.writer(self._file, delimiter=self.sep)
        if self._needs_header:
            writer.writerow(["epoch", *self.keys])
            self._needs_header = False
        writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs=None):
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getstate__(self):
        return {**super().__getstate__(), "_file": None}
