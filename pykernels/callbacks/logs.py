"""Logs and histories: dicts that accept the metric names of all versions of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from ..compat.arguments import METRIC_NAMES

_SAME = {name: [other for other in names if other != name] for names in METRIC_NAMES for name in names}


def _other_keys(key) -> Iterator[str]:
    """`key` with its end, from any underscore on, replaced by another name of the same metric."""
    if not isinstance(key, str):
        return
    starts = [0, *(i + 1 for i, letter in enumerate(key) if letter == "_")]
    for start in starts:
        for other in _SAME.get(key[start:], ()):
            yield key[:start] + other


class Logs(dict):
    """A dict in which "acc" and "accuracy" (and "val_mae" and "val_mean_absolute_error", "lr", ...) are names of the
    same entry.

    Iteration, `keys()`, `items()` and printing show the entries as they are.

    Attributes:
        beside: dict of entries that are found by their keys and not shown: what only early versions of Keras had
            ("size" and "batch" in the logs of a batch, "metrics" and more in `params`).
        rates: in a history, a list of pairs (number of epochs before, learning rate from there on).
    """

    rates: tuple | list = ()
    beside: dict | MappingProxyType = MappingProxyType({})

    def __missing__(self, key):
        for other in _other_keys(key):
            if dict.__contains__(self, other):
                return dict.__getitem__(self, other)
        if key in self.beside:
            return self.beside[key]
        raise KeyError(key)

    def __contains__(self, key):
        if dict.__contains__(self, key) or any(dict.__contains__(self, other) for other in _other_keys(key)):
            return True
        return key in self.beside

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def copy(self):
        copied = Logs(self)
        copied.beside = self.beside
        return copied
