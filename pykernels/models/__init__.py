"""Models (`keras.models`)."""

from ..utils import serialization as _serialization
from .functional import Functional
from .model import Model
from .sequential import Sequential

_serialization.register_module("keras.models", {"Model": Model, "Sequential": Sequential, "Functional": Functional})
_serialization.register_module("keras", {"Model": Model, "Sequential": Sequential, "Functional": Functional})

__all__ = ["Functional", "Model", "Sequential"]
