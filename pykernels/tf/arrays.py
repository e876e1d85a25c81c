"""`tf.constant`, `tf.range`, `tf.concat` and the other functions of arrays, with TensorFlow's arguments."""

from __future__ import annotations

import operator

import numpy as np

from .. import ops
from ..graph import EagerArray, Variable, eager
from ..graph import Tensor as SymbolicTensor
from ..ops.types import dtype_of, is_float, is_symbolic, to_tensor
from ..utils.renamed import renamed
from ..utils.text import as_text, is_text, object_array
from .dtypes import TensorShape, supported

__all__ = [
    *("argsort", "boolean_mask", "cast", "concat", "constant", "convert_to_tensor", "ensure_shape", "expand_dims"),
    *(
        "eye",
        "fill",
        "gather",
        "gather_nd",
        "identity",
        "is_tensor",
        "linspace",
        "meshgrid",
        "one_hot",
        "ones",
    ),
    *("ones_like", "pad", "print", "range", "rank", "repeat", "reshape", "reverse", "roll", "scatter_nd"),
    *("searchsorted", "sequence_mask", "shape", "size", "slice", "sort", "split", "squeeze", "stack", "stop_gradient"),
    *("tensor_scatter_nd_add", "tensor_scatter_nd_update", "tile", "transpose", "unique", "unique_with_counts"),
    *("unstack", "where", "zeros", "zeros_like", "broadcast_to"),
    *("to_float", "to_int32", "to_int64"),
]


def _ints(shape):
    """Extents given as ints, a list with arrays in it, or an array."""
    if isinstance(shape, SymbolicTensor):
        raise ValueError(f"a shape must be known when it is used; got the symbolic tensor {shape!r}")
    if hasattr(shape, "__index__") and not np.ndim(shape):
        return (operator.index(shape),)
    return tuple(None if d is None else int(d) for d in shape)


def constant(value, dtype=None, shape=None, name="Const"):
    """An array of `value`: floats become float32, ints int32, unless `dtype` says otherwise.

    Args:
        value: number, nested lists of numbers, array, or texts, which become an array of texts.
        dtype: Default None.
        shape: to which the values are reshaped, or one value is repeated.
        name: accepted as in TensorFlow. It has no effect.
    """
    if _is_text(value):
        texts = _texts(value)
        return texts if shape is None else eager(np.reshape(np.asarray(texts), _ints(shape)))
    x = ops.convert_to_tensor(value, supported(dtype))
    if shape is None:
        return x
    shape = _ints(shape)
    return ops.broadcast_to(x, shape) if x.size == 1 else ops.reshape(x, shape)


def _is_text(value) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes)) or is_text(value)


def _texts(value) -> EagerArray:
    """Texts as TensorFlow has them: an array of bytes."""
    texts = as_text(value)
    encoded = [item.encode() for item in texts.ravel()]
    return eager(np.asarray(object_array(encoded).reshape(texts.shape)))


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """`value` as a tensor of `dtype`; `dtype_hint` is taken where nothing else says."""
    if dtype is None and dtype_hint is not None and not hasattr(value, "dtype"):
        dtype = dtype_hint
    return constant(value, dtype)


def identity(input, name=None):  # noqa: A002 - TensorFlow's name
    """The same values, as a tensor of their own."""
    if _is_text(input):
        return _texts(input)
    return ops.convert_to_tensor(input)


def is_tensor(x) -> bool:
    """Whether x is a tensor or a variable; NumPy's own arrays are not."""
    return isinstance(x, (SymbolicTensor, Variable, EagerArray))


def zeros(shape, dtype="float32", name=None):
    """Zeros."""
    return ops.zeros(_ints(shape), supported(dtype))


def ones(shape, dtype="float32", name=None):
    """Ones."""
    return ops.ones(_ints(shape), supported(dtype))


def fill(dims, value, name=None):
    """An array of shape `dims` with `value` everywhere, of its dtype."""
    value = to_tensor(value)
    return ops.full(_ints(dims), value, dtype_of(value))


def zeros_like(input, dtype=None, name=None):  # noqa: A002
    """Zeros of the shape of `input`."""
    return ops.zeros_like(input, supported(dtype))


def ones_like(input, dtype=None, name=None):  # noqa: A002
    """Ones of the shape of `input`."""
    return ops.ones_like(input, supported(dtype))


def eye(num_rows, num_columns=None, batch_shape=None, dtype="float32", name=None):
    """Identity matrices of shape batch_shape + (num_rows, num_columns)."""
    one = ops.eye(num_rows, num_columns, dtype=supported(dtype))
    return one if batch_shape is None else ops.broadcast_to(one, (*_ints(batch_shape), *one.shape))


