"""Layers that enlarge sequences, images and volumes by integer factors."""

from __future__ import annotations

from .. import config, ops
from ..compat.arguments import accepts_old_names
from ..ops.windows import join_shape, split_shape, tuple_of
from .input_spec import InputSpec
from .layer import Layer


class UpSampling1D(Layer):
    """Repeats each step of a sequence `size` times.

    Args:
        size: positive int. Default 2.

    Input shape: (batch, steps, channels). Output shape: (batch, steps * size, channels).

    Raises:
        TypeError: `size` is not an int.
        ValueError: `size` is not positive.
    """

    @accepts_old_names("UpSampling1D")
    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"Expected an integer value for `size`, got {type(size)}.")
        if size <= 0:
            raise ValueError(f"Argument `size` should be a positive integer. Received: size={size}")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return ops.repeat(inputs, self.size, axis=1)

    def compute_output_shape(self, input_shape):
        batch, steps, channels = input_shape
        return (batch, None if steps is None else steps * self.size, channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


class _UpSampling(Layer):
    rank = 2

    def __init__(self, size, data_format, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.size = tuple_of(size, self.rank, "size")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def compute_output_shape(self, input_shape):
        batch, spatial, channels = split_shape(tuple(input_shape), self.data_format)
        larger = tuple(None if n is None else n * s for n, s in zip(spatial, self.size, strict=True))
        return join_shape(batch, larger, channels, self.data_format)

    def _repeated(self, inputs):
        first = 2 if self.data_format == "channels_first" else 1
        for axis, times in enumerate(self.size, first):
            inputs = ops.repeat(inputs, times, axis=axis) if times > 1 else inputs
        return inputs

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


class UpSampling2D(_UpSampling):
    """Enlarges images by integer factors.

    Args:
        size: int or (rows, columns), the factors. Default (2, 2).
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        interpolation: "nearest" (default: each row and column is repeated), "bilinear", "bicubic", "lanczos3" or
            "lanczos5", as in `ops.image.resize`.

    Raises:
        ValueError: `size` is not positive ints; at the call, another interpolation.
    """

    @accepts_old_names("UpSampling2D")
    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(size, data_format, **kwargs)
        self.interpolation = interpolation.lower()

    def call(self, inputs):
        _, size, _ = split_shape(self.compute_output_shape(inputs.shape), self.data_format)
        if None in size and self.interpolation == "nearest":
            return self._repeated(inputs)
        return ops.image.resize(inputs, size, self.interpolation, data_format=self.data_format)

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}


class UpSampling3D(_UpSampling):
    """Enlarges volumes by integer factors: each slice, row and column is repeated.

    Args:
        size: int or (slices, rows, columns), the factors. Default (2, 2, 2).
        data_format: "channels_last" (batch, depth, height, width, channels) or "channels_first". Default:
            `config.image_data_format()`.

    Raises:
        ValueError: `size` is not positive ints.
    """

    rank = 3

    @accepts_old_names("UpSampling3D")
    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(size, data_format, **kwargs)

    def call(self, inputs):
        return self._repeated(inputs)
