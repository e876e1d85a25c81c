"""Variables: named arrays that programs read and update in place."""

from __future__ import annotations

import contextlib
import inspect

import numpy as np

from .. import _core
from ..utils.load_budget import load_budget
from ..utils.serialization import resolve_registered
from .operand import Operand
from .registry import apply, apply_into, stateless_scopes, trace_stack
from .scopes import current_path
from .structure import structure_changed
from .tensor import DTYPES, Tensor


class Variable(Operand):
    """A mutable array shared by all programs that use it.

    Args:
        initializer: array-like; with `shape` also a callable `(shape, dtype) -> array` or the name of an initializer; a
            callable without parameters that returns an array.
        shape: of the variable, where the initializer does not say it.
        dtype: one of float32, float64, int32, int64, uint8, bool; default: the value's, float32 for Python floats.
        trainable: whether optimizers may change it.
        autocast, aggregation, synchronization: as in Keras; there is one device and one precision here, so they change
            nothing.
        name: shown in messages and files. `path` has the names of the layers before it, if it is made in one.
        initial_value: TensorFlow's name of `initializer`.
        constraint: callable applied after each update. regularizer: callable whose value joins the loss.
        filled: False leaves the memory as it is; whoever asks for that writes it before anything reads it.

    `numpy()` copies the value out; `assign`, `assign_add` and `assign_sub` act at once on arrays, and inside
    a `Trace` become effects of the program.
    """

    __array_ufunc__ = None

    def __init__(
        self,
        initializer=None,
        shape=None,
        dtype=None,
        trainable=True,
        autocast=True,
        aggregation="none",
        synchronization="auto",
        name=None,
        *,
        initial_value=None,
        regularizer=None,
        constraint=None,
        overwrite_with_gradient=False,
        filled=True,
        layout=None,
    ):
        self.name = name or "variable"
        path = current_path()
        self.path = f"{path}/{self.name}" if path else self.name
        self._trainable = bool(trainable)
        self._regularizer = regularizer
        self._constraint = constraint
        self.overwrite_with_gradient = overwrite_with_gradient
        if initializer is None:
            initializer = initial_value
        if initializer is None:
            raise TypeError(
                f"Variable '{self.name}' needs an initial value: Variable(value) or Variable('zeros', shape)"
            )
        initial_value = resolve_registered(initializer, "initializer") if isinstance(initializer, str) else initializer
        if callable(initial_value) and shape is None and not _parameters(initial_value):  # as TensorFlow has it
            initial_value = initial_value()
        if callable(initial_value):
            if shape is None:
                raise ValueError(f"Variable '{self.name}': an initializer that is a name or callable needs `shape`")
            initial_value = initial_value(shape, dtype=dtype or "float32")
        if isinstance(initial_value, Variable):
            initial_value = initial_value.array
        value = np.asarray(initial_value, dtype=dtype)
        if dtype is None and not hasattr(initial_value, "dtype"):
            value = value.astype({"f": "float32", "i": "int32"}.get(value.dtype.kind, value.dtype))
        if value.dtype.name not in DTYPES:
            raise TypeError(f"Variable '{self.name}': dtype {value.dtype} is not one of {', '.join(DTYPES)}")
        if shape is not None and tuple(shape) != value.shape:
            raise ValueError(f"Variable '{self.name}': the initial value has shape {value.shape}, expected {shape}")
        self._hold(value, filled)

    def _hold(self, value: np.ndarray, filled: bool = True) -> None:
        self.shape = value.shape
        self.dtype = value.dtype.name
        budget = load_budget()
        if budget is not None:
            budget.storage(self.name, value.nbytes)
        self.storage = _core.Variable(value.shape, self.dtype)
        if filled:
            with self.storage.write() as array:
                array[...] = value

    # --- what training does with it: programs that were recorded before are recorded again -----------
    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value) -> None:
        self._trainable = bool(value)
        structure_changed()

    @property
    def regularizer(self):
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value) -> None:
        self._regularizer = value
        structure_changed()

    @property
    def constraint(self):
        return self._constraint

    @constraint.setter
    def constraint(self, value) -> None:
        self._constraint = value
        structure_changed()

    # --- values -----------------------------------------------------------------------------------
    @property
    def value(self):
        """The value now: a copy; inside a `Trace` a tensor."""
        return apply("reshape", [self], shape=self.shape)

    @property
    def array(self) -> np.ndarray:
        """The value now as a read-only array that later writes leave as it is. For use inside the package."""
        return self.storage.array

    def numpy(self) -> np.ndarray:
        return np.array(self._now())

    def _now(self):
        """The value to be read: that of a `StatelessScope`, if it has one."""
        scopes = stateless_scopes()
        found = scopes[-1].get_current_value(self) if scopes else None
        return self.array if found is None else found

    def read_value(self):
        return self.value

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        return np.array(self._now(), dtype=dtype)

    def __float__(self):
        return float(self._now())

    def __int__(self):
        return int(self._now())

    def __index__(self):
        return self._now().__index__()

    def __bool__(self):
        return bool(self._now())

    def __iter__(self):
        return iter(self.value)

    def __repr__(self):
        return f"<Variable {self.name}, shape={self.shape}, dtype={self.dtype}, value={self.array!r}>"

    # --- assignment ---------------------------------------------------------------------------------
    def assign(self, value):
        """Sets the value. Raises ValueError when the shapes differ."""
        scope = self._scope()
        if scope is not None:
            scope.write(self, value)
            return self
        if isinstance(value, Tensor) or _tracing():
            self._record("assign", value)
            return self
        value = np.asarray(value.array if isinstance(value, Variable) else value)
        if value.shape != self.shape:
            raise ValueError(
                f"The shape of the target variable and the shape of the target value in `variable.assign(value)` must "
                f"match. variable.shape={self.shape}, Received: value.shape={value.shape}. "
                f"Target variable: {self.name}"
            )
        if value.dtype.kind not in "fiub":
            raise TypeError(f"Variable '{self.name}' ({self.dtype}) cannot be assigned a value of dtype {value.dtype}")
        self.storage.assign(np.asarray(value, self.dtype, order="C"))
        return self

    def _scope(self):
        """The `StatelessScope` that keeps what is assigned; None without."""
        scopes = stateless_scopes()
        return scopes[-1] if scopes and scopes[-1].holds(self) else None

    def assign_add(self, value):
        scope = self._scope()
        if scope is not None:
            scope.write(self, apply("add", [self, _cast(value, self.dtype)]))
            return self
        if isinstance(value, Tensor) or _tracing():
            self._record("assign_add", value)
            return self
        return self.assign(self.array + np.asarray(value, self.dtype))

    def assign_sub(self, value):
        scope = self._scope()
        if scope is not None:
            scope.write(self, apply("subtract", [self, _cast(value, self.dtype)]))
            return self
        if isinstance(value, Tensor) or _tracing():
            self._record("assign_add", _negated(value))
            return self
        return self.assign(self.array - np.asarray(value, self.dtype))

    def _record(self, op, value):
        shape = value.shape if hasattr(value, "shape") else np.shape(value)
        if tuple(shape) != self.shape:
            raise ValueError(f"Variable '{self.name}' has shape {self.shape}; it cannot be given shape {tuple(shape)}")
        apply_into(op, [_cast(value, self.dtype)], [self])

    # --- copies and pickles are by value ------------------------------------------------------------
    def __getstate__(self):
        state = self.__dict__.copy()
        del state["storage"]
        state["array"] = self.array.copy()
        return state

    def __setstate__(self, state):
        value = state.pop("array")
        self.__dict__.update(state)
        self._hold(value)


def reading(variables) -> contextlib.AbstractContextManager:
    """Within it the thread reads these variables as they were when it began, whatever other threads write."""
    return _core.Reading([v.storage for v in variables])


def writing(variables) -> contextlib.AbstractContextManager:
    """Within it the thread may write these variables one by one: others see all of them changed, when it ends.

    Threads that read them wait that long, so nothing in it may wait for another thread.
    """
    return _core.Writing([v.storage for v in variables])


def _parameters(function) -> list:
    """The parameters of a callable; of one that does not tell, something."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return [function]


def _tracing() -> bool:
    return bool(trace_stack())


# Ops are called by name: their definitions are in `pykernels.ops`.
def _cast(value, dtype):
    have = getattr(value, "dtype", None)
    if have is None:
        return np.asarray(value, dtype)
    return value if str(have) == dtype else apply("cast", [value], dtype=dtype)


def _negated(value):
    return apply("negative", [value]) if isinstance(value, Variable) else -value
