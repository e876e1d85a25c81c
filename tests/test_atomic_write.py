"""Files that are written whole or not at all: what is on the disk when."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

import pykernels as pk
from pykernels import layers
from pykernels.utils.atomic import atomic_write


def small():
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    return model


class Disk:
    """What is on the disk for sure, as files are synced: what is only written may be lost when the power fails."""

    def __init__(self, monkeypatch):
        self.synced: dict[int, bytes | set] = {}  # inode -> contents, or names in a folder
        self.renamed = []
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "replace", self.replace)

    def fsync(self, fd) -> None:
        self._fsync(fd)
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self.synced[status.st_ino] = set(os.listdir(fd))
        else:
            self.synced[status.st_ino] = os.pread(fd, status.st_size, 0)

    def replace(self, source, target) -> None:
        written = pathlib.Path(source).read_bytes()
        assert self.synced.get(os.stat(source).st_ino) == written, "renamed before it was on the disk"
        self.renamed.append(os.path.realpath(target))
        self._replace(source, target)

    def check(self, path) -> None:
        assert os.path.realpath(path) in self.renamed
        names = self.synced.get(os.stat(os.path.dirname(os.path.realpath(path))).st_ino, set())
        assert os.path.basename(path) in names, "the folder's entry is not on the disk"


@pytest.mark.parametrize("has_names_from_the_start", [False, True])
@pytest.mark.parametrize("what", ["bytes", "model.keras", "model.h5", "model.weights.h5"])
def test_files_are_on_the_disk_before_they_replace_others(tmp_path, monkeypatch, what, has_names_from_the_start):
    """Contents first, then the rename, then the folder: the power may fail at any time."""
    if has_names_from_the_start:  # as on file systems that cannot do without
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    path = tmp_path / what
    path.write_bytes(b"old")
    disk = Disk(monkeypatch)
    if what == "bytes":
        with atomic_write(path) as file:
            file.write(b"new" * 100_000)
    elif "weights" in what:
        small().save_weights(path)
    else:
        small().save(path)
    disk.check(path)
    assert disk.synced[path.stat().st_ino] == path.read_bytes() != b"old"


@pytest.mark.parametrize(
    ("contents", "age", "stays"),
    [(b"", 0, True), (b"", 3600, False), (b"half", 0, False)],
    ids=["just made", "empty and old", "begun"],
)
def test_what_writers_have_left_is_removed(tmp_path, contents, age, stays):
    """But not what another process may have made a moment ago and not locked yet."""
    left = tmp_path / ".model.keras.0123456789ab.tmp"
    left.write_bytes(contents)
    os.utime(left, (left.stat().st_atime, left.stat().st_mtime - age))
    other = tmp_path / ".other.keras.0123456789ab.tmp"
    other.write_bytes(b"half")
    with atomic_write(tmp_path / "model.keras") as file:
        file.write(b"new")
    assert left.exists() == stays and other.exists()
