"""The names at TensorFlow's top level that are functions, classes or dtypes of this package."""

# ruff: noqa: F403 - the modules say what they export
from . import arrays as _arrays
from . import control as _control
from . import math as _math
from . import scopes as _scopes
from . import system as _system
from .arrays import *
from .control import *
from .dtypes import DTYPE as _DTYPE
from .dtypes import DType as DType
from .dtypes import Tensor as Tensor
from .dtypes import TensorShape as TensorShape
from .dtypes import as_dtype as as_dtype
from .image import random_crop as random_crop
from .linalg import einsum as einsum
from .linalg import matmul as matmul
from .linalg import norm as norm
from .linalg import tensordot as tensordot
from .math import *
from .scopes import *
from .system import *

globals().update(_DTYPE)
__all__ = sorted(
    {
        *("DType", "Tensor", "TensorShape", "as_dtype", "einsum", "matmul", "norm", "random_crop", "tensordot"),
        *(name for module in (_arrays, _control, _math, _scopes, _system) for name in module.__all__),
        *_DTYPE,
    }
)
