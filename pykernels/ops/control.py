"""Control flow: conditions, loops and maps.

Of values they run in Python, step by step. While a program is recorded, loops of a known number of steps are written
out, one step after another, and a condition that is not known yet computes both branches and chooses between the
results. What needs a program that jumps back is refused, saying so.
"""

from __future__ import annotations

import itertools
import operator
import re

import numpy as np

from ..graph import Tensor, Variable, eager
from ..utils.tree import map_structure, tree_flatten, tree_unflatten
from .array import broadcast_to, concatenate, reshape, slice_axis, stack
from .binary import equal, less_equal, logical_and, where
from .indexing import take
from .layout import flip
from .shapes import axis_in, broadcast
from .types import cast, to_tensor

__all__ = [
    "associative_scan",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]


def _is_symbolic(x) -> bool:
    return isinstance(x, Tensor)


def _truth(x) -> bool:
    return bool(np.asarray(x.numpy() if isinstance(x, Variable) else x).item())


# --- conditions ------------------------------------------------------------------------------------
def _chosen(condition, first, second, what):
    """Leaf by leaf."""
    (a, spec), (b, other) = tree_flatten(first), tree_flatten(second)
    if len(a) != len(b) or str(spec) != str(other):
        raise ValueError(f"the branches of `{what}` must return the same structure, got {first!r:.80}, {second!r:.80}")
    for x, y in zip(a, b, strict=True):
        if x is not None and tuple(np.shape(x)) != tuple(np.shape(y)):
            raise ValueError(f"the branches of `{what}` return different shapes: {np.shape(x)}, {np.shape(y)}")
    return tree_unflatten(spec, [x if x is None else where(condition, x, y) for x, y in zip(a, b, strict=True)])


def cond(pred, true_fn, false_fn):
    """`true_fn()` if `pred`, else `false_fn()`.

    Args:
        pred: bool, or a scalar tensor.
        true_fn, false_fn: functions without arguments. Their results have one structure, and equal shapes.

    Of a symbolic `pred` both are computed and one is chosen: assignments to variables in either take place.
    """
    if not _is_symbolic(pred):
        return true_fn() if _truth(pred) else false_fn()
    return _chosen(cast(reshape(pred, ()), "bool"), true_fn(), false_fn(), "cond")


def switch(index, branches, *operands):
    """`branches[index](*operands)`, the index limited to those that there are; symbolic ones as `cond`."""
    if not branches:
        raise ValueError("`switch` needs at least one branch")
    if not _is_symbolic(index):
        at = int(np.asarray(index.numpy() if isinstance(index, Variable) else index).item())
        return branches[min(max(at, 0), len(branches) - 1)](*operands)
    results = [branch(*operands) for branch in branches]
    chosen = results[-1]
    for i in reversed(range(len(branches) - 1)):
        chosen = _chosen(equal(index, i) if i else less_equal(index, 0), results[i], chosen, "switch")
    return chosen


# --- loops -----------------------------------------------------------------------------------------
def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """`loop_vars = body(*loop_vars)` while `cond(*loop_vars)`.

    Args:
        cond: function of the variables that gives a bool or a scalar tensor.
        body: function of the variables that gives new ones, of the same structure and shapes.
        loop_vars: tuple, list or a single tensor.
        maximum_iterations: int: an end in any case. A condition that is symbolic needs it: as many steps are recorded,
            and what they compute after the end is not taken.

    Raises:
        NotImplementedError: a symbolic condition without `maximum_iterations`.
    """
    several = isinstance(loop_vars, (tuple, list))
    values = tuple(_tensors(x) for x in (loop_vars if several else (loop_vars,)))
    running = None
    for i in itertools.count():
        if maximum_iterations is not None and i >= operator.index(maximum_iterations):
            break
        go_on = cond(*values)
        if not _is_symbolic(go_on) and not _truth(go_on):
            break
        if _is_symbolic(go_on) and maximum_iterations is None:
            raise NotImplementedError(
                "`while_loop` in a recorded program needs a condition that is known when it is recorded, or "
                "`maximum_iterations`: programs have no jumps. Or run the model eagerly."
            )
        new = body(*values)
        new = tuple(new) if several or isinstance(new, (tuple, list)) else (new,)
        if len(new) != len(values):
            raise ValueError(f"`body` of `while_loop` must return {len(values)} loop variables, got {len(new)}")
        if _is_symbolic(go_on):
            go_on = cast(reshape(go_on, ()), "bool")
            running = go_on if running is None else logical_and(running, go_on)
        values = new if running is None else _chosen(running, new, values, "while_loop")
    if not several:
        return values[0]
    return list(values) if isinstance(loop_vars, list) else values


