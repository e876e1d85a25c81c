"""SqueezeNet 1.1: Iandola and others, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters",
https://arxiv.org/abs/1602.07360. Keras itself has no SqueezeNet; names of layers, order of weights, and arguments are
those of the package that Keras scripts import for it, `keras_squeezenet`.
"""

from __future__ import annotations

from typing import Any

from ..graph import Tensor
from ..layers import Activation, Concatenate, Conv2D, Dropout, GlobalAveragePooling2D, MaxPooling2D
from ..models import Model
from . import imagenet_utils
from .building import Application, channel_axis

_FIRE = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))  # from module 2


def _fire(x: Tensor, number: int, squeeze: int, expand: int) -> Tensor:
    """1x1 convolutions down to few channels, then 1x1 and 3x3 ones side by side."""
    prefix = f"fire{number}/"
    x = Conv2D(squeeze, (1, 1), padding="valid", name=f"{prefix}squeeze1x1")(x)
    x = Activation("relu", name=f"{prefix}relu_squeeze1x1")(x)
    left = Conv2D(expand, (1, 1), padding="valid", name=f"{prefix}expand1x1")(x)
    left = Activation("relu", name=f"{prefix}relu_expand1x1")(left)
    right = Conv2D(expand, (3, 3), padding="same", name=f"{prefix}expand3x3")(x)
    right = Activation("relu", name=f"{prefix}relu_expand3x3")(right)
    return Concatenate(axis=channel_axis(), name=f"{prefix}concat")([left, right])


def SqueezeNet(  # noqa: N802 - as the other builders
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "squeezenet",
) -> Model:
    """SqueezeNet 1.1.

    Args:
        include_top: whether the classifier at the end is included. Default True.
        weights: as in `vgg16.VGG16`. The file of "imagenet" is `squeezenet_weights_tf_dim_ordering_tf_kernels.h5`.
        input_shape: tuple, the shape of an image; at least 48x48. Default None: (227, 227, 3) with `include_top`, else
            (None, None, 3).
        input_tensor, pooling, classes, classifier_activation, name: as in `vgg16.VGG16`.

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """
    file = "squeezenet_weights_tf_dim_ordering_tf_kernels"
    network = Application(
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        (f"{file}.h5", f"{file}_notop.h5"),
        min_size=48,
        default_size=227,
    )
    x = Conv2D(64, (3, 3), strides=(2, 2), padding="valid", name="conv1")(network.image)
    x = Activation("relu", name="relu_conv1")(x)
    x = MaxPooling2D((3, 3), strides=(2, 2), name="pool1")(x)
    for number, (squeeze, expand) in enumerate(_FIRE, start=2):
        x = _fire(x, number, squeeze, expand)
        if number in (3, 5):
            x = MaxPooling2D((3, 3), strides=(2, 2), name=f"pool{number}")(x)
    if include_top:
        x = Dropout(0.5, name="drop9")(x)
        x = Conv2D(classes, (1, 1), padding="valid", name="conv10")(x)
        x = Activation("relu", name="relu_conv10")(x)
        x = GlobalAveragePooling2D()(x)
        imagenet_utils.validate_activation(classifier_activation, weights)
        x = Activation(classifier_activation, name="loss")(x)
    else:
        x = network.pooled(x)
    return network.finish(x, name)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Converts RGB values from 0 to 255 to BGR and subtracts the means of ImageNet.

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
