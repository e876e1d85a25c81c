"""Layers (`keras.layers`)."""

from ..utils import serialization as _serialization
from .activation_layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .dense import Dense
from .dropout import Dropout
from .input_layer import Input, InputLayer
from .input_spec import InputSpec
from .lambda_layer import Lambda
from .layer import Layer
from .reshaping import Flatten, Reshape

_ALL = {
    cls.__name__: cls
    for cls in (
        Activation,
        Dense,
        Dropout,
        ELU,
        Flatten,
        InputLayer,
        Lambda,
        LeakyReLU,
        PReLU,
        ReLU,
        Reshape,
        Softmax,
    )
}
_serialization.register_module("keras.layers", {**_ALL, "Layer": Layer})

__all__ = [*_ALL, "Input", "InputSpec", "Layer", "deserialize", "serialize"]


def serialize(layer):
    """The plain form of a layer: class name and configuration."""
    return _serialization.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer that `serialize` described. Raises TypeError for a class that is not known."""
    return _serialization.deserialize_keras_object(config, custom_objects, module_objects=_ALL)
