"""Layers that only reorder elements: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math

from .. import config, ops
from ..compat.arguments import accepts_old_names
from .input_spec import InputSpec
from .layer import Layer


class Flatten(Layer):
    """Flattens each sample: (batch, ...) becomes (batch, features), and (batch,) becomes (batch, 1).

    Args:
        data_format: "channels_last" or "channels_first"; with the latter the channels are moved to the end first.
            Default: `config.image_data_format()`.
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, axes=(0, *range(2, rank), 1))
        return ops.reshape(inputs, _with_batch(inputs.shape[0], (_product(inputs.shape[1:]),)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], _product(input_shape[1:]))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """Reshapes each sample.

    Args:
        target_shape: tuple of ints, without the batch axis. One of them may be -1, which is inferred.

    Output shape: (batch, *target_shape).

    Raises:
        ValueError: the number of elements of a sample does not fit.
    """

    makes_nothing = True

    @accepts_old_names("Reshape")
    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if target_shape.count(-1) > 1:
            raise ValueError(
                f"There can only be one -1 dimension in `target_shape`. Received: target_shape={target_shape}"
            )
        for d in target_shape:
            if not isinstance(d, int) or d < -1:
                raise ValueError(
                    f"Dimensions in `target_shape` must be integers, -1 or larger. Received: "
                    f"target_shape={target_shape}"
                )
        self.target_shape = target_shape

    def _resolve(self, sample_shape: tuple) -> tuple:
        known = _product(sample_shape)
        if known is None:
            return tuple(None if d == -1 else d for d in self.target_shape)
        rest = math.prod(d for d in self.target_shape if d != -1)
        free = -1 in self.target_shape
        if (free and (rest == 0 or known % rest)) or (not free and rest != known):
            raise ValueError(
                f"The total size of the tensor must be unchanged. Received: input_shape={tuple(sample_shape)}, "
                f"target_shape={self.target_shape} (layer '{self.name}')"
            )
        return tuple(known // rest if d == -1 else d for d in self.target_shape)

    def call(self, inputs):
        return ops.reshape(inputs, _with_batch(inputs.shape[0], self._resolve(inputs.shape[1:])))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self._resolve(input_shape[1:]))

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Permutes the axes of each sample.

    Args:
        dims: tuple of ints from 1; the batch axis (0) is left out. `Permute((2, 1))` exchanges the first two axes.

    Raises:
        ValueError: `dims` is not a permutation of 1, 2, ...
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be "
                f"consecutive and start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs):
        return ops.transpose(inputs, axes=(0, *self.dims))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(input_shape[d] for d in self.dims))

    def get_config(self):
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Repeats each sample n times.

    Args:
        n: positive int.

    Input shape: (batch, features). Output shape: (batch, n, features).

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is not positive.
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"Argument `n` should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs):
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self):
        return {**super().get_config(), "n": self.n}


def _product(shape) -> int | None:
    return None if any(d is None for d in shape) else math.prod(shape)


def _with_batch(batch, sample_shape) -> tuple:
    """A shape as `reshape` takes it: an unknown batch stays, an unknown extent of a sample follows from the others."""
    if None in sample_shape:
        return (batch, *(-1 if d is None else d for d in sample_shape))
    return (-1 if batch is None else batch, *sample_shape)
