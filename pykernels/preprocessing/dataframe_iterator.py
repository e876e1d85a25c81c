"""`DataFrameIterator`: batches of the files in a column of a table."""

from __future__ import annotations

import os

import numpy as np

from ..user_warning import warn
from ..utils.progbar import print_line
from .file_batches import FileIterator

_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)
_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches `(x, y[, weight])` (or `x`) of images; see `Iterator` and `FileIterator`.

    Prints "Found N validated image filenames belonging to K classes.".

    Args:
        dataframe: pandas DataFrame, or a dict of columns.
        directory: path of the folder that contains the files. Default None: the file names are complete paths.
        image_data_generator: an `ImageDataGenerator`.
        x_col: str, the column of file names with extensions. Default "filename".
        y_col: str, the column of targets: class names for most class modes (for "categorical" also lists of them),
            numbers for "raw"; a list of columns for "multi_output" and "raw". Default "class".
        weight_col: str, the column of sample weights. Default None.
        classes: list of the class names to use, in the order of the class numbers. Default None: all, sorted.
        class_mode: "categorical" (default: one-hot or multi-hot), "binary" or "sparse" (class numbers as floats),
            "input" (the images), "raw" (the values), "multi_output" (a list with the values of each column), or None
            (no targets).
        validate_filenames: whether files that are missing or have another extension are left out, with a warning.
            Default True.
        target_size, color_mode, interpolation, keep_aspect_ratio, data_format, dtype: as in `FileIterator`.
        batch_size, shuffle, seed: as in `Iterator`.
        subset, save_to_dir, save_prefix, save_format: as in `FileIterator`.
        cache, on_error: as in `DirectoryIterator`.

    Raises:
        TypeError: a column of another type than the class mode needs.
        ValueError: no images, or an unknown option.
    """

    allowed_class_modes = frozenset(_MODES)

    def __init__(
        self,
        dataframe,
        directory=None,
        image_data_generator=None,
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
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        keep_aspect_ratio=False,
        dtype=None,
        validate_filenames=True,
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
        self.directory = directory or ""
        self.class_mode = class_mode
        names = list(dataframe[x_col])
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"All values in column x_col={x_col} must be strings.")
        rows = self._valid_rows(names, x_col) if validate_filenames else list(range(len(names)))
        targets = self._targets(dataframe, y_col)
        if class_mode not in _WITHOUT_CLASSES:
            rows, targets, classes = _keep_classes(rows, targets, classes, class_mode, y_col)
            self.class_indices = dict(zip(classes, range(len(classes)), strict=True))
        elif classes:
            warn(f'`classes` will be ignored given the class_mode="{class_mode}"')
        if self.split:
            start, stop = (int(share * len(rows)) for share in self.split)
            rows = rows[start:stop]
        self._take(rows, names, targets)
        if weight_col:
            weights = np.asarray(dataframe[weight_col])
            if weights.dtype.kind not in "fiub":
                raise TypeError(f"Column weight_col={weight_col} must be numeric.")
            self.sample_weight = weights[rows]
        kind = "validated" if validate_filenames else "non-validated"
        suffix = f" belonging to {len(self.class_indices)} classes." if self.class_indices is not None else "."
        print_line(f"Found {self.samples} {kind} image filenames{suffix}")
        if not self.samples:
            raise ValueError(
                f"no images: none of the {len(names)} rows names an image in '{self.directory or os.curdir}'. Column "
                f"x_col={x_col!r} must hold file names with their extension, such as 'cat/1.jpg'."
            )
        paths = [os.path.join(self.directory, name) for name in self.filenames]
        self.start(paths, batch_size, shuffle, seed, cache, on_error)

    def _valid_rows(self, names: list[str], x_col) -> list[int]:
        paths = [os.path.join(self.directory, name) for name in names]
        rows = [
            i
            for i, path in enumerate(paths)
            if path.lower().endswith(tuple(self.white_list_formats)) and os.path.isfile(path)
        ]
        if len(rows) < len(names):
            first = next(path for i, path in enumerate(paths) if i not in set(rows))
            warn(
                f'Found {len(names) - len(rows)} invalid image filename(s) in x_col="{x_col}". These filename(s) will '
                f"be ignored. The first is '{first}'"
            )
        return rows

    def _targets(self, dataframe, y_col):
        if self.class_mode in (None, "input"):
            return None
        if self.class_mode == "multi_output":
            if not isinstance(y_col, list):
                raise TypeError(
                    f'If class_mode="{self.class_mode}", y_col must be a list. Received {type(y_col).__name__}.'
                )
            return [np.array(list(dataframe[column])) for column in y_col]
        if self.class_mode == "raw":
            if isinstance(y_col, (list, tuple)):
                return np.stack([np.asarray(dataframe[column]) for column in y_col], axis=1)
            return np.asarray(dataframe[y_col])
        if isinstance(y_col, list):
            raise TypeError(
                f'class_mode="{self.class_mode}" takes one column of classes. For the columns y_col={y_col} pass '
                'class_mode="raw" (their values as one array) or "multi_output" (an array for each).'
            )
        return list(dataframe[y_col])

    def _take(self, rows: list[int], names: list[str], targets) -> None:
        self.filenames = [names[i] for i in rows]
        self.samples = len(rows)
        if self.class_mode == "multi_output":
            self._values = [column[rows] for column in targets]
        elif self.class_mode == "raw":
            self._values = targets[rows]
        elif self.class_indices is not None:
            known = self.class_indices
            labels = [targets[i] for i in rows]
            self.classes = [
                [known[name] for name in label] if isinstance(label, (list, tuple)) else known[label]
                for label in labels
            ]

    @property
    def labels(self):
        """The class number or the target of each file."""
        return self._values if self.class_mode in ("multi_output", "raw") else self.classes


def _keep_classes(rows, targets, classes, class_mode, y_col) -> tuple:
    """(rows with a class, targets, class names): labels that are not in `classes` are dropped."""
    kinds = (str, list, tuple) if class_mode == "categorical" else (str,)
    if not all(isinstance(targets[i], kinds) for i in rows):
        names = "type string, list or tuple" if class_mode == "categorical" else "strings"
        raise TypeError(f'If class_mode="{class_mode}", y_col="{y_col}" column values must be {names}.')
    if classes:
        classes = list(dict.fromkeys(classes))
        targets = [[c for c in t if c in classes] if isinstance(t, (list, tuple)) else t for t in targets]
        rows = [i for i in rows if (targets[i] in classes if isinstance(targets[i], str) else len(targets[i]) > 0)]
    else:
        found = {c for i in rows for c in ([targets[i]] if isinstance(targets[i], str) else targets[i])}
        classes = sorted(found)
    if class_mode == "binary" and len(classes) != 2:
        raise ValueError(f'If class_mode="binary" there must be 2 classes. Found {len(classes)} classes.')
    return rows, targets, classes
