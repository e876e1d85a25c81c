"""Data files: Keras's cache folder, checked and downloaded."""

from __future__ import annotations

import gzip
import hashlib
import os
import pathlib
import tempfile
import zlib

import numpy as np

_TIMEOUT_SECONDS = 30
_IDX_UINT8 = 0x08


def keras_home() -> pathlib.Path:
    """The folder that Keras keeps its files in: `KERAS_HOME`, else `~/.keras`, else one in the temporary folder."""
    if os.environ.get("KERAS_HOME"):
        return pathlib.Path(os.environ["KERAS_HOME"]).expanduser()
    home = pathlib.Path.home()
    return (home if os.access(home, os.W_OK) else pathlib.Path(tempfile.gettempdir())) / ".keras"


def sha256_of(path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch(path, url: str, sha256: str) -> pathlib.Path:
    """A local copy of a data file: `path` itself when it is there and whole, else downloaded to it.

    The download goes to a temporary file beside it, is checked, and then renamed: a broken connection leaves nothing
    half-finished behind.

    Raises:
        ConnectionError: the file cannot be had; the message says where to put it by hand.
        ValueError: what was downloaded is not the file that was expected.
    """
    path = pathlib.Path(path)
    found = sha256_of(path) if path.is_file() else None
    if found == sha256:
        return path
    print(f"Downloading data from {url}")
    try:
        _download(path, url, sha256)
    except OSError as error:  # URLError is one
        present = (
            f"There is a file {path}, but its sha256 is {found}, not {sha256}: it is incomplete or another version."
            if found
            else f"There is no file {path}."
        )
        raise ConnectionError(
            f"{present} It could not be downloaded from {url} ({error}). Without a network, copy the file to {path} "
            "by hand (the environment variable KERAS_HOME moves the folder), or give its place in the argument `path`."
        ) from error
    return path


def _download(path: pathlib.Path, url: str, sha256: str) -> None:
    import urllib.request  # takes as long to import as the rest of pykernels

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out, urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
            while block := response.read(1 << 16):
                out.write(block)
        got = sha256_of(temporary)
        if got != sha256:
            raise ValueError(f"What {url} sent has the sha256 {got}, expected {sha256}. It was not kept; try again.")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)


def read_idx(path) -> np.ndarray:
    """The uint8 array in an idx file (`.gz` or not), the format of the MNIST pages: bytes 0, 0, 8, rank, then the
    extents as big-endian 32-bit integers, then the values.

    Raises:
        ValueError: not such a file, or one that is cut short.
    """
    path = pathlib.Path(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            data = bytearray(file.read())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is not a complete gzip file ({error}). Delete it and get it again.") from error
    if len(data) < 4 or bytes(data[:3]) != bytes((0, 0, _IDX_UINT8)):
        raise ValueError(f"{path} is not an idx file of bytes: it starts with {bytes(data[:4])!r}.")
    rank = data[3]
    start = 4 + 4 * rank
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", rank, 4)) if len(data) >= start else None
    if shape is None or len(data) - start != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{path} is cut short or too long: {len(data)} bytes for an array of shape {shape}.")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
