"""Positional arguments in the order of Keras 1 and 2, where what stands in a place says that it is that order."""

from __future__ import annotations

import functools
import numbers

# Keywords that only Keras 1 had: beside them, what comes second in fit_generator counts samples.
_KERAS_1 = frozenset({"nb_epoch", "nb_val_samples", "nb_worker"})


def metrics_may_be_third(compile_function):
    """`compile(optimizer, loss, ["accuracy"], loss_weights)` is a call of Keras 1 or 2: in Keras 3 the third is
    `loss_weights`, which are numbers, and the fourth `metrics`."""

    @functools.wraps(compile_function)
    def wrapper(self, *args, **kwargs):
        if len(args) > 2 and _are_metrics(args[2]):
            if "metrics" in kwargs:
                raise TypeError(
                    f"compile() got metrics={kwargs['metrics']!r} and {args[2]!r} as its third argument, where Keras 1 "
                    "and 2 had the metrics; name them once"
                )
            if len(args) > 3:
                args = (*args[:2], args[3], args[2], *args[4:])
            else:
                args, kwargs = args[:2], {**kwargs, "metrics": args[2]}
        return compile_function(self, *args, **kwargs)

    return wrapper


def _are_metrics(value) -> bool:
    """Whether lists, tuples and dicts hold names, objects or functions only (and None)."""
    if isinstance(value, (list, tuple, dict)):
        parts = [part for part in (value.values() if isinstance(value, dict) else value) if part is not None]
        return all(_are_metrics(part) for part in parts) and (bool(parts) or not value)
    return isinstance(value, str) or callable(value)


def second_may_count_samples(function):
    """`fit_generator(batches, 2000, nb_epoch=2)` is a call of Keras 1: 2000 samples, not 2000 batches."""

    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if len(args) > 1 and not _KERAS_1.isdisjoint(kwargs):
            args, kwargs = (args[0], None, *args[2:]), {**kwargs, "samples_per_epoch": args[1]}
        return function(self, *args, **kwargs)

    return wrapper


def class_weight_may_be_eighth(function):
    """Before Keras 2.2.3, `class_weight` (a dict or None) stood where `validation_freq` (a number or a list) is."""

    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if len(args) > 7 and (args[7] is None or isinstance(args[7], dict)):
            args = (*args[:7], 1, *args[7:])
        return function(self, *args, **kwargs)

    return wrapper


def queue_size_may_be_third(function):
    """Before Keras 2.2.3, `max_queue_size` (a number) stood where evaluate_ and predict_generator have `callbacks`."""

    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if len(args) > 2 and isinstance(args[2], numbers.Integral):
            args = (*args[:2], None, *args[2:])
        return function(self, *args, **kwargs)

    return wrapper


_TENSORBOARD = (
    *("log_dir", "histogram_freq", "batch_size", "write_graph", "write_grads", "write_images", "embeddings_freq"),
    *("embeddings_layer_names", "embeddings_metadata", "embeddings_data", "update_freq"),
)


def batch_size_may_be_third(init):
    """`TensorBoard("logs", 1, 32, True)` is a call of Keras 2, where `batch_size` (a number) stood where `write_graph`
    (a bool) is."""

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        if len(args) > 2 and isinstance(args[2], numbers.Integral) and not isinstance(args[2], bool):
            twice = set(_TENSORBOARD[: len(args)]) & set(kwargs)
            if twice or len(args) > len(_TENSORBOARD):
                raise TypeError(f"TensorBoard() got several values for {sorted(twice)}, or too many arguments")
            args, kwargs = (), {**dict(zip(_TENSORBOARD, args, strict=False)), **kwargs}
        return init(self, *args, **kwargs)

    return wrapper


def decay_may_stand_at(place):
    """`SGD(0.01, 0.9, 1e-6, True)` is a call of Keras 1 or 2: a float in that place, where Keras 3 has a bool, is
    `decay`."""

    def decorate(constructor):
        @functools.wraps(constructor)
        def wrapper(self, *args, **kwargs):
            if len(args) > place and isinstance(args[place], float):
                args, kwargs = (*args[:place], *args[place + 1 :]), {**kwargs, "decay": args[place]}
            return constructor(self, *args, **kwargs)

        return wrapper

    return decorate
