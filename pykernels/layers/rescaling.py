"""Rescaling: inputs brought to a range that suits a network."""

from __future__ import annotations

import numpy as np

from .. import config, ops
from .layer import Layer


class Rescaling(Layer):
    """`inputs * scale + offset`, in the layer's dtype: `Rescaling(1 / 255)` takes pixels to 0..1.

    Args:
        scale: number, or one per channel.
        offset: number, or one per channel. Default 0.
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def _constant(self, value):
        value = np.asarray(value, self.compute_dtype)
        if value.ndim and config.image_data_format() == "channels_first":
            value = value.reshape(value.shape + (1,) * (3 - value.ndim))
        return value

    def call(self, inputs):
        x = ops.multiply(ops.cast(inputs, self.compute_dtype), self._constant(self.scale))
        return ops.add(x, self._constant(self.offset)) if np.any(self.offset) else x

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "scale": _plain(self.scale), "offset": _plain(self.offset)}


def _plain(value):
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
