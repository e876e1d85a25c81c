"""Activations as layers: Activation, ReLU, LeakyReLU, ELU, PReLU, Softmax. Each keeps the shape of its input."""

from __future__ import annotations

from .. import activations, constraints, initializers, ops, regularizers
from ..compat.arguments import accepts_old_names
from .input_spec import InputSpec
from .layer import Layer


class _Elementwise(Layer):
    """A layer whose output has the shape of its input."""

    makes_nothing = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class Activation(_Elementwise):
    """Applies an activation function.

    Args:
        activation: name of an activation, or a callable that takes and returns a tensor.
        **kwargs: arguments of `Layer`.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: a name that is not an activation.
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class ReLU(_Elementwise):
    """Rectified linear unit: `max(x, 0)` by default.

    `f(x) = max_value if x >= max_value; x if threshold <= x < max_value; negative_slope * (x - threshold) otherwise`.

    Args:
        max_value: float >= 0, the largest output; None (default) for no limit.
        negative_slope: float >= 0, the slope below the threshold. Default 0.
        threshold: float >= 0. Default 0.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: a negative argument.
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0.0:
            raise ValueError(f"max_value of a ReLU layer cannot be a negative value. Received: max_value={max_value}")
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0.0:
                raise ValueError(f"{name} of a ReLU layer cannot be None or a negative value. Received: {name}={value}")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs):
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def get_config(self):
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return {**super().get_config(), **own}


class LeakyReLU(_Elementwise):
    """`x` where positive, `negative_slope * x` elsewhere.

    Args:
        negative_slope: float >= 0 (`alpha` in earlier versions of Keras). Default 0.3.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: `negative_slope` is None or negative.
    """

    @accepts_old_names("LeakyReLU")
    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. "
                f"Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs):
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(_Elementwise):
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        alpha: float. Default 1.

    Input shape: any. Output shape: the same.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs):
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(_Elementwise):
    """`x` where positive, `alpha * x` elsewhere; `alpha` is learned and has the shape of one sample.

    Args:
        alpha_initializer: initializer. Default "Zeros".
        alpha_regularizer: regularizer, whose value is added to the loss. Default None.
        alpha_constraint: constraint, applied after each update. Default None.
        shared_axes: int or list of ints (from 1), the axes along which `alpha` is shared. Default None.

    Input shape: any. Output shape: the same.
    """

    decides_weights = frozenset(("shared_axes",))

    @accepts_old_names("PReLU")
    def __init__(
        self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is None:
            self.shared_axes = None
        else:
            self.shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape):
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(
                f"Layer '{self.name}' needs to know the shape of one input. Received: input_shape={input_shape}"
            )
        self.alpha = self.add_weight(
            shape=shape,
            name="alpha",
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        shared = self.shared_axes or range(len(input_shape))
        axes = {i: input_shape[i] for i in range(1, len(input_shape)) if i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs):
        negative = ops.multiply(ops.negative(self.alpha), activations.relu(ops.negative(inputs)))
        return ops.add(activations.relu(inputs), negative)

    def get_config(self):
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class Softmax(_Elementwise):
    """`exp(x) / sum(exp(x))` over one axis or several.

    Args:
        axis: int or list of ints, the axes along which the outputs add up to 1. Default -1.

    Call arguments: inputs; mask: bool tensor broadcastable to the inputs, False where the output must be 0.

    Input shape: any. Output shape: the same.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs, mask=None):
        if mask is not None:
            mask = ops.cast(mask, "bool")
            inputs = ops.where(mask, inputs, ops.cast(-1e9, str(inputs.dtype)))
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        if len(axes) == 1:
            outputs = activations.softmax(inputs, axis=axes[0])
        else:
            powers = ops.exp(ops.subtract(inputs, ops.max(inputs, axis=tuple(axes), keepdims=True)))
            outputs = ops.divide(powers, ops.sum(powers, axis=tuple(axes), keepdims=True))
        if mask is not None:
            outputs = ops.where(mask, outputs, ops.cast(0.0, str(outputs.dtype)))
        return outputs

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
