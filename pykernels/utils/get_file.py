"""Downloads into Keras's cache folder: checked, whole or not at all; archives unpacked only inside their folder."""

from __future__ import annotations

import os
import pathlib
import stat

from .atomic import atomic_write

# Modules of the standard library for archives and addresses are imported where they are used: together they take as
# long to import as the layers do, and most programs download nothing.

_SCHEMES = ("http", "https", "file")
_TIMEOUT_SECONDS = 60
_BLOCK = 1 << 20
_MAX_MEMBERS = 5_000_000
_MAX_HEADER = 1 << 22  # bytes of a member's header in a tar archive; members are read in smaller pieces
_MAX_RATIO = 1100  # what deflate can reach
_HASHES = ("md5", "sha256")


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
        OSError: the file cannot be downloaded or written.
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
    folder = _cache_folder(cache_dir) / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = None
    target = folder / name
    if extract or untar:
        if "." in name:
            unpacked = folder / f"{name[: name.find('.')]}_extracted"
        else:
            unpacked, target = target, folder / f"{name}_archive"
    fresh = force_download or not _is_there(target, file_hash, hash_algorithm)
    if fresh:
        print(f"Downloading data from {origin}")
        _download(origin, target, file_hash, hash_algorithm)
    if unpacked is None:
        return str(target)
    if fresh or not unpacked.is_dir():
        _unpack(target, unpacked, "tar" if untar else archive_format)
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


def _cache_folder(cache_dir) -> pathlib.Path:
    if cache_dir is None:
        cache_dir = os.environ.get("KERAS_HOME") or "~/.keras"
    base = pathlib.Path(cache_dir).expanduser()
    parent = base
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if os.access(parent, os.W_OK):
        return base
    import tempfile

    return pathlib.Path(tempfile.gettempdir()) / ".keras"


# --- the file --------------------------------------------------------------------------------------------------
def _digest(file_hash: str, algorithm: str):
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    if algorithm not in _HASHES:
        raise ValueError(f"hash_algorithm must be 'auto', 'md5' or 'sha256'. Received: {algorithm!r}")
    import hashlib

    return hashlib.new(algorithm)


def _is_there(path: pathlib.Path, file_hash, algorithm) -> bool:
    if not path.is_file():
        return False
    if file_hash is None:
        return True
    digest = _digest(file_hash, algorithm)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() == file_hash.lower():
        return True
    print(f"{path} does not have the hash {file_hash}: it is incomplete or outdated, and is downloaded again.")
    return False


