"""`keras.backend`, usually imported as K: settings, values of variables, and the functions of Keras 1 and 2.

Those functions are ops under older names; `_FUNCTIONS` says which, with the names that their arguments had.
"""

from __future__ import annotations

import numpy as np

from . import backend_functions as _functions
from . import config, ops
from .backend_functions import *  # noqa: F403 - it says what it exports
from .config import (
    backend as backend,
)
from .config import (
    epsilon as epsilon,
)
from .config import (
    floatx as floatx,
)
from .config import (
    image_data_format as image_data_format,
)
from .config import (
    set_epsilon as set_epsilon,
)
from .config import (
    set_floatx as set_floatx,
)
from .config import (
    set_image_data_format as set_image_data_format,
)
from .graph import Tensor, Variable
from .layers.context import set_default_phase, training_phase
from .layers.symbolic_functions import function as function
from .layers.symbolic_functions import gradients as gradients
from .ops import random as _random
from .ops.types import is_float as _is_float
from .ops.types import result_type as result_type
from .ops.types import standardize_dtype, to_tensor
from .utils.naming import get_uid as get_uid
from .utils.naming import reset_uids
from .utils.renamed import renamed

# --- settings and state ------------------------------------------------------------------------------


def image_dim_ordering() -> str:
    """Keras 1's name of the image layout: "tf" for channels_last, "th" for channels_first."""
    return "th" if config.image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Sets the image layout by Keras 1's name, "tf" or "th"; ValueError for anything else."""
    if dim_ordering not in config.DIM_ORDERINGS:
        raise ValueError(f"Unknown dim_ordering: {dim_ordering}. Expected 'tf' (channels_last) or 'th'")
    config.set_image_data_format(config.DIM_ORDERINGS[dim_ordering])


def clear_session(free_memory=True) -> None:
    """Starts automatic names again without numbers. There is no other global state: a model's memory is its own, and
    is freed with it, whatever `free_memory` says."""
    reset_uids()
    set_default_phase(None)


def learning_phase() -> int:
    """1 within a layer that is called for training, 0 otherwise, unless `set_learning_phase` said something else."""
    return int(bool(training_phase()))


def set_learning_phase(value) -> None:
    """Sets how layers work that are called without `training`: 0 as in prediction, 1 as in training. `fit`, `evaluate`
    and `predict` say it themselves. Raises ValueError for other values."""
    if value not in (0, 1):
        raise ValueError(f"Expected learning phase to be 0 or 1. Received: {value}")
    set_default_phase(bool(value))


def _phase(value):
    value = value() if callable(value) else value
    return ops.convert_to_tensor(value) if isinstance(value, Variable) else value


def in_train_phase(x, alt, training=None):
    """x (or x()) when training, `alt` (or alt()) otherwise; `training` defaults to `learning_phase()`."""
    return _phase(x) if (learning_phase() if training is None else training) else _phase(alt)


def in_test_phase(x, alt, training=None):
    """x (or x()) when not training, `alt` (or alt()) otherwise."""
    return in_train_phase(alt, x, training)


# --- variables and values ------------------------------------------------------------------------------
def variable(value, dtype=None, name=None, constraint=None):
    """A `Variable` of `floatx()` unless `dtype` says otherwise."""
    return Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name, constraint=constraint)


def _variable_of(make):
    def function(shape, dtype=None, name=None):
        return Variable(make(shape, standardize_dtype(dtype)), name=name)

    function.__name__ = function.__qualname__ = make.__name__
    function.__doc__ = f"A `Variable` of {make.__name__}; `dtype` defaults to `floatx()`."
    return function


zeros = _variable_of(ops.zeros)
ones = _variable_of(ops.ones)


def constant(value, dtype=None, shape=None, name=None):
    """An array of `value`, repeated to `shape` if given; `dtype` defaults to `floatx()`. `name` only documents."""
    array = np.asarray(value, standardize_dtype(dtype))
    return array if shape is None else np.array(np.broadcast_to(array, tuple(shape)))


def get_value(x):
    """The value of a variable as a NumPy array (a number when it is a scalar, as in Keras); other things as they are.

    Raises:
        ValueError: x is symbolic.
    """
    if isinstance(x, Tensor):
        return ops.convert_to_numpy(x)
    if isinstance(x, Variable):
        return x.numpy() if x.shape else x.numpy()[()]
    return x


def set_value(x, value) -> None:
    """Sets a variable. Raises ValueError when the shapes differ, TypeError when x is not a variable."""
    if not hasattr(x, "assign"):
        raise TypeError(f"`set_value` takes a variable, got {type(x).__name__}: {x!r:.60}")
    x.assign(np.asarray(value, getattr(x, "dtype", None)))


eval = get_value  # noqa: A001 - Keras's name


