"""Checks of targets, once per fit: shapes against the loss, class numbers, NaN, classes lost in a split."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import activations
from .. import losses as losses_module
from ..user_warning import warn

_ROWS = 65536  # scanned at a time, so that a target on disk stays there


def _chunks(y):
    step = max(1, _ROWS * 16 // max(1, int(np.prod(y.shape[1:], dtype=np.int64))))
    for i in range(0, len(y), step):
        yield np.asarray(y[i : i + step])


class _Place(NamedTuple):
    """The output that a target belongs to: its loss, the shape of one prediction, the layer that makes it."""

    loss: losses_module.Loss
    output: tuple
    layer: object
    what: str  # how messages call the target

    @property
    def made_by(self) -> str:
        return f"the last layer '{getattr(self.layer, 'name', '?')}'"


def check_targets(model, data, what: str = "y") -> None:
    """ValueError when the targets cannot be those of the model's losses.

    Args:
        model: compiled and built.
        data: `Data` with all targets (or a first batch), shapes (N, ...).
        what: name in the message.
    """
    compiled = model._compiled
    if not data.ys or not compiled.built or model._writes_steps():
        return
    several = len(compiled.outputs) > 1
    shapes, layers = model._output_shapes(), _last_layers(model, len(compiled.outputs))
    for i, (output, y) in enumerate(zip(compiled.outputs, compiled.targets(data.y), strict=True)):
        if output.loss is None or y is None:
            continue
        name = f"{what}['{output.name}']" if several and output.name else f"{what}[{i}]" if several else what
        if y.dtype.kind == "f" and _is_built_in(output.loss):  # a loss of the user's own may mask NaN
            _check_nan(y, name)
        if i < len(shapes) and shapes[i] is not None:
            _check_target(_Place(output.loss, shapes[i], layers[i], name), y)


def _check_target(place: _Place, y) -> None:
    kind = getattr(place.loss, "fn", None)
    if kind is losses_module.sparse_categorical_crossentropy:
        _check_sparse(place, y)
    elif kind is losses_module.categorical_crossentropy:
        _check_one_hot(place, y)
    elif kind is losses_module.binary_crossentropy:
        _check_binary(place, y)
    elif kind in (losses_module.mean_squared_error, losses_module.mean_absolute_error):
        _check_same_shape(place, y)


def _last_layers(model, n: int) -> list:
    """The layer that makes each output; None where only the model's code says so."""
    if model._graph is None:
        return [model.layers[-1] if n == 1 and model.layers else None] * n
    histories = [getattr(t, "_keras_history", None) for t in model.outputs]
    return [None if h is None else h.operation for h in histories]


def _is_built_in(loss) -> bool:
    package = losses_module.__name__
    function = getattr(loss, "fn", None) or type(loss).call
    return function.__module__.startswith(package) and type(loss).__module__.startswith(package)


def _check_nan(y, what: str) -> None:
    start = 0
    for chunk in _chunks(y):
        bad = np.isnan(chunk)
        if bad.any():
            row = start + int(np.argwhere(bad)[0][0])
            raise ValueError(
                f"`{what}` contains NaN (the first in row {row}), so the loss would be NaN. Drop or fill these rows: "
                f"keep = ~np.isnan(y); x[keep], y[keep]"
            )
        start += len(chunk)


def _trailing(shape: tuple) -> str:
    return f"(batch, {', '.join(map(str, shape))})" if shape else "(batch,)"


def _mismatch(place: _Place, y, fix: str) -> ValueError:
    """Keras's sentence about unequal shapes, followed by the layer, what was expected and what to do."""
    return ValueError(
        f"Arguments `target` and `output` must have the same shape. Received: target.shape={_trailing(y.shape[1:])}, "
        f"output.shape={_trailing(place.output)}. `{place.what}` has shape {y.shape} and {place.made_by} gives "
        f"{_trailing(place.output)}, which loss '{place.loss.name}' cannot compare. {fix}"
    )


def _check_sparse(place: _Place, y) -> None:
    output, what = place.output, place.what
    n = output[-1]
    sample = tuple(y.shape[1:])
    if sample not in (output[:-1], (*output[:-1], 1)):
        fix = f"The target must have one class number per prediction: {_trailing(output[:-1])}."
        if sample == output:
            fix = (
                "The target looks one-hot: use loss='categorical_crossentropy', or class numbers "
                f"np.argmax({what}, axis=-1)."
            )
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={_trailing(sample)}, output.shape={_trailing(output)}. `{what}` has shape {y.shape} and the "
            f"{place.made_by.removeprefix('the ')} gives {_trailing(output)}. {fix}"
        )
    ignored = getattr(place.loss, "ignore_class", None)
    for chunk in _chunks(y):
        if ignored is not None:
            chunk = chunk[chunk != ignored]
        if chunk.dtype.kind == "f" and (parts := chunk[chunk != np.floor(chunk)]).size:
            raise ValueError(
                f"`{what}` contains the label {parts.ravel()[0]}, which is no class number: loss '{place.loss.name}' "
                f"needs whole numbers from 0 to {n - 1}. To predict numbers, use a loss such as 'mean_squared_error'."
            )
        if chunk.size and (chunk.max() >= n or chunk.min() < 0):
            label = chunk.max() if chunk.max() >= n else chunk.min()
            fix = f"Make the last layer Dense({int(label) + 1})" if label >= n else "Class numbers start at 0"
            if label == n:
                fix += f", or subtract 1 from {what} if your classes are numbered from 1"
            raise ValueError(
                f"`{what}` contains the label {label}, but {place.made_by} has {n} outputs, "
                f"so labels must be 0 to {n - 1}. {fix}."
            )


