"""The progress bars of fit, evaluate and predict."""

from __future__ import annotations

from ..utils.progbar import Progbar, print_line
from .callback import Callback


class ProgbarLogger(Callback):
    """Prints the progress of `fit`, `evaluate` and `predict`: a bar on a terminal, one line per epoch elsewhere.

    Package interface: `_on_progress`.

    It is updated a few times a second (`_on_progress`), not after every batch.
    """

    is_progbar = True

    def __init__(self):
        super().__init__()
        self.seen = 0
        self.progbar = None
        self.target = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params):
        self.params = params
        verbose = params["verbose"]
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params["epochs"]
        self.target = params["steps"]

    def on_train_begin(self, logs=None):
        self._called_in_fit = True  # validation is silent

    def on_train_end(self, logs=None):
        self._called_in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self._start()
        if self.verbose and self.epochs > 1:
            print_line(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs=None):
        if not self._called_in_fit:
            self._start()

    def on_predict_begin(self, logs=None):
        self._start()

    def _on_progress(self, mode, steps, logs):
        if mode == "test" and self._called_in_fit:
            return
        self.seen = steps
        if self.progbar is not None and self.progbar.due():
            self.progbar.update(steps, [] if mode == "predict" else list(logs().items()), finalize=False)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    def on_test_end(self, logs=None):
        if not self._called_in_fit:
            self._finish(logs)

    def on_predict_end(self, logs=None):
        self._finish(None)

    def _start(self):
        self.seen = 0
        self.progbar = Progbar(target=self.target, verbose=self.verbose, stateless_metrics=set())

    def _finish(self, logs):
        if self.progbar is None:
            return
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.seen or self.target, list((logs or {}).items()), finalize=True)
