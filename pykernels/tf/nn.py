"""`tf.nn`, with TensorFlow's arguments."""

from __future__ import annotations

from .. import ops
from ..ops import random as _random
from ..ops.types import float_tensor, to_tensor
from ..utils.renamed import renamed
from .math import in_top_k as in_top_k
from .math import l2_normalize as l2_normalize
from .math import top_k as top_k
from .math import zero_fraction as zero_fraction

_FORMATS = {
    **dict.fromkeys(("NHWC", "NWC", "channels_last", None), "channels_last"),
    **dict.fromkeys(("NCHW", "NCW", "channels_first"), "channels_first"),
}


def _simple(name, op, arguments="features, name=None"):
    return renamed(name, op, arguments, __name__, ("name",))


relu, relu6, elu, selu, softplus, softsign, silu, tanh, sigmoid, log_sigmoid = (
    _simple(name, getattr(ops, name))
    for name in (*("relu", "relu6", "elu", "selu", "softplus", "softsign", "silu", "tanh", "sigmoid", "log_sigmoid"),)
)
swish = silu
leaky_relu = _simple("leaky_relu", ops.leaky_relu, "features, alpha=0.2, name=None")
gelu = _simple("gelu", ops.gelu, "features, approximate=False, name=None")


def crelu(features, axis=-1, name=None):
    """relu(x) and relu(-x) joined along `axis`."""
    return ops.relu(ops.concatenate([features, ops.negative(features)], axis))


def softmax(logits, axis=None, name=None, dim=None):
    """exp(x) / sum(exp(x)) over `axis` (the last by default; `dim` of TensorFlow 1)."""
    axis = dim if axis is None else axis
    return ops.softmax(logits, -1 if axis is None else axis)


def log_softmax(logits, axis=None, name=None, dim=None):
    """The logarithm of `softmax`."""
    axis = dim if axis is None else axis
    return ops.log_softmax(logits, -1 if axis is None else axis)


# --- losses ------------------------------------------------------------------------------------------
def softmax_cross_entropy_with_logits(labels=None, logits=None, axis=-1, name=None, dim=None):
    """-sum(labels log(softmax(logits))) over `axis`.

    Args:
        labels: probabilities of the classes.
        logits: of the shape of the labels.
        axis: of the classes. Default -1.
        name: accepted as in TensorFlow. It has no effect.
        dim: `axis` of TensorFlow 1.

    Raises:
        ValueError: labels or logits are missing.
    """
    labels, logits = _both(labels, logits)
    axis = axis if dim is None else dim
    labels = ops.cast(labels, logits.dtype)
    return ops.negative(ops.sum(ops.multiply(labels, ops.log_softmax(logits, axis)), axis))


softmax_cross_entropy_with_logits_v2 = softmax_cross_entropy_with_logits


def sparse_softmax_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """-log(softmax(logits))[label]: labels are integers, of the shape of the logits without the last axis."""
    labels, logits = _both(labels, logits)
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """max(x, 0) - x labels + log(1 + exp(-|x|)), element by element."""
    labels, logits = _both(labels, logits)
    labels = ops.cast(labels, logits.dtype)
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None):
    """As `sigmoid_cross_entropy_with_logits`, with `pos_weight` times the part of the positive labels."""
    labels, logits = _both(labels, logits)
    labels = ops.cast(labels, logits.dtype)
    weight = 1.0 + (pos_weight - 1.0) * labels
    return (1.0 - labels) * logits + weight * (ops.log1p(ops.exp(-ops.abs(logits))) + ops.relu(-logits))


def _both(labels, logits):
    if labels is None or logits is None:
        raise ValueError("Both `labels` and `logits` must be provided, as named arguments.")
    return to_tensor(labels), float_tensor(logits)


def l2_loss(t, name=None):
    """sum(t^2) / 2."""
    return ops.sum(ops.square(float_tensor(t))) * 0.5


# --- images ------------------------------------------------------------------------------------------
def _format(data_format):
    if data_format not in _FORMATS:
        raise ValueError(f"data_format must be one of {list(_FORMATS)}, got {data_format!r}")
    return _FORMATS[data_format]


def _spatial(values, rank, channels_first):
    """Strides and windows given for all four axes, for the two of the image, or as one number."""
    if values is None or isinstance(values, int):
        return values
    values = [int(v) for v in values]
    if len(values) == rank + 2:
        return tuple(values[2:] if channels_first else values[1:-1])
    return values[0] if len(values) == 1 else tuple(values)


def _padding(padding):
    if not isinstance(padding, str) or padding.upper() not in ("SAME", "VALID"):
        raise ValueError(f"padding must be 'SAME' or 'VALID', got {padding!r}; pad with tf.pad for other widths")
    return padding.lower()