def _check_one_hot(place: _Place, y) -> None:
    output, what = place.output, place.what
    sample = tuple(y.shape[1:])
    if sample == output or (sample == () and output == (1,)):
        return
    if sample in (output[:-1], (*output[:-1], 1)) and output[-1] > 1:
        fix = (
            "The target looks like class numbers: use loss='sparse_categorical_crossentropy', or "
            f"utils.to_categorical({what}, {output[-1]})."
        )
    elif len(sample) == len(output) and sample[:-1] == output[:-1]:
        fix = f"The target has {sample[-1]} classes: make the last layer Dense({sample[-1]})."
    else:
        fix = "Is a Flatten layer missing, or are x and y swapped?"
    raise _mismatch(place, y, fix)


def _check_same_shape(place: _Place, y) -> None:
    output = place.output
    sample = tuple(y.shape[1:])
    if sample in (output, output[:-1] if output[-1:] == (1,) else output) or sample == (*output, 1):
        return
    fix = (
        f"Make the last layer give {_trailing(sample)}, for example Dense({sample[-1]})."
        if sample
        else ("Make the last layer Dense(1), or give one target per output.")
    )
    raise _mismatch(place, y, fix)


def _check_binary(place: _Place, y) -> None:
    output, what = place.output, place.what
    sample = tuple(y.shape[1:])
    if not (sample == output or (output[-1:] == (1,) and sample == output[:-1])):
        fix = "For one of several classes use a softmax output and loss='sparse_categorical_crossentropy'."
        raise _mismatch(place, y, fix)
    last = place.layer
    if output[-1] > 1 and getattr(last, "activation", None) is activations.softmax:
        warn(
            f"loss='binary_crossentropy' with a softmax over {output[-1]} classes (layer '{last.name}') treats each "
            "class as a question of its own; loss='categorical_crossentropy' is what one class per sample needs.",
        )
    low, high = 0.0, 1.0
    for chunk in _chunks(y):
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
    if low < 0 or high > 1:
        warn(
            f"loss='binary_crossentropy' takes targets from 0 to 1, and `{what}` goes from {low:g} to {high:g}: the "
            "loss can fall without end. For targets -1 and 1 use (y + 1) / 2; for one of several classes a softmax "
            "output and loss='sparse_categorical_crossentropy'."
        )


def warn_missing_classes(model, train, held) -> None:
    """Warns when `validation_split` left a class out of one of the two parts (of `Data`)."""
    outputs = model._compiled.outputs
    for output, *parts in zip(outputs, *map(model._compiled.targets, (train.y, held.y)), strict=True):
        if output.loss is not None and all(y is not None for y in parts):
            _warn_missing(output.loss, *parts)


def _warn_missing(loss, y_train, y_val) -> None:
    kind = getattr(loss, "fn", None)
    if kind is losses_module.categorical_crossentropy:
        if y_train.ndim != 2:
            return
        train, val = (np.unique(np.argmax(y, axis=-1)) for y in (y_train, y_val))
    elif kind in (losses_module.sparse_categorical_crossentropy, losses_module.binary_crossentropy):
        if y_train.ndim > 1 and y_train.shape[-1] != 1:
            return
        train, val = np.unique(np.asarray(y_train)), np.unique(np.asarray(y_val))
    else:
        return
    if any(np.any(labels != np.round(labels)) for labels in (train, val)):
        return  # probabilities, not classes
    parts = []
    for missing, part in ((np.setdiff1d(val, train), "training"), (np.setdiff1d(train, val), "validation")):
        if len(missing):
            names = ", ".join(f"{c:g}" for c in missing[:10]) + (", ..." if len(missing) > 10 else "")
            parts.append(f"class {names} is missing from the {part} part")
    if parts:
        warn(
            f"`validation_split` takes the last samples, before any shuffling: {' and '.join(parts)}. Shuffle x and y "
            "together first (p = np.random.permutation(len(x)); x, y = x[p], y[p]), or pass `validation_data`.",
        )