def batch_get_value(tensors) -> list:
    """`get_value` of each."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples) -> None:
    """`set_value` for each (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def update(x, new_x):
    """`x.assign(new_x)`."""
    return x.assign(new_x)


def update_add(x, increment):
    """`x.assign_add(increment)`."""
    return x.assign_add(increment)


def update_sub(x, decrement):
    """`x.assign_sub(decrement)`."""
    return x.assign_sub(decrement)


def moving_average_update(x, value, momentum):
    """x = x * momentum + value * (1 - momentum)."""
    return x.assign_sub((x - value) * (1.0 - momentum))


def count_params(x) -> int:
    """The number of elements."""
    return int(np.prod(x.shape, dtype=np.int64))


def int_shape(x) -> tuple:
    """The shape: a tuple of ints, None for an unknown batch."""
    return ops.shape(x)


def is_keras_tensor(x) -> bool:
    """Whether x is a symbolic tensor."""
    return isinstance(x, Tensor)


def is_float_dtype(dtype) -> bool:
    """Whether a dtype is a float type."""
    return _is_float(standardize_dtype(dtype))


def is_int_dtype(dtype) -> bool:
    """Whether a dtype is an integer type."""
    return standardize_dtype(dtype) in ("uint8", "int32", "int64")


def cast_to_floatx(x):
    """x converted to `floatx()`."""
    return ops.cast(x, config.floatx()) if isinstance(x, (Tensor, Variable)) else np.asarray(x, config.floatx())


# --- functions that are not one op -------------------------------------------------------------------------
def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """max_value where x >= max_value, x where threshold < x < max_value, alpha (x - threshold) elsewhere."""
    x = to_tensor(x)
    above = ops.maximum(x, 0) if threshold == 0 else ops.where(x > threshold, x, ops.zeros_like(x))
    if max_value is not None:
        above = ops.clip(above, 0.0, float(max_value))
    return above if not alpha else above - ops.relu(threshold - x) * float(alpha)


def hard_sigmoid(x):
    """Keras 2's: 0.2 x + 0.5 limited to [0, 1] (`keras.activations.hard_sigmoid` is relu6(x + 3) / 6)."""
    return ops.clip(to_tensor(x) * 0.2 + 0.5, 0.0, 1.0)


hard_sigmoid.as_scaled = ("hard_sigmoid", 1.2)  # for recurrent layers: see saving/legacy_activations.py


def flatten(x):
    """x as one dimension."""
    return ops.reshape(x, (-1,))


def batch_flatten(x):
    """x as two dimensions: the first is kept."""
    x = to_tensor(x)
    return ops.reshape(x, (x.shape[0], int(np.prod(x.shape[1:], dtype=np.int64))))


def l2_normalize(x, axis=None):
    """x / sqrt(max(sum(x^2), 1e-12)) over `axis`."""
    x = to_tensor(x)
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis, keepdims=True), 1e-12))


def dot(x, y):
    """The product of matrices; for more dimensions the sum over x's last axis and y's last but one."""
    return ops.dot(x, y)


def bias_add(x, bias, data_format=None):
    """x + bias, the bias (one value per channel) along the channels' axis of the image layout."""
    x, bias = to_tensor(x), to_tensor(bias)
    first = config.standardize_data_format(data_format) == "channels_first"
    if len(bias.shape) != 1:
        raise ValueError(f"Unexpected bias dimensions {len(bias.shape)}. Expected it to be 1")
    return x + (ops.reshape(bias, (-1, *(1,) * (len(x.shape) - 2))) if first and len(x.shape) > 2 else bias)


def switch(condition, then_expression, else_expression):
    """`then_expression` where `condition`, else the other (values, or functions of nothing); both are computed."""
    condition, chosen, other = to_tensor(condition), to_tensor(_phase(then_expression)), _phase(else_expression)
    missing = len(chosen.shape) - len(condition.shape)
    return ops.where(ops.reshape(condition, (*condition.shape, *(1,) * missing)), chosen, other)


def repeat(x, n):
    """x (batch, d) as (batch, n, d)."""
    x = to_tensor(x)
    if len(x.shape) != 2:
        raise ValueError(f"Expected input `x` to have rank 2. Received: rank(x)={len(x.shape)}")
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def reverse(x, axes):
    """x in reverse order along `axes`."""
    return ops.flip(x, tuple(axes) if isinstance(axes, (list, tuple)) else axes)


def one_hot(indices, num_classes):
    """1 at each index along a new last axis, 0 elsewhere."""
    return ops.one_hot(indices, num_classes)


