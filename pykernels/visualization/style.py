"""What all pictures share: figures without a window, colours, quiet axes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION = "#1f6fb4", "#e0762b"
INK, PALE_INK, GRID, LINE = "#333333", "#777777", "#e3e3e3", "#999999"


def new_figure(width: float, height: float, dpi: float = 120, layout: str | None = "constrained") -> Figure:
    """A white figure of that many inches that belongs to no window. Raises ImportError, with the remedy, without
    matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"Pictures need matplotlib, which cannot be imported ({error}): pip install 'pykernels[viz]'"
        ) from error
    return Figure(figsize=(width, height), dpi=dpi, layout=layout, facecolor="white")


def quiet(axes: Axes) -> None:
    """Axes without the frame's top and right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=INK, labelsize=9)


def bare(axes: Axes) -> None:
    """Axes that show a picture and nothing else."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def fitted(text: str, inches: float, points: float, lines: int = 2) -> str:
    """A text of that size broken into lines of about that width; what is beyond `lines` of them ends in an ellipsis."""
    width = max(int(inches * 72 / (0.6 * points)), 4)  # a letter is about 0.6 of its height wide
    broken = [part for line in text.split("\n") for part in textwrap.wrap(line, width) or [""]]
    if len(broken) > lines:
        last = broken[lines - 1]
        broken = [*broken[: lines - 1], last[: width - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"]
    return "\n".join(broken)
