"""`keras.applications.vgg19`."""

from __future__ import annotations

from typing import Any

from ..models import Model
from . import imagenet_utils
from .vgg import build_vgg


def VGG19(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Model:
    """VGG19: 16 convolutions and 3 dense layers (https://arxiv.org/abs/1409.1556).

    Images are preprocessed by `vgg19.preprocess_input`.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return build_vgg(
        (2, 2, 4, 4, 4),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "vgg19",
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Converts RGB values from 0 to 255 to BGR and subtracts the means of ImageNet.

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
