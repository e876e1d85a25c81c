"""Files that are opened for reading: only regular ones, since a read from a pipe or device may never return."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO


class NotRegularFileError(OSError, ValueError):
    """A pipe, socket or device where a file was expected: both the argument and the file are wrong."""


def open_regular(path) -> BinaryIO:
    """An open binary file, without a buffer.

    Args:
        path: str, bytes or path object. Links are followed.

    Raises:
        NotRegularFileError: a pipe, socket or device; nothing has been read from it. IsADirectoryError: a folder.
        OSError: the file cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    fd = os.open(path, flags)  # without O_NONBLOCK the opening itself would wait for a writer of a pipe
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
        if not stat.S_ISREG(mode):
            raise NotRegularFileError(f"'{os.fsdecode(path)}' is not a regular file but a device, pipe or socket.")
        return os.fdopen(fd, "rb", buffering=0)
    except BaseException:
        os.close(fd)
        raise


def read_regular(path) -> bytes:
    """The contents of a file; see `open_regular`."""
    with open_regular(path) as file:
        return file.read()