def range(start, limit=None, delta=1, dtype=None, name="range"):  # noqa: A001
    """Numbers from `start` (0 when only one is given) up to but not including `limit`, `delta` apart."""
    start, limit, delta = (v if v is None else np.asarray(v)[()] for v in (start, limit, delta))
    start, limit = (0, start) if limit is None else (start, limit)
    kinds = [v for v in (start, limit, delta) if isinstance(v, np.generic)]
    if dtype is None:
        whole = all(np.asarray(v).dtype.kind in "iu" for v in (start, limit, delta))
        wide = any(v.dtype in ("int64", "float64") and type(v) is not float for v in kinds if isinstance(v, np.ndarray))
        dtype = ("int64" if wide else "int32") if whole else "float32"
    return ops.arange(start, limit, delta, supported(dtype))


def linspace(start, stop, num, name=None, axis=0):
    """`num` numbers from `start` to `stop`, evenly spaced."""
    return ops.linspace(start, stop, int(num), axis=axis)


def cast(x, dtype, name=None):
    """x converted to `dtype`."""
    return ops.cast(x, supported(dtype))


def shape(input, out_type="int32", name=None):  # noqa: A002
    """The shape of a tensor: integers, or a tuple with None where an extent is not known yet."""
    dims = ops.shape(input)
    return dims if None in dims else eager(np.asarray(dims, supported(out_type)))


def size(input, out_type="int32", name=None):  # noqa: A002
    """The number of elements."""
    n = ops.size(input)
    return n if n is None else eager(np.asarray(n, supported(out_type)))


def rank(input, name=None):  # noqa: A002
    """The number of axes."""
    return eager(np.asarray(ops.ndim(input), "int32"))


def ensure_shape(x, shape, name=None):
    """x, if its shape is compatible with `shape`. Raises ValueError otherwise."""
    TensorShape(shape).assert_is_compatible_with(ops.shape(x))
    return ops.convert_to_tensor(x)


def reshape(tensor, shape, name=None):
    """The same elements in another shape; -1 follows from the others."""
    if _is_text(tensor):
        return _texts(tensor).reshape(_ints(shape))
    return ops.reshape(tensor, _ints(shape))


def expand_dims(input, axis=None, name=None, dim=None):  # noqa: A002
    """`input` with an axis of extent 1 at `axis` (`dim` of TensorFlow 1)."""
    axis = dim if axis is None else axis
    if axis is None:
        raise ValueError("tf.expand_dims needs `axis`")
    if _is_text(input):
        return eager(np.expand_dims(np.asarray(_texts(input)), int(axis)))
    return ops.expand_dims(input, int(axis))


def squeeze(input, axis=None, name=None, squeeze_dims=None):  # noqa: A002
    """`input` without axes of extent 1, or those in `axis` (`squeeze_dims` of TensorFlow 1)."""
    axis = squeeze_dims if axis is None else axis
    axis = tuple(axis) if isinstance(axis, list) else axis
    return eager(np.squeeze(np.asarray(_texts(input)), axis)) if _is_text(input) else ops.squeeze(input, axis)


def transpose(a, perm=None, conjugate=False, name="transpose"):
    """The axes of `a` in the order `perm`; reversed by default. `conjugate` changes nothing: numbers are real."""
    return ops.transpose(a, None if perm is None else _ints(perm))


def concat(values, axis=0, name="concat", concat_dim=None):
    """Tensors joined along an axis. TensorFlow before 1.0 had the axis first: `concat(axis, values)`."""
    if hasattr(values, "__index__") and not hasattr(axis, "__index__"):
        values, axis = axis, values
    axis = axis if concat_dim is None else concat_dim
    if any(_is_text(value) for value in values):
        return eager(np.concatenate([np.asarray(_texts(value)) for value in values], int(axis)))
    return ops.concatenate(list(values), int(axis))


def stack(values, axis=0, name="stack"):
    """Tensors of one shape joined along a new axis."""
    if any(_is_text(value) for value in values):
        return eager(np.stack([np.asarray(_texts(value)) for value in values], int(axis)))
    return ops.stack(list(values), int(axis))


def unstack(value, num=None, axis=0, name="unstack"):
    """The slices along an axis, as a list."""
    return ops.unstack(value, num, axis)


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """A tensor cut along an axis: into a number of equal parts, or parts of the sizes given (-1: the rest)."""
    if hasattr(num_or_size_splits, "__index__") and not np.ndim(num_or_size_splits):
        return ops.split(value, int(num_or_size_splits), axis)
    sizes = [int(n) for n in num_or_size_splits]
    if -1 in sizes:
        sizes[sizes.index(-1)] = ops.shape(value)[axis] - sum(n for n in sizes if n != -1)
    return ops.split(value, [int(n) for n in np.cumsum(sizes)[:-1]], axis)


