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
    """VGG16: 13 convolutions and 3 dense layers (https://arxiv.org/abs/1409.1556).

    Images are preprocessed by `vgg16.preprocess_input`. Nothing is downloaded.

    Args:
        include_top: whether the three dense layers at the end are included. Default True.
        weights: None (random weights), the path of a weights file, or "imagenet" (default): the file
            `vgg16_weights_tf_dim_ordering_tf_kernels.h5` (without top `..._notop.h5`) in the folder `models` of Keras's
            cache (`~/.keras`, or `KERAS_HOME`).
        input_tensor: symbolic tensor that is used as the input. Default None: a new one.
        input_shape: tuple, the shape of an image, in the order of `config.image_data_format()`; at least 32x32. Default
            None: (224, 224, 3) with `include_top`, else (None, None, 3).
        pooling: without `include_top`: None (default) for the output of the last block, "avg" or "max" for global
            pooling.
        classes: int, the number of classes. Default 1000.
        classifier_activation: activation of the last layer. With weights it must be "softmax" (default) or None.
        name: str, the name of the model.

    Returns:
        A `Model`.

    Raises:
        ValueError: an unknown `pooling`, a shape that is too small or unknown, or arguments that contradict each other.
        FileNotFoundError: weights="imagenet", and the file does not exist; the message says where it is expected.
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
    """Converts RGB values from 0 to 255 to BGR and subtracts the means of ImageNet.

    Args:
        x, data_format: as in `imagenet_utils.preprocess_input`.

    Returns:
        The preprocessed images.
    """
    return imagenet_utils.preprocess_input(x, data_format=data_format, mode="caffe")


decode_predictions = imagenet_utils.decode_predictions
