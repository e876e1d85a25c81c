"""`utils.get_file`: hashes, atomic downloads, and archives that try to leave their folder (CVE-2025-12060 and
CVE-2025-12638, which are about get_file and tar archives)."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import pathlib
import socket
import tarfile
import threading
import tracemalloc
import zipfile

import pytest

from pykernels import utils


def tar_of(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def get(path, tmp_path, **kwargs):
    return utils.get_file(origin=path.as_uri(), cache_dir=tmp_path / "cache", **kwargs)


def test_download_hash_and_cache(tmp_path, capsys):
    source = tmp_path / "a file ü.bin"
    source.write_bytes(b"abc" * 100)
    sha, md5 = (hashlib.new(n, source.read_bytes()).hexdigest() for n in ("sha256", "md5"))
    path = get(source, tmp_path, file_hash=sha)
    assert path == str(tmp_path / "cache" / "datasets" / "a file ü.bin")
    assert pathlib.Path(path).read_bytes() == source.read_bytes()
    assert "Downloading" in capsys.readouterr().out
    source.write_bytes(b"changed")
    assert get(source, tmp_path, md5_hash=md5) == path  # still the one that was asked for
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="has the hash"):
        get(source, tmp_path, file_hash=sha, force_download=True)
    assert pathlib.Path(path).read_bytes() == b"abc" * 100  # the good one is kept
    assert os.listdir(tmp_path / "cache" / "datasets") == ["a file ü.bin"]
    assert pathlib.Path(get(source, tmp_path, force_download=True)).read_bytes() == b"changed"


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_extract(tmp_path, kind):
    source = tmp_path / f"data.{kind}"
    if kind == "tar":
        tar_of(source, [("folder/a.txt", b"1"), ("./b.txt", b"2")])
    else:
        with zipfile.ZipFile(source, "w") as archive:
            archive.writestr("folder/a.txt", b"1")
            archive.writestr("b.txt", b"2")
    folder = get(source, tmp_path, extract=True)
    assert folder.endswith("data_extracted")
    assert pathlib.Path(folder, "folder", "a.txt").read_text() == "1"
    assert pathlib.Path(folder, "b.txt").read_text() == "2"
    assert get(source, tmp_path, extract=True) == folder
    folder = get(source, tmp_path, fname="named", extract=True)
    assert sorted(os.listdir(folder)) == ["b.txt", "folder"]


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


EVIL_TARS = {
    "parent": [("../evil", b"x")],
    "deep parent": [("a/../../evil", b"x")],
    "absolute": [("/tmp/evil", b"x")],
    "backslash": [("..\\evil", b"x")],
    "symbolic link": [(link("a", "..", tarfile.SYMTYPE), b""), ("a/evil", b"x")],
    # CVE-2025-12638: a link whose target is longer than the system resolves passes naive filters
    "long link": [(link("d" * 200 + "/l", "/".join([".."] * 2000), tarfile.SYMTYPE), b"")],
    "hard link": [(link("a", "/etc/passwd", tarfile.LNKTYPE), b"")],
    "device": [(link("a", "", tarfile.CHRTYPE), b"")],
    "file as folder": [("a", b"x"), ("a/b", b"y")],
}


@pytest.mark.parametrize("members", EVIL_TARS.values(), ids=EVIL_TARS.keys())
def test_cve_2025_12060_and_12638_archives_stay_in_their_folder(tmp_path, members):
    source = tar_of(tmp_path / "evil.tar.gz", [("good", b"1"), *members])
    with pytest.raises(ValueError, match="was not unpacked"):
        get(source, tmp_path, extract=True)
    assert sorted(os.listdir(tmp_path / "cache" / "datasets")) == ["evil.tar.gz"]
    assert sorted(os.listdir(tmp_path)) == ["cache", "evil.tar.gz"]


def test_members_of_tar_archives_lose_their_special_modes(tmp_path):
    member = tarfile.TarInfo("tool")
    member.mode = 0o6777
    folder = get(tar_of(tmp_path / "a.tar", [(member, b"#!")], "w"), tmp_path, extract=True)
    assert pathlib.Path(folder, "tool").stat().st_mode & 0o6022 == 0  # neither set-uid nor writable by others


def test_a_python_whose_tarfile_cannot_filter_is_named(tmp_path, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(OSError, match=r"Use Python 3\.10\.12"):
        get(tar_of(tmp_path / "a.tar", [("a", b"1")], "w"), tmp_path, extract=True)


def test_cve_2025_12060_zip_archives_stay_in_their_folder(tmp_path):
    for i, name in enumerate(["../evil", "/tmp/evil", "a/../../evil", "C:\\evil"]):
        source = tmp_path / f"evil{i}.zip"
        with zipfile.ZipFile(source, "w") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(ValueError, match="outside of its folder"):
            get(source, tmp_path, extract=True)
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info = zipfile.ZipInfo("l")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link"):
        get(tmp_path / "link.zip", tmp_path, extract=True)


def test_bombs_and_damage(tmp_path):
    source = tar_of(tmp_path / "bomb.tar.bz2", [("a", b"\0" * (1 << 26))], "w:bz2")  # bzip2 packs zeros best
    assert source.stat().st_size < 1000
    with pytest.raises(ValueError, match="larger than"):
        get(source, tmp_path, extract=True)
    cut = tar_of(tmp_path / "cut.tar.gz", [("a", os.urandom(100000))])
    cut.write_bytes(cut.read_bytes()[:50000])
    with pytest.raises(ValueError, match="damaged"):
        get(cut, tmp_path, extract=True)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"\0" * (1 << 26))
    assert (tmp_path / "bomb.zip").stat().st_size < 20000
    with pytest.raises(ValueError, match="larger than"):
        get(tmp_path / "bomb.zip", tmp_path, extract=True)
    (tmp_path / "text.txt").write_text("hello")
    with pytest.raises(ValueError, match="Could not extract archive"):
        get(tmp_path / "text.txt", tmp_path, extract=True)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, 'specify the "origin"'),
        ({"origin": "ftp://host/file"}, "https"),
        ({"origin": "data:text/plain,x"}, "https"),
        ({"origin": "https://host/"}, "Can't parse the file name"),
        ({"origin": "https://host/a", "fname": "../a"}, "Paths are no longer accepted"),
        ({"origin": "https://host/a%2F..%2F..%2Fb"}, None),
    ],
)
def test_bad_arguments(tmp_path, kwargs, message):
    if message is None:
        kwargs = {**kwargs, "fname": ".."}
        message = "Paths are no longer"
    with pytest.raises(ValueError, match=message):
        utils.get_file(cache_dir=tmp_path, **kwargs)


@pytest.mark.parametrize(("kind", "pack"), [("x", bz2.open), ("L", gzip.open), ("x", lzma.open), ("L", open)])
def test_headers_that_claim_to_be_long(tmp_path, kind, pack):
    """The length of a header is whatever the archive says: 64 MB here, and as much as one likes in 50 bytes more."""
    source = tmp_path / "headers.tar"
    info = tarfile.TarInfo("a")
    info.size, info.type = 1 << 26, kind.encode()
    with pack(source, "wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 26))
        file.write(tarfile.TarInfo("b").tobuf() + bytes(1024))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"Could not extract archive|header"):
            get(source, tmp_path, extract=True)
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_long_names_and_large_members(tmp_path, mode):
    name, data = "folder/" * 20 + "n" * 150, os.urandom(3 << 20)
    folder = get(tar_of(tmp_path / "a.tar", [(name, data)], mode), tmp_path, extract=True)
    assert pathlib.Path(folder, name).read_bytes() == data


REPLIES = {
    "no reply": b"",
    "no HTTP": b"garbage\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "cut chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    "to a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n",
    "to ftp": b"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_servers_that_break_off_or_send_elsewhere(tmp_path, reply):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(ConnectionError, match=r"127\.0\.0\.1") as caught:
            utils.get_file("f", origin=f"http://127.0.0.1:{server.getsockname()[1]}/f", cache_dir=tmp_path)
        thread.join(10)
    assert "cannot be written" not in str(caught.value)
    assert os.listdir(tmp_path / "datasets") == []


@pytest.mark.parametrize("origin", ["http://127.0.0.1/a b", "http://127.0.0.1:xx/a", "http://127.0.0.1:1/ü"])
def test_addresses_that_are_none(tmp_path, origin):
    with pytest.raises(ConnectionError, match="cannot be downloaded"):
        utils.get_file("f", origin=origin, cache_dir=tmp_path)


def test_no_network(tmp_path):
    with pytest.raises(ConnectionError, match="by hand"):
        utils.get_file("a", origin=(tmp_path / "missing").as_uri(), cache_dir=tmp_path)
    assert os.listdir(tmp_path / "datasets") == []
