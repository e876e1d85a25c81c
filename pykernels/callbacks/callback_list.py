"""A list of callbacks that are called together."""

from __future__ import annotations

from ..utils.tree import flatten
from .callback import BATCH_HOOKS, Callback, hooks_batches
from .history import History
from .logs import Logs
from .progbar_logger import ProgbarLogger

_PACKAGE = __name__.rpartition(".")[0]


class CallbackList:
    """Calls several callbacks in order.

    Args:
        callbacks: a `Callback` or a list of them. Default None.
        add_history: whether to add a `History` if there is none. Default False.
        add_progbar: whether to add a `ProgbarLogger` if there is none. Default False.
        model: the model, which becomes the attribute `model` of each callback. Default None.
        **params: `epochs`, `steps` and `verbose`, which become the attribute `params` of each callback.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        self.callbacks = [c for c in flatten(callbacks) if c is not None] if callbacks is not None else []
        for callback in self.callbacks:
            if not hasattr(callback, "on_epoch_end"):
                raise ValueError(
                    f"`callbacks` takes instances of keras.callbacks.Callback. Received: {callback!r}"
                    + (". Did you forget to call it: `MyCallback()`?" if isinstance(callback, type) else "")
                )
            if isinstance(callback, type):
                raise ValueError(
                    f"`callbacks` takes instances, and {callback.__name__} is a class: write {callback.__name__}()"
                )
        self.callbacks.sort(key=lambda c: getattr(c, "runs_last", False))  # checkpoints see what the others have done
        self._history = self._find("is_history")
        self._progbar = self._find("is_progbar")
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if self._progbar is None and add_progbar:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self.model = None
        self.params = params
        if model is not None:
            self.set_model(model)
        self.set_params(params)
        self._progress = [c for c in self.callbacks if hasattr(c, "_on_progress")]
        self._hooks = {mode: any(hooks_batches(c, mode) for c in self.callbacks) for mode in BATCH_HOOKS}

    def _find(self, mark: str):
        return next((c for c in self.callbacks if getattr(c, mark, False)), None)

    def append(self, callback) -> None:
        self.callbacks.append(callback)

    def set_params(self, params) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model) -> None:
        self.model = model
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def hooks_batches(self, mode: str) -> bool:
        """Whether a callback overrides a method for batches of "train", "test" or "predict"."""
        return self._hooks[mode]

    def progress(self, mode: str, steps: int, logs) -> None:
        """Updates progress bars. `logs()` returns the results so far; it is called only if they are shown."""
        for callback in self._progress:
            callback._on_progress(mode, steps, logs)

    def _call(self, name: str, *args) -> None:
        for callback in self.callbacks:
            getattr(callback, name)(*args)

    def set_validation_data(self, data: list | None) -> None:
        """Lets callbacks of users that have no `validation_data` of their own see those of `fit`, as in Keras 1, 2."""
        for callback in self.callbacks:
            if type(callback).__module__.startswith(_PACKAGE):
                continue  # none of them reads the data, and a History outlives the training
            if isinstance(callback, Callback):
                callback.set_validation_data(data)

    def on_batch(self, mode: str, moment: str, batch: int, logs=None, size: int | None = None) -> None:
        """`on_batch("train", "end", 3, logs)` calls `on_train_batch_end(3, logs)` of each.

        Args:
            size: the number of samples, which Keras 1 and 2 had in the logs.
        """
        name = f"on_{mode}_batch_{moment}"
        logs = _logs(logs)
        if size is not None:
            logs.beside = {"batch": batch, "size": size}
        for callback in self.callbacks:
            getattr(callback, name)(batch, logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", epoch, _logs(logs))

    def on_epoch_end(self, epoch, logs=None):
        self._call("on_epoch_end", epoch, _logs(logs))

    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch("train", "begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch("train", "end", batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self.on_batch("test", "begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.on_batch("test", "end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self.on_batch("predict", "begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self.on_batch("predict", "end", batch, logs)

    def on_batch_begin(self, batch, logs=None):
        self._call("on_batch_begin", batch, _logs(logs))

    def on_batch_end(self, batch, logs=None):
        self._call("on_batch_end", batch, _logs(logs))

    def on_train_begin(self, logs=None):
        self._call("on_train_begin", _logs(logs))

    def on_train_end(self, logs=None):
        self._call("on_train_end", _logs(logs))

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", _logs(logs))

    def on_test_end(self, logs=None):
        self._call("on_test_end", _logs(logs))

    def on_predict_begin(self, logs=None):
        self._call("on_predict_begin", _logs(logs))

    def on_predict_end(self, logs=None):
        self._call("on_predict_end", _logs(logs))


def _logs(logs) -> Logs:
    if isinstance(logs, Logs):
        return logs
    return Logs(sorted(logs.items())) if logs else Logs()
