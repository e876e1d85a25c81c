"""Normalization within each sample: over features (layer, RMS), over groups of channels, to length 1 (unit)."""

from __future__ import annotations

from .. import ops
from ..ops.normalization import group_norm
from .batch_normalization import AffineNormalization
from .input_spec import InputSpec
from .layer import Layer


def _check_axis(axis):
    """An int, or a list of ints."""
    if isinstance(axis, (list, tuple)):
        return list(axis)
    if isinstance(axis, int):
        return axis
    raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")


class LayerNormalization(AffineNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance of each sample (Ba et al., 2016).

    Args:
        axis: int or list of ints, the axes to normalize over. Default -1.
        epsilon: float added to the variance. Default 1e-3.
        center: whether `beta` is added. Default True.
        scale: whether to multiply by `gamma`. Default True.
        beta_initializer, gamma_initializer: initializers, "zeros" and "ones" by default.
        beta_regularizer, gamma_regularizer: regularizers, whose values are added to the loss. Default None.
        beta_constraint, gamma_constraint: constraints, applied after each update. Default None.

    Input shape: any of rank 2 or more. Output shape: the same.
    Weights: gamma, beta, of the sizes of the axes.

    Raises:
        TypeError: `axis` is not an int or a list of ints.
        ValueError: at the call, an axis that the inputs do not have, or whose size is unknown.
    """

    def __init__(
        self,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        if kwargs.pop("rms_scaling", False):
            raise ValueError("LayerNormalization(rms_scaling=True) is not supported by pykernels; leave it out")
        super().__init__(
            _check_axis(axis),
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **kwargs,
        )

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self._add_affine(self._known_extents(input_shape, self.axis))

    def call(self, inputs):
        x = ops.cast(inputs, self.compute_dtype)
        return ops.layer_normalization(x, self.gamma, self.beta, tuple(self.axis), self.epsilon)

    def get_config(self):
        return {**super().get_config(), "rms_scaling": False}


class GroupNormalization(AffineNormalization):
    """Normalization of each sample over groups of channels and all other axes (Wu and He, arXiv:1803.08494).

    Args:
        groups: positive int that divides the channels; -1 for one group per channel (instance normalization). Default
            32.
        axis: int, the axis of the channels. Default -1.
        epsilon: float added to the variance. Default 1e-3.
        center: whether `beta` is added. Default True.
        scale: whether to multiply by `gamma`. Default True.
        beta_initializer, gamma_initializer: initializers, "zeros" and "ones" by default.
        beta_regularizer, gamma_regularizer: regularizers, whose values are added to the loss. Default None.
        beta_constraint, gamma_constraint: constraints, applied after each update. Default None.

    Input shape: any of rank 2 or more. Output shape: the same.
    Weights: gamma, beta, each (channels,).

    Raises:
        ValueError: `groups` is not a positive int or -1; at the call, `groups` does not divide the number of channels.
    """

    def __init__(
        self,
        groups=32,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or `-1` for instance "
                f"normalization). Received: groups={groups}"
            )
        super().__init__(
            axis,
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **kwargs,
        )
        self.groups = groups

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        (channels,) = self._known_extents(input_shape, [self.axis])
        groups = channels if self.groups == -1 else self.groups
        if channels < groups:
            raise ValueError(
                f"Number of groups ({groups}) cannot be more than the number of channels ({channels}). "
                f"(layer '{self.name}')"
            )
        if channels % groups != 0:
            raise ValueError(
                f"Number of groups ({groups}) must be a multiple of the number of channels ({channels}). "
                f"(layer '{self.name}')"
            )
        self.groups = groups
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_affine((channels,))

    def call(self, inputs):
        x = ops.cast(inputs, self.compute_dtype)
        return group_norm(x, self.groups, self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


class UnitNormalization(Layer):
    """Divides each sample by its L2 norm along one axis or several.

    Args:
        axis: int or list of ints. Default -1.

    Input shape: any of rank 2 or more. Output shape: the same.

    Raises:
        TypeError: `axis` is not an int or a list of ints.
    """

    makes_nothing = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                f"Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: axis={axis}"
            )
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs):
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return ops.normalize(inputs, axis=axis, order=2, epsilon=1e-12)

    def compute_output_shape(self, input_shape):
        for axis in [self.axis] if isinstance(self.axis, int) else self.axis:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(f"Axis {self.axis} is out of bounds for input shape {tuple(input_shape)}.")
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class RMSNormalization(Layer):
    """`inputs / sqrt(mean(inputs^2) + epsilon) * scale` (Zhang and Sennrich, arXiv:1910.07467).

    Args:
        axis: int or list of ints, the axes of the mean. Default -1.
        epsilon: float added to the mean. Default 1e-6.

    Input shape: any of rank 2 or more. Output shape: the same.
    Weights: scale, of the sizes of the axes.
    """

    decides_weights = frozenset(("axis",))

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        shape = tuple(input_shape[axis] for axis in self.axis)
        if None in shape:
            raise ValueError(
                f"Layer '{self.name}' needs to know the extents of axes {self.axis}, which it normalizes. Received: "
                f"input_shape={tuple(input_shape)}"
            )
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, inputs):
        rank = len(inputs.shape)
        axes = tuple(axis % rank for axis in self.axis)
        shape = tuple(d if i in axes else 1 for i, d in enumerate(inputs.shape))
        return ops.rms_normalization(inputs, ops.reshape(self.scale, shape), axes, self.epsilon)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
