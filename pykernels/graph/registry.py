"""The one definition of each op, and the rule that runs it at once or records it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from .eager_array import EagerArray
from .operand import Operand
from .recording import record, recorders
from .scopes import current_label
from .tensor import Node, Tensor, dtype_of

Type = tuple[tuple, str]

#: What the kernels know of the elementwise functions: family -> name -> facts (csrc/kernels/*.def).
OP_TABLES = _core.op_tables()


def NONDIFFERENTIABLE(node, *douts):  # noqa: N802 - a constant rule, used as a value
    """Gradient rule of ops whose output does not vary with their inputs (comparisons, argmax, round, ...)."""
    return [None] * len(node.inputs)


@dataclass(frozen=True)
class OpDef:
    name: str
    infer: Callable[[list[Type], dict], list[Type]]
    grad: Callable[..., Sequence[Any]] | None
    keras: str | None = None
    onnx: str | None = None
    complete: Callable[[list[Type], dict], dict] | None = None
    host: Callable[..., Any] | None = None


_ops: dict[str, OpDef] = {}
_state = threading.local()


def define(
    name: str, *, infer, grad=None, keras: str | None = None, onnx: str | None = None, complete=None, host=None
) -> None:
    """Defines an op whose kernel is registered in C++ under the same name, or a Python function (`host`).

    Args:
        name: the op's name.
        infer: `infer(types, attrs)` gives `[(shape, dtype), ...]` of the outputs, from the same of the inputs.
        grad: `grad(node, *douts) -> [dinput or None, ...]`; `NONDIFFERENTIABLE` for ops with no gradient. Without
            one, differentiating through the op raises.
        keras: the module of `keras.src.ops` with the operation class of this name in camel case, for ops whose call
            such a class describes without arguments. None: a model's configuration names the op in another way.
        onnx: the ONNX operator that takes the same inputs and no attributes. None: see `saving.onnx.rules`.
        complete: `complete(types, attrs) -> attrs`, for ops whose attributes depend on extents of the inputs: a model
            is recorded with unknown ones, and its ops are applied again, with the same attributes, when they are known.
        host: `host(*arrays, **attrs)` gives the outputs' arrays, for work that a library reached from Python does best:
            the program calls it, and waits for it with the interpreter's lock. It must be a pure function.
    """
    if name in _ops:
        raise ValueError(f"op '{name}' is defined twice")
    _ops[name] = OpDef(name, infer, grad, keras, onnx, complete, host)


def op_names() -> list[str]:
    return sorted(_ops)


def definition(name: str) -> OpDef:
    """What `define` was given for an op. Raises KeyError for an unknown name."""
    return _ops[name]


def trace_stack() -> list:
    stack = getattr(_state, "traces", None)
    if stack is None:
        stack = _state.traces = []
    return stack


def stateless_scopes() -> list:
    """The `StatelessScope`s of this thread, outermost first."""
    found = getattr(_state, "scopes", None)
    if found is None:
        found = _state.scopes = []
    return found


def _as_operand(x, dtype: str | None):
    if isinstance(x, Operand):
        return x
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, np.generic):
        return np.asarray(x)
    if isinstance(x, (bool, int, float)):
        if dtype is None:
            dtype = "bool" if isinstance(x, bool) else "int32" if isinstance(x, int) else "float32"
        return np.asarray(x, dtype)
    return np.asarray(x)


def _operands(inputs) -> list:
    dtype = next((dtype_of(x) for x in inputs if hasattr(x, "dtype")), None)
    found = [_as_operand(x, dtype) for x in inputs]
    scopes = stateless_scopes()
    return [scopes[-1].read(x) for x in found] if scopes else found


def _type(x) -> Type:
    return (x.shape, dtype_of(x))


def _is_symbolic(operands, tracing: bool) -> bool:
    return any(isinstance(x, Tensor) or (tracing and isinstance(x, Operand)) for x in operands)


def _value(x):
    return x.array if isinstance(x, Operand) else x


def kernel_call(op: OpDef, attrs: dict) -> tuple[str, dict]:
    """Name and attributes of the kernel that computes an op."""
    return (op.name, attrs) if op.host is None else ("host", {"function": functools.partial(op.host, **attrs)})


def apply(name: str, inputs: Sequence, **attrs):
    """Applies an op: recorded when an input is symbolic (or a Variable inside a Trace), run at once otherwise.

    Returns a Tensor or an `EagerArray`; a tuple of them when the op has several outputs.
    """
    op = _ops[name]
    operands = _operands(inputs)
    types = [_type(x) for x in operands]
    if op.complete is not None:
        attrs = op.complete(types, attrs)
    out_types = op.infer(types, attrs)
    if _is_symbolic(operands, bool(trace_stack())):
        outs = Node(op, operands, attrs, out_types, label=current_label()).outputs
    else:
        kernel, attributes = kernel_call(op, attrs)
        outs = [y.view(EagerArray) for y in _core.run_op(kernel, [_value(x) for x in operands], out_types, attributes)]
        if recorders():
            record(op, operands, attrs, out_types, outs, current_label())
    return outs[0] if len(outs) == 1 else tuple(outs)


def apply_into(name: str, inputs: Sequence, variables: Sequence, **attrs) -> None:
    """Applies an op whose outputs are variables, updated in place: at once, or as an effect of the active Trace."""
    operands = _operands(inputs)
    scopes = stateless_scopes()
    if scopes and scopes[-1].holds(variables[0]):
        temporaries = scopes[-1].temporaries(variables)
        apply_into(name, operands, temporaries, **attrs)
        scopes[-1].take(variables, temporaries)
        return
    stack = trace_stack()
    if stack:
        op = _ops.get(name) or OpDef(name, lambda types, attrs: [], None)
        node = Node(op, operands, attrs, [], writes=variables, label=current_label())
        stack[-1].effects.append(node)
        return
    if any(isinstance(x, Tensor) for x in operands):
        raise ValueError(
            f"'{name}' on variable '{variables[0].name}' was given a symbolic tensor outside of a training program. "
            "Assign concrete values, or do this in code that runs while the model is traced (call, a loss, a metric)."
        )
    _core.run_op_into(name, [_value(x) for x in operands], [v.storage for v in variables], attrs)
