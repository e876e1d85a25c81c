"""Programs: one training, test or prediction step of a model for one batch size, recorded once and kept."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from typing import NamedTuple

from ..data_adapters.arrays import Data
from ..graph import Program, Trace, Workspaces, gradients
from ..layers.context import StructureVersion, part_of, running_part
from ..layers.layer_graph import LayerGraph
from ..ops.random import SeedGenerator, same_draws
from ..utils.random_seed import seeds_from
from ..utils.system_memory import available_memory
from ..utils.tree import flatten, tree_unflatten
from .custom_steps import has_own_step, record_or_run, run_own_step
from .memory_plan import batch_fits, check_fits, make_plan, too_large
from .step_methods import check_is_tensor, loss_of, trained_variables, update_by

_KEPT = 32  # programs per model
_PROBES = (128, 256)  # batch sizes from which the memory of a larger one is estimated


class StepSignature(NamedTuple):
    """What a step takes: shapes with the batch, and dtypes."""

    batch: int
    xs: tuple
    ys: tuple = ()
    weights: tuple = ()
    y_spec: tuple | str | None = None
    weight_spec: tuple | str | None = None


class ModelPart:
    """A part of a model's graph, of which steps are recorded in place of all of it. The optimizer, losses, metrics and
    counters are the model's.

    Args:
        graph: the part.
        training: what its layers are told about the phase. None: what the kind of step says.
        before: the graph of the layers that its inputs come from, whose attributes must not be assigned meanwhile.
    """

    def __init__(self, graph: LayerGraph, training: bool | None = None, before: LayerGraph | None = None):
        self.graph = graph
        self.training = training
        self.before = before
        self.programs = ProgramCache()

    def check(self) -> None:
        """Raises ValueError when attributes of the layers before it were assigned since."""
        if self.before is not None and self.before.assigned_since():
            raise ValueError(
                "cache_frozen=True: an attribute of a frozen layer was assigned during the training, and what the "
                f"layer gave before is in use. Its layers: {', '.join(x.name for x in self.before.layers)}"
            )


def input_types_of(model, part: ModelPart | None) -> list[tuple]:
    """A list of (shape, dtype) of what a step takes."""
    return model.step_input_types if part is None else [(t.shape, t.dtype) for t in part.graph.inputs]


def graph_of_steps(model, part: ModelPart | None) -> LayerGraph | None:
    """The graph that steps are recorded of, where that is not all of the model's."""
    if part is not None:
        return part.graph
    return None if model.host_part is None else model.host_part.tail


def step_signature(model, data: Data, batch: int, targets=True, part: ModelPart | None = None) -> StepSignature:
    """The signature of a step for rows of `data`. Inputs get the dtypes of the model's inputs (ints stay ints in models
    that do not say), targets int32 for class numbers and the model's float type otherwise, weights floats."""
    known = input_types_of(model, part)
    xs = tuple(
        ((batch, *x.shape[1:]), known[i][1] if known else _free_dtype(x, model.compute_dtype))
        for i, x in enumerate(data.xs)
    )
    if not targets or not data.ys:
        return StepSignature(batch, xs)
    if model._writes_steps():
        dtypes = [_free_dtype(y, _float(model)) for y in data.ys]
    else:
        indices = _index_targets(model, data)
        dtypes = ["int32" if i in indices else _float(model) for i in range(len(data.ys))]
    ys = [((batch, *y.shape[1:]), dtype) for y, dtype in zip(data.ys, dtypes, strict=True)]
    weights = [((batch, *w.shape[1:]), _float(model)) for w in data.weights]
    return StepSignature(batch, xs, tuple(ys), tuple(weights), data.y_spec, data.weight_spec)


def _index_targets(model, data: Data) -> set[int]:
    """Numbers of the targets (of `data.ys`) that are class numbers."""
    compiled = model._compiled
    if not any(output.wants_indices for output in compiled.outputs):
        return set()
    numbers = compiled.targets(tree_unflatten(data.y_spec, range(len(data.ys))))
    return {i for i, output in zip(numbers, compiled.outputs, strict=True) if output.wants_indices}


def _float(model) -> str:
    return "float64" if model.compute_dtype == "float64" else "float32"


def _free_dtype(x, default: str) -> str:
    return default if x.dtype.kind == "f" else "bool" if x.dtype.kind == "b" else "int32"


