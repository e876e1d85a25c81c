"""`keras.applications.densenet`: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks",
https://arxiv.org/abs/1608.06993.
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..graph import Tensor
from ..layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from ..models import Model
from . import imagenet_utils
from .building import Application

_GROWTH = 32
_EPSILON = 1.001e-5


def _normalized(x: Tensor, name: str, activation: str) -> Tensor:
    x = BatchNormalization(axis=3, epsilon=_EPSILON, name=name)(x)
    return Activation("relu", name=activation)(x)


def _block(x: Tensor, name: str) -> Tensor:
    y = _normalized(x, f"{name}_0_bn", f"{name}_0_relu")
    y = Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = _normalized(y, f"{name}_1_bn", f"{name}_1_relu")
    y = Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return Concatenate(axis=3, name=f"{name}_concat")([x, y])


def _transition(x: Tensor, name: str) -> Tensor:
    x = _normalized(x, f"{name}_bn", f"{name}_relu")
    x = Conv2D(int(x.shape[3] * 0.5), 1, use_bias=False, name=f"{name}_conv")(x)
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _build(
    blocks: tuple[int, ...],
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
    file_name: str,
) -> Model:
    if config.image_data_format() == "channels_first":
        raise ValueError(
            "DenseNet does not support the `channels_first` image data format. Switch to `channels_last`: "
            "keras.config.set_image_data_format('channels_last')"
        )
    files = (f"{file_name}_weights_tf_dim_ordering_tf_kernels.h5",)
    files += (f"{file_name}_weights_tf_dim_ordering_tf_kernels_notop.h5",)
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files)
    x = ZeroPadding2D(((3, 3), (3, 3)))(network.image)
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = _normalized(x, "conv1_bn", "conv1_relu")
    x = ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, count in enumerate(blocks, start=2):
        for i in range(1, count + 1):
            x = _block(x, f"conv{stage}_block{i}")
        if stage < 5:
            x = _transition(x, f"pool{stage}")
    x = _normalized(x, "bn", "relu")
    if include_top:
        x = network.classified(GlobalAveragePooling2D(name="avg_pool")(x), classifier_activation)
    else:
        x = network.pooled(x, "avg_pool", "max_pool")
    return network.finish(x, name)


def DenseNet121(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet121",
) -> Model:
    """DenseNet with 121 layers; channels last only.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return _build(
        (6, 12, 24, 16),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "densenet121",
    )


def DenseNet169(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet169",
) -> Model:
    """DenseNet with 169 layers; channels last only.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return _build(
        (6, 12, 32, 32),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "densenet169",
    )


def DenseNet201(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet201",
) -> Model:
    """DenseNet with 201 layers; channels last only.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name: as in
            `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    return _build(
        (6, 12, 48, 32),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "densenet201",
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pixels normalised with ImageNet's means and standard deviations, from 0 to 255; see
    `imagenet_utils.preprocess_input`.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="torch")


decode_predictions = imagenet_utils.decode_predictions
