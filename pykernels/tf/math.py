"""`tf.math`, with TensorFlow's arguments."""

from __future__ import annotations

import functools

import numpy as np

from .. import ops
from ..ops.types import dtype_of, float_tensor, to_tensor
from ..utils.renamed import renamed
from .dtypes import supported

_UNARY = {
    **{
        name: name
        for name in (
            *(
                "abs",
                "ceil",
                "cos",
                "cosh",
                "erf",
                "erfc",
                "erfinv",
                "exp",
                "expm1",
                "floor",
                "log",
                "log1p",
                "negative",
            ),
            *("logical_not", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "softplus", "softsign"),
            *("sqrt", "square", "tan", "tanh", "real", "imag", "conj", "angle", "log_sigmoid"),
        )
    },
    **{
        "acos": "arccos",
        "acosh": "arccosh",
        "asin": "arcsin",
        "asinh": "arcsinh",
        "atan": "arctan",
        "atanh": "arctanh",
    },
    **{"is_nan": "isnan", "is_inf": "isinf", "is_finite": "isfinite", "rint": "round", "bessel_i0": "i0"},
}
_BINARY = {
    **{
        name: name
        for name in (
            *("add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "greater", "greater_equal"),
            *("less", "less_equal", "logical_and", "logical_or", "logical_xor", "squared_difference", "divide_no_nan"),
        )
    },
    **{"atan2": "arctan2", "divide": "divide", "truediv": "divide", "floordiv": "floor_divide", "floormod": "mod"},
    **{"mod": "mod", "pow": "power", "div": "divide", "realdiv": "divide", "div_no_nan": "divide_no_nan"},
}
_REDUCTIONS = {
    **{f"reduce_{name}": name for name in ("sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "std")},
    **{"reduce_variance": "var", "count_nonzero": "count_nonzero"},
}


def _axis(axis):
    if axis is None or isinstance(axis, int):
        return axis
    return tuple(int(a) for a in axis) if np.ndim(axis) else int(axis)


def _reduction(name, op):
    def function(
        input_tensor=None, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None, dtype=None
    ):
        axis = reduction_indices if axis is None else axis
        keepdims = bool(keep_dims if keepdims is None else keepdims)
        if op is ops.count_nonzero:
            found = ops.sum(ops.cast(ops.not_equal(to_tensor(input_tensor), 0), "int64"), _axis(axis), keepdims)
            return ops.cast(found, supported(dtype or "int64"))
        if op in (ops.sum, ops.prod, ops.mean) and isinstance(input_tensor, (list, tuple)):
            input_tensor = to_tensor(list(input_tensor))
        y = op(input_tensor, _axis(axis), keepdims)
        whole = op is ops.mean and dtype_of(to_tensor(input_tensor)) in ("int32", "int64")
        return ops.cast(y, dtype_of(to_tensor(input_tensor))) if whole else y  # TensorFlow's mean of ints is an int

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"`ops.{op.__name__}` over `axis`, with TensorFlow's arguments: `keepdims` (`keep_dims`), `axis` "
        "(`reduction_indices`), `dtype` of `count_nonzero`; `name` has no effect."
    )
    return function


def _simple(name, op, arguments):
    return renamed(name, op, arguments, __name__, ("name",))


for _name, _op in _UNARY.items():
    globals()[_name] = _simple(_name, getattr(ops, _op), "x, name=None")
for _name, _op in _BINARY.items():
    globals()[_name] = _simple(_name, getattr(ops, _op), "x, y, name=None")
for _name, _op in _REDUCTIONS.items():
    globals()[_name] = _reduction(_name, getattr(ops, _op))


def _position(name, op):
    def function(input, axis=None, output_type="int64", name=None, dimension=None):  # noqa: A002
        axis = dimension if axis is None else axis
        return ops.cast(op(input, 0 if axis is None else int(axis)), supported(output_type))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`ops.{name}` along `axis` (0 by default, as in TensorFlow; `dimension` of version 1), int64."
    return function


argmax, argmin = _position("argmax", ops.argmax), _position("argmin", ops.argmin)


def _cumulative(name, op, neutral):
    def function(x, axis=0, exclusive=False, reverse=False, name=None):
        x, axis = to_tensor(x), int(axis)
        y = ops.flip(x, axis) if reverse else x
        y = op(y, axis)
        if exclusive:
            widths = [(0, 0)] * len(x.shape)
            widths[axis] = (1, 0)
            n = x.shape[axis]
            y = ops.pad(y, widths, constant_values=neutral)
            y = ops.take(y, np.arange(n, dtype="int32"), axis=axis)
        return ops.flip(y, axis) if reverse else y

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"`ops.{name}` along `axis` (0 by default); `exclusive`: without the element itself; `reverse`: from the end."
    )
    return function


cumsum, cumprod = _cumulative("cumsum", ops.cumsum, 0), _cumulative("cumprod", ops.cumprod, 1)


def add_n(inputs, name=None):
    """The sum of a list of tensors."""
    return functools.reduce(ops.add, inputs)


accumulate_n = add_n


def multiply_no_nan(x, y, name=None):
    """x y, and 0 where y is 0, whatever x is."""
    y = to_tensor(y)
    return ops.where(ops.equal(y, 0), ops.zeros_like(y), ops.multiply(x, y))


def xlogy(x, y, name=None):
    """x log(y), and 0 where x is 0."""
    x = float_tensor(x)
    zero = ops.equal(x, 0)
    return ops.where(zero, ops.zeros_like(x), ops.multiply(x, ops.log(ops.where(zero, 1.0, y))))


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype="int32", name=None, axis=None):
    """How often each of 0, 1, 2, ... is in `arr`, or the sum of their weights; numbers from `maxlength` on are left
    out. `axis=-1`: for each row."""
    arr = to_tensor(arr)
    flat = arr if axis == -1 else ops.reshape(arr, (-1,))
    weights = weights if weights is None or axis == -1 else ops.reshape(weights, (-1,))
    found = ops.bincount(flat, weights, minlength or 0)
    found = found if maxlength is None or found.shape[-1] <= maxlength else found[..., : int(maxlength)]
    return found if weights is not None else ops.cast(found, supported(dtype))


