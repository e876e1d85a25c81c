"""`timeseries_dataset_from_array`: windows of a series as a dataset."""

from __future__ import annotations

import numpy as np

from .elements import each
from .streams import Stream

_FORMATS = ("tf", "grain")
_BUFFER = 1024  # of the shuffling of single windows, and in batches of that of batches
_BATCHES = 8


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
    format="tf",  # noqa: A002 - Keras's name
):
    """Windows of a series, and the target of each, as a dataset of batches.

    Args:
        data: array of shape (steps, ...).
        targets: array: the window that begins at step i has the target i; None for windows alone.
        sequence_length: of the windows.
        sequence_stride: steps from the beginning of a window to that of the next. Default 1.
        sampling_rate: steps from one of a window to the next. Default 1.
        batch_size: windows of a batch, or None for single ones. Default 128.
        shuffle: whether the windows are in random order. Default False.
        seed: of the order. Default None: drawn.
        start_index, end_index: only steps from the one on, and before the other, are used. Default None: all.
        format: "tf" or "grain", which give the same kind of dataset.

    Returns:
        A dataset with the methods of `tf.data.Dataset`.

    Raises:
        ValueError: an index, stride or rate that cannot be.
    """
    _check(len(data), start_index, end_index, sampling_rate, sequence_stride, format)
    first, end = start_index or 0, len(data) if end_index is None else end_index
    steps = np.asarray(data[first:end])
    answers = None if targets is None else np.asarray(targets[first:end])
    count = end - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets))
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = np.random.randint(10**6) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    offsets = np.arange(0, sequence_length * sampling_rate, sampling_rate)

    def windows(start):
        x = steps[np.asarray(start)[..., None] + offsets]
        return x if answers is None else (x, answers[np.asarray(start)])

    dataset = Stream.from_tensor_slices(starts)
    if shuffle:
        dataset = dataset.shuffle(_BUFFER if batch_size is None else _BATCHES * batch_size, seed=seed)
    return (dataset if batch_size is None else dataset.batch(batch_size)).map(lambda s: each(_own, windows(s)))


def _own(array):
    return np.asarray(array)


def _check(length: int, start_index, end_index, sampling_rate, sequence_stride, kind) -> None:
    for name, value in (("start_index", start_index), ("end_index", end_index)):
        if not value:
            continue
        if value < 0:
            bound = "must be 0 or greater" if name == "start_index" else "must be higher than 0"
            raise ValueError(f"`{name}` {bound}. Received: {name}={value}")
        if value >= length:
            raise ValueError(
                f"`{name}` must be lower than the length of the data. Received: {name}={value}, for data of length "
                f"{length}"
            )
    if start_index and end_index and end_index <= start_index:
        raise ValueError(
            f"`end_index` must be higher than `start_index`. Received: start_index={start_index}, and "
            f"end_index={end_index} "
        )
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if value <= 0:
            raise ValueError(f"`{name}` must be higher than 0. Received: {name}={value}")
        if value >= length:
            raise ValueError(
                f"`{name}` must be lower than the length of the data. Received: {name}={value}, for data of length "
                f"{length}"
            )
    if kind not in _FORMATS:
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={kind}')
