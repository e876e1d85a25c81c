"""Unpacking of tar and zip archives that nobody trusts: within one folder, within bounds, all of it or nothing."""

from __future__ import annotations

import errno
import pathlib
import shutil
import stat
import tempfile

# Modules of the standard library for archives are imported where they are used: they take as long to import as the
# layers do, and most programs unpack nothing.

_MAX_MEMBERS = 5_000_000
_MAX_HEADER = 1 << 22  # bytes of a member's header in a tar archive; members are read in smaller pieces
_MAX_RATIO = 1100  # what deflate can reach
_SLACK = 1 << 20  # bytes that an archive may have beyond that


def unpack(archive: pathlib.Path, folder: pathlib.Path, formats) -> None:
    """Unpacks an archive beside `folder` and renames: the folder holds all of it, or is as it was.

    Args:
        archive: the file.
        folder: what becomes the folder of its contents; an existing one is replaced.
        formats: `"auto"`, `"tar"`, `"zip"` or a list of these, tried in turn.

    Raises:
        ValueError: another format; a damaged archive; members that would leave the folder, links and devices, more or
            larger members than an honest archive can have.
        OSError: the contents cannot be written.
    """
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
        except Exception as error:  # the readers of the standard library raise many kinds
            if isinstance(error, (ValueError, OSError)) and str(archive) in str(error):
                raise
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise type(error)(error.errno, f"{archive} was not unpacked: {error.strerror}") from error
            raise ValueError(f"{archive} is damaged. Delete it, so that it is downloaded again.") from error
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


class _Bounds:
    """Judges the members of one archive before they are unpacked. The standard library's readers write no more than a
    member claims to have, so that claims are what has to be bounded."""

    def __init__(self, archive: pathlib.Path, folder: pathlib.Path):
        self._archive = archive
        self._left = min(shutil.disk_usage(folder).free, _MAX_RATIO * archive.stat().st_size + _SLACK)
        self._members = 0

    def refusal(self, name: str, why) -> ValueError:
        return ValueError(f"{self._archive} was not unpacked: its member '{name[:300]}' {why}.")

    def admit(self, name: str, size: int, link: bool) -> None:
        """Raises ValueError for names that lead out of the folder, links, and too many or too large members."""
        self._members += 1
        self._left -= size
        if self._members > _MAX_MEMBERS:
            raise self.refusal(name, f"is one of more than {_MAX_MEMBERS}")
        if self._left < 0:
            raise self.refusal(name, "makes the contents larger than the disk, or than any honest archive's")
        absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
        if absolute or ".." in name.replace("\\", "/").split("/") or "\0" in name:
            raise self.refusal(name, "would be written outside of its folder")
        # Without links no write can be led elsewhere. Python's own filter lets through links within the folder, and in
        # older versions (CVE-2025-4517) links that leave it.
        if link:
            raise self.refusal(name, "is a link")


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
    import tarfile

    if not hasattr(tarfile, "data_filter"):
        raise OSError(
            f"{archive} was not unpacked: this Python's tarfile cannot extract safely. Use Python 3.10.12, 3.11.4 or "
            "later, or unpack the archive by hand."
        )
    bounds = _Bounds(archive, folder)
    file, tar = _open_tar(archive)
    with file, tar:
        for member in tar:
            bounds.admit(member.name, member.size, member.issym() or member.islnk())
            try:
                tar.extract(member, folder, filter="data")
            except (tarfile.FilterError, OSError) as error:
                raise bounds.refusal(member.name, f"cannot be written: {error}") from error


def _is_zip(archive: pathlib.Path) -> bool:
    import zipfile

    return zipfile.is_zipfile(archive)


def _unzip(archive: pathlib.Path, folder: pathlib.Path) -> None:
    import zipfile

    bounds = _Bounds(archive, folder)
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            bounds.admit(member.filename, member.file_size, stat.S_ISLNK(member.external_attr >> 16))
            try:
                zipped.extract(member, folder)
            except OSError as error:
                raise bounds.refusal(member.filename, f"cannot be written: {error}") from error


_UNPACKERS = {"tar": (_is_tar, _untar), "zip": (_is_zip, _unzip)}
