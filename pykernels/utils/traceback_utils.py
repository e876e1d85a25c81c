"""Keras's decorators for tracebacks, for code that uses them. pykernels takes no lines out of tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..config import disable_traceback_filtering, enable_traceback_filtering, is_traceback_filtering_enabled

F = TypeVar("F", bound=Callable)

__all__ = [
    "disable_traceback_filtering",
    "enable_traceback_filtering",
    "filter_traceback",
    "inject_argument_info_in_traceback",
    "is_traceback_filtering_enabled",
]


def filter_traceback(fn: F) -> F:
    """`fn` itself: what it raises keeps its whole traceback.

    Args:
        fn: callable.
    """
    return fn


def inject_argument_info_in_traceback(fn: F, object_name: str | None = None) -> F:
    """`fn` itself: messages of pykernels name the layer and its arguments already.

    Args:
        fn: callable.
        object_name: str, accepted as in Keras; it has no effect.
    """
    return fn
