"""What users pass as data, made into batches: arrays, HDF5 datasets, sequences of batches, generators."""

from __future__ import annotations

import math

from .array_adapter import ArrayAdapter, HDF5Adapter
from .arrays import is_structure_of_arrays, make_data
from .class_weights import is_given, with_class_weights
from .stream_adapter import StreamAdapter


def get_data_adapter(
    model,
    x,
    y=None,
    sample_weight=None,
    batch_size=None,
    steps=None,
    shuffle=False,
    class_weight=None,
    loading=None,
    steps_name="steps",
):
    """The adapter for what a user passed to fit, evaluate or predict; `steps_name` is how the user calls `steps`.

    Raises:
        ValueError: something that is neither arrays nor gives batches, or targets beside a generator.
    """
    if x is None:
        raise ValueError("`x` is None: pass the input data (an array, a generator of batches, ...).")
    check_batch_size(batch_size)
    steps = whole_steps(steps, steps_name)
    if is_structure_of_arrays(x):
        return adapter_of(model, make_data(model, x, y, sample_weight), batch_size, steps, shuffle, class_weight)
    if isinstance(x, (str, bytes)) or not (
        hasattr(x, "__iter__") or hasattr(x, "__getitem__") or hasattr(x, "__next__")
    ):
        raise ValueError(f"Unrecognized data type: x={x} (of type {type(x)})")
    for name, value, what in (("y", y, "the targets"), ("sample_weight", sample_weight, "the sample weights")):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {type(x).__name__}, `{name}` should not be passed. Instead, {what} should be "
                f"included as part of the {type(x).__name__}."
            )
    return StreamAdapter(x, model, steps, shuffle, class_weight, loading)


def adapter_of(model, data, batch_size=None, steps=None, shuffle=False, class_weight=None) -> ArrayAdapter:
    """The adapter for `Data`; see `get_data_adapter`, which has checked the other arguments."""
    if is_given(class_weight):
        data = with_class_weights(model, data, class_weight)
    return (HDF5Adapter if data.lazy else ArrayAdapter)(data, int(batch_size or 32), shuffle, steps)


def check_batch_size(batch_size) -> None:
    """ValueError for a `batch_size` that is neither None nor a positive integer."""
    if batch_size is not None and not _is_positive_int(batch_size):
        raise ValueError(f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}")


def whole_steps(steps, name: str) -> int | None:
    """`steps` rounded up: `steps_per_epoch=len(x) / 32` stood in Keras 2's own examples."""
    try:
        if steps is None or (not isinstance(steps, bool) and 0 < steps < math.inf):
            return steps and math.ceil(steps)
    except TypeError:
        pass
    raise ValueError(f"`{name}` must be a positive number of batches. Received: {name}={steps!r}")


def _is_positive_int(value) -> bool:
    try:
        return not isinstance(value, bool) and int(value) == value and value > 0
    except (TypeError, ValueError, OverflowError):
        return False
