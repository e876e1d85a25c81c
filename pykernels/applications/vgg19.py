"""`keras.applications.vgg19`."""

from __future__ import annotations

from typing import Any

from ..models import Model
from . import imagenet_utils
from .vgg import build_vgg


def VGG19(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Model:
    """The VGG network with 16 convolutions and 3 Dense layers: https://arxiv.org/abs/1409.1556. Images must be given
    through `vgg19.preprocess_input`.

    Arguments, result and what is raised: as `vgg16.VGG16`.
    """
    return build_vgg(
        (2, 2, 4, 4, 4),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "vgg19",
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """BGR, zero-centred with ImageNet's means, from RGB of 0 to 255; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
