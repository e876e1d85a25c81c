"""Check what a wheel of pykernels holds: one extension, its stub, py.typed, the bundled data; no sources, no tests.

The extension links an OpenMP runtime as a shared library, and besides that only what every Linux has (readelf says it).
`auditwheel repair` puts the runtime and others that it finds into `pykernels.libs`, which is allowed.

    python check_wheel.py WHEEL
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LIMIT = 10_000_000
OPENMP = re.compile(r"lib(gomp|omp|iomp5)\b.*\.so")
SYSTEM = re.compile(r"(lib(c|m|dl|pthread|stdc\+\+|gcc_s)|ld-linux.*)\.so\.\d+$")


def _linked(extension):
    """Names of the shared libraries that the bytes of an ELF file need."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "_core.so")
        path.write_bytes(extension)
        done = subprocess.run(["readelf", "--dynamic", str(path)], check=True, capture_output=True, text=True)
    return re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout)


def _belongs(name):
    parts = name.split("/")
    if parts[0] == "pykernels.libs":
        return ".so" in name
    if parts[0] != "pykernels" and not parts[0].endswith(".dist-info"):
        return False
    source = name.endswith((".cpp", ".h", ".o", ".a", ".pyc", ".cmake", "CMakeLists.txt"))
    return not source and not {"csrc", "tests", "bench", ".ci", "__pycache__"}.intersection(parts)


def main(path):
    with zipfile.ZipFile(path) as wheel:
        entries = wheel.infolist()
        names = [entry.filename for entry in entries]
        extensions = [n for n in names if n.endswith((".so", ".pyd", ".dylib")) and not n.startswith("pykernels.libs/")]
        linked = [library for name in extensions if name.endswith(".so") for library in _linked(wheel.read(name))]
    installed = sum(entry.file_size for entry in entries)
    wrong = [name for name in names if not _belongs(name)]
    problems = [f"does not belong there: {name}" for name in wrong]
    if len(extensions) != 1 or not extensions[0].startswith("pykernels/_core."):
        problems.append(f"expected one extension, pykernels/_core: got {extensions}")
    if not any(OPENMP.match(library) for library in linked):
        problems.append(f"no OpenMP runtime is linked as a shared library, only {linked}")
    for library in linked:
        if not OPENMP.match(library) and not SYSTEM.match(library):
            problems.append(f"needs {library}, which not every system has")
    for needed in ("pykernels/_core.pyi", "pykernels/py.typed", "pykernels/__init__.py"):
        if needed not in names:
            problems.append(f"missing: {needed}")
    if not any(name.endswith(".npz") for name in names):
        problems.append("missing: the bundled digits (.npz)")
    if not any("/licenses/LICENSE" in name or name.endswith(".dist-info/LICENSE") for name in names):
        problems.append("missing: LICENSE")
    if installed > LIMIT:
        problems.append(f"{installed:,} bytes installed, limit {LIMIT:,}")
    print(*problems, sep="\n" if problems else "")
    print(f"{len(names)} files, {installed / 1e6:.2f} MB installed, extension {extensions}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
