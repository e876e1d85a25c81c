"""What goes wrong with files, and how it is said."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib

# Errors of the wrong kind that a damaged or hostile file can cause deep inside; a user sees a ValueError instead.
_INNER = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class DamagedFileError(OSError):
    """A file that is cut off, or whose contents contradict themselves."""


def damaged(name: str, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"{name} cannot be read: {why}. The file is damaged or was not written to its end; save it again, or use an "
        "older copy."
    )


@contextlib.contextmanager
def reading(name: str):
    """Within it, errors of inner kinds become a ValueError that names the file.

    NotImplementedError, which is a RuntimeError, passes: it names something that pykernels does not have.
    """
    try:
        yield
    except NotImplementedError:
        raise
    except _INNER as error:
        raise ValueError(
            f"{name} cannot be read: {type(error).__name__}: {error}. The file is damaged, or was not written by Keras."
        ) from error
