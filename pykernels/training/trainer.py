"""fit, evaluate, predict."""

from __future__ import annotations

import functools

import numpy as np

from ..callbacks import CallbackList
from ..callbacks.logs import Logs
from ..compat.arguments import accepts_old_names
from ..data_adapters import adapter_of, check_batch_size, get_data_adapter, whole_steps
from ..data_adapters.arrays import Data, has_no_rows, make_data, unpack
from ..data_adapters.prefetch import PrefetchOptions
from ..utils.checks import check_integer
from ..utils.overrides import overrides
from ..utils.tree import map_structure
from .batch_methods import BatchMethods
from .compiling import CompileMixin
from .custom_steps import has_own_step
from .epoch_loop import EpochLoop
from .frozen_features import FrozenPrefix
from .old_accuracy import accuracy_on_request
from .old_callbacks import tell_old_callbacks
from .target_checks import check_targets, warn_missing_classes


class Trainer(BatchMethods, CompileMixin):
    """The part of a model that trains it.

    Package interface: `_callbacks`, `_unpack`, `_predicted` (the structure of what an own `predict_step` returned).
    """

    _predicted = None

    # --- fit --------------------------------------------------------------------------------------------
    @accuracy_on_request("show_accuracy")
    @accepts_old_names("fit")
    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
        cache_frozen=False,
    ):
        """Trains the model.

        Args:
            x: inputs: array, list or dict (by input name) of arrays, pandas object, memory map, h5py dataset, each with
                a row per sample; or an iterable of batches `(x, y[, sample_weight])`: a generator, a dataset, a
                `Sequence`.
            y: targets with a row per sample; for several outputs a list in their order, or a dict by output name. None
                if `x` is an iterable of batches.
            batch_size: int. The last batch of an epoch may be smaller, and is weighted by its size. Default None: 32.
            epochs: int, the number of the epoch to stop at. Default 1.
            verbose: 0 (silent), 1 (progress bar), 2 (a line per epoch) or "auto" (default: 1).
            callbacks: list of `Callback`s. Default None.
            validation_split: float from 0 to 1, the fraction of the data, from its end, that is used for validation.
                Default 0.
            validation_data: tuple `(x, y)` or `(x, y, sample_weight)`, or an iterable of batches. Default None.
            shuffle: whether rows are used in random order; "batch" keeps the rows of a batch together. Default True.
            class_weight: dict of class number -> weight; for several outputs a dict of these by output name. Default
                None.
            sample_weight: array (N,) for all outputs, or a list or dict of arrays, one for each output. Default None.
            initial_epoch: int, the number of the first epoch. Default 0.
            steps_per_epoch: number of batches per epoch; a float such as `len(x) / 32` is rounded up. Default None:
                until the data end.
            validation_steps, validation_batch_size: the same for the validation.
            validation_freq: int, the number of epochs between validations, or a list of epochs. Default 1.
            workers: int, the number of threads that load the batches of image iterators and `Sequence`s ahead of the
                training; 0 for none. The result does not depend on it. A generator is read by the training thread.
                Default None: as the iterator or `Sequence` says.
            use_multiprocessing: whether the workers for a `Sequence` are processes. Default None: as it says.
            max_queue_size: int, the number of batches loaded ahead. Default None: as it says.
            cache_frozen: whether the frozen layers (`trainable = False`) at the beginning of the model are run only
                once for each sample, for training and validation data, and the rest is trained on what they gave. The
                result is that of the plain way; memory for the layers' results is needed. Random layers end the part
                that is run once. See `frozen.FrozenPrefix`.

        Returns:
            A `History`, whose `history` is a dict of name -> list with a value per epoch.

        Raises:
            ValueError: the model is not compiled, or the data do not fit it; with `cache_frozen`, the model does not
                begin with frozen layers, or the data change from epoch to epoch.
            MemoryError: a step, or the results that `cache_frozen` keeps, do not fit into memory.
        """
        self._assert_compiled()
        check_integer("fit()", "epochs", epochs)
        check_integer("fit()", "initial_epoch", initial_epoch)
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)
        if validation_split and validation_data is None:
            data, validation_data = self._split(x, y, sample_weight, validation_split)
            check_batch_size(batch_size)
            steps = whole_steps(steps_per_epoch, "steps_per_epoch")
            adapter = adapter_of(self, data, batch_size, steps, shuffle, class_weight)
        else:
            adapter = get_data_adapter(
                self,
                x,
                y,
                sample_weight,
                batch_size,
                steps_per_epoch,
                shuffle,
                class_weight,
                loading,
                "steps_per_epoch",
            )
        return self._fit_adapter(
            adapter,
            epochs,
            verbose,
            callbacks,
            validation_data,
            initial_epoch,
            validation_steps,
            validation_batch_size or batch_size,
            validation_freq,
            loading,
            cache_frozen,
        )

    def _fit_adapter(
        self,
        adapter,
        epochs,
        verbose,
        callbacks,
        validation_data=None,
        initial_epoch=0,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
        loading=None,
        cache_frozen=False,
    ):
        self._tell_changed_flags()
        self._prepare(adapter.first())
        check_targets(self, adapter.targets)
        own = self._own_evaluate(validation_data, validation_batch_size, validation_steps)
        validation = None
        if own is None:
            validation = self._open_validation(validation_data, validation_batch_size, validation_steps, loading)
        trained = tested = None  # the part of the model that is: all
        if cache_frozen:
            with self._training_flags():
                prefix = FrozenPrefix(self)
            trained, adapter = prefix.tail, prefix.cached(adapter, verbose)
            if validation is not None and prefix.can_cache(validation):
                tested, validation = prefix.tail, prefix.cached(validation)
        callbacks = self._callbacks(callbacks, True, verbose, epochs, adapter.num_steps)
        self._validation_expected = validation is not None or own is not None
        tell_old_callbacks(callbacks, adapter, validation, self._validation_expected, self.metrics_names)
        self.stop_training = False
        training = EpochLoop(self, "train", adapter, callbacks, trained)
        testing = EpochLoop(self, "test", validation, callbacks, tested) if validation else None
        validate = functools.partial(own, callbacks=callbacks) if own else None
        if testing:
            validate = functools.partial(self._test, testing)
        self.__dict__["_running"] = training
        try:
            return self._run_epochs(training, validate, initial_epoch, epochs, validation_freq)
        finally:
            self.__dict__["_running"] = None

    def _own_evaluate(self, validation_data, batch_size, steps):
        """As in Keras, `fit` validates by an overridden `evaluate`: the call for that, but for `callbacks`. None for
        models that do not override it."""
        if validation_data is None or not overrides(self, "evaluate", Trainer):
            return None
        x, y, weight = validation_data, None, None
        if isinstance(validation_data, Data):  # of validation_split
            x, y, weight = self._pack_inputs(validation_data.xs), validation_data.y, validation_data.weight
        elif isinstance(validation_data, (tuple, list)):
            x, y, weight = unpack(validation_data)
        given = {"x": x, "y": y, "sample_weight": weight, "batch_size": batch_size, "steps": steps}
        return functools.partial(self.evaluate, **given, return_dict=True)

    def _run_epochs(self, training, validate, initial_epoch, epochs, validation_freq):
        adapter, callbacks, logs = training.adapter, training.callbacks, Logs()
        callbacks.on_train_begin()
        initial_epoch, resumption = self._resume(initial_epoch)
        if resumption is not None and not resumption.within_epoch:
            resumption.apply(self, training)
        fast = validate is None and resumption is None and training.can_use_fast_path()
        if fast:
            logs = training.run_fast_path(initial_epoch, epochs)
        for epoch in range(initial_epoch, epochs if not fast else initial_epoch):
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            if resumption is not None and resumption.within_epoch and epoch == initial_epoch:
                resumption.apply(self, training)
            if training.run(epoch) == 0 and getattr(adapter, "exhausted", False):
                break
            logs = self._results("train")
            if validate and _due(epoch, validation_freq):
                results = validate()
                if not isinstance(results, dict):
                    raise TypeError(
                        f"evaluate(return_dict=True) of model '{self.name}' must return a dict of results by name: "
                        f"fit() validates with it. It returned: {results!r}"
                    )
                logs.update((f"val_{name}", value) for name, value in results.items())
                logs = Logs(sorted(logs.items()))
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training or getattr(adapter, "exhausted", False):
                break
        if epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_weights)
        callbacks.on_train_end(logs)
        return self.history

    def _resume(self, initial_epoch: int):
        """(first epoch, what a checkpoint that was loaded wants restored, or None)."""
        resumption = self.__dict__.get("_resumption")
        self.__dict__["_resumption"] = None
        first = resumption.first_epoch(initial_epoch) if resumption is not None else None
        return (initial_epoch, None) if first is None else (first, resumption)

    def _split(self, x, y, sample_weight, share) -> tuple[Data, Data]:
        """The rows for training, and the last ones, for validation."""
        if not isinstance(share, (int, float)) or not 0 < share < 1:
            raise ValueError(
                f"`validation_split` must be a share between 0 and 1 (0.2 keeps the last 20% of the samples for "
                f"validation). Received: validation_split={share}"
            )
        if not _is_data(x):
            raise ValueError(
                "Argument `validation_split` is only supported for tensors or NumPy arrays. Pass `validation_data` "
                f"instead. Found incompatible type in the input: {type(x)}"
            )
        data = make_data(self, x, y, sample_weight)
        cut = int(np.floor(data.rows * (1.0 - share)))
        if cut in (0, data.rows):
            raise ValueError(
                f"Training data contains {data.rows} samples, which is not sufficient to split it into a validation "
                f"and training set as specified by `validation_split={share}`. Either provide more data, or a "
                "different value for the `validation_split` argument."
            )
        train, held = data.part(0, cut), data.part(cut, data.rows)
        self._prepare(data)
        if train.ys:
            check_targets(self, data)
            warn_missing_classes(self, train, held)
        return train, held

    def _open_validation(self, validation_data, batch_size, steps, loading=None):
        if validation_data is None:
            return None
        if isinstance(validation_data, Data):
            check_batch_size(batch_size)
            adapter = adapter_of(self, validation_data, batch_size, whole_steps(steps, "validation_steps"))
        elif isinstance(validation_data, (tuple, list)):
            x, y, weight = unpack(validation_data)
            adapter = get_data_adapter(
                self, x, y, weight, batch_size, steps, loading=loading, steps_name="validation_steps"
            )
        else:
            adapter = get_data_adapter(
                self, validation_data, None, None, batch_size, steps, loading=loading, steps_name="validation_steps"
            )
        adapter.limit_to_one_pass()
        check_targets(self, adapter.targets, "validation y")
        return adapter

    def _callbacks(self, callbacks, history: bool, verbose, epochs: int, steps) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'. Received: verbose={verbose!r}")
        shown = verbose != 0
        return CallbackList(
            callbacks, add_history=history, add_progbar=shown, model=self, verbose=verbose, epochs=epochs, steps=steps
        )

    # --- evaluate ---------------------------------------------------------------------------------------
    @accuracy_on_request("show_accuracy")
    @accepts_old_names("evaluate")
    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
    ):
        """Computes loss and metrics.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: int, the number of batches. Default None: until the data end.
            return_dict: whether the result is a dict of name -> value. Default False.
            max_queue_size, workers, use_multiprocessing: as in `fit`.

        Returns:
            The loss, a float, if there are no metrics; else a list in the order of `metrics_names`, or a dict.

        Raises:
            ValueError: the model is not compiled, or the data do not fit it.
            MemoryError: a step does not fit into memory.
        """
        self._assert_compiled()
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)
        adapter = get_data_adapter(self, x, y, sample_weight, batch_size, steps, loading=loading)
        adapter.limit_to_one_pass()
        self._prepare(adapter.first(), train=False)
        check_targets(self, adapter.targets)
        callbacks = self._callbacks(callbacks, False, verbose, 1, adapter.num_steps)
        results = self._test(EpochLoop(self, "test", adapter, callbacks))
        return results if return_dict else self._in_order(results)

    def _test(self, loop: EpochLoop) -> Logs:
        self.stop_evaluating = False
        loop.callbacks.on_test_begin()
        self.reset_metrics()
        loop.adapter.rewind()
        loop.run()
        results = self._results("test")
        loop.callbacks.on_test_end(results)
        return results

    def _in_order(self, results: dict):
        names = self.metrics_names
        values = [results[name] for name in names if name in results]
        values += [results[name] for name in sorted(results) if name not in names]
        return values[0] if len(values) == 1 else values

    # --- predict ----------------------------------------------------------------------------------------
    @accepts_old_names("predict")
    def predict(
        self,
        x,
        batch_size=None,
        verbose="auto",
        steps=None,
        callbacks=None,
        max_queue_size=None,
        workers=None,
        use_multiprocessing=None,
    ):
        """Computes the outputs of the model. May be called from several threads at once.

        Args:
            x, batch_size, verbose, callbacks: as in `fit`.
            steps: int, the number of batches. Default None: until the data end.
            max_queue_size, workers, use_multiprocessing: as in `fit`.

        Returns:
            An array with a row per sample; for several outputs, arrays in the structure of the outputs.

        Raises:
            ValueError: the data do not fit the model.
            MemoryError: a step does not fit into memory.
        """
        self._refuse_in_predict()
        check_batch_size(batch_size)
        if (
            verbose == 0
            and callbacks is None
            and steps is None
            and len(getattr(x, "shape", ()))
            and (x.shape[0] <= (batch_size or 32))
        ):
            run = self._direct(x, training=False)
            if run is not None:
                return run((x,), self._next_run())[0]
        if has_no_rows(x):  # no batch at all, and the shape of the outputs is known all the same
            callbacks = self._callbacks(callbacks, False, verbose, 1, 0)
            callbacks.on_predict_begin()
            outputs = self.predict_on_batch(x)
            callbacks.on_predict_end()
            return outputs
        loading = PrefetchOptions(workers, use_multiprocessing, max_queue_size)
        adapter = get_data_adapter(self, x, None, None, batch_size, steps, loading=loading)
        adapter.limit_to_one_pass()
        self._build_for_prediction(adapter.first())
        callbacks = self._callbacks(callbacks, False, verbose, 1, adapter.num_steps)
        self.stop_predicting = False
        callbacks.on_predict_begin()
        loop = EpochLoop(self, "predict", adapter, callbacks)
        loop.run()
        callbacks.on_predict_end()
        return self._unpack(loop.collected())

    def _unpack(self, outputs: list):
        """Predictions in the structure of the model's outputs."""
        leaves = iter(outputs)
        if has_own_step(self, "predict"):
            return map_structure(lambda _: next(leaves), self._predicted)
        structure = self._graph.returned_struct if self._graph is not None else self._free_outputs
        return map_structure(lambda _: next(leaves), structure)


def _is_data(x) -> bool:
    return isinstance(x, (list, tuple, dict)) or hasattr(x, "shape") or hasattr(x, "__array__")


def _due(epoch: int, frequency) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    if isinstance(frequency, (list, tuple)):
        return epoch + 1 in frequency
    raise ValueError(
        "Expected `validation_freq` to be a list or int. "
        f"Received: validation_freq={frequency} of the type {type(frequency)}."
    )
