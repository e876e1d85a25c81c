"""Check what a wheel of pykernels holds: one extension, its stub, py.typed, the bundled data; no sources, no tests.

python check_wheel.py WHEEL
"""

import sys
import zipfile

LIMIT = 10_000_000


def _belongs(name):
    parts = name.split("/")
    if parts[0] != "pykernels" and not parts[0].endswith(".dist-info"):
        return False
    source = name.endswith((".cpp", ".h", ".o", ".a", ".pyc", ".cmake", "CMakeLists.txt"))
    return not source and not {"csrc", "tests", "bench", ".ci", "__pycache__"}.intersection(parts)


def main(path):
    with zipfile.ZipFile(path) as wheel:
        entries = wheel.infolist()
    names = [entry.filename for entry in entries]
    installed = sum(entry.file_size for entry in entries)
    extensions = [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    wrong = [name for name in names if not _belongs(name)]
    problems = [f"does not belong there: {name}" for name in wrong]
    if len(extensions) != 1 or not extensions[0].startswith("pykernels/_core."):
        problems.append(f"expected one extension, pykernels/_core: got {extensions}")
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
