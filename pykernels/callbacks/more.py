"""Callbacks that few scripts use: SwapEMAWeights, RemoteMonitor, BaseLogger."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

from ..user_warning import warn
from .callback import Callback

_TIMEOUT = 30  # seconds


class SwapEMAWeights(Callback):
    """Lets evaluation and prediction use the moving averages of the weights, which an optimizer with `use_ema=True`
    keeps.

    The weights get their own values back afterwards.

    Args:
        swap_on_epoch: whether the model has the averages from the end of an epoch to the beginning of the next one too,
            for callbacks behind this one that save the model. Default False.

    Raises:
        ValueError: while training, an optimizer without `use_ema`.
    """

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> list:
        """(weight, its average) of all weights that have one."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        found = [o for o in getattr(optimizer, "optimizers", [optimizer]) if getattr(o, "use_ema", False)]
        if not found:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. Received: use_ema=False"
            )
        return [pair for o in found for pair in zip(o._trainable_variables, o._averages, strict=True)]

    def _swap(self, to_averages: bool) -> None:
        if self._swapped == to_averages:
            return
        for weight, average in self._pairs():
            value = weight.numpy()
            weight.assign(average)
            average.assign(value)
        self._swapped = to_averages

    def on_epoch_begin(self, epoch, logs=None):
        self._swap(False)

    def on_epoch_end(self, epoch, logs=None):
        if not self.swap_on_epoch:
            return
        self._swap(True)
        if epoch == self.params["epochs"] - 1 or self.model.stop_training:
            for weight, average in self._pairs():  # the end of fit() gives the weights these averages
                average.assign(weight)
            self._swapped = False

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    def on_predict_begin(self, logs=None):
        self._swap(True)

    def on_predict_end(self, logs=None):
        self._swap(False)


class RemoteMonitor(Callback):
    """Sends the logs of each epoch to a server by HTTP POST, as JSON with `epoch` beside losses and metrics.

    A server that cannot be reached gives a warning; training goes on.

    Args:
        root: str, the server's URL, http or https. Default "http://localhost:9000".
        path: str, behind it. Default "/publish/epoch/end/".
        field: str, the field of the form that has the JSON. Default "data".
        headers: dict of HTTP headers. Default None.
        send_as_json: whether the JSON itself is sent, as "application/json", instead of a form. Default False.

    Raises:
        ValueError: a `root` that is no URL of http or https.
    """

    def __init__(
        self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None, send_as_json=False
    ):
        super().__init__()
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(f"RemoteMonitor: `root` must be a URL of http or https. Received: root={root!r}")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch, logs=None):
        values = {name: np.asarray(value).tolist() for name, value in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **values})
        if self.send_as_json:
            data, kind = text, "application/json"
        else:
            data, kind = urllib.parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, data.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT):
                pass
        except urllib.error.HTTPError:  # it was reached, and has its own view of what it got
            pass
        except OSError:
            warn(f"Could not reach RemoteMonitor root server at {self.root}")


class BaseLogger(Callback):
    """Sums the logs of the batches of an epoch, as in Keras 2, where `fit` made means of them by it. Here the logs are
    means when they come.

    Args:
        stateful_metrics: names of metrics that are not summed: `totals` has their last value. Default None.

    Attributes:
        seen: the number of samples in the epoch so far.
        totals: dict of name -> sum over these samples.
    """

    def __init__(self, stateful_metrics=None):
        super().__init__()
        self.stateful_metrics = set(stateful_metrics or [])
        self.seen = 0
        self.totals = {}

    def on_epoch_begin(self, epoch, logs=None):
        self.seen = 0
        self.totals = {}

    def on_batch_end(self, batch, logs=None):
        logs = logs or {}
        size = logs.get("size", 0)
        self.seen += size
        for name, value in logs.items():
            kept = name in self.stateful_metrics
            self.totals[name] = value if kept else self.totals.get(name, 0) + value * size
