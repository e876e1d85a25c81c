"""Gradient tapes: gradients of what Python computes, at once or in a program that is being recorded."""

from __future__ import annotations

import contextlib
import weakref

import numpy as np

from .. import _core
from ..utils.tree import flatten, map_structure
from .autodiff import gradients_of, reachable
from .eager_array import EagerArray
from .recording import attach, recorders, source, twin_of
from .registry import apply, kernel_call, trace_stack
from .tensor import Node, Tensor
from .variable import Variable

UNCONNECTED = ("none", "zero")


class GradientTape:
    """Records what is computed within `with GradientTape() as tape:`, so that `tape.gradient` can differentiate it.

    On arrays the values are computed at once. In a `train_step`, a `tf.function` or another program that is being
    recorded, the gradients become part of the program. Trainable variables are watched by themselves, other tensors by
    `watch`. Tapes may be nested, for gradients of gradients.

    Args:
        persistent: whether `gradient` may be called more than once. Default False.
        watch_accessed_variables: whether trainable variables are watched when they are read. Default True.
    """

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent = bool(persistent)
        self._watch_accessed = bool(watch_accessed_variables)
        self._recording = False
        self._used = False
        self._trace = None
        self._clear()

    def _clear(self) -> None:
        self._nodes: list[Node] = []
        self._alive: list = []  # the tensors of the nodes, whose values they hold
        self._sources: dict[int, Tensor] = {}  # watched tensors, and the reads of variables
        self._reads: dict[int, tuple] = {}  # id of a variable -> (the variable, the tensors of its reads)
        self._arrays: dict[int, tuple] = {}  # id of a plain array that is watched -> (the array, its tensor)
        self._watched_variables: dict[int, Variable] = {}
        self._windows: list[list] = []  # in a program: the places of recording between which it recorded

    # --- recording ------------------------------------------------------------------------------------------
    def __enter__(self):
        if self._recording:
            raise ValueError("Tape is still recording, this can happen if you try to re-enter an already-active tape.")
        if self._nodes or self._windows:
            self._clear()
        self._used = False
        self._start()
        return self

    def __exit__(self, *exc):
        if self._recording:
            self._stop()

    def _start(self) -> None:
        stack = trace_stack()
        self._trace = stack[-1] if stack else None
        self._recording = True
        if self._trace is None:
            recorders().append(self)
        else:
            self._windows.append([_now(), None])

    def _stop(self) -> None:
        self._recording = False
        if self._trace is None:
            found = recorders()
            found[:] = [tape for tape in found if tape is not self]
        else:
            self._windows[-1][1] = _now()

    @contextlib.contextmanager
    def stop_recording(self):
        """A context in which nothing is recorded."""
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._stop()
        try:
            yield
        finally:
            self._start()

    def reset(self) -> None:
        """Forgets what was recorded, and begins again."""
        recording = self._recording
        if recording:
            self._stop()
        self._clear()
        self._used = False
        if recording:
            self._start()

    def watch(self, tensor) -> None:
        """Makes gradients with respect to a tensor, an array or a variable possible; a list or dict of them too.

        Raises:
            ValueError: something else.
        """
        for x in flatten(tensor):
            if isinstance(x, Variable):
                self._watched_variables[id(x)] = x
            elif isinstance(x, Tensor):
                self._sources[id(x)] = x
            elif isinstance(x, np.ndarray):
                self._watch_array(x)
            else:
                raise ValueError(f"Passed in object {x!r} of type '{type(x).__name__}', not a tensor or variable.")

    def _watch_array(self, x: np.ndarray) -> None:
        if x.dtype.kind != "f":
            raise ValueError(f"GradientTape.watch: the dtype of a watched tensor must be a float type, got {x.dtype}")
        twin = twin_of(x)
        if twin is None:
            twin = source(np.array(x))
            if type(x) is EagerArray:
                x.twin = weakref.ref(twin)
            else:
                self._arrays[id(x)] = (x, twin)
        self._sources[id(twin)] = twin

    def watched_variables(self) -> tuple:
        """The variables that were read while the tape recorded, in order."""
        if self._trace is None:
            return tuple(variable for variable, _ in self._reads.values())
        nodes = [node for node in self._trace.recorded if self._in_window(node)]
        found = {id(x): x for node in nodes for x in node.inputs if isinstance(x, Variable) and self._watches(x)}
        return tuple(found.values())

    def _watches(self, variable: Variable) -> bool:
        return (self._watch_accessed and variable.trainable) or id(variable) in self._watched_variables

    # --- what ops tell: see `recording` -------------------------------------------------------------------------
    def add(self, node: Node, tensors: tuple) -> None:
        self._nodes.append(node)
        self._alive.append(tensors)

    def watched_array(self, x) -> Tensor | None:
        found = self._arrays.get(id(x))
        return None if found is None else found[1]

    def read(self, variable: Variable, twin: Tensor | None) -> Tensor | None:
        """The tensor of what a variable has now, if the tape watches it; `twin` is that of an outer tape."""
        if not self._watches(variable):
            return twin
        _, tensors = self._reads.setdefault(id(variable), (variable, []))
        if twin is None:
            version = variable.storage.version
            if tensors and tensors[-1].version == version:
                return tensors[-1]
            twin = source(variable.array)
            twin.version = version
        if not any(known is twin for known in tensors):
            tensors.append(twin)
        self._sources[id(twin)] = twin
        return twin

    # --- gradients ------------------------------------------------------------------------------------------------
    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """The gradients of `target` with respect to `sources`.

        Args:
            target: tensor, or a list or dict of tensors, whose gradients are summed. What is no scalar counts as its
                sum.
            sources: tensor or variable, or a list or dict of them.
            output_gradients: for each target a tensor of its shape, which multiplies it. Default None: ones.
            unconnected_gradients: "none" or "zero": what is returned where no gradient flows. Default "none".

        Returns:
            Tensors in the structure of `sources`.

        Raises:
            RuntimeError: the tape is not persistent and was asked before.
            ValueError: an unknown `unconnected_gradients`, or an op on the way that has no gradient; it is named.
        """
        kind = getattr(unconnected_gradients, "value", unconnected_gradients)
        if kind not in UNCONNECTED:
            raise ValueError(
                f"Unknown value for unconnected_gradients: {unconnected_gradients!r}. Expected one of {UNCONNECTED}"
            )
        self._use()
        targets = flatten(target)
        given = [None] * len(targets) if output_gradients is None else flatten(output_gradients)
        if len(given) != len(targets):
            raise ValueError(f"output_gradients has {len(given)} values for {len(targets)} targets.")
        found = self._gradients(targets, flatten(sources), given)
        if kind == "zero":
            found = [_zeros_like(x) if g is None else g for x, g in zip(flatten(sources), found, strict=True)]
        if not self._persistent:
            self._clear()
        found = iter(found)
        return map_structure(lambda _: next(found), sources)

    def _use(self) -> None:
        if self._used and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). Make "
                "it with GradientTape(persistent=True)."
            )
        self._used = True
        if self._recording and not self._persistent:
            self._stop()

    def _gradients(self, targets: list, sources: list, output_gradients: list) -> list:
        if self._trace is not None:
            return self._recorded_gradients(targets, sources, output_gradients)
        twins = [self._tensors_of(x) for x in sources]
        flat = [t for tensors in twins for t in tensors]
        found = iter(gradients_of([_twin(t) for t in targets], flat, output_gradients, self._nodes))
        return evaluated([_sum([g for g in [next(found) for _ in tensors] if g is not None]) for tensors in twins])

    def _tensors_of(self, x) -> list[Tensor]:
        """The tensors whose gradients make up that of a source: none where it is not watched."""
        if isinstance(x, Variable):
            return self._reads.get(id(x), (None, []))[1]
        twin = twin_of(x) if isinstance(x, np.ndarray) else None
        if twin is None and isinstance(x, np.ndarray):
            twin = self.watched_array(x)
        return [twin] if twin is not None and self._depends(twin, self._nodes) else []

    def _depends(self, tensor, nodes) -> bool:
        """Whether a tensor is watched, or computed from what is."""
        if id(tensor) in self._sources:
            return True
        reached = set(self._sources)
        for node in nodes:
            if any(id(x) in reached or (isinstance(x, Variable) and self._watches(x)) for x in node.differentiated):
                reached.update(id(t) for t in node.outputs)
        return id(tensor) in reached

    def _recorded_gradients(self, targets, sources, output_gradients) -> list:
        nodes = [node for node in reachable(targets) if node.op is not None and self._in_window(node)]

        def counts(x):
            return self._watches(x) if isinstance(x, Variable) else isinstance(x, Tensor) and self._depends(x, nodes)

        wrt = [x if counts(x) else _NOTHING for x in sources]
        return gradients_of(targets, wrt, output_gradients, nodes)

    def _in_window(self, node: Node) -> bool:
        return any(first < node.seq and (last is None or node.seq < last) for first, last in self._windows)

    def jacobian(
        self, target, sources, unconnected_gradients="none", parallel_iterations=None, experimental_use_pfor=True
    ):
        """The derivatives of each element of `target` with respect to each of `sources`, a gradient for each element.

        Args:
            target: tensor.
            sources, unconnected_gradients: as in `gradient`.
            parallel_iterations, experimental_use_pfor: accepted as in TensorFlow. They have no effect.

        Returns:
            Tensors of shape `target.shape + source.shape`, in the structure of `sources`.
        """
        self._use()
        size = int(np.prod(target.shape, dtype=np.int64))
        rows = []
        for i in range(size):
            chosen = np.zeros(size, str(target.dtype))
            chosen[i] = 1
            rows.append(self._gradients([target], flatten(sources), [chosen.reshape(target.shape)]))
        return self._stacked(rows, sources, tuple(target.shape), unconnected_gradients)

    def batch_jacobian(
        self, target, source, unconnected_gradients="none", parallel_iterations=None, experimental_use_pfor=True
    ):
        """The derivatives of each row of `target` with respect to the same row of `source`.

        Args:
            target, source: tensors of shapes (N, ...), of which each row depends on its own row only.
            unconnected_gradients: as in `gradient`.
            parallel_iterations, experimental_use_pfor: accepted as in TensorFlow. They have no effect.

        Returns:
            A tensor of shape `(N, *target.shape[1:], *source.shape[1:])`.

        Raises:
            ValueError: different numbers of rows.
        """
        if not target.shape or tuple(target.shape[:1]) != tuple(source.shape[:1]):
            raise ValueError(
                f"Need first dimension of target shape {tuple(target.shape)} and source shape {tuple(source.shape)} to "
                "match."
            )
        self._use()
        n, inner = target.shape[0], tuple(target.shape[1:])
        rows = []
        for i in range(int(np.prod(inner, dtype=np.int64))):
            chosen = np.zeros((n, int(np.prod(inner, dtype=np.int64))), str(target.dtype))
            chosen[:, i] = 1
            rows.append(self._gradients([target], [source], [chosen.reshape(target.shape)]))
        stacked = self._stacked(rows, source, inner, unconnected_gradients)  # inner + source.shape
        if stacked is None:
            return None
        k = len(inner)
        return apply("transpose", [stacked], axes=[k, *range(k), *range(k + 1, len(stacked.shape))])

    def _stacked(self, rows, sources, shape, unconnected):
        results = []
        for source_, column in zip(flatten(sources), zip(*rows, strict=True), strict=True):
            if all(g is None for g in column):
                zeros = np.zeros((*shape, *source_.shape), str(source_.dtype)).view(EagerArray)
                results.append(None if unconnected == "none" else zeros)
                continue
            flat = [apply("reshape", [g], shape=(1, *g.shape)) for g in column]
            whole = apply("concatenate", flat, axis=0) if len(flat) > 1 else flat[0]
            results.append(apply("reshape", [whole], shape=(*shape, *source_.shape)))
        if not self._persistent:
            self._clear()
        found = iter(results)
        return map_structure(lambda _: next(found), sources)


