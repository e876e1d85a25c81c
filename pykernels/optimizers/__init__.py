"""Optimizers, learning rate schedules, and `get`."""

from __future__ import annotations

from ..utils.later import Later
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

_CLASSES = (Optimizer, Adam, AdamW, RMSprop, SGD)
_OBJECTS = {cls.__name__.lower(): cls for cls in _CLASSES}
_LATER = Later(
    __name__,
    "keras.optimizers",
    {
        "adadelta": "Adadelta",
        "adafactor": "Adafactor",
        "adagrad": "Adagrad",
        "adamax": "Adamax",
        "ftrl": "Ftrl",
        "lamb": "Lamb",
        "lion": "Lion",
        "loss_scale_optimizer": "LossScaleOptimizer",
        "multi_optimizer": "MultiOptimizer OptimizerMap",
        "muon": "Muon",
        "nadam": "Nadam",
        "schedule_free_adamw": "ScheduleFreeAdamW",
    },
    found=globals(),
)
_LATER.aliases.update({name.lower(): name for name in _LATER.where})
__getattr__ = _LATER.attribute

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
    *_LATER.where,
]

register_module("keras.optimizers", {cls.__name__: cls for cls in _CLASSES})

# Keras 1 and 2 had lower-case names too.
sgd = SGD
rmsprop = RMSprop
adam = Adam


def _known(name) -> bool:
    """Whether pykernels has an optimizer of that name, whatever its case; it is imported then."""
    if not isinstance(name, str):
        return False
    if name.lower() not in _OBJECTS and (found := _LATER.load(name.lower())) is not None:
        _OBJECTS[name.lower()] = found
    return name.lower() in _OBJECTS


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
    known_names = [*(cls.__name__ for cls in _CLASSES[1:]), *_LATER.where]
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}.{nearest_names(name, known_names)}")