def _opener():
    """Opens the addresses that `get_file` takes, and no others that a server sends it on to."""
    import urllib.request  # takes as long to import as the rest of pykernels

    class OnlyToHttp(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            if not newurl.startswith(("http://", "https://")):
                raise OSError(f"it leads to {newurl!r}, which is not an address of http or https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return urllib.request.build_opener(OnlyToHttp)


def _download(origin: str, target: pathlib.Path, file_hash, algorithm) -> None:
    import http.client

    digest = _digest(file_hash, algorithm) if file_hash is not None else None
    try:
        response = _opener().open(origin, timeout=_TIMEOUT_SECONDS)
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # URLError is an OSError
        raise ConnectionError(
            f"{origin} cannot be downloaded ({error}). Without a network, copy the file to {target} by hand."
        ) from error

    def read() -> bytes:
        try:
            return response.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(
                f"{origin}: the connection ended before the file did ({error!r}); try again."
            ) from error

    with response, atomic_write(target) as out:
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
                f"Incomplete or corrupted file detected: {origin} has the hash {digest.hexdigest()}, expected "
                f"{file_hash}. It was not kept."
            )


# --- archives ---------------------------------------------------------------------------------------------------
def _unpack(archive: pathlib.Path, folder: pathlib.Path, formats) -> None:
    """Unpacks beside `folder` and renames: it holds all of the archive or is as it was."""
    import shutil
    import tempfile

    formats = ["tar", "zip"] if formats == "auto" else [formats] if isinstance(formats, str) else formats or []
    for form in formats:
        if form not in _UNPACKERS:
            raise ValueError(f"archive_format must be 'auto', 'tar' or 'zip'. Received: {form!r}")
    form = next((f for f in formats if _UNPACKERS[f][0](archive)), None)
    if form is None:
        raise ValueError(f"Could not extract archive: {archive} is none of the formats {formats}.")
    new = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        try:
            _UNPACKERS[form][1](archive, new)
        except (ValueError, OSError):
            raise
        except Exception as error:  # the readers of the standard library raise many kinds
            raise ValueError(f"{archive} is damaged: {error}. Delete it, so that it is downloaded again.") from error
        new.chmod(0o755)
        if folder.exists():
            old = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.rename(old / folder.name)
            new.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


class _Sink:
    """Writes the members of one archive, inside one folder and within bounds."""

    def __init__(self, archive: pathlib.Path, folder: pathlib.Path):
        self._archive = archive
        self._folder = folder
        import shutil

        free = shutil.disk_usage(folder).free
        self._left = min(free, _MAX_RATIO * archive.stat().st_size + _BLOCK)
        self._members = 0

    def refuse(self, name: str, why: str) -> ValueError:
        return ValueError(f"{self._archive} was not unpacked: its member '{name[:300]}' {why}.")

    def path(self, name: str) -> pathlib.Path:
        """Where a member goes. Raises ValueError for names that lead elsewhere."""
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise self.refuse(name, f"is one of more than {_MAX_MEMBERS}")
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
        if absolute or ".." in parts or "\0" in name:
            raise self.refuse(name, "would be written outside of its folder")
        return self._folder.joinpath(*parts)

    def folder(self, name: str) -> None:
        self._made(name, self.path(name))

    def _made(self, name: str, path: pathlib.Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.refuse(name, f"cannot be written: {error}") from error

    def file(self, name: str, source) -> None:
        """Copies a member; nothing in the folder is a link, so that no write can leave it."""
        path = self.path(name)
        if path == self._folder:
            raise self.refuse(name, "has no name")
        self._made(name, path.parent)
        try:
            out = open(path, "wb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise self.refuse(name, f"cannot be written: {error}") from error
        with out:
            while block := source.read(_BLOCK):
                self._left -= len(block)
                if self._left < 0:
                    raise self.refuse(name, "makes the contents larger than the disk, or than any honest archive's")
                out.write(block)


class _Bounded:
    """A file of a tar archive, decompressed, that gives small pieces only: the headers of an archive may claim to be
    as long as they like, and `tarfile` reads a header in one piece."""

    def __init__(self, file):
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_HEADER:
            raise ValueError(f"one of its headers claims {size} bytes")
        return self._file.read(size)


def _open_tar(archive: pathlib.Path):
    """The archive, compressed or not. Raises ValueError when it is none."""
    import bz2
    import gzip
    import lzma
    import tarfile
    import zlib

    for opener in (open, gzip.open, bz2.open, lzma.open):
        file = opener(archive, "rb")
        try:
            return file, tarfile.open(fileobj=_Bounded(file), mode="r:")
        except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
            file.close()
            reason = error
    raise ValueError(f"it is not a tar archive ({reason})") from reason


def _is_tar(archive: pathlib.Path) -> bool:
    try:
        file, _ = _open_tar(archive)
    except ValueError:
        return False
    file.close()
    return True


def _untar(archive: pathlib.Path, folder: pathlib.Path) -> None:
    sink = _Sink(archive, folder)
    file, tar = _open_tar(archive)
    with file, tar:
        for member in tar:
            if member.isdir():
                sink.folder(member.name)
            elif member.isreg():
                sink.file(member.name, tar.extractfile(member))
            else:
                raise sink.refuse(member.name, "is a link or a device")


def _is_zip(archive: pathlib.Path) -> bool:
    import zipfile

    return zipfile.is_zipfile(archive)


def _unzip(archive: pathlib.Path, folder: pathlib.Path) -> None:
    import zipfile

    sink = _Sink(archive, folder)
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if stat.S_ISLNK(member.external_attr >> 16):
                raise sink.refuse(member.filename, "is a link")
            if member.is_dir():
                sink.folder(member.filename)
            else:
                with zipped.open(member) as source:
                    sink.file(member.filename, source)


_UNPACKERS = {"tar": (_is_tar, _untar), "zip": (_is_zip, _unzip)}