class _Nothing:
    """What no target depends on."""


_NOTHING = _Nothing()


def _now() -> int:
    return Node(None, [], {}, []).seq


def _twin(x):
    found = twin_of(x) if isinstance(x, np.ndarray) else None
    return x if found is None else found


def _sum(parts: list):
    total = parts[0] if parts else None
    for part in parts[1:]:
        total = apply("add", [total, part])
    return total


def _zeros_like(x):
    return np.zeros(tuple(x.shape), str(x.dtype)).view(EagerArray)


def evaluated(tensors: list) -> list:
    """The values of recorded tensors whose graph begins with values. Outer tapes hear of what is computed."""
    nodes, pending, seen = [], [t for t in tensors if isinstance(t, Tensor)], set()
    while pending:
        tensor = pending.pop()
        if "value" in tensor.__dict__ or tensor.node.seq in seen:
            continue
        seen.add(tensor.node.seq)
        nodes.append(tensor.node)
        pending.extend(x for x in tensor.node.inputs if isinstance(x, Tensor))
    alive = []
    tapes = recorders()
    for node in sorted(nodes, key=lambda node: node.seq):
        outputs = node.outputs
        alive.append(outputs)
        inputs = [x.value if isinstance(x, Tensor) else x for x in node.inputs]
        types = [(t.shape, t.dtype) for t in outputs]
        name, attrs = kernel_call(node.op, node.attrs)
        for value, tensor in zip(_core.run_op(name, inputs, types, attrs), outputs, strict=True):
            attach(value, tensor)
        for tape in tapes:
            tape.add(node, outputs)
    return [
        t.value if isinstance(t, Tensor) else None if t is None else np.asarray(t).view(EagerArray) for t in tensors
    ]
