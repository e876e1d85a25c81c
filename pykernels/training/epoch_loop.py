"""Running the segments of a feed: one call into C++ for many steps, unless a callback wants every batch."""

from __future__ import annotations

import numpy as np

from ..data_adapters.array_adapter import StreamFeed
from ..data_adapters.arrays import Data
from ..graph import Source
from .nonfinite import warn_not_finite
from .step_programs import step_types
from .target_checks import check_targets

# C++ comes back this often (seconds), for Ctrl-C and the progress line.
_SLICE = 0.05


class Loop:
    """One epoch after another of "train", "test" or "predict".

    Args:
        model: compiled, except for "predict".
        kind: "train", "test" or "predict".
        feed: where the batches come from.
        callbacks: a CallbackList.
    """

    def __init__(self, model, kind: str, feed, callbacks):
        self.model = model
        self.kind = kind
        self.feed = feed
        self.callbacks = callbacks
        self.outputs: list[list[np.ndarray]] = []
        self.told_not_finite = False
        self.slice = _SLICE
        self.step = self.epoch = 0
        self.epoch_is_over = False
        self._bound: tuple[Data, object, list] | None = None  # sources of the arrays in use

    def run(self, epoch: int = 0) -> int:
        """Runs one epoch; returns the number of steps done."""
        self.step = getattr(self.feed, "resumed_at", 0)
        self.rows = 0
        self.epoch = epoch
        self.epoch_is_over = False
        self.outputs = []
        for segment in self.feed.segments():
            self._run_segment(segment)
            if self._stopped():
                break
        self.feed.resumed_at = 0
        self.epoch_is_over = True
        return self.step

    def _stopped(self) -> bool:
        flag = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}[self.kind]
        return bool(getattr(self.model, flag, False))

    def _run_segment(self, segment) -> None:
        model, kind = self.model, self.kind
        program = self._program(segment)
        sources = self._sources(segment.data, program)
        outputs = self._output_arrays(segment, program) if kind == "predict" else None
        hooks = self.callbacks.hooks_batches(kind)
        if isinstance(self.feed, StreamFeed) and kind != "predict":
            check_targets(model, segment.data)
        first, left = segment.first, segment.steps
        while left and not self._stopped():
            steps = min(left, model.steps_per_execution) if hooks or model.run_eagerly else left
            if model.run_eagerly and first > segment.first:
                program = self._program(segment)
            if hooks:
                self.callbacks.on_batch(kind, "begin", self.step)
            self._advance(program, sources, segment, first, steps, outputs)
            first += steps * segment.batch
            left -= steps
            if hooks:
                logs = {"outputs": model._unpack(outputs)} if kind == "predict" else model._results()
                self.callbacks.on_batch(kind, "end", self.step - 1, logs)

    def _program(self, segment):
        types = step_types(self.model, segment.data, segment.batch, self.kind != "predict")
        return self.model._programs.get(self.model, self.kind, types)

    def _advance(self, program, sources, segment, first, steps, outputs) -> None:
        """`steps` steps from position `first`, in slices of time."""
        self._run_on(program.run_batches, sources, segment, first, steps, outputs)

    def go_on(self, segment, run, sources, done, status) -> None:
        """The rest of a segment of which `done` steps are over and counted, and ended with `status`."""
        first = segment.first + done * segment.batch
        if status == "nan":
            self._tell_not_finite(segment, first)
        self._run_on(run, sources, segment, first, segment.steps - done, None)

    def _tell_not_finite(self, segment, first) -> None:
        self.told_not_finite = True
        rows = slice(first, first + segment.batch)
        warn_not_finite(self.model, segment.data, rows if segment.order is None else segment.order[rows], self)

    def _run_on(self, run, sources, segment, first, steps, outputs) -> None:
        model = self.model
        training = self.kind == "train"
        while steps:
            check = training and not self.told_not_finite
            done, status = run(
                sources,
                segment.batch,
                first,
                steps,
                order=segment.order,
                outputs=outputs,
                step=model._steps_done if training else model._runs_done,
                seconds=self.slice,
                check_finite=check,
            )
            self.step += done
            self.rows += done * segment.batch
            first += done * segment.batch
            steps -= done
            if training:
                model._steps_done += done
            else:
                model._runs_done += done
            if status == "nan":
                self._tell_not_finite(segment, first)
            self.callbacks.progress(self.kind, self.step, model._results)

    def _sources(self, data: Data, program) -> list:
        arrays = data.arrays[: len(program.input_types)]
        if self._bound is None or self._bound[0] is not data:
            sources = [Source(a, dtype) for a, (_, dtype) in zip(arrays, program.input_types, strict=True)]
            self._bound = (data, None, sources)
        return self._bound[2]

    def _output_arrays(self, segment, program) -> list[np.ndarray]:
        rows = segment.data.rows
        if not self.outputs or self.outputs[-1][1] is not segment.data:
            arrays = [np.empty((rows, *shape[1:]), dtype) for shape, dtype in program.output_types]
            self.outputs.append((arrays, segment.data))
        return self.outputs[-1][0]

    def collected(self) -> list[np.ndarray]:
        """The predictions, one array per output of the model."""
        parts = [arrays for arrays, _ in self.outputs]
        if len(parts) == 1:
            return [a if len(a) == self.rows else a[: self.rows] for a in parts[0]]
        return [np.concatenate([part[i] for part in parts]) for i in range(len(parts[0]))]
