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
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta` with the moments of each sample (Ba et al., 2016).

    Args:
        axis: int or list of ints, the axes that are normalised together. Default: the last.
        epsilon: float added to the variance. Default 1e-3.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: "zeros" and "ones" by default.
        beta_regularizer, gamma_regularizer: penalties that join the loss.
        beta_constraint, gamma_constraint: applied after each update.

    Weights: gamma, beta, of the extents of the axes.

    Raises:
        TypeError: `axis` is not that.
        ValueError: later, an axis that the inputs do not have, or of unknown extent.
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
    """Layer normalization of groups of channels, over all other axes of a sample (Wu and He, arXiv:1803.08494).

    Args:
        groups: positive int that divides the channels; -1 for one group per channel (instance normalization). Default
            32.
        axis: int, the axis of the channels. Default: the last.
        epsilon: float added to the variance. Default 1e-3.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: "zeros" and "ones" by default.
        beta_regularizer, gamma_regularizer: penalties that join the loss.
        beta_constraint, gamma_constraint: applied after each update.

    Weights: gamma, beta, each (channels,).

    Raises:
        ValueError: `groups` is not that; later, channels that are not a multiple of it.
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
    """Each sample divided by its length along an axis or several.

    Args:
        axis: int or list of ints. Default: the last.

    Raises:
        TypeError: `axis` is not that.
    """

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
        axis: int or list of ints, the axes of the mean. Default: the last.
        epsilon: float. Default 1e-6.

    Weights: scale, of the extents of the axes.
    """

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        shape = tuple(input_shape[axis] for axis in self.axis)
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
