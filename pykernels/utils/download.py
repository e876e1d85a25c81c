"""Downloads into Keras's cache folder: checked, whole or not at all."""

from __future__ import annotations

import os
import pathlib

from .atomic import atomic_write

# Modules of the standard library for addresses and hashes are imported where they are used: they take as long to import
# as the layers do, and most programs download nothing.

_TIMEOUT_SECONDS = 60
_BLOCK = 1 << 20
_HASHES = ("md5", "sha256")


def keras_home() -> pathlib.Path:
    """The folder that Keras keeps its files in: `KERAS_HOME`, else `~/.keras`, else one in the temporary folder."""
    if os.environ.get("KERAS_HOME"):
        return pathlib.Path(os.environ["KERAS_HOME"]).expanduser()
    return writable(pathlib.Path.home() / ".keras")


def writable(folder: pathlib.Path) -> pathlib.Path:
    """`folder` where it can be written or made, else `.keras` in the temporary folder."""
    parent = folder
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if os.access(parent, os.W_OK):
        return folder
    import tempfile

    return pathlib.Path(tempfile.gettempdir()) / ".keras"


def hash_name(file_hash: str, algorithm: str = "auto") -> str:
    """`"md5"` or `"sha256"`; `"auto"` goes by the length of the hash. Raises ValueError for other algorithms."""
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    if algorithm not in _HASHES:
        raise ValueError(f"hash_algorithm must be 'auto', 'md5' or 'sha256'. Received: {algorithm!r}")
    return algorithm


def hash_of(path, algorithm: str = "sha256") -> str:
    """The hash of a file, in hexadecimal digits."""
    import hashlib

    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fetch(path, origin: str, file_hash=None, algorithm: str = "auto", force: bool = False) -> bool:
    """Downloads `origin` to `path` unless a file is there that has the hash (any file, where no hash is given).

    Returns:
        Whether it was downloaded.

    Raises:
        ConnectionError: the file cannot be downloaded; the message says where to put it by hand.
        ValueError: an unknown algorithm, or what was downloaded has another hash; it is not kept.
        OSError: the file cannot be written.
    """
    path = pathlib.Path(path)
    present = f"There is no file {path}."
    if path.is_file():
        if file_hash is None and not force:
            return False
        name = None if file_hash is None else hash_name(file_hash, algorithm)
        found = None if name is None else hash_of(path, name)
        if found is not None and found == file_hash.lower() and not force:
            return False
        present = f"The file {path} is to be replaced."
        if found is not None and found != file_hash.lower():
            present = f"The {name} of the file {path} is {found}, not {file_hash}: it is incomplete or another version."
            print(f"{present} It is downloaded again.")
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"Downloading data from {origin}")
    _download(path, origin, present, file_hash, algorithm)
    return True


def _opener():
    """Opens addresses of http, https and file; servers can redirect only to the first two."""
    import urllib.request  # takes as long to import as the rest of pykernels

    class OnlyToHttp(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            if not newurl.startswith(("http://", "https://")):
                raise OSError(f"it leads to {newurl!r}, which is not an address of http or https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return urllib.request.build_opener(OnlyToHttp)


def _download(path: pathlib.Path, origin: str, present: str, file_hash, algorithm: str) -> None:
    import hashlib
    import http.client

    digest = None if file_hash is None else hashlib.new(hash_name(file_hash, algorithm))
    try:
        response = _opener().open(origin, timeout=_TIMEOUT_SECONDS)
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # URLError is an OSError
        raise ConnectionError(
            f"{present} {origin} cannot be downloaded ({error}). Without a network, copy the file to {path} by hand "
            "(the environment variable KERAS_HOME moves the folder of Keras's files)."
        ) from error

    def read() -> bytes:
        try:
            return response.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(
                f"{origin}: the connection ended before the file did ({error!r}); try again."
            ) from error

    with response, atomic_write(path) as out:
        size, expected = 0, response.headers.get("Content-Length")
        while block := read():
            out.write(block)
            size += len(block)
            if digest is not None:
                digest.update(block)
        if expected is not None and expected.isdigit() and size != int(expected):
            raise ConnectionError(f"{origin}: the connection ended after {size} of {expected} bytes; try again.")
        if digest is not None and digest.hexdigest() != file_hash.lower():
            raise ValueError(
                f"Incomplete or corrupted file detected: {origin} has the hash {digest.hexdigest()} ({digest.name}), "
                f"expected {file_hash}. It was not kept; try again."
            )
