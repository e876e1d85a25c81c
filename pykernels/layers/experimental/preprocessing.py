"""`keras.layers.experimental.preprocessing` of Keras 2: today's layers under their old address."""

from ..category_encoding import CategoryEncoding
from ..discretization import Discretization
from ..lookup import HashedCrossing, Hashing, IntegerLookup, StringLookup, TextVectorization
from ..random_color import RandomContrast
from ..random_geometry import RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from ..rescaling import Normalization, Rescaling
from ..resizing import CenterCrop, Resizing

__all__ = [
    "CategoryEncoding",
    "CenterCrop",
    "Discretization",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "Normalization",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Resizing",
    "StringLookup",
    "TextVectorization",
]
