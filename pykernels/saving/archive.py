"""The `.keras` archive: a ZIP file with metadata.json, config.json and model.weights.h5."""

from __future__ import annotations

import os
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

from ..utils.regular_files import open_regular
from .crc import PartsCrc
from .errors import damaged
from .hdf5.reader import Hdf5File
from .storage import FileBytes, MemoryBytes

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_TEXT_LIMIT = 1 << 26  # bytes of config.json; as Python objects it takes up to thirty times as much
_MAX_RATIO = 50  # of a compressed member
_SMALL = 1 << 22  # members up to this may be compressed more
_ZIP64 = 0xFFFFFFFF
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


# --- reading --------------------------------------------------------------------------------------------------
class KerasArchive:
    """An open `.keras` file. Members are looked up by their exact names; nothing is ever extracted to a path.

    Raises:
        ValueError: not a ZIP file, two members of one name, or a member that claims to grow too much. OSError: damaged.
    """

    def __init__(self, path: str, file: BinaryIO):
        self.path = path
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise damaged(path, f"it is not a whole ZIP archive ({error})") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if info.filename in self._members:
                raise ValueError(f"{path} holds two members with the name '{info.filename}', which is refused.")
            self._members[info.filename] = info
        self._crc: PartsCrc | None = None
        self._stored: tuple[FileBytes, zipfile.ZipInfo] | None = None

    @staticmethod
    def looks_like(path: str) -> bool:
        with open_regular(path) as file:
            return file.read(4) == _LOCAL

    @classmethod
    def open(cls, path: str) -> KerasArchive:
        file = open_regular(path)
        try:
            return cls(path, file)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> KerasArchive:
        return self

    def __exit__(self, *exc) -> None:
        self._file.close()

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._members.get(name)
        if info is None:
            raise ValueError(
                f"{self.path} is not a model saved by Keras: it has no '{name}'. It holds: {sorted(self._members)[:10]}"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise ValueError(f"{self.path}: '{name}' is encrypted or compressed in a way that is not read.")
        limit = max(_SMALL, _MAX_RATIO * info.compress_size)
        if info.compress_type == zipfile.ZIP_DEFLATED and info.file_size > limit:
            raise ValueError(
                f"{self.path}: '{name}' has {info.compress_size} bytes and claims to become {info.file_size}, which is "
                "refused (a decompression bomb)."
            )
        return info

    def names(self) -> list[str]:
        """The names of the members, folders with "/" between them; Windows's archives may have another sign."""
        return [name.replace("\\", "/") for name in self._members]

    def data(self, name: str) -> bytes:
        """A small member."""
        info = self._info(name if name in self._members else name.replace("/", "\\"))
        if info.file_size > _TEXT_LIMIT:
            raise ValueError(f"{self.path}: '{name}' claims {info.file_size} bytes, more than any configuration has.")
        return self._unpacked(info)

    def text(self, name: str) -> str:
        """A small text member."""
        try:
            return self.data(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path}: '{name}' is not a text in UTF-8 ({error}).") from error

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        raw = self._raw(info)
        if info.compress_type == zipfile.ZIP_STORED:
            data = raw.get(0, raw.size)
        else:
            data = zlib.decompressobj(-15).decompress(raw.get(0, raw.size), info.file_size + 1)
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise damaged(self.path, f"the contents of '{info.filename}' do not fit to their checksum")
        return data

    def _raw(self, info: zipfile.ZipInfo) -> FileBytes:
        """The bytes of a member as they are in the file."""
        fd = self._file.fileno()
        header = os.pread(fd, 30, info.header_offset) if 0 <= info.header_offset < 1 << 62 else b""
        if len(header) < 30 or header[:4] != _LOCAL:
            raise damaged(self.path, f"'{info.filename}' is not where the archive says")
        name, extra = struct.unpack_from("<HH", header, 26)
        start = info.header_offset + 30 + name + extra
        if start + info.compress_size > os.fstat(fd).st_size:
            raise damaged(self.path, f"'{info.filename}' ends behind the end of the file")
        return FileBytes(fd, self.path, start, info.compress_size)

    def weights(self, verify: bool = False) -> Hdf5File:
        """The weights; valid while the archive is open.

        Args:
            verify: compare the checksum now. Else `finish` compares it, which costs less when all has been read.
        """
        info = self._info(WEIGHTS)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            return Hdf5File(MemoryBytes(self._unpacked(info), self.path))
        if info.file_size != info.compress_size:
            raise damaged(self.path, f"'{WEIGHTS}' has two sizes")
        raw = self._raw(info)
        if verify:
            if raw.crc32() != info.CRC:
                raise self._wrong_checksum()
        else:
            raw.parts = PartsCrc()
            self._stored = (raw, info)
        return Hdf5File(raw)

    def _wrong_checksum(self) -> OSError:
        return damaged(self.path, f"the contents of '{WEIGHTS}' do not fit to their checksum")

    def finish(self) -> None:
        """Raises OSError when the weights that were read do not fit to the checksum."""
        if self._stored is not None:
            raw, info = self._stored
            parts, raw.parts = raw.parts, None
            if parts.total(raw.size, raw.get) != info.CRC:
                raise self._wrong_checksum()


# --- writing --------------------------------------------------------------------------------------------------
class _Part:
    """The rest of a file from where it is now, as a file of its own; for h5py. Keeps the checksum."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._start = file.tell()
        self.crc = PartsCrc()

    def seek(self, offset, whence=os.SEEK_SET):
        if whence == os.SEEK_SET:
            offset += self._start
        return self._file.seek(offset, whence) - self._start

    def tell(self):
        return self._file.tell() - self._start

    def write(self, data):
        view = memoryview(data).cast("B")
        self.crc.passed(self.tell(), view)
        return self._file.write(view)

    def readinto(self, buffer):
        return self._file.readinto(buffer)

    def read(self, size=-1):
        return self._file.read(size)

    def truncate(self, size=None):
        return self._file.truncate(None if size is None else size + self._start)

    def flush(self):
        self._file.flush()

    def checksum(self) -> tuple[int, int]:
        """(size, CRC-32) of what has been written."""
        size = self.seek(0, os.SEEK_END)

        def read(offset, length):
            self.seek(offset)
            return self._file.read(length)

        result = size, self.crc.total(size, read)
        self.seek(0, os.SEEK_END)
        return result


def write_archive(file: BinaryIO, members: dict[str, bytes], write_weights: Callable) -> None:
    """Writes a `.keras` archive.

    Args:
        file: an empty binary file that can be read as well.
        members: name -> contents of the small members.
        write_weights: called with an open h5py file.
    """
    import h5py

    entries = []
    for name, data in members.items():
        entries.append((name, file.tell(), len(data), zlib.crc32(data)))
        file.write(_local_header(name, len(data), zlib.crc32(data)))
        file.write(data)
    start = file.tell()
    file.write(_local_header(WEIGHTS, 0, 0))
    part = _Part(file)
    with h5py.File(part, "w") as h5:
        write_weights(h5)
    size, crc = part.checksum()
    entries.append((WEIGHTS, start, size, crc))
    end = file.tell()
    file.seek(start)
    file.write(_local_header(WEIGHTS, size, crc))
    file.seek(end)
    _write_directory(file, entries)


def _stamp() -> tuple[int, int]:
    t = time.localtime()
    return t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2, (t.tm_year - 1980) << 9 | t.tm_mon << 5 | t.tm_mday


def _local_header(name: str, size: int, crc: int) -> bytes:
    """With room for 64-bit sizes for the weights, whose size is not known in advance."""
    extra = b""
    small = size
    if name == WEIGHTS:
        large = size >= _ZIP64
        # An extra field that readers skip, of the same length, keeps the room when it is not needed.
        extra = struct.pack("<HHQQ", 1 if large else 0xA11E, 16, size if large else 0, size if large else 0)
        small = _ZIP64 if large else size
    head = struct.pack("<4s5H3I2H", _LOCAL, 45, 0, 0, *_stamp(), crc, small, small, len(name), len(extra))
    return head + name.encode() + extra


def _write_directory(file: BinaryIO, entries: list[tuple]) -> None:
    start = file.tell()
    for name, offset, size, crc in entries:
        extra = struct.pack("<HHQQ", 1, 16, size, size) if size >= _ZIP64 else b""
        small = min(size, _ZIP64)
        fixed = struct.pack("<4s6H3I", _CENTRAL, 45 | 3 << 8, 45, 0, 0, *_stamp(), crc, small, small)
        file.write(fixed + struct.pack("<5H2I", len(name), len(extra), 0, 0, 0, 0o600 << 16, offset))
        file.write(name.encode() + extra)
    size, count = file.tell() - start, len(entries)
    if start >= _ZIP64:
        end64 = file.tell()
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
        file.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, end64, 1))
    file.write(struct.pack("<4s4H2IH", _END, 0, 0, count, count, size, min(start, _ZIP64), 0))
