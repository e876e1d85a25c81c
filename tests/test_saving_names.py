"""Names without an ending, as scripts for TensorFlow and Keras 2 have them: they load under the same name."""

import io
import os
import zipfile

import numpy as np
import pytest

from pykernels import callbacks, layers, models
from pykernels.saving.names import latest_checkpoint

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small(compiled=True):
    model = models.Sequential([layers.Input((3,)), layers.Dense(2)])
    if compiled:
        model.compile("adam", "mse")
    return model


def same(one, other):
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


@pytest.mark.parametrize("name", ["plain", "saved_model/my_model", "model_v1.2", "m.tf", "m.ckpt", "folder/"])
@pytest.mark.parametrize("form", [None, "tf", "keras"])
def test_whole_models(name, form):
    model = small()
    model.fit(X, X[:, :2], verbose=0)
    model.save(name, save_format=form)
    twin = models.load_model(name)
    assert same(model, twin) and twin.optimizer.iterations == model.optimizer.iterations == 1
    other = small()
    model.fit(X, X[:, :2], verbose=0)
    model.save(name)  # the second time a file, or a folder, is there
    other.load_weights(name if not name.endswith("/") else f"{name}model.keras")
    assert same(model, other)
    with pytest.raises(FileExistsError):
        model.save(name, overwrite=False)


def test_into_a_folder_that_is_there(here):
    (here / "saved").mkdir()
    model = small()
    models.save_model(model, here / "saved")
    assert os.listdir("saved") == ["model.keras"] and zipfile.is_zipfile("saved/model.keras")
    assert same(model, models.load_model(str(here / "saved")))
    (here / "other").mkdir()
    with pytest.raises(ValueError, match=r"folder without a file model\.keras.*SavedModel"):
        models.load_model("other")


@pytest.mark.parametrize("form", [None, "h5"])
def test_open_files(form):
    model, file = small(), io.BytesIO(b"")
    model.save(file, save_format=form)
    file.seek(0)
    assert same(model, models.load_model(file))
    with open("model.bin", "wb") as target:
        models.save_model(model, target)
    assert same(model, models.load_model("model.bin"))


@pytest.mark.parametrize("name", ["weights", "checkpoint_dir/mnist.ckpt", "training/cp-0001.ckpt", "model.weights"])
def test_weights(name):
    model, other = small(), small()
    model.fit(X, X[:, :2], verbose=0)
    assert not os.path.exists(f"{name}.index")
    model.save_weights(name)
    assert os.path.exists(name) and os.path.exists(f"{name}.index")  # both are asked for by scripts
    other.load_weights(name)
    assert same(model, other)
    model.save_weights(name, save_format="tf")
    latest = latest_checkpoint(os.path.dirname(name))
    assert os.path.normpath(latest) == os.path.normpath(name)
    small().load_weights(latest)


def test_weights_in_the_layout_of_keras_2():
    model, other = small(), small()
    model.save_weights("w", save_format="h5")
    assert os.listdir() == ["w"]
    other.load_weights("w", by_name=False)
    assert same(model, other)


def test_refused_names(here):
    model = small()
    with pytest.raises(ValueError, match=r"use model\.save\('w\.keras'\)"):
        model.save_weights("w.keras")
    with pytest.raises(ValueError, match="Unknown `save_format`"):
        model.save_weights("w", save_format="npz")
    (here / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        model.save_weights("folder")
    (here / "real.index").write_bytes(b"of TensorFlow")
    with pytest.raises(ValueError, match="checkpoint of TensorFlow, which is not read"):
        model.load_weights("real")


def test_latest_checkpoint(here):
    assert latest_checkpoint(here) is None
    model = small()
    for epoch in range(3):
        model.save_weights(f'cp "{epoch}"')
    assert latest_checkpoint(here) == str(here / 'cp "2"')
    os.rename("checkpoint", "list")
    assert latest_checkpoint(here, "list") == str(here / 'cp "2"')
    (here / "checkpoint").write_text('model_checkpoint_path: "gone"\n')
    assert latest_checkpoint(here) is None
    (here / "checkpoint").write_bytes(b"\xff" * 100)
    assert latest_checkpoint(here) is None


@pytest.mark.parametrize("weights_only", [False, True])
def test_model_checkpoint(weights_only):
    model = small()
    name = "training_1/cp-{epoch:04d}.ckpt"
    callback = callbacks.ModelCheckpoint(name, save_weights_only=weights_only, monitor="loss")
    model.fit(X, X[:, :2], epochs=2, verbose=0, callbacks=[callback])
    other = small()
    other.load_weights("training_1/cp-0002.ckpt")
    assert same(model, other)
    if weights_only:
        assert latest_checkpoint("training_1") == "training_1/cp-0002.ckpt"
    else:
        assert same(models.load_model("training_1/cp-0002.ckpt"), model)


def test_model_checkpoint_keeps_the_best_under_one_name():
    model = small()
    best = callbacks.ModelCheckpoint("best", monitor="loss", save_best_only=True)
    model.fit(X, X[:, :2], epochs=3, verbose=0, callbacks=[best])
    assert same(models.load_model("best"), model)
