"""Checks of arguments that several kinds of objects take."""

from __future__ import annotations

import math

from .error_origin import brief

_MOST = (1 << 31) - 1


def check_number(
    owner: str, name: str, value, low: float = -math.inf, high: float = math.inf, *, optional=False, below=False
) -> None:
    """Raises ValueError unless `value` is a finite number from `low` to `high`.

    Args:
        owner: whose argument it is, for the message.
        name: of the argument.
        value: a Python number, or an array or variable of one.
        optional: whether None will do.
        below: whether `high` itself is too much.
    """
    if value is None and optional:
        return
    try:
        number = math.nan if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not math.isfinite(number) or number < low or number > high or (below and number == high):
        raise ValueError(
            f"{owner}: `{name}` must be a number{_range(low, high, below)}. Received: {name}={brief(value)}"
        )


def _range(low: float, high: float, below: bool) -> str:
    if low == -math.inf:
        return "" if high == math.inf else f" of at most {high:g}"
    if high == math.inf:
        return f" of at least {low:g}"
    return f" in [{low:g}, {high:g}{')' if below else ']'}"


def check_integer(owner: str, name: str, value, low: int = -_MOST, high: int = _MOST, *, optional=False) -> None:
    """Raises ValueError unless `value` is an integer (NumPy's too, no bool) from `low` to `high`."""
    if value is None and optional:
        return
    whole = hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "ndim", 0) == 0
    if not whole or not low <= value.__index__() <= high:
        bounds = f" of at most {high}" if whole and value.__index__() > high else _between(low, high)
        raise ValueError(f"{owner}: `{name}` must be an integer{bounds}. Received: {name}={brief(value)}")


def _between(low: int, high: int) -> str:
    if high == _MOST:
        return "" if low == -_MOST else f" of at least {low}"
    return f" from {low} to {high}"


def check_name(owner: str, name) -> None:
    """Raises ValueError unless `name` is a string or None."""
    if name is not None and not isinstance(name, str):
        raise ValueError(f"{owner}: `name` must be a string. Received: name={brief(name)}")


_OPTIONS = {
    "label_smoothing": lambda owner, value: check_number(owner, "label_smoothing", value, 0, 1),
    "axis": lambda owner, value: check_integer(owner, "axis", value),
    "k": lambda owner, value: check_integer(owner, "k", value, 1),
    "threshold": lambda owner, value: check_number(owner, "threshold", value),
    "ignore_class": lambda owner, value: check_integer(owner, "ignore_class", value, optional=True),
}


def check_options(owner: str, options: dict) -> None:
    """Checks the options of losses and metrics that have a rule; others pass."""
    for name, value in options.items():
        if name in _OPTIONS:
            _OPTIONS[name](owner, value)
