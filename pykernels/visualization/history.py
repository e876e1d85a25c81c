"""Learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..compat.arguments import LOG_NAMES
from .style import GRID, INK, PALE_INK, TRAINING, VALIDATION, new_figure, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RATE = "learning_rate"
_MARKED = 6  # more changes of the learning rate than this get a panel


class _Chain(NamedTuple):
    """Several histories, one after the other: name -> values with NaN for epochs without one, and the rates."""

    logs: dict[str, np.ndarray]
    rates: np.ndarray
    starts: list[int]  # epochs (from 0) at which a history starts, without the first


def plot_history(
    history: Any,
    metrics: Sequence[str] | None = None,
    title: str | None = None,
    mark_learning_rate: bool = True,
) -> Figure:
    """Draws training and validation curves over the epochs, with a panel for each metric.

    Epochs at which the learning rate changes are marked; if there are more than six, the learning rate gets a panel of
    its own. The rates come from the `History` that `Model.fit` returns, or from an entry "learning_rate" or "lr".
    Dotted lines separate several histories.

    Args:
        history: `History` returned by `Model.fit`, its ``history`` dict (name -> list with a number per epoch), or a
            list of these, which are drawn one after the other.
        metrics: list of names, without ``val_``. "acc" and "accuracy" are the same metric. Default None: all, the loss
            first.
        title: str, above the panels. Default None.
        mark_learning_rate: whether changes of the learning rate are marked. Default True.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: the history is empty, or does not contain a metric.
    """
    from matplotlib.ticker import MaxNLocator

    chain = _chained(history)
    logs = chain.logs
    if metrics is None:
        names = sorted((n for n in logs if not n.startswith("val_") and n != _RATE), key=lambda n: n != "loss")
    else:
        names = [LOG_NAMES.get(name, name) for name in metrics]
    if not names or not len(chain.rates):
        raise ValueError("plot_history: the history is empty; call fit() first")
    for name in names:
        if name not in logs:
            raise ValueError(f"plot_history: no metric {name!r} in the history, which has {sorted(logs)}")
    changes = _changes(chain.rates) if mark_learning_rate else {}
    if len(changes) > _MARKED:
        names, changes = [*names, _RATE], {}
    figure = new_figure(4.6 * len(names), 3.6)
    for axes, name in zip(np.ravel(figure.subplots(1, len(names))), names, strict=True):
        if name == _RATE:
            axes.plot(np.arange(len(chain.rates)) + 1, chain.rates, color=INK, linewidth=1.5, drawstyle="steps-mid")
            if np.nanmax(chain.rates) > 20 * np.nanmin(chain.rates) > 0:
                axes.set_yscale("log")
        else:
            _draw_metric(axes, chain.logs, name)
        axes.set_xlabel("epoch", color=INK)
        axes.set_title(name.replace("_", " "), color=INK, fontsize=11, loc="left", pad=16 if changes else 6)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _mark_epochs(axes, chain, changes)
        quiet(axes)
    if title:
        figure.suptitle(title, color=INK, fontsize=12)
    return figure


def _draw_metric(axes: Axes, logs: Mapping[str, np.ndarray], name: str) -> None:
    """The curves of training and validation, each ending in its last value."""
    ends = []
    for key, label, color in ((name, "training", TRAINING), ("val_" + name, "validation", VALIDATION)):
        if key not in logs or np.isnan(logs[key]).all():
            continue
        there = np.flatnonzero(~np.isnan(logs[key]))
        values = logs[key][there]
        marker = "o" if len(logs[key]) <= 30 else None
        axes.plot(there + 1, values, color=color, linewidth=1.8, marker=marker, markersize=3, label=label)
        ends.append((int(there[-1]) + 1, float(values[-1]), color))
    axes.margins(x=0.08)
    axes.set_xlim(left=0.5, right=None if len(logs[name]) > 1 else 1.5)
    _label_ends(axes, ends)
    if ends:
        axes.legend(frameon=False, fontsize=9)


def _chained(history: Any) -> _Chain:
    parts = list(history) if isinstance(history, (list, tuple)) else [history]
    logs: list[Mapping[str, Sequence[float]]] = [getattr(part, "history", part) for part in parts]
    for part in logs:
        if not isinstance(part, Mapping):
            raise ValueError(f"plot_history takes a History, a dict of lists, or a list of those. Received: {part!r}")
    lengths = [max((len(values) for values in part.values()), default=0) for part in logs]
    ends = np.cumsum([0, *lengths])
    chained: dict[str, np.ndarray] = {}
    rates = np.full(ends[-1], np.nan)
    for part, start, end in zip(logs, ends[:-1], ends[1:], strict=True):
        for key, values in part.items():
            name = LOG_NAMES.get(key, key)
            whole = chained.setdefault(name, np.full(ends[-1], np.nan))
            begin = start
            if name.startswith("val_"):  # the last of a history: validation may skip epochs
                begin = end - len(values)
            whole[begin : begin + len(values)] = np.asarray(values, dtype=np.float64)
        for first, rate in getattr(part, "rates", ()):
            rates[start + first : end] = rate
        known = part.get(_RATE) or part.get("lr") or ()
        rates[start : start + len(known)] = known
    return _Chain(chained, rates, [int(end) for end in ends[1:-1]])


def _changes(rates: np.ndarray) -> dict[int, float]:
    """Epoch (from 0) -> the learning rate that begins there."""
    known = ~np.isnan(rates[1:]) & ~np.isnan(rates[:-1])
    differ = known & ~np.isclose(rates[1:], rates[:-1], rtol=1e-5, atol=0)
    return {int(i) + 1: float(rates[i + 1]) for i in np.flatnonzero(differ)}


def _mark_epochs(axes: Axes, chain: _Chain, changes: Mapping[int, float]) -> None:
    """Lines between the epochs where a history begins or the learning rate changes, the latter with the rate."""
    for start in chain.starts:
        if start not in changes:
            axes.axvline(start + 0.5, color="#bbbbbb", linewidth=0.8, linestyle=":", zorder=0)
    last = -np.inf
    for start, rate in changes.items():
        axes.axvline(start + 0.5, color=PALE_INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        if start - last >= 0.16 * len(chain.rates):  # else the texts would touch; the lines still show
            axes.annotate(
                f"lr {rate:.2g}",
                (start + 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7.5,
                color=PALE_INK,
            )
            last = start


def _label_ends(axes: Axes, ends: Sequence[tuple[int, float, str]]) -> None:
    """Write each curve's last value (epoch, value, colour) beside its end; close ones are moved apart."""
    low, high = axes.get_ylim()
    close = len(ends) == 2 and abs(ends[0][1] - ends[1][1]) < 0.06 * (high - low)
    for i, (epoch, value, color) in enumerate(ends):
        upper = value > ends[1 - i][1] or (value == ends[1 - i][1] and i == 0) if close else False
        axes.annotate(
            f"{value:.3g}",
            (epoch, value),
            xytext=(5, 0),
            textcoords="offset points",
            color=color,
            fontsize=8,
            va="center" if not close else "bottom" if upper else "top",
        )
