"""Data on their way to a model."""

from __future__ import annotations

import importlib as _importlib

from . import image
from .image_dataset import image_dataset_from_directory

# Modules that few scripts need, by the names that are found in them.
_LATER = {
    "audio_dataset_from_directory": "file_streams",
    "split_dataset": "splitting",
    "text_dataset_from_directory": "file_streams",
    "timeseries_dataset_from_array": "timeseries",
}
_MODULES = ("sequence", "text")

__all__ = [
    "audio_dataset_from_directory",
    "image",
    "image_dataset_from_directory",
    "sequence",
    "split_dataset",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]


def __getattr__(name):
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _LATER:
        value = getattr(_importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
