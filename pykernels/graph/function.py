"""`function`: Python code that is recorded once for each kind of arguments, and then runs as a program."""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict

import numpy as np

from ..user_warning import warn
from ..utils.random_seed import make_default_seed, seeds_from
from ..utils.tree import flatten, map_structure, tree_flatten, tree_unflatten
from .eager_array import EagerArray, eager
from .recording import recorders
from .registry import stateless_scopes, trace_stack
from .tensor import DTYPES, SymbolicValueError, Tensor, dtype_of
from .trace import Trace
from .variable import Variable

_KEPT = 64  # programs of one function


class Recorded:
    """One recording: its program, and how its results are put together."""

    def __init__(self, program, results, kept):
        self.program = program
        self.results = results  # the result with the number of an output, or a constant, for each leaf
        self.kept = kept  # arguments that are part of the recording: their ids stay theirs

    def run(self, arrays: list, step: int):
        outputs = self.program.run(arrays, step)
        return map_structure(
            lambda leaf: outputs[leaf.index].view(EagerArray) if _is_output(leaf) else leaf, self.results
        )


class _Output:
    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def _is_output(leaf) -> bool:
    return type(leaf) is _Output


class Function:
    """What `function` makes of a Python function.

    Attributes:
        python_function: the function as it was written.
        input_signature: as given to `function`.
    """

    def __init__(self, python_function, input_signature=None):
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._recorded: OrderedDict[tuple, Recorded] = OrderedDict()
        self._lock = threading.RLock()
        self._runs = 0
        self._recordings = 0
        self._seed: int | None = None
        self._runs_in_python = False
        self._bound: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

    def __reduce__(self):
        """Copies and pickles hold the Python function, and record anew."""
        return Function, (self.python_function, self.input_signature)

    def __get__(self, instance, owner=None):
        """A method: each object has recordings of its own."""
        if instance is None:
            return self
        found = self._bound.get(instance)
        if found is None:
            reference = weakref.ref(instance)

            @functools.wraps(self.python_function)
            def method(*args, **kwargs):
                return self.python_function(reference(), *args, **kwargs)

            found = self._bound[instance] = Function(method, self.input_signature)
        return found

    def __call__(self, *args, **kwargs):
        if self._runs_in_python or trace_stack() or recorders() or stateless_scopes():
            return self.python_function(*args, **kwargs)
        if self.input_signature is not None:
            args = self._signed(args, kwargs)
            kwargs = {}
        leaves, spec = tree_flatten([list(args), kwargs])
        leaves = [np.asarray(x) if isinstance(x, np.generic) else x for x in leaves]
        if any(isinstance(x, Tensor) or _is_dataset(x) for x in leaves):
            return self.python_function(*args, **kwargs)
        key = (spec, tuple([_key(x) for x in leaves]))
        with self._lock:
            recorded = self._recorded.get(key)
            if recorded is None:
                try:
                    recorded = self._record(spec, leaves)
                except SymbolicValueError as error:
                    self._tell_python(error)
                    return self.python_function(*args, **kwargs)
                self._recorded[key] = recorded
                if len(self._recorded) > _KEPT:
                    self._recorded.popitem(last=False)
            self._recorded.move_to_end(key)
            self._runs += 1
            run = self._runs
        return recorded.run([x for x in leaves if _is_tensor(x)], run)

    def _record(self, spec, leaves) -> Recorded:
        if self._seed is None:
            self._seed = make_default_seed()
        self._recordings += 1
        with seeds_from(self._seed), Trace() as trace:
            given = [
                trace.placeholder(x.shape, dtype_of(x), f"x{i}") if _is_tensor(x) else x for i, x in enumerate(leaves)
            ]
            args, kwargs = tree_unflatten(spec, given)
            result = self.python_function(*args, **kwargs)
            outputs: list = []

            def place(leaf):
                if isinstance(leaf, (Tensor, Variable)):
                    outputs.append(leaf)
                    return _Output(len(outputs) - 1)
                return eager(leaf)

            results = map_structure(place, result)
            program = trace.build(outputs=outputs)
        program.core.seed = self._seed
        return Recorded(program, results, [x for x in leaves if not _is_tensor(x)])

    def _tell_python(self, error) -> None:
        self._runs_in_python = True
        warn(
            f"The function '{getattr(self.python_function, '__name__', self.python_function)}' cannot be recorded: "
            f"{error} It runs in Python from now on, which is slower."
        )

    def _signed(self, args, kwargs) -> tuple:
        """Arguments as arrays of the dtypes of `input_signature`."""
        args = (*args, *kwargs.values())
        expected, given = flatten(list(self.input_signature)), flatten(list(args))
        fits = len(expected) == len(given) and len(self.input_signature) == len(args)
        arrays = [x if isinstance(x, Tensor) else np.asarray(x) for x in given]
        for spec, x in zip(expected, arrays, strict=False):
            shape = spec.shape
            fits = fits and (
                shape is None
                or (len(shape) == len(x.shape) and all(d in (None, n) for d, n in zip(shape, x.shape, strict=True)))
            )
        if not fits:
            raise TypeError(
                f"{getattr(self, '__name__', 'function')}() has the input_signature {self.input_signature}, which does "
                f"not fit arguments of shapes {[tuple(x.shape) for x in arrays]}."
            )
        converted = iter(
            [
                x if isinstance(x, Tensor) else x.astype(s.dtype, copy=False)
                for x, s in zip(arrays, expected, strict=True)
            ]
        )
        return tuple(map_structure(lambda _: next(converted), list(args)))

    def get_concrete_function(self, *args, **kwargs):
        """This function, recorded for arguments of these shapes and dtypes (arrays or `tf.TensorSpec`s)."""
        given = map_structure(_example, [list(args or self.input_signature or ()), kwargs])
        leaves, spec = tree_flatten(given)
        key = (spec, tuple([_key(x) for x in leaves]))
        if key not in self._recorded:
            self._recorded[key] = self._record(spec, leaves)
        return self

    def experimental_get_tracing_count(self) -> int:
        """How many times the function was recorded."""
        return self._recordings


