"""LSTM, GRU and SimpleRNN: recurrent layers that are one op for all steps."""

from __future__ import annotations

import numbers

import numpy as np

from .. import activations, ops
from ..compat.arguments import accepts_old_names
from ..ops import recurrent
from .input_spec import InputSpec
from .rnn import RNN
from .rnn_cells import GRUCell, LSTMCell, SimpleRNNCell

_NAMES = {id(getattr(activations, name)): name for name in recurrent.ACTIVATIONS if hasattr(activations, name)}
_NAMES.update({id(getattr(ops, name)): name for name in recurrent.ACTIVATIONS if hasattr(ops, name)})


def _name(activation) -> str | None:
    """The name that the ops have for an activation; None for those that they have not."""
    return "linear" if activation is None else _NAMES.get(id(activation))


def _scaled(activation) -> tuple:
    """(name, s) of an activation that is one of the ops' of s x: Keras 2's hard_sigmoid. (None, 1) for others."""
    return getattr(activation, "as_scaled", (_name(activation), 1.0))


def _of_cell(name: str) -> property:
    def get(self):
        return getattr(self.cell, name)

    def put(self, value):
        setattr(self.cell, name, value)

    return property(get, None if name in _DECIDES else put, doc=f"The `{name}` of the cell.")


_DECIDES = frozenset(("units", "use_bias", "reset_after", "unit_forget_bias"))


