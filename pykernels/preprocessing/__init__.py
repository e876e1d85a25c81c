"""Data on their way to a model."""

from __future__ import annotations

from . import image

__all__ = ["image"]
