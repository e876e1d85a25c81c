"""Weights of Keras 1 and of the Theano backend, in the form of today's layers.

Keras 1 with dim_ordering="th" stored filters as (K, C, R, S); today's are (R, S, C, K). Those of its Deconvolution2D
had input and output channels the other way round, those of its Convolution1D four axes. The Theano backend computed
true convolutions, which are today's correlations with the filters turned by 180 degrees. Where channels came first, a
Dense layer behind a Flatten has its rows in the order (C, H, W).
"""

from __future__ import annotations

import numpy as np

from .hdf5.reader import Group

_CONV = ("Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose")
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


def convert(model, root: Group, parts: list) -> list:
    """The parts of a file (`Part` of the weights' reader), with the data sets of old files converted."""
    version, backend = root.attrs.get("keras_version"), root.attrs.get("backend")
    if backend is None and any(":" in name for part in parts for name in part.names):
        backend = "tensorflow"  # whose variables have names such as `dense_1_W:0`
    old = not isinstance(version, str) or version.startswith(("0", "1"))
    fits = [(p.layer, p.datasets) for p in parts if type(p.layer).__name__ in _CONV and p.datasets]
    convs = [(layer, datasets) for layer, datasets in fits if len(datasets[0].shape) in (3, 4)]
    if not convs or not (old or backend == "theano"):
        return parts
    first = old and _is_channels_first(convs, backend)
    turned = backend == "theano" or (first and backend is None)
    flattened = _behind_flatten(model) if first else {}
    convolutions = {id(x) for x, _ in convs}
    result = []
    for part in parts:
        layer, datasets = part.layer, part.datasets
        if id(layer) in convolutions:
            datasets = [_kernel(layer, datasets[0], first, turned, old), *datasets[1:]]
        elif id(layer) in flattened and datasets and len(datasets[0].shape) == 2:
            datasets = [_rows(datasets[0], flattened[id(layer)]), *datasets[1:]]
        result.append(part._replace(datasets=datasets))
    return result


def _is_channels_first(convs, backend) -> bool:
    """Whether the filters are (K, C, R, S): some fit only so; if all fit both ways, the backend says it."""
    as_now = as_then = True
    for layer, datasets in convs:
        shape, want = datasets[0].shape, tuple(layer.kernel.shape)
        if len(shape) != 4 or len(want) != 4:
            continue  # sequences have no such order
        as_now &= _ordered(shape, _axes(layer, shape, False, True)) == want
        as_then &= _ordered(shape, _axes(layer, shape, True, True)) == want
    return as_then and (not as_now or backend == "theano") and any(len(d[0].shape) == 4 for _, d in convs)


def _axes(layer, shape, first: bool, old: bool) -> tuple[int, ...]:
    """The order of a filter's axes that gives today's."""
    kind = type(layer).__name__
    if len(shape) == 3:
        return (0, 1, 2)
    if kind == "Conv1D":  # (length, 1, C, K), before Keras 1.2 (K, C, length, 1)
        is_new = shape[1] == 1 and shape[0] == layer.kernel_size[0] and shape[3] == layer.filters
        return (0, 1, 2, 3) if is_new else (2, 3, 1, 0)
    if kind == "Conv2DTranspose" and old:
        return (2, 3, 0, 1) if first else (0, 1, 3, 2)
    return (2, 3, 1, 0) if first else (0, 1, 2, 3)


def _ordered(shape, axes) -> tuple[int, ...]:
    return tuple(shape[a] for a in axes)


def _kernel(layer, dataset, first: bool, turned: bool, old: bool):
    axes = _axes(layer, dataset.shape, first, old)
    shape = _ordered(dataset.shape, axes)
    spatial = len(shape) - 2
    flat = len(shape) == 4 and len(layer.kernel.shape) == 3 and shape[1] == 1
    if axes == tuple(range(len(shape))) and not turned and not flat:
        return dataset

    def function(kernel):
        kernel = kernel.transpose(axes)
        if turned:
            kernel = np.flip(kernel, tuple(range(spatial)))
        return kernel[:, 0] if flat else kernel

    return Converted(dataset, (shape[0], *shape[2:]) if flat else shape, function)


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
    image, channels_first = None, _channels_first(model)
    for layer in model.layers:
        if hasattr(layer, "_graph"):
            found |= _behind_flatten(layer)
        kind = type(layer).__name__
        if kind == "Flatten":
            shape = layer.input_shape
            last = getattr(layer, "data_format", "channels_last") != "channels_first"
            fits = isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:]
            image = tuple(shape[1:]) if fits and last and not channels_first else None
        elif kind == "Dense":
            if image is not None:
                found[id(layer)] = image
            image = None
        elif kind not in _PASSES:
            image = None
    return found


def _channels_first(model) -> bool:
    return any(getattr(x, "data_format", None) == "channels_first" for x in model.layers)
