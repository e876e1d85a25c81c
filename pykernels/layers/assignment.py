"""Attributes that a user assigns on a layer that exists: they act at once, or are refused."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from ..graph import Variable
from ..ops.random import SeedGenerator
from ..utils.random_seed import seeds_from

_PACKAGE = __name__.partition(".")[0]
_MISSING = object()
_PLAIN = (str, int, float, bool, type(None))
_OF_VARIABLES = ("regularizer", "constraint")


def tracked_init(init):
    """`__init__` of a layer's class. What it and those that it calls assign is the constructor's own business; once the
    outermost one is over, assignments are a user's."""

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        state = self.__dict__
        depth = state.get("_making", 0)
        state["_making"] = depth + 1
        try:
            init(self, *args, **kwargs)
        finally:
            state["_making"] = depth
        if init.__module__.partition(".")[0] == _PACKAGE:
            state["_inherited"] = frozenset(state)
        elif depth == 0:
            private = frozenset(name for name in state if name[0] == "_")
            state["_own_private"] = private - state.get("_inherited", frozenset())

    wrapper.is_tracked_init = True
    return wrapper


def concerns_programs(layer, name: str) -> bool:
    """Whether what programs compute may depend on an attribute: all but what the package keeps for itself."""
    if name in layer._not_state or name in layer._bookkeeping:
        return False
    return name[0] != "_" or name in layer.__dict__.get("_own_private", ())


def assigned(layer, name: str, value) -> dict[str, Any]:
    """The attributes to set, by name, when a user assigns `layer.name = value`.

    An argument of a constructor of pykernels' goes to the constructor: it is checked there and brought into its usual
    form, and all that the constructor derives from it follows.

    Raises:
        AttributeError: a property that cannot be set, or an argument that decides the shapes of weights that exist.
        ValueError, TypeError: the constructor does not take the value.
    """
    found = inspect.getattr_static(type(layer), name, None)
    if isinstance(found, property):
        if found.fset is None:
            raise AttributeError(
                f"Layer '{layer.name}': `{name}` cannot be assigned. Where it is an argument, make a new layer with "
                f"{name}={value!r}."
            )
        return {name: value}
    maker = next((c for c in type(layer).__mro__ if _makes(c) and name in _parameters(c)), None)
    if maker is None:
        return {name: value}
    arguments = _arguments(maker, layer)
    with seeds_from(0):
        before = maker(**arguments)
    with seeds_from(0):
        after = maker(**{**arguments, name: value})
    changed = {
        key: new
        for key, new in after.__dict__.items()
        if (key == name or key not in layer._not_state | layer._bookkeeping)
        and not _alike(before.__dict__.get(key, _MISSING), new)
    }
    if layer.built and name in layer.decides_weights and changed:
        raise AttributeError(
            f"Layer '{layer.name}' is built, and `{name}` decides what weights it has: it stays "
            f"{getattr(layer, name, None)!r}. Make a new layer with {name}={value!r}."
        )
    if arguments.get("seed", 0) is None and name != "seed":  # a generator that was not needed before: its own seed
        changed.update({key: SeedGenerator() for key, new in changed.items() if isinstance(new, SeedGenerator)})
    return changed


def _makes(cls) -> bool:
    return cls.__module__.partition(".")[0] == _PACKAGE and getattr(cls, "remade_to_assign", False)


@functools.lru_cache(256)
def _parameters(cls) -> frozenset[str]:
    parameters = inspect.signature(cls.__init__).parameters.values()
    return frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)) - {"self"}


def _arguments(maker, layer) -> dict[str, Any]:
    """The arguments with which `maker` makes a layer like this one."""
    try:
        config = maker.get_config(layer)
    except (TypeError, ValueError, NotImplementedError):  # of a function without a name: the attributes have it too
        config = {}
    names = _parameters(maker) - {"name", "dtype", "trainable"}
    arguments = {name: config[name] for name in names if name in config}
    for name in names:
        if name in layer.__dict__ and not _is_plain(arguments.get(name, _MISSING)):
            arguments[name] = layer.__dict__[name]
    return {**arguments, "name": layer.name, "dtype": layer.dtype}


def _is_plain(value) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_is_plain(x) for x in value)
    return isinstance(value, _PLAIN)


def same(a, b) -> bool:
    """Whether two values of an attribute are the same to a program."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, _PLAIN):
        return a == b
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return False


def _alike(a, b) -> bool:
    """`same`, where two objects made from the same arguments count as one."""
    if same(a, b):
        return True
    if type(a) is not type(b) or inspect.isroutine(a) or isinstance(a, type):
        return False
    if isinstance(a, SeedGenerator):
        return a.seed == b.seed
    if hasattr(a, "get_config"):
        return same(a.get_config(), b.get_config())
    return hasattr(a, "__dict__") and same(vars(a), vars(b))


def follow_on_variables(layer, name: str, value) -> None:
    """`layer.kernel_regularizer = ...` is the regularizer of `layer.kernel` from now on; constraints likewise."""
    owner, _, kind = name.rpartition("_")
    if kind in _OF_VARIABLES:
        places = (owner, f"{owner}_kernel", "kernel" if owner == "depthwise" else owner)
        variable = next((v for v in map(layer.__dict__.get, places) if isinstance(v, Variable)), None)
        if variable is not None:
            setattr(variable, kind, value)
