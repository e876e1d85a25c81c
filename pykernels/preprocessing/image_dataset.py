"""`image_dataset_from_directory`: folders of images as datasets of (images, labels)."""

from __future__ import annotations

import contextlib

import numpy as np

from ..data_adapters.prefetch import PrefetchOptions, batches_of
from ..utils.image_utils import check_color_mode, check_data_format, check_size, load_img, open_image
from .elements import Count, TensorSpec, eager
from .iterator import Iterator
from .labelled_files import check_labels, check_split, find, parts
from .pixels import PixelLoader
from .resampling import METHODS, resize, resize_with_pad
from .streams import StreamMethods

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class ImageDataset(StreamMethods, Iterator):
    """Batches of images and labels: one pass per iteration, read ahead by threads; fit, evaluate and predict take it.

    Made by `image_dataset_from_directory`, which documents its elements.

    Attributes: class_names, file_paths.
    """

    _permutes = False

    def __init__(self, paths, labels, class_names, options: dict, shuffle: bool):
        self.file_paths = paths
        self.class_names = class_names
        self._labels = labels
        self._mode = options["label_mode"]
        self._is_batched = options["batch_size"] is not None
        self.data_format = options["data_format"]
        channels = check_color_mode(options["color_mode"])
        size = options["image_size"]
        self.image_shape = (channels, *size) if self.data_format == "channels_first" else (*size, channels)
        self._loader = PixelLoader(
            paths,
            self._decoder(options),
            self.image_shape,
            options["cache"],
            options["on_error"],
            _pixel_dtype(options),
        )
        super().__init__(len(paths), options["batch_size"] if self._is_batched else 1, None, options["seed"])
        del self.shuffle  # here that is a method
        self._permutes = shuffle

    @staticmethod
    def _decoder(options):
        turned = options["data_format"] == "channels_first"
        read = _decode_as_tensorflow if options["format"] == "tf" else _decode_with_pillow

        def decode(path):
            x = read(path, options["color_mode"])
            if options["pad"] and options["format"] == "tf":
                y = resize_with_pad(x, options["image_size"], options["interpolation"])
            else:
                y = resize(x, options["image_size"], options["interpolation"], options["crop"], options["pad"])
            y = y.astype(_pixel_dtype(options), copy=False)
            return y.transpose(2, 0, 1) if turned else y

        return decode

    @property
    def skipped(self) -> list[str]:
        """Files that could not be read, with `on_error="skip"`."""
        return list(self._loader.skipped.values())

    def cardinality(self) -> Count:
        """The number of batches."""
        return Count(len(self))

    @property
    def element_spec(self):
        """The `TensorSpec` of the images, or a tuple of those of images and labels."""
        labels = {
            "int": TensorSpec((), "int32"),
            "categorical": TensorSpec((len(self.class_names or ()),)),
            "binary": TensorSpec((1,)),
        }
        specs = [TensorSpec(self.image_shape, self._loader.dtype), *([labels[self._mode]] if self._mode else [])]
        specs = [spec.batched(None) for spec in specs] if self._is_batched else specs
        return tuple(specs) if self._mode else specs[0]

    def prefetch(self, buffer_size=None) -> ImageDataset:
        """The dataset itself, which is read ahead by threads in any case."""
        return self

    def __iter__(self):
        with contextlib.closing(batches_of(self, range(len(self)), PrefetchOptions())) as batches:
            try:
                for batch in batches:
                    yield eager(batch)
            finally:
                self.on_epoch_end()

    def _get_batches_of_transformed_samples(self, index_array, rng=np.random, threaded=True, turn=None):
        images, rows, index = self._loader.load(np.asarray(index_array, "int64"))
        x = images if rows is None else images[rows]
        if self._mode is None:
            return x if self._is_batched or not len(x) else x[0]
        y = self._labels[index]
        if self._mode == "categorical":
            y = np.eye(len(self.class_names), dtype="float32")[y]
        elif self._mode == "binary":
            y = y.astype("float32")[:, None]
        return (x, y) if self._is_batched or not len(x) else (x[0], y[0])


_GRAY_PIXELS = 1 << 18  # weighted at a time


def _pixel_dtype(options) -> str:
    """tf.image.resize gives float32, but "nearest" keeps the decoder's bytes."""
    return "uint8" if options["format"] == "tf" and options["interpolation"] == "nearest" else "float32"


def _decode_with_pillow(path, color_mode) -> np.ndarray:
    x = np.asarray(load_img(path, color_mode))
    return x if x.ndim == 3 else x[:, :, None]


def _decode_as_tensorflow(path, color_mode) -> np.ndarray:
    """The pixels (H, W, C), uint8, that `tf.io.decode_image` gives, but for what its JPEG decoder rounds otherwise."""
    gray = color_mode == "grayscale"
    return open_image(path, lambda image: _as_bytes(image, color_mode), "L" if gray else None)


