"""Random geometric changes of images: flips, rotations, zooms, translations, crops.

Keras's layers of the same names; images are changed in training only. All of them but the resizing of images that
are too small for a crop are one affine map of a batch, with a matrix for each image.
"""

from __future__ import annotations

import math

from .. import ops
from ..utils.random_seed import make_default_seed
from .image_layer import ImageLayer

HORIZONTAL, VERTICAL, BOTH = "horizontal", "vertical", "horizontal_and_vertical"


def _columns(*columns):
    """Maps (N, 8) from tensors (N,) or (N, 1) and numbers: the rows [a0, a1, a2, b0, b1, b2, 0, 0]."""
    rows = next(ops.reshape(c, (-1, 1)) for c in columns if hasattr(c, "shape"))
    zeros = ops.multiply(rows, 0.0)
    full = [ops.reshape(c, (-1, 1)) if hasattr(c, "shape") else ops.add(zeros, float(c)) for c in columns]
    return ops.concatenate([*full, zeros, zeros], axis=1)


class _Mapping(ImageLayer):
    """A layer that maps images by a matrix of each."""

    fill_mode = "nearest"
    fill_value = 0.0
    interpolation = "nearest"

    def _matrices(self, images, transformation):
        """(N, 8): see `ops.image.affine_transform`."""
        raise NotImplementedError

    def _map(self, images, transformation, interpolation, size=None):
        x = images if images.dtype == "uint8" else ops.cast(images, self.compute_dtype)
        maps = self._matrices(x, transformation)
        size = self._extents(x) if size is None else size
        y = ops.image.map_images(x, maps, size, interpolation, self.fill_mode, self.fill_value, self.data_format)
        return ops.cast(y, self.compute_dtype)

    def transform_images(self, images, transformation, training=True):
        images = ops.convert_to_tensor(images)
        if not training or transformation is None:
            return ops.cast(images, self.compute_dtype)
        return self._map(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        masks = ops.convert_to_tensor(segmentation_masks)
        if not training or transformation is None:
            return masks
        return ops.cast(self._map(masks, transformation, "nearest"), masks.dtype)


class RandomFlip(_Mapping):
    """Flips images at random, each with probability 1/2.

    Args:
        mode: "horizontal" (left to right), "vertical" or "horizontal_and_vertical" (both or neither, as Keras does).
        seed: int. Default None: derived from the global seed.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.

    Call arguments: inputs: images (batch, height, width, channels) or (height, width, channels), or a dict with
    "images";
    training: bool, True by default, False in `evaluate` and `predict`. Outputs have the shape of the inputs and the
    layer's dtype.

    Raises:
        ValueError: another `mode`, or a `seed` that is not an int.
    """

    takes_factor = False

    def __init__(self, mode=BOTH, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if mode not in (HORIZONTAL, VERTICAL, BOTH):
            raise ValueError(f"`mode` must be '{HORIZONTAL}', '{VERTICAL}' or '{BOTH}'. Received: mode={mode!r}")
        self.mode = mode
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """{"flips": bool (N, 1, 1, 1), "input_shape"}; None outside of training."""
        if not training:
            return None
        images = self._images(data)
        ones = (1,) * len(images.shape[1:])
        shape = (images.shape[0], *ones) if len(images.shape) == 4 else (1, *ones)
        return {"flips": ops.less_equal(self._draw(shape, 0, 1, seed), 0.5), "input_shape": tuple(images.shape)}

    def _matrices(self, images, transformation):
        flips = ops.reshape(ops.cast(transformation["flips"], "float32"), (-1, 1))
        height, width = self._extents(images)
        sign = ops.subtract(1.0, ops.multiply(flips, 2.0))
        across = self.mode != VERTICAL
        down = self.mode != HORIZONTAL
        return _columns(
            sign if across else 1.0,
            0.0,
            ops.multiply(flips, float((width or 1) - 1)) if across else 0.0,
            0.0,
            sign if down else 1.0,
            ops.multiply(flips, float((height or 1) - 1)) if down else 0.0,
        )

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed, "mode": self.mode}


class _Filling(_Mapping):
    """A map that needs pixels from outside of the image."""

    _FILL_MODES = ("reflect", "wrap", "constant", "nearest")
    _INTERPOLATIONS = ("nearest", "bilinear")

    def _set_filling(self, fill_mode, interpolation, fill_value, seed) -> None:
        for name, value, allowed in (
            ("fill_mode", fill_mode, self._FILL_MODES),
            ("interpolation", interpolation, self._INTERPOLATIONS),
        ):
            if value not in allowed:
                raise NotImplementedError(f"Unknown `{name}` {value}. Expected of one {allowed}.")
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value
        self._set_seed(seed)

    def _range(self, factor, name: str, above: bool) -> tuple:
        """(lowest, highest) of a factor, a number or a pair, in [-1, 1] (above -1 where `above`)."""
        which = "`height_factor` and `width_factor` arguments" if above else "`factor` argument"
        message = (
            f"The {which} should be a number (or a list of two numbers) in the range "
            f"{'(' if above else '['}-1.0, 1.0]. "
        )
        many = isinstance(factor, (tuple, list))
        pair = factor if many else (factor,)
        if len(pair) != 1 + many or not all(isinstance(f, (int, float)) for f in pair):
            raise ValueError(f"{message}Received: {name}={factor}")
        for f in pair:
            if f > 1 or f < -1 or (above and f == -1):
                raise ValueError(f"{message}Received: input_number={f}")
        return tuple(sorted(pair)) if many else (-abs(factor), abs(factor))

    def _filling_config(self) -> dict:
        return {
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "seed": self.seed,
            "fill_value": self.fill_value,
        }


class RandomRotation(_Filling):
    """Rotates each image about its centre by a random angle.

    Args:
        factor: float from -1 to 1, or a tuple (lowest, highest): the angle as a fraction of a full turn. A float f
            means (-|f|, |f|). Positive angles are counter-clockwise.
        fill_mode: how pixels outside of the image are filled: "reflect" (default), "wrap", "constant" or "nearest".
        interpolation: "bilinear" (default) or "nearest".
        seed: int. Default None: derived from the global seed.
        fill_value: float, for "constant". Default 0.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.

    Call arguments, inputs and outputs: as in `RandomFlip`.

    Raises:
        ValueError: `factor` has another form or is out of range.
        NotImplementedError: another fill mode or interpolation.
    """

    def __init__(
        self,
        factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(factor=factor, data_format=data_format, **kwargs)
        self._set_filling(fill_mode, interpolation, fill_value, seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """{"angle": degrees (N,), "rotation_matrix": (N, 8), or (8,) for a single image, ...}; None outside of
        training."""
        if not training:
            return None
        images = self._images(data)
        height, width = self._extents(images)
        batch_size = self._batch_size(images)
        angle = self._draw((batch_size,), self.factor[0] * 360.0, self.factor[1] * 360.0, seed)
        matrix = self._rotation(angle, height or 1, width or 1)
        return {
            "angle": angle,
            "rotation_matrix": matrix if len(images.shape) == 4 else ops.squeeze(matrix, 0),
            "image_height": height,
            "image_width": width,
            "batch_size": batch_size,
        }

    @staticmethod
    def _rotation(angle, height, width):
        radians = ops.multiply(angle, math.pi / 180)
        cos, sin = ops.cos(radians), ops.sin(radians)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        across = ops.subtract(x, ops.subtract(ops.multiply(cos, x), ops.multiply(sin, y)))
        down = ops.subtract(y, ops.add(ops.multiply(sin, x), ops.multiply(cos, y)))
        return _columns(cos, ops.negative(sin), across, sin, cos, down)

    def _matrices(self, images, transformation):
        return ops.cast(transformation["rotation_matrix"], "float32")

    def get_config(self):
        return {**super().get_config(), "factor": self.factor, **self._filling_config()}


class RandomZoom(_Filling):
    """Zooms each image about its centre by random factors.

    Args:
        height_factor: float in (-1, 1], or a tuple (lowest, highest). The result shows 1 + factor times the height of
            the
            image: positive factors zoom out. A float f means (-|f|, |f|).
        width_factor: likewise for the width. Default None: the factor of the height, which keeps the aspect ratio.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Call arguments, inputs and outputs: as in `RandomFlip`.

    Raises:
        ValueError: a factor has another form or is out of range.
        NotImplementedError: another fill mode or interpolation.
    """

    def __init__(
        self,
        height_factor,
        width_factor=None,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._range(height_factor, "height_factor", above=True)
        self.width_factor = width_factor
        if width_factor is not None:
            self.width_lower, self.width_upper = self._range(width_factor, "width_factor", above=True)
        self._set_filling(fill_mode, interpolation, fill_value, seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """{"height_zoom": (N, 1), "width_zoom": (N, 1), "input_shape"}; None outside of training."""
        if not training:
            return None
        images = self._images(data)
        shape = (self._batch_size(images), 1)
        height = self._draw(shape, 1.0 + self.height_lower, 1.0 + self.height_upper, seed)
        width = height
        if self.width_factor is not None:
            width = self._draw(shape, 1.0 + self.width_lower, 1.0 + self.width_upper, seed)
        return {"height_zoom": height, "width_zoom": width, "input_shape": tuple(images.shape)}

    def _matrices(self, images, transformation):
        height, width = self._extents(images)
        x, y = (ops.cast(transformation[name], "float32") for name in ("width_zoom", "height_zoom"))
        across = ops.multiply(ops.subtract(1.0, x), ((width or 1) - 1) / 2)
        down = ops.multiply(ops.subtract(1.0, y), ((height or 1) - 1) / 2)
        return _columns(x, 0.0, across, 0.0, y, down)

    def get_config(self):
        own = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **own, **self._filling_config()}


class RandomTranslation(_Filling):
    """Translates each image by random distances.

    Args:
        height_factor: float from -1 to 1, or a tuple (lowest, highest): the distance down as a fraction of the height.
            A float f means (-|f|, |f|).
        width_factor: likewise, the distance to the right as a fraction of the width.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Call arguments, inputs and outputs: as in `RandomFlip`.

    Raises:
        ValueError: a factor has another form or is out of range.
        NotImplementedError: another fill mode or interpolation.
    """

    def __init__(
        self,
        height_factor,
        width_factor,
        fill_mode="reflect",
        interpolation="bilinear",
        seed=None,
        fill_value=0.0,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.height_lower, self.height_upper = self._range(height_factor, "height_factor", above=False)
        self.width_factor = width_factor
        self.width_lower, self.width_upper = self._range(width_factor, "width_factor", above=False)
        self._set_filling(fill_mode, interpolation, fill_value, seed)

    def get_random_transformation(self, data, training=True, seed=None):
        """{"translations": pixels to the right and down (N, 2), "input_shape"}; None outside of training."""
        if not training:
            return None
        images = self._images(data)
        height, width = self._extents(images)
        shape = (self._batch_size(images), 1)
        down = ops.multiply(self._draw(shape, self.height_lower, self.height_upper, seed), float(height or 1))
        across = ops.multiply(self._draw(shape, self.width_lower, self.width_upper, seed), float(width or 1))
        return {"translations": ops.concatenate([across, down], axis=1), "input_shape": tuple(images.shape)}

    def _matrices(self, images, transformation):
        moved = ops.negative(ops.cast(transformation["translations"], "float32"))
        return _columns(1.0, 0.0, moved[:, 0:1], 0.0, 1.0, moved[:, 1:2])

    def get_config(self):
        own = {"height_factor": self.height_factor, "width_factor": self.width_factor}
        return {**super().get_config(), **own, **self._filling_config()}


class RandomCrop(_Mapping):
    """Crops images at one random position for the whole batch.

    At inference, and if images are too small, the largest centred part with the aspect ratio of the result is resized
    instead. (Keras 3 documents the same, but returns the images unchanged at inference.)

    Args:
        height, width: positive ints, the size of the result.
        seed: int. Default None: derived from the global seed.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        name, **kwargs: arguments of `Layer`.

    Call arguments: as in `RandomFlip`. Output shape: (batch, height, width, channels).
    """

    def __init__(self, height, width, seed=None, data_format=None, name=None, **kwargs):
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height = height
        self.width = width
        self._set_seed(seed)
        self.seed = make_default_seed() if seed is None else seed

    def _has_places(self, images) -> bool:
        height, width = self._extents(images)
        return None not in (height, width) and height > self.height and width > self.width

    def get_random_transformation(self, data, training=True, seed=None):
        """(first row, first column): int32 scalars drawn again in each training step, else ints."""
        images = self._images(data)
        height, width = self._extents(images)
        if None in (height, width):
            return 0, 0
        if not training or not self._has_places(images):
            return ops.image.aspect_crop(height, width, self.height, self.width)[:2]
        places = (height - self.height + 1, width - self.width + 1)
        return tuple(ops.cast(self._draw((), 0, float(n), seed), "int32") for n in places)

    def _matrices(self, images, transformation):
        top, left = (ops.reshape(ops.cast(t, "float32"), (1, 1)) for t in transformation)
        return _columns(1.0, 0.0, left, 0.0, 1.0, top)

    def transform_images(self, images, transformation, training=True):
        x = ops.convert_to_tensor(images)
        size = self.height, self.width
        if training and self._has_places(x):
            return self._map(x, transformation, "nearest", size)
        x = ops.cast(x, self.compute_dtype)
        if not training or None in self._extents(x):
            return ops.image.resize(x, size, crop_to_aspect_ratio=True, data_format=self.data_format)
        part = ops.image.cut_out(x, *transformation, *size, self.data_format)
        return ops.image.resize(part, size, data_format=self.data_format)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)

    def compute_output_shape(self, input_shape):
        return self._resized_shape(input_shape, self.height, self.width)

    def get_config(self):
        own = {"height": self.height, "width": self.width, "seed": self.seed}
        return {**super().get_config(), **own}
