"""Layers that add noise to their inputs in training: spatial and Gaussian dropout, Gaussian noise, alpha dropout."""

from __future__ import annotations

import math

from .. import config, ops, random
from ..compat.arguments import accepts_old_names
from .dropout import Dropout, check_rate
from .input_spec import InputSpec
from .layer import Layer


class _SpatialDropout(Dropout):
    """Dropout of whole feature maps: one draw for each sample and channel."""

    def __init__(self, rate, rank, data_format, seed, **kwargs):
        last = data_format == "channels_last"
        shared = (1,) * rank
        super().__init__(
            rate, noise_shape=(None, *shared, None) if last else (None, None, *shared), seed=seed, **kwargs
        )
        self.data_format = data_format
        self.input_spec = InputSpec(ndim=rank + 2)

    def get_config(self):
        own = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return own if len(self.noise_shape) == 3 else {**own, "data_format": self.data_format}


class SpatialDropout1D(_SpatialDropout):
    """Sets random channels of sequences to 0 with frequency `rate` in training, and divides the others by `1 - rate`.

    Args:
        rate: float from 0 to 1.
        seed: int. Default None: derived from the global seed.
        name, dtype, **kwargs: arguments of `Layer`.

    Input shape: (batch, steps, channels). Output shape: the same.

    Raises:
        ValueError: `rate` is not in [0, 1].
    """

    @accepts_old_names("SpatialDropout1D")
    def __init__(self, rate, seed=None, name=None, dtype=None, **kwargs):
        super().__init__(rate, 1, "channels_last", seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Sets random channels of images to 0 with frequency `rate` in training, and divides the others by `1 - rate`.

    Args:
        rate: float from 0 to 1.
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        seed: int. Default None: derived from the global seed.
        name, dtype, **kwargs: arguments of `Layer`.

    Input shape: (batch, height, width, channels). Output shape: the same.

    Raises:
        ValueError: `rate` is not in [0, 1].
    """

    @accepts_old_names("SpatialDropout2D")
    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None, **kwargs):
        super().__init__(rate, 2, config.standardize_data_format(data_format), seed, name=name, dtype=dtype, **kwargs)


class _Noise(Layer):
    """A layer that changes its inputs in training only and keeps their shape."""

    makes_nothing = True

    def __init__(self, amount, seed, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if amount > 0 else None
        self.supports_masking = True

    def call(self, inputs, training=False):
        return self._disturb(inputs) if training and self.seed_generator is not None else inputs

    def _disturb(self, inputs):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class GaussianNoise(_Noise):
    """Adds Gaussian noise of mean 0 in training.

    Args:
        stddev: float from 0 to 1, the standard deviation.
        seed: int. Default None: derived from the global seed.

    Raises:
        ValueError: `stddev` is not in [0, 1].
    """

    @accepts_old_names("GaussianNoise")
    def __init__(self, stddev, seed=None, **kwargs):
        if not 0 <= stddev <= 1:
            raise ValueError(
                "Invalid value received for argument `stddev`. Expected a float value between 0 and 1. "
                f"Received: stddev={stddev}"
            )
        super().__init__(stddev, seed, **kwargs)
        self.stddev = stddev

    def _disturb(self, inputs):
        noise = random.normal(
            ops.shape(inputs), mean=0.0, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(_Noise):
    """Multiplies by Gaussian noise of mean 1 and variance `rate / (1 - rate)` in training (Srivastava et al., 2014).

    Args:
        rate: float, 0 <= rate < 1.
        seed: int. Default None: derived from the global seed.

    Raises:
        ValueError: `rate` is not in [0, 1).
    """

    @accepts_old_names("GaussianDropout")
    def __init__(self, rate, seed=None, **kwargs):
        check_rate(rate)
        if rate == 1:
            raise ValueError("GaussianDropout(rate=1) has an infinite variance; use a rate below 1")
        super().__init__(rate, seed, **kwargs)
        self.rate = rate

    def _disturb(self, inputs):
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        factors = random.normal(
            ops.shape(inputs), mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.multiply(inputs, factors)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


# The saturation value of selu and its scale (Klambauer et al., arXiv:1706.02515)
_SELU_FLOOR = -1.6732632423543772 * 1.0507009873554805


class AlphaDropout(_Noise):
    """Dropout for networks of `selu` units: in training, dropped elements get the lowest value of selu, and the result
    is scaled and shifted so that mean and variance are kept.

    Args:
        rate: float from 0 to 1.
        noise_shape: tuple of ints and None, the shape of the random mask; 1 along an axis shares the mask along it.
            Default None: the shape of the inputs.
        seed: int. Default None: derived from the global seed.

    Raises:
        ValueError: `rate` is not in [0, 1].
    """

    @accepts_old_names("AlphaDropout")
    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        check_rate(rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape

    def _disturb(self, inputs):
        shape = ops.shape(inputs)
        if self.noise_shape is not None:
            shape = tuple(have if want is None else want for want, have in zip(self.noise_shape, shape, strict=True))
        drawn = random.uniform(shape, dtype=self.compute_dtype, seed=self.seed_generator)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        x = ops.where(ops.greater_equal(drawn, self.rate), inputs, _SELU_FLOOR)
        return ops.add(ops.multiply(x, scale), -scale * _SELU_FLOOR * self.rate)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
