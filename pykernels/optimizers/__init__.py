"""Optimizers, learning rate schedules, and `get`."""

from __future__ import annotations

import importlib as _importlib

from ..utils.naming import nearest_names
from ..utils.serialization import (
    deserialize_keras_object,
    get_registered_object,
    register_later,
    register_module,
    serialize_keras_object,
)
from . import schedules
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

# Class -> the module that has it, imported when the class is first asked for.
_LATER = {
    "Adadelta": "adadelta",
    "Adafactor": "adafactor",
    "Adagrad": "adagrad",
    "Adamax": "adamax",
    "Ftrl": "ftrl",
    "Lamb": "lamb",
    "Lion": "lion",
    "Muon": "muon",
    "Nadam": "nadam",
    "ScheduleFreeAdamW": "schedule_free_adamw",
}
_NAMES = {name.lower(): name for name in _LATER}

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize", *_LATER]

_CLASSES = (Optimizer, Adam, AdamW, RMSprop, SGD)
_OBJECTS = {cls.__name__.lower(): cls for cls in _CLASSES}


def _load(name):
    if name not in _LATER:
        return None
    value = getattr(_importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = _OBJECTS[name.lower()] = value
    register_module("keras.optimizers", {name: value})
    return value


def __getattr__(name):
    value = _load(name)
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return value


register_module("keras.optimizers", {cls.__name__: cls for cls in _CLASSES})
register_later("keras.optimizers", _load)

# Keras 1 and 2 had lower-case names too.
sgd = SGD
rmsprop = RMSprop
adam = Adam


def _known(name) -> bool:
    """Whether pykernels has an optimizer of that name, whatever its case; it is imported then."""
    if not isinstance(name, str):
        return False
    return name.lower() in _OBJECTS or _load(_NAMES.get(name.lower(), "")) is not None


def serialize(optimizer):
    """The configuration of an optimizer as a dict of plain values, for `deserialize`.

    Args:
        optimizer: an `Optimizer`.
    """
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """Makes an optimizer from a dict that `serialize` returned. Class names of pykernels are not case-sensitive.

    Args:
        config: dict.
        custom_objects: dict of name -> class. Default None.

    Raises:
        TypeError: an unknown class.
        ValueError: an invalid argument.
    """
    config = dict(config)
    name = config.get("class_name")
    if _known(name):
        config["class_name"] = name.lower()
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)


def get(identifier):
    """Finds an optimizer.

    Args:
        identifier: name, not case-sensitive ("adam", "SGD"), configuration dict, `Optimizer` or None.

    Returns:
        An `Optimizer`; None for None.

    Raises:
        ValueError: an unknown name; the message lists similar names.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    config = {"class_name": identifier, "config": {}} if isinstance(identifier, str) else identifier
    if isinstance(config, dict):
        name = config.get("class_name")
        if _known(name) or get_registered_object(config.get("registered_name") or name) is not None:
            found = deserialize(config)
            if isinstance(found, Optimizer):
                return found
    else:
        name = identifier
    known_names = [*(cls.__name__ for cls in _CLASSES[1:]), *_LATER]
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}.{nearest_names(name, known_names)}")
