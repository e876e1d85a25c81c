"""Lowering of recorded nodes to a C++ program, and running it."""

from __future__ import annotations

import numpy as np

from .. import _core
from .autodiff import reachable
from .checkpoint import checkpoint_activations
from .passes import optimize
from .registry import kernel_call
from .tensor import Node, Tensor
from .variable import Variable

Source = _core.Source
Workspaces = _core.Workspaces


class Program:
    """A compiled program: a flat list of kernel calls over a planned arena.

    Attributes:
        input_types: list of (shape, dtype), one per placeholder.
        output_types: list of (shape, dtype), one per output.
        arena_bytes: memory that one run needs for intermediate values and scratch.
    """

    def __init__(self, core, input_types, output_types):
        self.core = core
        self.input_types = input_types
        self.output_types = output_types
        self.arena_bytes = core.arena_bytes
        # The calls in the hot path of small models are the extension's own.
        self.run = core.run
        self.run_batches = core.run_batches

    @staticmethod
    def bind(arrays, types) -> list:
        """What `run_batches` takes as its sources: arrays whose rows are converted to the dtypes of the inputs."""
        return [Source(array, dtype) for array, (_, dtype) in zip(arrays, types, strict=True)]

    def reading(self):
        """A context manager within which runs by this thread read the variables as they were when it began."""
        return self.core.reading()

    def describe(self) -> list[dict]:
        """One dict per call: op, label, inputs, outputs (value names), shape, dtype, offset, bytes, flops."""
        return self.core.describe()

    def profile(self, feeds, repeats: int = 5) -> list[dict]:
        """`describe()` with `ns`, the median time of each call over `repeats` runs. Effects do take place."""
        table = self.core.describe()
        for row, ns in zip(table, self.core.profile(feeds, repeats), strict=True):
            row["ns"] = ns
        return table

    def __str__(self):
        header = f"{'#':>3} {'op':<38} {'label':<18} {'output':<26} {'offset':>10} {'bytes':>11} {'MFLOP':>9}"
        lines = [header, "-" * len(header)]
        for i, row in enumerate(self.describe()):
            out = f"{row['dtype']}{tuple(row['shape'])}"
            lines.append(
                f"{i:>3} {row['op']:<38} {row['label'][:18]:<18} {out:<26} {row['offset']!s:>10} "
                f"{row['bytes']:>11,} {row['flops'] / 1e6:>9.3f}"
            )
        lines.append(f"arena: {self.arena_bytes:,} bytes")
        return "\n".join(lines)


def lower(placeholders: list[Tensor], outputs: list, effects: list[Node], checkpoint=False) -> Program:
    """Builds the program that computes `outputs` and performs `effects`, in the order of recording.

    With `checkpoint`, forward values are computed a second time in the backward pass where that saves memory.
    """
    nodes = reachable([*outputs, *effects])
    known = {id(p) for p in placeholders}
    for node in nodes:
        if node.op is None and id(node.outputs[0]) not in known:
            raise ValueError(
                f"the program depends on the symbolic tensor {node.outputs[0]!r}, which is not among its inputs"
            )
    nodes, outputs = optimize([n for n in nodes if n.op is not None], outputs)
    if checkpoint:
        return checkpoint_activations(nodes, outputs, lambda nodes: Lowering(placeholders, nodes, outputs)).build()
    return Lowering(placeholders, nodes, outputs).build()


class Lowering:
    """Nodes as the builder's values and calls, in the order of recording.

    The builder decides what shares memory and in which order calls run.
    """

    def __init__(self, placeholders, nodes, outputs):
        self.builder = _core.ProgramBuilder()
        self.placeholders = placeholders
        self.ids: dict[int, int] = {}  # id(Tensor, Variable or array) -> the builder's value
        self.alive: list = []  # keeps ids unique while lowering
        for p in placeholders:
            self.ids[id(p)] = self.builder.input(p.shape, p.dtype)
        for node in nodes:
            self._add(node)
        self.outputs = [o if isinstance(o, (Tensor, Variable)) else np.asarray(o) for o in outputs]
        for o in self.outputs:
            self.builder.output(self._value(o))

    def root(self, tensor) -> int:
        """The builder's value whose memory a tensor has: its own, or that of what it is another shape of."""
        return self.builder.root(self.ids[id(tensor)])

    def peak(self) -> int:
        """The most bytes of intermediate values alive at once."""
        return self.builder.peak()

    def build(self) -> Program:
        return Program(
            self.builder.build(),
            [(p.shape, p.dtype) for p in self.placeholders],
            [(tuple(o.shape), str(o.dtype)) for o in self.outputs],
        )

    def _add(self, node: Node) -> None:
        ins = [self._value(x) for x in node.inputs]
        if node.name == "check_finite":
            self.builder.check_finite(ins[0])
            return
        tensors = node.outputs
        self.alive.append(tensors)
        outs = [(t.shape, t.dtype) for t in tensors]
        written = [self._value(v) for v in node.writes]
        kernel, attrs = kernel_call(node.op, node.attrs)
        values = self.builder.add(kernel, ins, outs, written, attrs, node.label)
        self.ids.update((id(t), value) for t, value in zip(tensors, values, strict=True))

    def _value(self, x) -> int:
        found = self.ids.get(id(x))
        if found is not None:
            return found
        if isinstance(x, Variable):
            found = self.builder.variable(x.storage)
        elif isinstance(x, np.ndarray):
            found = self.builder.constant(np.asarray(x, order="C"))
        else:
            raise ValueError(f"{x!r} is used before it is computed")
        self.alive.append(x)
        self.ids[id(x)] = found
        return found
