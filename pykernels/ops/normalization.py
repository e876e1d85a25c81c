"""Normalization over the batch, over groups of channels, over the elements of an example."""

from __future__ import annotations

import math

import numpy as np

from .. import config
from ..graph import apply, define
from ..user_warning import warn
from .array import moveaxis, reshape, reshape_from, transpose
from .binary import add, multiply, subtract
from .elementwise import rsqrt, square
from .reduction import mean as reduce_mean
from .reduction import sum as reduce_sum
from .reduction import var
from .shapes import axes_in, axis_in, known
from .types import dtype_of, float_tensor, to_tensor

__all__ = [
    "batch_normalization",
    "layer_normalization",
    "rms_normalization",
]


# --- definitions -----------------------------------------------------------------------------------
def _expect_channels(types, c, what):
    for shape, _ in types:
        if tuple(shape) != (c,):
            raise ValueError(f"{what} must have shape ({c},), got {tuple(shape)}")


def _batch_norm_infer(types, attrs):
    shape, dtype = types[0]
    c = shape[-1]
    _expect_channels(types[1:], c, "scale and offset of a normalization over channels")
    return [(shape, dtype), ((c,), dtype), ((c,), dtype)]


def _batch_norm_grad(node, dy, dmean, dvariance):
    x, gamma, _ = node.inputs
    _, mean, variance = node.outputs
    dx = dgamma = dbeta = None
    if dy is not None:
        dx, dgamma, dbeta = apply("batch_norm_grad", [x, gamma, mean, variance, dy], **node.attrs)
    part = 1.0 / (math.prod(x.shape[:-1]) or 1)
    if dmean is not None:
        direct = _like(multiply(dmean, part), x)
        dx = direct if dx is None else add(dx, direct)
    if dvariance is not None:
        along = multiply(subtract(x, mean), multiply(dvariance, 2 * part))
        dx = along if dx is None else add(dx, along)
    return [dx, dgamma, dbeta]


def _like(values, x):
    """`values` (channels,) broadcast to x's shape."""
    return apply("broadcast_to", [values], shape=known(x.shape))


def _scale_shift_infer(types, attrs):
    shape, dtype = types[0]
    _expect_channels(types[1:], shape[-1], "scale and shift")
    return [(shape, dtype)]


def _scale_shift_grad(node, dy):
    if node.attrs.get("activation", "linear") != "linear":
        raise ValueError("scale_shift with an activation has no gradient; apply the activation as an op of its own")
    x, scale, _ = node.inputs
    axes = tuple(range(len(x.shape) - 1))
    return [multiply(dy, scale), reduce_sum(multiply(dy, x), axes), reduce_sum(dy, axes)]


def _layer_norm_infer(types, attrs):
    (rows, d), dtype = types[0]
    _expect_channels(types[1:], d, "scale and offset of a normalization over elements")
    return [((rows, d), dtype), ((rows,), dtype), ((rows,), dtype)]


def _group_norm_infer(types, attrs):
    (n, s, c), dtype = types[0]
    _expect_channels(types[1:], c, "scale and offset of a normalization over groups")
    per_group = (n, attrs["groups"])
    return [((n, s, c), dtype), (per_group, dtype), (per_group, dtype)]


def _by_rstd(node, dy, dmean, drstd):
    """The statistics of these ops are for their own gradients, and nothing else reads them."""
    if dmean is not None or drstd is not None:
        raise ValueError(f"the statistics that op '{node.name}' returns have no gradient")
    x, gamma, _ = node.inputs
    _, mean, rstd = node.outputs
    attrs = {key: value for key, value in node.attrs.items() if key != "epsilon"}
    return list(apply(f"{node.name}_grad", [x, gamma, mean, rstd, dy], **attrs))


def _gradients_infer(types, attrs):
    """x, gamma, ... -> dx, dgamma, dbeta"""
    return [types[0], types[1], types[1]]


