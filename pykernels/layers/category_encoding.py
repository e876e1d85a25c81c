"""Class numbers as vectors."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..graph import Tensor
from .layer import Layer
from .lookup.encoding import encoded_shape, numbers_as_array, standardize_mode


class CategoryEncoding(Layer):
    """Integers as one-hot vectors, sets or counts.

    Args:
        num_tokens: int, the number of categories: inputs are 0 to `num_tokens - 1`.
        output_mode: "multi_hot" (default: a vector for each row, 1 for each integer in it), "one_hot" (a vector for
            each integer) or "count" (a vector for each row: how often each occurs).
        sparse: not supported, must be False.

    Call arguments:
        inputs: ints (..., n).
        count_weights: floats of that shape, which are added up in place of 1 for "count". Default None.

    Output: (..., num_tokens), or (..., n, num_tokens) for "one_hot" with n above 1.

    Raises:
        ValueError: an invalid argument; in an immediate call, integers below 0 or above `num_tokens - 1`. (Within a
            program those count for nothing.)
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        output_mode = standardize_mode("CategoryEncoding", output_mode, ("count", "one_hot", "multi_hot"))
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known beforehand, use the "
                "IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        if sparse:
            raise ValueError("CategoryEncoding(sparse=True) is not supported by pykernels; vectors are dense arrays")
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        self.sparse = False

    @property
    def input_dtype(self) -> str:
        return "int32"

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(numbers_as_array(inputs), *args, **kwargs)

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"`count_weights` is not used when `output_mode` is not 'count'. Received: "
                f"count_weights={count_weights}."
            )
        if not isinstance(inputs, Tensor):
            self._check_range(np.asarray(inputs))
        x = ops.cast(inputs, "int32")
        if not x.shape:
            x = ops.expand_dims(x, 0)
        if self.output_mode == "one_hot":
            x = ops.squeeze(x, -1) if len(x.shape) > 1 and x.shape[-1] == 1 else x
            return ops.one_hot(x, self.num_tokens, dtype=self.compute_dtype)
        vectors = ops.one_hot(x, self.num_tokens, dtype=self.compute_dtype)
        if self.output_mode == "multi_hot":
            return ops.max(vectors, axis=-2)
        if count_weights is not None:
            vectors = vectors * ops.expand_dims(ops.cast(count_weights, self.compute_dtype), -1)
        return ops.sum(vectors, axis=-2)

    def _check_range(self, values: np.ndarray) -> None:
        if values.size and (values.min() < 0 or values.max() >= self.num_tokens):
            raise ValueError(
                f"Layer '{self.name}': inputs must be integers from 0 to num_tokens - 1 = {self.num_tokens - 1}. "
                f"Received values from {values.min()} to {values.max()}"
            )

    def compute_output_shape(self, input_shape, count_weights_shape=None):
        return encoded_shape(tuple(input_shape), self.output_mode, self.num_tokens)

    def get_config(self):
        own = {"num_tokens": self.num_tokens, "output_mode": self.output_mode, "sparse": False}
        return {**super().get_config(), **own}
