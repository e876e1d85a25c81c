"""`ImageDataGenerator`: random changes and normalization of images, and iterators that feed them to a model."""

from __future__ import annotations

from ..user_warning import warn
from .array_iterator import NumpyArrayIterator
from .augmenter import Augmenter
from .dataframe_iterator import DataFrameIterator
from .directory_iterator import DirectoryIterator


class ImageDataGenerator(Augmenter):
    """Batches of images with random changes, normalized.

    The order is: random transformation, `preprocessing_function`, `rescale`, samplewise, featurewise, ZCA.

    Args:
        featurewise_center, featurewise_std_normalization: whether the mean (and deviation) per channel that `fit` has
            found are taken out.
        samplewise_center, samplewise_std_normalization: whether each image's own are.
        zca_whitening, zca_epsilon: ZCA whitening with what `fit` has found.
        rotation_range: degrees.
        width_shift_range, height_shift_range: below 1 a share of the size, from 1 on pixels; a list of values to
            choose from; an int n for the pixels 0 to n - 1 in both directions.
        brightness_range: pair of factors. shear_range: degrees.
        zoom_range: pair of factors, or z for (1 - z, 1 + z).
        channel_shift_range: largest shift of all values.
        fill_mode, cval: what lies outside of an image that was moved: "nearest", "constant" (`cval`), "reflect" or
            "wrap".
        horizontal_flip, vertical_flip: whether half of the images are flipped.
        rescale: factor, or None.
        preprocessing_function: called with each image (H, W, C), float32; returns an array of that shape.
        data_format: "channels_last" or "channels_first"; `image_data_format()` by default.
        validation_split: share of the images for `subset="validation"`.
        interpolation_order: of the interpolating spline, 0 to 5.
        dtype: of the batches; `floatx()` by default.

    Raises:
        ValueError: an option that is out of range; the message names it.
    """

    # --- iterators ----------------------------------------------------------------------------------------
    def flow(
        self,
        x,
        y=None,
        batch_size=32,
        shuffle=True,
        sample_weight=None,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        ignore_class_split=False,
        subset=None,
    ) -> NumpyArrayIterator:
        """Batches `(x, y[, sample_weight])` from arrays, for ever; see `NumpyArrayIterator`."""
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            ignore_class_split=ignore_class_split,
            dtype=self.dtype,
        )

    def flow_from_directory(
        self,
        directory,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        cache=True,
        on_error="raise",
    ) -> DirectoryIterator:
        """Batches from a folder with one subfolder per class; see `DirectoryIterator`."""
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            cache=cache,
            on_error=on_error,
        )

    def flow_from_dataframe(
        self,
        dataframe,
        directory=None,
        x_col="filename",
        y_col="class",
        weight_col=None,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        validate_filenames=True,
        keep_aspect_ratio=False,
        cache=True,
        on_error="raise",
        **old,
    ) -> DataFrameIterator:
        """Batches from the files that a pandas table names; see `DataFrameIterator`."""
        for name in old:
            if name not in ("has_ext", "sort", "drop_duplicates"):
                raise TypeError(f"flow_from_dataframe() got an unexpected keyword argument '{name}'")
            warn(f"`{name}` has no effect any more: file names and their order are taken as they are.")
        if class_mode == "other":
            warn('`class_mode="other"` is deprecated, please use `class_mode="raw"`.', DeprecationWarning)
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
            cache=cache,
            on_error=on_error,
        )
