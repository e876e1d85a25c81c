"""Pictures of training: curves and confusion matrices (needs matplotlib, ``pip install 'pykernels[viz]'``).

The functions return a `matplotlib.figure.Figure` that belongs to no window, so they work without a display:
``plot_history(history).savefig("curves.png")``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAINING, _VALIDATION = "#1f6fb4", "#e0762b"
_INK, _GRID = "#333333", "#e3e3e3"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")


def _style(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    axes.tick_params(colors=_INK, labelsize=9)


def _label_ends(axes: Axes, ends: Sequence[tuple[int, float, str]]) -> None:
    """Write each curve's last value (epoch, value, colour) beside its end; close ones are moved apart."""
    low, high = axes.get_ylim()
    close = len(ends) == 2 and abs(ends[0][1] - ends[1][1]) < 0.06 * (high - low)
    for epoch, value, color in ends:
        align = "center" if not close else "bottom" if value == max(end[1] for end in ends) else "top"
        axes.annotate(
            f"{value:.3g}",
            (epoch, value),
            xytext=(5, 0),
            textcoords="offset points",
            color=color,
            fontsize=8,
            va=align,
        )


def plot_history(history: Any, metrics: Sequence[str] | None = None, title: str | None = None) -> Figure:
    """Training and validation curves over the epochs, one panel a metric.

    Args:
        history: what `Model.fit` returned, or its ``history`` dict (name -> one number an epoch).
        metrics: names to draw, without ``val_``; default: all that the history has, the loss first.
        title: text above the panels.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: the history is empty, or has no metric of a name given.
    """
    from matplotlib.ticker import MaxNLocator

    logs: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    names = [name for name in logs if not name.startswith("val_")] if metrics is None else list(metrics)
    if not names:
        raise ValueError("plot_history: the history is empty; call fit() first")
    for name in names:
        if name not in logs:
            raise ValueError(f"plot_history: no metric {name!r} in the history, which has {sorted(logs)}")
    figure = _figure(4.6 * len(names), 3.6)
    for axes, name in zip(np.ravel(figure.subplots(1, len(names))), names, strict=True):
        ends = []
        for key, label, color in ((name, "training", _TRAINING), ("val_" + name, "validation", _VALIDATION)):
            if key not in logs:
                continue
            values = [float(value) for value in logs[key]]
            epochs = range(1, len(values) + 1)
            marker = "o" if len(values) <= 30 else None
            axes.plot(epochs, values, color=color, linewidth=1.8, marker=marker, markersize=3, label=label)
            ends.append((len(values), values[-1], color))
        axes.set_xlabel("epoch", color=_INK)
        axes.set_title(name.replace("_", " "), color=_INK, fontsize=11, loc="left")
        axes.grid(axis="y", color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.08)
        axes.set_xlim(left=0.5)
        _label_ends(axes, ends)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, fontsize=9)
        _style(axes)
    if title:
        figure.suptitle(title, color=_INK, fontsize=12)
    return figure


def confusion_matrix(y_true: Any, y_pred: Any, num_classes: int | None = None) -> np.ndarray:
    """Counts of (true class, predicted class).

    Args:
        y_true, y_pred: class numbers (N,), or one-hot rows or probabilities (N, classes), of which the largest counts.
        num_classes: default: as many as the two need.

    Returns:
        int64 array (classes, classes); row: true, column: predicted.

    Raises:
        ValueError: different lengths, or a class number outside 0 .. num_classes - 1.
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
    return values.reshape(-1).astype(np.int64)


def plot_confusion_matrix(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    title: str | None = None,
) -> Figure:
    """The confusion matrix as a coloured table: rows are true classes, columns predicted ones.

    Args:
        y_true, y_pred: class numbers (N,), or one-hot rows or probabilities (N, classes).
        class_names: one text a class; default: the numbers.
        normalize: show each row as percentages of its true class instead of counts.
        title: default: the accuracy and the number of samples.

    Returns:
        A `matplotlib.figure.Figure`. Colours show the share of the row in both cases, so rare classes are not pale.

    Raises:
        ValueError: as `confusion_matrix`; no samples at all.
    """
    counts = confusion_matrix(y_true, y_pred, None if class_names is None else len(class_names))
    if counts.sum() == 0:
        raise ValueError("plot_confusion_matrix: no samples")
    names = [str(i) for i in range(len(counts))] if class_names is None else [str(name) for name in class_names]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(2.2 + 0.42 * len(names), 14.0)
    figure = _figure(side + 0.9, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    font = max(4.0, min(9.0, 130.0 / len(names)))
    for row, column in np.argwhere(counts):
        text = f"{100 * shares[row, column]:.0f}" if normalize else str(counts[row, column])
        color = "white" if shares[row, column] > 0.55 else _INK
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=font)
    long = max(map(len, names)) > 3
    axes.set_xticks(range(len(names)), names, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted", color=_INK)
    axes.set_ylabel("true", color=_INK)
    accuracy = np.trace(counts) / counts.sum()
    text = f"accuracy {accuracy:.1%} of {counts.sum():,} samples" if title is None else title
    axes.set_title(text, color=_INK, fontsize=11, loc="left")
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, format=lambda share, _: f"{share:.0%}")
    bar.set_label("share of the true class", color=_INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=_INK, labelsize=8, length=0)
    return figure
