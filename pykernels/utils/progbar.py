"""Keras's progress line."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

_REDRAWS_PER_SECOND = 10
_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def print_line(text: str, end: str = "\n") -> None:
    """Writes to standard output, whatever its encoding can show, and flushes."""
    out = sys.stdout
    if out is None:  # pythonw has none
        return
    try:
        out.write(text + end)
    except UnicodeEncodeError:
        encoding = out.encoding or "ascii"
        out.write((text.replace("━", "=") + end).encode(encoding, "replace").decode(encoding))
    out.flush()


def is_live() -> bool:
    """Whether standard output can redraw a line: a terminal or a notebook."""
    isatty = getattr(sys.stdout, "isatty", None)
    if isatty is not None and isatty():
        return os.environ.get("TERM") != "dumb"
    kernel = sys.modules.get("ipykernel.iostream")
    return kernel is not None and isinstance(sys.stdout, getattr(kernel, "OutStream", ()))


class Progbar:
    """A line with a bar, the time per step, and the values of metrics.

    On a terminal or in a notebook the line is redrawn, at most ten times a second; elsewhere one line is written at
    the end.

    Args:
        target: number of steps, None if unknown.
        width: of the bar.
        verbose: 0 silent, 1 bar, 2 one line at the end.
        interval: seconds between redraws; never less than a tenth.
        stateful_metrics: names shown as they are; the others are averaged over the steps.
        stateless_metrics: names that are averaged; the others are shown as they are. Not both.
        unit_name: "step" or "sample".
    """

    def __init__(
        self,
        target,
        width=20,
        verbose=1,
        interval=0.05,
        stateful_metrics=None,
        stateless_metrics=None,
        unit_name="step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Only one of `stateful_metrics` or `stateless_metrics` can be provided.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = max(interval, 1 / _REDRAWS_PER_SECOND)
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = set(stateless_metrics) if stateless_metrics is not None else None
        self._live = is_live()
        self._seen_so_far = 0
        self._values: dict[str, list] = {}  # name -> [sum, weight]
        self._start = time.monotonic()
        self._last_update = float("-inf")
        self._first_step: tuple[float, int] | None = None  # when, how many
        self._shown = 0  # characters on the line

    def due(self) -> bool:
        """Whether an update would redraw now."""
        return self.verbose == 1 and self._live and time.monotonic() - self._last_update >= self.interval

    def update(self, current, values=None, finalize=None):
        """Shows that `current` steps are done.

        Args:
            current: number of steps done.
            values: list of (name, value).
            finalize: whether this is the last update; by default when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._record(current, values or [], finalize)
        now = time.monotonic()
        per_step = self._step_time(current, now)
        if self.verbose == 1 and self._live:
            if finalize or now - self._last_update >= self.interval:
                self._redraw(current, now, per_step, finalize)
        elif self.verbose in (1, 2) and finalize:
            total = self.target or current
            print_line(f"{current}/{total} - {now - self._start:.0f}s -{self._per_unit(per_step)}{self._metrics()}")

    def add(self, n, values=None):
        """Shows that `n` more steps are done."""
        self.update(self._seen_so_far + n, values)

    def _record(self, current, values, finalize) -> None:
        for name, value in values:
            averaged = (
                name not in self.stateful_metrics
                if self.stateful_metrics is not None
                else name in self.stateless_metrics
            )
            if averaged and not finalize:
                steps = max(current - self._seen_so_far, 1)
                entry = self._values.setdefault(name, [0.0, 0])
                entry[0] += value * steps
                entry[1] += steps
            elif not averaged or name not in self._values:
                self._values[name] = [value, 1]
        self._seen_so_far = current

    def _step_time(self, current, now) -> float:
        """Seconds per step; the first report, which holds the warming up, is left out once there is a second."""
        if not current:
            return 0.0
        if self._first_step is None:
            self._first_step = (now, current)
        since, already = self._first_step
        if current > already:
            return (now - since) / (current - already)
        return (now - self._start) / current

    def _redraw(self, current, now, per_step, finalize) -> None:
        plain, text = self._bar(current)
        if finalize or not self.target:
            info = f" {_BOLD}{now - self._start:.0f}s{_PLAIN}"
        else:
            info = f" {_BOLD}{_clock(per_step * (self.target - current))}{_PLAIN}"
        info += self._per_unit(per_step) + self._metrics()
        width = len(plain) + len(info) - len(_BOLD) - len(_PLAIN)
        padding = " " * max(0, self._shown - width)
        print_line("\r" + text + info + padding, end="\n" if finalize else "")
        self._shown = 0 if finalize else width
        self._last_update = now

    def _bar(self, current) -> tuple[str, str]:
        """The left part of the line without and with colours."""
        if not self.target:
            text = f"{current:>7}/Unknown"
            return text, text
        count = f"{current:>{len(str(self.target))}}/{self.target}"
        done = min(self.width, int(self.width * current / self.target))
        coloured = f"{_GREEN}{'━' * done}{_PLAIN}" if done else ""
        coloured += f"{_WHITE}{'━' * (self.width - done)}{_PLAIN}"
        return f"{count} {'━' * self.width}", f"{_BOLD}{count}{_PLAIN} {coloured}"

    def _metrics(self) -> str:
        text = ""
        for name, (total, weight) in self._values.items():
            average = float(np.mean(total)) / max(1, weight)
            text += f" - {name}: {average:.4f}" if abs(average) > 1e-3 else f" - {name}: {average:.4e}"
        return text

    def _per_unit(self, seconds) -> str:
        if seconds >= 1 or seconds == 0:
            return f" {seconds:.0f}s/{self.unit_name}"
        if seconds >= 1e-3:
            return f" {seconds * 1e3:.0f}ms/{self.unit_name}"
        return f" {seconds * 1e6:.0f}us/{self.unit_name}"


def _clock(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02}:{int(seconds % 60):02}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02}"
    return f"{int(seconds)}s"
