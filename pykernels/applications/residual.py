"""Residual networks of bottleneck blocks, both versions."""

from __future__ import annotations

from typing import Any

from ..graph import Tensor
from ..layers import Activation, Add, BatchNormalization, Conv2D, GlobalAveragePooling2D, MaxPooling2D, ZeroPadding2D
from ..models import Model
from .building import Application, channel_axis

_FILTERS = (64, 128, 256, 512)
_EPSILON = 1.001e-5


def build_resnet(
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
    preactivated: bool,
) -> Model:
    """Four stacks of `blocks` bottleneck blocks.

    `preactivated` says that normalization and activation come before the convolutions (version 2). `file_name` is the
    beginning of the name of Keras's file with ImageNet's weights; the other arguments and what is raised: see
    `vgg16.VGG16`.
    """
    files = (f"{file_name}_weights_tf_dim_ordering_tf_kernels.h5",)
    files += (f"{file_name}_weights_tf_dim_ordering_tf_kernels_notop.h5",)
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files)
    x = ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(network.image)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if not preactivated:
        x = _normalized(x, "conv1_bn", "conv1_relu")
    x = ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for number, (filters, count) in enumerate(zip(_FILTERS, blocks, strict=True), start=2):
        stack = _stack_v2 if preactivated else _stack_v1
        x = stack(x, filters, count, first=number == 2, last=number == 5, name=f"conv{number}")
    if preactivated:
        x = _normalized(x, "post_bn", "post_relu")
    if include_top:
        x = network.classified(GlobalAveragePooling2D(name="avg_pool")(x), classifier_activation)
    else:
        x = network.pooled(x, "avg_pool", "max_pool")
    return network.finish(x, name)


def _normalized(x: Tensor, name: str, activation: str | None = None) -> Tensor:
    x = BatchNormalization(axis=channel_axis(), epsilon=_EPSILON, name=name)(x)
    return Activation("relu", name=activation)(x) if activation else x


def _stack_v1(x: Tensor, filters: int, count: int, first: bool, last: bool, name: str) -> Tensor:
    """Halves the image in its first block, except for the first stack."""
    for i in range(1, count + 1):
        x = _block_v1(x, filters, 2 if i == 1 and not first else 1, i == 1, f"{name}_block{i}")
    return x


def _block_v1(x: Tensor, filters: int, stride: int, projected: bool, name: str) -> Tensor:
    shortcut = x
    if projected:
        shortcut = _normalized(Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x), f"{name}_0_bn")
    x = Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = _normalized(x, f"{name}_1_bn", f"{name}_1_relu")
    x = Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = _normalized(x, f"{name}_2_bn", f"{name}_2_relu")
    x = _normalized(Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3_bn")
    return Activation("relu", name=f"{name}_out")(Add(name=f"{name}_add")([shortcut, x]))


def _stack_v2(x: Tensor, filters: int, count: int, first: bool, last: bool, name: str) -> Tensor:
    """Halves the image in its last block, except for the last stack."""
    for i in range(1, count + 1):
        x = _block_v2(x, filters, 2 if i == count and not last else 1, i == 1, f"{name}_block{i}")
    return x


def _block_v2(x: Tensor, filters: int, stride: int, projected: bool, name: str) -> Tensor:
    before = _normalized(x, f"{name}_preact_bn", f"{name}_preact_relu")
    if projected:
        shortcut = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = Conv2D(filters, 1, strides=1, use_bias=False, name=f"{name}_1_conv")(before)
    x = _normalized(x, f"{name}_1_bn", f"{name}_1_relu")
    x = ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(x)
    x = Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = _normalized(x, f"{name}_2_bn", f"{name}_2_relu")
    x = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return Add(name=f"{name}_out")([shortcut, x])
