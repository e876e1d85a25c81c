"""Reading HDF5 files from anywhere, safely: groups, attributes and data sets as Keras and h5py write them.

The HDF5 library can be crashed by a crafted file, and follows links to other files. This reader follows nothing out of
the file, reads only what is asked for, checks every range, and never allocates by a number that the file claims: data
sets are read into arrays that the caller has made. Format: HDF5 File Format Specification 3.0; superblocks 0 to 3,
object headers 1 and 2, groups with symbol tables or compact links, contiguous, compact and chunked data sets.
"""

from __future__ import annotations

import os
import struct

from ... import _core
from ...utils.load_budget import LoadBudget, load_budget
from ...utils.regular_files import open_regular
from ..errors import damaged
from ..storage import FileBytes
from .dataset import MAX_TREE_DEPTH, UNDEFINED, Dataset, Node
from .types import GlobalHeap

_MAX_RATIO = 50  # of bytes of a compressed data set to those in the file
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path) -> bool:
    """Raises ValueError for devices and pipes, from which a read may never return."""
    if os.path.isdir(path):
        return False
    with open_regular(path) as file:
        return file.read(8) == _SIGNATURE


class Hdf5File:
    """An open HDF5 file. `with Hdf5File.open(path) as f: f["layers/dense/vars/0"].read_into(array)`.

    Args:
        source: `FileBytes` or `MemoryBytes`.

    Raises:
        OSError: the file is damaged. ValueError: it is not HDF5, or uses something that is refused.
    """

    def __init__(self, source, fd: int | None = None):
        self.source = source
        self.name = source.name
        self._fd = fd
        self.budget = load_budget() or LoadBudget(source.name, source.size)
        source.budget = self.budget
        self.heap = GlobalHeap(source, self.budget)
        try:
            self.root = Group(self, "", self._root_address())
        except struct.error as error:
            raise damaged(self.name, "its first group") from error

    @classmethod
    def open(cls, path) -> Hdf5File:
        name = os.fspath(path)
        with open_regular(name) as file:
            fd = os.dup(file.fileno())
        try:
            return cls(FileBytes(fd, name), fd)
        except BaseException:
            os.close(fd)
            raise

    def __enter__(self) -> Hdf5File:
        return self

    def __exit__(self, *exc) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _root_address(self) -> int:
        get = self.source.get
        if self.source.size < 16 or get(0, 8) != _SIGNATURE:
            raise ValueError(f"{self.name} is not an HDF5 file (or is damaged).")
        version = get(8, 1)[0]
        if version in (0, 1):
            sizes, start = get(13, 2), 24 + 4 * version
            end, root = get(start + 16, 8), get(start + 40, 8)
        elif version in (2, 3):
            sizes, start = get(9, 2), 12
            end, root = get(start + 16, 8), get(start + 24, 8)
            self._verify(get(0, start + 36), "its superblock")
        else:
            raise ValueError(f"{self.name}: version {version} of HDF5's superblock is not known.")
        if sizes != b"\x08\x08" or get(start, 8) != bytes(8):
            raise ValueError(f"{self.name}: HDF5 files with addresses of other than 8 bytes or an offset are not read.")
        if int.from_bytes(end, "little") > self.source.size:
            raise damaged(self.name, f"it should have {int.from_bytes(end, 'little')} bytes and has {self.source.size}")
        return int.from_bytes(root, "little")

    def numbers_of(self, datasets) -> int:
        """How many numbers the data sets have, as far as the file can hold them."""
        plain = sum(d.bytes // max(d.dtype.itemsize, 1) for d in datasets if not d.is_packed)
        packed = sum(d.bytes // max(d.dtype.itemsize, 1) for d in datasets if d.is_packed)
        return min(plain, self.source.size) + min(packed, _MAX_RATIO * self.source.size)

    # --- object headers ----------------------------------------------------------------------------------
    def messages(self, address: int, path: str) -> list[tuple[int, bytes]]:
        """(type, data) of the messages of an object."""
        head = self.source.get(address, 4)
        found = self._messages_2(address, path) if head == b"OHDR" else self._messages_1(address)
        for kind, data in found:
            if kind == -1:
                raise ValueError(f"{self.name}: shared element types are not read.")
            if kind == 7:
                raise ValueError(f"{self.name} keeps data in other files (external storage), which is refused.")
            del data
        return found

    def _messages_1(self, address: int) -> list[tuple[int, bytes]]:
        version, count, size = struct.unpack("<BxHxxxxI", self.source.get(address, 12))
        if version != 1:
            raise damaged(self.name, f"an object of version {version}")
        blocks, found = [(address + 16, size)], []
        while blocks and len(found) < count:
            start, size = blocks.pop(0)
            data = self.bulk(start, size)
            at = 0
            while at + 8 <= size and len(found) < count:
                self.budget.spend(2)
                kind, length, flags = struct.unpack_from("<HHB", data, at)
                at += 8
                if at + length > size:
                    raise damaged(self.name, "a message that is longer than its object")
                self._keep(kind, flags, data[at : at + length], found, blocks)
                at += length
        return found

    def _messages_2(self, address: int, path: str) -> list[tuple[int, bytes]]:
        place = f"the header of '{path}'" if path else "the header of its first group"
        version, flags = self.source.get(address + 4, 2)
        if version != 2:
            raise damaged(self.name, f"an object of version {version}")
        at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(self.source.get(at, width), "little")
        blocks, found = [(address, at + width - address + size + 4)], []
        head = 6 if flags & 4 else 4
        first = at + width - address
        while blocks:
            start, size = blocks.pop(0)
            data = self.bulk(start, size)
            if size < first + 4 or (start != address and data[:4] != b"OCHK"):
                raise damaged(self.name, place)
            self._verify(data, place)
            at, size, first = first, size - 4, 4
            while at + head <= size:
                self.budget.spend(2)
                kind, length, bits = struct.unpack_from("<BHB", data, at)
                at += head
                if at + length > size:
                    raise damaged(self.name, "a message that is longer than its object")
                self._keep(kind, bits, data[at : at + length], found, blocks)
                at += length
        return found

    def _verify(self, data: bytes, place: str) -> None:
        """Data that end with their checksum."""
        self.budget.spend(1 + (len(data) >> 4))
        if _core.lookup3(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise damaged(self.name, f"the checksum of {place} does not fit")

    def _keep(self, kind, flags, data, found, blocks) -> None:
        if kind == 0x10:
            self.budget.spend(100)
            blocks.append(struct.unpack_from("<QQ", data))
        found.append((-1 if flags & 2 and kind in (3, 12) else kind, data))

    def bulk(self, offset: int, size: int) -> bytes:
        """A piece as long as the file says: what is read over and over has a bound."""
        self.budget.spend(1 + (max(size, 0) >> 4))
        self.budget.allocate(max(size, 0), "its groups and data sets")
        return self.source.get(offset, size)

    # --- access --------------------------------------------------------------------------------------------
    def __contains__(self, path: str) -> bool:
        return path in self.root

    def __getitem__(self, path: str):
        return self.root[path]

    def get(self, path: str) -> Node | None:
        return self.root.get(path)

    def __iter__(self):
        return iter(self.root)

    @property
    def attrs(self) -> dict:
        return self.root.attrs


class Group(Node):
    """A group: names lead to groups and data sets."""

    def __init__(self, file: Hdf5File, path: str, address: int, messages=None):
        super().__init__(file, path, file.messages(address, path) if messages is None else messages)
        self._links: dict[str, int | None] | None = None
        self._children: dict[str, Node] = {}

    @property
    def links(self) -> dict[str, int | None]:
        """name -> address of the object; None for a link to elsewhere."""
        if self._links is None:
            self._links = {}
            try:
                self._read_links()
            except struct.error as error:
                raise damaged(self.file.name, f"the group '{self.path}'") from error
        return self._links

    def _read_links(self) -> None:
        info = self._message(2)
        if info is not None and struct.unpack_from("<Q", info, 10 if info[1] & 1 else 2)[0] != UNDEFINED:
            raise ValueError(
                f"{self.file.name}: the group '{self.path}' is in a form that is not read (libver='latest'). Write it "
                "with h5py's default libver."
            )
        for kind, data in self._messages:
            if kind == 6:
                self._read_link(data)
        table = self._message(0x11)
        if table is not None:
            tree, heap = struct.unpack_from("<QQ", table)
            header = self.file.source.get(heap, 32)
            if header[:4] != b"HEAP":
                raise damaged(self.file.name, f"the names in group '{self.path}'")
            size, _, start = struct.unpack_from("<QQQ", header, 8)
            names = self.file.bulk(start, size)
            self._read_tree(tree, names, None)

    def _read_link(self, data: bytes) -> None:
        flags = data[1]
        at = 2
        kind = 0
        if flags & 8:
            kind, at = data[at], at + 1
        at += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(data[at : at + width], "little")
        at += width
        name = data[at : at + length].decode("utf-8", "replace")
        self._links[name] = struct.unpack_from("<Q", data, at + length)[0] if kind == 0 else None

    def _read_tree(self, address: int, names: bytes, level: int | None) -> None:
        self.file.budget.spend(10)
        get = self.file.source.get
        header = get(address, 24)
        if header[:4] == b"SNOD" and level == -1:
            count = struct.unpack_from("<H", header, 6)[0]
            table = self.file.bulk(address + 8, 40 * count)
            for i in range(count):
                self.file.budget.spend()
                offset, target, cache = struct.unpack_from("<QQI", table, 40 * i)
                end = names.find(b"\0", offset)
                if offset >= len(names) or end < 0:
                    raise damaged(self.file.name, f"a name in group '{self.path}'")
                self.file.budget.spend(2 + (end - offset >> 4))
                self.file.budget.allocate(end - offset + 256, "names in its groups")
                self._links[names[offset:end].decode("utf-8", "replace")] = None if cache == 2 else target
            return
        kind, depth, count = struct.unpack_from("<BBH", header, 4)
        wrong = level is not None and depth != level
        if header[:4] != b"TREE" or kind != 0 or wrong or depth > MAX_TREE_DEPTH:
            raise damaged(self.file.name, f"the index of group '{self.path}'")
        entries = get(address + 24, 16 * count + 8)
        for i in range(count):
            self._read_tree(struct.unpack_from("<Q", entries, 16 * i + 8)[0], names, depth - 1)

    def __iter__(self):
        return iter(self.links)

    def __len__(self) -> int:
        return len(self.links)

    def __contains__(self, path: str) -> bool:
        node = self
        self.file.budget.spend(1 + (len(path) >> 4))
        for part in path.split("/"):
            if not isinstance(node, Group) or part not in node.links:
                return False
            node = node._child(part)
        return True

    def __getitem__(self, path: str) -> Node:
        node = self
        self.file.budget.spend(1 + (len(path) >> 4))
        for part in path.split("/"):
            if not isinstance(node, Group) or part not in node.links:
                raise damaged(self.file.name, f"'{f'{self.path}/{path}'.lstrip('/')}' is missing")
            node = node._child(part)
        return node

    def get(self, path: str) -> Node | None:
        """The object of that path; None where there is none."""
        if path not in self:
            return None
        return self[path]

    def group(self, path: str) -> Group:
        """Raises OSError when there is no group of that path."""
        node = self[path]
        if not isinstance(node, Group):
            raise damaged(self.file.name, f"'{node.path}' is a data set and should be a group")
        return node

    def dataset(self, path: str) -> Dataset:
        """Raises OSError when there is no data set of that path."""
        node = self[path]
        if not isinstance(node, Dataset):
            raise damaged(self.file.name, f"'{node.path}' is a group and should be a data set")
        return node

    def _child(self, name: str) -> Node:
        child = self._children.get(name)
        if child is None:
            address = self.links[name]
            path = f"{self.path}/{name}" if self.path else name
            self.file.budget.spend(4)
            self.file.budget.allocate(len(path) + 1024, "its groups and data sets")
            if address is None:
                raise ValueError(
                    f"{self.file.name}: '{path}' is a link to another place or file, which is refused. "
                    "Copy the data into the file (h5repack, or load and save with Keras)."
                )
            try:
                messages = self.file.messages(address, path)
                kinds = {kind for kind, _ in messages}
                is_data = 1 in kinds and 3 in kinds and 8 in kinds
                child = Dataset(self.file, path, messages) if is_data else Group(self.file, path, address, messages)
            except struct.error as error:
                raise damaged(self.file.name, f"'{path}'") from error
            self._children[name] = child
        return child
