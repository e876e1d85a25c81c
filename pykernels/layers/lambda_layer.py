"""A function as a layer."""

from __future__ import annotations

import inspect
import json

from ..utils import serialization
from ..utils.code import dump_function
from ..utils.tree import map_shapes
from .layer import Layer


class Lambda(Layer):
    """Applies a function written with `pykernels.ops` (or Python operators) to its input.

    Args:
        function: called as `function(inputs, **arguments)`, with `training` too if it takes that.
        output_shape: shape of a sample, or a function of the input shape; inferred by default.
        arguments: dict of further keyword arguments.
        mask: must be None.

    The configuration names a function; of a `lambda` expression it holds the bytecode, as Keras writes it, which is
    read back only with `safe_mode=False` and by the same version of Python. Better decorate a named function with
    `saving.register_keras_serializable()`.
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        if mask is not None:
            raise ValueError("Lambda(mask=...) is not supported by pykernels; leave it out")
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self._takes_training = "training" in inspect.signature(function).parameters

    def call(self, inputs, training=None):
        phase = {"training": training} if self._takes_training else {}
        return self.function(inputs, **self.arguments, **phase)

    def compute_output_shape(self, input_shape):
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        return map_shapes(lambda s: (input_shape[0], *s), self._output_shape)

    def get_config(self):
        config = {
            **super().get_config(),
            "function": self._function_config(self.function),
            "arguments": serialization.serialize_keras_object(self.arguments),
        }
        if self._output_shape is not None:
            given = self._output_shape
            config["output_shape"] = self._function_config(given) if callable(given) else given
        return config

    def _function_config(self, function):
        if getattr(function, "__name__", "") != "<lambda>":
            return serialization.serialize_keras_object(function)
        code = dump_function(function)
        try:
            json.dumps(code)
        except TypeError as error:
            raise TypeError(
                f"Layer '{self.name}': the `lambda` expression holds values that no file can keep ({error}). Use a "
                "named function decorated with @keras.saving.register_keras_serializable(), or a Layer subclass."
            ) from error
        return {"class_name": "__lambda__", "config": code}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("function", "output_shape", "arguments"):
            if key in config:
                config[key] = serialization.deserialize_keras_object(config[key], custom_objects)
        return cls(**config)
