"""Callbacks that monitor one quantity: EarlyStopping, ReduceLROnPlateau."""

from __future__ import annotations

import operator

import numpy as np

from ..user_warning import warn
from ..utils.progbar import print_line
from .callback import Callback

_DOWN = ("loss", "error", "mse", "mae", "mape", "msle", "crossentropy", "divergence", "hinge", "poisson", "cosh")


class MonitorCallback(Callback):
    """The base class of callbacks that compare a quantity from epoch to epoch.

    Args:
        monitor: str, a name in the logs. Default "val_loss".
        mode: "min", "max", or "auto" (default), which depends on the metric.
        baseline: float, the value that the first improvement must exceed. Default None.
        min_delta: float, the smallest change that is an improvement. Default 0.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.")
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op = None

    def _set_monitor_op(self):
        name = self.monitor.removeprefix("val_")
        if self.mode != "auto":
            self.monitor_op = operator.lt if self.mode == "min" else operator.gt
        elif name == "loss":
            self.monitor_op = operator.lt
        else:
            self.monitor_op = self._direction_of_metric(name)
        if self.monitor_op is None:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, but Keras isn't able to "
                "automatically determine whether that metric should be maximized or minimized. "
                "Pass `mode='max'` in order to monitor based on the highest metric value, or pass "
                "`mode='min'` in order to use the lowest value."
            )
        if self.monitor_op is operator.lt:
            self.min_delta = -abs(self.min_delta)

    def _direction_of_metric(self, name):
        for metric in getattr(self.model, "metrics", ()):
            if metric.name == name or {metric.name, name} == {"acc", "accuracy"}:
                direction = getattr(metric, "_direction", None)
                if direction is not None:
                    return operator.gt if direction == "up" else operator.lt
        if "acc" in name or name in ("auc", "precision", "recall"):
            return operator.gt
        return operator.lt if any(part in name for part in _DOWN) else None

    def _is_improvement(self, value, reference) -> bool:
        return reference is None or bool(self.monitor_op(value - self.min_delta, reference))

    def _monitored(self, logs, what: str):
        logs = logs if logs is not None else {}
        value = logs.get(self.monitor)
        if value is None:
            warn(
                f"{what} conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
            )
        return value


class EarlyStopping(MonitorCallback):
    """Ends the training when a quantity has stopped improving.

    Args:
        monitor: str, a name in the logs. Default "val_loss".
        min_delta: float, the smallest change that is an improvement. Default 0.
        patience: int, the number of epochs without improvement after which training ends. Default 0.
        verbose: 0 (default), or 1 to print messages.
        mode: "auto" (default), "min" or "max".
        baseline: float. Training ends if `monitor` is not better than it within `patience` epochs. Default None.
        restore_best_weights: whether the model gets the weights of the best epoch at the end of the training, for
            whatever reason it ends. Default False.
        start_from_epoch: int, the first epoch that is monitored. Default 0.
    """

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    _remembered = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")  # by checkpoints

    def _reset(self):
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights = None
        self.best_epoch = 0

    def on_train_begin(self, logs=None):
        self._reset()

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_line(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_line(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs):
        return self._monitored(logs, "Early stopping")


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a quantity has stopped improving.

    Args:
        monitor: str, a name in the logs. Default "val_loss".
        factor: float below 1, by which the learning rate is multiplied. Default 0.1.
        patience: int, the number of epochs without improvement before a reduction. Default 10.
        verbose: 0 (default), or 1 to print the new learning rate.
        mode: "auto" (default), "min" or "max".
        min_delta: float, the smallest change that is an improvement. Default 1e-4.
        cooldown: int, the number of epochs after a reduction that are not monitored. Default 0.
        min_lr: float, the lower bound of the learning rate. Default 0.

    Raises:
        ValueError: `factor` is not below 1.
    """

    def __init__(
        self,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        verbose=0,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
        min_lr=0.0,
        **kwargs,
    ):
        min_delta = kwargs.pop("epsilon", min_delta)  # Keras 2.0's name
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau got an unexpected keyword argument '{next(iter(kwargs))}'")
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self._reset()

    _remembered = ("best", "cooldown_counter", "wait")  # by checkpoints

    def _reset(self):
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs=None):
        self._reset()

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = logs if logs is not None else {}
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self._monitored(logs, "Learning rate reduction is")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch) -> bool:
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        if rate <= np.float32(self.min_lr):
            return False
        rate = max(rate * self.factor, self.min_lr)
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print_line(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
        return True
