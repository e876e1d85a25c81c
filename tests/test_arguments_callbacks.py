"""Every argument of every callback acts: a row for each, and an argument without a row is red."""

from __future__ import annotations

import numpy as np
import pytest
from argument_rows import parameters, same

from pykernels import backend, callbacks, layers, models, optimizers, utils

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 3)).astype("float32"), RNG.normal(size=(24, 1)).astype("float32")
# What the monitored quantities do from epoch to epoch.
SCORES = {
    "val_loss": [1.0, 0.5, 0.49, 0.6, 0.7, 0.3, 0.8, 0.9],
    "accuracy": [0.1, 0.4, 0.3, 0.2, 0.5, 0.6, 0.1, 0.0],
}


class Scores(callbacks.Callback):
    """Puts `SCORES` into the logs, before the other callbacks see them."""

    def on_epoch_end(self, epoch, logs=None):
        logs.update({name: values[epoch] for name, values in SCORES.items()})


class Record(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rates = []

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def observe(make, folder, capsys, epochs=8):
    """The weights, rates, printed lines and files of a training with the callback that `make(folder)` gives."""
    folder.mkdir()
    backend.clear_session()
    utils.set_random_seed(1)
    model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    record = Record()
    history = model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[Scores(), make(folder), record])
    files = {str(p.relative_to(folder)): contents(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    printed = capsys.readouterr().out.replace(str(folder), "")
    return [history.epoch, record.rates, [w.numpy() for w in model.weights], files, printed]


def contents(path):
    if path.suffix == ".csv":
        return path.read_text()
    return sorted(np.load(path)) if path.suffix == ".npz" else path.stat().st_size


class Called:
    """A function for LambdaCallback that leaves a trace in the printed lines."""

    def __call__(self, *args):
        print("called", len(args))


def early(**options):
    return lambda folder: callbacks.EarlyStopping(**{"patience": 1, **options})


def plateau(**options):
    return lambda folder: callbacks.ReduceLROnPlateau(**{"patience": 1, "factor": 0.5, **options})


def checkpoint(**options):
    name = options.pop("filepath", "{epoch}.weights.h5" if options.get("save_weights_only") else "{epoch}.keras")
    return lambda folder: callbacks.ModelCheckpoint(str(folder / name), **options)


def csv_logger(**options):
    def make(folder):
        path = folder / options.get("filename", "log.csv")
        path.write_text("before\n")
        return callbacks.CSVLogger(path, **{k: v for k, v in options.items() if k != "filename"})

    return make


def scheduler(**options):
    return lambda folder: callbacks.LearningRateScheduler(**{"schedule": lambda e, rate: rate, **options})


def on(**functions):
    return lambda folder: callbacks.LambdaCallback(**functions)


BEST = {"save_best_only": True}
# (class, argument) -> (base case, changed case)
ROWS = {
    ("EarlyStopping", "monitor"): (early(), early(monitor="accuracy")),
    ("EarlyStopping", "min_delta"): (early(), early(min_delta=0.2)),
    ("EarlyStopping", "patience"): (early(), early(patience=3)),
    ("EarlyStopping", "verbose"): (early(), early(verbose=1)),
    ("EarlyStopping", "mode"): (early(), early(mode="max")),
    ("EarlyStopping", "baseline"): (early(patience=3), early(patience=3, baseline=0.1)),
    ("EarlyStopping", "restore_best_weights"): (early(), early(restore_best_weights=True)),
    ("EarlyStopping", "start_from_epoch"): (early(), early(start_from_epoch=5)),
    ("ReduceLROnPlateau", "monitor"): (plateau(), plateau(monitor="accuracy")),
    ("ReduceLROnPlateau", "factor"): (plateau(), plateau(factor=0.1)),
    ("ReduceLROnPlateau", "patience"): (plateau(), plateau(patience=3)),
    ("ReduceLROnPlateau", "verbose"): (plateau(), plateau(verbose=1)),
    ("ReduceLROnPlateau", "mode"): (plateau(), plateau(mode="max")),
    ("ReduceLROnPlateau", "min_delta"): (plateau(), plateau(min_delta=0.3)),
    ("ReduceLROnPlateau", "cooldown"): (plateau(), plateau(cooldown=3)),
    ("ReduceLROnPlateau", "min_lr"): (plateau(), plateau(min_lr=0.09)),
    ("ModelCheckpoint", "filepath"): (checkpoint(), checkpoint(filepath="other-{epoch}.keras")),
    ("ModelCheckpoint", "monitor"): (checkpoint(**BEST), checkpoint(**BEST, monitor="accuracy")),
    ("ModelCheckpoint", "verbose"): (checkpoint(), checkpoint(verbose=1)),
    ("ModelCheckpoint", "save_best_only"): (checkpoint(), checkpoint(**BEST)),
    ("ModelCheckpoint", "save_weights_only"): (
        checkpoint(filepath="{epoch}.h5"),
        checkpoint(filepath="{epoch}.weights.h5", save_weights_only=True),
    ),
    ("ModelCheckpoint", "mode"): (checkpoint(**BEST), checkpoint(**BEST, mode="max")),
    ("ModelCheckpoint", "save_freq"): (checkpoint(), checkpoint(save_freq=5)),
    ("ModelCheckpoint", "initial_value_threshold"): (
        checkpoint(**BEST),
        checkpoint(**BEST, initial_value_threshold=0.4),
    ),
    ("ModelCheckpoint", "period"): (checkpoint(), checkpoint(period=3)),
    ("CSVLogger", "filename"): (csv_logger(), csv_logger(filename="other.csv")),
    ("CSVLogger", "separator"): (csv_logger(), csv_logger(separator=";")),
    ("CSVLogger", "append"): (csv_logger(), csv_logger(append=True)),
    ("LearningRateScheduler", "schedule"): (scheduler(), scheduler(schedule=lambda e, rate: rate * 0.5)),
    ("LearningRateScheduler", "verbose"): (scheduler(), scheduler(verbose=1)),
    **{
        ("LambdaCallback", name): (on(), on(**{name: Called()}))
        for name in (
            "on_epoch_begin",
            "on_epoch_end",
            "on_train_begin",
            "on_train_end",
            "on_train_batch_begin",
            "on_train_batch_end",
        )
    },
}
ELSEWHERE = {
    **dict.fromkeys(
        ("BaseLogger", "ProgbarLogger", "RemoteMonitor", "SwapEMAWeights", "TerminateOnNaN"), "test_old_callbacks"
    ),
    "TensorBoard": "test_tensorboard.py",
    "BackupAndRestore": "test_saving_resume.py",
    "CallbackList": "test_callbacks.py",
    "MonitorCallback": "the base of EarlyStopping and ReduceLROnPlateau",
}


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_the_argument_acts(row, tmp_path, capsys):
    base, changed = ROWS[row]
    first = observe(base, tmp_path / "a", capsys)
    assert same(first, observe(base, tmp_path / "b", capsys))
    assert not same(first, observe(changed, tmp_path / "c", capsys))


def test_every_argument_has_a_row():
    wanted = set()
    for name in callbacks.__all__:
        cls = getattr(callbacks, name)
        if isinstance(cls, type) and issubclass(cls, callbacks.Callback) and name not in ELSEWHERE:
            wanted |= {(name, argument) for argument in parameters(cls)}
    assert wanted == set(ROWS)
