"""Activations of Keras 1 and 2 that have their names still and another meaning."""

from __future__ import annotations

from .. import ops
from ..utils.serialization import register_keras_serializable


@register_keras_serializable("pykernels", "hard_sigmoid_of_keras_2")
def hard_sigmoid(x):
    """`clip(x / 5 + 0.5, 0, 1)`; since Keras 3 it is `clip(x / 6 + 0.5, 0, 1)`."""
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


#: For recurrent layers, whose op has Keras 3's: this one of x is that of 1.2 x.
hard_sigmoid.as_scaled = ("hard_sigmoid", 1.2)


_OLD = {
    "hard_sigmoid": {
        "module": "builtins",
        "class_name": "function",
        "config": "pykernels>hard_sigmoid_of_keras_2",
        "registered_name": "function",
    }
}
_KEYS = ("activation", "recurrent_activation", "inner_activation")
_NAMES = {"softmax_v2": "softmax", "swish_impl": "swish", "relu_v2": "relu"}  # of tf.nn, as tf.keras wrote them


def old_activations(config):
    """A configuration, of a version before Keras 3, with the activations that it meant."""
    if isinstance(config, list):
        return [old_activations(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {key: _activation(value) if key in _KEYS else old_activations(value) for key, value in config.items()}


def _activation(value):
    if not isinstance(value, str):
        return old_activations(value)
    value = _NAMES.get(value, value)
    return _OLD.get(value, value)
