"""Batch normalization."""

from __future__ import annotations

from .. import constraints, initializers, ops, regularizers
from ..compat.arguments import accepts_old_names
from ..ops.normalization import batch_norm
from .input_spec import InputSpec
from .layer import Layer


class AffineNormalization(Layer):
    """Arguments that normalization layers share: axis, epsilon, and a learned scale (gamma) and shift (beta)."""

    decides_weights = frozenset(("axis", "center", "scale"))

    def __init__(
        self,
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
    ):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma = None
        self.beta = None

    def _add_affine(self, shape: tuple) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                shape=shape,
                name="gamma",
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                shape=shape,
                name="beta",
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )

    def compute_output_shape(self, input_shape):
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        for axis in axes:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(
                    f"Axis {axis} is out of bounds for input shape {tuple(input_shape)}. Received: axis={self.axis} "
                    f"(layer '{self.name}')"
                )
        return tuple(input_shape)

    def _known_extents(self, input_shape, axes) -> tuple[int, ...]:
        extents = tuple(input_shape[axis] for axis in axes)
        if None in extents:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer received an input "
                f"with shape {tuple(input_shape)} (layer '{self.name}')."
            )
        return extents

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


class BatchNormalization(AffineNormalization):
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, per channel (Ioffe and Szegedy, arXiv:1502.03167).

    In training, mean and (biased) variance are those of the batch, and their moving averages are updated:
    `moving = moving * momentum + batch * (1 - momentum)`. At inference, and in a layer with `trainable = False`, the
    moving averages are used.

    Args:
        axis: int, the axis of the channels. Default -1.
        momentum: float, the momentum of the moving averages. Default 0.99.
        epsilon: float added to the variance. Default 1e-3.
        center: whether `beta` is added. Default True.
        scale: whether to multiply by `gamma`. Default True.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: initializers,
            "zeros", "ones", "zeros" and "ones" by default.
        beta_regularizer, gamma_regularizer: regularizers, whose values are added to the loss. Default None.
        beta_constraint, gamma_constraint: constraints, applied after each update. Default None.
        renorm, renorm_clipping, renorm_momentum, synchronized: not supported; `renorm` and `synchronized` must be
            False.

    Call arguments: inputs; training: bool; mask: bool tensor of the shape of the inputs without the last axis, False at
    positions that mean and variance leave out.

    Input shape: any of rank 2 or more. Output shape: the same.
    Weights: gamma, beta (trained), moving_mean, moving_variance, each (channels,).

    Raises:
        ValueError: `renorm` or `synchronized` is set; at the call, `axis` is not an axis of the inputs.
    """

    @accepts_old_names("BatchNormalization")
    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm=False,
        renorm_clipping=None,
        renorm_momentum=0.99,
        synchronized=False,
        **kwargs,
    ):
        if synchronized:
            raise ValueError("Argument synchronized=True is only supported with the TensorFlow backend.")
        if renorm:
            raise ValueError("BatchNormalization(renorm=True) is not supported by pykernels; leave it out")
        super().__init__(
            int(axis),
            float(epsilon),
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
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = renorm_clipping
        self.renorm_momentum = renorm_momentum

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        shape = self._known_extents(input_shape, [self.axis])
        self._add_affine(shape)
        self.moving_mean = self.add_weight(
            shape=shape, name="moving_mean", initializer=self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            shape=shape, name="moving_variance", initializer=self.moving_variance_initializer, trainable=False
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=None, mask=None):
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        x = ops.cast(inputs, self.compute_dtype)
        if training and self.trainable and mask is None:
            y, mean, variance = batch_norm(x, self.gamma, self.beta, self.axis, self.epsilon)
            self._remember(mean, variance)
            return y
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            mean, variance = self._masked_moments(x, mask)
            self._remember(mean, variance)
        return ops.batch_normalization(x, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)

    def _remember(self, mean, variance) -> None:
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept = ops.multiply(moving, self.momentum)
            moving.assign(ops.add(kept, ops.multiply(new, 1.0 - self.momentum)))

    def _masked_moments(self, x, mask):
        """Mean and biased variance over the positions where the mask is True; divided by count + 1e-7, as in Keras."""
        axes = tuple(i for i in range(len(x.shape)) if i != self.axis % len(x.shape))
        counted = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), x.shape)
        zero = ops.cast(0.0, self.compute_dtype)
        count = ops.add(ops.sum(ops.cast(counted, self.compute_dtype), axes, keepdims=True), 1e-7)
        mean = ops.divide(ops.sum(ops.where(counted, x, zero), axes, keepdims=True), count)
        squares = ops.square(ops.where(counted, ops.subtract(x, mean), zero))
        variance = ops.divide(ops.sum(squares, axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }
