"""The hyperparameters of optimizers: what they may be, in the constructor and when they are assigned later."""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import numpy as np

from ..utils.checks import check_integer, check_number


def number(low=-math.inf, high=math.inf, *, below=False, optional=False):
    """The rule of a finite number from `low` to `high`: see `check_number`."""

    def rule(owner, name, value):
        check_number(owner, name, value, low, high, below=below, optional=optional)
        return value

    return rule


def accumulation_steps(owner, name, value):
    """The rule of `gradient_accumulation_steps`."""
    check_integer(owner, name, value, optional=True)
    if value and not value >= 2:
        raise ValueError(f"`{name}` must be an integer >= 2. Received: {name}={value}")
    return value


def ema_momentum_rule(owner, name, value):
    """The rule of `ema_momentum`."""
    check_number(owner, name, value)
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be in the range [0, 1]. Received: {name}={value}")
    return value


def ema_frequency(owner, name, value):
    """The rule of `ema_overwrite_frequency`."""
    if value and (not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` must be an integer >= 1 or None. Received: {name}={value}")
    return value


def momentum(owner, name, value):
    """The rule of SGD's momentum."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, float) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a float between [0, 1]. Received: {name}={value}")
    return value


class Settings:
    """Attributes that are checked whenever they are assigned.

    `_RULES` has name -> function of the class's name, the attribute's name and the value, which returns the value or
    raises ValueError. `_FIXED` names those that are read only by `build`: they are refused afterwards. Both add to
    those of the base classes.
    """

    _RULES: ClassVar = {}
    _FIXED: ClassVar = frozenset()

    def __setattr__(self, name, value):
        if name in _fixed(type(self)) and self.__dict__.get("built") and value != getattr(self, name, None):
            raise ValueError(
                f"{type(self).__name__}: `{name}` has no effect once the optimizer is built, for it says how `build` "
                f"makes the slot variables. Pass it to the constructor. Received: {name}={value}"
            )
        rule = _rules(type(self)).get(name)
        if rule is not None:
            if isinstance(value, np.generic):
                value = value.item()  # a compiled step is recorded again when a Python number has changed
            value = rule(type(self).__name__, name, value)
        super().__setattr__(name, value)


@functools.lru_cache(256)
def _rules(cls) -> dict:
    return {name: rule for c in reversed(cls.__mro__) for name, rule in c.__dict__.get("_RULES", {}).items()}


@functools.lru_cache(256)
def _fixed(cls) -> frozenset:
    return frozenset().union(*(c.__dict__.get("_FIXED", ()) for c in cls.__mro__))
