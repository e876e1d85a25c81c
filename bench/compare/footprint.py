"""Import time and installed size: what pykernels costs before it does anything.

python bench/compare/footprint.py [--python PYTHON] [--repeats 10]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
_FILES = """
import importlib.metadata, json
files = importlib.metadata.distribution("pykernels").files or []
sizes = {str(file): file.locate().stat().st_size for file in files if file.locate().exists()}
print(json.dumps({name: size for name, size in sizes.items() if not name.endswith(".pyc")}))
"""


def _run(python: str, code: str) -> str:
    # -I: neither the current folder nor the environment can get another pykernels in
    command = [python, "-I", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tempfile.gettempdir()).stdout


def import_seconds(python: str, modules: list[str], repeats: int) -> dict[str, float]:
    """Median seconds of importing each module in a new process; taken in turn, after one round unmeasured."""
    times: dict[str, list[float]] = {module: [] for module in modules}
    for repeat in range(repeats + 1):
        for module in modules:
            seconds = float(_run(python, _IMPORT.format(module)))
            if repeat:
                times[module].append(seconds)
    return {module: statistics.median(values) for module, values in times.items()}


def installed_files(python: str) -> dict[str, int]:
    """{file: bytes} of the installed distribution, without dependencies and compiled byte code."""
    files = json.loads(_run(python, _FILES))
    if not any(name.startswith("pykernels/_core.") for name in files):
        raise SystemExit(f"{python}: pykernels is not installed as files of its own (an editable install has none)")
    return files


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has pykernels; default: this one")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args(arguments)
    seconds = import_seconds(options.python, ["numpy", "pykernels", "pykernels.models"], options.repeats)
    files = installed_files(options.python)
    print("| import (median) | ms | x numpy |")
    print("|---|--:|--:|")
    for module, value in seconds.items():
        print(f"| {module} | {1e3 * value:.1f} | {value / seconds['numpy']:.2f} |")
    print(f"\ninstalled: {sum(files.values()) / 1e6:.2f} MB in {len(files)} files; the largest:")
    for name in sorted(files, key=files.__getitem__, reverse=True)[:5]:
        print(f"  {files[name] / 1e6:8.3f} MB  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
