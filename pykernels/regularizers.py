"""Regularizers: functions of a weight whose value is added to the loss."""

from __future__ import annotations

import numpy as np

from . import ops
from .compat.arguments import accepts_old_names
from .utils.error_origin import brief
from .utils.naming import to_snake_case
from .utils.serialization import deserialize_keras_object, register_module, resolve, serialize_keras_object


class Regularizer:
    """Base class. A subclass implements `__call__(x) -> scalar` with `pykernels.ops`, and `get_config()`."""

    def __call__(self, x):
        return 0.0

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def get_config(self):
        raise NotImplementedError(f"{self} does not implement get_config()")


_TOO_MUCH = 2.0**1023


def _non_negative(value, name) -> float:
    number = isinstance(value, (float, int, np.floating, np.integer))
    if not number or not 0 <= value < _TOO_MUCH:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={brief(value)}"
        )
    return float(value)


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x^2)`. Raises ValueError for a negative or non-finite factor."""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _non_negative(0.0 if l1 is None else l1, "l1")
        self.l2 = _non_negative(0.0 if l2 is None else l2, "l2")

    def __call__(self, x):
        x = ops.convert_to_tensor(x)
        terms = []
        if self.l1:
            terms.append(ops.sum(ops.absolute(x)) * self.l1)
        if self.l2:
            terms.append(ops.sum(ops.square(x)) * self.l2)
        return sum(terms[1:], terms[0]) if terms else np.zeros((), x.dtype)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """`l1 * sum(|x|)`. Keras 1 called the factor `l`."""

    @accepts_old_names("L1")
    def __init__(self, l1=0.01):
        self.l1 = _non_negative(0.01 if l1 is None else l1, "l1")

    def __call__(self, x):
        return ops.sum(ops.absolute(ops.convert_to_tensor(x))) * self.l1

    def get_config(self):
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2 * sum(x^2)`. Keras 1 called the factor `l`."""

    @accepts_old_names("L2")
    def __init__(self, l2=0.01):
        self.l2 = _non_negative(0.01 if l2 is None else l2, "l2")

    def __call__(self, x):
        return ops.sum(ops.square(ops.convert_to_tensor(x))) * self.l2

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of |cosine| between different rows (or columns) of a matrix.

    Args:
        factor: non-negative float.
        mode: "rows" or "columns".

    Raises:
        ValueError: another `mode`, a negative `factor`, or (when called) an input of rank other than 2.
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _non_negative(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(
                f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}'
            )
        self.mode = mode

    def __call__(self, inputs):
        x = ops.convert_to_tensor(inputs)
        if len(x.shape) != 2:
            raise ValueError(
                f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={tuple(x.shape)}"
            )
        if self.mode == "columns":
            x = ops.transpose(x)
        square_norms = ops.maximum(ops.sum(ops.square(x), axis=1, keepdims=True), 1e-14)
        x = x / ops.sqrt(square_norms)
        size = x.shape[0]
        different = ops.convert_to_tensor(1.0 - np.eye(size), dtype=x.dtype)
        cosines = ops.absolute(ops.matmul(x, ops.transpose(x)) * different)
        pairs = size * (size - 1.0) / 2.0
        return ops.sum(cosines) * (0.5 * self.factor) / pairs

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


_CLASSES = (Regularizer, L1, L2, L1L2, OrthogonalRegularizer)
_OBJECTS = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "l1_l2": L1L2,
}
register_module("keras.regularizers", _OBJECTS)

l1 = L1
l2 = L2
l1_l2 = l1l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer


def serialize(regularizer):
    """The config dict of a regularizer."""
    return serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer of a config dict or name."""
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)


def get(identifier):
    """The regularizer meant by a name, config dict, class, instance or function; None stays None.

    The name "l1_l2" (or "l1l2") means 0.01 of each.

    Raises:
        ValueError: an unknown name; the message has the nearest known ones.
    """
    if identifier in ("l1_l2", "l1l2"):
        return L1L2(0.01, 0.01)  # what the string has always meant; L1L2() does nothing
    return resolve(identifier, "regularizer", _OBJECTS)
