"""Functions of Keras 1 and 2's `keras.backend` that are more than one op: products, images, loops, sessions."""

from __future__ import annotations

import sys

import numpy as np

from . import config, ops
from .graph import Tensor, Variable, scope
from .graph.sessions import Session as _Session
from .graph.sessions import apply_config as _apply_config
from .layers import Input
from .losses import binary_focal_crossentropy as _binary_focal
from .losses import categorical_focal_crossentropy as _categorical_focal
from .ops import random as _random
from .ops.types import float_tensor, is_symbolic, standardize_dtype, to_tensor
from .utils.tree import map_structure


# --- products --------------------------------------------------------------------------------------
def batch_dot(x, y, axes=None):
    """The products of each sample of x with that of y, summed over one axis of each.

    Args:
        x, y: tensors of rank 2 or more, with the batch first.
        axes: the axis of each (one int for both); by default x's last and y's last but one (last for rank 2).

    Returns:
        x's axes, then y's, without the summed ones; (batch, 1) for two tensors of rank 2.

    Raises:
        ValueError: a rank below 2, the batch among the axes, or extents that differ.
    """
    x, y = to_tensor(x), to_tensor(y)
    n, m = len(x.shape), len(y.shape)
    if n < 2 or m < 2:
        raise ValueError(f"Cannot do batch_dot on inputs with rank < 2. Received: shapes {x.shape} and {y.shape}")
    if axes is None:
        axes = (n - 1, m - 1 if m == 2 else m - 2)
    axes = (axes, axes) if isinstance(axes, int) else tuple(axes)
    a, b = axes[0] % n, axes[1] % m
    if not a or not b:
        raise ValueError("Cannot perform batch_dot over axis 0; if the batch is not there, use K.dot")
    if None not in (x.shape[a], y.shape[b]) and x.shape[a] != y.shape[b]:
        raise ValueError(
            f"Cannot do batch_dot on inputs with shapes {tuple(x.shape)} and {tuple(y.shape)} with axes={axes}: "
            f"{x.shape[a]} != {y.shape[b]}"
        )
    left, right = ["a", *"cdefgh"[: n - 1]], ["a", *"ijklmn"[: m - 1]]
    left[a] = right[b] = "z"
    result = [c for c in (*left, *right[1:]) if c != "z"]
    found = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", x, y)
    return ops.expand_dims(found, 1) if n == m == 2 else found


# --- images ----------------------------------------------------------------------------------------
def _layout(data_format):
    return config.standardize_data_format(data_format)


def _conv(name, op, arguments_of_strides):
    def function(x, kernel, strides=arguments_of_strides, padding="valid", data_format=None, dilation_rate=None):
        rate = arguments_of_strides if dilation_rate is None else dilation_rate
        return op(x, kernel, strides, padding, _layout(data_format), rate)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`ops.{op.__name__}`, in the image layout by default."
    return function


conv1d, conv2d, conv3d = (
    _conv(name, ops.conv, strides) for name, strides in (("conv1d", 1), ("conv2d", (1, 1)), ("conv3d", (1, 1, 1)))
)


