"""A training that was interrupted and goes on ends in the bits of one that was not: every kind of input."""

from __future__ import annotations

import json
import os

import h5py
import numpy as np
import pytest

import pykernels as pk
from pykernels import callbacks, layers, models
from pykernels.preprocessing.image import ImageDataGenerator


class Stop(Exception):  # noqa: N818 - stops a training from within
    pass


class StopAt(callbacks.Callback):
    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Stop


class UnseededDropout(layers.Layer):
    def call(self, x, training=False):
        return pk.random.dropout(x, 0.3) if training else x


def data():
    rng = np.random.RandomState(0)
    return rng.rand(60, 6).astype("float32"), rng.randint(0, 3, 60)


class Batches:
    def __len__(self):
        return 7

    def __getitem__(self, i):
        x, y = data()
        return x[i * 8 : i * 8 + 8], y[i * 8 : i * 8 + 8]


def generator():
    rng = np.random.RandomState(5)
    x, y = data()
    while True:
        first = rng.randint(0, 50)
        yield x[first : first + 10], y[first : first + 10]


def arrays(**kwargs):
    x, y = data()
    return {"x": x, "y": y, "batch_size": 16, **kwargs}


def images(**kwargs):
    """An iterator of images that shuffles and changes them, as `flow` gives it; `build` takes its 6 numbers."""
    x, y = data()
    generator = ImageDataGenerator(horizontal_flip=True, width_shift_range=0.3)
    iterator = generator.flow(x.reshape(60, 1, 6, 1), y, batch_size=16, **kwargs)
    return {"x": iterator}


INPUTS = {
    "arrays": arrays,
    "steps": lambda: arrays(steps_per_epoch=3),
    "blocks": lambda: arrays(shuffle="batch"),
    "in order": lambda: arrays(shuffle=False),
    "validation": lambda: arrays(validation_split=0.2),
    "sequence": lambda: {"x": Batches()},
    "generator": lambda: {"x": generator(), "steps_per_epoch": 4},
    "images": images,
    "images with a seed": lambda: images(seed=3),
    "images, other epochs": lambda: {**images(seed=3), "steps_per_epoch": 3},
}


def build(seed, shape=(6,)):
    pk.utils.set_random_seed(seed)
    stack = [layers.Dense(8, activation="relu"), layers.Dropout(0.5), UnseededDropout(), layers.Dense(3)]
    flat = [layers.Flatten()] if len(shape) > 1 else []
    model = pk.Sequential([pk.Input(shape), *flat, *stack, layers.Softmax()])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bits(model):
    return b"".join(w.tobytes() for w in model.get_weights() + model.optimizer.get_weights())


def watchers():
    return [
        callbacks.ReduceLROnPlateau("loss", factor=0.9, patience=1, min_delta=0.2),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.95),
        callbacks.EarlyStopping("loss", patience=2, min_delta=0.02, restore_best_weights=True),
    ]


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize("kind", INPUTS)
def test_backup_and_restore(tmp_path, kind, save_freq):
    def fit(seed, *more):
        model = build(seed, (1, 6, 1) if "images" in kind else (6,))
        backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=save_freq)
        history = model.fit(**INPUTS[kind](), epochs=4, verbose=0, callbacks=[backup, *watchers(), *more])
        return bits(model), history.history["loss"][-1]

    want = fit(1)
    assert not (tmp_path / "backup").exists()
    for at in (1, 4, 5, 9):
        with pytest.raises(Stop):
            fit(1, StopAt(at))
        there = (tmp_path / "backup" / "latest.weights.h5").exists()
        assert fit(2 if there else 1) == want, at


def test_model_checkpoint(tmp_path):
    x, y = data()
    model = build(1)
    kinds = [
        callbacks.ModelCheckpoint(tmp_path / "new" / "{epoch:02d}.keras"),
        callbacks.ModelCheckpoint(tmp_path / "{epoch}-{val_acc:.2f}-{accuracy:.1f}.weights.h5", save_weights_only=True),
    ]
    model.fit(x, y, epochs=4, verbose=0, validation_split=0.2, callbacks=kinds)
    pk.utils.set_random_seed(77)
    again = models.load_model(tmp_path / "new" / "02.keras", custom_objects={"UnseededDropout": UnseededDropout})
    again.fit(x, y, epochs=4, initial_epoch=2, verbose=0, validation_split=0.2)
    assert bits(again) == bits(model)
    again = build(9)
    again.load_weights(next(tmp_path.glob("3-*.weights.h5")))
    again.fit(x, y, epochs=4, initial_epoch=3, verbose=0, validation_split=0.2)
    assert bits(again) == bits(model)


def test_a_model_from_a_checkpoint_is_an_ordinary_model(tmp_path):
    """Nothing of the checkpoint is left for a training that does not go on from it."""
    x, y = data()
    model = build(1)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "m.keras")])
    state = np.random.get_state()[1].copy()
    again = models.load_model(tmp_path / "m.keras", custom_objects={"UnseededDropout": UnseededDropout})
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert len(again.fit(x, y, epochs=3, verbose=0).epoch) == 3


