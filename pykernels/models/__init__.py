"""Models (`keras.models`)."""

from ..saving.model_files import load_model, save_model
from ..utils import serialization as _serialization
from .cloning import clone_model, model_from_config, model_from_json, model_from_yaml
from .functional import Functional
from .model import Model
from .sequential import Sequential

_serialization.register_module("keras.models", {"Model": Model, "Sequential": Sequential, "Functional": Functional})
_serialization.register_module("keras", {"Model": Model, "Sequential": Sequential, "Functional": Functional})

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
    "model_from_yaml",
    "save_model",
]