def depthwise_conv2d(x, depthwise_kernel, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)):
    """`ops.depthwise_conv`, in the image layout by default."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, _layout(data_format), dilation_rate)


def _separable(name, rank):
    ones = (1,) * rank if rank > 1 else 1

    def function(
        x, depthwise_kernel, pointwise_kernel, strides=ones, padding="valid", data_format=None, dilation_rate=ones
    ):
        layout = _layout(data_format)
        return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, layout, dilation_rate)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "`ops.separable_conv`, in the image layout by default."
    return function


separable_conv1d, separable_conv2d = _separable("separable_conv1d", 1), _separable("separable_conv2d", 2)


def conv2d_transpose(
    x, kernel, output_shape, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1)
):  # fmt: skip
    """`ops.conv_transpose`. `output_shape` must be the one that the padding gives; the batch is not compared."""
    y = ops.conv_transpose(x, kernel, strides, padding, None, _layout(data_format), dilation_rate)
    want = [d if d is None else int(d) for d in list(output_shape)[1:]]
    if any(None not in (a, b) and a != b for a, b in zip(y.shape[1:], want, strict=True)):
        raise ValueError(f"output_shape={tuple(output_shape)} is not {tuple(y.shape)}, which padding={padding!r} gives")
    return y


def _pool(x, pool_size, strides, padding, data_format, pool_mode):
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {pool_mode}. Expected 'max' or 'avg'")
    op = ops.max_pool if pool_mode == "max" else ops.average_pool
    return op(x, pool_size, strides, padding, _layout(data_format))


def pool2d(x, pool_size, strides=(1, 1), padding="valid", data_format=None, pool_mode="max"):
    """Maxima, or means (`pool_mode="avg"`), of windows of images."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x, pool_size, strides=(1, 1, 1), padding="valid", data_format=None, pool_mode="max"):
    """Refused by name (NotImplementedError): there is no pooling of volumes yet."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def resize_images(x, height_factor, width_factor, data_format, interpolation="nearest"):
    """Images that many times as high and wide."""
    first = _layout(data_format) == "channels_first"
    height, width = x.shape[2:4] if first else x.shape[1:3]
    size = (int(height * height_factor), int(width * width_factor))
    return ops.image.resize(x, size, interpolation, data_format=_layout(data_format))


def resize_volumes(x, depth_factor, height_factor, width_factor, data_format):
    """Volumes of which each element is repeated that many times along each axis."""
    axis = 2 if _layout(data_format) == "channels_first" else 1
    for i, factor in enumerate((depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, int(factor), axis=axis + i)
    return x


def _padded(x, padding, first):
    widths = [(0, 0), *(tuple(p) for p in padding)]
    return ops.pad(x, [widths[0], (0, 0), *widths[1:]] if first else [*widths, (0, 0)])


def temporal_padding(x, padding=(1, 1)):
    """Series (batch, steps, channels) with zeros before and after."""
    return _padded(x, [padding], False)


def spatial_2d_padding(x, padding=((1, 1), (1, 1)), data_format=None):
    """Images with zeros around them."""
    return _padded(x, padding, _layout(data_format) == "channels_first")


def spatial_3d_padding(x, padding=((1, 1), (1, 1), (1, 1)), data_format=None):
    """Volumes with zeros around them."""
    return _padded(x, padding, _layout(data_format) == "channels_first")


# --- normalization and losses ------------------------------------------------------------------------
def batch_normalization(x, mean, var, beta, gamma, axis=-1, epsilon=1e-3):
    """(x - mean) / sqrt(var + epsilon) gamma + beta; gamma and beta may be None."""
    return ops.batch_normalization(x, _flat(mean), _flat(var), axis, _flat(beta), _flat(gamma), epsilon)


def _flat(x):
    return x if x is None or len(x.shape) == 1 else ops.reshape(x, (-1,))


def normalize_batch_in_training(x, gamma, beta, reduction_axes, epsilon=1e-3):
    """(the batch normalized over `reduction_axes`, its mean, its variance)."""
    x, axes = to_tensor(x), tuple(reduction_axes)
    mean, variance = ops.moments(x, axes, keepdims=True)
    shape = tuple(1 if i in axes else -1 for i in range(len(x.shape)))
    y = (x - mean) * ops.rsqrt(variance + epsilon)
    y = y if gamma is None else y * ops.reshape(gamma, shape)
    y = y if beta is None else y + ops.reshape(beta, shape)
    return y, ops.squeeze(mean, axes), ops.squeeze(variance, axes)


def binary_focal_crossentropy(
    target, output, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False
):  # fmt: skip
    """`losses.binary_focal_crossentropy`, element by element."""
    spread = (ops.expand_dims(to_tensor(v), -1) for v in (target, output))
    return _binary_focal(*spread, apply_class_balancing, alpha, gamma, from_logits)


def categorical_focal_crossentropy(target, output, alpha=0.25, gamma=2.0, from_logits=False, axis=-1):
    """`losses.categorical_focal_crossentropy`."""
    return _categorical_focal(target, output, alpha, gamma, from_logits, axis=axis)


def ctc_batch_cost(y_true, y_pred, input_length, label_length):
    """The CTC loss of each sample.

    Args:
        y_true: labels (batch, labels).
        y_pred: probabilities (batch, steps, classes); the last class is the blank.
        input_length, label_length: (batch, 1): the steps and labels that count.

    Returns:
        A tensor (batch, 1).
    """
    y_pred = to_tensor(y_pred)
    lengths = (ops.cast(ops.reshape(v, (-1,)), "int32") for v in (label_length, input_length))
    logits = ops.log(y_pred + config.epsilon())
    loss = ops.ctc_loss(ops.cast(y_true, "int32"), logits, *lengths, mask_index=y_pred.shape[-1] - 1)
    return ops.expand_dims(loss, 1)


# --- loops -----------------------------------------------------------------------------------------
def map_fn(fn, elems, name=None, dtype=None):
    """fn of each slice along the first axis, the results stacked, of `dtype` if given."""
    found = ops.map(fn, elems)
    return found if dtype is None else ops.cast(found, standardize_dtype(dtype))


def _folded(fn, elems, initializer, backwards):
    parts = ops.unstack(to_tensor(elems))
    parts = parts[::-1] if backwards else parts
    value = parts.pop(0) if initializer is None else initializer
    for part in parts:
        value = fn(value, part)
    return value


def foldl(fn, elems, initializer=None, name=None):
    """fn(fn(initializer, elems[0]), elems[1]), ...; without an initializer it begins with the first element."""
    return _folded(fn, elems, initializer, backwards=False)


def foldr(fn, elems, initializer=None, name=None):
    """As `foldl`, from the last element to the first."""
    return _folded(fn, elems, initializer, backwards=True)


def rnn(
    step_function,
    inputs,
    initial_states,
    go_backwards=False,
    mask=None,
    constants=None,
    unroll=False,
    input_length=None,
    time_major=False,
    zero_output_for_mask=False,
    return_all_outputs=True,
):
    """A function of a step and states, called for each step of a series.

    Args:
        step_function: `(inputs of the step, states [+ constants]) -> (output, new states)`.
        inputs: tensor or structure of them (batch, steps, ...); the number of steps must be known.
        initial_states: list of tensors.
        go_backwards: whether to begin with the last step.
        mask: bool (batch, steps): where it is False the states stay, and the output is the one before.
        constants: list of tensors that every step gets behind its states.
        unroll: steps are written out in any case.
        input_length: the number of steps; it must be that of the inputs.
        time_major: whether the steps are the first axis, of the outputs too.
        zero_output_for_mask: whether outputs are 0 where the mask is False.
        return_all_outputs: whether to give the outputs of all steps; else only the last, as a series of one step.

    Returns:
        (last output, outputs, new states).

    Raises:
        ValueError: the number of steps is unknown, or not `input_length`.
    """
    first = map_structure(to_tensor, inputs)
    leaf = first
    while isinstance(leaf, (list, tuple)):
        leaf = leaf[0]
    time = 0 if time_major else 1
    steps = leaf.shape[time]
    if steps is None or (isinstance(input_length, int) and input_length != steps):
        raise ValueError(f"K.rnn needs a known number of steps, input_length={input_length}; inputs have {steps}")
    mask = None if mask is None else ops.cast(mask, "bool")
    states, outputs, before = list(initial_states), [], None
    for t in reversed(range(steps)) if go_backwards else range(steps):
        here = map_structure(lambda x, t=t: ops.take(x, np.int32(t), axis=time), first)
        output, new = step_function(here, [*states, *(constants or [])])
        if mask is not None:
            keep = ops.take(mask, np.int32(t), axis=0 if time_major else 1)
            rest = ops.zeros_like(output) if zero_output_for_mask or before is None else before
            output = ops.where(_column(keep, output), output, rest)
            new = [ops.where(_column(keep, n), n, s) for n, s in zip(new, states, strict=True)]
        states, before = list(new), output
        outputs.append(output)
    kept = outputs if return_all_outputs else outputs[-1:]
    return outputs[-1], ops.stack(kept, time), states


def _column(mask, x):
    """(batch,) as (batch, 1, ...) of x's rank."""
    return ops.reshape(mask, (-1, *(1,) * (len(x.shape) - 1))) if len(mask.shape) == 1 else mask


