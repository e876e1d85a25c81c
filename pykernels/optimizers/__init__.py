"""Optimizers, learning rate schedules, and `get`."""

from __future__ import annotations

from ..utils.naming import nearest_names
from ..utils.serialization import (
    deserialize_keras_object,
    get_registered_object,
    register_module,
    serialize_keras_object,
)
from . import schedules
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize"]

_CLASSES = (Optimizer, Adam, AdamW, RMSprop, SGD)
_OBJECTS = {cls.__name__.lower(): cls for cls in _CLASSES}
register_module("keras.optimizers", {cls.__name__: cls for cls in _CLASSES})

# Names of other Keras optimizers, which pykernels does not have yet.
_ABSENT = (
    "adadelta",
    "adafactor",
    "adagrad",
    "adamax",
    "ftrl",
    "lamb",
    "lion",
    "lossscaleoptimizer",
    "muon",
    "nadam",
    "schedulefreeadamw",
)

# Keras 1 and 2 had lower-case names too.
sgd = SGD
rmsprop = RMSprop
adam = Adam


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
    if isinstance(name, str) and name.lower() in _OBJECTS:
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
        known = isinstance(name, str) and name.lower() in _OBJECTS
        if known or get_registered_object(config.get("registered_name") or name) is not None:
            found = deserialize(config)
            if isinstance(found, Optimizer):
                return found
        if isinstance(name, str) and name.lower() in _ABSENT:
            raise ValueError(
                f"Could not interpret optimizer identifier: {identifier}. pykernels does not have it yet; use 'adam', "
                "'rmsprop' or 'sgd', or write a subclass of pykernels.optimizers.Optimizer."
            )
    else:
        name = identifier
    known_names = [cls.__name__ for cls in _CLASSES[1:]]
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}.{nearest_names(name, known_names)}")
