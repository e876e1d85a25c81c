"""Running the segments of an adapter: one call into C++ for many steps, unless a callback wants every batch."""

from __future__ import annotations

import numpy as np

from ..callbacks import CallbackList, History
from ..callbacks.logs import Logs
from ..data_adapters.array_adapter import ArrayAdapter
from ..data_adapters.arrays import Data
from ..data_adapters.stream_adapter import StreamAdapter
from ..layers.context import StructureVersion
from .nonfinite import warn_not_finite
from .step_programs import ModelPart, graph_of_steps, input_types_of, step_signature
from .target_checks import check_targets

# C++ comes back this often (seconds), for Ctrl-C and the progress line.
_SLICE = 0.05


class EpochLoop:
    """One epoch after another of "train", "test" or "predict".

    Args:
        model: compiled, except for "predict".
        kind: "train", "test" or "predict".
        adapter: where the batches come from.
        callbacks: a CallbackList.
        part: of the model's graph, which the batches are inputs of. Default None: all of it.
    """

    def __init__(self, model, kind: str, adapter, callbacks, part: ModelPart | None = None):
        self.model = model
        self.part = part
        self.kind = kind
        self.adapter = adapter
        self.callbacks = callbacks
        self.outputs: list[list[np.ndarray]] = []
        self.told_not_finite = False
        self.slice = _SLICE
        self.step = self.epoch = 0
        self.epoch_is_over = False
        self._bound: tuple[Data, object, list] | None = None  # sources of the arrays in use
        self._reading = None  # keeps the weights of one evaluation or prediction

    def run(self, epoch: int = 0) -> int:
        """Runs one epoch; returns the number of steps done."""
        self.step = getattr(self.adapter, "resumed_at", 0)
        self.rows = 0
        self.epoch = epoch
        self.epoch_is_over = False
        self.outputs = []
        try:
            for segment in self.adapter.segments():
                self._run_segment(segment)
                if self._stopped():
                    break
        finally:
            self._end_reading()
        self.adapter.resumed_at = 0
        self.epoch_is_over = True
        return self.step

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.__exit__()
            self._reading = None

    def _stopped(self) -> bool:
        flag = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}[self.kind]
        return bool(getattr(self.model, flag, False))

    def _run_segment(self, segment) -> None:
        model, kind = self.model, self.kind
        program = self._program(segment)
        if kind != "train" and self._reading is None:
            self._reading = program.reading()
            self._reading.__enter__()
        sources = self._sources(segment.data, program)
        outputs = self._output_arrays(segment, program) if kind == "predict" else None
        hooks = self.callbacks.hooks_batches(kind)
        if isinstance(self.adapter, StreamAdapter) and kind != "predict":
            check_targets(model, segment.data)
        first, left = segment.first, segment.steps
        version = StructureVersion.value
        while left and not self._stopped():
            steps = min(left, model.steps_per_execution) if hooks or model.run_eagerly else left
            if hooks:
                self.callbacks.on_batch(kind, "begin", self.step, size=steps * segment.batch)
            if StructureVersion.value != version or (model.run_eagerly and first > segment.first):
                program = self._program(segment)  # a callback may have assigned an attribute of a layer
                version = StructureVersion.value
            self._advance(program, sources, segment, first, steps, outputs)
            first += steps * segment.batch
            left -= steps
            if hooks:
                logs = {"outputs": model._unpack(outputs)} if kind == "predict" else model._batch_results(kind)
                self.callbacks.on_batch(kind, "end", self.step - 1, logs, steps * segment.batch)

    def _program(self, segment):
        model, part = self.model, self.part
        signature = step_signature(model, segment.data, segment.batch, self.kind != "predict", part)
        programs = model._programs if part is None else part.programs
        return programs.get(model, self.kind, signature, part)

    @property
    def input_types(self) -> list[tuple]:
        """A list of (shape, dtype) of what a step takes."""
        return input_types_of(self.model, self.part)

    @property
    def graph(self):
        """The graph that steps are recorded of, where that is not all of the model's; else None."""
        return graph_of_steps(self.model, self.part)

    def _advance(self, program, sources, segment, first, steps, outputs) -> None:
        """`steps` steps from position `first`, in slices of time."""
        self._run_on(program.run_batches, sources, segment, first, steps, outputs)

    def _go_on(self, segment, run, sources, done, status) -> None:
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
            self.callbacks.progress(self.kind, self.step, self._logs_so_far)

    def _logs_so_far(self) -> Logs:
        return self.model._batch_results(self.kind)

    def _sources(self, data: Data, program) -> list:
        arrays = data.arrays[: len(program.input_types)]
        if self._bound is None or self._bound[0] is not data:
            self._bound = (data, None, program.bind(arrays, program.input_types))
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

    # --- the fast path: epochs that nobody watches -------------------------------------------------------------
    def can_use_fast_path(self) -> bool:
        """Whether no user code can run between the steps of this training: arrays in memory and only a `History`."""
        adapter, callbacks, model = self.adapter, self.callbacks, self.model
        return (
            type(adapter) is ArrayAdapter
            and adapter.steps is None
            and not isinstance(adapter.shuffle, str)
            and type(callbacks) is CallbackList
            and [type(c) for c in callbacks.callbacks] == [History]
            and not model.run_eagerly
            and model._reports_by_metrics()
        )

    def run_fast_path(self, initial_epoch: int, epochs: int) -> Logs:
        """Runs epochs `initial_epoch` to `epochs` (exclusive) of a training that `can_use_fast_path`; returns the last
        results.

        An epoch of a small model takes 20 microseconds, and `run` with its segments, hooks and callbacks takes longer
        than that for itself. This does the same in the same order, with the same random numbers.
        """
        model, adapter = self.model, self.adapter
        history = self.callbacks.callbacks[0]
        metrics_state = model._current_metrics()
        reset, read, names = metrics_state.plan()
        state = model.__dict__  # attributes without LayerState's bookkeeping, which concerns layers and variables
        rows = np.arange(adapter.data.rows, dtype=np.int64)
        order, shuffle = None, np.random.shuffle
        records: list = []
        values: list = []
        version, parts = None, []
        for epoch in range(initial_epoch, epochs):
            reset(())
            if adapter.shuffle:
                order = rows.copy()  # shuffling it takes the numbers that np.random.permutation(len(rows)) takes
                shuffle(order)
            if version != StructureVersion.value:
                parts = self._segments_of_a_pass()
                version = StructureVersion.value
            self.step, self.rows, self.epoch = 0, 0, epoch
            for run, sources, segment in parts:
                done, status = run(
                    sources,
                    segment.batch,
                    segment.first,
                    segment.steps,
                    order,
                    None,
                    state["_steps_done"],
                    self.slice,
                    not self.told_not_finite,
                )
                state["_steps_done"] += done
                self.step += done
                self.rows += done * segment.batch
                if done < segment.steps or status != "done":
                    self._go_on(segment._replace(order=order), run, sources, done, status)
                if state["stop_training"]:
                    break
            values = [value.item() for value in read(())]
            if not records:
                records = [history.history.setdefault(name, []) for name in names]
            history.epoch.append(epoch)
            for record, value in zip(records, values):  # noqa: B905 - `strict` costs what it saves
                record.append(value)
            if state["stop_training"]:
                break
        return Logs(zip(names, values, strict=True)) if values else Logs()

    def _segments_of_a_pass(self) -> list:
        """(run_batches, sources, segment) of the full batches and of the short one at the end, without their order."""
        parts = []
        adapter = self.adapter
        adapter.rewind()
        for segment in adapter.parts_of_a_pass():
            program = self._program(segment)
            parts.append((program.run_batches, self._sources(segment.data, program), segment))
        return parts
