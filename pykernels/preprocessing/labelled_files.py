"""Folders of files with a subfolder per class: what the functions `*_dataset_from_directory` share."""

from __future__ import annotations

import os

import numpy as np

from ..utils.progbar import print_line
from .directory_iterator import image_files, list_directory, subfolders


def check_labels(labels, label_mode, class_names) -> None:
    """Raises ValueError for arguments of these names that cannot be."""
    if labels not in ("inferred", None):
        if not isinstance(labels, (list, tuple)):
            raise ValueError(
                '`labels` must be a list of class numbers, one for each file, "inferred" (from the subfolders) '
                f"or None. Received: labels={labels}"
            )
        if class_names:
            raise ValueError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}')
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: {label_mode}'
        )


def check_split(validation_split, subset, shuffle, seed) -> None:
    """Raises ValueError for arguments of these names that cannot be."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that "
            "there is no overlap between the training and validation subset."
        )


def find(directory, labels, label_mode, class_names, formats, follow_links, shuffle, seed, verbose) -> tuple:
    """(paths, class numbers or None, class names or None) of the files, in the order that `seed` gives."""
    paths, numbers, class_names = _index(directory, labels, label_mode, class_names, formats, follow_links, verbose)
    if shuffle:
        np.random.RandomState(seed).shuffle(paths)
        if numbers is not None:
            np.random.RandomState(seed).shuffle(numbers)
    if label_mode == "binary" and len(class_names) != 2:
        raise ValueError(
            f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: {class_names}'
        )
    return paths, numbers, class_names


def _index(directory, labels, label_mode, class_names, formats, follow_links: bool, verbose) -> tuple:
    """(paths, class numbers or None, class names or None)."""
    directory = os.fspath(directory)
    if labels == "inferred":
        found = subfolders(directory)
        if class_names is not None and not set(class_names) <= set(found):
            raise ValueError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {found} (or a subset of it), but received: class_names={class_names}"
            )
        class_names = list(found if class_names is None else class_names)
        folders = [os.path.join(directory, name) for name in class_names]
    else:
        if class_names is not None:
            raise ValueError("When `labels=None` (no labels), argument `class_names` cannot be specified.")
        list_directory(directory)
        folders = [os.path.join(directory, "")]
    files = [[os.path.join(*file) for file in image_files(folder, formats, follow_links)] for folder in folders]
    paths = [path for group in files for path in group]
    numbers = None
    if labels == "inferred":
        numbers = np.repeat(np.arange(len(files), dtype="int32"), [len(group) for group in files])
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is "
                f"{len(labels)} while we found {len(paths)} files in directory {directory}."
            )
        class_names = [str(label) for label in sorted(set(labels))]
        numbers = np.array(labels, "int32")
        if label_mode == "categorical" and not ((numbers >= 0) & (numbers < len(class_names))).all():
            raise ValueError(
                f'With label_mode="categorical", `labels` must be class numbers from 0 on. The labels given are '
                f"{class_names}; np.unique(labels, return_inverse=True)[1] numbers them."
            )
    if verbose:
        suffix = "." if labels is None else f" belonging to {len(class_names)} classes."
        print_line(f"Found {len(paths)} files{suffix}")
    return paths, numbers, class_names


def parts(paths, numbers, share, subset, kind: str, directory, formats):
    """(name, paths, class numbers) of the part of the files that `subset` names, or of both.

    Raises:
        ValueError: a part without files.
    """
    for name in ("training", "validation") if subset == "both" else (subset,):
        part = _part(paths, numbers, share, name)
        if not part[0]:
            which = f"{name} {kind}" if name else kind
            raise ValueError(f"No {which} found in directory {directory}. {formats}")
        yield name, *part


def _part(paths, numbers, share, name) -> tuple:
    if not share:
        return paths, numbers
    count = int(share * len(paths))
    cut = len(paths) - count
    rows = slice(cut) if name == "training" else slice(cut, None)
    print_line(f"Using {cut if name == 'training' else count} files for {name}.")
    return paths[rows], None if numbers is None else numbers[rows]