def fori_loop(lower, upper, body_fun, init_val):
    """`val = body_fun(i, val)` for i from `lower` up to but not including `upper`.

    Raises:
        NotImplementedError: symbolic bounds: programs have no jumps.
    """
    if _is_symbolic(lower) or _is_symbolic(upper):
        raise NotImplementedError(
            "`fori_loop` in a recorded program needs bounds that are known when it is recorded: programs have no jumps"
        )
    value = _tensors(init_val)
    for i in range(int(np.asarray(lower)), int(np.asarray(upper))):
        value = body_fun(eager(np.asarray(i, "int32")), value)
    return value


def _extent(name, leaves, axis=0):
    extents, shapes = {x.shape[axis] for x in leaves}, [tuple(x.shape) for x in leaves]
    if len(extents) != 1 or None in extents:
        raise ValueError(f"`{name}` needs tensors of one known extent along axis {axis}, got shapes {shapes}")
    return extents.pop()


def _at(tree, i):
    return map_structure(lambda x: take(x, np.int32(i), axis=0), tree)


def _stacked(results):
    """A list of structures as one structure of stacked leaves."""
    spec = tree_flatten(results[0])[1]
    leaves = [tree_flatten(r)[0] for r in results]
    return tree_unflatten(spec, [None if c[0] is None else stack(list(c)) for c in zip(*leaves, strict=True)])


