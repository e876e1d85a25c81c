"""`keras.applications.resnet`: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385.
"""

from __future__ import annotations

from typing import Any

from ..models import Model
from . import imagenet_utils
from .residual import build_resnet


def ResNet50(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50",
) -> Model:
    """ResNet with 50 layers.

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
        "resnet50",
        preactivated=False,
    )


def ResNet101(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101",
) -> Model:
    """ResNet with 101 layers.

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
        "resnet101",
        preactivated=False,
    )


def ResNet152(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152",
) -> Model:
    """ResNet with 152 layers.

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
        "resnet152",
        preactivated=False,
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
