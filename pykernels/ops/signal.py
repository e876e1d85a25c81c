"""Fourier transforms of signals through NumPy's, as host ops, and short-time transforms made of them.

A complex tensor is a pair (real part, imaginary part) of float tensors.
"""

from __future__ import annotations

import numpy as np

from ..graph import apply, define
from .array import reshape, slice_axis, swapaxes
from .binary import divide, multiply
from .indexing import take
from .layout import pad
from .types import dtype_of, is_float, operands, to_tensor

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]


# --- definitions -----------------------------------------------------------------------------------
def _parts(z, like):
    return np.ascontiguousarray(z.real, like.dtype), np.ascontiguousarray(z.imag, like.dtype)


def _host_fft(real, imag, rank, inverse):
    transform = np.fft.ifftn if inverse else np.fft.fftn
    z = transform(real + 1j * imag.astype(real.dtype), axes=tuple(range(-rank, 0)))
    return _parts(z, real)


def _filled(node, douts):
    return [multiply(y, 0.0) if dy is None else dy for y, dy in zip(node.outputs, douts, strict=True)]


def _fft_grad(node, *douts):
    """The adjoint of a transform is the other one, without its factor."""
    rank, inverse = node.attrs["rank"], node.attrs["inverse"]
    n = int(np.prod(node.inputs[0].shape[-rank:]))
    found = apply("fft", _filled(node, douts), rank=rank, inverse=not inverse)
    return [multiply(part, 1.0 / n if inverse else float(n)) for part in found]


define("fft", infer=lambda types, attrs: [types[0], types[0]], grad=_fft_grad, host=_host_fft)


def _rfft_infer(types, attrs):
    shape, dtype = types[0]
    return [((*shape[:-1], attrs["n"] // 2 + 1), dtype)] * 2


def _fitted(x, n):
    """x cut off or filled with zeros to the extent n of its last axis."""
    have = x.shape[-1]
    if have >= n:
        return slice_axis(x, len(x.shape) - 1, 0, n) if have > n else x
    return pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, n - have)])


def _rfft_grad(node, *douts):
    n = node.attrs["n"]
    real, imag = (_fitted(part, n) for part in _filled(node, douts))
    found = apply("fft", [real, imag], rank=1, inverse=True)[0]
    return [_fitted(multiply(found, float(n)), node.inputs[0].shape[-1])]


define("rfft", infer=_rfft_infer, grad=_rfft_grad, host=lambda x, n: _parts(np.fft.rfft(x, n), x))


def _irfft_grad(node, dy):
    n, bins = node.attrs["n"], node.inputs[0].shape[-1]
    weights = np.full(n // 2 + 1, 2.0 / n)
    weights[0] = 1.0 / n
    if n % 2 == 0:
        weights[-1] = 1.0 / n
    return [_fitted(multiply(part, weights.astype(dtype_of(dy))), bins) for part in apply("rfft", [dy], n=n)]


define(
    "irfft",
    infer=lambda types, attrs: [((*types[0][0][:-1], attrs["n"]), types[0][1])],
    grad=_irfft_grad,
    host=lambda real, imag, n: np.fft.irfft(real + 1j * imag, n).astype(real.dtype),
)


# --- transforms ------------------------------------------------------------------------------------
def _pair(x):
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x!r:.80}")
    real, imag = operands(*(to_tensor(part) for part in x))
    if tuple(real.shape) != tuple(imag.shape):
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. Both the real and imaginary parts should "
            f"have the same shape. Received: x[0].shape = {tuple(real.shape)}, x[1].shape = {tuple(imag.shape)}"
        )
    if not is_float(dtype_of(real)):
        raise ValueError(f"At least one tensor in input `x` is not of type float. Received: dtype={dtype_of(real)}.")
    return [real, imag]


def _transformed(x, rank, inverse):
    parts = _pair(x)
    if len(parts[0].shape) < rank or None in parts[0].shape[-rank:]:
        raise ValueError(
            f"Input should have rank >= {rank} with known last extents. Received: shape {tuple(parts[0].shape)}"
        )
    return apply("fft", parts, rank=rank, inverse=inverse)


def fft(x):
    """The discrete Fourier transform over the last axis of (real, imaginary): a pair of the same shapes."""
    return _transformed(x, 1, False)


def fft2(x):
    """The discrete Fourier transform over the last two axes of (real, imaginary): a pair of the same shapes."""
    return _transformed(x, 2, False)


def ifft2(x):
    """The inverse of `fft2`."""
    return _transformed(x, 2, True)


def rfft(x, fft_length=None):
    """The Fourier transform of a real signal.

    Args:
        x: float tensor (..., n).
        fft_length: int: x is cut off or filled with zeros to this length; n by default.

    Returns:
        (real, imaginary), each (..., fft_length // 2 + 1).
    """
    x = to_tensor(x)
    if not is_float(dtype_of(x)):
        raise ValueError(f"`rfft` takes floats. Received: dtype={dtype_of(x)}")
    return apply("rfft", [x], n=_length("rfft", fft_length, x.shape[-1] if x.shape else None))


