"""Correct, incorrect and uncertain predictions of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import as_picture, show
from .style import INK, PALE_INK, fitted, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VIEWS = ("correct", "incorrect", "most_correct", "most_incorrect", "most_uncertain")
_PER_CLASS = ("most_correct", "most_incorrect")
_RIGHT, _WRONG = "#2e7d4f", "#b3372f"


def _probabilities(y_pred: Any) -> np.ndarray:
    """(N, classes), from that or from the probability of class 1."""
    y_pred = np.asarray(y_pred, dtype=np.float64)
    if y_pred.ndim == 1 or (y_pred.ndim == 2 and y_pred.shape[1] == 1):
        second = y_pred.reshape(-1)
        return np.stack([1 - second, second], axis=1)
    if y_pred.ndim != 2:
        raise ValueError(f"y_pred must be probabilities (N, classes) or (N,). Received the shape {y_pred.shape}")
    return y_pred


def _true_classes(y_true: Any, rows: int) -> np.ndarray:
    y_true = np.asarray(y_true)
    if y_true.ndim == 2 and y_true.shape[1] > 1:
        y_true = y_true.argmax(axis=1)
    y_true = y_true.reshape(-1).astype(np.int64)
    if len(y_true) != rows:
        raise ValueError(f"{len(y_true)} true classes but {rows} predictions")
    return y_true


def select_predictions(
    y_true: Any,
    y_pred: Any,
    view: str,
    count: int = 4,
    class_index: int | None = None,
    seed: int | None = None,
) -> np.ndarray:
    """Selects samples by their predictions.

    Args:
        y_true: class numbers (N,), or one-hot rows (N, classes).
        y_pred: probabilities (N, classes), or probabilities of class 1, (N,) or (N, 1).
        view: "correct" or "incorrect": random samples. "most_correct" or "most_incorrect": the correct or incorrect
            predictions with the highest probability, highest first. "most_uncertain": the smallest difference between
            the two most probable classes, smallest first.
        count: int, the maximum number of samples. Default 4.
        class_index: int; only samples predicted as this class. Default None: all classes.
        seed: int, for the random choice. Default None: NumPy's global generator.

    Returns:
        int64 array of at most `count` indices.

    Raises:
        ValueError: an unknown view, a class that does not exist, or different lengths.
    """
    probabilities = _probabilities(y_pred)
    true = _true_classes(y_true, len(probabilities))
    if view not in VIEWS:
        raise ValueError(f"view must be one of {', '.join(VIEWS)}. Received: {view!r}")
    if class_index is not None and not 0 <= class_index < probabilities.shape[1]:
        raise ValueError(f"class_index must lie in 0 .. {probabilities.shape[1] - 1}. Received: {class_index}")
    predicted = probabilities.argmax(axis=1)
    chosen = np.ones(len(true), bool) if class_index is None else predicted == class_index
    if view != "most_uncertain":
        chosen &= (predicted == true) == (view in ("correct", "most_correct"))
    rows = np.flatnonzero(chosen)
    if view in ("correct", "incorrect"):
        generator = np.random if seed is None else np.random.RandomState(seed)
        return generator.permutation(rows)[:count]
    if view == "most_uncertain":
        best = np.sort(probabilities[rows], axis=1)
        return rows[np.argsort(best[:, -1] - best[:, -2], kind="stable")][:count]
    return rows[np.argsort(-probabilities[rows, predicted[rows]], kind="stable")][:count]


def plot_predictions(
    images: Any,
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[str] | None = None,
    views: Sequence[str] | str = VIEWS,
    count: int = 4,
    classes: Sequence[int] | None = None,
    seed: int | None = None,
    size: float = 1.7,
    data_format: str = "channels_last",
) -> Figure:
    """Draws samples with their predictions, a row for each view: random correct and incorrect ones, the most confident
    correct and incorrect ones of each class, the most uncertain ones.

    Args:
        images: array (N, height, width[, channels]), or a sequence of images as in `as_picture`, such as paths. Only
            the images that are shown are read.
        y_true: class numbers (N,), or one-hot rows (N, classes).
        y_pred: probabilities (N, classes), or probabilities of class 1, (N,) or (N, 1).
        class_names: list of str, one for each class, or a dict of name -> number, such as `class_indices` of an image
            iterator. Default None: the numbers.
        views: str or list of the views of `select_predictions`, in the order of the rows. Default: all five.
        count: int, the maximum number of images in a row. Default 4.
        classes: list of class numbers, for the views "most_correct" and "most_incorrect". Default None: all classes.
        seed: int, for the random choice. Default None: NumPy's global generator.
        size: float, the width of an image in inches. Default 1.7.
        data_format: "channels_last" (default), or "channels_first" for images (channels, height, width).

    Returns:
        A `matplotlib.figure.Figure`. Titles show the predicted class and its probability: green if it is correct, else
        red with the true class below.

    Raises:
        ValueError: as `select_predictions`, another number of images, or no samples in any view.
    """
    probabilities = _probabilities(y_pred)
    true = _true_classes(y_true, len(probabilities))
    if len(images) != len(true):
        raise ValueError(f"plot_predictions: {len(images)} images but {len(true)} true classes")
    names = _names(class_names, probabilities.shape[1])
    rows = []
    for view in [views] if isinstance(views, str) else views:
        which = (range(probabilities.shape[1]) if classes is None else classes) if view in _PER_CLASS else [None]
        for c in which:
            found = select_predictions(true, probabilities, view, count, c, seed)
            if len(found):
                rows.append((_heading(view, c, names), found))
    if not rows:
        raise ValueError(f"plot_predictions: there are no samples for {views!r}")
    predicted = probabilities.argmax(axis=1)
    wrong = any((predicted[found] != true[found]).any() for _, found in rows)
    lines = max(fitted(f"{name} 0.000", size, 8).count("\n") for name in names) * (2 if wrong else 1)
    figure = new_figure(count * size, len(rows) * (size + (0.72 if wrong else 0.58) + 0.14 * lines))
    parts = np.ravel(figure.subfigures(len(rows), 1))
    for (heading, found), part in zip(rows, parts, strict=True):
        part.suptitle(heading, x=0.01, ha="left", fontsize=10, color=INK, fontweight="bold")
        grid = np.ravel(part.subplots(1, count))
        for axes in grid[len(found) :]:
            axes.set_axis_off()
        for axes, i in zip(grid, found, strict=False):
            right = predicted[i] == true[i]
            text = f"{names[predicted[i]]} {probabilities[i, predicted[i]]:.3f}"
            picture = as_picture(images[i], data_format)
            show(axes, picture, fitted(text, size, 8), 8, _RIGHT if right else _WRONG)
            if not right:
                axes.set_xlabel(fitted(f"true: {names[true[i]]}", size, 8), fontsize=8, color=PALE_INK, labelpad=2)
    return figure


def _names(class_names, count: int) -> list[str]:
    if class_names is None:
        return [str(i) for i in range(count)]
    if isinstance(class_names, dict):
        class_names = sorted(class_names, key=class_names.__getitem__)
    if len(class_names) != count:
        raise ValueError(f"plot_predictions: {len(class_names)} class names, but predictions of {count} classes")
    return [str(name) for name in class_names]


def _heading(view: str, class_index: int | None, names: Sequence[str]) -> str:
    if view in ("correct", "incorrect"):
        return f"{view.capitalize()}, at random"
    if view == "most_uncertain":
        return "Most uncertain"
    if view == "most_correct":
        return f"Most confident to be {names[class_index]}, and right"
    return f"Most confident to be {names[class_index]}, but wrong"
