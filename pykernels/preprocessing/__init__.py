"""Data on their way to a model."""

from __future__ import annotations

from . import image
from .image_dataset import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory"]
