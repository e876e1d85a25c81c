"""`keras.applications.efficientnet`: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", https://arxiv.org/abs/1905.11946.
"""

from __future__ import annotations

import math
from typing import Any

from ..graph import Tensor
from ..initializers import VarianceScaling
from ..layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from ..models import Model
from . import imagenet_utils
from .building import Application, channel_axis
from .imagenet_utils import validate_activation

# Window, blocks, filters before and after, expansion, stride of the first block.
_STAGES = (
    (3, 1, 32, 16, 1, 1),
    (3, 2, 16, 24, 6, 2),
    (5, 2, 24, 40, 6, 2),
    (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1),
    (5, 4, 112, 192, 6, 2),
    (3, 1, 192, 320, 6, 1),
)
# Width, depth, size of the images, rate of the last dropout.
_SCALES = {
    "b0": (1.0, 1.0, 224, 0.2),
    "b1": (1.0, 1.1, 240, 0.2),
    "b2": (1.1, 1.2, 260, 0.3),
    "b3": (1.2, 1.4, 300, 0.3),
    "b4": (1.4, 1.8, 380, 0.4),
    "b5": (1.6, 2.2, 456, 0.4),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
}
_SQUEEZED = 0.25  # of a block's filters
_SKIPPED = 0.2  # rate of the dropout of the last block
_DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels


class _Network:
    """An EfficientNet under construction; `width` scales the filters, `depth` the numbers of blocks."""

    def __init__(self, width: float, depth: float):
        self.width, self.depth = width, depth

    def filters(self, n: int) -> int:
        wanted = n * self.width
        nearest = max(8, int(wanted + 4) // 8 * 8)
        return nearest + 8 if nearest < 0.9 * wanted else nearest

    def blocks(self, n: int) -> int:
        return math.ceil(self.depth * n)

    def normalized(self, x: Tensor, name: str) -> Tensor:
        return BatchNormalization(axis=channel_axis(), name=name)(x)

    def activated(self, x: Tensor, name: str) -> Tensor:
        return Activation("swish", name=name)(x)

    def conv(self, x: Tensor, filters: int, name: str, window: int = 1, **options: Any) -> Tensor:
        options = {"padding": "same", "use_bias": False, **options}
        return Conv2D(filters, window, kernel_initializer=_conv_initializer(), name=name, **options)(x)

    def features(self, x: Tensor) -> Tensor:
        """All blocks, from the padded stem to the last activation."""
        x = ZeroPadding2D(_padding(x, 3), name="stem_conv_pad")(x)
        x = self.conv(x, self.filters(32), "stem_conv", 3, strides=2, padding="valid")
        x = self.activated(self.normalized(x, "stem_bn"), "stem_activation")
        number, total = 0, sum(self.blocks(stage[1]) for stage in _STAGES)
        for i, (window, count, before, after, expansion, stride) in enumerate(_STAGES):
            for j in range(self.blocks(count)):
                channels = self.filters(before if j == 0 else after)
                x = self.block(
                    x,
                    f"block{i + 1}{chr(97 + j)}_",
                    window,
                    channels,
                    self.filters(after),
                    expansion,
                    stride if j == 0 else 1,
                    _SKIPPED * number / total,
                )
                number += 1
        x = self.conv(x, self.filters(1280), "top_conv")
        return self.activated(self.normalized(x, "top_bn"), "top_activation")

    def block(self, start, name, window, before, after, expansion, stride, rate) -> Tensor:
        """An inverted residual block with squeeze and excitation."""
        x, filters = start, before * expansion
        if expansion != 1:
            x = self.conv(x, filters, f"{name}expand_conv")
            x = self.activated(self.normalized(x, f"{name}expand_bn"), f"{name}expand_activation")
        if stride == 2:
            x = ZeroPadding2D(_padding(x, window), name=f"{name}dwconv_pad")(x)
        x = DepthwiseConv2D(
            window,
            strides=stride,
            padding="valid" if stride == 2 else "same",
            use_bias=False,
            depthwise_initializer=_conv_initializer(),
            name=f"{name}dwconv",
        )(x)
        x = self.activated(self.normalized(x, f"{name}bn"), f"{name}activation")
        x = self.excited(x, name, filters, max(1, int(before * _SQUEEZED)))
        x = self.normalized(self.conv(x, after, f"{name}project_conv"), f"{name}project_bn")
        if stride != 1 or before != after:
            return x
        if rate > 0:
            x = Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        return Add(name=f"{name}add")([x, start])

    def excited(self, x: Tensor, name: str, filters: int, squeezed: int) -> Tensor:
        weights = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
        shape = (filters, 1, 1) if channel_axis() == 1 else (1, 1, filters)
        weights = Reshape(shape, name=f"{name}se_reshape")(weights)
        weights = self.conv(weights, squeezed, f"{name}se_reduce", activation="swish", use_bias=True)
        weights = self.conv(weights, filters, f"{name}se_expand", activation="sigmoid", use_bias=True)
        return Multiply(name=f"{name}se_excite")([x, weights])


def _conv_initializer() -> VarianceScaling:
    return VarianceScaling(scale=2.0, mode="fan_out", distribution="truncated_normal")


def _padding(x: Tensor, window: int) -> tuple:
    """Zeros that make a window with stride 2 see what "same" padding of an image of even size would let it see."""
    rows, columns = x.shape[1:3] if channel_axis() == 3 else x.shape[2:4]
    half = window // 2
    return tuple((half - (1 if n is None else 1 - n % 2), half) for n in (rows, columns))


def _build(
    scale: str, include_top, weights, input_tensor, input_shape, pooling, classes, activation, name: str | None
) -> Model:
    width, depth, size, rate = _SCALES[scale]
    name = name or f"efficientnet{scale}"
    files = (f"efficientnet{scale}.h5", f"efficientnet{scale}_notop.h5")
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files, default_size=size)
    x = Normalization(axis=channel_axis())(Rescaling(1.0 / 255.0)(network.image))
    if weights == "imagenet":
        x = Rescaling([1.0 / math.sqrt(deviation) for deviation in _DEVIATIONS])(x)
    x = _Network(width, depth).features(x)
    if not include_top:
        return network.finish(network.pooled(x, "avg_pool", "max_pool"), name)
    x = Dropout(rate, name="top_dropout")(GlobalAveragePooling2D(name="avg_pool")(x))
    validate_activation(activation, network.weights)
    initializer = VarianceScaling(scale=1.0 / 3.0, mode="fan_out", distribution="uniform")
    x = Dense(classes, activation=activation, kernel_initializer=initializer, name="predictions")(x)
    return network.finish(x, name)


