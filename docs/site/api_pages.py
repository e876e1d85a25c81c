"""The pages of the API reference: a page for each public module, with the names that it lists in `__all__`."""

from __future__ import annotations

import functools
import importlib
import inspect

#: Module -> title of its page, in the order of the navigation.
MODULES = {
    "models": "Models",
    "layers": "Layers",
    "activations": "Activations",
    "losses": "Losses",
    "metrics": "Metrics",
    "optimizers": "Optimizers",
    "optimizers.schedules": "Learning rate schedules",
    "callbacks": "Callbacks",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
    "constraints": "Constraints",
    "datasets": "Data sets",
    "preprocessing.image": "Image preprocessing",
    "applications": "Applications",
    "visualization": "Visualization",
    "utils": "Utilities",
    "saving": "Saving",
    "config": "Settings",
    "random": "Random numbers",
    "ops": "Operations",
    "backend": "Backend",
}

_NAME = "pykernels."


@functools.cache
def reference_pages() -> dict[str, tuple[str, str]]:
    """File name without ending -> (title, Markdown with mkdocstrings directives) of each page, "index" first."""
    pages = {module.replace(".", "_"): (title, _page(module, title)) for module, title in MODULES.items()}
    return {"index": ("All modules", _index()), **pages}


def _index() -> str:
    rows = [f"| [`{_NAME}{module}`]({module.replace('.', '_')}.md) | {_summary(module)} |" for module in MODULES]
    text = "# API reference\n\nNames, arguments and defaults are those of Keras 3.\n\n"
    return text + "| module | contents |\n|---|---|\n" + "\n".join(rows) + "\n"


def _summary(module: str) -> str:
    """The first paragraph of the module's docstring on one line."""
    return " ".join(inspect.getdoc(importlib.import_module(_NAME + module)).split("\n\n")[0].split())


def _page(module: str, title: str) -> str:
    loaded = importlib.import_module(_NAME + module)
    text = [f"# {title}", f"`{_NAME}{module}`", inspect.getdoc(loaded)]
    names = _public_names(loaded)
    first: dict[int, str] = {}
    others: dict[str, list[str]] = {}
    for name in names:
        canonical = first.setdefault(id(getattr(loaded, name)), name)
        if canonical != name:
            others.setdefault(canonical, []).append(name)
    for name in first.values():
        value = getattr(loaded, name)
        text.append(f"::: {_place(loaded, name)}.{name}{_options(value)}")
        if name in others:
            text.append("Also as " + ", ".join(f"`{other}`" for other in others[name]) + ".")
    return "\n\n".join(text) + "\n"


def _place(module, name: str) -> str:
    """The module that has a name: of one that is imported on demand, which its package does not keep, its own."""
    return module.__name__ if name in vars(module) else getattr(module, name).__module__


def _public_names(module) -> list[str]:
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    shown = [name for name in names if not name.startswith("_") and callable(getattr(module, name))]
    return sorted(shown, key=lambda name: (not inspect.isclass(getattr(module, name)), name.lower()))


def _options(value) -> str:
    methods = _documented_methods(value) if inspect.isclass(value) else []
    if not methods:
        return ""
    listed = "".join(f"\n        - {name}" for name in methods)
    return f"\n    options:\n      inherited_members: true\n      members:{listed}"


@functools.cache
def _public_classes() -> frozenset:
    modules = [importlib.import_module(_NAME + name) for name in MODULES]
    values = [getattr(module, name) for module in modules for name in _public_names(module)]
    return frozenset(value for value in values if inspect.isclass(value))


def _documented_methods(cls: type) -> list[str]:
    """The public methods with docstrings of a class and of its bases, without those that a public base documents."""
    elsewhere = [base for base in cls.__mro__[1:] if base in _public_classes()]
    known = {name for base in elsewhere for name in dir(base)}
    found = []
    for base in cls.__mro__[:-1]:
        for name, member in vars(base).items():
            member = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            described = getattr(member, "__doc__", None) if callable(member) or isinstance(member, property) else None
            if described and not name.startswith("_") and name not in found and name not in known:
                found.append(name)
    return sorted(found)
