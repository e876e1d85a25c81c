"""Sequences of numbers: series of measurements, and words."""

from __future__ import annotations

import json
import random

import numpy as np

from ..utils.py_dataset import PyDataset
from ..utils.sequence_utils import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]

_EULER = 0.577  # as many digits as Keras takes


class TimeseriesGenerator(PyDataset):
    """Batches of windows of a series, and the target behind each.

    Args:
        data: array-like of shape (steps, ...).
        targets: array-like of shape (steps, ...): a window that ends before step i has the target i.
        length: of the windows, in steps.
        sampling_rate: every how manieth step of a window is taken. Default 1.
        stride: steps from the beginning of a window to that of the next. Default 1.
        start_index, end_index: first and last step that is used. Default 0 and None: all.
        shuffle: whether windows are drawn at random (by NumPy's generator). Default False.
        reverse: whether the steps of a window are in reverse order. Default False.
        batch_size: windows of a batch. Default 128.
        kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of `PyDataset`.

    Raises:
        ValueError: lengths that differ, or no window.
    """

    def __init__(
        self,
        data,
        targets,
        length,
        sampling_rate=1,
        stride=1,
        start_index=0,
        end_index=None,
        shuffle=False,
        reverse=False,
        batch_size=128,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(
                f"Data and targets have to be of same length. Data length is {len(data)} while target length is "
                f"{len(targets)}"
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as no part of "
                "the sequence would be left to be used as current step."
            )

    def __len__(self):
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index):
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return samples[:, ::-1] if self.reverse else samples, np.array([self.targets[row] for row in rows])

    def get_config(self):
        """The arguments, as they can be written to JSON.

        Returns:
            dict; `data` and `targets` are texts in JSON, `start_index` is the first step with a target.

        Raises:
            TypeError: `data` or `targets` cannot be written.
        """
        return {
            "data": _json_of("Data", self.data),
            "targets": _json_of("Targets", self.targets),
            "length": self.length,
            "sampling_rate": self.sampling_rate,
            "stride": self.stride,
            "start_index": self.start_index,
            "end_index": self.end_index,
            "shuffle": self.shuffle,
            "reverse": self.reverse,
            "batch_size": self.batch_size,
        }

    def to_json(self, **kwargs):
        """The configuration as JSON.

        Args:
            kwargs: for `json.dumps`.

        Returns:
            str.
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _json_of(what: str, values) -> str:
    try:
        return json.dumps(values.tolist() if isinstance(values, np.ndarray) else values)
    except TypeError as error:
        raise TypeError(f"{what} not JSON Serializable: {values}") from error


def make_sampling_table(size, sampling_factor=1e-5):
    """How often each word is kept, by its rank, after Zipf's law: for `skipgrams`.

    Args:
        size: number of words, 0 included.
        sampling_factor: the smaller, the rarer are frequent words. Default 1e-5.

    Returns:
        Array of `size` probabilities.
    """
    rank = np.arange(size)
    rank[0] = 1
    rarity = sampling_factor * (rank * (np.log(rank) + _EULER) + 0.5 - 1.0 / (12.0 * rank))
    return np.minimum(1.0, rarity / np.sqrt(rarity))


def skipgrams(
    sequence,
    vocabulary_size,
    window_size=4,
    negative_samples=1.0,
    shuffle=True,
    categorical=False,
    sampling_table=None,
    seed=None,
):
    """Pairs of a word and one near it, and of a word and one drawn at random (by Python's `random`).

    Args:
        sequence: list of numbers of words; 0 is none.
        vocabulary_size: the largest number, and 1.
        window_size: how far away words are near. Default 4.
        negative_samples: how many pairs at random there are for each other one. Default 1.
        shuffle: whether the pairs are shuffled. Default True.
        categorical: whether labels are [0, 1] and [1, 0] instead of 1 and 0. Default False.
        sampling_table: array of the probability of each word to be taken, or None. Default None.
        seed: of the shuffling. Default None: drawn.

    Returns:
        List of pairs, list of labels.
    """
    near, random_label = ([0, 1], [1, 0]) if categorical else (1, 0)
    couples = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        around = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in around if j != i and sequence[j]]
    labels = [near] * len(couples)
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [random_label] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for values in (couples, labels):
            random.seed(seed)
            random.shuffle(values)
    return couples, [list(label) for label in labels] if categorical else labels
