"""Recording of one program: its inputs, its effects, its checks."""

from __future__ import annotations

from .program import Program, lower
from .registry import OpDef, trace_stack
from .tensor import DTYPES, Node, Tensor

_CHECK = OpDef("check_finite", lambda types, attrs: [], None)


class Trace:
    """Records what is computed inside `with Trace() as trace:`, to be built into one `Program`."""

    def __init__(self):
        self.placeholders: list[Tensor] = []
        self.effects: list[Node] = []

    def __enter__(self):
        trace_stack().append(self)
        return self

    def __exit__(self, *exc):
        trace_stack().pop()

    def placeholder(self, shape, dtype="float32", name=None) -> Tensor:
        """An input of the program. `shape` is concrete."""
        if dtype not in DTYPES:
            raise TypeError(f"placeholder '{name}': dtype {dtype} is not one of {', '.join(DTYPES)}")
        if any(d is None for d in shape):
            raise ValueError(f"placeholder '{name}' needs a concrete shape, got {tuple(shape)}")
        tensor = Node(None, [], {}, [(tuple(shape), dtype)]).outputs[0]
        tensor.name = name
        self.placeholders.append(tensor)
        return tensor

    def check_finite(self, tensor) -> None:
        """A run of many batches stops here, before later effects, when a value of `tensor` is not finite."""
        if isinstance(tensor, Tensor):
            self.effects.append(Node(_CHECK, [tensor], {}, []))

    def build(self, outputs=(), checkpoint=False) -> Program:
        """Optimises and lowers what was recorded.

        Args:
            outputs: tensors (or arrays) that `run` returns.
            checkpoint: whether activations before `check_finite` are computed twice where that saves memory.
        """
        return lower(self.placeholders, list(outputs), self.effects, checkpoint)


def current_trace() -> Trace | None:
    stack = trace_stack()
    return stack[-1] if stack else None
