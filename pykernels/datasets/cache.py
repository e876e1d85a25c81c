"""Where the files of data sets are: a path of the caller's own, or Keras's cache folder, filled from the network."""

from __future__ import annotations

import gzip
import pathlib
import zlib
from collections.abc import Callable

from ..utils.archives import unpack
from ..utils.download import fetch, hash_of, keras_home
from ..utils.load_budget import LoadBudget
from ..utils.regular_files import open_regular, read_regular
from . import other_versions

ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def folder() -> pathlib.Path:
    """The folder of data sets in Keras's cache."""
    return keras_home() / "datasets"


def locate(path, name: str, url: str, file_hash: str, accept: Callable, older=()) -> pathlib.Path:
    """The file of a data set.

    In this order: `path` itself, if it is a file, or the file `name` in it, if it is a folder (the caller's own:
    nothing is checked here); the file in the cache that `path` names; files of earlier versions of Keras there, if
    `path` is `name`; a download into the cache.

    Args:
        path: of a file, a folder, or a name within the cache folder.
        name: the file's name of today.
        url, file_hash: where it is downloaded from, and its md5 or sha256.
        accept: whether a file may be used, with a warning, that has another hash, where there is no network.
        older: names of files of earlier versions.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the file.
    """
    given = pathlib.Path(path).expanduser()
    if given.is_dir() and (given / name).is_file():
        return given / name
    target = folder() / given
    if given.is_file() and folder().resolve() not in given.resolve().parents:
        return given
    if is_pickle(given):  # of Keras 1; what is published today is not
        if target.is_file():
            return target
        target = folder() / name
    if not target.is_file() and target.name == name:
        for other in older:
            if (folder() / other).is_file():
                return folder() / other
    try:
        fetch(target, url, file_hash)
    except ConnectionError:
        if not (target.is_file() and accept(target)):
            raise
        other_versions.taken(target)
    return target


def is_pickle(path: pathlib.Path) -> bool:
    """Whether a file's name says that it is a pickle, packed or not."""
    return path.suffix == ".pkl" or path.suffixes[-2:] == [".pkl", ".gz"]


def read_pickle(path: pathlib.Path) -> tuple[bytes, LoadBudget]:
    """The bytes of a pickle, unpacked, and what reading it may cost. ValueError for a damaged `.gz` file."""
    data = read_regular(path)
    budget = LoadBudget(str(path), len(data))
    if path.suffix != ".gz":
        return data, budget
    try:
        with open_regular(path) as raw, gzip.open(raw) as file:
            data = file.read(budget.most_memory - budget.memory)
            if file.read(1):
                raise ValueError(f"{path} is larger, unpacked, than a file of its size should be.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is not a complete gzip file. Delete it and get it again.") from error
    return data, budget


def unpacked(stem: str, url: str, file_hash: str, names, accept: Callable) -> pathlib.Path:
    """The folder with the files `names` of an archive: as any version of Keras left it in the cache, or unpacked from
    the archive there, or from a download.

    Args:
        stem: of the folder within the archive; Keras keeps it in `stem-target`, Keras 2 and 1 without that.
        url, file_hash: of the archive.
        names: files in it.
        accept: whether a folder unpacked from an archive with another hash may be used, with a warning, where there is
            no network.

    Raises:
        ConnectionError: no local copy, and no network; the message says where to put the archive.
        ValueError: a damaged archive.
    """
    home = folder()
    new = home / f"{stem}-target"
    for place in (new / stem, home / stem / stem, home / stem):
        if all((place / name).is_file() for name in names):
            return place
    archives = [home / name for name in (url.rpartition("/")[2], f"{stem}.tar.gz", f"{stem}_archive")]
    target = home / f"{stem}-target_archive"
    present = [path for path in (target, *archives) if path.is_file()]
    good = next((path for path in present if hash_of(path) == file_hash), None)
    if good is None:
        try:
            fetch(target, url, file_hash)
            good = target
        except ConnectionError:
            for path in present:
                if _unpack_other(path, new, stem, accept):
                    return new / stem
            raise
    unpack(good, new, "tar")
    return new / stem


def _unpack_other(archive: pathlib.Path, new: pathlib.Path, stem: str, accept: Callable) -> bool:
    """Unpacks an archive with another hash; whether it has what is needed. If not, its folder is removed."""
    import shutil

    try:
        unpack(archive, new, "tar")
    except (ValueError, OSError):
        return False
    if accept(new / stem):
        other_versions.taken(archive)
        return True
    shutil.rmtree(new)
    return False
