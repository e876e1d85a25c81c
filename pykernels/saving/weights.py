"""`Model.save_weights` and `Model.load_weights`."""

from __future__ import annotations

import os

from ..utils.atomic import atomic_write
from ..utils.load_budget import LoadBudget
from . import assets, keras3, legacy_weights, names
from .archive import KerasArchive
from .checkpoints import remember
from .errors import reading
from .hdf5.reader import Hdf5File, is_hdf5
from .tree import reading_all

_FORMATS = ("h5", "hdf5", "keras", "tf", "tensorflow")


def save_weights(model, filepath, overwrite: bool = True, save_format=None) -> None:
    """See `Model.save_weights`."""
    import h5py

    path = names.text_of(filepath)
    if path.endswith(".keras"):
        raise ValueError(
            f"`.keras` files hold whole models: use model.save({path!r}), or save the weights to a file that ends in "
            "`.weights.h5`."
        )
    form = None if save_format is None else str(save_format).lower()
    if form is not None and form not in _FORMATS:
        raise ValueError(f"Unknown `save_format` argument: {save_format!r}. Use 'h5', or leave it out.")
    named = names.has_ending(path, names.WEIGHTS_ENDINGS)
    if not model.built:
        raise ValueError(
            f"Model '{model.name}' has no weights to save yet: build it with model.build(input_shape) or train it."
        )
    old = form in ("h5", "hdf5") if not named else not path.endswith(".weights.h5")
    write = legacy_weights.write if old else keras3.write
    target = path if named else names.place_of_weights(path)
    with reading_all(model), atomic_write(target, overwrite) as file, h5py.File(file, "w") as h5:
        write(model, h5)
    if not named and not old:
        names.list_weights(path)


def load_weights(model, filepath, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """See `Model.load_weights`."""
    path = names.text_of(filepath)
    if not model.built:
        raise ValueError(
            f"Model '{model.name}' has no variables yet, so that weights cannot be loaded. Build it first: "
            "model.build(input_shape), or call it on data."
        )
    if not os.path.exists(path):
        if os.path.exists(f"{path}.index"):
            raise ValueError(
                f"{path} is a checkpoint of TensorFlow, which is not read. Load it in TensorFlow and save the weights "
                "to a file that ends in `.weights.h5` or `.h5`."
            )
        raise FileNotFoundError(f"There is no weights file {path}.")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder, not a weights file.")
    is_weights_file = is_hdf5(path)  # raises for what is not a file
    with reading(path), LoadBudget(path, os.path.getsize(path)):
        if not is_weights_file and KerasArchive.looks_like(path):
            with KerasArchive.open(path) as archive:
                h5 = archive.weights(verify=True)
                _refuse_by_name(by_name)
                keras3.read(model, h5, skip_mismatch)
                assets.restore(model, archive)
                remember(model, h5)
            return
        with Hdf5File.open(path) as h5:
            if legacy_weights.is_legacy(h5):
                legacy_weights.read(model, h5, skip_mismatch, by_name)
            else:
                _refuse_by_name(by_name)
                keras3.read(model, h5, skip_mismatch)
                remember(model, h5)


def _refuse_by_name(by_name: bool) -> None:
    if by_name:
        raise ValueError("by_name=True works with weights files of Keras 1 and 2 only; this one is of Keras 3.")
