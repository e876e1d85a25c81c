"""The ops: `keras.ops` names, on symbolic tensors (recorded) and arrays (run at once).

Each op is defined once, with its shape inference and its gradient, in the module of its family. What such a module
lists in its `__all__` is public here.
"""

# ruff: noqa: F403 - the modules say what they export
import sys as _sys

from ..graph.operand import implement as _implement
from . import image, operators, optimizer, random
from .activations import *
from .array import *
from .binary import *
from .complex_numbers import *
from .conv import *
from .counts import *
from .creation import *
from .depthwise import *
from .elementwise import *
from .indexing import *
from .layout import *
from .linalg import *
from .losses import *
from .nn import *
from .normalization import *
from .pooling import *
from .reduction import *
from .types import *

_implement(operators.OPERATORS, operators.UFUNCS)

__all__ = ["image", "optimizer", "random"]
for _family in (
    *(
        "activations",
        "array",
        "binary",
        "complex_numbers",
        "conv",
        "counts",
        "creation",
        "depthwise",
        "elementwise",
        "indexing",
        "layout",
    ),
    *("linalg", "losses", "nn", "normalization", "pooling", "reduction", "types"),
):
    __all__ += _sys.modules[f"{__name__}.{_family}"].__all__  # some names are those of a module and of a function
