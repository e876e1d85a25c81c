"""The measured cases: networks, data and starting weights, the same arrays for every contender. Needs NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """One network and how it is trained.

    `layers` are (units, activation); `rows` is a multiple of `batch`, so that every step has the full batch.
    """

    name: str
    title: str
    input_shape: tuple[int, ...]
    layers: tuple[tuple[int, str], ...]
    batch: int
    rows: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3

    @property
    def steps(self) -> int:
        """Training steps an epoch."""
        return self.rows // self.batch

    @property
    def features(self) -> int:
        return int(np.prod(self.input_shape))

    @property
    def classification(self) -> bool:
        return self.layers[-1][1] == "softmax"

    @property
    def loss(self) -> str:
        return "categorical_crossentropy" if self.classification else "mse"

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """x (rows, *input_shape) and y (rows, outputs), float32; classes are one-hot and can be learned.

        x is centred: otherwise the first steps drive some probabilities below 1e-7, where Keras clips them and a loss
        written on logits does not, and the contenders would rightly disagree.
        """
        rng = np.random.default_rng(0)
        x = rng.random((self.rows, *self.input_shape), dtype=np.float32) - np.float32(0.5)
        outputs = self.layers[-1][0]
        if not self.classification:
            return x, (x @ np.float32([[2], [3]]) + 1).astype(np.float32)
        classes = rng.integers(0, outputs, self.rows)
        x.reshape(self.rows, -1)[np.arange(self.rows), classes] += 2
        return x, np.eye(outputs, dtype=np.float32)[classes]

    def weights(self) -> list[np.ndarray]:
        """Kernel (in, out) and bias (out,) of each layer: Glorot's uniform distribution, zeros."""
        rng = np.random.default_rng(1)
        arrays, fan_in = [], self.features
        for units, _ in self.layers:
            limit = np.sqrt(6 / (fan_in + units))
            arrays.append(rng.uniform(-limit, limit, (fan_in, units)).astype(np.float32))
            arrays.append(np.zeros(units, np.float32))
            fan_in = units
        return arrays


# Rows are those of the lessons that the nets come from (fashion.npz: 480, the linear model: 30), or fewer of them.
_MNIST = ((500, "sigmoid"), (500, "sigmoid"), (10, "softmax"))

CASES = (
    Case("linear-images", "Flatten(32x32x3)-Dense(20), softmax, batch 64", (32, 32, 3), ((20, "softmax"),), 64, 3200),
    Case("relu-images", "3072-500 relu-20, batch 64", (3072,), ((500, "relu"), (20, "softmax")), 64, 3200),
    Case("mnist-100", "784-500-500-10 sigmoid, batch 100", (784,), _MNIST, 100, 10000),
    Case("mnist-10", "the same, batch 10", (784,), _MNIST, 10, 3000),
    Case("mnist-1", "the same, batch 1", (784,), _MNIST, 1, 1000),
    Case("small", "784-10-3, batch 10", (784,), ((10, "relu"), (3, "softmax")), 10, 480),
    Case("regression", "Dense(1) on 2 inputs, SGD, batch 1", (2,), ((1, "linear"),), 1, 30, "sgd", 0.1),
    Case("regression-3000", "the same, 3,000 rows an epoch", (2,), ((1, "linear"),), 1, 3000, "sgd", 0.1),
)
BY_NAME = {case.name: case for case in CASES}
