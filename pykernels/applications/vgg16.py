"""`keras.applications.vgg16`."""

from __future__ import annotations

from typing import Any

from ..models import Model
from . import imagenet_utils
from .vgg import build_vgg


def VGG16(  # noqa: N802 - Keras's name
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Model:
    """The VGG network with 13 convolutions and 3 Dense layers: https://arxiv.org/abs/1409.1556. Images must be given
    through `vgg16.preprocess_input`.

    Args:
        include_top: whether the three Dense layers at the end are there.
        weights: None (random), the path of a weights file, or "imagenet": the file that Keras keeps in the folder
            `models` of its cache (`~/.keras`, or `KERAS_HOME`), `vgg16_weights_tf_dim_ordering_tf_kernels.h5`, without
            top `..._notop.h5`. Nothing is downloaded.
        input_tensor: a symbolic tensor to start from instead of a new input.
        input_shape: of an image, channels last or first as `config.image_data_format()` says; at least 32x32. With
            `include_top` (224, 224, 3) by default, else (None, None, 3).
        pooling: without top: None for the last block's images, "avg" or "max" for global pooling.
        classes: of the last layer.
        classifier_activation: of the last layer; only "softmax" or None together with weights.
        name: of the model.

    Returns:
        A `Model`.

    Raises:
        ValueError: an unknown `pooling`, a shape too small or not known, contradicting arguments.
        FileNotFoundError: weights="imagenet", and the file is not there; the message says where it is looked for.
    """
    return build_vgg(
        (2, 2, 3, 3, 3),
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
        "vgg16",
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """BGR, zero-centred with ImageNet's means, from RGB of 0 to 255; see `imagenet_utils.preprocess_input`."""
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
