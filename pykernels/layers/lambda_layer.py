"""A function as a layer."""

from __future__ import annotations

import inspect

from ..utils import serialization
from .layer import Layer
from .nest import map_shapes


class Lambda(Layer):
    """Applies a function written with `pykernels.ops` (or Python operators) to its input.

    Args:
        function: called as `function(inputs, **arguments)`, with `training` too if it takes that.
        output_shape: shape of a sample, or a function of the input shape; inferred by default.
        arguments: dict of further keyword arguments.
        mask: must be None.

    A model with a Lambda can be saved as weights; its configuration names the function, and is refused for a
    `lambda` expression, whose code no file should carry.
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
        if getattr(self.function, "__name__", "") == "<lambda>":
            raise TypeError(
                f"Layer '{self.name}' holds a `lambda` expression, which cannot be written to a file safely. Use a "
                "named function decorated with @keras.saving.register_keras_serializable(), or a Layer subclass."
            )
        config = {
            **super().get_config(),
            "function": serialization.serialize_keras_object(self.function),
            "arguments": serialization.serialize_keras_object(self.arguments),
        }
        if self._output_shape is not None:
            config["output_shape"] = self._output_shape
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["function"] = serialization.deserialize_keras_object(config["function"], custom_objects)
        return cls(**config)
