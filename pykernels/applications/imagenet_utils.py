"""Preprocessing, input shapes and class names of ImageNet (`keras.applications.imagenet_utils`)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import activations, config, ops
from ..user_warning import warn
from ..utils.download import keras_home

# Means of ImageNet's channels, as published with the networks: BGR of 0 to 255 (Caffe), RGB of 0 to 1 (Torch).
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CLASS_INDEX_FILE = "imagenet_class_index.json"


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Preprocesses images as for the training of a network.

    Args:
        x: array or symbolic tensor of rank 3 or 4, RGB values from 0 to 255. A float array is changed in place, as in
            Keras; pass a copy to keep it.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        mode: "caffe" (default): BGR minus the means of ImageNet. "tf": scaled to [-1, 1]. "torch": scaled to [0, 1],
            then normalized with the means and standard deviations of ImageNet.

    Returns:
        The preprocessed images, of the float dtype of `x`; float32 for integers.

    Raises:
        ValueError: an unknown mode or data format, or another number of channels than 3 with "caffe" or "torch".
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    if data_format is None:
        data_format = config.image_data_format()
    elif data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. Received: "
            f"data_format={data_format}"
        )
    x = x if hasattr(x, "dtype") else np.asarray(x)
    axis, ndim = _axis(len(x.shape), data_format), len(x.shape)
    if mode != "tf" and (ndim not in (3, 4) or x.shape[axis] not in (3, None)):
        raise ValueError(
            f"preprocess_input takes images of 3 channels, (height, width, 3) or a batch of them ({data_format}). "
            f"Received shape: {tuple(x.shape)}. Grey images: np.repeat(x, 3, axis={axis}), or read them with "
            "color_mode='rgb'."
        )
    if isinstance(x, np.ndarray):
        return _preprocess_array(x, data_format, mode)
    return _preprocess_tensor(x, data_format, mode)


def _axis(ndim: int, data_format: str) -> int:
    return -1 if data_format == "channels_last" else -3 + ndim


def _along(values, ndim: int, axis: int, dtype) -> np.ndarray:
    """One value a channel, shaped to broadcast."""
    shape = [1] * ndim
    shape[axis] = len(values)
    return np.asarray(values, dtype).reshape(shape)


def _preprocess_array(x: np.ndarray, data_format: str, mode: str) -> np.ndarray:
    if x.dtype.kind != "f":
        x = x.astype(config.floatx())
    if mode == "tf":
        x /= 127.5
        x -= 1.0
        return x
    axis = _axis(x.ndim, data_format)
    if mode == "caffe":
        x = np.flip(x, axis)
        x -= _along(_CAFFE_MEAN, x.ndim, axis, x.dtype)
        return x
    x /= 255.0
    x -= _along(_TORCH_MEAN, x.ndim, axis, x.dtype)
    x /= _along(_TORCH_STD, x.ndim, axis, x.dtype)
    return x


def _preprocess_tensor(x: Any, data_format: str, mode: str) -> Any:
    if not str(x.dtype).startswith("float"):
        x = ops.cast(x, config.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    ndim = len(x.shape)
    axis = _axis(ndim, data_format)
    dtype = str(x.dtype)
    if mode == "caffe":
        return ops.flip(x, axis) - _along(_CAFFE_MEAN, ndim, axis, dtype)
    return (x / 255.0 - _along(_TORCH_MEAN, ndim, axis, dtype)) / _along(_TORCH_STD, ndim, axis, dtype)


# --- classes --------------------------------------------------------------------------------------------------------
_class_index: Mapping[str, Any] | None = None  # ImageNet's, once it was read from the cache folder


def decode_predictions(preds: Any, top: int = 5, class_index: Any = None) -> list[list[tuple]]:
    """The names of the most probable classes.

    Args:
        preds: probabilities (samples, 1000), or (samples, classes) with the number of classes in `class_index`.
        top: int >= 1, the number of classes per sample. Default 5.
        class_index: path of a JSON file, or a dict, of class number (a str) -> [id, name]. Default None:
            `imagenet_class_index.json` in the folder `models` of Keras's cache (`~/.keras`, or `KERAS_HOME`). Nothing
            is downloaded.

    Returns:
        A list with a list of tuples `(id, name, probability)` for each sample, the most probable first.

    Raises:
        ValueError: another shape, an invalid class index, or `top` below 1.
        FileNotFoundError: the file does not exist.
    """
    if top < 1:
        raise ValueError(f"`top` must be at least 1. Received: top={top}")
    index = _load_class_index(class_index)
    classes = 1000 if index is None else len(index)
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != classes:
        raise ValueError(
            f"`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, {classes})). "
            f"Received array with shape: {preds.shape}"
        )
    if index is None:
        index = _cached_class_index()
    results = []
    for row in preds:
        best = row.argsort()[-top:][::-1]
        results.append(sorted(((*index[str(i)], row[i]) for i in best), key=lambda found: found[-1], reverse=True))
    return results


def _load_class_index(given: Any) -> Mapping[str, Any] | None:
    if given is None:
        return None
    if isinstance(given, (list, tuple)):
        return _checked_index(given, "class_index")
    if isinstance(given, Mapping):
        return _checked_index({str(key): value for key, value in given.items()}, "class_index")
    if not os.path.isfile(given):
        raise FileNotFoundError(f"decode_predictions: there is no class-index file {os.fspath(given)}")
    return _read_class_index(given)


def _read_class_index(path: Any) -> Mapping[str, Any]:
    with open(path, encoding="utf-8") as file:
        try:
            index = json.load(file)
        except ValueError as error:
            raise ValueError(f"decode_predictions: {os.fspath(path)} is not a JSON file ({error})") from error
    return _checked_index(index, os.fspath(path))


def _checked_index(index: Any, where: str) -> Mapping[str, Any]:
    if (
        not isinstance(index, Mapping)
        or any(str(i) not in index for i in range(len(index)))
        or any(isinstance(value, str) or len(value) != 2 for value in index.values())
    ):
        raise ValueError(
            f'decode_predictions: {where} must have the form {{"0": [id, name], "1": [id, name], ...}}, with the class '
            "numbers from 0 on"
        )
    return index


def _cached_class_index() -> Mapping[str, Any]:
    global _class_index
    if _class_index is None:
        path = keras_home() / "models" / _CLASS_INDEX_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"decode_predictions needs the names of ImageNet's classes, and there is no file {path}. pykernels "
                "downloads nothing: copy the file to that place (the environment variable KERAS_HOME moves the "
                "folder), or give its place: decode_predictions(preds, class_index=path)"
            )
        _class_index = _read_class_index(path)
    return _class_index


# --- the arguments of applications ------------------------------------------------------------------------------------
def obtain_input_shape(
    input_shape: tuple | None,
    default_size: int,
    min_size: int,
    data_format: str,
    require_flatten: bool,
    weights: Any = None,
) -> tuple:
    """The shape of a network's input without the batch.

    Args:
        input_shape: what the user gave, or None.
        default_size: height and width where nothing is given.
        min_size: least height and width.
        data_format: "channels_last" or "channels_first".
        require_flatten: whether the shape must be known (`include_top`).
        weights: "imagenet" asks for 3 channels, and with `require_flatten` for the default size.

    Raises:
        ValueError: not three numbers, too small, unknown sizes where they are needed, or not what "imagenet" asks for.
    """
    first = data_format == "channels_first"
    channels = 3
    if weights != "imagenet" and input_shape and len(input_shape) == 3:
        channels = input_shape[0 if first else -1]
        if channels not in (1, 3):
            warn(
                "This model usually expects 1 or 3 input channels. However, it was passed an input_shape with "
                f"{channels} input channels."
            )
    default = (channels, default_size, default_size) if first else (default_size, default_size, channels)
    if weights == "imagenet" and require_flatten:
        if input_shape is not None and tuple(input_shape) != default:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be "
                f"{default}.  Received: input_shape={input_shape}"
            )
        return default
    if not input_shape:
        return default if require_flatten else (3, None, None) if first else (None, None, 3)
    input_shape = tuple(input_shape)
    if len(input_shape) != 3:
        raise ValueError("`input_shape` must be a tuple of three integers.")
    if weights == "imagenet" and input_shape[0 if first else -1] != 3:
        raise ValueError(f"The input must have 3 channels; Received `input_shape={input_shape}`")
    size = input_shape[1:] if first else input_shape[:2]
    if any(extent is not None and extent < min_size for extent in size):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}; Received: input_shape={input_shape}")
    if require_flatten and None in input_shape:
        raise ValueError(
            f"If `include_top` is True, you should specify a static `input_shape`. Received: input_shape={input_shape}"
        )
    return input_shape


def validate_activation(classifier_activation: Any, weights: Any) -> None:
    """Raises ValueError for an activation other than None and softmax together with weights."""
    if weights is None:
        return
    if activations.get(classifier_activation) not in (activations.get("softmax"), activations.get(None)):
        raise ValueError(
            "Only `None` and `softmax` activations are allowed for the `classifier_activation` argument when using "
            "pretrained weights, with `include_top=True`; Received: "
            f"classifier_activation={classifier_activation}"
        )
