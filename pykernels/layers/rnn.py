"""RNN: a cell, run over the steps of sequences."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..graph import Variable
from ..utils import serialization
from ..utils.tree import flatten, map_structure
from .layer import Layer
from .rnn_cells import _Cell


class StackedRNNCells(Layer):
    """Several cells as one: each takes the output of the one before.

    Args:
        cells: list of cells: layers, or other objects with `call(inputs, states)` and `state_size`.
        **kwargs: arguments of `Layer`.

    Call arguments: inputs (batch, features); states: a list with the states of each cell; training. Returns (output of
    the last cell, new states).

    Raises:
        ValueError: a cell without `call` or `state_size`.
    """

    remade_to_assign = False

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        for cell in cells:
            for what, name in (("a `call` method", "call"), ("a `state_size` attribute", "state_size")):
                if name not in dir(cell):
                    raise ValueError(f"All cells must have {what}. Received cell without it: {cell}")
        self.cells = list(cells)

    @property
    def state_size(self):
        """The `state_size` of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size=None):
        """The initial states of each cell."""
        return [initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs, states, training=False):
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            nested = isinstance(state, (list, tuple))
            inputs, new = call_cell(cell, inputs, list(state) if nested else [state], training)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            new_states.append(new if nested or len(new) > 1 else new[0])
        return inputs, new_states if len(new_states) > 1 else new_states[0]

    def get_config(self):
        return {**super().get_config(), "cells": [serialization.serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cells = [serialization.deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)


def output_size(cell) -> int:
    """The size of a cell's output: its `output_size`, else that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        size = size[0] if isinstance(size, (list, tuple)) else size
    return size


def initial_state(cell, batch_size, dtype):
    """The states that a cell starts with: what its `get_initial_state` says, else zeros."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    sizes = cell.state_size
    zeros = [ops.zeros((batch_size, d), dtype=dtype) for d in (sizes if isinstance(sizes, (list, tuple)) else [sizes])]
    return zeros if isinstance(sizes, (list, tuple)) else zeros[0]


def call_cell(cell, inputs, states, training):
    """(output, new states) of one step; `training` is passed where the cell takes it."""
    if not isinstance(cell, Layer):
        return (cell if callable(cell) else cell.call)(inputs, states)
    takes = "training" in cell._parameters_of("call")
    return cell(inputs, states, **({"training": training} if takes else {}))


class RNN(Layer):
    """Runs a cell over the steps of sequences.

    A cell is a layer, or another object, with `call(inputs, states) -> (output, new_states)` and `state_size`: an int,
    or a list with one for each state. In a program its steps are recorded one after another; `LSTM`, `GRU` and
    `SimpleRNN` are one op for all steps.

    Args:
        cell: the cell, or a list of cells, which are stacked.
        return_sequences: whether the outputs of all steps are returned, not the last one only. Default False.
        return_state: whether the last states are returned too. Default False.
        go_backwards: whether the steps are taken from the last to the first; the outputs are in the order of
            computation. Default False.
        stateful: whether each batch starts with the last states of the batch before. Default False.
        unroll: accepted as in Keras; the number of steps must then be known. Default False.
        zero_output_for_mask: whether the output of a masked step is zeros, not that of the step before. Default False.
        **kwargs: arguments of `Layer`. `input_dim` with `input_length` (Keras 1): the shape of the input.

    Call arguments: sequences (batch, steps, ...); initial_state: list of tensors; mask: bool (batch, steps), False for
    steps to leave out; training.

    Returns the last output (batch, output size), or (batch, steps, output size) with `return_sequences`; with
    `return_state` a tuple with the states behind it.

    Raises:
        ValueError: a cell without `call` or `state_size`; at the call, `stateful` with a batch of unknown or another
            size, or `unroll` with an unknown number of steps.
    """

    remade_to_assign = False
    _not_state = Layer._not_state | {"states"}

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if "call" not in dir(cell):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if "state_size" not in dir(cell):
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (single integer or list of integers, one integer "
                f"per RNN state). Received: cell={cell}"
            )
        length, features = kwargs.pop("input_length", None), kwargs.get("input_dim")
        if features is not None:  # Keras 1
            kwargs.pop("input_dim")
            kwargs.setdefault("input_shape", (length, features))
        super().__init__(**kwargs)
        self.zero_output_for_mask = zero_output_for_mask
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.supports_masking = True
        self.states = None
        size = cell.state_size
        if not isinstance(size, (list, tuple, int)):
            raise ValueError(
                "state_size must be an integer, or a list/tuple of integers (one for each state tensor). Received: "
                f"{size}"
            )
        self.single_state = isinstance(size, int)
        self.state_size = [size] if self.single_state else list(size)

    # --- shapes and masks ---------------------------------------------------------------------------
    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, steps = sequences_shape[:2]
        size = output_size(self.cell)
        output = (batch, steps, size) if self.return_sequences else (batch, size)
        if not self.return_state:
            return output
        states = [[(batch, d) for d in s] if isinstance(s, (list, tuple)) else (batch, s) for s in self.state_size]
        return (output, *states)

    def compute_mask(self, inputs, mask=None):
        """The mask of the sequences where those are returned; states have none."""
        mask = next(iter(flatten(mask)), None)
        mask = mask if self.return_sequences else None
        return [mask, *[None] * len(flatten(self.state_size))] if self.return_state else mask

    # --- states -------------------------------------------------------------------------------------
    def build(self, sequences_shape, initial_state_shape=None):
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if self.stateful:
            if self.states is not None:
                self.reset_state()
            elif sequences_shape[0] is None:
                raise ValueError(
                    "When using `stateful=True` in a RNN, the batch size must be static. Found dynamic batch size: "
                    f"sequence.shape={tuple(sequences_shape)}"
                )
            else:
                self.states = map_structure(
                    lambda value: Variable(value, trainable=False, dtype=self.variable_dtype, name="rnn_state"),
                    self.get_initial_state(sequences_shape[0]),
                )

    def get_initial_state(self, batch_size):
        """The states to start with, in a list.

        Args:
            batch_size: int.
        """
        states = initial_state(self.cell, batch_size, self.compute_dtype)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def reset_state(self, states=None):
        """Sets the states of a stateful layer.

        Args:
            states: array, or list of arrays, in the order of `states`. Default None: zeros.
        """
        if self.states is None:
            return
        variables = flatten(self.states)
        if states is None:
            values = [np.zeros(v.shape, v.dtype) for v in variables]
        else:
            values = flatten(states)
            if len(values) != len(variables):
                raise ValueError(f"Layer '{self.name}' has {len(variables)} states, received {len(values)}")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def reset_states(self, states=None):
        """`reset_state`."""
        self.reset_state(states)

    def _start(self, sequences, given):
        """The states at the first step; None for zeros where nobody has said anything."""
        if given is not None:
            return list(given) if isinstance(given, (list, tuple)) else [given]
        return list(self.states) if self.stateful else None

    def __call__(self, sequences, *args, **kwargs):
        if isinstance(sequences, (list, tuple)) and len(sequences) > 1 and not args and "initial_state" not in kwargs:
            sequences, *kwargs["initial_state"] = sequences  # Keras 1 and 2: layer([sequences, *states])
        return super().__call__(sequences, *args, **kwargs)

    # --- the loop -----------------------------------------------------------------------------------
    def call(self, sequences, initial_state=None, mask=None, training=False):
        steps = sequences.shape[1]
        if self.unroll and steps is None:
            raise ValueError(
                "Cannot unroll a RNN if the time dimension is undefined. \n- If using a Sequential model, specify the "
                "time dimension by passing an `Input()` as your first layer.\n- If using the functional API, specify "
                "the time dimension by passing a `shape` or `batch_shape` argument to your `Input()`."
            )
        self._check_batch(sequences)
        mask = _step_mask(mask)
        start = self._start(sequences, initial_state)
        if start is not None:
            start = map_structure(lambda x: x if isinstance(x, Variable) else ops.cast(x, self.compute_dtype), start)
        last, outputs, states = self.inner_loop(sequences, start, mask, training)
        if self.stateful:
            for variable, state in zip(flatten(self.states), flatten(states), strict=True):
                variable.assign(state)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _check_batch(self, sequences):
        if not self.stateful or self.states is None:
            return
        expected, batch = flatten(self.states)[0].shape[0], sequences.shape[0]
        if batch is not None and batch != expected:
            raise ValueError(
                "If an RNN is stateful, the batch size of the input sequences must be the same as the batch size of "
                f"the initial state. \n- Expected batch size: {expected}\n- Received batch size: {batch}"
            )

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """All steps.

        Args:
            sequences: tensor (batch, steps, ...).
            initial_state: list of states, or None for those that the cell starts with.
            mask: bool (batch, steps) or None.
            training: bool.

        Returns:
            (the last output, the outputs (batch, steps, ...) in the order of computation, the last states).
        """
        states = initial_state
        if states is None:
            states = self.get_initial_state(sequences.shape[0] or 1)
        try:
            return self._steps(sequences, states, mask, training)
        finally:
            _forget_dropout(self.cell)

    def _steps(self, sequences, states, mask, training):
        steps = sequences.shape[1]
        outputs, previous = [], None
        order = range(1) if steps is None else range(steps)[:: -1 if self.go_backwards else 1]
        for t in order:
            output, new = call_cell(self.cell, sequences[:, t], list(states), training)
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            if mask is not None:
                used = mask[:, t]
                output = _where(used, output, self._masked_output(output, states, previous))
                new = [_where(used, n, s) for n, s in zip(new, states, strict=True)]
            states, previous = new, output
            outputs.append(output)
        if steps is None:  # only the shape is asked for
            return output, ops.add(_zeros_of_steps(sequences, len(output.shape)), ops.expand_dims(output, 1)), states
        return outputs[-1], ops.stack(outputs, axis=1) if self.return_sequences else None, states

    def _masked_output(self, output, states, previous):
        """What stands for the output of a masked step."""
        if self.unroll:
            return ops.zeros_like(output) if previous is None else previous
        if self.zero_output_for_mask:
            return ops.zeros_like(output)
        return states[-1][0] if isinstance(states[0], (list, tuple)) else states[0]

    def get_config(self):
        return {
            **super().get_config(),
            **self._loop_arguments(),
            "cell": serialization.serialize_keras_object(self.cell),
        }

    def _loop_arguments(self) -> dict:
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cell = serialization.deserialize_keras_object(config.pop("cell"), custom_objects)
        return cls(cell, **config)


def _step_mask(mask):
    """A mask as bool (batch, steps): a step is left out where all of it is False."""
    mask = next(iter(flatten(mask)), None)
    if mask is None:
        return None
    mask = ops.cast(mask, "bool")
    return mask if len(mask.shape) == 2 else ops.any(mask, axis=tuple(range(2, len(mask.shape))))


def _where(used, x, y):
    """x where `used` (batch,), y elsewhere; lists item by item."""
    if isinstance(x, (list, tuple)):
        return [_where(used, a, b) for a, b in zip(x, y, strict=True)]
    return ops.where(ops.reshape(used, (used.shape[0], *[1] * (len(x.shape) - 1))), x, y)


def _zeros_of_steps(sequences, rank: int):
    """Zeros (batch, steps, 1, ...) of `rank` + 1 axes, where the number of steps is not known."""
    flat = ops.sum(sequences, axis=tuple(range(2, len(sequences.shape)))) if len(sequences.shape) > 2 else sequences
    for _ in range(rank - 1):
        flat = ops.expand_dims(flat, -1)
    return ops.zeros_like(flat)


def _forget_dropout(cell) -> None:
    for one in cell.cells if isinstance(cell, StackedRNNCells) else [cell]:
        if isinstance(one, _Cell):
            one.reset_dropout_mask()
            one.reset_recurrent_dropout_mask()
