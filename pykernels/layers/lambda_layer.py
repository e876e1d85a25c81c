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
    writes it. Bytecode is loaded only with `safe_mode=False` and by the same minor version of Python; the names it may
    use are np, ops, K and those in `custom_objects`. In its place, `custom_objects={"name_of_the_layer": function}`
    gives a function. To save such a model, prefer a named function decorated with
    `saving.register_keras_serializable()`.

    Args:
        function: callable `function(inputs, **arguments)` written with `pykernels.ops` or Python operators. If it has a
            parameter `training`, that is passed too.
        output_shape: tuple, the shape of one output sample, or a callable of the input shape. Default None: inferred.
        mask: callable `mask(inputs, mask)` that gives the mask of the output, or that mask. Default None: it has none.
        arguments: dict of keyword arguments for the function. Default None.
        **kwargs: arguments of `Layer`.
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        self.function = function
        self.mask = mask
        self.supports_masking = self._computes_mask = mask is not None
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self._takes_training = "training" in inspect.signature(function).parameters

    def call(self, inputs, training=None):
        phase = {"training": training} if self._takes_training else {}
        try:
            return self.function(inputs, **self.arguments, **phase)
        except NameError as error:
            raise NameError(
                f"Layer '{self.name}': its function uses a name that it does not know: {error}. A function that was "
                "loaded from a file knows np, ops, K and what is in `custom_objects`; pass what it needs there, or a "
                f"function of your own under the name '{self.name}'."
            ) from error

    def compute_mask(self, inputs, mask=None):
        """What the argument `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

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
        if self.mask is not None:
            described = self._function_config if callable(self.mask) else serialization.serialize_keras_object
            config["mask"] = described(self.mask)
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
        """The layer. In place of a function of the file, whether its bytecode or a name that nobody knows, it takes the
        one that `custom_objects` has under the name of the layer.

        Raises:
            ValueError: bytecode in safe mode, or of another version of Python; a name that nobody knows.
        """
        config = dict(config)
        name = config.get("name")
        given = serialization.get_registered_object(name, custom_objects) if isinstance(name, str) else None
        given = given if callable(given) and not inspect.isclass(given) else None
        for key in ("function", "output_shape", "mask"):
            if key == "output_shape" and given is not None and _is_code(config.get(key)):
                del config[key]  # it follows from the function
            elif key in config:
                stand_in = given if key == "function" else None
                config[key] = _revived(config[key], f"layer '{name}'", custom_objects, stand_in)
        if not callable(config.get("function")):
            raise ValueError(
                f"Layer '{name}': the function {config.get('function')!r} is not known. Pass it in `custom_objects`, "
                "under its own name or that of the layer."
            )
        if "arguments" in config:
            config["arguments"] = serialization.deserialize_keras_object(config["arguments"], custom_objects)
        return cls(**config)


def _is_code(value) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__lambda__"


def _revived(value, owner: str, custom_objects, stand_in):
    """The function or plain value that a configuration describes."""
    if not _is_code(value):
        try:
            found = serialization.deserialize_keras_object(value, custom_objects)
        except TypeError:
            if stand_in is None:
                raise
            found = value
        return found if callable(found) or stand_in is None else stand_in
    if stand_in is not None:
        return stand_in
    inner = value.get("config") or {}
    return serialization.load_lambda(inner.get("value", inner), owner, custom_objects)