class ProgramCache:
    """The programs of one model. Bounded, safe to use from several threads, left out of copies and pickles."""

    def __init__(self):
        self._kept: OrderedDict[tuple, Program] = OrderedDict()
        self._lock = threading.RLock()
        self._version = -1
        self._signature: tuple | None = None
        self._workspaces = Workspaces()  # the memory they run in: they seldom run at once

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.__init__()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._workspaces.clear()

    def validate(self, model) -> None:
        """Drops the programs when layers, attributes, variables or `trainable` flags changed since they were made."""
        if self._version == StructureVersion.value:
            return
        with self._lock:
            version = StructureVersion.value
            with model._training_flags():
                signature = tuple((id(v), v.trainable, v.regularizer, v.constraint) for v in model.weights)
                signature += tuple((id(x), x.trainable, x.__dict__.get("_revision")) for x in model._flatten_layers())
            if signature != self._signature:
                self._kept.clear()
                self._signature = signature
            self._version = version

    def get(self, model, kind: str, signature: StepSignature, part: ModelPart | None = None) -> Program:
        """The program of "train", "test" or "predict" with this signature."""
        key = self._key(model, kind, signature)
        self.validate(model)
        with self._lock:
            program = self._kept.get(key)
            if program is None or (model.run_eagerly and kind != "predict"):
                program = self._record(model, kind, signature, part)
                self._kept[key] = program
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return program

    def _record(self, model, kind: str, signature: StepSignature, part: ModelPart | None) -> Program:
        """A program that fits into the memory. Raises MemoryError before any is taken for its runs."""
        if part is None and has_own_step(model, kind):
            program = record_or_run(model, kind, signature, lambda: record(model, kind, signature))
        else:
            program = record(model, kind, signature, part)
        if isinstance(program, Program):
            check_fits(model, kind, signature, program, self._workspaces.idle_bytes)
            program.core.share(self._workspaces)
        return program

    def find(self, model, kind: str, signature: StepSignature) -> Program | None:
        """The kept program, if there is one."""
        self.validate(model)
        with self._lock:
            return self._kept.get(self._key(model, kind, signature))

    @staticmethod
    def _key(model, kind: str, signature: StepSignature) -> tuple:
        optimizer = model.optimizer if kind == "train" else None  # another one may be assigned
        return (kind, signature, optimizer and (optimizer, optimizer.program_key()))

    def known_signature(self, kind: str, batch: int) -> StepSignature | None:
        """The signature of a kept program of that kind, for another batch size."""
        with self._lock:
            found = [signature for known, signature, _ in self._kept if known == kind]
        if not found:
            return None
        signature = found[-1]

        def resized(group):
            return tuple(((batch, *shape[1:]), dtype) for shape, dtype in group)

        return signature._replace(
            batch=batch, xs=resized(signature.xs), ys=resized(signature.ys), weights=resized(signature.weights)
        )


@contextlib.contextmanager
def first_streams(model):
    """Within it, the random layers of a model draw from their first streams.

    A program then does not depend on how many were recorded before it, so that a training that goes on from a
    checkpoint draws the same random numbers. (The number of the step makes each step draw others.)
    """
    found = [x for layer in model._flatten_layers() for x in layer._held() if isinstance(x, SeedGenerator)]
    with same_draws(found):
        for x in found:
            x.draws = 0
        yield


def record(model, kind: str, signature: StepSignature, part: ModelPart | None = None) -> Program:
    """Records one step of `model` (or of a part) and compiles it. Raises MemoryError for sizes that are out of the
    question."""
    if part is not None:
        part.check()
    with model._training_flags(), running_part(model, graph_of_steps(model, part)):
        return _record(model, kind, signature, part)


def _record(model, kind: str, signature: StepSignature, part: ModelPart | None) -> Program:
    if not batch_fits(signature):
        raise too_large(model, kind, signature, available_memory(), _estimated(model, kind, signature, part))
    model._clear_losses()
    try:
        training = kind == "train"
        with seeds_from(model._random_seed()), first_streams(model), Trace() as trace:
            named = model.input_names if part_of(model) is None else None
            names = named or [f"x{i}" for i in range(len(signature.xs))]
            xs = [trace.placeholder(*spec, name) for spec, name in zip(signature.xs, names, strict=True)]
            y = tree_unflatten(signature.y_spec, [trace.placeholder(*spec, "y") for spec in signature.ys])
            weights = [trace.placeholder(*spec, "sample_weight") for spec in signature.weights]
            weight = tree_unflatten(signature.weight_spec, weights)
            if part is None and has_own_step(model, kind):
                outputs = run_own_step(model, kind, xs, y, weight)
            else:
                x, phase = model._pack_inputs(xs), training if part is None or part.training is None else part.training
                outputs = _default_step(model, trace, kind, x, y, weight, signature.batch, phase)
            program = trace.build(outputs=outputs, checkpoint=training and model.checkpoint_activations)
    except MemoryError as error:
        raise too_large(model, kind, signature, available_memory()) from error
    finally:
        model._clear_losses()
    program.core.seed = model._random_seed()
    return program


def _estimated(model, kind: str, signature: StepSignature, part: ModelPart | None) -> int | None:
    """About what a step of this batch size needs, from the plans of two small ones. None where those do not exist."""
    if signature.batch <= _PROBES[-1]:
        return None
    sizes = []
    for rows in _PROBES:
        parts = (tuple(((rows, *shape[1:]), dtype) for shape, dtype in part) for part in signature[1:4])
        small = StepSignature(rows, *parts, *signature[4:])
        try:
            sizes.append(make_plan(model, kind, small, record(model, kind, small, part)).step)
        except MemoryError:
            return None
    return sizes[0] + (sizes[1] - sizes[0]) * (signature.batch - _PROBES[0]) // (_PROBES[1] - _PROBES[0])


def _default_step(model, trace, kind, x, y, weight, batch, phase: bool) -> list:
    training = kind == "train"
    y_pred = model(x, training=phase)
    if kind == "predict":
        return flatten(y_pred)
    loss = loss_of(model, x, y, y_pred, weight, training)
    if training:
        trace.check_finite(loss)
        variables = trained_variables(model)
        if variables:
            check_is_tensor(loss)
            update_by(model.optimizer, gradients(model.optimizer.scale_loss(loss), variables), variables)
    model._loss_tracker.update_state(loss, sample_weight=batch)
    model._score_metrics(kind, x, y, y_pred, weight)
    return []