def _conv(op, rank):
    def function(input, filters, strides, padding, data_format=None, dilations=None, name=None, filter=None):  # noqa: A002
        layout = _format(data_format)
        first = layout == "channels_first"
        dilation = _spatial(dilations, rank, first)
        kernel = filters if filter is None else filter
        step = _spatial(strides, rank, first)
        return op(input, kernel, step, _padding(padding), layout, 1 if dilation is None else dilation)

    return function


def conv2d(input, filters=None, strides=1, padding="VALID", data_format="NHWC", dilations=None, name=None, filter=None):  # noqa: A002
    """The convolution of images (N, H, W, C) with filters (R, S, C / groups, K) (`filter` of TensorFlow 1)."""
    return _conv(ops.conv, 2)(input, filters, strides, padding, data_format, dilations, filter=filter)


def conv1d(input, filters, stride=1, padding="VALID", data_format="NWC", dilations=None, name=None):  # noqa: A002
    """The convolution of series (N, W, C) with filters (R, C, K)."""
    return _conv(ops.conv, 1)(input, filters, stride, padding, data_format, dilations)


def depthwise_conv2d(input, filter, strides, padding, data_format="NHWC", dilations=None, name=None):  # noqa: A002
    """Each channel convolved with filters (R, S, C, M) of its own."""
    return _conv(ops.depthwise_conv, 2)(input, filter, strides, padding, data_format, dilations)


def conv2d_transpose(
    input,  # noqa: A002
    filters,
    output_shape,
    strides,
    padding="SAME",
    data_format="NHWC",
    dilations=None,
    name=None,
):
    """The gradient of `conv2d` with respect to its images; filters are (R, S, K, C). `output_shape` must be the one
    that the padding gives."""
    layout = _format(data_format)
    first = layout == "channels_first"
    y = ops.conv_transpose(input, filters, _spatial(strides, 2, first), _padding(padding), None, layout)
    if dilations not in (None, 1, [1, 1], (1, 1), [1, 1, 1, 1]):
        raise ValueError(f"tf.nn.conv2d_transpose of pykernels takes no dilation, got {dilations}")
    want = tuple(int(d) for d in output_shape)
    if tuple(y.shape)[1:] != want[1:]:
        raise ValueError(
            f"tf.nn.conv2d_transpose: output_shape {want} is not {tuple(y.shape)}, which the padding gives"
        )
    return y


def _pool(op):
    def pool(input, ksize, strides, padding, data_format="NHWC", name=None):  # noqa: A002
        layout = _format(data_format)
        first = layout == "channels_first"
        rank = len(ops.shape(input)) - 2
        return op(input, _spatial(ksize, rank, first), _spatial(strides, rank, first), _padding(padding), layout)

    return pool


max_pool = max_pool2d = max_pool1d = max_pool3d = _pool(ops.max_pool)
avg_pool = avg_pool2d = avg_pool1d = avg_pool3d = _pool(ops.average_pool)


def bias_add(value, bias, data_format=None, name=None):
    """value + bias, the bias along the channels."""
    if _format(data_format) == "channels_last":
        return ops.add(value, bias)
    return ops.add(value, ops.reshape(bias, (-1, *(1,) * (len(ops.shape(value)) - 2))))


def embedding_lookup(params, ids, max_norm=None, name=None):
    """The rows of `params` at `ids`, scaled down to a norm of at most `max_norm` if given."""
    rows = ops.take(params, ids, axis=0)
    if max_norm is None:
        return rows
    norm = ops.sqrt(ops.sum(ops.square(rows), -1, keepdims=True))
    return rows * ops.minimum(1.0, max_norm / ops.maximum(norm, 1e-12))


# --- statistics and noise ------------------------------------------------------------------------------
def dropout(x, rate=None, noise_shape=None, seed=None, name=None, keep_prob=None):
    """Each element 0 with probability `rate` (1 - `keep_prob` of TensorFlow 1), the others divided by 1 - rate."""
    if rate is None and keep_prob is None:
        raise ValueError("tf.nn.dropout needs `rate`")
    return _random.dropout(float_tensor(x), 1 - keep_prob if rate is None else rate, noise_shape, seed)


def moments(x, axes, shift=None, keepdims=False, name=None, keep_dims=None):
    """(mean, variance) over `axes`. `shift` changes nothing."""
    axes = tuple(axes) if isinstance(axes, list) else axes
    return ops.moments(x, axes, bool(keep_dims or keepdims))


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """(x - mean) scale / sqrt(variance + variance_epsilon) + offset; scale and offset may be None."""
    inverse = ops.rsqrt(ops.add(variance, variance_epsilon))
    inverse = inverse if scale is None else ops.multiply(inverse, scale)
    y = ops.multiply(ops.subtract(x, mean), inverse)
    return y if offset is None else ops.add(y, offset)


_OWN = [n for n, v in list(globals().items()) if getattr(v, "__module__", "") == __name__ and not n.startswith("_")]
__all__ = sorted({*_OWN, "in_top_k", "l2_normalize", "top_k", "zero_fraction"})