def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype="int32", name=None):
    """How often each class (row) was predicted as each (column); their weights' sums with `weights`."""
    labels, predictions = (ops.cast(ops.reshape(to_tensor(v), (-1,)), "int32") for v in (labels, predictions))
    if num_classes is None:
        num_classes = int(max(np.max(np.asarray(labels)), np.max(np.asarray(predictions)))) + 1
    ones = np.ones(labels.shape, supported(dtype)) if weights is None else ops.cast(weights, supported(dtype))
    return ops.scatter(ops.stack([labels, predictions], -1), ones, (int(num_classes), int(num_classes)))


def l2_normalize(x, axis=None, epsilon=1e-12, name=None, dim=None):
    """x / sqrt(max(sum(x^2), epsilon)) over `axis` (`dim` of TensorFlow 1)."""
    x, axis = to_tensor(x), _axis(dim if axis is None else axis)
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), epsilon))


def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False, name=None):
    """sqrt(sum(x^2)) over `axis`."""
    return ops.sqrt(ops.sum(ops.square(float_tensor(input_tensor)), _axis(axis), keepdims))


def top_k(input, k=1, sorted=True, index_type="int32", name=None):  # noqa: A002
    """The k largest elements of the last axis and where they are: (values, indices)."""
    values, indices = ops.top_k(input, int(k), sorted)
    return TopK(values, ops.cast(indices, supported(index_type)))


class TopK(tuple):
    """(values, indices), by name too."""

    __slots__ = ()

    def __new__(cls, values, indices):
        return super().__new__(cls, (values, indices))

    @property
    def values(self):
        return self[0]

    @property
    def indices(self):
        return self[1]


def in_top_k(targets, predictions, k, name=None):
    """bool: whether the prediction for the target class is among the k largest of its row.

    TensorFlow 1 had the predictions first: two dimensions tell them.
    """
    if len(ops.shape(targets)) == 2:
        targets, predictions = predictions, targets
    return ops.in_top_k(targets, predictions, int(k))


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """t limited to [clip_value_min, clip_value_max]."""
    return ops.clip(t, clip_value_min, clip_value_max)


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """t scaled down so that its Euclidean norm over `axes` is at most `clip_norm`."""
    t = float_tensor(t)
    norm = ops.sqrt(ops.sum(ops.square(t), _axis(axes), keepdims=True))
    return t * clip_norm / ops.maximum(norm, clip_norm)


def global_norm(t_list, name=None):
    """The Euclidean norm of all tensors of a list together; None among them counts as nothing."""
    return ops.sqrt(add_n([ops.sum(ops.square(float_tensor(t))) for t in t_list if t is not None]))


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(the tensors scaled down so that their norm together is at most `clip_norm`, that norm before)."""
    norm = global_norm(t_list) if use_norm is None else use_norm
    scale = ops.divide(clip_norm, ops.maximum(norm, clip_norm))
    return [None if t is None else ops.multiply(t, scale) for t in t_list], norm


def zero_fraction(value, name=None):
    """The share of elements that are 0."""
    return ops.mean(ops.cast(ops.equal(to_tensor(value), 0), "float32"))


def _segments(name):
    op = getattr(ops, f"segment_{name}")

    def segment(data, segment_ids, name=None):
        return op(data, segment_ids)

    def unsorted(data, segment_ids, num_segments, name=None):
        return op(data, segment_ids, int(num_segments))

    segment.__name__ = segment.__qualname__ = f"segment_{name}"
    unsorted.__name__ = unsorted.__qualname__ = f"unsorted_segment_{name}"
    segment.__doc__ = unsorted.__doc__ = f"`ops.segment_{name}`."
    return segment, unsorted


segment_sum, unsorted_segment_sum = _segments("sum")
segment_max, unsorted_segment_max = _segments("max")
segment_min, unsorted_segment_min = _segments("min")
segment_prod, unsorted_segment_prod = _segments("prod")


def segment_mean(data, segment_ids, name=None):
    """The means of the rows of each segment; 0 for a segment without rows."""
    data = float_tensor(data)
    total = ops.segment_sum(data, segment_ids)
    count = ops.segment_sum(ops.ones_like(data), segment_ids)
    return ops.divide_no_nan(total, count)


def polyval(coeffs, x, name=None):
    """The polynomial with these coefficients, the highest power first, at x."""
    y = ops.zeros_like(float_tensor(x))
    for c in coeffs:
        y = y * x + c
    return y


_OTHERS = [n for n, v in list(globals().items()) if getattr(v, "__module__", "") == __name__ and not n.startswith("_")]
__all__ = sorted({*_OTHERS} - {"TopK"} | {*_UNARY, *_BINARY, *_REDUCTIONS})