def tile(input, multiples, name=None):  # noqa: A002
    """`input` put side by side `multiples[i]` times along each axis."""
    return ops.tile(input, _ints(multiples))


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """`on_value` (1) at each index along a new axis of extent `depth`, `off_value` (0) elsewhere.

    Args:
        indices: integer tensor; those outside [0, depth) give `off_value`s alone.
        depth: int.
        on_value, off_value: numbers.
        axis: where the new axis is. Default None: last.
        dtype: that of the values; "float32" by default.
        name: accepted as in TensorFlow. It has no effect.
    """
    given = next((v for v in (on_value, off_value) if v is not None), None)
    dtype = supported(dtype) or ("float32" if given is None else dtype_of(to_tensor(given)))
    hot = ops.one_hot(indices, int(depth), -1 if axis is None else axis, dtype)
    if given is None:
        return hot
    on, off = (to_tensor(default if v is None else v, dtype) for v, default in ((on_value, 1), (off_value, 0)))
    return ops.where(ops.cast(hot, "bool"), on, off)


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """The slices of `params` at `indices` along `axis` (`batch_dims` by default).

    The first `batch_dims` axes of both are gone through side by side; they may be 0 or 1.
    """
    axis = batch_dims if axis is None else axis
    if _is_text(params) and not batch_dims:
        return eager(np.take(np.asarray(_texts(params)), np.asarray(indices), axis))
    if not batch_dims:
        return ops.take(params, indices, axis)
    if batch_dims != 1 or axis != 1:
        raise ValueError(f"tf.gather of pykernels takes batch_dims=1 with axis=1, got {batch_dims} and {axis}")
    params, indices = to_tensor(params), to_tensor(indices)
    spread = ops.reshape(indices, (*indices.shape[:1], -1, *(1,) * (len(params.shape) - 2)))
    spread = ops.broadcast_to(spread, (*spread.shape[:2], *params.shape[2:]))
    found = ops.take_along_axis(params, spread, 1)
    return ops.reshape(found, (*indices.shape, *params.shape[2:]))


def gather_nd(params, indices, batch_dims=0, name=None):
    """The slices of `params` at places in its first axes: indices (..., k)."""
    if batch_dims:
        raise ValueError("tf.gather_nd of pykernels takes batch_dims=0")
    params, indices = to_tensor(params), to_tensor(indices)
    k = indices.shape[-1]
    places = None
    for i, n in enumerate(params.shape[:k]):
        part = ops.take(indices, i, axis=-1)
        places = part if places is None else places * n + part
    return ops.take(ops.reshape(params, (-1, *params.shape[k:])), places, axis=0)


def boolean_mask(tensor, mask, axis=None, name="boolean_mask"):
    """The elements where `mask` is true. Of values only: their number is not known before."""
    if is_symbolic(tensor) or is_symbolic(mask):
        raise ValueError(
            "tf.boolean_mask of a symbolic tensor has a result of unknown shape; use tf.where, or sums weighted with "
            "the mask"
        )
    x, chosen, axis = np.asarray(tensor), np.asarray(mask), axis or 0
    return eager(x[(np.s_[:],) * axis + (chosen,)])


def where(condition, x=None, y=None, name=None):
    """x where `condition`, y elsewhere; of the condition alone the places where it holds, (n, rank), int64."""
    if (x is None) != (y is None):
        raise ValueError("x and y must both be non-None or both be None.")
    if x is not None:
        return ops.where(condition, x, y)
    return eager(np.stack(ops.nonzero(condition), -1).astype("int64"))


def scatter_nd(indices, updates, shape, name=None):
    """Zeros of `shape` to which `updates` are added at `indices`."""
    return ops.scatter(indices, updates, _ints(shape))


def tensor_scatter_nd_update(tensor, indices, updates, name=None):
    """`tensor` with `updates` at `indices`."""
    return _scattered(tensor, indices, updates, None)


def tensor_scatter_nd_add(tensor, indices, updates, name=None):
    """`tensor` with `updates` added at `indices`."""
    return _scattered(tensor, indices, updates, "add")


def _scattered(tensor, indices, updates, reduction):
    indices, updates = to_tensor(indices), to_tensor(updates)
    k = indices.shape[-1]
    flat = ops.reshape(updates, (-1, *ops.shape(tensor)[k:]))
    return ops.scatter_update(tensor, ops.reshape(indices, (-1, k)), flat, reduction)


_PAD_MODES = ("constant", "reflect", "symmetric")


def pad(tensor, paddings, mode="CONSTANT", constant_values=0, name=None):
    """`tensor` with elements added at the ends of its axes: `paddings` has a pair for each."""
    if mode.lower() not in _PAD_MODES:
        raise ValueError(f"Value for argument `mode` expected to be one of {_PAD_MODES}. Received: {mode}")
    widths = [tuple(int(n) for n in pair) for pair in paddings]
    return ops.pad(tensor, widths, mode.lower(), constant_values if mode.lower() == "constant" else None)


