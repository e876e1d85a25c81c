"""Random contrast and brightness: Keras's layers of the same names."""

from __future__ import annotations

from .. import ops
from .image_layer import ImageLayer


class _Adjustment(ImageLayer):
    """A change with one random number for each image."""

    _key = ""

    def __init__(self, value_range, seed, **kwargs):
        super().__init__(**kwargs)
        self.value_range = value_range
        self._set_seed(seed)

    def _bounds(self) -> tuple:
        """(lowest, highest) number to draw."""
        raise NotImplementedError

    def get_random_transformation(self, data, training=True, seed=None):
        images = self._images(data)
        shape = (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)
        if not training:
            return None
        return {self._key: self._draw(shape, *self._bounds(), seed)}

    def _terms(self, x, amount):
        """(scale, shift), which broadcast to (N,) and (N, C), for float images (N, H, W, C) or channels first."""
        raise NotImplementedError

    def transform_images(self, images, transformation, training=True):
        images = ops.convert_to_tensor(images)
        if not training or transformation is None:
            return ops.cast(images, self.compute_dtype)
        kept = images.dtype == "uint8" and self.compute_dtype == "float32"
        x = images if kept else ops.cast(images, self.compute_dtype)
        amount = ops.reshape(ops.cast(transformation[self._key], self.compute_dtype), (-1, 1))
        scale, shift = self._terms(x, amount)
        low, high = self.value_range
        return ops.image.adjust(x, scale, shift, low, high, self.data_format)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks

    def get_config(self):
        own = {"factor": self.factor, "value_range": self.value_range, "seed": self.seed}
        return {**super().get_config(), **own}


class RandomContrast(_Adjustment):
    """Changes the contrast by a random factor for each image: scales the difference of each value and its channel's
    mean.

    Args:
        factor: float from 0 to 1, or a tuple (lower, upper). The factor is drawn from [1 - lower, 1 + upper). A float f
            means (0, f).
        value_range: tuple (lowest, highest), to which the results are clipped. Default (0, 255).
        seed: int. Default None: derived from the global seed.

    Call arguments, inputs and outputs: as in `RandomFlip`.

    Raises:
        ValueError: `factor` has another form or is out of range.
    """

    factor_bounds = (0, 1)
    _key = "contrast_factor"

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(value_range, seed, **kwargs)
        self._set_factor(factor)

    def _bounds(self):
        return 1.0 - self.factor[0], 1.0 + self.factor[1]

    def _terms(self, x, amount):
        first = len(x.shape) - (2 if self.data_format == "channels_first" else 3)
        mean = ops.mean(ops.cast(x, self.compute_dtype), axis=(first, first + 1))
        mean = ops.reshape(mean, (1, -1)) if len(x.shape) == 3 else mean
        # (x - mean) * factor + mean
        return ops.reshape(amount, (-1,)), ops.multiply(mean, ops.subtract(1.0, amount))


class RandomBrightness(_Adjustment):
    """Adds a random number to the values of each image.

    Args:
        factor: float from -1 to 1, or a tuple (lowest, highest): the fraction of the value range to add. A float f
            means (-|f|, |f|).
        value_range: tuple (lowest, highest), to which the results are clipped. Default (0, 255).
        seed: int. Default None: derived from the global seed.

    Call arguments, inputs and outputs: as in `RandomFlip`.

    Raises:
        ValueError: `factor` or `value_range` has another form or is out of range.
    """

    _key = "rgb_delta"

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(
                f"The `value_range` argument should be a list of two numbers. Received: value_range={value_range}"
            )
        super().__init__(sorted(value_range), seed, factor=factor, **kwargs)

    def _bounds(self):
        low, high = self.value_range
        return tuple(f * (high - low) for f in self.factor)

    def _terms(self, x, amount):
        channels = x.shape[-3] if self.data_format == "channels_first" else x.shape[-1]
        ones = ops.add(ops.multiply(amount, 0.0), 1.0)
        return ops.reshape(ones, (-1,)), ops.repeat(amount, channels, axis=1)
