"""Public names whose modules are imported when they are first asked for."""

from __future__ import annotations

import importlib
from typing import Any

from .serialization import register_later, register_module


class Later:
    """The names of a package that few programs need.

    Args:
        package: name of the package.
        keras_module: what Keras calls it.
        where: module -> the names it has, separated by spaces.
        aliases: other names -> the names they stand for.
        found: dict that gets each object by its names when it is imported, the package's `globals()` for example.
    """

    def __init__(self, package: str, keras_module: str, where: dict, aliases: dict | None = None, found=None):
        self.package, self.keras_module = package, keras_module
        self.aliases = aliases or {}
        self.where = {name: module for module, names in where.items() for name in names.split()}
        self.found = {} if found is None else found
        register_later(keras_module, self.load)

    @property
    def names(self) -> list[str]:
        """All names, those of functions and classes and their aliases."""
        return [*self.where, *self.aliases]

    def load(self, name: Any):
        """The object of that name; None if there is none."""
        own = self.aliases.get(name, name) if isinstance(name, str) else None
        if own not in self.where:
            return None
        value = getattr(importlib.import_module(f"{self.package}.{self.where[own]}"), own)
        self.found.update(dict.fromkeys((own, *(a for a, target in self.aliases.items() if target == own)), value))
        register_module(self.keras_module, {own: value})
        return value

    def known(self, identifier: Any) -> dict:
        """All names, those that nobody has asked for with None, and the objects that are there: what `identifier` (a
        name, or the dict of an object's configuration) means is among them.
        """
        names = [identifier]
        if isinstance(identifier, dict):
            names = [identifier.get(key) for key in ("registered_name", "class_name", "config")]
        for name in names:
            if isinstance(name, str) and name not in self.found:
                self.load(name)
        return {**dict.fromkeys(self.names), **self.found}

    def attribute(self, name: str):
        """What the package's `__getattr__` returns."""
        value = self.load(name)
        if value is None:
            raise AttributeError(f"module {self.package!r} has no attribute {name!r}")
        return value
