"""Names without an ending of their own, as scripts for TensorFlow and Keras 2 have them, and open files.

`model.save("name")` writes an archive as for `name.keras`, into the file `name`, or into `name/model.keras` if `name`
is a folder or ends in a slash. `model.save_weights("name")` writes an HDF5 file `name`, and beside it what such scripts
look for: `name.index`, and `checkpoint`, which says which name was written last. Loading goes by the contents.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator

from ..utils.atomic import atomic_write
from ..utils.regular_files import read_regular

MODEL_ENDINGS = (".keras", ".h5", ".hdf5")
WEIGHTS_ENDINGS = (".weights.h5", ".h5", ".hdf5")
_IN_FOLDER = "model.keras"
_LIST, _LIST_LIMIT = "checkpoint", 1 << 20
_INDEX = "pykernels: the weights are in the HDF5 file beside this one, of the same name without .index\n"
_LATEST = re.compile(r'^model_checkpoint_path: "((?:[^"\\]|\\.)*)"', re.MULTILINE)


def text_of(filepath) -> str:
    """A path as str. Raises TypeError for what is no path."""
    path = os.fspath(filepath)
    return os.fsdecode(path)


def has_ending(path: str, endings) -> bool:
    """Whether a path ends in one of `endings`."""
    return path.endswith(endings)


def place_of_model(path: str) -> str:
    """The file that a model saved as `path`, which has no ending, goes into. Missing folders are made, as TensorFlow
    makes them."""
    if os.path.isdir(path) or path.endswith(("/", os.sep)):
        path = os.path.join(path, _IN_FOLDER)
    _make_folder(path)
    return path


def _make_folder(path: str) -> None:
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)


def model_in(folder: str) -> str:
    """The file of the model in a folder.

    Raises:
        ValueError: there is none.
    """
    found = os.path.join(folder, _IN_FOLDER)
    if not os.path.isfile(found):
        raise ValueError(
            f"{folder} is a folder without a file {_IN_FOLDER}. TensorFlow's SavedModel format is not read; save the "
            "model as `.keras` or `.h5`."
        )
    return found


def place_of_weights(path: str) -> str:
    """The file that weights saved as `path`, which has no ending, go into. Raises IsADirectoryError for a folder."""
    if os.path.isdir(path) or path.endswith(("/", os.sep)):
        raise IsADirectoryError(f"{path} cannot be written: it is a folder. Pass the name of a file.")
    _make_folder(path)
    return path


def list_weights(path: str) -> None:
    """Writes what scripts for TensorFlow look for beside weights that were saved as `path`."""
    folder, name = os.path.split(path)
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    lines = f'model_checkpoint_path: "{quoted}"\nall_model_checkpoint_paths: "{quoted}"\n'
    for file_name, text in ((f"{path}.index", _INDEX), (os.path.join(folder, _LIST), lines)):
        with atomic_write(file_name) as file:
            file.write(text.encode())


def latest_checkpoint(checkpoint_dir, latest_filename=None) -> str | None:
    """The name under which weights were last saved in a folder (`tf.train.latest_checkpoint`), for `load_weights`.

    Args:
        checkpoint_dir: the folder.
        latest_filename: of the file that says it. Default None: "checkpoint".

    Returns:
        A path, or None if nothing was saved.
    """
    folder = text_of(checkpoint_dir)
    listed = os.path.join(folder, latest_filename or _LIST)
    if not os.path.isfile(listed) or os.path.getsize(listed) > _LIST_LIMIT:
        return None
    match = _LATEST.search(read_regular(listed).decode("utf-8", "replace"))
    if match is None:
        return None
    found = os.path.join(folder, re.sub(r"\\(.)", r"\1", match[1]))
    return found if os.path.exists(found) or os.path.exists(f"{found}.index") else None


@contextlib.contextmanager
def to_open_file(file) -> Iterator[io.BytesIO]:
    """What is written within the block goes into an open file at its end."""
    whole = io.BytesIO()
    yield whole
    file.write(whole.getvalue())


@contextlib.contextmanager
def from_open_file(file) -> Iterator[str]:
    """The path of a temporary file with the rest of an open one."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, _IN_FOLDER)
        with open(path, "wb") as copy:
            copy.write(file.read())
        yield path
