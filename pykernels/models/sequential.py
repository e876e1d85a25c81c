"""A linear stack of layers."""

from __future__ import annotations

from ..data_adapters.arrays import Data
from ..graph import Tensor, current_path, scope
from ..layers.context import structure_changed
from ..layers.input_layer import InputLayer
from ..layers.layer import Layer
from ..layers.layer_graph import LayerGraph
from ..layers.lookup import TextVectorization
from ..layers.node import outside_traces
from ..saving.legacy_config import is_legacy, modern_model
from ..utils import serialization
from ..utils.overrides import overridden_by_user, takes_argument
from .model import Model


class Sequential(Model):
    """A linear stack of layers: the output of each layer is the input of the next.

    If the shape of the input is known, from an `Input` or from `input_shape=` of the first layer, variables are made
    when layers are added; else by `build(shape)` or by the first data.

    Args:
        layers: list of layers; the first element may be an `Input`. Default None: no layers.
        trainable: whether training updates the model. Default True.
        name: str. Default None: "sequential", made unique.

    Raises:
        ValueError: an element that is not a layer, or a name that is used twice.
    """

    takes_one_input = True

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(name=name)
        self._stack: list[Layer] = []  # Package interface: `_stack`.
        if layers is not None:
            later = {"rebuild": False} if takes_argument(type(self).add, "rebuild") else {}
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self.add(layer, **later)
            self._rebuild()
        if not trainable:
            self.trainable = False

    # --- the stack ------------------------------------------------------------------------------------------
    def add(self, layer, rebuild=True) -> None:
        """Adds a layer at the end.

        Args:
            layer: a `Layer`.
            rebuild: whether the model is built again if the shape of its input is known. Default True.

        Raises:
            ValueError: not a layer, or a name that is used already.
        """
        self._push(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild=True) -> Layer:
        """Removes the last layer and returns it.

        Args:
            rebuild: whether the model is built again if the shape of its input is known. Default True.
        """
        if not self.layers:
            raise TypeError("There are no layers in the model.")
        layer = self._stack.pop()
        self._graph = None
        self.built = False
        structure_changed()
        if rebuild:
            self._rebuild()
        return layer

    def _push(self, layer) -> None:
        history = getattr(layer, "_keras_history", None) if isinstance(layer, Tensor) else None
        if history is not None and isinstance(history.operation, InputLayer):
            layer = history.operation
        if not isinstance(layer, Layer):
            hint = f" Did you mean {layer.__name__}()?" if isinstance(layer, type) and issubclass(layer, Layer) else ""
            raise ValueError(
                f"Only instances of `keras.Layer` can be added to a Sequential model. Received: {layer} "
                f"(of type {type(layer)}){hint}"
            )
        if not self._stack and not isinstance(layer, InputLayer):
            shape = layer._batch_shape_arg or _known_input_shape(layer)
            if shape is not None:
                self._stack.append(InputLayer(batch_shape=shape, dtype=_input_dtype(layer)))
        elif isinstance(layer, InputLayer) and self._stack and isinstance(self._stack[0], InputLayer):
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape "
                f"{self._stack[0].batch_shape}. You cannot add a different Input layer to it."
            )
        if layer.name in self._names():
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the "
                "name of a layer in this model. Update the `name` argument to pass a unique name."
            )
        names = self._names()
        self._stack.append(layer)
        names.add(layer.name)
        structure_changed()

    def _names(self) -> set[str]:
        """The names of the layers, which must differ. Found again when not `_push` changed the stack."""
        found = self.__dict__.get("_known_names")
        if found is None or len(found) != len(self._stack):
            found = self.__dict__["_known_names"] = {layer.name for layer in self._stack}
        return found

    def _rebuild(self) -> None:
        """Builds, when the shape of the input is known."""
        if len(self._stack) < 2 or not isinstance(self._stack[0], InputLayer):
            return
        if overridden_by_user(type(self), "build"):
            self.build(self._stack[0].batch_shape)
        else:
            self._connect()

    def _connect(self) -> None:
        """Extends the graph by the layers that it does not have yet."""
        if len(self._stack) < 2 or not isinstance(self._stack[0], InputLayer):
            return
        start, x = 1, self._stack[0].output
        if self._graph is not None and self.built:
            start, x = self._connected, self._graph.outputs[0]
        with outside_traces(), scope(self.name):
            self.path = current_path()
            for layer in self._stack[start:]:
                if not isinstance(x, Tensor):
                    raise ValueError(
                        f"Layers of a Sequential model must have one output; the one before '{layer.name}' has several."
                    )
                x = layer(x)
            self._connected = len(self._stack)
            self._graph = LayerGraph(self._stack[0].output, x)
        self.built = True

    def build(self, input_shape=None):
        """Makes the variables for inputs of a shape that includes the batch axis (None for any size)."""
        if not self._stack:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
            )
        if input_shape is None:
            if not isinstance(self._stack[0], InputLayer):
                raise ValueError(
                    f"Sequential model '{self.name}' needs the shape of its input: model.build((None, 784)), or an "
                    "Input as the first layer."
                )
        elif isinstance(self._stack[0], InputLayer):
            if self._stack[0].batch_shape != tuple(input_shape):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape "
                    f"{self._stack[0].batch_shape}. You cannot build it with input_shape {tuple(input_shape)}"
                )
        else:
            layer = InputLayer(batch_shape=tuple(input_shape), dtype=self._stack[0].compute_dtype)
            self._stack.insert(0, layer)
        self._connect()

    def _build_from(self, data: Data, call=True) -> None:
        if self._graph is None:
            if not self._stack:
                raise ValueError(
                    f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
                )
            self.build(None if isinstance(self._stack[0], InputLayer) else (None, *data.xs[0].shape[1:]))

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the `InputLayer`."""
        has_input = bool(self._stack) and isinstance(self._stack[0], InputLayer)
        return self._stack[1:] if has_input else self._stack[:]

    @layers.setter
    def layers(self, value):
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Use `add()` and `pop()` to change the "
            "layers in this model."
        )

    def _sublayers(self) -> list:
        return list(self.__dict__.get("_stack", ()))

    @property
    def input_shape(self):
        if self._graph is None and self._stack and isinstance(self._stack[0], InputLayer):
            return self._stack[0].batch_shape
        return super().input_shape

    # --- calling ----------------------------------------------------------------------------------------------
    def call(self, inputs, training=None, mask=None):
        if self._graph is not None:
            return super().call(inputs, training)
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape):
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    # --- configuration ----------------------------------------------------------------------------------------
    def get_config(self):
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": Layer.get_config(self)["dtype"],
            "layers": [serialization.serialize_keras_object(layer) for layer in self._stack],
        }
        if self._graph is not None:
            config["build_input_shape"] = self._stack[0].batch_shape
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model, with new weights, that `get_config` of any version of Keras described."""
        if isinstance(config, list):  # Keras 1, and 2 before 2.2.3
            config = {"layers": config}
        if "layers" not in config or not isinstance(config["layers"], list):
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys. "
                f"Received: config={config}"
            )
        if any(is_legacy(layer) for layer in config["layers"]):
            config = modern_model({"class_name": "Sequential", "config": config})["config"]
        layers = [serialization.deserialize_keras_object(layer, custom_objects) for layer in config["layers"]]
        model = cls(layers, name=config.get("name"))
        shape = config.get("build_input_shape")
        if model._graph is None and isinstance(shape, (list, tuple)):
            model.build(tuple(shape))
        return model


def _input_dtype(layer) -> str:
    return layer.input_types[0][1] if isinstance(layer, Model) and layer.input_types else layer.input_dtype


def _known_input_shape(layer) -> tuple | None:
    """The input shape of a model that becomes the first layer, and of text."""
    if isinstance(layer, TextVectorization) and layer.output_is_known:
        return (None, 1)
    if not isinstance(layer, Model) or layer._graph is None:
        return None
    shape = layer.input_shape
    return shape if isinstance(shape, tuple) else None
