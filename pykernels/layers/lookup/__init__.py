"""Layers that turn words, numbers and text into indices. They compute with NumPy, before a program runs."""

from .hashing import HashedCrossing, Hashing
from .integer_lookup import IntegerLookup
from .string_lookup import StringLookup
from .text_vectorization import TextVectorization

__all__ = ["HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"]
