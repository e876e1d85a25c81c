"""Imports of the package run one way; private names that other modules use are stated where they are defined."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "pykernels"

# Lower rooms first. A room imports from the rooms above its own line in this list, never from one below or beside.
LEVELS = [
    ["_core", "user_warning", "compat", "_version"],
    ["config", "config_info"],
    ["utils"],
    ["graph"],
    ["ops"],
    ["random", "activations", "constraints", "initializers", "regularizers", "losses"],
    ["metrics", "optimizers", "initializations"],
    ["layers"],
    ["data_adapters", "backend_functions"],
    ["backend"],
    ["preprocessing", "datasets", "saving", "summary"],
    ["callbacks"],
    ["training"],
    ["models"],
    ["applications", "tf", "visualization", "wrappers"],
    ["demo"],
    ["__main__"],
    [""],  # pykernels/__init__.py
]
LEVEL = {room: n for n, rooms in enumerate(LEVELS) for room in rooms}
# The entry points, which may import everything.
FREE = {"__main__", ""}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = list(path.relative_to(ROOT.parent).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def room(module: str) -> str:
    return [*module.split("."), ""][1]


def imported(module: str) -> list[tuple[str, int, bool]]:
    """(module of the package, line, whether it is at the top level of the file) for each import."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    found = []
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            found += [(a.name, node.lineno, node.col_offset == 0) for a in node.names if a.name.startswith("pykernels")]
        if not isinstance(node, ast.ImportFrom):
            continue
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        if base.split(".")[0] != "pykernels":
            continue
        for alias in node.names:
            name = f"{base}.{alias.name}"
            found.append((name if name in MODULES or base == "pykernels" else base, node.lineno, node.col_offset == 0))
    return found


def test_every_room_has_a_level():
    assert {room(m) for m in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module):
    if room(module) in FREE:
        return
    upward = [
        f"{MODULES[module]}:{line} imports {target}"
        for target, line, _ in imported(module)
        if room(target) != room(module) and LEVEL[room(target)] >= LEVEL[room(module)]
    ]
    assert not upward, "\n".join(upward)


def test_no_circles_between_modules():
    graph = {m: {t for t, _, top in imported(m) if top and t in MODULES and t != m} for m in MODULES}
    state: dict[str, int] = {}
    circles = []

    def visit(module, path):
        state[module] = 1
        for target in sorted(graph[module]):
            if MODULES[target].name == "__init__.py":
                continue  # a package's list of names imports its modules, which import each other directly
            if state.get(target) == 1:
                circles.append(" -> ".join([*path[path.index(target) :], target]))
            elif target not in state:
                visit(target, [*path, target])
        state[module] = 2

    for module in MODULES:
        if module not in state and MODULES[module].name != "__init__.py":
            visit(module, [module])
    assert not circles, "\n".join(circles)


def test_no_imports_of_the_package_hide_in_functions():
    hidden = [
        f"{MODULES[m]}:{line}"
        for m in MODULES
        if room(m) not in FREE
        for target, line, top in imported(m)
        if not top and not in_type_checking(m, line)
    ]
    assert not hidden, "\n".join(hidden)


def in_type_checking(module: str, line: int) -> bool:
    for node in TREES[module].body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return node.lineno <= line <= node.end_lineno
    return False


# --- private names ------------------------------------------------------------------------------------------
# Methods of NamedTuples and of `sys` that are public in spite of their names.
PUBLIC = {"_replace", "_asdict", "_fields", "_getframe"}
STATED = re.compile(r"Package interface: (.*?)\.$", re.MULTILINE | re.DOTALL)


def stated_names() -> set[str]:
    """The names in the sentences "Package interface: `_a`, `_b`." of docstrings and comments."""
    return {
        name
        for path in MODULES.values()
        for text in STATED.findall(path.read_text())
        for name in re.findall(r"`(_\w+)`", text)
    }


def private_uses() -> dict[str, list[str]]:
    """Private attributes that are read or written in a module that does not define them."""
    defined = defaultdict(set)
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined[node.name].add(module)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                    defined[node.attr].add(module)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined[node.id].add(module)
    uses = defaultdict(list)
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not re.match(r"_[a-z]", node.attr):
                continue
            owner = ast.unparse(node.value)
            own = owner in ("self", "cls", "super()") or module in defined[node.attr] or owner.endswith("_core")
            if own or node.attr in PUBLIC:
                continue
            uses[node.attr].append(f"{MODULES[module].relative_to(ROOT)}:{node.lineno} {owner}.{node.attr}")
    return uses


def test_private_names_are_used_where_they_are_defined_or_stated():
    stated = stated_names()
    unstated = {name: uses for name, uses in private_uses().items() if name not in stated}
    assert not unstated, "\n".join(f"{name}: {', '.join(uses)}" for name, uses in sorted(unstated.items()))


def test_what_is_stated_is_used():
    assert stated_names() <= set(private_uses())
