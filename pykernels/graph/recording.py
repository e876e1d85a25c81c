"""What gradient tapes keep of ops that run at once: a node for each, beside the values that it gave.

An op on arrays computes its result and, while a tape of this thread records, also makes a `Node`, as it would in a
program. An array knows its tensor in that graph (its twin) by a weak reference: the tapes hold the tensors, so that
what they recorded is freed with them, whatever arrays the user keeps.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np

from .eager_array import EagerArray
from .tensor import Node, Tensor

_state = threading.local()


def recorders() -> list:
    """The tapes that record ops of this thread, outermost first."""
    found = getattr(_state, "recorders", None)
    if found is None:
        found = _state.recorders = []
    return found


def twin_of(x) -> Tensor | None:
    """The tensor that an array is the value of, in what tapes recorded; None for others."""
    reference = x.__dict__.get("twin") if type(x) is EagerArray else None
    return None if reference is None else reference()


def source(value: np.ndarray) -> Tensor:
    """A tensor of that value, which nothing computes."""
    tensor = Node(None, [], {}, [(value.shape, value.dtype.name)]).outputs[0]
    tensor.value = value
    return tensor


def attach(array: np.ndarray, tensor: Tensor) -> EagerArray:
    """`array` as the value of `tensor`; it gets to know it."""
    eager = array if type(array) is EagerArray else array.view(EagerArray)
    eager.twin = weakref.ref(tensor)
    tensor.value = eager
    return eager


def twin_operand(x, tapes):
    """The tensor of an operand, or the array itself where no tape has one."""
    if isinstance(x, np.ndarray):
        twin = twin_of(x)
        if twin is not None:
            return twin
        found = [t for t in (tape.watched_array(x) for tape in tapes) if t is not None]
        return found[-1] if found else x
    twin = None  # a variable
    for tape in tapes:
        twin = tape.read(x, twin)
    return x.array if twin is None else twin


def record(op, operands, attrs, out_types, outs, label) -> None:
    """Tells the recording tapes of an op that has run: `outs` are its results for `operands`."""
    tapes = recorders()
    inputs = [twin_operand(x, tapes) for x in operands]
    if not any(isinstance(x, Tensor) for x in inputs):
        return
    node = Node(op, inputs, attrs, out_types, label=label)
    tensors = node.outputs
    for array, tensor in zip(outs, tensors, strict=True):
        attach(array, tensor)
    for tape in tapes:
        tape.add(node, tensors)
