"""Activation functions by name (`keras.activations`).

Each takes a tensor (or array) and returns one of the same shape and float dtype. Defaults are those of
`keras.activations`, which differ from `keras.ops` in `gelu`.
"""

from __future__ import annotations

# ruff: noqa: F401, F403, F405 - what `__all__` names
from . import ops
from .graph import Variable
from .ops import activations as _elementwise
from .ops import glu, log_softmax, softmax
from .ops.activations import *
from .utils.serialization import deserialize_keras_object, register_module, resolve, serialize_keras_object

__all__ = sorted(
    {*_elementwise.__all__, "deserialize", "get", "glu", "linear", "log_softmax", "serialize", "softmax"},
)


def linear(x):
    """x itself; of a variable, its value."""
    return ops.convert_to_tensor(x) if isinstance(x, Variable) else x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """The rectified linear unit.

    Args:
        x: tensor.
        negative_slope: float, the slope below the threshold.
        max_value: float, above which the result stays at it; None for no limit.
        threshold: float, below which x is damped or set to 0.

    Returns:
        `max_value` where x >= max_value, x where threshold < x < max_value, and
        `negative_slope * (x - threshold)` elsewhere.
    """
    if threshold == 0:
        if max_value is None:
            return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
        positive = relu6(x) if max_value == 6 else ops.clip(x, 0.0, float(max_value))
    else:
        x = ops.convert_to_tensor(x)
        positive = ops.where(ops.greater(x, threshold), x, 0)
        if max_value is not None:
            positive = ops.clip(positive, 0.0, float(max_value))
    if not negative_slope:
        return positive
    return ops.subtract(positive, ops.multiply(ops.relu(ops.subtract(threshold, x)), float(negative_slope)))


def gelu(x, approximate=False):
    """x Phi(x), with Phi the normal distribution's cumulative function (Hendrycks and Gimpel, arXiv:1606.08415).

    Args:
        x: tensor.
        approximate: by the tanh formula instead of the exact one through erf.
    """
    return ops.gelu(x, approximate=approximate)


_OBJECTS = {name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")}
register_module("keras.activations", _OBJECTS)


def serialize(activation):
    """The name of one of these functions; the config dict of another function or of a layer."""
    if _OBJECTS.get(getattr(activation, "__name__", None)) is activation:
        return activation.__name__
    return serialize_keras_object(activation)


def deserialize(config, custom_objects=None):
    """The activation of a name or config dict; of the user's own ones in `custom_objects` too.

    Raises:
        ValueError: an unknown name.
    """
    found = deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)
    return found if callable(found) else get(found)


def get(identifier):
    """The activation meant by a name, config dict, function or layer; `linear` for None.

    Raises:
        ValueError: an unknown name; the message has the nearest known one.
    """
    return linear if identifier is None else resolve(identifier, "activation function", _OBJECTS)