def _tensors(tree):
    return map_structure(lambda x: x if x is None else eager(to_tensor(x)), tree)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """`carry, y = f(carry, x)` for each x along the first axis of `xs`.

    Args:
        f: function of (carry, x) that gives (carry, y).
        init: the first carry: a tensor or a structure of them.
        xs: tensor or structure of tensors; None: f gets None, `length` times.
        length: int, the number of steps; by default the first extent of `xs`.
        reverse: whether to go from the last to the first.
        unroll: int from 1 on, or bool. Steps are always written out.

    Returns:
        (the last carry, the ys stacked in the order of xs).

    Raises:
        TypeError: f cannot be called.
        ValueError: neither `xs` nor `length`, or they do not fit.
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}")
    xs = None if xs is None else _tensors(xs)
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    n = operator.index(length) if xs is None else _extent("scan", tree_flatten(xs)[0])
    if length is not None and operator.index(length) != n:
        raise ValueError(f"`length` is {length}, but the first extent of `xs` is {n}")
    carry, ys = _tensors(init), []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, None if xs is None else _at(xs, i))
        ys.append(y)
    if not ys:
        raise ValueError("`scan` over nothing has a result of unknown shape")
    return carry, _stacked(ys[::-1] if reverse else ys)


def map(f, xs):  # noqa: A001 - Keras's name
    """f of each element along the first axis of `xs` (a tensor or a structure of them), the results stacked.

    Raises:
        ValueError: the first extent is unknown, or 0.
    """
    xs = _tensors(xs)
    n = _extent("map", tree_flatten(xs)[0])
    if not n:
        raise ValueError("`map` over nothing has a result of unknown shape")
    return _stacked([f(_at(xs, i)) for i in range(n)])


def vectorized_map(function, elements):
    """`map(function, elements)`: the function is called once for each element."""
    return map(function, elements)


def associative_scan(f, elems, reverse=False, axis=0):
    """The running combinations of elements along an axis by an associative function, in a logarithm of steps.

    Args:
        f: function of two structures like `elems`, of slices of one extent along `axis`.
        elems: tensor or structure of tensors.
        reverse: whether to combine from the last to the first.
        axis: int.

    Returns:
        A structure like `elems`.

    Raises:
        TypeError: f cannot be called.
        ValueError: the extents along `axis` differ or are unknown.
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    leaves, spec = tree_flatten(_tensors(elems))
    axis = axis_in(axis, len(leaves[0].shape))
    n = _extent("associative_scan", leaves, axis)

    def combined(a, b):
        return tree_flatten(f(tree_unflatten(spec, a), tree_unflatten(spec, b)))[0]

    def part(x, start, stop, step):
        return slice_axis(x, axis, start, max(stop, start), step)

    def run(parts, n):
        if n < 2:
            return parts
        even = [part(x, 0, n - 1, 2) for x in parts]
        odd = [part(x, 1, n, 2) for x in parts]
        odds = run(combined(even, odd), n // 2)
        later = [part(x, 2, n, 2) for x in parts]
        before = odds if n % 2 else [part(x, 0, n // 2 - 1, 1) for x in odds]
        evens = combined(before, later) if n > 2 else []
        first = [part(x, 0, 1, 1) for x in parts]
        evens = [concatenate([a, b], axis) for a, b in zip(first, evens, strict=True)] if evens else first
        return [_interleaved(a, b, axis) for a, b in zip(evens, odds, strict=True)]

    if reverse:
        leaves = [flip(x, axis) for x in leaves]
    found = run(leaves, n)
    return tree_unflatten(spec, [flip(x, axis) for x in found] if reverse else found)


def _interleaved(even, odd, axis):
    """even[0], odd[0], even[1], ... along an axis; even has as many or one more."""
    m = odd.shape[axis]
    shape = list(odd.shape)
    shape[axis] = 2 * m
    both = reshape(stack([slice_axis(even, axis, 0, m), odd], axis + 1), shape)
    return both if even.shape[axis] == m else concatenate([both, slice_axis(even, axis, m, m + 1)], axis)


# --- vectorize -------------------------------------------------------------------------------------
_CORE = re.compile(r"\(([^()]*)\)")


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function that takes arrays where `pyfunc` takes elements: it is called once for each, with broadcasting.

    Args:
        pyfunc: function of tensors.
        excluded: set of positions and names of arguments that are passed as they are.
        signature: `"(n),(n)->()"`: the axes that one call takes and gives; by default none.

    Raises:
        TypeError: `pyfunc` cannot be called.
        ValueError: the signature does not fit.
    """
    if not callable(pyfunc):
        raise TypeError(f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc}")
    excluded = set(excluded or ())
    cores = None
    if signature is not None:
        left, arrow, _ = signature.replace(" ", "").partition("->")
        cores = [len([n for n in names.split(",") if n]) for names in _CORE.findall(left)]
        if not arrow:
            raise ValueError(f"Not a valid gufunc signature: {signature}")

    def wrapper(*args, **kwargs):
        names = [i for i in range(len(args)) if i not in excluded]
        arrays = [to_tensor(args[i]) for i in names]
        ranks = [0] * len(arrays) if cores is None else cores
        if len(ranks) != len(arrays):
            raise ValueError(f"wrong number of positional arguments: expected {len(ranks)}, got {len(arrays)}")
        lead = ()
        for x, k in zip(arrays, ranks, strict=True):
            lead = broadcast(lead, tuple(x.shape[: len(x.shape) - k]))
        flat = [
            reshape(broadcast_to(x, (*lead, *x.shape[len(x.shape) - k :])), (-1, *x.shape[len(x.shape) - k :]))
            for x, k in zip(arrays, ranks, strict=True)
        ]

        def call(*values):
            whole = list(args)
            for i, value in zip(names, values, strict=True):
                whole[i] = value
            return pyfunc(*whole, **kwargs)

        if not lead:
            return call(*arrays)
        found = _stacked([call(*(take(x, np.int32(i), axis=0) for x in flat)) for i in range(flat[0].shape[0])])
        return map_structure(lambda y: reshape(y, (*lead, *y.shape[1:])), found)

    return wrapper
