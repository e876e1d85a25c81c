"""`NumpyArrayIterator`: batches of arrays."""

from __future__ import annotations

import numpy as np

from .. import config
from ..user_warning import warn
from ..utils.image_utils import check_data_format
from .iterator import Iterator, save_images

SUBSETS = ("training", "validation")


def subset_bounds(subset, share: float) -> tuple | None:
    """(from, to) as fractions of all images; None for all of them. ValueError for an unknown name, and
    for the validation part of images that are not split."""
    if subset is None:
        return None
    if subset not in SUBSETS:
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')
    if subset == "validation" and not share:
        raise ValueError(
            'subset="validation" has no images: say what share of them it gets, '
            "ImageDataGenerator(validation_split=0.2)."
        )
    return (0, share) if subset == "validation" else (share, 1)


class NumpyArrayIterator(Iterator):
    """Batches `x`, `(x, y)` or `(x, y, sample_weight)`; see `Iterator`.

    Args:
        x: images (N, H, W, C) or (N, C, H, W); or `(images, other)`, where `other` is an array (or a list of them)
            whose rows go with the images. uint8 images are not copied.
        y: array of targets (N, ...), or None.
        image_data_generator: an `ImageDataGenerator`.
        batch_size, shuffle, seed: as in `Iterator`.
        sample_weight: array (N,), or None.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        save_to_dir: path of a folder to which the images of each batch are written. Default None.
        save_prefix, save_format: beginning of the file names, and their format ("png", "jpeg", ...).
        subset: "training" or "validation", the parts given by the `validation_split` of the generator; the validation
            part comes first. Default None: all images.
        ignore_class_split: whether the two parts may have different classes. Default False.
        dtype: name of the dtype of the batches. Default None: `config.floatx()`.

    Raises:
        ValueError: different lengths, images without four axes, or parts with different classes.
    """

    def __init__(
        self,
        x,
        y,
        image_data_generator,
        batch_size=32,
        shuffle=False,
        sample_weight=None,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        ignore_class_split=False,
        dtype=None,
    ):
        self.dtype = dtype or config.floatx()
        self.data_format = check_data_format(data_format)
        others = []
        if isinstance(x, (tuple, list)):
            others = [np.asarray(other) for other in (x[1] if isinstance(x[1], list) else [x[1]])]
            x = x[0]
        self._check_lengths(x, y, sample_weight, others)
        bounds = subset_bounds(subset, image_data_generator._validation_split)
        if bounds is not None:
            cut = int(len(x) * image_data_generator._validation_split)
            if y is not None and not ignore_class_split:
                _check_classes(y, cut)
            rows = slice(0, cut) if subset == "validation" else slice(cut, None)
            x, others = x[rows], [other[rows] for other in others]
            y = None if y is None else y[rows]
            sample_weight = None if sample_weight is None else sample_weight[rows]
        x = np.asarray(x)
        keep = x.dtype == np.uint8 and self.dtype == "float32"
        self.x = np.ascontiguousarray(x, None if keep else self.dtype)
        self.x_misc = others
        self.image_shape = self.x.shape[1:]
        self._check_images()
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        super().__init__(self.x.shape[0], batch_size, shuffle, seed)

    @staticmethod
    def _check_lengths(x, y, sample_weight, others) -> None:
        if any(len(x) != len(other) for other in others):
            raise ValueError(
                "All of the arrays in `x` should have the same length. "
                f"Found lengths: {[len(x), *(len(other) for other in others)]}"
            )
        for name, what, value in (("y", "labels", y), ("sample_weight", "sample weights", sample_weight)):
            if value is not None and len(x) != len(value):
                raise ValueError(
                    f"`x` (images tensor) and `{name}` ({what}) should have the same length. Found: x.shape = "
                    f"{np.shape(x)}, {name}.shape = {np.shape(value)}"
                )

    def _check_images(self) -> None:
        if self.x.ndim != 4:
            raise ValueError(
                "Input data in `NumpyArrayIterator` should have rank 4. You passed an array with shape "
                f"{self.x.shape}." + (" For grey images: x[..., None]" if self.x.ndim == 3 else "")
            )
        axis = 3 if self.data_format == "channels_last" else 1
        channels = self.x.shape[axis]
        if channels not in (1, 3, 4):
            warn(
                f'NumpyArrayIterator is set to use the data format convention "{self.data_format}" (channels on axis '
                f"{axis}), i.e. expected either 1, 3, or 4 channels on axis {axis}. However, it was passed an array "
                f"with shape {self.x.shape} ({channels} channels)."
            )

    def _get_batches_of_transformed_samples(self, index_array, rng=np.random, threaded=True, turn=None):
        x = self.image_data_generator.process(self.x, index_array, rng, threaded, turn)
        if self.save_to_dir:
            place = (self.save_to_dir, self.save_prefix, self.save_format)
            save_images(x, index_array, self.data_format, *place, 10**4, rng)
        if self.x_misc:
            x = [x, *(other[index_array] for other in self.x_misc)]
        if self.y is None:
            return x
        weights = () if self.sample_weight is None else (self.sample_weight[index_array],)
        return (x, self.y[index_array], *weights)


def _check_classes(y, cut: int) -> None:
    y = np.asarray(y)
    if not np.array_equal(np.unique(y[:cut]), np.unique(y[cut:])):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. If your numpy arrays "
            "are sorted by the label, you might want to shuffle them."
        )
