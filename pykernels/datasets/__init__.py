"""Data sets: `digits` comes with the package; the others from Keras's cache folder or the network."""

from __future__ import annotations

import importlib as _importlib

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]


def __getattr__(name):
    if name in __all__ or name == "cifar":
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'pykernels.datasets' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *__all__})
