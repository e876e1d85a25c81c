"""The VGG networks: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556.
"""

from __future__ import annotations

from typing import Any

from ..layers import Conv2D, Dense, Flatten, MaxPooling2D
from ..models import Model
from .building import Application

_FILTERS = (64, 128, 256, 512, 512)


def build_vgg(
    convolutions: tuple[int, ...],
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
    """Five blocks of `convolutions` 3x3 convolutions and a pooling layer, then three Dense layers.

    `file_name` is the beginning of the name of Keras's file with ImageNet's weights; the other arguments and what is
    raised: see `VGG16`.
    """
    files = (f"{file_name}_weights_tf_dim_ordering_tf_kernels.h5",)
    files += (f"{file_name}_weights_tf_dim_ordering_tf_kernels_notop.h5",)
    network = Application(include_top, weights, input_tensor, input_shape, pooling, classes, files)
    x = network.image
    for block, (filters, count) in enumerate(zip(_FILTERS, convolutions, strict=True), start=1):
        for i in range(1, count + 1):
            x = Conv2D(filters, (3, 3), activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D((2, 2), strides=(2, 2), name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        x = Dense(4096, activation="relu", name="fc1")(x)
        x = Dense(4096, activation="relu", name="fc2")(x)
        x = network.classified(x, classifier_activation)
    else:
        x = network.pooled(x)
    return network.finish(x, name)
