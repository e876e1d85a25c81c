"""Logs and histories: dicts that accept the metric names of all versions of Keras."""

from __future__ import annotations

from ..compat.arguments import LOG_NAMES

_OTHER = {**LOG_NAMES, **{new: old for old, new in LOG_NAMES.items()}}


class Logs(dict):
    """A dict in which "acc" and "accuracy" (and "val_acc", "lr", ...) are names of the same entry.

    Iteration, `keys()`, `items()` and printing show the entries as they are.

    Attributes:
        rates: in a history, a list of pairs (number of epochs before, learning rate from there on).
    """

    rates: tuple | list = ()

    def __missing__(self, key):
        other = _OTHER.get(key)
        if other is not None and dict.__contains__(self, other):
            return dict.__getitem__(self, other)
        raise KeyError(key)

    def __contains__(self, key):
        return dict.__contains__(self, key) or dict.__contains__(self, _OTHER.get(key))

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def copy(self):
        return Logs(self)
