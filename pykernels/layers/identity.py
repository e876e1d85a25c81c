"""A layer that does nothing."""

from __future__ import annotations

from ..utils.tree import map_shapes
from .layer import Layer


class Identity(Layer):
    """Returns its input: a placeholder where a model may have a layer or none.

    The input may be a tensor of any shape and dtype, or a list, tuple or dict of such tensors. A mask is passed on.

    Args:
        **kwargs: arguments of `Layer`.
    """

    makes_nothing = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return map_shapes(tuple, input_shape)
