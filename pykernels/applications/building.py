"""The frame that the builders of all applications share: arguments, input, head, weights."""

from __future__ import annotations

import os
from typing import Any

from .. import config
from ..graph import Tensor
from ..layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, InputLayer
from ..models import Model
from ..utils.download import keras_home
from .imagenet_utils import obtain_input_shape, validate_activation

IMAGENET_CLASSES = 1000


def channel_axis() -> int:
    """The axis of the channels of a batch: 3, or 1 for `channels_first`."""
    return 3 if config.image_data_format() == "channels_last" else 1


class Application:
    """A network under construction: `Application(...)` checks the arguments and makes the input, then the builder
    adds layers to `image`, and `finish` makes the model and loads its weights.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes: the builder's arguments.
        min_size, default_size: of the input.
        imagenet_file: `(with top, without)`: the names of the files with ImageNet's weights, as Keras stores them; None
            where there are none for these arguments.

    Attributes:
        image: the symbolic input. size: (height, width), with None where they are not known.

    Raises:
        ValueError: arguments that Keras refuses, an unknown `pooling`, or an `input_tensor` that is not symbolic.
        FileNotFoundError: weights="imagenet", and the file is not there.
    """

    def __init__(
        self,
        include_top: bool,
        weights: Any,
        input_tensor: Any,
        input_shape: Any,
        pooling: str | None,
        classes: int,
        imagenet_file: tuple[str, str] | None,
        min_size: int = 32,
        default_size: int = 224,
    ):
        if not (weights is None or weights == "imagenet" or os.path.exists(weights)):
            raise ValueError(
                "The `weights` argument should be either `None` (random initialization), 'imagenet' (pre-training on "
                f"ImageNet), or the path to the weights file to be loaded.  Received: weights={weights}"
            )
        if weights == "imagenet" and include_top and classes != IMAGENET_CLASSES:
            raise ValueError(
                "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000.  "
                f"Received classes={classes}"
            )
        if pooling not in (None, "avg", "max"):
            raise ValueError(f"`pooling` must be None, 'avg' or 'max'. Received: pooling={pooling!r}")
        data_format = config.image_data_format()
        shape = obtain_input_shape(input_shape, default_size, min_size, data_format, include_top, weights)
        self.size = shape[:2] if data_format == "channels_last" else shape[1:]
        self.include_top, self.pooling, self.classes = include_top, pooling, classes
        self.weights = _imagenet_weights(imagenet_file, include_top) if weights == "imagenet" else weights
        if input_tensor is not None and not isinstance(input_tensor, Tensor):
            raise ValueError(
                "`input_tensor` must be a symbolic tensor, such as keras.Input(shape=(224, 224, 3)). Received: "
                f"input_tensor={input_tensor} (of type {type(input_tensor)})"
            )
        self.image = Input(shape=shape) if input_tensor is None else input_tensor
        self._given = input_tensor is not None

    def pooled(self, x: Tensor, average: str | None = None, maximum: str | None = None) -> Tensor:
        """The end without a top: global pooling, with these names of the layers, if it was asked for."""
        if self.pooling == "avg":
            return GlobalAveragePooling2D(name=average)(x)
        return GlobalMaxPooling2D(name=maximum)(x) if self.pooling == "max" else x

    def classified(self, x: Tensor, activation: Any) -> Tensor:
        """The Dense layer "predictions"."""
        validate_activation(activation, self.weights)
        return Dense(self.classes, activation=activation, name="predictions")(x)

    def finish(self, x: Tensor, name: str) -> Model:
        """The model from the input to `x`, with its weights."""
        model = Model(source_inputs(self.image) if self._given else self.image, x, name=name)
        if self.weights is not None:
            model.load_weights(self.weights)
        return model


def _imagenet_weights(names: tuple[str, str] | None, include_top: bool) -> str:
    if names is None:
        raise ValueError(
            "There are no weights of ImageNet for these arguments. Pass weights=None, or the path of a weights file."
        )
    path = keras_home() / "models" / names[0 if include_top else 1]
    if not path.is_file():
        raise FileNotFoundError(
            f"weights='imagenet': pykernels downloads no weights, and there is no file {path}. Get the file where "
            "there is a network and copy it to that place (the environment variable KERAS_HOME moves the folder), or "
            "pass its path: weights='/path/to/file.h5'. weights=None gives random weights."
        )
    return str(path)


def source_inputs(tensor: Tensor) -> Tensor | list[Tensor]:
    """The symbolic inputs that a tensor is computed from; the input alone where there is one."""
    found: dict[int, Tensor] = {}
    pending, seen = [tensor], set()
    while pending:
        x = pending.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        history = getattr(x, "_keras_history", None)
        if history is None:
            pending.extend(t for t in x.node.inputs if isinstance(t, Tensor))
        elif isinstance(history.operation, InputLayer):
            found[id(x)] = x
        else:
            pending.extend(history.operation._inbound_nodes[history.node_index].input_tensors)
    inputs = list(found.values())
    return inputs[0] if len(inputs) == 1 else inputs
