"""A function as a layer."""

from __future__ import annotations

import inspect
import json

from ..utils import serialization
from ..utils.code import dump_function
from ..utils.tree import map_shapes
from .layer import Layer


class Lambda(Layer):
    """Applies a function to its input.

    The configuration of the layer contains the name of the function, or the bytecode of a `lambda` expression, as Keras
    writes it. Bytecode is loaded only with `safe_mode=False` and by the same version of Python. To save such a model,
    prefer a named function decorated with `saving.register_keras_serializable()`.

    Args:
        function: callable `function(inputs, **arguments)` written with `pykernels.ops` or Python operators. If it has a
            parameter `training`, that is passed too.
        output_shape: tuple, the shape of one output sample, or a callable of the input shape. Default None: inferred.
        mask: not supported, must be None.
        arguments: dict of keyword arguments for the function. Default None.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: `mask` is given.
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
