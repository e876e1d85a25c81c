"""Dropout."""

from __future__ import annotations

from .. import random
from ..compat.arguments import accepts_old_names
from .layer import Layer


def check_rate(rate) -> None:
    """Raises ValueError unless `rate` is a number from 0 to 1."""
    if not 0 <= rate <= 1:
        raise ValueError(
            f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}"
        )


class Dropout(Layer):
    """Sets random elements to 0 with frequency `rate` in training, and scales the others by `1 / (1 - rate)`.

    Args:
        rate: float from 0 to 1.
        noise_shape: tuple of ints and None, the shape of the random mask; 1 along an axis shares the mask along it.
            Default None: the shape of the inputs.
        seed: int. Default None: derived from the global seed.

    Call arguments: inputs; training: bool, True in `fit`. Without training the inputs are returned unchanged.

    Input shape: any. Output shape: the same.

    Raises:
        ValueError: `rate` is not in [0, 1], or `noise_shape` is not a sequence of positive ints and None.
    """

    makes_nothing = True

    @accepts_old_names("Dropout")
    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_rate(rate)
        self.rate = rate
        self.seed = seed
        self.noise_shape = self._valid_noise_shape(noise_shape)
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.supports_masking = True

    @staticmethod
    def _valid_noise_shape(noise_shape):
        if noise_shape is None:
            return None
        if isinstance(noise_shape, str) or not hasattr(noise_shape, "__iter__"):
            raise ValueError(
                "Invalid value received for argument `noise_shape`. Expected a tuple or list of integers. "
                f"Received: noise_shape={noise_shape}"
            )
        for i, d in enumerate(noise_shape):
            if d is not None and (not isinstance(d, int) or d <= 0):
                raise ValueError(
                    "Invalid value received for argument `noise_shape`. Expected all dimensions to be positive "
                    f"integers or None. Received element at index {i}: {d}"
                )
        return tuple(noise_shape)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        shape = self.noise_shape
        if shape is not None:
            shape = tuple(have if want is None else want for want, have in zip(shape, inputs.shape, strict=True))
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=self.seed_generator)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        own = {"rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
        return {**super().get_config(), **own}
