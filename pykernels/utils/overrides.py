"""Which methods of a base class a user's class replaces, and the error for those that nothing would call."""

from __future__ import annotations

import functools
import inspect
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def overrides(obj: Any, name: str, base: type) -> bool:
    """Whether `obj`, or its class, has a method or property of its own in place of `base`'s."""
    return name in getattr(obj, "__dict__", ()) or getattr(type(obj), name, None) is not getattr(base, name, None)


def overridden_by_user(cls: type, name: str) -> bool:
    """Whether the class that says what `name` is in `cls` belongs to somebody else than pykernels."""
    owner = next((c for c in cls.__mro__ if name in c.__dict__), None)
    return owner is not None and owner.__module__.partition(".")[0] != _PACKAGE


@functools.lru_cache(256)
def takes_argument(function: Any, name: str) -> bool:
    """Whether a function takes an argument of that name, or any."""
    return any(p.name == name or p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


@functools.lru_cache(256)
def takes_places(function: Any, number: int) -> bool:
    """Whether a function can be called with that many positional arguments."""
    places = [p.kind for p in inspect.signature(function).parameters.values()]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Parameter.VAR_POSITIONAL in places or sum(kind in positional for kind in places) >= number


def refuse_overrides(obj: Any, base: type, reasons: dict[str, str]) -> None:
    """Raises NotImplementedError for the first name of `reasons` that `obj` overrides, with the reason."""
    for name, reason in reasons.items():
        if overrides(obj, name, base):
            raise NotImplementedError(
                f"{type(obj).__name__} '{getattr(obj, 'name', '')}' overrides `{name}`, which pykernels does not call: "
                f"{reason}"
            )


def unsupported(name: str, instead: str):
    """A method of Keras's that pykernels does not have: it raises NotImplementedError, which names it."""

    def method(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__}.{name}() is not supported by pykernels: {instead}")

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Not supported: {instead}"
    return method