define("batch_norm", infer=_batch_norm_infer, grad=_batch_norm_grad)
define("batch_norm_grad", infer=_gradients_infer)
define("scale_shift", infer=_scale_shift_infer, grad=_scale_shift_grad)
define("layer_norm", infer=_layer_norm_infer, grad=_by_rstd)
define("layer_norm_grad", infer=_gradients_infer)
define("group_norm", infer=_group_norm_infer, grad=_by_rstd)
define("group_norm_grad", infer=_gradients_infer)


# --- for layers ------------------------------------------------------------------------------------
def _coefficient(value, n: int, x, absent: float):
    """`value` as a tensor (n,) of x's dtype; `absent` repeated where it is None."""
    if value is None:
        return np.full((n,), absent, dtype_of(x))
    value = to_tensor(value, dtype_of(x))
    return value if len(value.shape) == 1 else reshape(value, (n,))


def _channels(x, axis: int) -> int:
    n = x.shape[axis]
    if n is None:
        raise ValueError(f"axis {axis} to normalize must have a known extent, got inputs of shape {tuple(x.shape)}")
    return n


def batch_norm(x, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    """Batch normalization in training: by the mean and the biased variance of the batch itself.

    y = (x - mean) / sqrt(variance + epsilon) * gamma + beta (Ioffe and Szegedy, arXiv:1502.03167).

    Args:
        x: float tensor of any rank above 0.
        gamma, beta: tensors (channels,). None: 1 and 0.
        axis: int, the axis of the channels. Statistics are over all others.
        epsilon: float, at least 0.

    Returns:
        (y, mean, variance): y of x's shape, the statistics (channels,). The gradient counts that the statistics depend
        on x. Of no elements the statistics are NaN.
    """
    x = float_tensor(x)
    axis = axis_in(axis, len(x.shape))
    c = _channels(x, axis)
    moved = moveaxis(x, axis, -1)
    operands = [moved, _coefficient(gamma, c, x, 1.0), _coefficient(beta, c, x, 0.0)]
    y, mean, variance = apply("batch_norm", operands, epsilon=float(epsilon))
    return moveaxis(y, -1, axis), mean, variance


def group_norm(x, groups, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    """Group normalization (Wu and He, arXiv:1803.08494): each example's groups of neighbouring channels on their own.

    Args:
        x: float tensor of rank 2 or more; the first axis is the batch.
        groups: int, dividing the number of channels.
        gamma, beta: tensors (channels,). None: 1 and 0.
        axis: int, the axis of the channels; not the first.
        epsilon: float, at least 0.

    Returns:
        A tensor of x's shape and dtype.

    Raises:
        ValueError: groups do not divide the channels; axis 0.
    """
    x = float_tensor(x)
    axis = axis_in(axis, len(x.shape))
    c = _channels(x, axis)
    if axis == 0 or groups < 1 or c % groups:
        raise ValueError(f"{groups} groups must divide {c} channels on an axis after the first (axis={axis})")
    moved = moveaxis(x, axis, -1)
    flat = reshape_from(moved, (moved.shape[0], _size(moved.shape[1:-1]), c), (0,))
    operands = [flat, _coefficient(gamma, c, x, 1.0), _coefficient(beta, c, x, 0.0)]
    y, _, _ = apply("group_norm", operands, groups=int(groups), epsilon=float(epsilon))
    return moveaxis(reshape_from(y, moved.shape, (0,)), -1, axis)


def _size(shape):
    return None if None in shape else math.prod(shape)


# --- public functions ------------------------------------------------------------------------------
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, for each place along `axis`.

    Args:
        x: float tensor of any rank above 0.
        mean, variance: tensors (x.shape[axis],).
        axis: int.
        offset, scale: tensors (x.shape[axis],). None: 0 and 1.
        epsilon: float.

    Returns:
        A tensor of x's shape and dtype.
    """
    x = float_tensor(x)
    axis = axis_in(axis, len(x.shape))
    c = _channels(x, axis)
    dtype = dtype_of(x)
    inverse = rsqrt(add(reshape(to_tensor(variance, dtype), (c,)), float(epsilon)))
    if scale is not None:
        inverse = multiply(inverse, _coefficient(scale, c, x, 1.0))
    shift = multiply(reshape(to_tensor(mean, dtype), (c,)), inverse)
    shift = multiply(shift, -1.0) if offset is None else subtract(_coefficient(offset, c, x, 0.0), shift)
    return moveaxis(apply("scale_shift", [moveaxis(x, axis, -1), inverse, shift]), -1, axis)


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over `axis` (Ba et al., arXiv:1607.06450).

    Args:
        x: float tensor. Integers become `floatx()`.
        gamma, beta: tensors of the shape of the normalized axes, or that broadcast with x. None: 1 and 0.
        axis: int or tuple of ints, the axes over which mean and (biased) variance are taken.
        epsilon: float. None: `config.epsilon()`.
        **kwargs: `rms_scaling=True`, deprecated as in Keras: divide by the standard deviation without taking the
            mean out. `rms_normalization` is the published formula.

    Returns:
        A tensor of x's shape and dtype.
    """
    x = float_tensor(x)
    epsilon = float(config.epsilon() if epsilon is None else epsilon)
    rank = len(x.shape)
    axes = axes_in(tuple(axis) if isinstance(axis, (tuple, list)) else (axis,), rank)
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization() got an unexpected keyword argument {next(iter(kwargs))!r}")
    if rms_scaling:
        warn(
            "rms_scaling=True is deprecated: it scales by the standard deviation and not by the root mean square. "
            "Use pykernels.ops.rms_normalization."
        )
        y = multiply(x, rsqrt(add(var(x, axes, keepdims=True), epsilon)))
        return y if gamma is None else multiply(y, _beside(gamma, x, axes))
    shape = tuple(_channels(x, a) for a in axes)
    d = math.prod(shape)
    order = (*(i for i in range(rank) if i not in axes), *axes)
    moved = x if order == tuple(range(rank)) else transpose(x, order)
    kept = moved.shape[: rank - len(axes)]
    fits = all(v is None or tuple(np.shape(v) if not hasattr(v, "shape") else v.shape) == shape for v in (gamma, beta))
    operands = [reshape_from(moved, (_size(kept), d), ())]
    for value, absent in ((gamma, 1.0), (beta, 0.0)):
        operands.append(_coefficient(value if fits else None, d, x, absent))
    y, _, _ = apply("layer_norm", operands, epsilon=epsilon)
    y = reshape_from(y, moved.shape, ())
    if moved is not x:
        y = transpose(y, tuple(sorted(range(rank), key=order.__getitem__)))
    if fits:
        return y
    y = y if gamma is None else multiply(y, _beside(gamma, x, axes))
    return y if beta is None else add(y, _beside(beta, x, axes))


def _beside(value, x, axes):
    """`value` for a product with x: of the axes' shape, it takes their places."""
    value = to_tensor(value, dtype_of(x))
    rank = len(x.shape)
    if len(value.shape) == rank or axes == (rank - 1,):
        return value
    return reshape(value, tuple(x.shape[i] if i in axes else 1 for i in range(rank)))


def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """x / sqrt(mean(x^2) + epsilon) * scale over `axis` (Zhang and Sennrich, arXiv:1910.07467).

    Args:
        x: float tensor. Integers become `floatx()`.
        scale: tensor that broadcasts with x. None: 1.
        axis: int or tuple of ints.
        epsilon: float. None: `config.epsilon()`.

    Returns:
        A tensor of x's shape and dtype.
    """
    x = float_tensor(x)
    x = x if x.shape else reshape(x, (1,))
    epsilon = float(config.epsilon() if epsilon is None else epsilon)
    y = multiply(x, rsqrt(add(reduce_mean(square(x), axis, keepdims=True), epsilon)))
    return y if scale is None else multiply(y, to_tensor(scale, dtype_of(x)))
