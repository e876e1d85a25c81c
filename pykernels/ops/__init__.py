"""The ops: `keras.ops` names, on symbolic tensors (recorded) and arrays (run at once).

Each op is defined once, with its shape inference and its gradient, in the module of its family. What such a module
lists in its `__all__` is public here. Families that few scripts need are loaded when one of their names is asked for.
"""

# ruff: noqa: F403 - the modules say what they export
import importlib as _importlib
import sys as _sys

from ..graph import op_names as _op_names
from ..graph.operand import implement as _implement
from . import image, operators, optimizer, random, recurrent
from .activations import *
from .array import *
from .binary import *
from .complex_numbers import *
from .conv import *
from .counts import *
from .creation import *
from .ctc import *
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

__all__ = ["image", "optimizer", "random", "recurrent"]
for _family in (
    *(
        "activations",
        "array",
        "binary",
        "complex_numbers",
        "conv",
        "counts",
        "creation",
        "ctc",
        "depthwise",
        "elementwise",
        "indexing",
        "layout",
    ),
    *("linalg", "losses", "nn", "normalization", "pooling", "reduction", "types"),
):
    __all__ += _sys.modules[f"{__name__}.{_family}"].__all__  # some names are those of a module and of a function

#: Families that are loaded on demand, and their names.
ON_DEMAND = {
    "attention_and_decoding": "ctc_decode dot_product_attention view",
    "patches": (
        "adaptive_average_pool adaptive_max_pool depth_to_space fold multi_hot polar psnr space_to_depth "
        "sparsemax unfold view_as_complex view_as_real"
    ),
    "arrangement": (
        "append array_split diag diagflat diagonal dsplit dstack fliplr flipud hsplit kron meshgrid rot90 "
        "select trace unravel_index vander vsplit"
    ),
    "contraction": "cdist corrcoef correlate cross einsum rearrange",
    "control": "associative_scan cond fori_loop map scan switch vectorize vectorized_map while_loop",
    "counting": "bincount digitize histogram isin nonzero searchsorted unique",
    "cumulative": "cumprod cumsum diff nancumprod nancumsum trapezoid",
    "decompositions": (
        "cholesky cholesky_inverse det eig eigh inv jvp logdet lstsq lu_factor matrix_rank pinv qr slogdet "
        "solve solve_triangular svd"
    ),
    "integers": (
        "bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
        "gcd lcm left_shift right_shift"
    ),
    "ordering": "argpartition argsort median nanmedian nanpercentile nanquantile percentile quantile sort",
    "pairwise": "allclose fmax fmin fmod heaviside hypot ldexp logaddexp2 nextafter saturate_cast",
    "placing": "scatter scatter_update segment_max segment_min segment_prod slice_update take_along_axis",
    "signal": "extract_sequences fft fft2 ifft2 irfft istft rfft stft",
    "spaced": "bartlett blackman geomspace hamming hanning kaiser logspace",
    "without_nan": "nanargmax nanargmin nanmax nanmean nanmin nanprod nanstd nansum nanvar",
}
_family_of = {name: family for family, names in ON_DEMAND.items() for name in names.split()}
__all__ += sorted(_family_of)


_at_once = frozenset(_op_names())


def load_all() -> frozenset:
    """Loads every family, so that all ops are defined. Returns the names of the ops of those that come on demand."""
    for family in ON_DEMAND:
        _importlib.import_module(f"{__name__}.{family}")
    return frozenset(_op_names()) - _at_once


def __getattr__(name):
    if name == "numpy":  # the ops once more, as keras.ops.numpy
        return _importlib.import_module(f"{__name__}.numpy")
    if name not in _family_of:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{_family_of[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
