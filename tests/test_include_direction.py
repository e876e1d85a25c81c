"""C++ includes go one way: bindings > program > kernels > base. None goes in a circle."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "csrc"
ROOMS = ("base", "kernels", "program", "bindings")  # each may include itself and those before it
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the C++ sources are not beside the tests")


def sources():
    return sorted(p for p in ROOT.rglob("*") if p.suffix in (".h", ".cpp"))


def includes(path) -> list[tuple[str, str]]:
    return INCLUDE.findall(path.read_text())


def room_of(path) -> int:
    return ROOMS.index(path.relative_to(ROOT).parts[0])


def test_every_source_lies_in_a_room():
    assert {p.relative_to(ROOT).parts[0] for p in sources()} == set(ROOMS)
    assert len(sources()) > 100


def test_includes_go_down():
    wrong = []
    for path in sources():
        for mark, name in includes(path):
            if mark == '"':
                target = ROOT / name
                assert target.is_file(), f"{path.relative_to(ROOT)} includes {name}: write it relative to csrc/"
                if room_of(target) > room_of(path):
                    wrong.append(f"{path.relative_to(ROOT)} includes {name}")
    assert not wrong


def test_only_the_bindings_know_python():
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources()
        for _, name in includes(path)
        if name.startswith(("pybind11", "Python.h")) and room_of(path) < ROOMS.index("bindings")
    ]
    assert not wrong


def test_headers_do_not_include_each_other_in_a_circle():
    graph = {
        str(path.relative_to(ROOT)): [name for mark, name in includes(path) if mark == '"']
        for path in sources()
        if path.suffix == ".h"
    }
    done, on_the_way = set(), []

    def visit(header):
        assert header not in on_the_way, " > ".join([*on_the_way, header])
        if header in done:
            return
        on_the_way.append(header)
        for name in graph.get(header, ()):
            visit(name)
        done.add(on_the_way.pop())

    for header in graph:
        visit(header)
