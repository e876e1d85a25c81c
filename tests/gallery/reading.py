"""Opens the files of a gallery with pykernels and compares what they predict, before and after one more step."""

from __future__ import annotations

import functools
import io
import pathlib
import tarfile
import types
import warnings

import numpy as np
from families_training import custom_objects

import pykernels as pk

FOLDER = pathlib.Path(__file__).parent
ENDINGS = (".weights.h5", "-weights.h5", ".keras", ".h5", ".json")
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}
AFTER_A_STEP = {"rtol": 1e-3, "atol": 2e-4}


def library():
    """pykernels, as the families want it."""
    return types.SimpleNamespace(
        layers=pk.layers, models=pk.models, version=(3, 12), mean=pk.ops.mean, keras=pk, text="pykernels"
    )


def split(name: str) -> tuple[str, str]:
    """(family, ending) of a file."""
    for ending in ENDINGS:
        if name.endswith(ending):
            return name[: -len(ending)], ending
    return name, ""


@functools.lru_cache(4)
def members(gallery) -> dict[str, bytes]:
    """The files in a gallery."""
    with tarfile.open(gallery, "r:xz") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}


def names(gallery) -> list[str]:
    """The model files in a gallery."""
    return [name for name in members(gallery) if not name.endswith(".npz")]


# Optimizers of `keras.optimizers.legacy` have no state in archives: that of the writer is lost.
_WITHOUT_STATE = ("optimizer_legacy_", "optimizer_adam_decay", "optimizer_sgd_decay")


class Opened:
    """A file of a gallery: its model, and what belongs to it.

    Args:
        gallery: path of the archive. name: the file in it. folder: where it is unpacked.
    """

    def __init__(self, gallery, name: str, folder):
        self.family, self.ending = split(name)
        files = members(gallery)
        self.arrays = dict(np.load(io.BytesIO(files[self.family + ".npz"])))
        for beside in {name, *(self.family + ending for ending in (".json", ".weights.h5", "-weights.h5"))}:
            if beside in files:
                (pathlib.Path(folder) / beside).write_bytes(files[beside])
        self.path = pathlib.Path(folder) / name
        objects = custom_objects(library())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.model = self._model(objects)
        self.warnings = [str(w.message) for w in caught]

    def _model(self, objects):
        if self.ending in (".keras", ".h5"):
            return pk.models.load_model(self.path, custom_objects=objects, safe_mode=False)
        if self.family == "subclass":
            model = objects["Block"]()
            model(np.zeros((1, 4), "float32"))
        else:
            text = (self.path.parent / (self.family + ".json")).read_text()
            with pk.saving.custom_object_scope(objects), pk.utils.serialization.safe_mode_scope(False):
                model = pk.models.model_from_json(text)
        weights = self.path
        if self.ending == ".json":
            weights = next(p for e in ENDINGS[:2] if (p := self.path.parent / (self.family + e)).exists())
        model.load_weights(weights)
        return model

    def _list(self, key: str) -> list:
        return [self.arrays[f"{key}{i}"] for i in range(9) if f"{key}{i}" in self.arrays]

    def compare(self, key: str, tolerance) -> None:
        xs = self._list("x")
        got = self.model.predict(xs if len(xs) > 1 else xs[0], verbose=0)
        got = list(got) if isinstance(got, (list, tuple)) else [got]
        want = self._list(key)
        assert len(got) == len(want), f"{len(got)} outputs instead of {len(want)}"
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, **tolerance, err_msg=f"{self.path.name}: {key}")

    def step(self) -> None:
        xs, ts = self._list("x"), self._list("t")
        averages = [(w, w.numpy().copy()) for w in self.model.weights if w.name.startswith("moving_")]
        self.model.train_on_batch(xs if len(xs) > 1 else xs[0], ts if len(ts) > 1 else ts[0])
        for w, value in averages:
            w.assign(value)  # versions move them differently, and the writer put them back too

    def check(self) -> None:
        """Raises AssertionError unless the model predicts what its writer predicted."""
        self.compare("y", TOLERANCE)
        if self.ending == ".keras" and self.family.startswith(_WITHOUT_STATE):
            assert any("no state of the optimizer" in text for text in self.warnings), self.warnings
        elif self.ending in (".keras", ".h5") and "next0" in self.arrays:
            assert self.model.compiled, "it is not compiled"
            self.step()
            self.compare("next", AFTER_A_STEP)
