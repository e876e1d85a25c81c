"""`keras.applications.xception`: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions",
https://arxiv.org/abs/1610.02357.
"""

from __future__ import annotations

from typing import Any

from ..graph import Tensor
from ..layers import Activation, Add, BatchNormalization, Conv2D, GlobalAveragePooling2D, MaxPooling2D, SeparableConv2D
from ..models import Model
from . import imagenet_utils
from .building import Application, channel_axis

_FILES = (
    "xception_weights_tf_dim_ordering_tf_kernels.h5",
    "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
)


def Xception(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "xception",
) -> Model:
    """Xception: separable convolutions with residual connections.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation: as in `vgg16.VGG16`;
            images of 299 x 299 by default, and of 71 x 71 at least.
        name: str. Default "xception".

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    network = Application(
        include_top, weights, input_tensor, input_shape, pooling, classes, _FILES, min_size=71, default_size=299
    )
    x = _entry(network.image)
    for number, filters in ((2, (128, 128)), (3, (256, 256)), (4, (728, 728))):
        x = _smaller(x, f"block{number}", filters, activated_first=number > 2)
    for number in range(5, 13):
        start, x = x, _separable(x, f"block{number}", (728, 728, 728))
        x = Add()([x, start])
    x = _smaller(x, "block13", (728, 1024))
    for i, filters in enumerate((1536, 2048), 1):
        x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"block14_sepconv{i}")(x)
        x = _activated(_normalized(x, f"block14_sepconv{i}_bn"), f"block14_sepconv{i}_act")
    if not include_top:
        return network.finish(network.pooled(x), name)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    return network.finish(network.classified(x, classifier_activation), name)


def _axis() -> int:
    return 1 if channel_axis() == 1 else -1


def _normalized(x: Tensor, name: str | None = None) -> Tensor:
    return BatchNormalization(axis=_axis(), name=name)(x)


def _activated(x: Tensor, name: str) -> Tensor:
    return Activation("relu", name=name)(x)


def _entry(x: Tensor) -> Tensor:
    for i, (filters, stride) in enumerate(((32, 2), (64, 1)), 1):
        x = Conv2D(filters, 3, strides=(stride, stride), use_bias=False, name=f"block1_conv{i}")(x)
        x = _activated(_normalized(x, f"block1_conv{i}_bn"), f"block1_conv{i}_act")
    return x


def _separable(x: Tensor, block: str, filters: tuple[int, ...], activated_first: bool = True) -> Tensor:
    """Separable convolutions, each behind an activation (the first one only if `activated_first`)."""
    for i, n in enumerate(filters, 1):
        if i > 1 or activated_first:
            x = _activated(x, f"{block}_sepconv{i}_act")
        x = SeparableConv2D(n, 3, padding="same", use_bias=False, name=f"{block}_sepconv{i}")(x)
        x = _normalized(x, f"{block}_sepconv{i}_bn")
    return x


def _smaller(x: Tensor, block: str, filters: tuple[int, ...], activated_first: bool = True) -> Tensor:
    """A block that halves the image, beside a convolution of windows of 1 x 1."""
    beside = _normalized(Conv2D(filters[-1], 1, strides=(2, 2), padding="same", use_bias=False)(x))
    x = _separable(x, block, filters, activated_first)
    x = MaxPooling2D(3, strides=(2, 2), padding="same", name=f"{block}_pool")(x)
    return Add()([x, beside])


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scales values from 0 to 255 to [-1, 1].

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")


decode_predictions = imagenet_utils.decode_predictions
