"""The base class of callbacks."""

from __future__ import annotations

BATCH_HOOKS = {
    "train": ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """The base class of callbacks. A subclass overrides the methods that it needs.

    `logs` is a dict with the loss and the metrics; in `on_epoch_end` it contains those of the validation too, as
    "val_...". A callback that overrides a method for batches makes training return to Python after each batch; others
    cost nothing per batch.

    Attributes:
        params: dict with `verbose`, `epochs` and `steps`. As in Keras 1 and 2, `params["metrics"]` has the names in the
            logs, and there are `samples`, `batch_size` and `do_validation`; they are not shown.
        model: the model in training. `model.stop_training = True` ends the training.
    """

    #: Inputs, targets and sample weights of the validation in one list, as in Keras 1 and 2; None without.
    validation_data = None

    def __init__(self):
        self.params = None
        self._model = None

    @property
    def model(self):
        return self._model

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self._model = model

    def set_validation_data(self, data):
        """Called by `fit` with the validation data; they become `validation_data`, unless there are some of its own."""
        own = self.__dict__.get("validation_data")
        if own is None or own is self.__dict__.get("_validation_data_of_fit"):
            self.validation_data = self._validation_data_of_fit = data

    def on_batch_begin(self, batch, logs=None):
        """Keras 2's name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Keras 2's name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called at the start of an epoch; `epoch` is its number, from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """Called at the end of an epoch; `logs` has the results of training and validation."""

    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Called before each batch of `evaluate` and of validation."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after each batch of `evaluate` and of validation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after each batch of `predict`; `logs["outputs"]` has the predictions."""

    def on_train_begin(self, logs=None):
        """Called once at the start of `fit`."""

    def on_train_end(self, logs=None):
        """Called once at the end of `fit`; `logs` has the results of the last epoch."""

    def on_test_begin(self, logs=None):
        """Called at the start of `evaluate` and of each validation."""

    def on_test_end(self, logs=None):
        """Called at the end of `evaluate` and of each validation."""

    def on_predict_begin(self, logs=None):
        """Called at the start of `predict`."""

    def on_predict_end(self, logs=None):
        """Called at the end of `predict`."""

    def __getstate__(self):
        state = {**self.__dict__, "_model": None}
        if state.pop("_validation_data_of_fit", None) is not None:
            state.pop("validation_data", None)
        return state


def wanted_if(condition):
    """Decorator for a batch hook of a class: training returns to Python for it only where `condition(callback)`. What
    overrides the hook in a subclass is always called."""

    def decorate(hook):
        hook.wanted = condition
        return hook

    return decorate


def hooks_batches(callback, mode: str) -> bool:
    """Whether `callback` overrides a batch hook of "train", "test" or "predict"."""
    for name in BATCH_HOOKS[mode]:
        hook = getattr(callback, name, None)
        function = getattr(hook, "__func__", hook)
        if hook is None or function is getattr(Callback, name):
            continue
        if getattr(function, "wanted", None) is None or function.wanted(callback):
            return True
    return False
