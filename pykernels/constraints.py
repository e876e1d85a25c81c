"""Constraints: functions of a weight that the optimizer applies after each update."""

from __future__ import annotations

from . import ops
from .compat.arguments import accepts_old_names
from .config import epsilon
from .utils.checks import check_number
from .utils.naming import to_snake_case
from .utils.serialization import deserialize_keras_object, register_module, resolve, serialize_keras_object


class Constraint:
    """Base class. A subclass implements `__call__(w) -> new w` with `pykernels.ops`, and `get_config()`."""

    def __call__(self, w):
        return w

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _norms(w, axis):
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scales the vectors along `axis` whose Euclidean norm is above `max_value` down to it.

    Args:
        max_value: the greatest norm (Keras 1: `m`).
        axis: int or tuple; 0 holds the incoming weights of each unit of a Dense layer.
    """

    @accepts_old_names("MaxNorm")
    def __init__(self, max_value=2, axis=0):
        check_number("MaxNorm", "max_value", max_value)
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0.0, float(self.max_value)) / (norms + epsilon()))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to 0."""

    def __call__(self, w):
        return ops.maximum(ops.convert_to_tensor(w), 0.0)


class UnitNorm(Constraint):
    """Scales the vectors along `axis` to Euclidean norm 1."""

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        return w / (_norms(w, self.axis) + epsilon())

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves the Euclidean norms along `axis` into [min_value, max_value].

    Args:
        min_value, max_value: the range.
        rate: 1 enforces it at once; less moves only that fraction of the way each time.
        axis: int or tuple.
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        for name, value in (("min_value", min_value), ("max_value", max_value), ("rate", rate)):
            check_number("MinMaxNorm", name, value)
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w):
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        inside = ops.clip(norms, float(self.min_value), float(self.max_value))
        desired = inside * float(self.rate) + norms * (1.0 - self.rate)
        return w * (desired / (norms + epsilon()))

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


_CLASSES = (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
_OBJECTS = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "maxnorm": MaxNorm,
    "nonneg": NonNeg,
    "unitnorm": UnitNorm,
    "minmaxnorm": MinMaxNorm,
}
register_module("keras.constraints", _OBJECTS)

max_norm = maxnorm = MaxNorm
min_max_norm = minmaxnorm = MinMaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm


def serialize(constraint):
    """The config dict of a constraint."""
    return serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint of a config dict or name."""
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)


def get(identifier):
    """The constraint meant by a name, config dict, class, instance or function; None stays None.

    Raises:
        ValueError: an unknown name; the message has the nearest known ones.
    """
    return resolve(identifier, "constraint", _OBJECTS)