def in_top_k(predictions, targets, k):
    """bool: whether the prediction for the target class is among the k largest of its row."""
    return ops.in_top_k(targets, predictions, k)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1, ignore_class=None):
    """-log(p[target]) over the classes (`ops.sparse_categorical_crossentropy`); 0 for targets of `ignore_class`."""
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)
    target = to_tensor(target)
    valid = ops.not_equal(target, ignore_class)
    loss = ops.sparse_categorical_crossentropy(ops.where(valid, target, 0), output, from_logits, axis)
    return ops.where(ops.reshape(valid, ops.shape(loss)), loss, 0.0)


def eye(size, dtype=None, name=None):
    """A `Variable` with the identity matrix."""
    return Variable(ops.eye(size, dtype=dtype), name=name)


def random_bernoulli(shape, p=0.0, dtype=None, seed=None):
    """1 with probability p, else 0."""
    return ops.cast(_random.uniform(shape, dtype=dtype, seed=seed) < p, dtype)


def random_uniform_variable(shape, low, high, dtype=None, name=None, seed=None):
    """A `Variable` of `random_uniform(shape, low, high)`."""
    return Variable(_random.uniform(shape, low, high, dtype, seed), name=name)


def random_normal_variable(shape, mean, scale, dtype=None, name=None, seed=None):
    """A `Variable` of `random_normal(shape, mean, scale)`."""
    return Variable(_random.normal(shape, mean, scale, dtype, seed), name=name)


def dropout(x, level, noise_shape=None, seed=None):
    """Each element 0 with probability `level`, the others divided by 1 - level."""
    return _random.dropout(x, level, noise_shape, seed)


# --- functions that are one op: name -> (op, arguments as Keras 2 had them) --------------------------------------
_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "logsumexp")
_ALONG_LAST = ("argmax", "argmin", "expand_dims", "softmax")
_OF_ONE = (
    *("abs", "exp", "log", "sqrt", "square", "sign", "sin", "cos", "round", "sigmoid", "tanh", "softplus", "softsign"),
    *("transpose", "shape", "ndim", "dtype"),
)
_OF_TWO = ("maximum", "minimum", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_FUNCTIONS = {
    **{name: (getattr(ops, name), "x, axis=None, keepdims=False") for name in _REDUCTIONS},
    **{name: (getattr(ops, name), "x, axis=-1") for name in _ALONG_LAST},
    **{name: (getattr(ops, name), "x") for name in _OF_ONE},
    **{name: (getattr(ops, name), "x, y") for name in _OF_TWO},
    "arange": (ops.arange, "start, stop=None, step=1, dtype='int32'"),
    "binary_crossentropy": (ops.binary_crossentropy, "target, output, from_logits=False"),
    "cast": (ops.cast, "x, dtype"),
    "categorical_crossentropy": (ops.categorical_crossentropy, "target, output, from_logits=False, axis=-1"),
    "clip": (ops.clip, "x, min_value, max_value"),
    "concatenate": (ops.concatenate, "tensors, axis=-1"),
    "elu": (ops.elu, "x, alpha=1.0"),
    "gather": (lambda reference, indices: ops.take(reference, indices, axis=0), "reference, indices"),
    "ones_like": (lambda x, dtype=None, name=None: ops.ones_like(x, dtype), "x, dtype=None, name=None"),
    "permute_dimensions": (ops.transpose, "x, pattern"),
    "pow": (ops.power, "x, a"),
    "random_normal": (_random.normal, "shape, mean=0.0, stddev=1.0, dtype=None, seed=None"),
    "random_uniform": (_random.uniform, "shape, minval=0.0, maxval=1.0, dtype=None, seed=None"),
    "repeat_elements": (ops.repeat, "x, rep, axis"),
    "reshape": (ops.reshape, "x, shape"),
    "squeeze": (ops.squeeze, "x, axis"),
    "stack": (ops.stack, "x, axis=0"),
    "stop_gradient": (ops.stop_gradient, "variables"),
    "tile": (ops.tile, "x, n"),
    "truncated_normal": (_random.truncated_normal, "shape, mean=0.0, stddev=1.0, dtype=None, seed=None"),
    "zeros_like": (lambda x, dtype=None, name=None: ops.zeros_like(x, dtype), "x, dtype=None, name=None"),
}


globals().update({name: renamed(name, *entry, module=__name__) for name, entry in _FUNCTIONS.items()})

_DEFINED_HERE = [name for name, value in list(globals().items()) if getattr(value, "__module__", "") == __name__]
__all__ = sorted(
    {name for name in _DEFINED_HERE if not name.startswith("_")}
    | {*_functions.__all__}
    | {"backend", "epsilon", "floatx", "image_data_format", "set_epsilon", "set_floatx", "set_image_data_format"}
    | {"function", "get_uid", "gradients", "result_type", "standardize_dtype", "zeros", "ones"}
)
