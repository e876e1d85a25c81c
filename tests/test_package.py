"""The package itself: quiet, light, small, typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from conftest import ANY_ISA

import pykernels
from pykernels import _core, config_info

HEAVY = ("matplotlib", "h5py", "PIL", "scipy", "pandas", "keras", "tensorflow", "torch", "jax", "IPython")


def test_import_prints_nothing(run_python):
    done = run_python("-X", "dev", "-W", "error", "-c", "import pykernels", check=True)
    assert (done.stdout, done.stderr) == ("", "")
    everything = "import pykernels.layers, pykernels.models, pykernels.callbacks, pykernels.datasets.mnist"
    done = run_python("-c", everything, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_import_loads_nothing_heavy(run_python):
    code = "import json, sys, pykernels, pykernels.layers, pykernels.models; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.partition(".")[0] for name in json.loads(run_python("-c", code, check=True).stdout)}
    assert not loaded & set(HEAVY)


def test_bare_import_loads_little_beyond_numpy(run_python):
    """`import pykernels` may cost 1.3 times `import numpy`: hardly any module of ours is loaded by it."""
    code = "import sys, numpy; a = set(sys.modules); import pykernels; print(len(set(sys.modules) - a))"
    assert int(run_python("-c", code, check=True).stdout) <= 10


def test_installed_size():
    folder = Path(pykernels.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    if not any(path.name.startswith("_core.") and path.suffix == ".so" for path in files):  # an editable install
        size += Path(_core.__file__).stat().st_size
    assert 10_000 < size < 10_000_000


def test_the_package_is_typed():
    folder = Path(pykernels.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_core.pyi").exists()


def test_show_config():
    out = io.StringIO()
    pykernels.show_config(out)
    text = out.getvalue()
    info = config_info.config()
    assert info["version"] == pykernels.__version__ == _core.__version__
    assert info["isa"] in info["available_isas"] and "scalar" in info["available_isas"]
    assert info["threads"] >= 1
    for word in (info["version"], info["isa"], "openmp", "compiler", "numpy"):
        assert word in text


@pytest.mark.parametrize("isa", _core.available_isas())
def test_a_lower_instruction_set_can_be_forced(run_python, isa):
    code = "from pykernels import _core; print(_core.isa())"
    assert run_python("-c", code, env={"PYKERNELS_ISA": isa}, check=True).stdout.strip() == isa


def test_an_unknown_or_missing_instruction_set_fails_loudly(run_python):
    done = run_python("-c", "import pykernels", env={"PYKERNELS_ISA": "sse9"})
    assert done.returncode != 0 and "PYKERNELS_ISA" in done.stderr and "sse9" in done.stderr
    lacking = [isa for isa in ("avx2", "avx512", "neon", "amx") if isa not in _core.available_isas()]
    for isa in lacking:
        done = run_python("-c", "import pykernels", env={"PYKERNELS_ISA": isa})
        assert done.returncode != 0 and "PYKERNELS_ISA" in done.stderr


def test_every_public_name_is_there():
    for name in pykernels.__all__:
        assert getattr(pykernels, name) is not None, name
    with pytest.raises(AttributeError, match="nonsense"):
        pykernels.nonsense  # noqa: B018


def test_what_runs_on_one_instruction_set_exists():
    """A renamed module or test would run on every level again, and nobody would notice the minutes."""
    folder = Path(__file__).parent
    for name in ANY_ISA:
        module, _, function = name.partition("::")
        assert f"def {function or 'test_'}" in (folder / f"{module}.py").read_text(), name