def _as_bytes(image, color_mode: str) -> np.ndarray:
    x = np.asarray(image) if image.mode.startswith("I") else None
    if x is not None:  # 16 bits: the upper 8 are kept
        gray = (x >> 8).clip(0, 255).astype(np.uint8)[:, :, None]
        if color_mode == "grayscale":
            return gray
        opaque = np.full_like(gray, 255)
        return np.concatenate([gray] * 3 + [opaque] * (color_mode == "rgba"), axis=2)
    if color_mode != "grayscale":
        mode = color_mode.upper()
        return np.asarray(image if image.mode == mode else image.convert(mode))
    if image.mode in ("L", "1", "LA"):
        return np.asarray(image.convert("L"))[:, :, None]
    colors = np.asarray(image.convert("RGB"))
    gray = np.empty((*colors.shape[:2], 1), np.uint8)
    rows = max(1, _GRAY_PIXELS // colors.shape[1])
    for start in range(0, len(colors), rows):
        red, green, blue = np.moveaxis(colors[start : start + rows].astype(np.uint32), 2, 0)
        weighted = (9797 * red + 19234 * green + 3737 * blue) >> 15  # 0.299, 0.587, 0.114 as libpng rounds them
        gray[start : start + rows, :, 0] = np.where((red == green) & (red == blue), red, weighted)
    return gray


def image_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    color_mode="rgb",
    batch_size=32,
    image_size=(256, 256),
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    interpolation="bilinear",
    follow_links=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    data_format=None,
    format="tf",  # noqa: A002 - Keras's name
    verbose=True,
    cache=True,
    on_error="raise",
):
    """A dataset of `(images, labels)` batches from a folder with a subfolder per class.

    The pixels are those of Keras: with `format="tf"` of TensorFlow's decoder and resizing, with "grain" of Pillow and
    `keras.ops.image.resize`, both in float32 without antialiasing. Two differences remain: TensorFlow's JPEG decoder
    rounds otherwise (up to 3 of 255), and so do the weights of its "bicubic", which come from a table (up to 0.15).
    Hidden files and folders are left out.

    Args:
        directory: path of the folder. The files end in bmp, gif, jpeg, jpg or png.
        labels: "inferred" (default: from the subfolders), a list of class numbers in the order of the sorted files, or
            None.
        label_mode: "int" (default: int32, (N,)), "categorical" (one-hot float32, (N, classes)), "binary" (float32, (N,
            1)), or None.
        class_names: list of the subfolders in the order of the class numbers. Default None: sorted.
        color_mode: "rgb" (default), "rgba" or "grayscale".
        batch_size: int, or None for single images. Default 32.
        image_size: tuple (height, width), or an int for both. Default (256, 256).
        shuffle: whether each pass has a new random order. Default True.
        seed: int, for the order. It is required for a split of shuffled files. Default None.
        validation_split: float, the fraction of the files for validation. Default None.
        subset: "training", "validation", or "both" for a list of two datasets. Default None.
        interpolation: "bilinear" (default), "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic".
        follow_links: whether links to folders are followed. Default False.
        crop_to_aspect_ratio, pad_to_aspect_ratio: whether images are cropped, or padded with zeros, to the aspect ratio
            of `image_size` instead of being distorted. Default False.
        data_format: "channels_last" or "channels_first". Default: `config.image_data_format()`.
        format: "tf" (default) or "grain", whose pixels are reproduced. With "tf", 16-bit images are reduced to 8 bits,
            "nearest" keeps uint8, and `pad_to_aspect_ratio` resizes before it pads. With "grain", 16-bit images keep
            their values, the result is float32, and padding comes first. Both give the same kind of dataset, which has
            the common methods of `tf.data.Dataset`.
        verbose: whether the numbers of files and classes are printed. Default True.
        cache: True (default) keeps resized images in memory for later passes, in at most a quarter of the free memory;
            an int is that limit in bytes; False keeps none.
        on_error: "raise" (default), or "skip" to leave out files that cannot be read (a warning for each; see
            `skipped`).

    Returns:
        An `ImageDataset`, with `class_names` and `file_paths`.

    Raises:
        ValueError: an option that cannot be, or no images. FileNotFoundError, NotADirectoryError: no such folder.
    """
    check_labels(labels, label_mode, class_names)
    _check(interpolation, format, crop_to_aspect_ratio and pad_to_aspect_ratio)
    check_split(validation_split, subset, shuffle, seed)
    check_color_mode(color_mode)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    paths, numbers, class_names = find(
        directory, labels, label_mode, class_names, FORMATS, follow_links, shuffle, seed, verbose
    )
    options = {
        "label_mode": label_mode,
        "color_mode": color_mode,
        "batch_size": batch_size,
        "image_size": check_size((image_size,) * 2 if isinstance(image_size, int) else image_size, "image_size"),
        "interpolation": interpolation.lower(),
        "crop": crop_to_aspect_ratio,
        "pad": pad_to_aspect_ratio,
        "data_format": check_data_format(data_format),
        "seed": seed,
        "format": format,
        "cache": cache,
        "on_error": on_error,
    }
    found = [
        ImageDataset(*part, class_names, options, shuffle and (name != "validation" or subset != "both"))
        for name, *part in parts(
            paths, numbers, validation_split, subset, "images", directory, f"Allowed formats: {FORMATS}"
        )
    ]
    return found if subset == "both" else found[0]


def _check(interpolation, kind, both_ratios) -> None:
    if interpolation.lower() not in METHODS:
        raise ValueError(
            f"Argument `interpolation` should be one of {METHODS}. Received: interpolation={interpolation}"
        )
    if kind not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={kind}')
    if both_ratios:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
