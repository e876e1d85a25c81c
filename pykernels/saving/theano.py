"""Weights of Keras 1 and of the Theano backend, in the form of today's layers.

Keras 1 with dim_ordering="th" stored filters as (K, C, R, S); today's are (R, S, C, K). The Theano backend computed
true convolutions, which are today's correlations with the filters turned by 180 degrees. Where channels came first, a
Dense layer behind a Flatten has its rows in the order (C, H, W).
"""

from __future__ import annotations

import numpy as np

from .hdf5_reader import Group

_CONV = ("Conv2D", "Conv2DTranspose")
_PASSES = ("Activation", "BatchNormalization", "Dropout", "ReLU", "LeakyReLU", "PReLU", "ELU", "GaussianNoise")


class Converted:
    """A data set seen through a function: `shape` is that of the result."""

    def __init__(self, dataset, shape, function):
        self.dataset = dataset
        self.shape = shape
        self.function = function

    def check(self) -> None:
        self.dataset.check()

    def read_into(self, array: np.ndarray) -> None:
        array[...] = self.function(self.dataset.read(self.dataset.bytes))


def convert(model, root: Group, chosen: list[tuple]) -> list[tuple]:
    """(layer, name, data sets) of a file, with the data sets of old files converted."""
    version, backend = root.attrs.get("keras_version"), root.attrs.get("backend")
    old = not isinstance(version, str) or version.startswith(("0", "1"))
    convs = [(x, d) for x, _, d in chosen if type(x).__name__ in _CONV and d and len(d[0].shape) == 4]
    first = old and _is_channels_first(convs, backend)
    turned = backend == "theano" or (first and backend is None)
    if not convs or not (first or turned):
        return chosen
    flattened = _behind_flatten(model) if first else {}
    result = []
    for layer, name, datasets in chosen:
        if any(layer is x for x, _ in convs):
            datasets = [_kernel(datasets[0], first, turned), *datasets[1:]]
        elif id(layer) in flattened and datasets and len(datasets[0].shape) == 2:
            datasets = [_rows(datasets[0], flattened[id(layer)]), *datasets[1:]]
        result.append((layer, name, datasets))
    return result


def _is_channels_first(convs, backend) -> bool:
    """Whether the filters are (K, C, R, S): some fit only so; if all fit both ways, the backend says it."""
    as_now = as_then = True
    for layer, datasets in convs:
        want = tuple(layer.kernel.shape)
        as_now &= datasets[0].shape == want
        as_then &= _turned_shape(datasets[0].shape) == want
    return as_then and (not as_now or backend == "theano")


def _turned_shape(shape) -> tuple:
    return (shape[2], shape[3], shape[1], shape[0])


def _kernel(dataset, first: bool, turned: bool) -> Converted:
    def function(kernel):
        if first:
            kernel = kernel.transpose(2, 3, 1, 0)
        return kernel[::-1, ::-1] if turned else kernel

    return Converted(dataset, _turned_shape(dataset.shape) if first else dataset.shape, function)


def _rows(dataset, image: tuple) -> Converted:
    height, width, channels = image

    def function(kernel):
        if kernel.shape[0] != height * width * channels:
            return kernel
        rows = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
        return rows.reshape(kernel.shape)

    return Converted(dataset, dataset.shape, function)


def _behind_flatten(model) -> dict[int, tuple]:
    """id of each Dense layer that reads a flattened image with channels last -> (H, W, C)."""
    found: dict[int, tuple] = {}
    image = None
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "Flatten":
            shape = layer.input_shape
            last = getattr(layer, "data_format", "channels_last") != "channels_first"
            fits = isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:]
            image = tuple(shape[1:]) if fits and last and not _channels_first(model) else None
        elif kind == "Dense":
            if image is not None:
                found[id(layer)] = image
            image = None
        elif kind not in _PASSES:
            image = None
    return found


def _channels_first(model) -> bool:
    return any(getattr(x, "data_format", None) == "channels_first" for x in model.layers)
