"""Symbolic tensors and the nodes that produce them."""

from __future__ import annotations

import itertools
import weakref

import numpy as np

from ..utils.masks import get_mask, set_mask
from .operand import Operand, function_of

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")

_NAMES = {np.dtype(name): name for name in DTYPES}  # `numpy.dtype.name` takes microseconds

_sequence = itertools.count()


def dtype_of(x) -> str:
    """The dtype's name of a tensor, variable or array."""
    dtype = x.dtype
    return dtype if isinstance(dtype, str) else _NAMES.get(dtype) or dtype.name


def _dead_reference() -> None:
    """A weak reference to nothing."""


class SymbolicValueError(TypeError):
    """Code asked for the value of a symbolic tensor, which has none while a program is being recorded."""


class Node:
    """One application of an op.

    Attributes:
        op: the op's definition (`registry.OpDef`), or None for a placeholder.
        inputs: list of `Tensor`, `Variable` and constant `numpy.ndarray`.
        attrs: dict of attributes as the kernel reads them.
        outputs: tuple of `Tensor`. A tensor keeps its node alive, not the other way round (so that no reference cycle
            arises). A tensor without other references is made again when asked for: hold the tuple to compare
            identities.
        writes: variables that the op updates in place (effects); they follow `outputs` in the kernel's outputs.
        seq: position in the order of recording, which is the order of execution.
        label: name of the layer (or other scope) that recorded it.
        through: what `custom_gradient` gives a gradient to in place of `inputs`; None for all others.
    """

    __slots__ = ("_held", "_types", "attrs", "inputs", "label", "op", "seq", "through", "writes")

    def __init__(self, op, inputs, attrs, out_types, writes=(), label=""):
        self.op = op
        self.inputs = list(inputs)
        self.attrs = attrs
        self._types = [(tuple(shape), dtype) for shape, dtype in out_types]
        self._held = [_dead_reference] * len(self._types)  # weak references, shared with copies of the node
        self.writes = tuple(writes)
        self.seq = next(_sequence)
        self.label = label
        self.through = None

    @property
    def differentiated(self) -> list:
        """What the gradient rule of the op gives gradients of, in its order."""
        return self.inputs if self.through is None else self.through

    def with_inputs(self, inputs) -> Node:
        """The same node, with other inputs."""
        new = Node.__new__(Node)
        for slot in Node.__slots__:
            setattr(new, slot, getattr(self, slot))
        new.inputs = list(inputs)
        return new

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return tuple([self._output(i) for i in range(len(self._types))])

    def _output(self, i: int) -> Tensor:
        tensor = self._held[i]()
        if tensor is None:
            tensor = Tensor(*self._types[i], self)
            self._held[i] = weakref.ref(tensor)
        return tensor

    @property
    def name(self) -> str:
        return self.op.name if self.op is not None else "placeholder"

    def __repr__(self):
        return f"<Node {self.name} -> {[shape for shape, _ in self._types]}>"


class Tensor(Operand):
    """A symbolic array: `shape` (a tuple; None is an unknown batch size), `dtype`, and the node that makes it.

    Arithmetic, comparison and indexing are those of `pykernels.ops`.
    """

    __slots__ = ("__dict__", "__weakref__", "dtype", "name", "node", "shape")

    def __init__(self, shape, dtype, node=None, name=None):
        self.shape = tuple(shape)
        self.dtype = dtype
        self.node = node
        self.name = name

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def _keras_shape(self) -> tuple:
        """The name by which layers written for Keras 1 and 2 read the shape of a tensor."""
        return self.shape

    @property
    def _keras_mask(self):
        """The name by which layers written for Keras read and set the mask of a tensor."""
        return get_mask(self)

    @_keras_mask.setter
    def _keras_mask(self, mask):
        set_mask(self, mask)

    def __len__(self):
        if not self.shape or self.shape[0] is None:
            raise SymbolicValueError("a symbolic tensor with an unknown first dimension has no len()")
        return self.shape[0]

    def __iter__(self):
        raise SymbolicValueError("a symbolic tensor cannot be iterated over; index it or use pykernels.ops.split")

    def __bool__(self):
        raise SymbolicValueError(
            "a symbolic tensor has no truth value while a model is being built; use pykernels.ops.where instead of `if`"
        )

    def _no_value(self, what: str):
        raise SymbolicValueError(
            f"{self!r} is symbolic: it has no values yet, so {what} cannot take it. Use the functions of pykernels.ops."
        )

    def __array__(self, *args, **kwargs):
        self._no_value("NumPy functions")

    def numpy(self):
        """An array's way to NumPy; a symbolic tensor has none, and raises `SymbolicValueError`."""
        self._no_value("numpy()")

    def __float__(self):
        self._no_value("float()")

    def __int__(self):
        self._no_value("int()")

    def __index__(self):
        self._no_value("range() and indexing")

    def item(self):
        """An array's way to a Python number; a symbolic tensor has none, and raises `SymbolicValueError`."""
        self._no_value("item()")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        """numpy_array + tensor and np.exp(tensor) record the op of that name."""
        function = function_of(ufunc)
        if function is None or method != "__call__" or kwargs:
            raise TypeError(
                f"np.{ufunc.__name__} cannot be applied to {self!r}, which is symbolic. "
                "Use the functions of pykernels.ops."
            )
        return function(*inputs)

    def __repr__(self):
        name = f", name={self.name}" if self.name else ""
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}{name}>"
