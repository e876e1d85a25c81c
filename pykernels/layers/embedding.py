"""Embedding: rows of a table, by number."""

from __future__ import annotations

import numbers

from .. import constraints, initializers, ops, regularizers
from ..compat.arguments import accepts_old_names
from ..utils.masks import set_mask
from .layer import Layer


class Embedding(Layer):
    """Turns whole numbers into vectors: row `i` of a trained table for each `i` of the input.

    Args:
        input_dim: positive int, the number of rows: one more than the largest input.
        output_dim: positive int, the length of a row.
        embeddings_initializer: initializer. Default "uniform".
        embeddings_regularizer, activity_regularizer: regularizers, whose values are added to the loss. Default None.
        embeddings_constraint: constraint, applied to the table after each update. Default None.
        mask_zero: whether the input 0 is padding: the output then carries a mask that is False there. Default False.
        weights: array (input_dim, output_dim), or a list that holds it: the table to start with. Default None.
        lora_rank, lora_alpha, quantization_config: not supported, must be None.
        **kwargs: arguments of `Layer`; `input_length` (Keras 1 and 2) is `input_shape=(input_length,)`.

    Input shape: (batch, ...), integers from 0 to `input_dim - 1`; floats are truncated. Output shape:
    (batch, ..., output_dim). Weights: embeddings (input_dim, output_dim).

    A number below 0 counts from the table's end; one outside of it gives NaN, as in Keras on JAX. In training only
    rows that occur are read and added to; optimizers sweep the whole table, so that moments decay and rows move on
    as they do in Keras.

    Raises:
        ValueError: `input_dim` or `output_dim` is not a positive int, `weights` has another shape, or an argument that
            is not supported.
    """

    decides_weights = frozenset(("input_dim", "output_dim"))

    @accepts_old_names("Embedding")
    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        mask_zero=False,
        weights=None,
        lora_rank=None,
        lora_alpha=None,
        quantization_config=None,
        activity_regularizer=None,
        **kwargs,
    ):
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value <= 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value} (of type {type(value).__name__})."
                )
        for name, value in (
            ("lora_rank", lora_rank),
            ("lora_alpha", lora_alpha),
            ("quantization_config", quantization_config),
        ):
            if value is not None:
                raise ValueError(f"Embedding({name}={value!r}) is not supported by pykernels; leave it out")
        length = kwargs.pop("input_length", None)
        if length is not None and "input_shape" not in kwargs and "batch_input_shape" not in kwargs:
            kwargs["input_shape"] = tuple(length) if isinstance(length, (list, tuple)) else (length,)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.input_dim = int(input_dim)
        self.output_dim = int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = bool(mask_zero)
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, (list, tuple)) and len(weights) == 1 else [weights])

    def build(self, input_shape=None):
        if self.built:
            return
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs):
        outputs = ops.take(self.embeddings, _whole(inputs), axis=0)
        if self.mask_zero:
            set_mask(outputs, self.compute_mask(inputs))
        return outputs

    def compute_mask(self, inputs, mask=None):
        """Where the inputs are not 0, if `mask_zero`; else None."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def get_config(self):
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "quantization_config": None,
        }


def _whole(inputs):
    return inputs if str(inputs.dtype).startswith("int") else ops.cast(inputs, "int32")


class Masking(Layer):
    """Marks time steps as unused: those whose features all equal `mask_value`.

    The output is 0 there, and carries a mask that is False there; layers, losses and metrics that follow obey it.

    Args:
        mask_value: number. Default 0.
        **kwargs: arguments of `Layer`.

    Input shape: (batch, steps, ..., features). Output shape: the same. Mask: bool, without the last axis.
    """

    makes_nothing = True

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        """False where all features are `mask_value`; bool, the inputs' shape without the last axis."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        used = self.compute_mask(inputs)
        outputs = ops.where(ops.expand_dims(used, -1), inputs, ops.zeros_like(inputs))
        set_mask(outputs, used)
        return outputs

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}
