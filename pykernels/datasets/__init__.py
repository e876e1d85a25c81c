"""Data sets: `digits` comes with the package; `mnist` and `fashion_mnist` from Keras's cache folder or the network."""

from __future__ import annotations

from . import digits, fashion_mnist, mnist

__all__ = ["digits", "fashion_mnist", "mnist"]

_ABSENT = ("boston_housing", "california_housing", "cifar10", "cifar100", "imdb", "reuters")


def __getattr__(name):
    if name in _ABSENT:
        raise AttributeError(
            f"pykernels.datasets does not have '{name}' yet, only {', '.join(__all__)}; load its file with numpy."
        )
    raise AttributeError(f"module 'pykernels.datasets' has no attribute '{name}'")
