"""Images taken apart and put together: patches, blocks, pooling to a given size; and functions of classes."""

from __future__ import annotations

import operator

import numpy as np

from ..config import standardize_data_format
from ..graph import apply, eager
from .array import moveaxis, reshape, transpose
from .binary import divide, greater, maximum, multiply, subtract, where
from .cumulative import cumsum
from .elementwise import log10, square
from .indexing import one_hot, take
from .layout import flip, pad
from .ordering import sort
from .reduction import max, mean, sum  # noqa: A004 - Keras's names
from .shapes import axis_in
from .types import dtype_of, float_tensor, is_float, is_symbolic, operands, standardize_dtype, to_indices, to_tensor

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "depth_to_space",
    "fold",
    "multi_hot",
    "polar",
    "psnr",
    "space_to_depth",
    "sparsemax",
    "unfold",
    "view_as_complex",
    "view_as_real",
]


# --- pooling to a size -----------------------------------------------------------------------------
def _adaptive(name, inputs, output_size, data_format, reduce_axis):
    x = to_tensor(inputs)
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"{name} takes inputs of rank 3, 4 or 5. Received: inputs.shape={tuple(x.shape)}")
    sizes = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    first = standardize_data_format(data_format) == "channels_first"
    if len(sizes) != rank or any(n < 1 for n in sizes):
        raise ValueError(
            f"`output_size` must be a positive int, or {rank} of them. Received: output_size={output_size}"
        )
    for i, size in enumerate(sizes):
        axis = i + (2 if first else 1)
        extent = x.shape[axis]
        if extent is None:
            raise ValueError(f"{name} needs known extents. Received: inputs.shape={tuple(x.shape)}")
        begin = np.arange(size) * extent // size
        end = -(-(np.arange(1, size + 1) * extent) // size)
        x = reduce_axis(x, axis, begin, end)
    return x


def _mean_of_windows(x, axis, begin, end):
    places = np.arange(x.shape[axis])
    inside = (places >= begin[:, None]) & (places < end[:, None])
    weights = (inside / inside.sum(1, keepdims=True)).astype(dtype_of(x))
    moved = moveaxis(x, axis, -1)
    rows = reshape(moved, (-1, moved.shape[-1]))
    lead = tuple(moved.shape[:-1])
    y = apply("matmul", [rows, weights], transpose_a=False, transpose_b=True)
    return moveaxis(reshape(y, (*lead, len(begin))), -1, axis)


def _max_of_windows(x, axis, begin, end):
    width = int((end - begin).max())
    places = np.minimum(begin[:, None] + np.arange(width), end[:, None] - 1).astype("int32")
    return max(take(x, places, axis=axis), axis + 1)


def adaptive_average_pool(inputs, output_size, data_format=None):
    """The means of `output_size` windows along each axis of images, which cover them evenly.

    Args:
        inputs: float tensor (batch, spatial..., channels), or with the channels second.
        output_size: int, or one for each spatial axis.
        data_format: `"channels_last"`, `"channels_first"`; that of the settings by default.

    Raises:
        ValueError: another rank, a size that is not positive, or an unknown extent.
    """
    inputs = float_tensor(inputs)
    return _adaptive("adaptive_average_pool", inputs, output_size, data_format, _mean_of_windows)


def adaptive_max_pool(inputs, output_size, data_format=None):
    """The maxima of the windows of `adaptive_average_pool`."""
    return _adaptive("adaptive_max_pool", inputs, output_size, data_format, _max_of_windows)


# --- blocks and patches ------------------------------------------------------------------------------
def _blocks(name, x, block_size, data_format):
    x, block = to_tensor(x), operator.index(block_size)
    if len(x.shape) != 4 or block < 2:
        raise ValueError(
            f"{name} takes a tensor of rank 4 and `block_size` from 2. Received: x.shape={tuple(x.shape)}, "
            f"block_size={block_size}"
        )
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first'. Received: {data_format}")
    first = data_format == "channels_first"
    return (transpose(x, (0, 2, 3, 1)) if first else x), block, first


def depth_to_space(x, block_size, data_format="channels_last"):
    """Channels moved into blocks of `block_size` x `block_size` pixels: (n, h, w, c b^2) becomes (n, h b, w b, c).

    Raises:
        ValueError: the channels are not a multiple of block_size^2.
    """
    x, b, first = _blocks("depth_to_space", x, block_size, data_format)
    n, h, w, c = x.shape
    if c % (b * b):
        raise ValueError(f"The number of channels must be divisible by block_size^2. Received: {c} channels, {b}")
    if first:  # the channels are the slowest there
        x = transpose(reshape(x, (n, h, w, c // (b * b), b, b)), (0, 1, 4, 2, 5, 3))
    else:
        x = transpose(reshape(x, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5))
    y = reshape(x, (n, h * b, w * b, c // (b * b)))
    return transpose(y, (0, 3, 1, 2)) if first else y


def space_to_depth(x, block_size, data_format="channels_last"):
    """The inverse of `depth_to_space`.

    Raises:
        ValueError: height or width is not a multiple of `block_size`.
    """
    x, b, first = _blocks("space_to_depth", x, block_size, data_format)
    n, h, w, c = x.shape
    if None in (h, w) or h % b or w % b:
        raise ValueError(f"Height and width must be divisible by block_size={b}. Received: {h} x {w}")
    x = reshape(x, (n, h // b, b, w // b, b, c))
    x = transpose(x, (0, 1, 3, 5, 2, 4) if first else (0, 1, 3, 2, 4, 5))
    y = reshape(x, (n, h // b, w // b, c * b * b))
    return transpose(y, (0, 3, 1, 2)) if first else y


def _pair(value):
    return (operator.index(value),) * 2 if hasattr(value, "__index__") else tuple(operator.index(v) for v in value)


def _windows(extent, kernel, dilation, padding, stride):
    """Where each window's elements are along one axis of the padded image: (windows, kernel)."""
    count = (extent + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if count < 1:
        raise ValueError(
            f"a window of {kernel} (dilation {dilation}) does not fit an extent of {extent} + {2 * padding}"
        )
    return (np.arange(count)[:, None] * stride + np.arange(kernel) * dilation).astype("int32")


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of images, as columns.

    Args:
        x: tensor (n, channels, height, width).
        kernel_size, dilation, padding, stride: int, or one for each axis.

    Returns:
        A tensor (n, channels * kernel elements, windows).

    Raises:
        ValueError: another rank, or no window fits.
    """
    x = to_tensor(x)
    if len(x.shape) != 4:
        raise ValueError(f"`unfold` takes a tensor (n, channels, height, width). Received: x.shape={tuple(x.shape)}")
    k, d, p, s = (_pair(v) for v in (kernel_size, dilation, padding, stride))
    rows, columns = (_windows(x.shape[2 + i], k[i], d[i], p[i], s[i]) for i in (0, 1))
    n, channels = x.shape[:2]
    x = pad(x, [(0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])]) if any(p) else x
    x = take(take(x, rows, axis=2), columns, axis=4)  # n, channels, rows, kernel rows, columns, kernel columns
    x = transpose(x, (0, 1, 3, 5, 2, 4))
    return reshape(x, (n, channels * k[0] * k[1], len(rows) * len(columns)))


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Images of which the columns are the windows; where windows overlap they are summed: the adjoint of `unfold`.

    Args:
        x: tensor (n, channels * kernel elements, windows).
        output_size: int or (height, width).
        kernel_size, dilation, padding, stride: as of `unfold`.

    Returns:
        A tensor (n, channels, height, width).

    Raises:
        ValueError: the shapes do not fit.
    """
    x = to_tensor(x)
    size, k, d, p, s = (_pair(v) for v in (output_size, kernel_size, dilation, padding, stride))
    rows, columns = (_windows(size[i], k[i], d[i], p[i], s[i]) for i in (0, 1))
    if len(x.shape) != 3 or x.shape[1] % (k[0] * k[1]) or x.shape[2] != len(rows) * len(columns):
        want = f"(n, channels * {k[0] * k[1]}, {len(rows) * len(columns)})"
        raise ValueError(f"`fold` takes a tensor {want}. Received: x.shape={tuple(x.shape)}")
    channels, wide = x.shape[1] // (k[0] * k[1]), size[1] + 2 * p[1]
    x = reshape(x, (-1, channels, k[0], k[1], len(rows), len(columns)))
    places = rows.T[:, None, :, None] * wide + columns.T[None, :, None, :]
    moved = transpose(x, (2, 3, 4, 5, 0, 1))
    summed = apply("take_grad", [moved, places.astype("int32")], shape=((size[0] + 2 * p[0]) * wide,))
    image = transpose(reshape(summed, (size[0] + 2 * p[0], wide, *moved.shape[4:])), (2, 3, 0, 1))
    for axis, n, before in ((2, size[0], p[0]), (3, size[1], p[1])):
        image = take(image, np.arange(before, before + n, dtype="int32"), axis=axis) if before else image
    return image


# --- classes, values, complex numbers ------------------------------------------------------------------
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 for each class that occurs along the last axis, 0 for the others.

    Args:
        inputs: integer tensor (..., n), or of rank 0 or 1.
        num_classes: int (`num_tokens` of earlier versions).
        axis: where the classes are in the result.
        dtype: of the result; `floatx()` by default.
        sparse: must be False: there are no sparse tensors.
        kwargs: `num_tokens`.

    Raises:
        ValueError: `sparse=True`, no number of classes, or another argument.
    """
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if kwargs or sparse or num_classes is None:
        raise ValueError(
            f"multi_hot needs `num_classes`, and has no sparse tensors. Received: sparse={sparse}, {kwargs}"
        )
    x = to_indices(inputs)
    hot = one_hot(x, num_classes, axis, standardize_dtype(dtype))
    return max(hot, axis=1 if len(x.shape) > 1 else 0) if x.shape else hot


def sparsemax(x, axis=-1):
    """Sparse probabilities along `axis` (Martins & Astudillo, arXiv:1602.02068), as Keras computes them: its threshold
    adds up cumulative sums, so that they need not sum to 1."""
    x = float_tensor(x)
    axis = axis_in(axis, len(x.shape))
    n = x.shape[axis]
    if n is None:
        raise ValueError(f"sparsemax needs a known extent of axis {axis}. Received: x.shape={tuple(x.shape)}")
    ordered = flip(sort(x, axis), axis)
    total = cumsum(ordered, axis)
    rank = np.arange(1, n + 1, dtype=dtype_of(x)).reshape(tuple(-1 if i == axis else 1 for i in range(len(x.shape))))
    support = greater(subtract(ordered, divide(subtract(total, 1.0), rank)), 0.0)
    count = sum(to_tensor(support, dtype_of(x)), axis, keepdims=True)
    inside = sum(where(support, total, 0.0), axis, keepdims=True)
    return maximum(subtract(x, divide(subtract(inside, 1.0), count)), 0.0)


def psnr(x1, x2, max_val):
    """The peak signal-to-noise ratio: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)).

    Raises:
        ValueError: the shapes differ.
    """
    x1, x2 = operands(to_tensor(x1), to_tensor(x2))
    if tuple(x1.shape) != tuple(x2.shape):
        raise ValueError(f"Input shapes {tuple(x1.shape)} and {tuple(x2.shape)} must match for PSNR calculation. ")
    peak = log10(to_tensor(max_val, dtype_of(x2) if is_float(dtype_of(x2)) else "float32"))
    return subtract(multiply(peak, 20.0), multiply(log10(mean(square(subtract(x1, x2)))), 10.0))


def _values(name, *xs):
    if any(is_symbolic(x) for x in xs):
        raise ValueError(f"`{name}` gives complex numbers, which programs do not have; keep (real, imaginary) pairs")
    return [np.asarray(x) for x in xs]


def polar(abs_, angle):
    """abs_ (cos(angle) + i sin(angle)): a complex array. Raises ValueError for symbolic tensors."""
    size, turn = _values("polar", *(float_tensor(v) for v in (abs_, angle)))
    return eager(np.asarray(size * np.cos(turn) + 1j * (size * np.sin(turn)), "complex64"))


def view_as_complex(x):
    """(..., 2), real and imaginary parts, as a complex array (...). Raises ValueError for symbolic tensors."""
    (x,) = _values("view_as_complex", x if is_symbolic(x) else to_tensor(x))
    if not x.ndim or x.shape[-1] != 2:
        raise ValueError(f"Last dimension of input must be size 2 (real and imaginary). Received shape: {x.shape}")
    return eager(np.asarray(x[..., 0] + 1j * x[..., 1], "complex64"))


def view_as_real(x):
    """A complex array as (..., 2): real and imaginary parts. Raises ValueError for symbolic tensors."""
    (x,) = _values("view_as_real", x)
    return eager(np.stack([x.real, x.imag], -1))