class _Recurrent(RNN):
    """A layer of one of the package's cells."""

    cell_class: type
    decides_weights = _DECIDES
    _forwarded = (
        *("units", "activation", "use_bias", "dropout", "recurrent_dropout"),
        *(
            f"{part}_{what}"
            for part in ("kernel", "recurrent", "bias")
            for what in ("initializer", "regularizer", "constraint")
        ),
    )

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in (*_Recurrent._forwarded, *cls.__dict__.get("_more", ())):
            if name not in cls.__dict__:
                setattr(cls, name, _of_cell(name))

    def _set_up(self, cell_arguments: dict, name: str, activity_regularizer, kwargs: dict):
        """Makes the cell and the layer around it."""
        units = cell_arguments["units"]
        if not isinstance(units, numbers.Integral) or isinstance(units, bool):
            raise ValueError(
                f"Received an invalid value for argument `units`, expected a positive integer, got {units!r}."
            )
        cell_arguments = {**cell_arguments, "units": int(units)}
        if "implementation" in kwargs:
            implementation = kwargs.pop("implementation")
            if self.cell_class is not SimpleRNNCell:
                cell_arguments["implementation"] = implementation
        shared = {key: kwargs[key] for key in ("dtype", "trainable") if kwargs.get(key) is not None}
        cell = self.cell_class(**cell_arguments, **shared, name=name)
        RNN.__init__(self, cell, activity_regularizer=activity_regularizer, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cell = self.cell
        names = self._activation_names()
        dropped = training and 0 < cell.recurrent_dropout < 1
        unusual = self.unroll and mask is not None and initial_state is not None
        if None in names or dropped or unusual:
            return super().inner_loop(sequences, initial_state, mask, training)
        products = cell.input_products(sequences, self._sequence_masks(sequences) if training else None)
        weights, scale = cell.recurrent_kernel, self._scale()
        if scale is not None:
            products, weights = ops.multiply(products, scale), ops.multiply(weights, scale)
        outputs, states = self._op(products, weights, initial_state, mask, names, scale)
        last = states[0]
        if mask is not None and self.zero_output_for_mask and not self.unroll:
            used = ops.flip(mask, axis=1) if self.go_backwards else mask
            if outputs is not None:
                outputs = ops.where(ops.expand_dims(used, -1), outputs, ops.zeros_like(outputs))
            last = ops.where(used[:, -1:], last, ops.zeros_like(last)) if used.shape[1] is not None else last
        return last, outputs, states

    def _sequence_masks(self, sequences):
        """The cell's dropout masks, with an axis for the steps."""
        if not 0 < self.cell.dropout < 1:
            return None
        masks = self.cell.get_dropout_mask(sequences[:, 0])
        self.cell.reset_dropout_mask()
        return [ops.expand_dims(m, 1) for m in masks] if isinstance(masks, list) else ops.expand_dims(masks, 1)

    def _activation_names(self) -> tuple:
        return _name(self.cell.activation), _scaled(self.cell.recurrent_activation)[0]

    def _scale(self):
        """What the columns of the gates are multiplied by, where the op has their activation of a multiple only."""
        cell = self.cell
        factor = _scaled(cell.recurrent_activation)[1] if cell.gate_places else 1.0
        if factor == 1.0:
            return None
        scales = [factor if i in cell.gate_places else 1.0 for i in range(cell.gates)]
        return np.repeat(np.asarray(scales, cell.compute_dtype), cell.units)

    def _op(self, products, weights, initial_state, mask, names, scale):
        raise NotImplementedError

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        config.setdefault("activity_regularizer", None)
        return {**config, **self.cell._arguments()}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class SimpleRNN(_Recurrent):
    """A fully connected recurrent layer: the output goes back into the input.

    Args:
        units: positive int, the size of the output.
        activation: name or callable; None: linear. Default "tanh".
        use_bias: whether a bias is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training,
            the same ones at every step. Default 0.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`. Default False.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `RNN` and `Layer`.

    Call arguments, input and output: as in `RNN`. Weights: kernel (features, units), recurrent_kernel (units, units),
    bias (units,).

    Raises:
        ValueError: `units` is not a positive int.
    """

    cell_class = SimpleRNNCell

    @accepts_old_names("RNN")
    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        seed=None,
        **kwargs,
    ):
        cell, loop = _split(locals())
        self._set_up(cell, "simple_rnn_cell", activity_regularizer, {**kwargs, **loop})

    def _activation_names(self):
        return (_name(self.cell.activation),)

    def _op(self, products, weights, initial_state, mask, names, scale):
        return recurrent.simple_rnn(
            products,
            weights,
            initial_state,
            mask=mask,
            activation=names[0],
            backwards=self.go_backwards,
            sequences=self.return_sequences,
        )


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    With activations whose slope follows from their value (tanh, sigmoid, hard_sigmoid, relu, linear, ...) and without
    recurrent dropout in training, all steps are one op; else they are recorded one by one.

    Args:
        units: positive int, the size of the output.
        activation: name or callable; None: linear. Default "tanh".
        recurrent_activation: of the gates. Default "sigmoid".
        use_bias: whether a bias is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        unit_forget_bias: whether the bias of the forget gate starts at 1. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training,
            the same ones at every step. Default 0.
        seed: int, of the dropout. Default None.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`. Default False.
        use_cudnn: "auto" or False; there is no cuDNN. Default "auto".
        **kwargs: arguments of `RNN` and `Layer`; `implementation` as in `LSTMCell`.

    Call arguments, input and output: as in `RNN`; the states are [h, c]. Weights: kernel (features, 4 * units),
    recurrent_kernel (units, 4 * units), bias (4 * units,), gates in the order input, forget, cell, output.

    Raises:
        ValueError: `units` is not a positive int, or `use_cudnn` is something else.
    """

    cell_class = LSTMCell
    _more = ("recurrent_activation", "unit_forget_bias")

    @accepts_old_names("RNN")
    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        use_cudnn="auto",
        **kwargs,
    ):
        cell, loop = _split(locals())
        _check_cudnn(use_cudnn)
        self._set_up(cell, "lstm_cell", activity_regularizer, {**kwargs, **loop})
        self.use_cudnn = use_cudnn

    def _op(self, products, weights, initial_state, mask, names, scale):
        return recurrent.lstm(
            products,
            weights,
            initial_state,
            mask=mask,
            activation=names[0],
            recurrent_activation=names[1],
            backwards=self.go_backwards,
            sequences=self.return_sequences,
        )


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al., 2014).

    With activations whose slope follows from their value (tanh, sigmoid, hard_sigmoid, relu, linear, ...) and without
    recurrent dropout in training, all steps are one op; else they are recorded one by one.

    Args:
        units: positive int, the size of the output.
        activation: name or callable; None: linear. Default "tanh".
        recurrent_activation: of the gates. Default "sigmoid".
        use_bias: whether biases are added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training,
            the same ones at every step. Default 0.
        seed: int, of the dropout. Default None.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`. Default False.
        reset_after: whether the reset gate acts on the recurrent product (with a bias of its own) or on the state
            before it. Default True.
        use_cudnn: "auto" or False; there is no cuDNN. Default "auto".
        **kwargs: arguments of `RNN` and `Layer`; `implementation` as in `GRUCell`.

    Call arguments, input and output: as in `RNN`. Weights: kernel (features, 3 * units), recurrent_kernel (units,
    3 * units), bias (2, 3 * units), with `reset_after=False` (3 * units,); gates in the order update, reset, candidate.

    Raises:
        ValueError: `units` is not a positive int, or `use_cudnn` is something else.
    """

    cell_class = GRUCell
    _more = ("recurrent_activation", "reset_after")

    @accepts_old_names("RNN")
    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=True,
        use_cudnn="auto",
        **kwargs,
    ):
        cell, loop = _split(locals())
        _check_cudnn(use_cudnn)
        self._set_up(cell, "gru_cell", activity_regularizer, {**kwargs, **loop})
        self.use_cudnn = use_cudnn

    def _op(self, products, weights, initial_state, mask, names, scale):
        bias = self.cell.recurrent_bias()
        if scale is not None and bias is not None:
            bias = ops.multiply(bias, scale)
        return recurrent.gru(
            products,
            weights,
            initial_state,
            bias,
            mask=mask,
            activation=names[0],
            recurrent_activation=names[1],
            reset_after=self.cell.reset_after,
            backwards=self.go_backwards,
            sequences=self.return_sequences,
        )


_LOOP = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")


def _split(arguments: dict) -> tuple[dict, dict]:
    """A constructor's arguments: those of the cell, those of the loop."""
    without = ("self", "kwargs", "__class__", "activity_regularizer", "use_cudnn")
    cell = {name: value for name, value in arguments.items() if name not in without and name not in _LOOP}
    return cell, {name: arguments[name] for name in _LOOP}


def _check_cudnn(use_cudnn) -> None:
    if use_cudnn is True:
        raise ValueError(
            "use_cudnn=True was specified, but cuDNN is not supported for this layer configuration with this backend. "
            "Pass use_cudnn='auto' to fallback to a non-cuDNN implementation."
        )
    if use_cudnn not in ("auto", False):
        raise ValueError(
            "Invalid valid received for argument `use_cudnn`. Expected one of {'auto', True, False}. Received: "
            f"use_cudnn={use_cudnn}"
        )
