"""Files that other versions of Keras wrote, from 1.0 of 2016 to 3.13, in `tests/gallery`: each opens here and predicts
what its writer predicted, before and after one more step of training (so the state of the optimizer came along).

`tests/gallery/write.py` made them, run by the version that the name of the archive says; the families of layers are in
`families.py` and `families1.py` beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "gallery"))
import reading

GALLERIES = sorted(reading.FOLDER.glob("*.tar.xz"))


# What may be said: of models that were not compiled, of optimizers whose state an archive has not, of weights that are
# read into a model that is compiled otherwise (to_json of Keras 3 leaves the optimizer out).
EXPECTED = (
    "so the model was *not* compiled",
    "has no state of the optimizer",
    "Skipping variable loading for optimizer",
)


def files():
    return [
        pytest.param(gallery, name, id=f"{gallery.name.removesuffix('.tar.xz')}-{name}")
        for gallery in GALLERIES
        for name in reading.names(gallery)
    ]


@pytest.mark.parametrize(("gallery", "name"), files())
def test_file(gallery, name, tmp_path):
    opened = reading.Opened(gallery, name, tmp_path)
    opened.check()
    for text in opened.warnings:
        assert any(expected in text for expected in EXPECTED), text
