"""Confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import INK, fitted, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(y_true: Any, y_pred: Any, num_classes: int | None = None) -> np.ndarray:
    """Counts how often each class is predicted for each true class.

    Args:
        y_true, y_pred: class numbers (N,), one-hot rows or probabilities (N, classes), of which the largest is used, or
            probabilities of class 1 (N,) or (N, 1).
        num_classes: int. Default None: the largest class number plus 1.

    Returns:
        int64 array (classes, classes). Rows are true classes, columns are predicted classes.

    Raises:
        ValueError: different lengths, a class number outside of 0 .. num_classes - 1, or other numbers.
    """
    columns = [np.shape(values)[-1] for values in (y_true, y_pred) if np.ndim(values) > 1 and np.shape(values)[-1] > 1]
    true, predicted = _classes(y_true), _classes(y_pred)
    if true.shape != predicted.shape:
        raise ValueError(f"confusion_matrix: {true.size} true classes but {predicted.size} predicted ones")
    largest = max([int(values.max()) + 1 for values in (true, predicted) if values.size] + columns + [0])
    count = largest if num_classes is None else num_classes
    if largest > count or min([0, *true, *predicted]) < 0:
        raise ValueError(f"confusion_matrix: class numbers must lie in 0 .. {count - 1}")
    return np.bincount(true * count + predicted, minlength=count * count).reshape(count, count)


def _classes(values: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim > 1 and values.shape[-1] > 1:
        values = values.argmax(axis=-1)
    if values.dtype.kind == "f" and (values % 1 != 0).any():
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(
                "confusion_matrix: neither class numbers nor probabilities: numbers between those of classes"
            )
        values = values > 0.5
    return values.reshape(-1).astype(np.int64)


def plot_confusion_matrix(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    title: str | None = None,
) -> Figure:
    """Draws a confusion matrix. Rows are true classes, columns are predicted classes.

    Args:
        y_true, y_pred: as in `confusion_matrix`.
        class_names: list of str, one for each class, or a dict of name -> number. Default None: the numbers.
        normalize: whether percentages of each true class are shown instead of counts. Default False.
        title: str. Default None: the accuracy and the number of samples.

    Returns:
        A `matplotlib.figure.Figure`. Colours show fractions of the row in both cases.

    Raises:
        ValueError: as `confusion_matrix`, or no samples.
    """
    counts = confusion_matrix(y_true, y_pred, None if class_names is None else len(class_names))
    if counts.sum() == 0:
        raise ValueError("plot_confusion_matrix: no samples")
    names = [str(i) for i in range(len(counts))] if class_names is None else [str(name) for name in class_names]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(2.2 + 0.42 * len(names), 14.0)
    room = 0.07 * min(max(max(map(len, names)) - 6, 0), 30)  # for long names, beside and, turned, below
    width = side + 0.9 + room
    figure = new_figure(width, side + 0.5 * room)
    axes = figure.subplots()
    # With "equal", the room for the names on the left is lost again to square cells.
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    font = max(4.0, min(9.0, 130.0 / len(names)))
    for row, column in np.argwhere(counts):
        text = f"{100 * shares[row, column]:.0f}" if normalize else str(counts[row, column])
        color = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=font)
    long = max(map(len, names)) > 3
    axes.set_xticks(range(len(names)), names, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true", color=INK)
    accuracy = np.trace(counts) / counts.sum()
    text = f"accuracy {accuracy:.1%} of {counts.sum():,} samples" if title is None else title
    axes.set_title(fitted(text, width - room - 1.2, 11), color=INK, fontsize=11, loc="left")
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the true class", color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8, length=0)
    return figure
