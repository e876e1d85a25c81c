"""`tf.cond`, `tf.while_loop`, `tf.map_fn` and what else calls functions, with TensorFlow's arguments."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..graph import eager
from ..ops.types import is_symbolic, to_tensor
from ..utils.renamed import renamed
from .dtypes import as_dtype, supported

__all__ = [
    *("case", "cond", "foldl", "map_fn", "numpy_function", "py_function", "scan", "switch_case", "vectorized_map"),
    "while_loop",
]


def map_fn(fn, elems, dtype=None, parallel_iterations=None, fn_output_signature=None, name=None):
    """fn of each slice along the first axis, the results stacked, of `fn_output_signature` (or `dtype`) if given."""
    found = ops.map(fn, elems)
    wanted = fn_output_signature if dtype is None else dtype
    return ops.cast(found, supported(wanted)) if isinstance(wanted, str) else found


def foldl(fn, elems, initializer=None, name=None):
    """fn(fn(fn(initializer, elems[0]), elems[1]), ...); without an initializer it begins with the first element."""
    elems = to_tensor(elems)
    parts = ops.unstack(elems)
    value = parts.pop(0) if initializer is None else initializer
    for part in parts:
        value = fn(value, part)
    return value


def scan(fn, elems, initializer=None, reverse=False, name=None):
    """The values of `foldl` after each element, stacked."""
    parts = ops.unstack(to_tensor(elems))
    parts = parts[::-1] if reverse else parts
    values = [parts.pop(0)] if initializer is None else []
    for part in parts:
        values.append(fn(values[-1] if values else initializer, part))
    return ops.stack(values[::-1] if reverse else values)


def cond(pred, true_fn=None, false_fn=None, name=None, fn1=None, fn2=None):
    """`true_fn()` if `pred`, else `false_fn()` (`fn1`, `fn2` of TensorFlow 1)."""
    return ops.cond(pred, true_fn or fn1, false_fn or fn2)


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The function of the first condition that holds, else `default`."""
    rest = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if not rest:
        return default()
    (condition, function), rest = rest[0], rest[1:]
    if not rest and default is None:
        return function()
    return ops.cond(condition, function, lambda: case(rest, default))


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """`branch_fns[branch_index]()`; `default()`, or the last one, where there is none."""
    if isinstance(branch_fns, dict):
        branch_fns = [branch_fns[i] for i in sorted(branch_fns)]
    branches = [*branch_fns, default or branch_fns[-1]]
    inside = ops.logical_and(ops.greater_equal(branch_index, 0), ops.less(branch_index, len(branch_fns)))
    return ops.switch(ops.where(inside, branch_index, len(branches) - 1), branches)


def while_loop(cond, body, loop_vars, parallel_iterations=10, back_prop=True, maximum_iterations=None, name=None):
    """`loop_vars = body(*loop_vars)` while `cond(*loop_vars)`; see `ops.while_loop`."""
    return ops.while_loop(cond, body, loop_vars, maximum_iterations)


def numpy_function(func=None, inp=None, Tout=None, stateful=True, name=None):  # noqa: N803
    """`func` of the values of `inp`, called at once. Symbolic tensors have none: use `ops`, or a layer of your own."""
    if any(is_symbolic(x) for x in inp):
        raise NotImplementedError(
            "tf.numpy_function and tf.py_function take values; in a model's graph use pykernels.ops"
        )
    values = [x.numpy() if hasattr(x, "numpy") else x for x in inp]
    found = func(*values)
    kinds = Tout if isinstance(Tout, (list, tuple)) else [Tout]
    several = isinstance(found, (list, tuple))
    results = [_of_kind(y, t) for y, t in zip(found if several else [found], kinds, strict=True)]
    return results if isinstance(Tout, (list, tuple)) else results[0]


def _of_kind(y, dtype):
    return np.asarray(y) if dtype is None or as_dtype(dtype) == "string" else ops.convert_to_tensor(y, supported(dtype))


def py_function(func=None, inp=None, Tout=None, name=None):  # noqa: N803
    """As `numpy_function`, with tensors."""
    return numpy_function(lambda *values: func(*eager(list(map(np.asarray, values)))), inp, Tout)


vectorized_map = renamed(
    "vectorized_map", lambda f, x, _: ops.vectorized_map(f, x), "fn, elems, fallback_to_while_loop=True", __name__
)