def irfft(x, fft_length=None):
    """The real signal of which (real, imaginary), each (..., k), is the `rfft`; by default 2 (k - 1) long."""
    parts = _pair(x)
    bins = parts[0].shape[-1] if parts[0].shape else None
    return apply("irfft", parts, n=_length("irfft", fft_length, None if bins is None else 2 * (bins - 1)))


def _length(name, given, own):
    n = own if given is None else int(given)
    if n is None or n < 1:
        raise ValueError(f"`{name}` needs a known signal, or `fft_length` of 1 or more. Received: fft_length={given}")
    return n


# --- short-time transforms ---------------------------------------------------------------------------
def extract_sequences(x, sequence_length, sequence_stride):
    """The parts of `sequence_length` elements of the last axis that begin every `sequence_stride` elements.

    Args:
        x: tensor (..., n).
        sequence_length, sequence_stride: ints.

    Returns:
        A tensor (..., (n - sequence_length) // sequence_stride + 1, sequence_length).
    """
    x = to_tensor(x)
    n = x.shape[-1] if x.shape else None
    if n is None or sequence_length > n:
        raise ValueError(f"A sequence of {sequence_length} elements cannot be taken from x.shape={tuple(x.shape)}")
    first = np.arange((n - sequence_length) // sequence_stride + 1)[:, None] * sequence_stride
    return take(x, (first + np.arange(sequence_length)).astype("int32"), axis=-1)


def _window(window, sequence_length, fft_length, dtype):
    """The window in the middle of `fft_length` points."""
    before = (fft_length - sequence_length) // 2
    after = fft_length - sequence_length - before
    if window is None:
        return np.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f'If a string is passed to `window`, it must be one of `"hann"`, `"hamming"`. Received: window={window}'
            )
        turn = 2 * np.pi * np.arange(sequence_length) / sequence_length
        least = 0.5 if window == "hann" else 0.54
        values = least - (1 - least) * np.cos(turn)
    else:
        values = np.asarray(window)
    if values.shape != (sequence_length,):
        raise ValueError(
            f"The shape of `window` must be equal to [sequence_length]. Received: window shape={values.shape}"
        )
    return np.pad(values, (before, after)).astype(dtype)


def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """The short-time Fourier transform: the `rfft` of windowed parts of a signal.

    Args:
        x: float tensor (..., n).
        sequence_length: int, of each part.
        sequence_stride: int, from one part to the next.
        fft_length: int, at least `sequence_length`.
        window: `"hann"`, `"hamming"`, an array of `sequence_length` numbers, or None.
        center: whether the signal is mirrored at its ends, so that part t is centred at t `sequence_stride`.

    Returns:
        (real, imaginary), each (..., parts, fft_length // 2 + 1).

    Raises:
        TypeError: x is no float tensor.
        ValueError: lengths or window do not fit.
    """
    x = to_tensor(x)
    if not is_float(dtype_of(x)):
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: input type={dtype_of(x)}")
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={sequence_length}, fft_length={fft_length}"
        )
    weights = _window(window, sequence_length, fft_length, dtype_of(x))
    if center:
        x = pad(x, [(0, 0)] * (len(x.shape) - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return rfft(multiply(extract_sequences(x, fft_length, sequence_stride), weights), fft_length)


def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """The signal of which (real, imaginary) is the `stft` with the same arguments.

    Args:
        x: pair of float tensors (..., parts, fft_length // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: as of `stft`.
        length: int, of the signal; by default as long as the parts reach.
    """
    parts = _pair(x)
    if len(parts[0].shape) < 2:
        raise ValueError(f"Input `x` must have at least 2 dimensions. Received shape: {tuple(parts[0].shape)}")
    dtype = dtype_of(parts[0])
    weights = _window(window, sequence_length, fft_length, dtype)
    count = parts[0].shape[-2]
    total = fft_length + sequence_stride * (count - 1)
    signal = _overlapped(multiply(irfft(parts, fft_length), weights), sequence_stride, total)
    norm = np.zeros(total, "float64")
    for t in range(count):
        norm[t * sequence_stride : t * sequence_stride + fft_length] += weights.astype("float64") ** 2
    signal = divide(signal, np.where(norm > 1e-10, norm, 1.0).astype(dtype))
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else total - fft_length // 2 if center else total
    return slice_axis(signal, len(signal.shape) - 1, start, min(end, total))


def _overlapped(frames, stride, total):
    """(..., parts, n) added up at every `stride` elements of (..., total)."""
    count, n = frames.shape[-2:]
    places = (np.arange(count)[:, None] * stride + np.arange(n)).reshape(-1).astype("int32")
    lead = tuple(frames.shape[:-2])
    flat = reshape(frames, (-1, count * n))
    summed = apply("take_grad", [swapaxes(flat, 0, 1), places], shape=(total,))
    return reshape(swapaxes(summed, 0, 1), (*lead, total))
