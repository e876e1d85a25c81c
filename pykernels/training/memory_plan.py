"""The memory that a step needs, the memory that is available, and the error if the step does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..utils.system_memory import available_memory, readable

_UNCHECKED = 16 << 20  # a step that needs less than this is not worth reading the system's counters for
_ADDRESSABLE = 1 << 62
_STEPS = {"train": "A training step", "test": "An evaluation step", "predict": "A prediction step"}


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that a model takes while it runs steps of one kind with one batch size.

    Attributes:
        kind: "train", "test" (`evaluate`) or "predict".
        batch_size: the number of rows of a batch.
        weights: the variables of the model.
        optimizer: the variables of the optimizer ("train" only).
        activations: the arena with intermediate values, gradients included.
        scratch: working memory of the kernel that needs most.
        prepared: weights in the layout that kernels read ("test" and "predict").
        batch: buffers that a batch's rows are gathered into. ("predict" and "test" read float32 arrays in place.)
        constants: constant arrays of the recorded step.
        lower_bound: the most activations that are alive at once; no placement of them in memory needs less.
    """

    kind: str
    batch_size: int
    weights: int
    optimizer: int
    activations: int
    scratch: int
    prepared: int
    batch: int
    constants: int
    lower_bound: int

    @property
    def peak(self) -> int:
        """All parts together."""
        return self.weights + self.optimizer + self.step

    @property
    def step(self) -> int:
        """What the step takes besides the variables."""
        return self.activations + self.scratch + self.prepared + self.batch + self.constants

    def __str__(self):
        parts = ("weights", "optimizer", "activations", "scratch", "prepared", "batch", "constants")
        lines = [f"{self.kind}, batch size {self.batch_size}: {readable(self.peak)}"]
        lines += [f"  {name:<12} {readable(getattr(self, name)):>10}" for name in parts if getattr(self, name)]
        return "\n".join(lines)


def variables_bytes(variables) -> int:
    return sum(v.nbytes for v in {id(v): v for v in variables}.values())


def make_plan(model, kind: str, signature, program) -> MemoryPlan:
    """The `MemoryPlan` of a recorded step; `signature` is its `StepSignature`."""
    use = program.core.memory
    gathered = [*signature.ys, *signature.weights, *(signature.xs if kind == "train" else ())]
    return MemoryPlan(
        kind=kind,
        batch_size=signature.batch,
        weights=variables_bytes(model.weights),
        optimizer=variables_bytes(model.optimizer.variables) if kind == "train" else 0,
        activations=use["values"],
        scratch=use["scratch"],
        prepared=use["prepared"],
        batch=sum(_bytes(*t) for t in gathered) + (use["outputs"] if kind == "predict" else 0),
        constants=use["constants"],
        lower_bound=use["alive"],
    )


def _bytes(shape, dtype) -> int:
    size = np.dtype(dtype).itemsize
    for d in shape:
        size *= int(d)
    return size


# --- the error --------------------------------------------------------------------------------------------
def check_fits(model, kind: str, signature, program, idle: int) -> None:
    """MemoryError when a step needs more than there is; nothing has been allocated for it then.

    Args:
        idle: bytes that earlier steps of the model have left for it.
    """
    plan = make_plan(model, kind, signature, program)
    if plan.step <= max(_UNCHECKED, idle):
        return
    available = available_memory()
    if available is not None and plan.step > available + idle:
        raise MemoryError(_message(model, plan, available + idle))


def _message(model, plan: MemoryPlan, available: int) -> str:
    parts = {"activations": plan.activations, "scratch": plan.scratch, "prepared weights": plan.prepared}
    parts.update({"batch": plan.batch, "constants": plan.constants})
    told = ", ".join(f"{name} {readable(size)}" for name, size in parts.items() if size > plan.step // 100)
    return (
        f"{_STEPS[plan.kind]} of model '{model.name}' with batch size {plan.batch_size} needs {readable(plan.step)} "
        f"({told}), and {readable(available)} are available. {_hint(model, plan.kind)}"
        f"{_fitting(plan, available)}"
    )


def _hint(model, kind: str) -> str:
    hint = "Use a smaller batch_size"
    if kind == "train" and not model.checkpoint_activations:
        hint += ", or compile(..., checkpoint_activations=True), which computes activations twice and keeps fewer"
    return hint + "."


def _fitting(plan: MemoryPlan, available: int) -> str:
    size = int(plan.batch_size * available / plan.step * 0.9)
    return f" About {size} would fit." if size >= 1 else ""


def batch_fits(signature) -> bool:
    """Whether a batch alone is no more than there is: else the step is not even recorded."""
    sizes = [_bytes(*t) for t in (*signature.xs, *signature.ys, *signature.weights)]
    if sum(sizes) <= _UNCHECKED:
        return True
    available = available_memory()
    return max(sizes) < _ADDRESSABLE and (available is None or sum(sizes) <= available)


def too_large(model, kind: str, signature, available: int | None, planned: int | None = None) -> MemoryError:
    """The error for a step that is not recorded; `planned` is about what it would need."""
    batch = sum(_bytes(*t) for t in (*signature.xs, *signature.ys, *signature.weights))
    there = "" if available is None else f", and {readable(available)} are available"
    needs = "" if planned is None else f" (it needs about {readable(planned)})"
    return MemoryError(
        f"{_STEPS[kind]} of model '{model.name}' with batch size {signature.batch} does not fit into the memory{needs}:"
        f" a batch alone has {readable(batch)}{there}. {_hint(model, kind)}"
    )
