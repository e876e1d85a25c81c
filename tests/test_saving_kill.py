"""A killed training goes on from its last checkpoint to the same bits; PYKERNELS_KILLS=200 for the long run."""

from __future__ import annotations

import os
import pathlib
import sys

import pykernels as pk

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kill_resume


def test_killed_trainings_end_in_the_same_bits(monkeypatch):
    root = str(pathlib.Path(pk.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    result = kill_resume.run(int(os.environ.get("PYKERNELS_KILLS", "2")), epochs=6)
    assert result["different"] == result["debris"] == 0, result
