"""Shapes and dtypes of what a layer gives for symbolic tensors."""

from __future__ import annotations

import threading

from ..graph import Tensor, Trace, dtype_of
from ..user_warning import warn
from ..utils.masks import get_mask, set_mask
from ..utils.overrides import overridden_by_user
from ..utils.tree import flatten, map_shapes, map_structure
from .node import symbolic

_local = threading.local()


def infers_shapes() -> bool:
    """Whether this thread records a call only to see the shapes of its outputs."""
    return getattr(_local, "depth", 0) > 0


def recorded_outputs(layer, args, kwargs):
    """Symbolic tensors like the outputs of a call, which is recorded into a program that is thrown away."""
    _local.depth = getattr(_local, "depth", 0) + 1
    try:
        with Trace():
            outputs = layer._call(args, dict(kwargs))
    finally:
        _local.depth -= 1
    layer._clear_losses()

    def result(t):
        found = symbolic(t.shape, dtype_of(t))
        mask = get_mask(t)
        if mask is not None:
            set_mask(found, symbolic(mask.shape, dtype_of(mask)))
        return found

    return map_structure(result, outputs)


def declared_outputs(layer, args, kwargs):
    """Symbolic tensors of the shapes that `compute_output_shape` says."""
    shapes = layer._shapes_of(args, kwargs)
    names = layer._parameters_of("compute_output_shape")
    if len(names) > 1 and all(name in shapes for name in names):
        found = layer.compute_output_shape(**{name: shapes[name] for name in names})
    else:
        found = layer.compute_output_shape(next(iter(shapes.values())))
    if not isinstance(found, (list, tuple, dict)):
        found = tuple(found)
    return map_shapes(lambda shape: symbolic(shape, layer.compute_dtype), found)


def inferred_outputs(layer, args, kwargs):
    """Symbolic tensors like the outputs of a call.

    A `compute_output_spec` or `compute_output_shape` of the user's is asked too. Where recording the call fails, since
    its code needs a number for an unknown dimension, what they say counts; where they contradict the call, it does not,
    and a warning says so.
    """
    methods = ("symbolic_call", "compute_output_spec", "compute_output_shape")
    method = next((name for name in methods if overridden_by_user(type(layer), name)), None)
    if method is None:
        return recorded_outputs(layer, args, kwargs)
    try:
        results = recorded_outputs(layer, args, kwargs)
    except Exception:
        layer._clear_losses()
        return layer.symbolic_call(*args, **kwargs)
    try:
        declared = layer.symbolic_call(*args, **kwargs)
    except Exception as error:  # the user's code, about a result that is known
        warn(f"{method}() of layer '{layer.name}' raised {type(error).__name__}: {error}. What call() gives counts.")
        return results
    if not _agree(declared, results):
        said, given = _text(declared), _text(results)
        warn(f"{method}() of layer '{layer.name}' says {said}, and call() gives {given}, which counts.")
    return results


def _agree(declared, results) -> bool:
    declared, results = flatten(declared), flatten(results)
    return len(declared) == len(results) and all(
        isinstance(a, Tensor)
        and len(a.shape) == len(b.shape)
        and all(None in (m, n) or m == n for m, n in zip(a.shape, b.shape, strict=True))
        for a, b in zip(declared, results, strict=True)
    )


def _text(tensors) -> str:
    shapes = [tuple(t.shape) if isinstance(t, Tensor) else t for t in flatten(tensors)]
    return str(shapes[0] if len(shapes) == 1 else shapes)
