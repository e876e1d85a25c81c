"""Looking at what a classifier gets right and wrong."""

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
    """The samples worth looking at.

    Args:
        y_true: class numbers (N,), or one-hot rows (N, classes).
        y_pred: probabilities (N, classes), or of class 1 (N,) or (N, 1).
        view: "correct" or "incorrect": at random; "most_correct" or "most_incorrect": the right or wrong predictions
            with the highest probability, highest first; "most_uncertain": those with the least distance between the
            two most probable classes, least first (for two classes: nearest to 0.5).
        count: how many, at most.
        class_index: only samples that were predicted to be of this class.
        seed: of the random choice; NumPy's global generator without it.

    Returns:
        Indices of samples, int64, at most `count`; fewer where there are no more.

    Raises:
        ValueError: an unknown view, a class that there is not, or different lengths.
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
    """The five views of a classifier's work, a row of images each: correct and incorrect ones at random, the most
    confident correct and incorrect ones of each class, the most uncertain ones.

    Args:
        images: array (N, height, width[, channels]), or a sequence of what `as_picture` takes, such as paths. Only the
            images shown are read.
        y_true: class numbers (N,), or one-hot rows (N, classes).
        y_pred: probabilities (N, classes), or of class 1 (N,) or (N, 1).
        class_names: one text a class; or a dict of name -> number, as `class_indices` of an image iterator. Default:
            the numbers.
        views: names of `select_predictions`, in the order of the rows.
        count: images in a row, at most.
        classes: class numbers for the views that go by class; all of them by default.
        seed: of the random choices.
        size: width of an image in inches.
        data_format: "channels_first" for images (channels, height, width).

    Returns:
        A `matplotlib.figure.Figure`. Titles show the predicted class with its probability, in green where it is right;
        wrong ones, in red, have the true class below.

    Raises:
        ValueError: as `select_predictions`; another number of images; views that no sample is in.
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
