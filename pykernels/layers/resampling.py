"""Layers that enlarge sequences and images by whole factors."""

from __future__ import annotations

from .. import ops
from ..compat_names import accepts_old_names
from .input_spec import InputSpec
from .layer import Layer


class UpSampling1D(Layer):
    """Each step of a sequence (batch, steps, channels) `size` times in a row.

    Args:
        size: positive int. Default 2.

    Raises:
        TypeError, ValueError: `size` is not that.
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
