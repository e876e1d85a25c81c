"""Shape and layout: the ops that move elements and compute nothing."""

from __future__ import annotations

import itertools
import math
import operator

from ..graph import apply, define
from .shapes import axes_in, axis_in, known, size_of, unknown
from .types import operands, passed_on, to_tensor

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "hstack",
    "moveaxis",
    "ravel",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "transpose",
    "unstack",
    "vstack",
]

TO_END = 2**62  # the stop of a slice that takes all of an unknown extent


# --- definitions -----------------------------------------------------------------------------------
def _reshape_infer(types, attrs):
    (old, dtype), new = types[0], attrs["shape"]
    have, known_part = size_of(old), math.prod(d for d in new if d != -1)
    if have is None:
        return [(unknown(new), dtype)]
    if new.count(-1) > 1:
        raise ValueError(f"There must be at most one unknown dimension (-1) in newshape. Received: newshape={new}.")
    if have != known_part and (-1 not in new or known_part == 0 or have % known_part):
        raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={old}, newshape={new}")
    return [(tuple(have // known_part if d == -1 else d for d in new), dtype)]


def _reshape_grad(node, dy):
    if not node.attrs.get("differentiable", True):
        return [None]
    return [reshape(dy, node.inputs[0].shape)]


def _reshape_complete(types, attrs):
    sources, x = attrs.get("sources"), types[0][0]
    if sources is None:
        return attrs
    places = (*sources, *[None] * len(attrs["shape"]))
    shape = tuple(
        d if d != -1 or i is None or x[i] is None else x[i] for d, i in zip(attrs["shape"], places, strict=False)
    )
    rest = {key: value for key, value in attrs.items() if key not in ("sources", "repeated")}
    return {**attrs, "shape": shape} if shape.count(-1) > 1 else {**rest, "shape": shape}


define("reshape", infer=_reshape_infer, grad=_reshape_grad, complete=_reshape_complete)


def _broadcast_to_infer(types, attrs):
    (old, dtype), new = types[0], unknown(attrs["shape"])
    lead = len(new) - len(old)  # an extent that was unknown when the model was built is x's own
    new = tuple(old[i - lead] if d is None and i >= lead else d for i, d in enumerate(new))
    tail = new[len(new) - len(old) :] if len(old) <= len(new) else ()
    if len(tail) != len(old) or any(a not in (1, b, None) and b is not None for a, b in zip(old, tail, strict=True)):
        raise ValueError(f"Cannot broadcast a tensor of shape {old} to shape {new}")
    return [(new, dtype)]


def _broadcast_to_grad(node, dy):
    x = node.inputs[0]
    lead = len(dy.shape) - len(x.shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, d in enumerate(x.shape) if d == 1)
    return [reshape(apply("sum", [dy], axes=axes, keepdims=False), x.shape) if axes else dy]


define("broadcast_to", infer=_broadcast_to_infer, grad=_broadcast_to_grad)


def _inverse(axes):
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


define(
    "transpose",
    infer=lambda types, attrs: [(tuple(types[0][0][a] for a in attrs["axes"]), types[0][1])],
    grad=lambda node, dy: [apply("transpose", [dy], axes=_inverse(node.attrs["axes"]))],
)


def _extent(n, start, stop, step):
    if n is None:
        return None
    return len(range(min(start, n), min(stop, n), step) if step > 0 else range(start, stop, step))


def _slice_infer(types, attrs):
    shape, dtype = types[0]
    return [(tuple(map(_extent, shape, attrs["start"], attrs["stop"], attrs["step"])), dtype)]


def _slice_grad(node, dy):
    attrs = node.attrs
    return [
        apply(
            "slice_grad", [dy], start=attrs["start"], stop=attrs["stop"], step=attrs["step"], shape=node.inputs[0].shape
        )
    ]


def _slice_complete(types, attrs):
    """A start of TO_END, of a slice that runs backwards over an extent that was unknown, is its last element."""
    if TO_END not in attrs["start"]:
        return attrs
    start = (n - 1 if s == TO_END and n is not None else s for n, s in zip(types[0][0], attrs["start"], strict=True))
    return {**attrs, "start": tuple(start)}


define("slice", infer=_slice_infer, grad=_slice_grad, complete=_slice_complete)
define(
    "slice_grad",
    infer=lambda types, attrs: [(attrs["shape"], types[0][1])],
    grad=lambda node, dy: [apply("slice", [dy], **{k: node.attrs[k] for k in ("start", "stop", "step")})],
)


def _concatenate_infer(types, attrs):
    axis, (first, dtype) = attrs["axis"], types[0]
    total = 0
    for shape, other in types:
        if len(shape) != len(first) or any(
            i != axis and None not in (a, b) and a != b for i, (a, b) in enumerate(zip(first, shape, strict=True))
        ):
            raise ValueError(
                "Every value in `xs` must have the same shape except on the "
                f"concatenation axis. But found element of shape {shape}, "
                f"which is different from the first element's shape {first}; axis={axis}"
            )
        if other != dtype:
            raise ValueError(f"concatenate needs one dtype, got {dtype} and {other}")
        total = None if total is None or shape[axis] is None else total + shape[axis]
    merged = [next((d for d in dims if d is not None), None) for dims in zip(*(s for s, _ in types), strict=True)]
    merged[axis] = total
    return [(tuple(merged), dtype)]


def _concatenate_grad(node, dy):
    axis, at, parts = node.attrs["axis"], 0, []
    for x in node.inputs:
        parts.append(slice_axis(dy, axis, at, at + x.shape[axis]))
        at += x.shape[axis]
    return parts


define("concatenate", infer=_concatenate_infer, grad=_concatenate_grad)


def _pad_infer(types, attrs):
    shape, dtype = types[0]
    padded = (None if d is None else d + b + a for d, b, a in zip(shape, attrs["before"], attrs["after"], strict=True))
    return [(tuple(padded), dtype)]


def _pad_grad(node, dy):
    before, shape = node.attrs["before"], node.inputs[0].shape
    stop = tuple(b + d for b, d in zip(before, shape, strict=True))
    return [apply("slice", [dy], start=before, stop=stop, step=(1,) * len(shape))]


define("pad", infer=_pad_infer, grad=_pad_grad)


# --- public functions ------------------------------------------------------------------------------
def reshape(x, newshape):
    """x with the same elements in a new shape.

    Args:
        x: tensor.
        newshape: int or sequence of ints. One of them may be -1: it follows from the number of elements. None is an
            unknown extent of x, as `ops.shape` gives it, which stays; in the absence of -1 it may be another.

    Raises:
        ValueError: the number of elements would change.
    """
    x = to_tensor(x)
    dims = newshape if isinstance(newshape, (tuple, list)) else (newshape,)
    dims = [None if d is None else operator.index(d) for d in dims]
    if dims.count(-1) > 1:
        raise ValueError(
            f"There must be at most one unknown dimension (-1) in newshape. Received: newshape={newshape}."
        )
    if -1 in dims and None in dims and dims.count(None) == x.shape.count(None):
        # the unknown extents stay: what is free follows from the known ones
        have, want = (math.prod(d for d in shape if d not in (None, -1)) for shape in (x.shape, dims))
        if want == 0 or have % want:
            raise ValueError(
                "The total size of the tensor must be unchanged. "
                f"Received: input_shape={tuple(x.shape)}, newshape={tuple(dims)}"
            )
        dims[dims.index(-1)] = have // want
    stay = [(d is None and n is None) or d == n for d, n in zip(dims, x.shape, strict=False)]
    return reshape_from(x, dims, range((*stay, False).index(False)))


def reshape_from(x, dims, sources):
    """`x` reshaped to `dims`, of which several may be unknown: then `sources` has the axis of x that has the extent of
    the i-th of them, or None where it follows from the others."""
    shape = known(dims)
    if shape.count(-1) < 2:
        return apply("reshape", [x], shape=shape)
    return apply("reshape", [x], shape=shape, sources=tuple(sources))


def ravel(x):
    """x as one dimension."""
    return reshape(x, (-1,)) if size_of(to_tensor(x).shape) != 0 else reshape(x, (0,))


def squeeze(x, axis=None):
    """x without dimensions of extent 1: all of them, or those in `axis` (int or tuple).

    Raises:
        ValueError: an axis in `axis` has another extent.
    """
    x = to_tensor(x)
    if axis is None:
        axes = tuple(i for i, d in enumerate(x.shape) if d == 1)
    else:
        axes = axes_in(axis, len(x.shape))
        if any(x.shape[a] not in (1, None) for a in axes):
            raise ValueError(f"Cannot squeeze axis={axis}, because the dimension is not 1. Received: shape={x.shape}")
    kept = [i for i in range(len(x.shape)) if i not in axes]
    return reshape_from(x, tuple(x.shape[i] for i in kept), kept)


def expand_dims(x, axis):
    """x with dimensions of extent 1 put in so that they are at `axis` (int or tuple) of the result."""
    x = to_tensor(x)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = len(x.shape) + len(axes)
    axes = axes_in(tuple(axes), rank)
    places = iter(range(len(x.shape)))
    sources = [None if i in axes else next(places) for i in range(rank)]
    return reshape_from(x, tuple(1 if i is None else x.shape[i] for i in sources), sources)


def transpose(x, axes=None):
    """x with its axes in the order `axes`; reversed by default.

    Raises:
        ValueError: `axes` is not a permutation of x's axes.
    """
    x = to_tensor(x)
    rank = len(x.shape)
    order = tuple(range(rank))[::-1] if axes is None else tuple(axis_in(a, rank, "axes") for a in axes)
    if sorted(order) != list(range(rank)):
        raise ValueError(f"axes must be a permutation of the axes of x. Received: axes={axes}, x.shape={x.shape}")
    return passed_on(x) if order == tuple(range(rank)) else apply("transpose", [x], axes=order)


def swapaxes(x, axis1, axis2):
    """x with two axes exchanged."""
    x = to_tensor(x)
    order = list(range(len(x.shape)))
    a, b = axis_in(axis1, len(order), "axis1"), axis_in(axis2, len(order), "axis2")
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x, source, destination):
    """x with the axes `source` (int or tuple) at the positions `destination`; the others keep their order."""
    x = to_tensor(x)
    rank = len(x.shape)
    source, destination = (
        tuple(axis_in(a, rank, name) for a in (axes if isinstance(axes, (tuple, list)) else (axes,)))
        for axes, name in ((source, "source"), (destination, "destination"))
    )
    if len(source) != len(destination):
        raise ValueError(f"`source` and `destination` must have the same length, got {source} and {destination}")
    order = [i for i in range(rank) if i not in source]
    for to, a in sorted(zip(destination, source, strict=True)):
        order.insert(to, a)
    return transpose(x, order)


def broadcast_to(x, shape):
    """x repeated along dimensions of extent 1, and new leading ones, to `shape`; ValueError when it cannot be."""
    x = to_tensor(x)
    return passed_on(x) if tuple(x.shape) == tuple(shape) else apply("broadcast_to", [x], shape=known(shape))


def _one_dtype(xs, name):
    if not isinstance(xs, (tuple, list)) or not xs:
        raise ValueError(f"`{name}` takes a non-empty list of tensors, got {xs!r}")
    xs = [to_tensor(x) for x in xs]
    return operands(*xs)


def concatenate(xs, axis=0):
    """Tensors joined along an existing axis.

    Args:
        xs: list of tensors of one rank, of the same shape except along `axis`. They are promoted to one dtype.
        axis: int.

    Raises:
        ValueError: the shapes do not fit, naming them.
    """
    xs = _one_dtype(xs, "concatenate")
    if not xs[0].shape:
        raise ValueError("zero-dimensional arrays cannot be concatenated; use `stack`")
    return apply("concatenate", xs, axis=axis_in(axis, len(xs[0].shape)))


def stack(x, axis=0):
    """Tensors of one shape joined along a new axis. Raises ValueError when the shapes differ."""
    xs = _one_dtype(x, "stack")
    if any(tuple(t.shape) != tuple(xs[0].shape) for t in xs):
        raise ValueError(f"all input arrays must have the same shape. Received: {[tuple(t.shape) for t in xs]}")
    return concatenate([expand_dims(t, axis) for t in xs], axis)


def hstack(xs):
    """Tensors joined along axis 1 (axis 0 for one-dimensional ones)."""
    xs = [ravel(x) if not to_tensor(x).shape else to_tensor(x) for x in xs]
    return concatenate(xs, 0 if len(xs[0].shape) == 1 else 1)


def vstack(xs):
    """Tensors joined along axis 0; one-dimensional ones are rows."""
    return concatenate([reshape(x, (1, -1)) if len(to_tensor(x).shape) < 2 else x for x in xs], 0)


def slice_axis(x, axis: int, start: int, stop: int, step: int = 1):
    """x[start:stop:step] along one axis, with 0 <= start, as a `slice` node."""
    starts, stops, steps = ([v] * len(x.shape) for v in (0, TO_END, 1))
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return apply("slice", [x], start=tuple(starts), stop=tuple(stops), step=tuple(steps))


def split(x, indices_or_sections, axis=0):
    """x cut into parts along an axis.

    Args:
        x: tensor.
        indices_or_sections: int, the number of equal parts; or a sequence of the indices at which to cut.
        axis: int.

    Returns:
        A list of tensors.

    Raises:
        ValueError: the extent is not a multiple of the number of parts, or is unknown.
    """
    x = to_tensor(x)
    axis = axis_in(axis, len(x.shape))
    n = x.shape[axis]
    if n is None:
        raise ValueError(f"Cannot split axis {axis} of unknown extent. Received: x.shape={x.shape}")
    if hasattr(indices_or_sections, "__index__"):
        sections = operator.index(indices_or_sections)
        if sections < 1 or n % sections:
            raise ValueError(
                "`x` size on given `axis` must be divisible by `indices_or_sections` when `indices_or_sections` is an "
                f"int. But received {n} and {indices_or_sections}."
            )
        cuts = [n // sections * i for i in range(sections + 1)]
    else:
        cuts = [0, *(min(max(int(i) + (n if i < 0 else 0), 0), n) for i in indices_or_sections), n]
    return [slice_axis(x, axis, a, max(a, b)) for a, b in itertools.pairwise(cuts)]


def unstack(x, num=None, axis=0):
    """The list of slices of x along `axis`, without that axis; `num`, when given, must be their number."""
    x = to_tensor(x)
    n = x.shape[axis_in(axis, len(x.shape))]
    if n is None or (num is not None and num != n):
        raise ValueError(f"Cannot infer argument `num` from shape {x.shape}: got num={num}, extent {n} at axis {axis}")
    return [squeeze(part, axis) for part in split(x, n, axis)] if n else []
