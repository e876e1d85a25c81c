"""Weights of the recurrent layers of Keras 1 and of Keras 2's layers for GPUs, in the form of today's.

Keras 1 had an array for each gate: kernel, recurrent kernel and bias of the gates i, c, f, o (LSTM) and z, r, h (GRU).
CuDNNLSTM and CuDNNGRU had every gate's matrices transposed, those of the kernel read as their transposes' memory, and
the biases of both products in one array.
"""

from __future__ import annotations

import numpy as np

_GATES = {"LSTMCell": (0, 2, 1, 3), "GRUCell": (0, 1, 2)}  # places of today's gates in Keras 1's order


class Joined:
    """Data sets seen through a function that makes one array of theirs."""

    def __init__(self, datasets, shape, function):
        self.datasets = datasets
        self.shape = shape
        self.function = function

    def check(self) -> None:
        for dataset in self.datasets:
            dataset.check()

    def read_into(self, array: np.ndarray) -> None:
        array[...] = self.function([dataset.read(dataset.bytes) for dataset in self.datasets])


def convert_recurrent(parts: list) -> list:
    """The parts of a file (`Part` of the weights' reader), with the data sets of recurrent layers converted."""
    return [_converted(part) if part.datasets else part for part in parts]


def _converted(part):
    cells = [x for x in part.layer._flatten_layers() if type(x).__name__ in _GATES]
    if not cells or len(part.variables) != sum(len(cell.weights) for cell in cells):
        return part
    each, rest = divmod(len(part.datasets), len(cells))
    if rest:
        return part
    datasets, names = [], []
    for i, cell in enumerate(cells):
        own = part.datasets[i * each : (i + 1) * each]
        found = _of_cell(cell, own)
        datasets += found
        labels = part.names[i * each : (i + 1) * each]
        names += labels if found is own else labels[: len(found)]
    return part._replace(datasets=datasets, names=names)


def _of_cell(cell, datasets: list) -> list:
    order, gates, units = _GATES[type(cell).__name__], cell.gates, cell.units
    if len(datasets) == 3 * gates and cell.use_bias:
        return [_gate_by_gate(datasets[kind::3], order) for kind in range(3)]
    if len(datasets) == 3 and tuple(datasets[2].shape) == (2 * gates * units,) and len(cell.bias.shape):
        kernel, recurrent, bias = datasets
        return [
            Joined([kernel], kernel.shape, lambda found: _each(found[0], gates, _read_as_transposed)),
            Joined([recurrent], recurrent.shape, lambda found: _each(found[0], gates, np.transpose)),
            Joined([bias], tuple(cell.bias.shape), lambda found: _biases(found[0], tuple(cell.bias.shape))),
        ]
    return datasets


def _gate_by_gate(datasets: list, order) -> Joined:
    """One array of the arrays of the gates."""
    chosen = [datasets[i] for i in order]
    shape = (*chosen[0].shape[:-1], sum(d.shape[-1] for d in chosen))
    return Joined(chosen, shape, lambda found: np.concatenate(found, axis=-1))


def _each(array, gates: int, function):
    return np.concatenate([function(part) for part in np.split(array, gates, axis=-1)], axis=-1)


def _read_as_transposed(part):
    return part.T.reshape(part.shape, order="F")


def _biases(array, shape):
    """The biases of the inputs' and of the recurrent products: both, or (LSTM, where only the sum counts) their sum."""
    both = array.reshape(2, -1)
    return both if len(shape) == 2 else both.sum(axis=0)