# --- variables, tensors, values ------------------------------------------------------------------------
def placeholder(shape=None, ndim=None, dtype=None, sparse=False, name=None):
    """A symbolic tensor to be given as an input of `K.function` or `Model`.

    Args:
        shape: tuple with the batch first (None where unknown).
        ndim: the number of axes, where the shape is not given.
        dtype: `floatx()` by default.
        sparse: must be False.
        name: of the input.

    Raises:
        ValueError: `sparse=True`, or neither shape nor ndim.
    """
    if sparse:
        raise ValueError("K.placeholder: pykernels has no sparse tensors")
    if shape is None and ndim is None:
        raise ValueError("K.placeholder needs `shape` or `ndim`")
    return Input(batch_shape=tuple(shape) if shape is not None else (None,) * ndim, dtype=dtype, name=name)


def is_placeholder(x) -> bool:
    """Whether x is a symbolic input."""
    node = getattr(x, "node", None)
    return isinstance(x, Tensor) and (node is None or node.op is None)


def is_variable(x) -> bool:
    """Whether x is a variable."""
    return isinstance(x, Variable)


def is_tensor(x) -> bool:
    """Whether x is a tensor."""
    return ops.is_tensor(x)


def is_sparse(tensor) -> bool:
    """False: there are no sparse tensors."""
    return False


