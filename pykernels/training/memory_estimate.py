"""What `Model.memory` answers: the memory of a step that need not have run yet."""

from __future__ import annotations

from ..utils.tree import LEAF, flatten, map_structure, tree_flatten
from .compile_arguments import keys_of
from .compile_utils import Compiled, make_loss, takes_indices
from .memory_plan import MemoryPlan, make_plan
from .step_programs import StepSignature, record

_KINDS = {"fit": "train", "train": "train", "evaluate": "test", "test": "test", "predict": "predict"}


class _Shape:
    """Something with a shape."""

    def __init__(self, shape):
        self.shape = tuple(shape)


def plan_memory(model, batch_size, kind) -> MemoryPlan:
    """See `Model.memory`."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}")
    if kind is None:
        kind = "train" if model.compiled else "predict"
    if kind not in _KINDS:
        raise ValueError(f"`kind` must be 'train', 'test' or 'predict'. Received: kind={kind!r}")
    kind = _KINDS[kind]
    if kind != "predict":
        model._assert_compiled()
    if kind == "train":
        model._build_optimizer()
    compiled = model._compiled
    try:
        signature = model._programs.known_signature(kind, batch_size) or _assumed_signature(model, kind, batch_size)
        program = model._programs.find(model, kind, signature) or record(model, kind, signature)
    finally:
        model.__dict__["_compiled"] = compiled
    return make_plan(model, kind, signature, program)


def _assumed_signature(model, kind: str, batch: int) -> StepSignature:
    """Types of a step when nothing has run: inputs as the model says, targets as its losses take them."""
    inputs = model.step_input_types or model._free_inputs
    if not inputs:
        raise ValueError(
            f"Model '{model.name}' does not know its inputs yet: call it on a batch (or build it) before memory()."
        )
    if any(d is None for shape, _ in inputs for d in shape[1:]):
        raise ValueError(
            f"The inputs of model '{model.name}' have no fixed shape ({[shape for shape, _ in inputs]}): run one batch "
            "of the shape in question before memory()."
        )
    xs = tuple(((batch, *shape[1:]), dtype) for shape, dtype in inputs)
    if kind == "predict":
        return StepSignature(batch, xs)
    y_pred = _outputs(model)
    names = keys_of(y_pred) or model.output_names or [None] * len(flatten(y_pred))
    asked = model._compiled.compile_args.per_output(names, y_pred)
    float_type = "float64" if model.compute_dtype == "float64" else "float32"
    targets = []
    for pred, (loss, _, metrics, weighted) in zip(flatten(y_pred), asked, strict=True):
        if loss is None and not metrics and not weighted:
            targets.append(None)
            continue
        indices = loss is not None and takes_indices(make_loss(loss, pred, pred))
        shape = (batch, *pred.shape[1 : -1 if indices else None])
        targets.append((shape, "int32" if indices else float_type))
    if not model._compiled.built:
        fresh = Compiled(*model._compiled.compile_args, model.output_names)
        shapes = [None if t is None else _Shape((None, *t[0][1:])) for t in targets]
        fresh.build(shapes if len(shapes) > 1 else shapes[0], y_pred, model.output_names)
        model.__dict__["_compiled"] = fresh
    places = [None if t is None else i for i, t in enumerate(targets)]
    spec = LEAF if len(places) == 1 and places[0] is not None else tree_flatten(places)[1]
    return StepSignature(batch, xs, tuple(t for t in targets if t is not None), (), spec)


def _outputs(model):
    """Something with the shape of each output, in the structure of the model's outputs."""
    if model._graph is not None:
        return map_structure(lambda t: _Shape(t.shape), model._graph.returned_struct)
    return map_structure(lambda output: _Shape((None, *(output.shape or ()))), model._free_outputs)
