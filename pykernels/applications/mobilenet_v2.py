"""`keras.applications.mobilenet_v2`: Sandler and others, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
https://arxiv.org/abs/1801.04381.
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..graph import Tensor
from ..layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, ReLU, ZeroPadding2D
from ..models import Model
from . import imagenet_utils
from .building import Application, channel_axis
from .mobilenet import default_size, rows_of_weights

_SIZES = (96, 128, 160, 192, 224)
_WIDTHS = (0.35, 0.50, 0.75, 1.0, 1.3, 1.4)
# Filters, stride of the first block, number of blocks.
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1))
_EXPANSION = 6


def MobileNetV2(  # noqa: N802 - Keras's name
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet, version 2: inverted residual blocks.

    Args:
        input_shape: as in `vgg16.VGG16`.
        alpha: float, the width of the network: the numbers of filters are multiplied by it and rounded to multiples of
            8. Default 1.
        include_top, weights, input_tensor, pooling, classes, classifier_activation: as in `vgg16.VGG16`.
        name: str. Default None: "mobilenetv2_1.00_224", with the width and the number of rows.

    Returns:
        A `Model`.

    Raises:
        ValueError: as `vgg16.VGG16`, no weights exist for `alpha`, or `input_shape` contradicts `input_tensor`.
        FileNotFoundError: as `vgg16.VGG16`.
    """
    if input_tensor is not None and hasattr(input_tensor, "shape"):
        input_shape = _checked_shape(input_shape, input_tensor)
        size = default_size(input_shape or _tensor_image(input_tensor), _SIZES)
    else:
        size = default_size(input_shape, _SIZES)
    files = None
    if weights == "imagenet":
        if alpha not in _WIDTHS:
            raise ValueError(
                "If imagenet weights are being loaded, alpha must be one of `0.35`, `0.50`, `0.75`, `1.0`, `1.3` or "
                f"`1.4` only; Received `alpha={alpha}`"
            )
        rows = rows_of_weights(input_shape, include_top, size, _SIZES)
        file = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{rows}"
        files = (f"{file}.h5", f"{file}_no_top.h5")
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files, default_size=size)
    x = Conv2D(_rounded(32 * alpha), 3, strides=(2, 2), padding="same", use_bias=False, name="Conv1")(network.image)
    x = _activated(_normalized(x, "bn_Conv1"), "Conv1_relu")
    block = 0
    for filters, stride, count in _STAGES:
        for i in range(count):
            x = _block(x, _rounded(int(filters * alpha)), stride if i == 0 else 1, block)
            block += 1
    x = Conv2D(_rounded(1280 * alpha) if alpha > 1.0 else 1280, 1, use_bias=False, name="Conv_1")(x)
    x = _activated(_normalized(x, "Conv_1_bn"), "out_relu")
    x = network.classified(GlobalAveragePooling2D()(x), classifier_activation) if include_top else network.pooled(x)
    rows = network.size[0]
    if weights == "imagenet":
        rows = rows_of_weights(input_shape, include_top, size, _SIZES, quiet=True)
    return network.finish(x, name or f"mobilenetv2_{alpha:0.2f}_{rows}")


def _tensor_image(tensor: Any) -> tuple:
    return tuple(tensor.shape[1:])


def _checked_shape(input_shape: Any, input_tensor: Any) -> Any:
    if input_shape is None:
        return None
    last = config.image_data_format() == "channels_last"
    if _tensor_image(input_tensor)[1 if last else 0] != input_shape[1]:
        if last:
            rule = "input_tensor.shape[2] must equal input_shape[1]"
        else:
            rule = "input_shape[1] must equal shape(input_tensor)[1] when `image_data_format` is `channels_first`"
        raise ValueError(f"{rule}; Received `input_tensor.shape={input_tensor.shape}`, `input_shape={input_shape}`")
    return input_shape


def _rounded(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, not below it and not more than 10 % less than `filters`."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * filters else nearest


def _normalized(x: Tensor, name: str) -> Tensor:
    axis = channel_axis() if channel_axis() == 1 else -1
    return BatchNormalization(axis=axis, epsilon=1e-3, momentum=0.999, name=name)(x)


def _activated(x: Tensor, name: str) -> Tensor:
    return ReLU(6.0, name=name)(x)


def _padding(x: Tensor) -> tuple:
    """Zeros that make a 3x3 window with stride 2 see what "same" padding of an image of even size would let it see."""
    rows, columns = x.shape[1:3] if channel_axis() == 3 else x.shape[2:4]
    odd = (0, 0) if rows is None else (rows % 2, columns % 2)
    return ((odd[0], 1), (odd[1], 1))


def _block(x: Tensor, filters: int, stride: int, number: int) -> Tensor:
    start, channels = x, x.shape[channel_axis()]
    prefix = f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = Conv2D(_EXPANSION * channels, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _activated(_normalized(x, f"{prefix}expand_BN"), f"{prefix}expand_relu")
    if stride == 2:
        x = ZeroPadding2D(_padding(x), name=f"{prefix}pad")(x)
    x = DepthwiseConv2D(
        3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{prefix}depthwise"
    )(x)
    x = _activated(_normalized(x, f"{prefix}depthwise_BN"), f"{prefix}depthwise_relu")
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = _normalized(x, f"{prefix}project_BN")
    return Add(name=f"{prefix}add")([start, x]) if channels == filters and stride == 1 else x


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scales values from 0 to 255 to [-1, 1].

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="tf")


decode_predictions = imagenet_utils.decode_predictions
