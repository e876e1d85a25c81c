"""EinsumDense: a product over named axes."""

from __future__ import annotations

import re

from .. import activations, constraints, initializers, ops, regularizers
from .layer import Layer

_FORMS = (
    (re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)"), False),
    (re.compile(r"0([a-zA-Z]+),([a-zA-Z]+)->0([a-zA-Z]+)"), True),
    (re.compile(r"([a-zA-Z]{2,})0,([a-zA-Z]+)->([a-zA-Z]+)0"), False),
)


class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: str: "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac...".
        output_shape: int or tuple, the output's shape without the batch and without what "..." stands for; None for an
            axis of unknown extent.
        activation: name or callable. Default None: linear.
        bias_axes: str, the letters of the output's axes that the bias has. Default None: no bias.
        kernel_initializer, bias_initializer: initializers, "glorot_uniform" and "zeros" by default.
        kernel_regularizer, bias_regularizer: regularizers, whose values are added to the loss. Default None.
        kernel_constraint, bias_constraint: constraints, applied after each update. Default None.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: not supported, must be None.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: an equation of another form, or one that does not fit the shapes.
    """

    decides_weights = frozenset(("equation", "output_shape", "bias_axes"))

    def __init__(
        self,
        equation,
        output_shape,
        activation=None,
        bias_axes=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        lora_rank=None,
        lora_alpha=None,
        gptq_unpacked_column_size=None,
        quantization_config=None,
        **kwargs,
    ):
        for name, value in (
            ("lora_rank", lora_rank),
            ("lora_alpha", lora_alpha),
            ("gptq_unpacked_column_size", gptq_unpacked_column_size),
            ("quantization_config", quantization_config),
        ):
            if value is not None:
                raise ValueError(f"EinsumDense({name}={value!r}) is not supported by pykernels; leave it out")
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None

    def _shapes(self, input_shape):
        """(kernel's shape, bias's shape or None, output's shape)."""
        text = self.equation.replace("...", "0")
        found, left = next(((m, left) for form, left in _FORMS if (m := form.match(text))), (None, False))
        if found is None:
            raise ValueError(
                f"Invalid einsum equation '{self.equation}'. Equations must be in the form [X],[Y]->[Z], "
                "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
            )
        given, weights, result = found.groups()
        elided = len(input_shape) - len(given)
        output = [input_shape[0], *self.partial_output_shape]
        if elided > 0 and left:
            output[1:1] = input_shape[1:elided]
        elif elided > 0:
            output += input_shape[len(input_shape) - elided :]
        skip = max(elided, 0) if left else 0
        extents = {c: input_shape[i + skip] for i, c in enumerate(given)}
        outputs = {c: output[i + skip] for i, c in enumerate(result)}
        for c in given:
            if c in outputs and outputs[c] is not None and outputs[c] != extents[c]:
                raise ValueError(
                    f"Input shape and output shape do not match at shared dimension '{c}'. Input shape is "
                    f"{extents[c]}, and output shape is {outputs[c]}."
                )
        for c in result:
            if c not in given and c not in weights:
                raise ValueError(
                    f"Dimension '{c}' was specified in the output '{result}' but has no corresponding dim in the "
                    f"input spec '{given}' or weight spec '{weights}'"
                )
        missing = [c for c in weights if c not in outputs and c not in extents]
        if missing:
            raise ValueError(
                f"Weight dimension '{missing[0]}' did not have a match in either the input spec '{given}' or the "
                f"output spec '{result}'. For this layer, the weight must be fully specified."
            )
        kernel = tuple(outputs.get(c, extents.get(c)) for c in weights)
        return kernel, self._bias_shape(result, outputs), tuple(output)

    def _bias_shape(self, result: str, outputs: dict):
        if self.bias_axes is None:
            return None
        for c in self.bias_axes:
            if c not in result:
                raise ValueError(f"Bias dimension '{c}' was requested, but is not part of the output spec '{result}'")
        first = min(result.index(c) for c in self.bias_axes)
        shape = tuple(outputs[c] if c in self.bias_axes else 1 for c in result[first:])
        return shape + (1,) * self.equation.endswith("...")

    def build(self, input_shape):
        kernel, bias, _ = self._shapes(tuple(input_shape))
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if bias is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=bias,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs, training=None):
        x = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape):
        return self._shapes(tuple(input_shape))[2]

    def get_config(self):
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
