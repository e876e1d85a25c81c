"""The names at TensorFlow's top level that are functions or classes of this package."""

from __future__ import annotations

# ruff: noqa: F403 - the modules say what they export
from . import arrays as _arrays
from . import math as _math
from . import scopes as _scopes
from . import system as _system
from .arrays import *
from .math import *
from .scopes import *
from .system import *

__all__ = sorted(
    {
        *("DType", "Tensor", "TensorShape", "as_dtype", "einsum", "matmul", "norm", "random_crop", "tensordot"),
        *(name for m in (_arrays, _math, _scopes, _system) for name in m.__all__),
    }
)
