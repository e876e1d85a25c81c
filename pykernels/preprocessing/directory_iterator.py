"""`DirectoryIterator`: batches from a folder with a subfolder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator as Steps

import numpy as np

from ..user_warning import warn
from ..utils.progbar import print_line
from .file_batches import FileIterator

_MODES = ("categorical", "binary", "sparse", "input", None)


def list_directory(directory) -> list[str]:
    """Names in a folder, sorted. Raises FileNotFoundError and NotADirectoryError."""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no folder '{os.fspath(directory)}' (the current folder is '{os.getcwd()}')"
        ) from None
    except NotADirectoryError:
        raise NotADirectoryError(
            f"'{os.fspath(directory)}' is a file; a folder with one subfolder of images per class was expected"
        ) from None


def image_files(directory, formats: tuple, follow_links: bool) -> Steps[tuple[str, str]]:
    """(folder, name) of the files under a folder whose names end with one of `formats`: folders sorted, names sorted.

    Hidden files and folders (of macOS, editors and notebooks) are left out. A folder that is reached twice through
    links is listed once.
    """
    seen = set()
    folders = []
    for root, subfolders, names in os.walk(directory, followlinks=follow_links):
        real = os.path.realpath(root)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        folders.append((root, names))
    for root, names in sorted(folders, key=lambda folder: folder[0]):
        for name in sorted(names):
            if name.lower().endswith(formats) and not name.startswith("."):
                yield root, name


def subfolders(directory) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    names = list_directory(directory)
    return [n for n in names if not n.startswith(".") and os.path.isdir(os.path.join(directory, n))]


def explain_no_images(directory, classes, formats) -> str:
    """Why a folder gave no image, for an error."""
    directory = os.fspath(directory)
    ends = ", ".join(sorted(formats))
    if classes:
        return f"the {len(classes)} class folders of '{directory}' hold no images (names that end with {ends})."
    loose = sum(name.lower().endswith(tuple(formats)) for name in list_directory(directory))
    if loose:
        return (
            f"'{directory}' has no subfolders, and the {loose} images in it belong to no class: there must be one "
            "subfolder per class. (For images without classes, pass the folder above and class_mode=None.)"
        )
    return f"'{directory}' has no subfolders: there must be one subfolder of images per class."


class DirectoryIterator(FileIterator):
    """Batches `(x, y)` (or `x`) of the images under a folder; see `Iterator` and `FileIterator`.

    Image files (png, jpg, jpeg, bmp, ppm, tif, tiff) are found in each class folder and the folders below it; hidden
    files and folders are left out. Prints "Found N images belonging to K classes.".

    Args:
        directory: path of a folder with one subfolder per class.
        image_data_generator: an `ImageDataGenerator`.
        classes: list of the subfolders to use, in the order of the class numbers. Default None: all, sorted.
        class_mode: "categorical" (default: one-hot), "binary" or "sparse" (class numbers as floats), "input" (the
            images), or None (no targets).
        follow_links: whether links to folders are followed. Default False.
        cache: True (default) keeps decoded images (uint8, before any random change) in memory for later passes, in at
            most a quarter of the free memory; an int is that limit in bytes; False keeps none. A file that changes on
            the disk after it was cached is not read again.
        on_error: "raise" (default), or "skip" to leave out files that cannot be read (a warning for each; see
            `skipped`).
        target_size, color_mode, interpolation, keep_aspect_ratio, data_format, dtype: as in `FileIterator`.
        batch_size, shuffle, seed: as in `Iterator`.
        subset, save_to_dir, save_prefix, save_format: as in `FileIterator`.

    Attributes:
        class_indices: dict of class name -> class number.
        classes: int array (N,), the class number of each file.
        filenames: list of the file names, relative to `directory`.
        filepaths: list of the paths.
        samples, num_classes: the numbers of files and classes.
        image_shape: tuple, the shape of one image.

    Raises:
        FileNotFoundError: the folder does not exist.
        NotADirectoryError: `directory` is a file.
        ValueError: no images, or an unknown option.
    """

    allowed_class_modes = frozenset(_MODES)

    def __init__(
        self,
        directory,
        image_data_generator,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        dtype=None,
        cache=True,
        on_error="raise",
    ):
        self.set_processing_attrs(
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
            dtype,
        )
        if class_mode not in _MODES:
            raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {_MODES}")
        self.directory = directory
        self.class_mode = class_mode
        found = subfolders(directory)
        missing = [name for name in classes or () if not os.path.isdir(os.path.join(directory, name))]
        if missing:
            raise ValueError(f"`classes` has {missing}, but the folders of '{os.fspath(directory)}' are {found}")
        names = list(classes or found)
        self.num_classes = len(names)
        self.class_indices = dict(zip(names, range(len(names)), strict=True))
        self._find_files(names, follow_links)
        print_line(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        if not self.samples:
            raise ValueError(explain_no_images(directory, names, self.white_list_formats))
        if self.num_classes == 1 and class_mode in ("categorical", "binary", "sparse"):
            warn(
                f"'{os.fspath(directory)}' has only one class folder, '{names[0]}': there is nothing to tell apart. "
                "For prediction pass class_mode=None; for training pass the folder that holds all class folders."
            )
        paths = [os.path.join(directory, name) for name in self.filenames]
        self.start(paths, batch_size, shuffle, seed, cache, on_error)

    def _find_files(self, names: list[str], follow_links: bool) -> None:
        self.filenames: list[str] = []
        numbers: list[int] = []
        for number, name in enumerate(names):
            folder = os.path.join(self.directory, name)
            files = list(image_files(folder, self.white_list_formats, follow_links))
            if self.split:
                start, stop = (int(share * len(files)) for share in self.split)
                files = files[start:stop]
            for root, file in files:
                self.filenames.append(os.path.join(name, os.path.relpath(os.path.join(root, file), folder)))
            numbers += [number] * len(files)
        self.classes = np.asarray(numbers, "int32")
        self.samples = len(self.filenames)

    # Keras 1
    nb_sample = property(lambda self: self.samples, doc="`samples`, as Keras 1 called it.")
    nb_class = property(lambda self: self.num_classes, doc="`num_classes`, as Keras 1 called it.")
