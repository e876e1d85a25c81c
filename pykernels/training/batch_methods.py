"""One batch at a time, profiles of a step, and the generator methods of Keras 1 and 2."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ..compat.arguments import SAMPLE_COUNTS, accepts_old_names
from ..compat.positional import class_weight_may_be_eighth, queue_size_may_be_third, second_may_count_samples
from ..data_adapters import get_data_adapter
from ..data_adapters.arrays import make_data
from ..data_adapters.class_weights import is_given, with_class_weights
from ..data_adapters.prefetch import PrefetchOptions
from .memory_estimate import plan_memory
from .memory_plan import MemoryPlan
from .old_accuracy import accuracy_on_request
from .step_programs import step_signature
from .target_checks import check_targets


class BatchMethods:
    """train_on_batch, test_on_batch, predict_on_batch, profile, *_generator, predict_classes, predict_proba."""

    @accuracy_on_request("accuracy")
    @accepts_old_names("train_on_batch")
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """Trains on one batch.

        Args:
            x, y: inputs and targets of the batch, as in `fit`.
            sample_weight: array (N,). Default None.
            class_weight: dict of class number -> weight; not together with `sample_weight`. Default None.
            return_dict: whether the result is a dict of name -> value. Default False.

        Returns:
            Loss and metrics of this batch, as in `evaluate`.
        """
        return self._one_batch("train", x, y, sample_weight, class_weight, return_dict)

    @accuracy_on_request("accuracy")
    @accepts_old_names("test_on_batch")
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Computes loss and metrics of one batch.

        Args:
            x, y, sample_weight, return_dict: as in `train_on_batch`.

        Returns:
            Loss and metrics, as in `evaluate`.
        """
        return self._one_batch("test", x, y, sample_weight, None, return_dict)

    def _one_batch(self, kind, x, y, sample_weight, class_weight, return_dict):
        self._assert_compiled()
        data = make_data(self, x, y, sample_weight, may_be_empty=kind == "test")
        if is_given(class_weight):
            data = with_class_weights(self, data, class_weight)
        if kind == "train":
            self._tell_changed_flags(all_frozen=False)
        self._prepare(data, train=kind == "train")
        check_targets(self, data)
        program = self._programs.get(self, kind, step_signature(self, data, data.rows))
        self.reset_metrics()
        program.run(data.arrays, step=self._steps_done)
        if kind == "train":
            self._steps_done += 1
        results = self._batch_results(kind)
        return results if return_dict else self._in_order(results)

    @accepts_old_names("predict_on_batch")
    def predict_on_batch(self, x):
        """Computes the outputs of the model for one batch.

        Args:
            x: inputs, as in `predict`.

        Returns:
            As `predict`.
        """
        self._refuse_in_predict()
        run = self._direct(x, training=False)
        if run is not None:
            return run((x,), self._next_run())[0]
        data = make_data(self, x, may_be_empty=True)
        self._build_for_prediction(data)
        program = self._programs.get(self, "predict", step_signature(self, data, data.rows, targets=False))
        return self._unpack(program.run(data.xs, self._next_run()))

    def profile(self, x, y=None, sample_weight=None, batch_size=None, repeats=5, print_fn=print) -> list[dict]:
        """Measures the time of each operation of a step: of a training step if `y` is given, else of a prediction.

        Args:
            x, y, sample_weight: data as in `fit`; the first `batch_size` rows are used. The model is not changed.
            batch_size: int. Default None: 32.
            repeats: int, the number of runs, whose median is reported. Default 5.
            print_fn: callable that gets the table as text, or None. Default `print`.

        Returns:
            A list with a dict for each operation: op, label (the layer), shape, dtype, offset (in the arena), bytes,
                flops,
            ns, share.

        Raises:
            ValueError: `y` is given and the model is not compiled.
        """
        rows = int(batch_size or 32)
        data = make_data(self, x, y, sample_weight)
        data = data.part(0, min(rows, data.rows))
        kind = "predict" if y is None else "train"
        if kind == "train":
            self._assert_compiled()
            self._prepare(data)
        else:
            self._build_from(data)
        program = self._programs.get(self, kind, step_signature(self, data, data.rows, targets=kind == "train"))
        state = self._all_variables() if kind == "train" else []
        before = [v.numpy() for v in state]
        try:
            adapters = [np.asarray(a[:]) for a in (data.arrays if kind == "train" else data.xs)]
            table = program.profile(adapters, repeats)
        finally:
            for variable, value in zip(state, before, strict=True):
                variable.assign(value)
        total = sum(row["ns"] for row in table) or 1
        for row in table:
            row["share"] = row["ns"] / total
        if print_fn is not None:
            print_fn(_profile_text(f"{kind} step of '{self.name}', batch {data.rows}", table, total, program))
        return table

    def memory(self, batch_size=32, kind=None) -> MemoryPlan:
        """Plans the memory of a step in bytes, without running it.

        Args:
            batch_size: int. Default 32.
            kind: "train", "test" or "predict". Default None: "train" for a compiled model, else "predict". "train"
                makes the variables of the optimizer.

        Returns:
            A `MemoryPlan` with `peak` and its parts, which prints as a table. It does not include the interpreter and
            the data.

        Raises:
            ValueError: the shape of the inputs is not known, or the model is not compiled.
            MemoryError: the sizes cannot be addressed.
        """
        return plan_memory(self, batch_size, kind)

    def _all_variables(self) -> list:
        found = [*self.weights, *self.optimizer.variables]
        for metric in self.metrics:
            found.extend(metric.variables)
        return found

    # --- Keras 1 and 2 ------------------------------------------------------------------------------------
    @second_may_count_samples
    @class_weight_may_be_eighth
    @accuracy_on_request("show_accuracy")
    @accepts_old_names("fit_generator")
    def fit_generator(
        self,
        x,
        steps_per_epoch=None,
        epochs=1,
        verbose=1,
        callbacks=None,
        validation_data=None,
        validation_steps=None,
        validation_freq=1,
        class_weight=None,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
        shuffle=True,
        initial_epoch=0,
        **samples,
    ):
        """`fit` for a generator, in Keras 1 and 2.

        `samples_per_epoch` and `nb_val_samples` count samples, and so does a second positional argument beside
        `nb_epoch`, `nb_val_samples` or `nb_worker`, which only Keras 1 had.
        """
        self._assert_compiled()
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)
        adapter = get_data_adapter(
            self, x, None, None, None, steps_per_epoch, shuffle, class_weight, loading, "steps_per_epoch"
        )
        rows = adapter.first().rows
        validation_rows = {"nb_val_samples": getattr(validation_data, "batch_size", rows)}
        steps = _steps_from_samples("fit_generator", samples, rows, validation_rows)
        adapter.steps = adapter.num_steps = steps.get("steps_per_epoch", adapter.steps) or adapter.num_steps
        validation_steps = steps.get("validation_steps", validation_steps)
        endless = hasattr(validation_data, "__next__") and not hasattr(validation_data, "__len__")
        if endless and validation_steps is None:
            raise ValueError("fit_generator() with a generator as `validation_data` needs `validation_steps`.")
        return self._fit_adapter(
            adapter,
            epochs,
            verbose,
            callbacks,
            validation_data,
            initial_epoch,
            validation_steps,
            None,
            validation_freq,
            loading,
        )

    @queue_size_may_be_third
    @accuracy_on_request("show_accuracy")
    @accepts_old_names("evaluate_generator")
    def evaluate_generator(
        self,
        x,
        steps=None,
        callbacks=None,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
        verbose=0,
        **samples,
    ):
        """`evaluate` for a generator, in Keras 1 and 2. For `steps` see `predict_generator`."""
        self._assert_compiled()
        x, steps = self._steps_for("evaluate_generator", x, steps, samples)
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)._asdict()
        return self.evaluate(x, steps=steps, callbacks=callbacks, verbose=verbose, **loading)

    @queue_size_may_be_third
    @accepts_old_names("predict_generator")
    def predict_generator(
        self,
        x,
        steps=None,
        callbacks=None,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
        verbose=0,
        **samples,
    ):
        """`predict` for a generator, in Keras 1 and 2.

        `steps` that equal the number of images of an image iterator mean its images, as in Keras 1, where this argument
        counted samples: `predict_generator(batches, batches.nb_sample)` gives one row for each.
        """
        x, steps = self._steps_for("predict_generator", x, steps, samples)
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)._asdict()
        return self.predict(x, steps=steps, callbacks=callbacks, verbose=verbose, **loading)

    def _steps_for(self, name, source, steps, samples) -> tuple:
        """(source, its batches to take); the size of a generator's first batch counts for all."""
        if not samples:
            images = getattr(source, "n", None) if hasattr(source, "batch_size") else None
            return source, len(source) if images is not None and steps == images else steps
        rows = getattr(source, "batch_size", None)
        if rows is None:
            if not hasattr(source, "__next__"):
                raise ValueError(
                    f"{name}({next(iter(samples))}=...) needs a generator, or its `batch_size`; pass `steps`."
                )
            first = next(source)
            rows, source = _rows_of(first), itertools.chain([first], source)
        return source, _steps_from_samples(name, samples, rows)["steps"]

    def predict_classes(self, x, batch_size=None, verbose=0):
        """The predicted class numbers (Keras 1 and 2): the index of the largest output, or, for one output, whether it
        is
        above 0.5, as int32 (N, 1)."""
        p = self.predict(x, batch_size=batch_size, verbose=verbose)
        return np.argmax(p, axis=-1) if p.shape[-1] > 1 else (p > 0.5).astype("int32")

    def predict_proba(self, x, batch_size=None, verbose=0):
        """`predict`, in Keras 1 and 2."""
        return self.predict(x, batch_size=batch_size, verbose=verbose)


