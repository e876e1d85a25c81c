"""The progress bars of fit, evaluate and predict."""

from __future__ import annotations

from ..utils.progbar import Progbar, print_line
from .callback import Callback


class ProgbarLogger(Callback):
    """Prints the progress of `fit`, `evaluate` and `predict`: a bar on a terminal, one line per epoch elsewhere.

    Package interface: `_on_progress`.

    It is updated a few times a second (`_on_progress`), not after every batch.

    Args:
        count_mode: "steps" (default) or "samples": what `fit` counts, as in Keras 2. Samples are counted where their
            number is known.
        stateful_metrics: accepted as in Keras 2. It has no effect: results of the metrics are shown as they are.

    Raises:
        ValueError: another `count_mode`.
    """

    is_progbar = True

    def __init__(self, count_mode="steps", stateful_metrics=None):
        super().__init__()
        if count_mode not in ("steps", "samples"):
            raise ValueError(f"`count_mode` must be 'steps' or 'samples'. Received: count_mode={count_mode!r}")
        self.count_mode = count_mode
        self.stateful_metrics = set(stateful_metrics or [])
        self.seen = 0
        self.progbar = None
        self.target = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False
        self._rows: tuple | None = None  # (number of samples, batch size), where samples are counted

    def set_params(self, params):
        self.params = params
        verbose = params["verbose"]
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params["epochs"]
        self.target = params["steps"]
        samples, batch = params.get("samples"), params.get("batch_size")
        self._rows = (samples, batch) if self.count_mode == "samples" and samples and batch else None
        if self._rows is not None:
            self.target = samples

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
        self.seen = steps if self._rows is None else min(self._rows[0], steps * self._rows[1])
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
        self.progbar = Progbar(
            target=self.target, verbose=self.verbose, stateless_metrics=set(), unit_name=self._unit()
        )

    def _unit(self) -> str:
        return "step" if self._rows is None else "sample"

    def _finish(self, logs):
        if self.progbar is None:
            return
        if self.target is None:
            self.target = self.progbar.target = self.seen
        self.progbar.update(self.seen or self.target, list((logs or {}).items()), finalize=True)
