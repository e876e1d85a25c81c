"""`keras.applications.resnet_v2`: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
https://arxiv.org/abs/1603.05027.
"""

from __future__ import annotations

from typing import Any

from ..models import Model
from . import imagenet_utils
from .residual import build_resnet


def ResNet50V2(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50v2",
) -> Model:
    """ResNet, version 2, with 50 layers.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return build_resnet(
        (3, 4, 6, 3),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "resnet50v2",
        preactivated=True,
    )


def ResNet101V2(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101v2",
) -> Model:
    """ResNet, version 2, with 101 layers.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return build_resnet(
        (3, 4, 23, 3),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "resnet101v2",
        preactivated=True,
    )


def ResNet152V2(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152v2",
) -> Model:
    """ResNet, version 2, with 152 layers.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return build_resnet(
        (3, 8, 36, 3),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "resnet152v2",
        preactivated=True,
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scales values from 0 to 255 to [-1, 1].

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")


decode_predictions = imagenet_utils.decode_predictions
