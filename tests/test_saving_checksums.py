"""Checksums of the headers in HDF5 files of the newer forms: a byte that is changed anywhere in them is refused."""

import random
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pykernels import _core
from pykernels.saving.hdf5.reader import Group, Hdf5File
from pykernels.saving.storage import MemoryBytes

sys.path.append(str(Path(__file__).parent / "fuzz"))

from checksums import headers, with_checksums


def newest_file(path) -> bytes:
    """Superblock 3, object headers 2, one of them in several blocks."""
    with h5py.File(path, "w", libver="latest") as file:
        for name in ("a", "b"):
            file[f"layers/{name}/vars/0"] = np.arange(6.0).reshape(2, 3)
        group = file["layers/a"]
        for i in range(40):  # grow beyond the first block
            group[f"further_{i}"] = h5py.SoftLink("/layers/b")
            del group[f"further_{i}"]
            group.attrs[f"note_{i % 6}"] = "x" * (10 + i)
    return Path(path).read_bytes()


def read_all(data: bytes) -> list:
    file = Hdf5File(MemoryBytes(data, "a.h5"))
    found, pending = [], [file.root]
    while pending:
        node = pending.pop()
        found.append((node.path, sorted(node.attrs)))
        if isinstance(node, Group):
            pending.extend(node[name] for name in node)
        else:
            found.append(node.read(1 << 20).tolist())
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return newest_file(tmp_path_factory.mktemp("h5") / "a.h5")


def test_good_files_are_read(data):
    found = read_all(data)
    assert len(found) == 8 + 2 and found.count([[0, 1, 2], [3, 4, 5]]) == 2


def test_the_file_has_every_kind_of_header(data):
    kinds = [data[start : start + 4] for start, _ in headers(data)]
    assert kinds[0] == b"\x89HDF" and kinds.count(b"OHDR") == 8 and kinds.count(b"OCHK") >= 1


def test_a_flipped_bit_in_a_header_is_refused_by_name(data):
    rng = random.Random(0)
    for start, end in headers(data):
        for at in {start + 9, end - 1, *(rng.randrange(start + 4, end) for _ in range(12))}:
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            with pytest.raises((OSError, ValueError), match=r"a\.h5"):
                read_all(bytes(changed))


def test_the_message_names_the_object(data):
    _, end = next(h for h in headers(data) if data[h[0] : h[0] + 4] == b"OCHK")
    changed = bytearray(data)
    changed[end - 8] ^= 1
    with pytest.raises(OSError, match=r"a\.h5 cannot be read: the checksum of the header of 'layers/a' does not fit"):
        read_all(bytes(changed))


def test_the_fuzz_program_makes_checksums_fit(data):
    _, end = headers(data)[1]
    changed = bytearray(data)
    changed[end - 5] ^= 1
    assert with_checksums(bytes(changed)) != bytes(changed)
    assert with_checksums(data) == data
    with pytest.raises(TypeError, match="contiguous"):
        _core.lookup3(np.zeros((4, 4), "u1")[:, ::2])