def _example(x):
    return x.example(1) if hasattr(x, "example") else x


def _is_tensor(x) -> bool:
    return isinstance(x, np.ndarray) and dtype_of(x) in DTYPES


def _is_dataset(x) -> bool:
    """Whether x gives batches in a loop, which would be recorded one after the other."""
    return hasattr(x, "__iter__") and not isinstance(x, (str, bytes, np.ndarray, Variable, set, frozenset))


def _key(x) -> tuple:
    if _is_tensor(x):
        return ("tensor", x.shape, dtype_of(x))
    if isinstance(x, (bool, int, float, str, bytes)):
        return (type(x), x)
    return ("object", id(x))


def function(
    func=None,
    input_signature=None,
    autograph=True,
    jit_compile=None,
    reduce_retracing=False,
    experimental_implements=None,
    experimental_autograph_options=None,
    experimental_attributes=None,
    experimental_relax_shapes=None,
    experimental_compile=None,
    experimental_follow_type_hints=None,
):
    """A function that is recorded at its first call and then runs as a program, without Python; also as a decorator.

    It is recorded again for arguments of other shapes and dtypes, and for each value of arguments that are no arrays.
    Python code in it runs only then. Where that code needs the values of tensors (`if x > 0`, `float(x)`), the function
    runs in Python each time, after a warning. Within a recording, and while a `GradientTape` records, it is part of
    that.

    Args:
        func: the function. Default None: a decorator is returned.
        input_signature: list of `tf.TensorSpec`, to which arguments are converted, and which they must fit. Default
            None.
        autograph, jit_compile, reduce_retracing, experimental_implements, experimental_autograph_options,
            experimental_attributes, experimental_relax_shapes, experimental_compile, experimental_follow_type_hints:
            accepted as in TensorFlow. They have no effect: programs are always compiled, for the shapes they get.

    Returns:
        A `Function`, or a decorator that makes one.
    """
    if func is None:
        return functools.partial(function, input_signature=input_signature)
    if isinstance(func, Function):
        return func
    return Function(func, input_signature)