def _rows_of(batch) -> int:
    while isinstance(batch, (tuple, list, dict)):
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return len(batch)


def _steps_from_samples(name: str, samples: dict, rows: int, other_rows: dict | None = None) -> dict:
    steps = {}
    for key, value in samples.items():
        if key not in SAMPLE_COUNTS:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        steps[SAMPLE_COUNTS[key]] = math.ceil(value / (other_rows or {}).get(key, rows))
    return steps


def _profile_text(title: str, table: list[dict], total: float, program) -> str:
    header = f"{'op':<38} {'layer':<18} {'output':<24} {'bytes':>11} {'MFLOP':>9} {'us':>9} {'%':>6} {'GFLOP/s':>8}"
    lines = [title, header, "-" * len(header)]
    for row in table:
        output = f"{row['dtype']}{tuple(row['shape'])}"
        speed = f"{row['flops'] / row['ns']:.1f}" if row["flops"] and row["ns"] else ""
        lines.append(
            f"{row['op']:<38} {row['label'][:18]:<18} {output:<24} {row['bytes']:>11,} {row['flops'] / 1e6:>9.3f} "
            f"{row['ns'] / 1e3:>9.1f} {100 * row['share']:>6.1f} {speed:>8}"
        )
    lines.append(f"total {total / 1e3:.1f} us; arena {program.arena_bytes:,} bytes")
    return "\n".join(lines)