def reverse(tensor, axis, name=None):
    """`tensor` in reverse order along the axes."""
    return ops.flip(tensor, _ints(axis))


def roll(input, shift, axis, name=None):  # noqa: A002
    """The elements moved `shift` places along `axis`, or several of them."""
    x = to_tensor(input)
    if np.ndim(shift):
        for s, a in zip(_ints(shift), _ints(axis), strict=True):
            x = ops.roll(x, s, a)
        return x
    return ops.roll(x, int(shift), int(axis))


def repeat(input, repeats, axis=None, name=None):  # noqa: A002
    """Each element along `axis` repeated."""
    return ops.repeat(input, repeats, axis)


def _direction(direction):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"Argument `direction` should be 'ASCENDING' or 'DESCENDING'. Received: {direction}")
    return direction == "DESCENDING"


def sort(values, axis=-1, direction="ASCENDING", name=None):
    """The values in ascending (or `"DESCENDING"`) order along an axis."""
    ordered = ops.sort(values, axis)
    return ops.flip(ordered, axis) if _direction(direction) else ordered


def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """int32: where the values in order along an axis are. Equal ones keep their order, whatever `stable` says."""
    values = to_tensor(values)
    if _direction(direction):
        values = -values if is_float(dtype_of(values)) else -1 - ops.cast(values, "int64")
    return ops.argsort(values, axis)


def searchsorted(sorted_sequence, values, side="left", out_type="int32", name=None):
    """Where to put `values` into ascending sequences (along the last axis) so that they stay ascending."""
    sequence, values = to_tensor(sorted_sequence), to_tensor(values)
    if len(sequence.shape) < 2:
        return ops.cast(ops.searchsorted(sequence, values, side), supported(out_type))
    compare = ops.less if side == "left" else ops.less_equal
    before = compare(ops.expand_dims(sequence, -2), ops.expand_dims(values, -1))
    return ops.sum(ops.cast(before, supported(out_type)), -1)


def unique(x, out_idx="int32", name=None):
    """(the different elements in the order in which they come, the place of each element of x among them)."""
    return unique_with_counts(x, out_idx)[:2]


def unique_with_counts(x, out_idx="int32", name=None):
    """As `unique`, and how often each is there."""
    if is_symbolic(x):
        raise ValueError("tf.unique of a symbolic tensor has a result of unknown shape")
    x = np.asarray(to_tensor(x))
    values, first, inverse, counts = np.unique(x, True, True, True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    kind = supported(out_idx)
    return eager((values[order], place[inverse.reshape(-1)].astype(kind), counts[order].astype(kind)))


def meshgrid(*args, indexing="xy", name=None):
    """A grid of the coordinates in each of the vectors."""
    return ops.meshgrid(*args, indexing=indexing)


def sequence_mask(lengths, maxlen=None, dtype="bool", name=None):
    """Whether i < lengths[...], for i from 0 to `maxlen` (the largest length by default) along a new last axis."""
    lengths = to_tensor(lengths)
    maxlen = int(np.max(np.asarray(lengths))) if maxlen is None else int(maxlen)
    return ops.cast(ops.less(np.arange(maxlen, dtype="int32"), ops.expand_dims(lengths, -1)), supported(dtype))


def print(*inputs, output_stream=None, summarize=3, sep=" ", end="\n", name=None):  # noqa: A001
    """Prints values to the standard error stream, or `output_stream`, as TensorFlow does."""
    import builtins
    import sys

    limits = np.printoptions(edgeitems=summarize, threshold=2 * summarize, suppress=False)
    with limits:
        builtins.print(*inputs, sep=sep, end=end, file=output_stream or sys.stderr)


def _simple(name, op, arguments):
    return renamed(name, op, arguments, __name__, ("name",))


broadcast_to = _simple("broadcast_to", lambda x, shape: ops.broadcast_to(x, _ints(shape)), "input, shape, name=None")
slice = _simple(  # noqa: A001
    "slice", lambda x, begin, size: ops.slice(x, _ints(begin), _ints(size)), "input_, begin, size, name=None"
)
stop_gradient = _simple("stop_gradient", ops.stop_gradient, "input, name=None")
to_float = _simple("to_float", lambda x: ops.cast(x, "float32"), "x, name='ToFloat'")
to_int32 = _simple("to_int32", lambda x: ops.cast(x, "int32"), "x, name='ToInt32'")
to_int64 = _simple("to_int64", lambda x: ops.cast(x, "int64"), "x, name='ToInt64'")