def to_dense(tensor):
    """The tensor: there are no sparse ones."""
    return ops.convert_to_tensor(tensor)


def identity(x, name=None):
    """The same values, as a tensor of their own."""
    return ops.convert_to_tensor(x)


def cumsum(x, axis=0):
    """`ops.cumsum` along `axis`."""
    return ops.cumsum(x, axis)


def cumprod(x, axis=0):
    """`ops.cumprod` along `axis`."""
    return ops.cumprod(x, axis)


def print_tensor(x, message="", summarize=3):
    """Prints a message and the value to the standard error stream, and gives the value. A symbolic tensor, which has
    none yet, is printed as what it is."""
    with np.printoptions(edgeitems=summarize, threshold=2 * summarize):
        print(message, x if is_symbolic(x) else np.asarray(ops.convert_to_numpy(x)), file=sys.stderr)
    return ops.convert_to_tensor(x)


def random_binomial(shape, p=0.0, dtype=None, seed=None):
    """1 with probability p, else 0."""
    return ops.cast(_random.uniform(shape, dtype=dtype, seed=seed) < p, dtype)


def name_scope(name):
    """A scope that names what is recorded within."""
    return scope(name)


def moments(x, axes, keepdims=False):
    """(mean, variance) over `axes`."""
    return ops.moments(float_tensor(x), axes, keepdims)


# --- sessions of TensorFlow 1 --------------------------------------------------------------------------
_state: dict = {}


def get_session(op_input_list=()):
    """The session that `set_session` was given, or one that gives the values of variables."""
    if "session" not in _state:
        _state["session"] = _Session()
    return _state["session"]


def set_session(session) -> None:
    """Takes over the number of threads that the session's `ConfigProto` asks for."""
    _apply_config(getattr(session, "config", None))
    _state["session"] = session


def manual_variable_initialization(value) -> None:
    """No effect: variables have their values at once."""


def get_graph():
    """Stands for TensorFlow's graph, of which there is none."""
    return get_session().graph


__all__ = sorted(
    name for name, value in list(globals().items()) if getattr(value, "__module__", "") == __name__ and name[0] != "_"
)
