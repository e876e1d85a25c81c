"""Layers that change the size of images: Resizing, CenterCrop."""

from __future__ import annotations

from .. import ops
from .image_layer import ImageLayer


class Resizing(ImageLayer):
    """Resizes images. The dtype is kept; integers are rounded.

    Args:
        height, width: positive ints, the size of the result.
        interpolation: "bilinear" (default), "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether to crop to the aspect ratio of the result first, instead of distorting. Default
            False.
        pad_to_aspect_ratio: whether to pad to the aspect ratio of the result first. Default False.
        fill_mode: "constant".
        fill_value: float, the padding. Default 0.
        antialias: whether to filter before making images smaller. Default False.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.

    Inputs: images (batch, height, width, channels) or (height, width, channels), or a dict with "images".

    Raises:
        ValueError: at the call, an argument that `ops.image.resize` does not take.
    """

    takes_factor = False

    def __init__(
        self,
        height,
        width,
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=False,
        fill_mode="constant",
        fill_value=0.0,
        antialias=False,
        data_format=None,
        **kwargs,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height = height
        self.width = width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def _resize(self, images, interpolation):
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_images(self, images, transformation=None, training=True):
        return self._resize(images, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._resize(segmentation_masks, "nearest")

    def compute_output_shape(self, input_shape):
        return self._resized_shape(input_shape, self.height, self.width)

    def get_config(self):
        own = {
            "height": self.height,
            "width": self.width,
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }
        return {**super().get_config(), **own}


class CenterCrop(ImageLayer):
    """Crops the centre of images. Images that are too small are resized instead (bilinear, after a crop to the aspect
    ratio of the result).

    Args:
        height, width: positive ints, the size of the result.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.

    Inputs: images (batch, height, width, channels) or (height, width, channels), or a dict with "images". The outputs
    have the layer's dtype.
    """

    takes_factor = False

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.height = height
        self.width = width

    def transform_images(self, images, transformation=None, training=True):
        x = ops.cast(images, self.compute_dtype)
        height, width = self._extents(x)
        size = self.height, self.width
        if None in (height, width) or height < self.height or width < self.width:
            return ops.image.resize(x, size, crop_to_aspect_ratio=True, data_format=self.data_format)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return ops.image.cut_out(x, top, left, *size, self.data_format)

    def compute_output_shape(self, input_shape):
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) not in (3, 4):
            raise ValueError(
                "`input_shape` must be a non-nested tuple or list of rank-1 with size 3 (unbatched) or 4 (batched). "
                f"Received: input_shape={input_shape}"
            )
        return self._resized_shape(input_shape, self.height, self.width)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}
