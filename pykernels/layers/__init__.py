"""Layers (`keras.layers`)."""

from ..utils import serialization as _serialization
from .activation_layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .dense import Dense
from .dropout import Dropout
from .input_layer import Input, InputLayer
from .input_spec import InputSpec
from .lambda_layer import Lambda
from .layer import Layer
from .merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .noise import AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
from .padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from .resampling import UpSampling1D
from .rescaling import Rescaling
from .reshaping import Flatten, Permute, RepeatVector, Reshape

_ALL = {
    cls.__name__: cls
    for cls in (
        Activation,
        Add,
        AlphaDropout,
        Average,
        Concatenate,
        Cropping1D,
        Cropping2D,
        Dense,
        Dot,
        Dropout,
        ELU,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        InputLayer,
        Lambda,
        LeakyReLU,
        Maximum,
        Minimum,
        Multiply,
        PReLU,
        Permute,
        ReLU,
        RepeatVector,
        Rescaling,
        Reshape,
        Softmax,
        SpatialDropout1D,
        SpatialDropout2D,
        Subtract,
        UpSampling1D,
        ZeroPadding1D,
        ZeroPadding2D,
    )
}
_serialization.register_module("keras.layers", {**_ALL, "Layer": Layer})

__all__ = [
    *_ALL,
    "Input",
    "InputSpec",
    "Layer",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer):
    """The plain form of a layer: class name and configuration."""
    return _serialization.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer that `serialize` described. Raises TypeError for a class that is not known."""
    return _serialization.deserialize_keras_object(config, custom_objects, module_objects=_ALL)
