"""An ONNX graph while it is being written: tensors with the layout they are stored in, constants, nodes.

Images are (N, H, W, C) here and (N, C, H, W) in ONNX. A tensor is therefore `Stored` with the order of its axes: a
transposition is only another order, and becomes a node where something needs another layout than there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...graph import Tensor, Variable


class Stored(NamedTuple):
    """A tensor of the ONNX graph: its axis j is the axis `order[j]` of the tensor that it stands for."""

    name: str
    order: tuple[int, ...]


class Weights(NamedTuple):
    """What a convolution computes with, so that a scale and a shift behind it can be taken into it."""

    node: object
    kernel: np.ndarray
    bias: np.ndarray | None


def plain(rank: int) -> tuple[int, ...]:
    return tuple(range(rank))


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


class OnnxGraph:
    """Nodes and constants in the making.

    Args:
        readers: id of a tensor -> how often it is read, the model's outputs counted.

    Attributes:
        label: name of the layer whose ops are being written.
        sums: name of a tensor -> the node behind which a bias of (channels,) can be put in, and its input for it.
        convolutions: name of a tensor -> `Weights` of the convolution that made it.
    """

    def __init__(self, readers: dict[int, int]):
        self.label = ""
        self.nodes: list = []
        self.sums: dict[str, object] = {}
        self.convolutions: dict[str, Weights] = {}
        self._readers = readers
        self._stored: dict[int, Stored] = {}
        self._constants: dict[int, np.ndarray] = {}
        self._initializers: dict[str, np.ndarray] = {}
        self._known: dict[tuple, str] = {}  # what has been written already
        self._names: set[str] = set()
        self._outputs: set[str] = set()
        self._alive: list = []

    # --- names and values ---------------------------------------------------------------------------------
    def unique(self, name: str) -> str:
        """The name, with a number if it is taken."""
        result, count = name, 0
        while result in self._names:
            count += 1
            result = f"{name}_{count}"
        self._names.add(result)
        return result

    def put(self, tensor: Tensor, name: str, order: tuple[int, ...] | None = None) -> None:
        """`name` is where the tensor is."""
        self._alive.append(tensor)
        self._stored[id(tensor)] = Stored(name, plain(len(tensor.shape)) if order is None else tuple(order))

    def put_constant(self, tensor: Tensor, value: np.ndarray) -> None:
        self._alive.append(tensor)
        self._constants[id(tensor)] = np.asarray(value)

    def constant(self, x) -> np.ndarray | None:
        """The value of what does not depend on the model's inputs; None for what does."""
        if isinstance(x, Variable):
            return x.array
        return x if isinstance(x, np.ndarray) else self._constants.get(id(x))

    def stored(self, x: Tensor) -> Stored:
        return self._stored[id(x)]

    def read_once(self, x: Tensor) -> bool:
        return self._readers.get(id(x), 0) == 1

    # --- constants ------------------------------------------------------------------------------------------
    def weight(self, array: np.ndarray, name: str = "constant") -> str:
        """A constant; one with the same bytes is written once."""
        array = np.ascontiguousarray(array)
        key = ("constant", array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 else None
        if key in self._known:
            return self._known[key]
        result = self.unique(f"{self.label}/{name}" if self.label else name)
        self._initializers[result] = array
        if key is not None:
            self._known[key] = result
        return result

    def weight_of(self, source, name: str, how: str, function) -> str:
        """The constant `function(value of source)`, made once for each `how`."""
        key = ("weight", id(source), how)
        if key not in self._known:
            self._alive.append(source)
            self._known[key] = self.weight(function(self.constant(source)), name)
        return self._known[key]

    def ints(self, values: Sequence[int]) -> str:
        return self.weight(np.asarray(values, np.int64), "shape")

    # --- nodes ----------------------------------------------------------------------------------------------
    def node(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes):
        """Adds a node and returns the name of its output, or a list of names."""
        import onnx

        name = self.unique(f"{self.label}/{kind}" if self.label else kind)
        names = [name if i == 0 else self.unique(f"{name}:{i}") for i in range(outputs)]
        self.nodes.append(onnx.helper.make_node(kind, list(inputs), names, name, **attributes))
        return names[0] if outputs == 1 else names

    def get(self, x, order: Sequence[int] | None = None) -> str:
        """The name of a tensor (or constant) in a layout; that of the model by default."""
        order = plain(len(x.shape)) if order is None else tuple(order)
        value = self.constant(x)
        if value is not None:
            return self.weight_of(x, "constant", f"layout {order}", lambda array: array.transpose(order))
        have = self.stored(x)
        if have.order == order:
            return have.name
        key = ("layout", have, order)
        if key not in self._known:
            self._known[key] = self._laid_out(x.shape, have, order)
        return self._known[key]

    def _laid_out(self, shape, have: Stored, order) -> str:
        if same_memory(shape, have.order, order) and tuple(shape).count(None) < 2:
            return self.node("Reshape", [have.name, self.ints(reshape_to([shape[a] for a in order], self))])
        return self.node("Transpose", [have.name], perm=[have.order.index(a) for a in order])

    def together(self, xs: Sequence) -> tuple[list[str], tuple[int, ...]]:
        """The names of operands that broadcast, in one layout, and that layout."""
        rank = max(len(x.shape) for x in xs)
        symbolic = [x for x in xs if self.constant(x) is None]
        order = plain(rank)
        if all(len(x.shape) == rank for x in symbolic):
            order = next((o for o in (self.stored(x).order for x in symbolic) if o != order), order)
        return [self._beside(x, rank, order) for x in xs], order

    def _beside(self, x, rank: int, order) -> str:
        if self.constant(x) is None:
            return self.get(x, order if len(x.shape) == rank else None)
        if not x.shape:
            return self.weight(self.constant(x))
        missing = (1,) * (rank - len(x.shape))
        return self.weight_of(
            x, "constant", f"beside {rank} {order}", lambda a: a.reshape(missing + a.shape).transpose(order)
        )

    # --- the end --------------------------------------------------------------------------------------------
    def name_output(self, tensor, name: str, inputs: set[str]) -> None:
        """Gives an output of the model its name."""
        have = self.get(tensor)
        if have in inputs or have in self._initializers or have in self._outputs:
            self.label = ""
            have = self.node("Identity", [have])
        self._rename(have, name)
        self._outputs.add(name)

    def _rename(self, old: str, new: str) -> None:
        for node in self.nodes:
            for names in (node.input, node.output):
                for i, other in enumerate(names):
                    if other == old:
                        names[i] = new
        self._known = {
            tuple(x._replace(name=new) if isinstance(x, Stored) and x.name == old else x for x in key): (
                new if name == old else name
            )
            for key, name in self._known.items()
        }
        for key, stored in self._stored.items():
            if stored.name == old:
                self._stored[key] = stored._replace(name=new)

    def needed(self, outputs: Sequence[str]) -> tuple[list, dict[str, np.ndarray]]:
        """The nodes and constants that the outputs depend on."""
        wanted, kept = set(outputs), []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                kept.append(node)
        return kept[::-1], {name: array for name, array in self._initializers.items() if name in wanted}


def same_memory(shape, old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether two layouts of a tensor differ by axes of extent 1 only."""
    return [a for a in old if shape[a] != 1] == [a for a in new if shape[a] != 1]


def reshape_to(shape, graph: OnnxGraph, sources=()) -> list[int]:
    """A shape as ONNX's Reshape takes it.

    Args:
        sources: for each extent the axis of the reshaped tensor that has it too, None where that is not known.

    Raises:
        NotImplementedError: several extents that are not known.
    """
    result = [-1 if extent is None else extent for extent in shape]
    if result.count(-1) > 1:
        for i in range(len(shape)):
            if shape[i] is None and i < len(sources) and sources[i] == i:
                result[i] = 0  # that of the input
    if result.count(-1) > 1 or 0 in [d for d in shape if d is not None]:
        raise NotImplementedError(
            f"The model cannot be exported to ONNX: layer '{graph.label}' makes a tensor of shape {tuple(shape)}, in "
            "which more than the batch is unknown. Give the model's Input a whole shape."
        )
    return result
