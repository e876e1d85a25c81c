"""The measured cases: networks, data and starting weights, the same arrays for every contender. Needs NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np


@dataclass(frozen=True)
class Dense:
    units: int
    activation: str = "linear"


@dataclass(frozen=True)
class Conv:
    """3x3, stride 1, ReLU."""

    filters: int
    padding: str = "same"


@dataclass(frozen=True)
class MaxPool:
    """2x2, stride 2; an odd last row or column is left out."""


@dataclass(frozen=True)
class GlobalAveragePool:
    pass


@dataclass(frozen=True)
class Flatten:
    """Rows, columns, channels: in that order."""


@dataclass(frozen=True)
class Dropout:
    rate: float


@dataclass(frozen=True)
class Case:
    """One network and what is measured of it.

    `rows` is a multiple of `batch`, so that every step has the full batch. `purpose` is "train" or "predict". A `heavy`
    case gets processes of its own, whose peak memory is reported, and few repeats.
    """

    name: str
    title: str
    input_shape: tuple[int, ...]
    layers: tuple[object, ...]
    batch: int
    rows: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    purpose: str = "train"
    heavy: bool = False

    @property
    def steps(self) -> int:
        """Steps in one pass over the rows."""
        return self.rows // self.batch

    @property
    def outputs(self) -> int:
        return self.layers[-1].units

    @property
    def classification(self) -> bool:
        return self.layers[-1].activation == "softmax"

    @property
    def random(self) -> bool:
        """Whether the contenders' losses differ by chance."""
        return self.purpose == "train" and any(isinstance(layer, Dropout) and layer.rate for layer in self.layers)

    @property
    def loss(self) -> str:
        return "categorical_crossentropy" if self.classification else "mse"

    def tiny(self) -> Case:
        """The same kinds of layers in a second: small images, few rows, at most 32 units; nothing is dropped out."""

        def small(layer: object) -> object:
            if isinstance(layer, Dense) and layer is not self.layers[-1]:
                return replace(layer, units=min(layer.units, 32))
            if isinstance(layer, Conv):
                return replace(layer, filters=min(layer.filters, 16))
            return Dropout(0.0) if isinstance(layer, Dropout) else layer

        batch = min(self.batch, 4)
        shape = (*(min(extent, 32) for extent in self.input_shape[:-1]), self.input_shape[-1])
        layers = tuple(small(layer) for layer in self.layers)
        title = f"{self.title}, made tiny"
        return replace(self, title=title, input_shape=shape, layers=layers, batch=batch, rows=3 * batch)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """x (rows, *input_shape) and y (rows, outputs), float32; classes are one-hot and can be learned.

        x is centred: otherwise the first steps drive some probabilities below 1e-7, where Keras clips them and a loss
        written on logits does not, and the contenders would rightly disagree.
        """
        rng = np.random.default_rng(0)
        x = rng.random((self.rows, *self.input_shape), dtype=np.float32) - np.float32(0.5)
        if not self.classification:
            return x, (x @ np.float32([[2], [3]]) + 1).astype(np.float32)
        classes = rng.integers(0, self.outputs, self.rows)
        x.reshape(self.rows, -1)[np.arange(self.rows), classes] += 2
        return x, np.eye(self.outputs, dtype=np.float32)[classes]

    def shapes(self) -> list[tuple[int, ...]]:
        """The input's shape of each layer, without the batch."""
        shape, all_shapes = self.input_shape, []
        for layer in self.layers:
            all_shapes.append(shape)
            if isinstance(layer, Conv):
                less = 0 if layer.padding == "same" else 2
                shape = (shape[0] - less, shape[1] - less, layer.filters)
            elif isinstance(layer, MaxPool):
                shape = (shape[0] // 2, shape[1] // 2, shape[2])
            elif isinstance(layer, GlobalAveragePool):
                shape = shape[-1:]
            elif isinstance(layer, Flatten):
                shape = (prod(shape),)
            elif isinstance(layer, Dense):
                shape = (layer.units,)
        return all_shapes

    def weights(self) -> list[np.ndarray]:
        """Kernel (in, out) or (3, 3, in, out) and bias (out,) of each layer: Glorot's uniform distribution, zeros."""
        rng = np.random.default_rng(1)
        arrays: list[np.ndarray] = []
        for layer, shape in zip(self.layers, self.shapes(), strict=True):
            if not isinstance(layer, (Dense, Conv)):
                continue
            window = (3, 3) if isinstance(layer, Conv) else ()
            outputs = layer.filters if isinstance(layer, Conv) else layer.units
            limit = np.sqrt(6 / (prod(window) * (shape[-1] + outputs)))
            kernel = rng.random((*window, shape[-1], outputs), dtype=np.float32)
            arrays.append((kernel * 2 - 1) * np.float32(limit))
            arrays.append(np.zeros(outputs, np.float32))
        return arrays


# Rows are those of the lessons that the nets come from (fashion.npz: 480, the linear model: 30), or fewer of them.
_MNIST = (Dense(500, "sigmoid"), Dense(500, "sigmoid"), Dense(10, "softmax"))
_DIGITS = (
    *(Conv(32, "valid"), MaxPool(), Conv(64, "valid"), MaxPool()),
    *(Flatten(), Dropout(0.5), Dense(10, "softmax")),
)
_PHOTOS = (
    *(Conv(32), Conv(32), MaxPool(), Conv(64), Conv(64), MaxPool(), Conv(128), Conv(128), MaxPool()),
    *(Conv(256), Conv(256), GlobalAveragePool(), Dense(20, "softmax")),
)
_VGG16 = (
    *(Conv(64), Conv(64), MaxPool(), Conv(128), Conv(128), MaxPool(), Conv(256), Conv(256), Conv(256), MaxPool()),
    *(Conv(512), Conv(512), Conv(512), MaxPool(), Conv(512), Conv(512), Conv(512), MaxPool()),
    *(Flatten(), Dense(4096, "relu"), Dense(4096, "relu"), Dense(1000, "softmax")),
)
_LINEAR = (Dense(1),)


def _predict(name: str, title: str, size: int, layers: tuple[object, ...], batch: int, steps: int) -> Case:
    title = f"predict, {title}, batch {batch}"
    return Case(name, title, (size, size, 3), layers, batch, batch * steps, purpose="predict", heavy=True)


CASES = (
    Case(
        *("linear-images", "Flatten(32x32x3)-Dense(20), softmax, batch 64", (32, 32, 3)),
        *((Flatten(), Dense(20, "softmax")), 64, 3200),
    ),
    Case(
        *("relu-images", "3072-500 relu-20, batch 64", (3072,), (Dense(500, "relu"), Dense(20, "softmax")), 64, 3200),
    ),
    Case("mnist-100", "784-500-500-10 sigmoid, batch 100", (784,), _MNIST, 100, 10000),
    Case("mnist-10", "the same, batch 10", (784,), _MNIST, 10, 3000),
    Case("mnist-1", "the same, batch 1", (784,), _MNIST, 1, 1000),
    Case("small", "784-10-3, batch 10", (784,), (Dense(10, "relu"), Dense(3, "softmax")), 10, 480),
    Case("regression", "Dense(1) on 2 inputs, SGD, batch 1", (2,), _LINEAR, 1, 30, "sgd", 0.1),
    Case("regression-3000", "the same, 3,000 rows an epoch", (2,), _LINEAR, 1, 3000, "sgd", 0.1),
    Case(
        *("digits-conv", "(28,28,1) conv32-pool-conv64-pool-dropout-dense10, batch 128", (28, 28, 1)),
        *(_DIGITS, 128, 1280),
        heavy=True,
    ),
    Case("photos-64", "convnet of 1.2 M weights at 64x64, batch 64", (64, 64, 3), _PHOTOS, 64, 256, heavy=True),
    Case("photos-224-16", "the same at 224x224, batch 16", (224, 224, 3), _PHOTOS, 16, 32, heavy=True),
    Case("photos-224-64", "the same at 224x224, batch 64", (224, 224, 3), _PHOTOS, 64, 64, heavy=True),
    _predict("photos-64-predict", "the convnet at 64x64", 64, _PHOTOS, 64, 8),
    _predict("photos-224-predict", "the convnet at 224x224", 224, _PHOTOS, 64, 2),
    _predict("vgg16-1", "VGG16", 224, _VGG16, 1, 8),
    _predict("vgg16-8", "VGG16", 224, _VGG16, 8, 2),
    _predict("vgg16-32", "VGG16", 224, _VGG16, 32, 1),
)
BY_NAME = {case.name: case for case in CASES}
