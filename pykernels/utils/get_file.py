"""Downloads into Keras's cache folder: checked, whole or not at all; archives unpacked only inside their folder."""

from __future__ import annotations

import os
import pathlib

from .archives import unpack
from .download import fetch, keras_home, writable

_SCHEMES = ("http", "https", "file")


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """A local copy of a file from a URL, downloaded unless it is there.

    Args:
        fname: name of the file; by default the last part of the URL. It must not be a path.
        origin: URL, of http, https or file.
        untar: `extract` for tar archives.
        md5_hash: `file_hash` of md5.
        file_hash: hexadecimal; a file that is there with another one is downloaded again.
        cache_subdir: folder within the cache.
        hash_algorithm: "sha256", "md5", or "auto", which goes by the length.
        extract: whether the file is an archive (tar, tar.gz, tar.bz2, tar.xz or zip) to be unpacked.
        archive_format: "auto", "tar", "zip", a list of them, or None for no unpacking.
        cache_dir: the cache; `KERAS_HOME`, else `~/.keras`, by default.
        force_download: download even if the file is there.

    Returns:
        Path of the file; with `extract` that of the folder with its contents.

    Raises:
        ValueError: no `origin`, a path as `fname`, another hash than expected, or an archive with members that would
            leave its folder (absolute names, "..", links, devices); nothing is unpacked then.
        ConnectionError: the file cannot be downloaded; the message says where to put it by hand.
        OSError: the file cannot be written.
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    import urllib.parse

    parts = urllib.parse.urlsplit(origin)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"get_file downloads from URLs of {', '.join(_SCHEMES)}. Received: origin={origin!r}")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    name = _name(fname, parts)
    folder = writable(keras_home() if cache_dir is None else pathlib.Path(cache_dir).expanduser()) / cache_subdir
    unpacked = None
    target = folder / name
    if extract or untar:
        if "." in name:
            unpacked = folder / f"{name[: name.find('.')]}_extracted"
        else:
            unpacked, target = target, folder / f"{name}_archive"
    fresh = fetch(target, origin, file_hash, hash_algorithm, force_download)
    if unpacked is None:
        return str(target)
    if fresh or not unpacked.is_dir():
        unpack(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def _name(fname, parts) -> str:
    import urllib.parse

    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.unquote(parts.path))
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{parts.geturl()}'. "
            "Please specify the `fname` argument."
        )
    if name in (".", "..") or any(mark in name for mark in ("/", os.sep, "\0")):
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent directory, use the "
            f"`cache_dir` argument. Received: fname={name}"
        )
    return name
