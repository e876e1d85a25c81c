"""What callbacks of Keras 1 and 2 read: more entries in `params`, and the validation data."""

from __future__ import annotations

import numpy as np

from ..callbacks import CallbackList
from ..callbacks.logs import Logs
from ..data_adapters.array_adapter import ArrayAdapter


def tell_old_callbacks(callbacks: CallbackList, adapter, validation, validates: bool, names: list) -> None:
    """Gives `params` the entries of earlier versions, which are found by their keys and not shown, and callbacks the
    validation data, where these are arrays.

    Args:
        validation: the adapter of the validation data, or None.
        validates: whether there is a validation.
        names: those of the loss and the metrics in the logs.
    """
    data = adapter.data if isinstance(adapter, ArrayAdapter) else None
    held = validation.data if isinstance(validation, ArrayAdapter) else None
    params = Logs(callbacks.params)
    params.beside = {
        "metrics": [*names, *(f"val_{name}" for name in names if validates)],
        "do_validation": validates,
        "batch_size": getattr(adapter, "batch_size", None),
        "samples": None if data is None else data.rows,
        "nb_sample": None if data is None else data.rows,
        "nb_epoch": callbacks.params.get("epochs"),
    }
    callbacks.set_params(params)
    if held is None or held.lazy:
        callbacks.set_validation_data(None)
        return
    weights = held.weights or [np.ones(held.rows, "float32") for _ in held.ys]
    callbacks.set_validation_data([*held.xs, *held.ys, *weights])
