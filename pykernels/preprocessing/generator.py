"""`ImageDataGenerator`: random changes and normalization of images, and iterators over batches."""

from __future__ import annotations

from ..user_warning import warn
from .array_iterator import NumpyArrayIterator
from .augmenter import Augmenter
from .dataframe_iterator import DataFrameIterator
from .directory_iterator import DirectoryIterator


class ImageDataGenerator(Augmenter):
    """Makes batches of images with random transformations and normalization.

    The order is: random transformation, `preprocessing_function`, `rescale`, samplewise normalization, featurewise
    normalization, ZCA whitening.

    Args:
        featurewise_center: whether to subtract the mean per channel that `fit` computed. Default False.
        samplewise_center: whether to subtract the mean of each image. Default False.
        featurewise_std_normalization: whether to divide by the standard deviation that `fit` computed. Default False.
        samplewise_std_normalization: whether to divide each image by its standard deviation. Default False.
        zca_whitening: whether to apply the ZCA whitening that `fit` computed. Default False.
        zca_epsilon: float. Default 1e-6.
        rotation_range: float, degrees in both directions. Default 0.
        width_shift_range, height_shift_range: float below 1, a fraction of the size; float from 1 on, pixels; an int n
            for -n + 1 to n - 1 pixels; or a list of values to choose from. Default 0.
        brightness_range: tuple of two floats, between which a factor is drawn. Default None.
        shear_range: float, degrees in both directions. Default 0.
        zoom_range: tuple of two floats, between which a factor is drawn for each axis; or a float z for (1 - z, 1 + z).
            Default 0.
        channel_shift_range: float, the largest value added to all pixels. Default 0.
        fill_mode: how pixels outside of the image are filled: "nearest" (default), "constant", "reflect" or "wrap".
        cval: float, for "constant". Default 0.
        horizontal_flip, vertical_flip: whether images are flipped at random. Default False.
        rescale: float by which the values are multiplied. Default None.
        preprocessing_function: callable that gets each image, a float32 array (H, W, C), and returns an array of the
            same shape. Default None.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        validation_split: float, the fraction of the images for `subset="validation"`. Default 0.
        interpolation_order: int from 0 to 5, the order of the spline interpolation. Default 1.
        dtype: name of the dtype of the batches. Default None: `config.floatx()`.

    Raises:
        ValueError: an option is out of range; the message names it.
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
        """Makes an endless iterator over batches `(x, y[, sample_weight])` of arrays.

        Args:
            x: array of images (N, H, W, C); or a tuple `(images, other)`, whose second element is an array or a list of
                arrays with a row for each image.
            y: array of targets (N, ...). Default None.
            batch_size: int. Default 32.
            shuffle: whether each pass has a new random order. Default True.
            sample_weight: array (N,). Default None.
            seed: int, for the order and the random transformations. Default None: NumPy's global generator.
            save_to_dir, save_prefix, save_format: where batches are written as image files. Default None: nowhere.
            ignore_class_split: whether the parts of `validation_split` may have different classes. Default False.
            subset: "training" or "validation". Default None: all images.

        Returns:
            A `NumpyArrayIterator`.

        Raises:
            ValueError: different lengths, images without four axes, or parts with different classes.
        """
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
        """Makes an endless iterator over batches `(x, y)` of the image files in a folder with one subfolder per class.

        Args:
            directory: path of the folder.
            target_size: tuple (height, width), to which images are resized. Default (256, 256).
            color_mode: "rgb" (default), "rgba" or "grayscale".
            classes: list of the subfolders to use, in the order of the class numbers. Default None: all, sorted.
            class_mode: "categorical" (default: one-hot), "binary" or "sparse" (class numbers as floats), "input" (the
                images), or None (no targets).
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset: as in `flow`.
            follow_links: whether links to folders are followed. Default False.
            interpolation: name of a method of Pillow. Default "nearest".
            keep_aspect_ratio: whether images are cropped to the aspect ratio of the target first. Default False.
            cache, on_error: as in `DirectoryIterator`.

        Returns:
            A `DirectoryIterator`.

        Raises:
            FileNotFoundError, NotADirectoryError: the folder does not exist, or is a file.
            ValueError: no images, or an unknown option.
        """
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
        """Makes an endless iterator over batches of the image files in a column of a pandas DataFrame.

        Args:
            dataframe: pandas DataFrame, or a dict of columns.
            directory: path of the folder that contains the files. Default None: the file names are complete paths.
            x_col, y_col, weight_col: names of the columns of file names, targets and sample weights.
            classes, class_mode, validate_filenames: as in `DataFrameIterator`.
            target_size, color_mode, interpolation, keep_aspect_ratio, cache, on_error: as in `flow_from_directory`.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset: as in `flow`.
            **old: `has_ext`, `sort` and `drop_duplicates` of earlier versions, which have no effect, with a warning.

        Returns:
            A `DataFrameIterator`.

        Raises:
            TypeError: a column of another type than the class mode needs, or an unknown argument.
            ValueError: no images, or an unknown option.
        """
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
