"""`keras.applications.mobilenet`: Howard and others, "MobileNets: Efficient Convolutional Neural Networks for Mobile
Vision Applications", https://arxiv.org/abs/1704.04861.
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..graph import Tensor
from ..layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from ..models import Model
from ..user_warning import warn
from . import imagenet_utils
from .building import Application, channel_axis

_SIZES = (128, 160, 192, 224)
_WIDTHS = {0.25: "2_5", 0.50: "5_0", 0.75: "7_5", 1.0: "1_0"}  # as in the names of the weights files
_BLOCKS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVING = (2, 4, 6, 12)  # blocks, from 1


def MobileNet(  # noqa: N802 - Keras's name
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet, version 1: depthwise separable convolutions.

    Args:
        input_shape: as in `vgg16.VGG16`.
        alpha: float, the width of the network: the numbers of filters are multiplied by it. Default 1.
        depth_multiplier: int, the number of filters per channel in depthwise convolutions. Default 1.
        dropout: float, the dropout rate before the last layer. Default 0.001.
        include_top, weights, input_tensor, pooling, classes, classifier_activation: as in `vgg16.VGG16`.
        name: str. Default None: "mobilenet_1.00_224", with the width and the number of rows.

    Returns:
        A `Model`.

    Raises:
        ValueError: as `vgg16.VGG16`, or no weights exist for `alpha` and `depth_multiplier`.
        FileNotFoundError: as `vgg16.VGG16`.
    """
    size = default_size(input_shape, _SIZES)
    files = None
    if weights == "imagenet":
        if depth_multiplier != 1:
            raise ValueError(
                "If imagenet weights are being loaded, depth multiplier must be 1.  "
                f"Received depth_multiplier={depth_multiplier}"
            )
        if alpha not in _WIDTHS:
            raise ValueError(
                "If imagenet weights are being loaded, alpha can be one of`0.25`, `0.50`, `0.75` or `1.0` only.  "
                f"Received alpha={alpha}"
            )
        rows = rows_of_weights(input_shape, include_top, size, _SIZES)
        files = (f"mobilenet_{_WIDTHS[alpha]}_{rows}_tf.h5", f"mobilenet_{_WIDTHS[alpha]}_{rows}_tf_no_top.h5")
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files, default_size=size)
    x = Conv2D(int(32 * alpha), (3, 3), padding="same", use_bias=False, strides=(2, 2), name="conv1")(network.image)
    x = _normalized(x, "conv1")
    for block, filters in enumerate(_BLOCKS, start=1):
        x = _block(x, int(filters * alpha), depth_multiplier, block in _HALVING, block)
    if include_top:
        x = GlobalAveragePooling2D(keepdims=True)(x)
        x = Dropout(dropout, name="dropout")(x)
        x = Conv2D(classes, (1, 1), padding="same", name="conv_preds")(x)
        x = Reshape((classes,), name="reshape_2")(x)
        imagenet_utils.validate_activation(classifier_activation, weights)
        x = Activation(classifier_activation, name="predictions")(x)
    else:
        x = network.pooled(x)
    rows = network.size[0]
    if weights == "imagenet":
        rows = rows_of_weights(input_shape, include_top, size, _SIZES, quiet=True)
    return network.finish(x, name or f"mobilenet_{alpha:0.2f}_{rows}")


def default_size(input_shape: Any, sizes: tuple[int, ...]) -> int:
    """Height and width for `obtain_input_shape`: what is given, if it is square and there are weights for it."""
    if input_shape is None or len(input_shape) != 3:
        return 224
    rows, columns = input_shape[:2] if config.image_data_format() == "channels_last" else input_shape[1:]
    return rows if rows == columns and rows in sizes else 224


def rows_of_weights(input_shape: Any, include_top: bool, size: int, sizes: tuple[int, ...], quiet=False) -> int:
    """The image size of the weights to load; warns where they were trained on another than the input's."""
    shape = input_shape or ((size, size, 3) if include_top else (None, None, 3))
    rows, columns = shape[:2] if config.image_data_format() == "channels_last" else shape[1:]
    if rows == columns and rows in sizes:
        return rows
    if not quiet:
        warn(
            f"`input_shape` is undefined or non-square, or `rows` is not in {list(sizes)}. Weights for input shape "
            "(224, 224) will be loaded as the default."
        )
    return 224


def _normalized(x: Tensor, name: str) -> Tensor:
    x = BatchNormalization(axis=channel_axis() if channel_axis() == 1 else -1, name=f"{name}_bn")(x)
    return ReLU(6.0, name=f"{name}_relu")(x)


def _block(x: Tensor, filters: int, depth_multiplier: int, halving: bool, number: int) -> Tensor:
    if halving:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = DepthwiseConv2D(
        (3, 3),
        padding="valid" if halving else "same",
        depth_multiplier=depth_multiplier,
        strides=(2, 2) if halving else (1, 1),
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = _normalized(x, f"conv_dw_{number}")
    x = Conv2D(filters, (1, 1), padding="same", use_bias=False, strides=(1, 1), name=f"conv_pw_{number}")(x)
    return _normalized(x, f"conv_pw_{number}")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scales values from 0 to 255 to [-1, 1].

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")


decode_predictions = imagenet_utils.decode_predictions
