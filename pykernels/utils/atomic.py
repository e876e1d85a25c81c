"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # a system without flock: nothing is swept
    fcntl = None  # type: ignore[assignment]

_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


@contextlib.contextmanager
def atomic_write(path, overwrite: bool = True) -> Iterator[BinaryIO]:
    """`with atomic_write(path) as file:` gives a new binary file, which becomes `path` at the end of the block.

    The data and the folder's entry are on the disk before the old file is gone. When the block raises, when the disk is
    full, or when the process dies, the old file is as it was. Only a process that dies in the instant between link and
    rename leaves a second, hidden name (`.NAME.*.tmp`), which the next write of that file removes.

    Raises:
        FileExistsError: the file is there and `overwrite` is False. FileNotFoundError: there is no such folder.
        IsADirectoryError: `path` is a folder. OSError: writing failed, or `path` is a device or pipe.
    """
    name = os.fspath(path)
    target = os.path.realpath(name)
    folder, base = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{name} cannot be written: there is no folder {folder}. Make it first: os.makedirs.")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{name} cannot be written: it is a folder. Pass the name of a file.")
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(f"{name} cannot be written: it is not a regular file but a device, pipe or socket.")
    if not overwrite and os.path.exists(target):
        raise FileExistsError(f"The file {name} is already there. Pass overwrite=True to replace it.")
    sweep(target)
    temporary = os.path.join(folder, f".{base[:200]}.{secrets.token_hex(6)}.tmp")
    named = False
    try:
        fd, named = _open(folder, temporary)
        _hold(fd)
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not named:
                _give_name(file.fileno(), folder, temporary)
                named = True
        os.replace(temporary, target)
    except OSError as error:
        _remove(temporary, named)
        raise _explained(error, name) from error
    except BaseException:
        _remove(temporary, named)
        raise
    _sync_folder(folder)


def _open(folder: str, temporary: str) -> tuple[int, bool]:
    """(descriptor, whether it has a name): without a name where the system can do that."""
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), False
        except OSError as error:
            if error.errno not in _NO_TMPFILE:
                raise
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), True


def _hold(fd: int) -> None:
    """Marks the file as one that a living process writes, until it is closed."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(path) -> None:
    """Removes what writers of this file that died have left. What a living process writes stays."""
    folder, base = os.path.split(os.path.realpath(path))
    if fcntl is None:
        return
    pattern = re.compile(re.escape(f".{base[:200]}.") + r"[0-9a-f]{12}\.tmp")
    with contextlib.suppress(OSError):
        for name in filter(pattern.fullmatch, os.listdir(folder)):
            _remove_dead(os.path.join(folder, name))


def _remove_dead(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # held: its writer lives
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_size or not _just_made(fd):
                os.unlink(path)
    finally:
        os.close(fd)


def _just_made(fd: int) -> bool:
    """Whether its writer may be between making it and holding it."""
    return time.time() - os.fstat(fd).st_mtime < 60


def _give_name(fd: int, folder: str, temporary: str) -> None:
    directory = os.open(folder, os.O_RDONLY)
    try:  # with a descriptor of a folder Python calls linkat, which alone follows the link in /proc
        os.link(f"/proc/self/fd/{fd}", temporary, src_dir_fd=directory, follow_symlinks=True)
    finally:
        os.close(directory)


def _remove(temporary: str, named: bool) -> None:
    if named:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _explained(error: OSError, name: str) -> OSError:
    if name in str(error) or error.errno is None:  # an error of what happened within the block
        return error
    hints = {
        errno.ENOSPC: " Free some space; what was saved before is unharmed.",
        errno.EDQUOT: " The quota is used up; what was saved before is unharmed.",
        errno.EFBIG: " The file is larger than is allowed here (ulimit -f); what was saved before is unharmed.",
        errno.EACCES: " The folder cannot be written to.",
        errno.EROFS: " The folder cannot be written to.",
    }
    text = f"{name} cannot be written: {error.strerror or error}.{hints.get(error.errno, '')}"
    return type(error)(error.errno, text) if error.errno is not None else OSError(text)


def _sync_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse; the rename is in order all the same
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
