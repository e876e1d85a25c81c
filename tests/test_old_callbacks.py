"""SwapEMAWeights, RemoteMonitor, TerminateOnNaN, BaseLogger, ProgbarLogger; what callbacks of Keras 1 and 2 read."""

from __future__ import annotations

import copy
import http.server
import json
import pickle
import subprocess
import sys
import threading
import urllib.parse

import numpy as np
import pytest

from pykernels import callbacks, layers, models, optimizers
from pykernels.compat import tables

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)).astype("float32"), RNG.normal(size=(20, 1)).astype("float32")


def model_of(optimizer="sgd", **options):
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse", **options)
    return model


# --- SwapEMAWeights ----------------------------------------------------------------------------------------
class Weights(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {}

    def on_train_batch_end(self, batch, logs=None):
        self.seen["trained"] = self.model.get_weights()[0]

    def on_test_batch_end(self, batch, logs=None):
        self.seen["tested"] = self.model.get_weights()[0]

    def on_epoch_end(self, epoch, logs=None):
        self.seen["after"] = self.model.get_weights()[0]


@pytest.mark.parametrize("on_epoch", [False, True])
def test_averages_are_tested(on_epoch):
    model = model_of(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    weights = Weights()
    swap = callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)
    model.fit(X, Y, batch_size=5, epochs=3, validation_data=(X, Y), callbacks=[swap, weights], verbose=0)
    seen = weights.seen
    assert not np.array_equal(seen["trained"], seen["tested"])
    np.testing.assert_array_equal(seen["after"], seen["tested"] if on_epoch else seen["trained"])
    np.testing.assert_array_equal(model.get_weights()[0], seen["tested"])  # fit() ends with the averages


def test_the_course_of_training_is_not_changed():
    runs = []
    for extra in ([], [callbacks.SwapEMAWeights(True)]):
        model = model_of(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        model.fit(X, Y, epochs=3, validation_data=(X, Y), callbacks=extra, shuffle=False, verbose=0)
        runs.append(model.get_weights()[0])
    np.testing.assert_array_equal(*runs)


def test_averages_need_an_optimizer_that_has_them():
    with pytest.raises(ValueError, match="use_ema=True"):
        model_of().evaluate(X, Y, callbacks=[callbacks.SwapEMAWeights()], verbose=0)


# --- RemoteMonitor -----------------------------------------------------------------------------------------
class Received(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, self.headers["Content-Type"], self.headers["X-Own"], body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_logs_are_sent():
    server = http.server.HTTPServer(("127.0.0.1", 0), Received)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    root = f"http://127.0.0.1:{server.server_port}"
    try:
        form = callbacks.RemoteMonitor(root, field="logs", headers={"X-Own": "1"})
        plain = callbacks.RemoteMonitor(root, path="/there/", send_as_json=True)
        history = model_of().fit(X, Y, callbacks=[form, plain], verbose=0).history
        server.status = 404  # the server's own affair
        model_of().fit(X, Y, callbacks=[plain], verbose=0)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    want = {"epoch": 0, "loss": history["loss"][0]}
    path, kind, own, body = server.got[0]
    assert (path, kind, own) == ("/publish/epoch/end/", "application/x-www-form-urlencoded", "1")
    assert json.loads(urllib.parse.parse_qs(body)["logs"][0]) == want
    assert server.got[1][:3] == ("/there/", "application/json", None) and json.loads(server.got[1][3]) == want
    with pytest.warns(UserWarning, match="Could not reach"):
        model_of().fit(X, Y, callbacks=[plain], verbose=0)
    with pytest.raises(ValueError, match="root"):
        callbacks.RemoteMonitor("file:///etc")


# --- the others --------------------------------------------------------------------------------------------
def test_terminate_on_nan_may_raise():
    bad = np.full_like(Y, 1e30)  # its square is infinite
    ended = []
    after = callbacks.LambdaCallback(on_train_end=ended.append)
    model_of().fit(X, bad, callbacks=[callbacks.TerminateOnNaN(), after], verbose=0)
    assert len(ended) == 1
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 0"):
        model_of().fit(X, bad, callbacks=[callbacks.TerminateOnNaN(raise_error=True), after], verbose=0)
    assert len(ended) == 1


def test_base_logger_sums_batches():
    logger = callbacks.BaseLogger(stateful_metrics=["mae"])
    history = model_of(metrics=["mae"]).fit(X, Y, batch_size=8, callbacks=[logger], verbose=0).history
    assert logger.seen == 20 and logger.totals["mae"] == history["mae"][-1]
    assert logger.totals["loss"] > history["loss"][-1]


def test_progress_may_count_samples(capsys):
    for mode, text in (("steps", "3/3"), ("samples", "20/20")):
        shown = callbacks.ProgbarLogger(count_mode=mode, stateful_metrics=["mae"])
        model_of().fit(X, Y, batch_size=8, callbacks=[shown])
        assert text in capsys.readouterr().out
    with pytest.raises(ValueError, match="count_mode"):
        callbacks.ProgbarLogger("batches")


class OfKeras1(callbacks.Callback):
    """As in the lessons of its time."""

    def on_train_begin(self, logs=None):
        self.losses = {k: [] for k in self.params["metrics"]}
        self.counted = 0

    def on_batch_end(self, batch, logs=None):
        self.counted += logs.get("size", 0)
        assert logs["batch"] == batch and set(logs) == {"loss", "mae"}

    def on_epoch_end(self, epoch, logs=None):
        for k in self.params["metrics"]:
            if k in logs:
                self.losses[k].append(logs[k])
        x, y, _ = self.validation_data
        self.error = np.mean((self.model.predict(x, verbose=0) - y) ** 2)


def test_what_old_callbacks_read():
    model, old = model_of(metrics=["mae"]), OfKeras1()
    shown = callbacks.LambdaCallback()
    history = model.fit(X, Y, batch_size=8, epochs=2, validation_split=0.25, callbacks=[old, shown], verbose=0).history
    assert old.counted == 30 and {k: list(v) for k, v in old.losses.items()} == dict(history)
    assert old.error == pytest.approx(history["val_loss"][-1], rel=1e-5)
    assert [old.params[k] for k in ("nb_epoch", "nb_sample", "batch_size", "do_validation")] == [2, 15, 8, True]
    assert set(old.params) == {"verbose", "epochs", "steps"} and shown.validation_data is None
    for copied in (copy.deepcopy(old), pickle.loads(pickle.dumps(old))):
        assert copied.validation_data is None  # not written with a callback
    model.fit(X, Y, callbacks=[old.__class__.__base__()], verbose=0)


def test_own_validation_data_stay_and_those_of_fit_follow_it():
    class Own(callbacks.Callback):
        def __init__(self, validation_data=None):
            super().__init__()
            if validation_data is not None:
                self.validation_data = validation_data

    kept, given = Own(("mine",)), Own()
    model = model_of()
    for rows in (5, 7):
        model.fit(X, Y, validation_data=(X[:rows], Y[:rows]), callbacks=[kept, given], verbose=0)
        assert kept.validation_data == ("mine",) and len(given.validation_data[0]) == rows
        np.testing.assert_array_equal(given.validation_data[2], np.ones(rows))
    model.fit(X, Y, callbacks=[given], verbose=0)
    assert given.validation_data is None


def test_orbax_is_refused_by_name():
    script = """
from keras.callbacks import OrbaxCheckpoint, experimental
assert experimental.BackupAndRestore
try:
    OrbaxCheckpoint("folder")
except NotImplementedError as error:
    assert "OrbaxCheckpoint" in str(error) and "BackupAndRestore" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-m", "pykernels", "-c", script], check=True)


def test_names_are_those_of_keras():
    assert set(tables.keras_names()["callbacks"]) - set(dir(callbacks)) == {"OrbaxCheckpoint"}
