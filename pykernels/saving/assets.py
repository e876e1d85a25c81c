"""Files that layers keep beside their weights in a `.keras` archive: vocabularies.

Keras 3's layout: what `save_assets(folder)` of a layer writes is `assets/PATH/...`, where PATH is the layer's in the
weights.
"""

from __future__ import annotations

import os
import pathlib
import tempfile

from .archive import KerasArchive
from .tree import walk

_ROOT = "assets"


def collect(model) -> dict[str, bytes]:
    """Name in the archive -> contents, of what the layers of a model write."""
    found: dict[str, bytes] = {}
    for path, layer in walk(model):
        if _has(layer, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                layer.save_assets(folder)
                for file in sorted(pathlib.Path(folder).rglob("*")):
                    if file.is_file():
                        inside = file.relative_to(folder).as_posix()
                        found["/".join(part for part in (_ROOT, path, inside) if part)] = file.read_bytes()
    return found


def restore(model, archive: KerasArchive) -> None:
    """Gives each layer that reads files those of its path.

    Raises:
        ValueError: a member whose name leads out of its folder. OSError: a damaged member.
    """
    for path, layer in walk(model):
        if not _has(layer, "load_assets"):
            continue
        before = "/".join(part for part in (_ROOT, path) if part) + "/"
        names = [name for name in archive.names() if name.startswith(before) and not name.endswith("/")]
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                inside = name[len(before) :].split("/")
                if any(part in ("", ".", "..") or os.sep in part for part in inside):
                    raise ValueError(f"{archive.path}: the name '{name}' leads out of its folder, which is refused.")
                target = os.path.join(folder, *inside)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(archive.data(name))
            layer.load_assets(folder)


def _has(layer, method: str) -> bool:
    return callable(getattr(layer, method, None))