def test_saves_the_best(tmp_path, capsys):
    x, y = data()
    model = build(1)
    best = callbacks.ModelCheckpoint(tmp_path / "best.h5", monitor="acc", save_best_only=True, verbose=1, mode="max")
    history = model.fit(x, y, epochs=6, verbose=0, callbacks=[best])
    assert best.best == max(history.history["accuracy"])
    out = capsys.readouterr().out
    assert "Epoch 1: acc improved from None to" in out
    missing = callbacks.ModelCheckpoint(tmp_path / "x.keras", save_best_only=True)
    with pytest.warns(UserWarning, match="Can save best model only with val_loss available"):
        model.fit(x, y, verbose=0, callbacks=[missing])
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch}.{batch:02d}.weights.h5", save_weights_only=True, save_freq=2)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[every])
    assert sorted(p.name for p in tmp_path.glob("*.weights.h5")) == [
        f"{e}.{b:02d}.weights.h5" for e in (1, 2) for b in (2, 4)
    ]
    period = callbacks.ModelCheckpoint(tmp_path / "p{epoch}.keras", period=2)
    model.fit(x, y, epochs=4, verbose=0, callbacks=[period])
    assert sorted(p.name for p in tmp_path.glob("p*")) == ["p2.keras", "p4.keras"]


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"must end in `\.keras`"):
        callbacks.ModelCheckpoint("x.weights.h5")
    with pytest.raises(ValueError, match=r"must end in `\.weights\.h5`"):
        callbacks.ModelCheckpoint("x.keras", save_weights_only=True)
    with pytest.raises(ValueError, match="Unrecognized save_freq"):
        callbacks.ModelCheckpoint("x.keras", save_freq="batch")
    with pytest.raises(ValueError, match="Empty `backup_dir`"):
        callbacks.BackupAndRestore("")
    x, y = data()
    with pytest.raises(KeyError, match="Failed to format"):
        build(1).fit(x, y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "{nothing}.keras")])
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(OSError, match="non-directory"):
        build(1).fit(x, y, verbose=0, callbacks=[callbacks.ModelCheckpoint(tmp_path / "folder.keras")])


@pytest.mark.parametrize("feed", [[], "x", {"start": 1}, {"now": "x"}])
def test_a_damaged_place_in_the_data_is_refused(tmp_path, feed):
    x, y = data()
    model, folder = build(1), tmp_path / "backup"
    options = {"epochs": 1, "verbose": 0}
    model.fit(x, y, callbacks=[callbacks.BackupAndRestore(folder, delete_checkpoint=False)], **options)
    with h5py.File(folder / "latest.weights.h5", "r+") as file:
        attrs = file["training_state"].attrs
        attrs["values"] = json.dumps({**json.loads(attrs["values"]), "feed": feed})
    with pytest.raises(ValueError, match="the state of the training in it is damaged"):
        model.fit(x, y, callbacks=[callbacks.BackupAndRestore(folder)], **options)


@pytest.mark.parametrize("options", [{"batch_size": 16, "steps_per_epoch": 2}, {"batch_size": 32}], ids=str)
def test_a_place_that_other_batches_do_not_have_is_refused(tmp_path, options):
    x, y = data()
    model, folder = build(1), tmp_path / "backup"
    backup = callbacks.BackupAndRestore(folder, save_freq=3, delete_checkpoint=False)
    model.fit(x, y, batch_size=16, verbose=0, callbacks=[backup])  # kept at the third batch of four
    with pytest.raises(ValueError, match="another `batch_size` or `steps_per_epoch`"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, save_freq=3)], **options)


def test_damaged_and_foreign_backups(tmp_path):
    x, y = data()
    folder = tmp_path / "backup"

    def fit(epochs, seed=1, rows=60, **kwargs):
        model = build(seed)
        backup = callbacks.BackupAndRestore(folder, double_checkpoint=True, delete_checkpoint=False, **kwargs)
        return model, model.fit(x[:rows], y[:rows], epochs=epochs, verbose=0, callbacks=[backup])

    fit(2)
    assert sorted(os.listdir(folder)) == ["latest.weights.h5", "latest.weights.h5.bkp", "training_metadata.json"]
    assert fit(3)[1].epoch == [2]
    latest = folder / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:3000])
    with pytest.warns(UserWarning, match="The checkpoint before it is used"):
        assert fit(4)[1].epoch == [2, 3]
    with pytest.raises(ValueError, match="60 rows; `x` has 50"):
        fit(5, rows=50, save_freq=1)
    keras = pytest.importorskip("keras")
    theirs = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="softmax")])
    theirs.compile("adam", "sparse_categorical_crossentropy")
    options = {"epochs": 2, "verbose": 0}
    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "theirs"), delete_checkpoint=False)
    theirs.fit(x, y, callbacks=[backup], **options)
    ours = pk.Sequential([pk.Input((6,)), layers.Dense(3, activation="softmax")])
    ours.compile("adam", "sparse_categorical_crossentropy")
    backup = callbacks.BackupAndRestore(tmp_path / "theirs")
    assert ours.fit(x, y, epochs=3, verbose=0, callbacks=[backup]).epoch == [2]
