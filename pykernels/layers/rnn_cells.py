"""Cells: one time step of a recurrent layer, with the weights."""

from __future__ import annotations

from .. import activations, constraints, initializers, ops, random, regularizers
from ..compat.arguments import accepts_old_names
from .layer import Layer

_PARTS = ("kernel", "recurrent", "bias")


class _Cell(Layer):
    """What the three cells share: arguments, weights, dropout.

    Dropout draws one mask for a sequence and uses it at every step; `reset_dropout_mask` and
    `reset_recurrent_dropout_mask` have the next call draw a new one.
    """

    # Package interface: `_arguments`.

    gates = 1  # columns of the kernels per unit
    gate_places: tuple = ()  # those with the recurrent activation
    decides_weights = frozenset(("units", "use_bias"))
    _not_state = Layer._not_state | {"_dropout_mask", "_recurrent_dropout_mask"}

    def _set_up(self, units, activation, use_bias, dropout, recurrent_dropout, seed, parts: dict):
        if units <= 0:
            raise ValueError(
                f"Received an invalid value for argument `units`, expected a positive integer, got {units}."
            )
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        for part in _PARTS:
            setattr(self, f"{part}_initializer", initializers.get(parts[f"{part}_initializer"]))
            setattr(self, f"{part}_regularizer", regularizers.get(parts[f"{part}_regularizer"]))
            setattr(self, f"{part}_constraint", constraints.get(parts[f"{part}_constraint"]))
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self.output_size = units
        self.bias = None
        self._dropout_mask = self._recurrent_dropout_mask = None

    def _add(self, part: str, shape, name: str, initializer=None):
        return self.add_weight(
            shape=shape,
            name=name,
            initializer=initializer or getattr(self, f"{part}_initializer"),
            regularizer=getattr(self, f"{part}_regularizer"),
            constraint=getattr(self, f"{part}_constraint"),
        )

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self._add("kernel", (input_shape[-1], width), "kernel")
        self.recurrent_kernel = self._add("recurrent", (self.units, width), "recurrent_kernel")
        if self.use_bias:
            self.bias = self._add("bias", self._bias_shape(), "bias", self._bias_start())

    def _bias_shape(self) -> tuple:
        return (self.gates * self.units,)

    def _bias_start(self):
        return None

    # --- dropout ------------------------------------------------------------------------------------
    def _mask(self, x, rate):
        ones = ops.ones_like(x)
        if getattr(self, "implementation", 2) != 1:
            return random.dropout(ones, rate, seed=self.seed_generator)
        return [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(self.gates)]

    def get_dropout_mask(self, step_input):
        """The mask of the inputs, drawn at the first call; None without dropout. With `implementation=1` a list, one
        for each gate."""
        if self._dropout_mask is None and self.dropout > 0:
            self.__dict__["_dropout_mask"] = self._mask(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input):
        """The mask of the states, as `get_dropout_mask`."""
        if self._recurrent_dropout_mask is None and self.recurrent_dropout > 0:
            self.__dict__["_recurrent_dropout_mask"] = self._mask(step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self):
        """Forgets the mask of the inputs."""
        self.__dict__["_dropout_mask"] = None

    def reset_recurrent_dropout_mask(self):
        """Forgets the mask of the states."""
        self.__dict__["_recurrent_dropout_mask"] = None

    def input_products(self, inputs, mask=None):
        """inputs @ kernel + bias of the inputs, gates side by side, for inputs of any rank: one product.

        Args:
            inputs: tensor (..., features).
            mask: of dropout, None, or a list with one for each gate.
        """
        bias = self._input_bias()
        rows = None if isinstance(mask, list) else ops.reshape(_times(inputs, mask), (-1, inputs.shape[-1]))
        if rows is None:
            u = self.units
            parts = [
                ops.matmul(ops.reshape(_times(inputs, m), (-1, inputs.shape[-1])), self.kernel[:, i * u : (i + 1) * u])
                for i, m in enumerate(mask)
            ]
            products = ops.concatenate(parts, axis=-1)
        else:
            products = ops.matmul(rows, self.kernel)
        if bias is not None:
            products = ops.add(products, bias)
        return ops.reshape(products, (*inputs.shape[:-1], products.shape[-1]))

    def _input_bias(self):
        return self.bias

    def _recurrent_products(self, h, training, first: int, last: int):
        """h @ recurrent_kernel of the gates from `first` to before `last`, side by side."""
        mask = self.get_recurrent_dropout_mask(h) if training and self.recurrent_dropout < 1 else None
        u = self.units
        if isinstance(mask, list):
            parts = [
                ops.matmul(_times(h, mask[i]), self.recurrent_kernel[:, i * u : (i + 1) * u])
                for i in range(first, last)
            ]
            return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        weights = self.recurrent_kernel
        if (first, last) != (0, self.gates):
            weights = weights[:, first * u : last * u]
        return ops.matmul(_times(h, mask), weights)

    def _step_products(self, inputs, training):
        mask = self.get_dropout_mask(inputs) if training and self.dropout < 1 else None
        return self.input_products(inputs, mask)

    def get_initial_state(self, batch_size=None):
        """Zeros, a list with one tensor (batch_size, units) for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def _arguments(self) -> dict:
        """The arguments that all cells have, as plain values; layers have them from here too."""
        found = {"units": self.units, "activation": activations.serialize(self.activation)}
        if hasattr(self, "recurrent_activation"):
            found["recurrent_activation"] = activations.serialize(self.recurrent_activation)
        found["use_bias"] = self.use_bias
        found.update(
            {f"{part}_initializer": initializers.serialize(getattr(self, f"{part}_initializer")) for part in _PARTS}
        )
        for kind, module in (("regularizer", regularizers), ("constraint", constraints)):
            found.update({f"{part}_{kind}": module.serialize(getattr(self, f"{part}_{kind}")) for part in _PARTS})
        found.update({"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "seed": self.seed})
        for name in ("unit_forget_bias", "reset_after"):
            if hasattr(self, name):
                found[name] = getattr(self, name)
        return found

    def get_config(self):
        return {**super().get_config(), **self._arguments()}


def _times(x, mask):
    return x if mask is None else ops.multiply(x, mask)


class SimpleRNNCell(_Cell):
    """A step of a fully connected recurrence: `activation(inputs @ kernel + bias + state @ recurrent_kernel)`.

    Args:
        units: positive int, the size of the state and of the output.
        activation: name or callable; None: linear. Default "tanh".
        use_bias: whether a bias is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training.
            Default 0.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `Layer`.

    Call arguments: inputs (batch, features); states: [(batch, units)]; training. Returns (output, [state]).
    """

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        parts = {name: value for name, value in locals().items() if name.partition("_")[0] in _PARTS}
        super().__init__(**kwargs)
        self._set_up(units, activation, use_bias, dropout, recurrent_dropout, seed, parts)
        self.state_size = units

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states
        output = ops.add(self._step_products(inputs, training), self._recurrent_products(h, training, 0, 1))
        if self.activation is not None:
            output = self.activation(output)
        return output, [output] if nested else output


class LSTMCell(_Cell):
    """A step of long short-term memory (Hochreiter and Schmidhuber, 1997), with the gates in the order input, forget,
    cell, output.

    Args:
        units: positive int, the size of the states and of the output.
        activation: name or callable; None: linear. Default "tanh".
        recurrent_activation: of the gates. Default "sigmoid".
        use_bias: whether a bias is added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        unit_forget_bias: whether the bias of the forget gate starts at 1. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training.
            Default 0.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `Layer`; `implementation`: with 1 (and with recurrent dropout) each gate has dropout
            masks of its own, with 2, the default, they share one.

    Call arguments: inputs (batch, features); states: [h, c], (batch, units) each; training. Returns (h, [h, c]).
    """

    gates = 4
    gate_places = (0, 1, 3)

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        parts = {name: value for name, value in locals().items() if name.partition("_")[0] in _PARTS}
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self._set_up(units, activation, use_bias, dropout, recurrent_dropout, seed, parts)
        self.implementation = 1 if self.recurrent_dropout != 0 else implementation
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]

    def _bias_start(self):
        if not self.unit_forget_bias:
            return None
        start, ones, u = self.bias_initializer, initializers.get("ones"), self.units

        def with_open_forget_gate(shape, dtype=None):
            return ops.concatenate([start((u,), dtype), ones((u,), dtype), start((2 * u,), dtype)])

        return with_open_forget_gate

    def call(self, inputs, states, training=False):
        h, c = states
        products = ops.add(self._step_products(inputs, training), self._recurrent_products(h, training, 0, 4))
        i, f, g, o = ops.split(products, 4, axis=-1)
        gate, act = self.recurrent_activation, self.activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), act(g)))
        h = ops.multiply(gate(o), act(c))
        return h, [h, c]


class GRUCell(_Cell):
    """A step of a gated recurrent unit (Cho et al., 2014), with the gates in the order update, reset, candidate.

    Args:
        units: positive int, the size of the state and of the output.
        activation: name or callable; None: linear. Default "tanh".
        recurrent_activation: of the gates. Default "sigmoid".
        use_bias: whether biases are added. Default True.
        kernel_initializer, recurrent_initializer, bias_initializer: "glorot_uniform", "orthogonal" and "zeros" by
            default.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: regularizers. Default None.
        kernel_constraint, recurrent_constraint, bias_constraint: constraints. Default None.
        dropout, recurrent_dropout: floats from 0 to 1, the share of inputs and of states that is dropped in training.
            Default 0.
        reset_after: whether the reset gate acts on the recurrent product (with a bias of its own) or on the state
            before it. Default True.
        seed: int, of the dropout. Default None.
        **kwargs: arguments of `Layer`; `implementation` as in `LSTMCell`.

    Call arguments: inputs (batch, features); states: [(batch, units)]; training. Returns (output, [state]).
    """

    gates = 3
    gate_places = (0, 1)
    decides_weights = frozenset(("units", "use_bias", "reset_after"))

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        reset_after=True,
        seed=None,
        **kwargs,
    ):
        parts = {name: value for name, value in locals().items() if name.partition("_")[0] in _PARTS}
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self._set_up(units, activation, use_bias, dropout, recurrent_dropout, seed, parts)
        self.implementation = 1 if self.recurrent_dropout != 0 else implementation
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after
        self.state_size = units

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self):
        return self.bias[0] if self.use_bias and self.reset_after else self.bias

    def recurrent_bias(self):
        """The bias (3 * units,) of the recurrent products; None where there is none."""
        return self.bias[1] if self.use_bias and self.reset_after else None

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states
        x_z, x_r, x_h = ops.split(self._step_products(inputs, training), 3, axis=-1)
        gate, act = self.recurrent_activation, self.activation
        if self.reset_after:
            recurrent = self._recurrent_products(h, training, 0, 3)
            bias = self.recurrent_bias()
            if bias is not None:
                recurrent = ops.add(recurrent, bias)
            r_z, r_r, r_h = ops.split(recurrent, 3, axis=-1)
            z, r = gate(ops.add(x_z, r_z)), gate(ops.add(x_r, r_r))
            candidate = act(ops.add(x_h, ops.multiply(r, r_h)))
        else:
            r_z, r_r = ops.split(self._recurrent_products(h, training, 0, 2), 2, axis=-1)
            z, r = gate(ops.add(x_z, r_z)), gate(ops.add(x_r, r_r))
            candidate = act(ops.add(x_h, self._recurrent_products(ops.multiply(r, h), training, 2, 3)))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1.0, z), candidate))
        return h, [h] if nested else h