_DOC = """EfficientNet {name}: inverted residual blocks with squeeze and excitation, for images of {size} x {size}.

    Rescaling and normalization are part of the model: it takes pixels from 0 to 255.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation: as in `vgg16.VGG16`;
            images of {size} x {size} by default.
        name: str. Default "efficientnet{lower}".

    Returns:
        A `Model`.

    Raises:
        ValueError, FileNotFoundError: as `vgg16.VGG16`.
    """


def _builder(scale: str):
    def function(
        include_top=True,
        weights="imagenet",
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        name=f"efficientnet{scale}",
    ):
        return _build(
            scale, include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        )

    function.__name__ = function.__qualname__ = f"EfficientNet{scale.upper()}"
    function.__doc__ = _DOC.format(name=scale.upper(), size=_SCALES[scale][2], lower=scale)
    return function


EfficientNetB0 = _builder("b0")
EfficientNetB1 = _builder("b1")
EfficientNetB2 = _builder("b2")
EfficientNetB3 = _builder("b3")
EfficientNetB4 = _builder("b4")
EfficientNetB5 = _builder("b5")
EfficientNetB6 = _builder("b6")
EfficientNetB7 = _builder("b7")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """The images as they are: the model rescales them itself.

    Args:
        x: array or tensor of pixels from 0 to 255.
        data_format: has no effect.

    Returns:
        `x`.
    """
    return x


decode_predictions = imagenet_utils.decode_predictions
