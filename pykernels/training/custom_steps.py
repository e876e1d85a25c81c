"""Steps that a subclass of Model writes itself: `train_step`, `test_step` and `predict_step`.

A step is recorded once for each signature of a batch and runs as a program. A step whose Python code needs values, and
any with `run_eagerly`, is an `EagerStep`: Python runs it for each batch.
"""

from __future__ import annotations

import contextlib
import inspect
import time

import numpy as np

from ..graph import SymbolicValueError, eager, reading
from ..layers.context import working
from ..user_warning import warn
from ..utils.overrides import overrides
from ..utils.tree import flatten, map_structure, tree_unflatten
from .step_methods import StepMethods, pack_x_y_sample_weight


def has_own_step(model, kind: str) -> bool:
    """Whether the class of a model overrides the step of "train", "test" or "predict"."""
    return overrides(model, f"{kind}_step", StepMethods)


def run_own_step(model, kind: str, xs: list, y, weight) -> list:
    """Calls the overridden step on tensors or arrays, keeps the results that it reports, and returns its outputs.

    Raises:
        NotImplementedError: it is written for Keras on JAX, with the state as an argument.
        TypeError: it returns something else than results by name.
    """
    step = getattr(model, f"{kind}_step")
    _refuse_state(model, kind, step)
    tracker = model._loss_tracker
    expecting = contextlib.nullcontext() if tracker is None else tracker.expecting()
    with working(), expecting:  # attributes that a step assigns are its own business, and do not make it a new one
        result = step(pack_x_y_sample_weight(model._pack_inputs(xs), y, weight))
    if kind == "predict":
        if not all(hasattr(x, "shape") for x in flatten(result)):
            raise TypeError(f"predict_step() of model '{model.name}' must return tensors. It returned: {result!r}")
        model._predicted = map_structure(lambda _: None, result)
        return flatten(result)
    model._step_logs.record(kind, model.name, {} if result is None else result, f"{kind}_step")
    return []


def _refuse_state(model, kind: str, step) -> None:
    parameters = inspect.signature(step).parameters.values()
    needed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    if len(needed) > 1:
        names = ", ".join(p.name for p in needed)
        raise NotImplementedError(
            f"{type(model).__name__}.{kind}_step({names}) is written for Keras on JAX, where a step takes the state of "
            f"the model. Here variables are changed in place: write {kind}_step(self, data) with tf.GradientTape, as "
            "for Keras on TensorFlow."
        )


def record_or_run(model, kind: str, signature, record):
    """`record()`, or an `EagerStep` where the step has to see values."""
    if model.run_eagerly:
        return EagerStep(model, kind, signature)
    try:
        return record()
    except SymbolicValueError as error:
        warn(
            f"{kind}_step() of model '{model.name}' cannot be recorded: {error} It now runs in Python for each batch, "
            "which is slower; compile(run_eagerly=True) does the same without this warning."
        )
        return EagerStep(model, kind, signature)


class EagerStep:
    """Has the methods of `Program` that training needs, and calls the overridden step of a model for each batch."""

    arena_bytes = 0

    def __init__(self, model, kind: str, signature):
        self._model = model
        self._kind = kind
        self._signature = signature
        self._outputs: list | None = None
        self.input_types = [*signature.xs, *signature.ys, *signature.weights]

    @staticmethod
    def bind(arrays, types) -> list:
        """What `run_batches` takes as its sources."""
        return [(array, dtype) for array, (_, dtype) in zip(arrays, types, strict=True)]

    def reading(self):
        """As `Program.reading`, for the weights of the model."""
        return reading(self._model.weights)

    @property
    def output_types(self) -> list:
        """(shape, dtype) of each output, which only a run can tell."""
        if self._outputs is None:
            self.run([np.zeros(shape, dtype) for shape, dtype in self.input_types])
        return self._outputs

    def run(self, feeds, step: int = 0) -> list:
        """One step on arrays."""
        signature, model = self._signature, self._model
        arrays = [np.asarray(a[:], dtype) for a, (_, dtype) in zip(feeds, self.input_types, strict=False)]
        arrays = [eager(a) for a in arrays]
        n, m = len(signature.xs), len(signature.xs) + len(signature.ys)
        y = tree_unflatten(signature.y_spec, arrays[n:m])
        weight = tree_unflatten(signature.weight_spec, arrays[m:])
        model._clear_losses()
        with model._training_flags():
            outputs = [np.asarray(o) for o in run_own_step(model, self._kind, arrays[:n], y, weight)]
        model._clear_losses()
        self._outputs = [(o.shape, o.dtype.name) for o in outputs]
        return outputs

    def run_batches(
        self,
        sources,
        batch_size,
        first,
        steps,
        order=None,
        outputs=None,
        step=0,
        seconds=0.05,
        check_finite=True,
    ) -> tuple:
        """As `Program.run_batches`; what is not finite is not looked for."""
        begun, done = time.monotonic(), 0
        while done < steps:
            rows = slice(first, first + batch_size)
            rows = rows if order is None else order[rows]
            results = self.run([array[rows] for array, _ in sources], step + done)
            for into, result in zip(outputs or (), results, strict=False):
                into[rows] = result
            first += batch_size
            done += 1
            if time.monotonic() - begun > seconds:
                break
        return done, "done" if done == steps else "time"
