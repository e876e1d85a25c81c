"""What this build of pykernels is and how it will run here."""

from __future__ import annotations

import sys
from typing import Any, TextIO

import numpy as np

from pykernels import _core


def version() -> str:
    """The version of pykernels, for example ``"0.1.0"``."""
    return _core.__version__


def config() -> dict[str, Any]:
    """Version, instruction set, threads and compiler, as a dict.

    ``isa`` is the level in use (``PYKERNELS_ISA`` forces a lower one), ``available_isas`` what this machine can run,
    ``threads`` how many threads large work uses when this thread calls it: what the program asked of the OpenMP runtime
    (``omp_set_num_threads``, threadpoolctl), else ``OMP_NUM_THREADS``, else what the affinity mask and the cgroup limit
    allow. ``openmp`` is the OpenMP version and the runtime's file, or says that the build has none.
    The other keys are those of the compiled core (compiler).
    """
    return {
        "version": version(),
        "isa": _core.isa(),
        "available_isas": list(_core.available_isas()),
        "threads": _core.num_threads(),
        **{key: value for key, value in _core.build_info().items() if key != "version"},
        "python": sys.version.split()[0],
        "numpy": np.__version__,
    }


_LABELS = {"version": "pykernels", "isa": "instruction set", "available_isas": "available"}


def show_config(file: TextIO | None = None) -> None:
    """Print `config`, one line an entry, to `file` (default: standard output)."""
    rows = [(_LABELS.get(key, key.replace("_", " ")), value) for key, value in config().items()]
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        print(f"{label:<{width}}  {text}", file=file)
