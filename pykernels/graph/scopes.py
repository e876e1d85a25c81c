"""Names of the layers that are being built or called in this thread."""

from __future__ import annotations

import contextlib
import threading

_state = threading.local()


@contextlib.contextmanager
def scope(name: str):
    """Labels the nodes recorded within, for printed programs and profiles (the innermost name counts), and begins the
    paths of the variables that are made within."""
    outer = getattr(_state, "names", ())
    _state.names = (*outer, name)
    try:
        yield
    finally:
        _state.names = outer


def current_label() -> str:
    """The innermost name; "" outside of any scope."""
    names = getattr(_state, "names", ())
    return names[-1] if names else ""


def current_path() -> str:
    """The names from the outermost to the innermost with "/" between; a name that follows itself counts once."""
    names = getattr(_state, "names", ())
    return "/".join(name for i, name in enumerate(names) if not i or name != names[i - 1])
