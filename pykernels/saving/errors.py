"""What goes wrong with files, and how it is said."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib

from ..utils.error_origin import is_unexplained

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
_TYPES = (NotImplementedError, TypeError, ValueError)  # that loading documents; the first that fits is raised


class DamagedFileError(OSError):
    """A file that is cut off, or whose contents contradict themselves."""


def damaged(name: str, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"{name} cannot be read: {why}. The file is damaged or was not written to its end; save it again, or use an "
        "older copy."
    )


@contextlib.contextmanager
def reading(name: str):
    """Within it, all errors name the file, and what Python itself says of values that nobody expected is not shown (it
    stays the `__cause__`): they become a ValueError.

    NotImplementedError, which is a RuntimeError, stays one: it names something that pykernels does not have.
    """
    try:
        yield
    except OSError as error:
        if name in str(error):
            raise
        raise type(error)(error.errno, f"{name} cannot be read: {error.strerror or error}") from error
    except (*_TYPES, *_INNER) as error:
        kind = next((t for t in _TYPES if isinstance(error, t)), None)
        if kind is None or is_unexplained(error):
            raise ValueError(
                f"{name} cannot be read: something in it is not of the form that Keras writes. The file is damaged, "
                "was made to do harm, or comes from a version of Keras that is not known."
            ) from error
        if name in str(error):
            raise
        raise kind(f"{name}: {error}") from error
