"""`keras.preprocessing.image`: images from files, random transformations, and iterators over folders of images."""

from __future__ import annotations

from ..utils.image_utils import array_to_img, img_to_array, load_img, save_img
from .array_iterator import NumpyArrayIterator
from .dataframe_iterator import DataFrameIterator
from .directory_iterator import DirectoryIterator
from .generator import ImageDataGenerator
from .iterator import Iterator
from .resampling import smart_resize
from .transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "flip_axis",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]
