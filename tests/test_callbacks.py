"""Callbacks: the protocol, and each of those that come with the package."""

import csv

import numpy as np
import pytest

from pykernels import callbacks, layers, models, optimizers


def x_of(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


X, Y = x_of(20, 3), x_of(20, 1, seed=1)


def model_of(rate=0.01, **options):
    model = models.Sequential([layers.Dense(1, input_dim=3)])
    model.compile(optimizers.SGD(rate), "mse", **options)
    return model


class Recorder(callbacks.Callback):
    """Writes down every call."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattribute__(self, name):
        if name.startswith("on_") and "batch" not in name:
            calls = object.__getattribute__(self, "calls")
            return lambda *args: calls.append((name, *[a for a in args if isinstance(a, int)]))
        return object.__getattribute__(self, name)


class BatchRecorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(("begin", batch))

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("end", batch))
        assert set(logs) == {"loss", "mae"}

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append(("test", batch))

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append(("predict", batch, logs["outputs"].shape))


def test_order_of_calls():
    seen = Recorder()
    model = model_of()
    model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[seen])
    epoch = ["on_epoch_begin", "on_test_begin", "on_test_end", "on_epoch_end"]
    assert [name for name, *_ in seen.calls] == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert ("on_epoch_end", 1) in seen.calls
    assert seen.model is model
    assert seen.params == {"verbose": 0, "epochs": 2, "steps": 1}


def test_batch_hooks():
    seen = BatchRecorder()
    model = model_of(metrics=["mae"])
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[seen], validation_data=(X, Y))
    steps = [(moment, i) for i in range(3) for moment in ("begin", "end")]
    assert seen.calls == [*steps, ("test", 0), ("test", 1), ("test", 2)]
    seen.calls.clear()
    model.predict(X, batch_size=15, verbose=0, callbacks=[seen])
    assert [call[:2] for call in seen.calls] == [("predict", 0), ("predict", 1)]
    seen.calls.clear()
    model.evaluate(X, Y, verbose=0, callbacks=[seen])
    assert seen.calls == [("test", 0)]


def test_old_batch_hooks_and_lambda():
    seen = []
    watch = callbacks.LambdaCallback(
        on_batch_begin=lambda batch, logs: seen.append(("begin", batch)),
        on_batch_end=lambda batch, logs: seen.append(("end", batch, "loss" in logs)),
        on_epoch_begin=lambda epoch, logs: seen.append(("epoch", epoch)),
        on_train_end=lambda logs: seen.append(("done", logs["loss"] > 0)),
    )
    model_of().fit(X, Y, batch_size=10, verbose=0, callbacks=watch)
    assert seen == [
        ("epoch", 0),
        ("begin", 0),
        ("end", 0, True),
        ("begin", 1),
        ("end", 1, True),
        ("done", True),
    ]


def test_stop_training():
    model = model_of()

    def stop(number, logs):
        model.stop_training = True

    history = model.fit(X, Y, epochs=5, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=stop)])
    assert history.epoch == [0]
    before = int(model.optimizer.iterations)
    model.fit(X, Y, batch_size=2, epochs=5, verbose=0, callbacks=[callbacks.LambdaCallback(on_batch_end=stop)])
    assert int(model.optimizer.iterations) == before + 1


def test_logs_answer_to_both_names():
    logs = callbacks.Logs({"acc": 1, "val_accuracy": 2})
    assert logs["accuracy"] == 1
    assert logs.get("val_acc") == 2
    assert "accuracy" in logs
    assert "loss" not in logs
    assert logs.get("loss", 5) == 5
    with pytest.raises(KeyError):
        logs["loss"]
    assert dict(logs) == {"acc": 1, "val_accuracy": 2}
    seen = []
    model = models.Sequential([layers.Dense(2, activation="softmax", input_dim=3)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    watch = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append((logs["accuracy"], logs.get("val_acc"))))
    history = model.fit(X, Y[:, 0] > 0, validation_split=0.5, verbose=0, callbacks=[watch])
    assert seen == [(history.history["acc"][0], history.history["val_accuracy"][0])]


class Scripted(callbacks.Callback):
    """Puts chosen numbers into the logs, and marks the weights with the epoch."""

    def __init__(self, values, name="val_loss"):
        super().__init__()
        self.values = values
        self.name = name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]
        self.model.set_weights([np.full((3, 1), epoch, "float32"), np.zeros(1, "float32")])


def run_scripted(values, stopping, name="val_loss"):
    model = model_of()
    history = model.fit(X, Y, epochs=len(values), verbose=0, callbacks=[Scripted(values, name), stopping])
    return len(history.epoch), model.get_weights()[0][0, 0]


@pytest.mark.parametrize(
    ("values", "options", "epochs", "left"),
    [
        ([3, 2, 4, 5, 6], {}, 3, 2),
        ([3, 2, 4, 5, 6], {"patience": 2}, 4, 3),
        ([3, 2, 4, 5, 6], {"patience": 2, "restore_best_weights": True}, 4, 1),
        ([3, 2, 4], {"patience": 9, "restore_best_weights": True}, 3, 1),  # not stopped by it, restored all the same
        ([3, 2.9, 2.8, 2.7], {"min_delta": 0.5}, 2, 1),
        ([3, 4, 5, 2], {"start_from_epoch": 3}, 4, 3),
        ([3, 2.5, 2.4], {"baseline": 1.0, "patience": 2}, 3, 2),
        ([1, 2, 1, 2], {"mode": "max"}, 3, 2),
    ],
)
def test_early_stopping(values, options, epochs, left):
    assert run_scripted(values, callbacks.EarlyStopping(**options)) == (epochs, left)


def test_early_stopping_directions_and_messages(capsys):
    stopping = callbacks.EarlyStopping("val_accuracy", verbose=1, restore_best_weights=True)
    assert run_scripted([0.1, 0.5, 0.4, 0.6], stopping, "val_accuracy") == (3, 1)
    out = capsys.readouterr().out
    assert "Epoch 3: early stopping" in out
    assert "Restoring model weights from the end of the best epoch: 2." in out
    with pytest.warns(UserWarning, match="Early stopping conditioned on metric `val_loss` which is not available"):
        model_of().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()])
    with pytest.raises(ValueError, match="Pass `mode='max'`"):
        model_of().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping("something")])
    with pytest.warns(UserWarning, match="mode 'big' is unknown, fallback to auto"):
        callbacks.EarlyStopping(mode="big")


def test_terminate_on_nan(capsys):
    x = X.copy()
    x[9] = np.nan
    model = model_of()
    with pytest.warns(RuntimeWarning, match="batch 3"):
        model.fit(x, Y, batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert int(model.optimizer.iterations) == 3
    assert "Batch 2: Invalid loss, terminating training" in capsys.readouterr().out


def test_learning_rate_scheduler(capsys):
    model = model_of(0.1)
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[scheduler])
    np.testing.assert_allclose(history.history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)
    assert history.history["lr"] is history.history["learning_rate"]
    assert "Epoch 1: LearningRateScheduler setting learning rate to 0.05" in capsys.readouterr().out
    model.fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.3)])
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.3, rtol=1e-6)
    with pytest.raises(ValueError, match="should be a float"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: "fast")])


def test_reduce_lr_on_plateau(capsys):
    model = model_of(1.0)
    reduce = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.3, verbose=1)
    values = [5, 5, 5, 5, 5, 5, 5, 5]
    history = model.fit(X, Y, epochs=8, verbose=0, callbacks=[Scripted(values), reduce])
    np.testing.assert_allclose(history.history["learning_rate"], [1, 1, 1, 0.5, 0.5, 0.3, 0.3, 0.3], rtol=1e-6)
    assert "ReduceLROnPlateau reducing learning rate to 0.5." in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"factor >= 1.0"):
        callbacks.ReduceLROnPlateau(factor=1)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = model_of(metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert set(rows[0]) == {"epoch", "loss", "mae"}


def test_callbacks_that_are_not():
    with pytest.raises(ValueError, match=r"instances of keras.callbacks.Callback"):
        model_of().fit(X, Y, verbose=0, callbacks=[3])
    with pytest.raises(ValueError, match=r"EarlyStopping is a class: write EarlyStopping\(\)"):
        model_of().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping])


def test_callback_list():
    seen = Recorder()
    group = callbacks.CallbackList([seen], add_history=True, model=model_of(), epochs=3, steps=1, verbose=0)
    group.on_train_begin()
    group.on_epoch_begin(0)
    group.on_epoch_end(0, {"b": 1, "a": 2})
    group.on_train_end()
    assert len(seen.calls) == 4
    assert not group.hooks_batches("train")
    assert list(group.callbacks[-1].history) == ["a", "b"]


def test_csv_logger_has_no_column_for_a_validated_learning_rate(tmp_path):
    path, model = tmp_path / "log.csv", models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    schedule = callbacks.LearningRateScheduler(lambda epoch: 0.1)
    model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[schedule, callbacks.CSVLogger(path)])
    assert path.read_text().splitlines()[0] == "epoch,learning_rate,loss,val_loss"
