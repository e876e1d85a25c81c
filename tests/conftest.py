"""What all tests share: the report header, the installed package instead of the checkout, data, subprocesses."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however slow the machine: a commit passes or fails, whenever it is tested.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def _choose_the_package() -> None:
    """Test the installed package where there is one, else the checkout with a compiled core in it.

    `python -m pytest` puts the checkout on the path, in front of what is installed.
    """
    try:
        importlib.metadata.distribution("pykernels")
    except importlib.metadata.PackageNotFoundError:
        os.environ["PYTHONPATH"] = str(ROOT)  # for the processes that tests start
    else:
        sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]


_choose_the_package()


#: Modules and tests whose results do not depend on the instruction set: files, data, arguments, messages, pictures, the
#: order of calls. `--isa-dependent` leaves them out, so that `.ci/run` runs them once; what is not named there runs on
#: every level.
ANY_ISA = frozenset(Path(__file__).with_name("any_isa.txt").read_text().split())


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--isa-dependent", action="store_true", help="leave out tests that give the same on every instruction set"
    )


def pytest_collection_modifyitems(config, items) -> None:
    if not config.getoption("--isa-dependent"):
        return
    names = [(item.path.stem, f"{item.path.stem}::{item.originalname}") for item in items]
    dependent = [not ANY_ISA.intersection(name) for name in names]
    config.hook.pytest_deselected(items=[item for item, keep in zip(items, dependent, strict=True) if not keep])
    items[:] = [item for item, keep in zip(items, dependent, strict=True) if keep]


def pytest_report_header() -> list[str]:
    import pykernels
    from pykernels import _core

    versions = []
    for name in ("numpy", "h5py", "keras", "jax"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    levels = ", ".join(_core.available_isas())
    return [
        f"pykernels {pykernels.__version__} from {Path(pykernels.__file__).parent}",
        f"instruction set {_core.isa()} of {levels}; {_core.num_threads()} threads; {platform.machine()}",
        ", ".join(versions),
    ]


def _shared(path: str) -> Path:
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"needs {path} in the folder 'shared' beside the checkout")
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the checkout; the test is skipped where it is absent."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_seeds() -> Path:
    """The folder of documents whose programs have to run; the test is skipped where it is absent."""
    return _shared("seeds")


@pytest.fixture
def seed(shared_seeds):
    """A function from a document's number to its text."""
    return lambda number: next(shared_seeds.glob(f"{number}_*.txt")).read_text(encoding="utf-8")


@pytest.fixture
def run_python(tmp_path):
    """A function that runs Python with the given arguments in an empty folder and returns the finished process.

    Keyword arguments: `env` (added to the environment, None removes), `stdin` (text), `timeout` in seconds, `check`
    (fail the test when the exit code is not 0).
    """

    def run(*arguments, env=None, stdin="", timeout=300, check=False):
        environment = {**os.environ, **(env or {})}
        environment = {key: value for key, value in environment.items() if value is not None}
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path, input=stdin, timeout=timeout
        )
        if check and done.returncode != 0:
            pytest.fail(f"{command} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}")
        return done

    return run
