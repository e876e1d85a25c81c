"""The public names of the installed Keras by module; `python tests/keras_api.py` writes the table of the package.

Keras's public modules are the packages below `keras/` other than `keras/src`: each lists its names in `__init__.py`.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "pykernels/compat/keras_names.txt"
_NOT_PUBLIC = ("src", "_tf_keras")


def public_names() -> dict[str, list[str]]:
    """{module without `keras.` ("" for the root): its public names, submodules left out}."""
    root = Path(importlib.util.find_spec("keras").origin).parent
    names = {}
    for path in sorted(root.rglob("__init__.py")):
        parts = path.parent.relative_to(root).parts
        if not set(parts) & set(_NOT_PUBLIC):
            names[".".join(parts)] = sorted(_names_in(path, root))
    return names


def _names_in(path: Path, root: Path) -> set[str]:
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if not name.startswith("_") and not (path.parent / name / "__init__.py").exists():
                    found.add(name)
    return found


def as_text(names: dict[str, list[str]], version: str) -> str:
    lines = [f"# The public names of Keras {version}, made by tests/keras_api.py. A line: module: names."]
    lines += [f"{module or '.'}: {' '.join(found)}".rstrip() for module, found in sorted(names.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from importlib.metadata import version

    TABLE.write_text(as_text(public_names(), version("keras")))
