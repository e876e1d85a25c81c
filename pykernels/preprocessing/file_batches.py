"""The base class of iterators over image files."""

from __future__ import annotations

import numpy as np

from .. import config
from ..utils.image_utils import check_color_mode, check_data_format, check_interpolation, check_size
from .array_iterator import subset_bounds
from .iterator import Iterator, save_images
from .pixels import PixelLoader, decoder


class FileIterator(Iterator):
    """Batches of images read from files. Subclasses find the files and their labels, then call `start`.

    Args:
        image_data_generator: an `ImageDataGenerator`, or None for unchanged pixels.
        target_size: tuple (height, width). Default (256, 256).
        color_mode: "rgb" (default), "rgba" or "grayscale".
        interpolation: name of a method of Pillow: "nearest" (default), "bilinear", "bicubic", "hamming", "box" or
            "lanczos".
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        save_to_dir: path of a folder to which the images of each batch are written. Default None.
        save_prefix, save_format: beginning of the file names, and their format ("png", "jpeg", ...).
        subset: "training" or "validation", the parts given by the `validation_split` of the generator; the validation
            part comes first. Default None: all images.
        keep_aspect_ratio: whether images are cropped to the aspect ratio of the target before resizing. Default False.
        dtype: name of the dtype of the batches. Default None: `config.floatx()`.

    Raises:
        ValueError: an invalid option.
    """

    classes = None
    class_indices: dict | None = None
    class_mode: str | None = None
    sample_weight = None

    def set_processing_attrs(
        self,
        image_data_generator,
        target_size,
        color_mode,
        data_format,
        save_to_dir,
        save_prefix,
        save_format,
        subset,
        interpolation,
        keep_aspect_ratio,
        dtype=None,
    ):
        self.image_data_generator = image_data_generator
        self.target_size = check_size(target_size)
        self.keep_aspect_ratio = keep_aspect_ratio
        channels = check_color_mode(color_mode)
        self.color_mode = color_mode
        self.data_format = check_data_format(data_format)
        first = self.data_format == "channels_first"
        self.image_shape = (channels, *self.target_size) if first else (*self.target_size, channels)
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.interpolation = check_interpolation(interpolation)
        self.split = subset_bounds(subset, getattr(image_data_generator, "_validation_split", 0.0))
        self.subset = subset
        self.dtype = dtype or config.floatx()

    def start(self, paths: list[str], batch_size, shuffle, seed, cache, on_error) -> None:
        """Starts with files that are known completely. cache: see `PixelCache`; on_error: "raise" or "skip"."""
        self._filepaths = paths
        first = self.data_format == "channels_first"
        decode = decoder(self.color_mode, self.target_size, self.interpolation, self.keep_aspect_ratio, first)
        self._loader = PixelLoader(paths, decode, self.image_shape, cache, on_error)
        Iterator.__init__(self, len(paths), batch_size, shuffle, seed)

    def __getstate__(self):
        return {**self.__dict__, "lock": None, "_loader": None}

    @property
    def filepaths(self) -> list[str]:
        """The files, in the order of `filenames`."""
        return self._filepaths

    @property
    def labels(self):
        """The class number or the target of each file."""
        return self.classes

    @property
    def skipped(self) -> list[str]:
        """Files that could not be read, with `on_error="skip"`."""
        return list(self._loader.skipped.values())

    def _get_batches_of_transformed_samples(self, index_array, rng=np.random, threaded=True, turn=None):
        images, rows, index = self._loader.load(np.asarray(index_array, "int64"))
        if self.image_data_generator is not None:
            x = self.image_data_generator.process(images, rows, rng, threaded, turn)
        else:
            x = (images if rows is None else images[rows]).astype(self.dtype)
        if self.save_to_dir:
            save_images(x, index, self.data_format, self.save_to_dir, self.save_prefix, self.save_format, 10**7, rng)
        if self.class_mode is None:
            return x
        weights = () if self.sample_weight is None else (self.sample_weight[index],)
        return (x, self._targets_of(index, x), *weights)

    def _targets_of(self, index, x):
        if self.class_mode == "input":
            return x.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.asarray([self.classes[i] for i in index], self.dtype)
        if self.class_mode == "categorical":
            y = np.zeros((len(index), len(self.class_indices)), self.dtype)
            for row, i in enumerate(index):
                y[row, self.classes[i]] = 1
            return y
        if self.class_mode == "multi_output":
            return [output[index] for output in self.labels]
        return self.labels[index]  # "raw"
