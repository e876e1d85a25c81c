"""Recurrent layers over whole sequences: one op each, forward and backward, whatever the number of steps.

The products of the inputs come from outside, as one matmul for all steps; the recurrent weights are packed once.
"""

from __future__ import annotations

from ..graph import Tensor, apply, current_trace, define
from ..graph.registry import OP_TABLES
from .array import concatenate, reshape
from .reduction import sum as reduce_sum

#: The activations that the ops have: their slope follows from their value.
ACTIVATIONS = frozenset(
    name
    for name, facts in OP_TABLES["activation"].items()
    if facts["gradient_reads"] == "output" and not facts["takes_alpha"]
)


# --- definitions -----------------------------------------------------------------------------------------------------
def _checked(name: str, types, attrs, gates: int, states: int):
    """(sequences' shape (N, T, U), state's shape (N, U), dtype) of a forward op's inputs."""
    (x, dtype), (weights, _) = types[:2]
    if len(x) != 3 or len(weights) != 2 or weights[1] != gates * weights[0] or x[2] != weights[1]:
        raise ValueError(
            f"{name} takes products (batch, steps, {gates} * units) and weights (units, {gates} * units), got "
            f"{tuple(x)} and {tuple(weights)}"
        )
    units = weights[0]
    for state, _ in types[2 : 2 + states] if attrs["initial"] else ():
        if len(state) != 2 or state[1] != units or (None not in (state[0], x[0]) and state[0] != x[0]):
            raise ValueError(f"{name}: initial states must have shape {(x[0], units)}, got {tuple(state)}")
    return (x[0], x[1], units), (x[0], units), dtype


def _forward_infer(name: str, gates: int, kept, states: int):
    def infer(types, attrs):
        sequence, state, dtype = _checked(name, types, attrs, gates, states)
        shapes = []
        if attrs["keep"] and kept(attrs):
            shapes.append((*sequence[:2], kept(attrs) * sequence[2]))
            shapes += [sequence] * (states - 1)
        shapes += [sequence] * attrs["sequences"] + [state] * states
        return [(shape, dtype) for shape in shapes]

    return infer


def _gradient(node, states: int, kept: list, y, douts: dict):
    """The outputs of the gradient op: dx, the gradients of the initial states, and what is the cell's own.

    Returns:
        (dx, [dstate, ...] or [] where the states were zeros, [others]).
    """
    attrs = {key: value for key, value in node.attrs.items() if key not in ("keep", "sequences", "bias")}
    initial = node.inputs[2 : 2 + states] if attrs["initial"] else []
    inputs = [node.inputs[1], *initial, *kept, y, *([node.inputs[-1]] if attrs["mask"] else [])]
    for name, value in douts.items():
        attrs[name] = value is not None
        if value is not None:
            inputs.append(value)
    dx, *rest = apply(f"{node.name}_grad", inputs, **attrs)
    return dx, rest[:states] if attrs["initial"] else [], rest[states:]


def _rows(x):
    return reshape(x, (-1, x.shape[-1]))


def _weights_gradient(before, after):
    return apply("matmul", [_rows(before), _rows(after)], transpose_a=True, transpose_b=False)


def _lstm_grad(node, dgates, dcells, dy, dh, dc):
    gates, cells, y, _, _ = node.outputs
    dx, dstates, (before,) = _gradient(node, 2, [gates, cells], y, {"dy": dy, "dh": dh, "dc": dc})
    return [dx, _weights_gradient(before, dx), *dstates, *[None] * node.attrs["mask"]]


def _gru_grad(node, dgates, dy, dh):
    gates, y, _ = node.outputs
    dx, dstates, (before, other) = _gradient(node, 1, [gates], y, {"dy": dy, "dh": dh})
    if node.attrs["reset_after"]:
        dweights = _weights_gradient(before, other)
    else:
        units = y.shape[-1]
        parts = [(before, dx[:, :, : 2 * units]), (other, dx[:, :, 2 * units :])]
        dweights = concatenate([_weights_gradient(*part) for part in parts], axis=1)
    dbias = [reduce_sum(other, (0, 1))] if node.attrs["bias"] else []
    return [dx, dweights, *dstates, *dbias, *[None] * node.attrs["mask"]]


def _simple_rnn_grad(node, dy, dh):
    dx, dstates, (before,) = _gradient(node, 1, [], node.outputs[0], {"dy": dy, "dh": dh})
    return [dx, _weights_gradient(before, dx), *dstates, *[None] * node.attrs["mask"]]


def _gradient_infer(gates: int, states: int, kept: int, others):
    """Types of dx, of the states' gradients, of h_before and of `others(sequence, width, attrs)`."""

    def infer(types, attrs):
        at = 1 + states * attrs["initial"] + kept
        sequence, dtype = types[at]
        width = (*sequence[:2], gates * sequence[2])
        shapes = [width, *[(sequence[0], sequence[2])] * states, sequence, *others(sequence, width, attrs)]
        return [(shape, dtype) for shape in shapes]

    return infer


def _nothing(sequence, width, attrs):
    return []


def _recurrent_or_reset(sequence, width, attrs):
    return [width if attrs["reset_after"] else sequence]


define("lstm", infer=_forward_infer("lstm", 4, lambda attrs: 4, 2), grad=_lstm_grad)
define("lstm_grad", infer=_gradient_infer(4, 2, 2, _nothing))
define("gru", infer=_forward_infer("gru", 3, lambda attrs: 4 if attrs["reset_after"] else 3, 1), grad=_gru_grad)
define("gru_grad", infer=_gradient_infer(3, 1, 1, _recurrent_or_reset))
define("simple_rnn", infer=_forward_infer("simple_rnn", 1, lambda attrs: 0, 1), grad=_simple_rnn_grad)
define("simple_rnn_grad", infer=_gradient_infer(1, 1, 0, _nothing))


# --- public functions ------------------------------------------------------------------------------------------------
def _run(name: str, x, weights, states, more, mask, sequences: bool, count: int, **attrs):
    """(sequence or None, [last states]). Recorded, it keeps what its gradient reads; a pass drops what is unused."""
    inputs = [x, weights, *(states or ()), *more, *([] if mask is None else [mask])]
    recorded = current_trace() is not None or any(isinstance(value, Tensor) for value in inputs)
    sequences = sequences or recorded
    attrs.update(initial=bool(states), mask=mask is not None, keep=recorded, sequences=sequences)
    outputs = apply(name, inputs, **attrs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return outputs[-count - 1] if sequences else None, list(outputs[-count:])


def lstm(x, weights, states=None, *, mask=None, activation, recurrent_activation, backwards=False, sequences=True):
    """An LSTM over sequences.

    Args:
        x: tensor (batch, steps, 4 * units): the inputs' products with the kernel, bias included.
        weights: (units, 4 * units), gates in Keras's order: input, forget, cell, output.
        states: [h, c], the initial states (batch, units). Default None: zeros.
        mask: bool (batch, steps) or None; where False, a row keeps its state.
        activation, recurrent_activation: names from `ACTIVATIONS`.
        backwards: from the last step to the first.
        sequences: whether the state after each step is wanted.

    Returns:
        ((batch, steps, units) in the order of computation, or None; [h, c]).
    """
    options = {"activation": activation, "recurrent_activation": recurrent_activation, "backwards": backwards}
    return _run("lstm", x, weights, states, [], mask, sequences, 2, **options)


def gru(
    x,
    weights,
    states=None,
    bias=None,
    *,
    mask=None,
    activation,
    recurrent_activation,
    reset_after,
    backwards=False,
    sequences=True,
):
    """A GRU over sequences: as `lstm`, with gates in the order update, reset, candidate.

    Args:
        x: tensor (batch, steps, 3 * units).
        weights: (units, 3 * units).
        states: [h]. Default None: zeros.
        bias: of the recurrent products, (3 * units,), with `reset_after` only. Default None.
        reset_after: whether the reset gate acts on the recurrent product, not on the state.
        mask, activation, recurrent_activation, backwards, sequences: as in `lstm`.

    Returns:
        ((batch, steps, units) or None, [h]).
    """
    options = {"activation": activation, "recurrent_activation": recurrent_activation, "backwards": backwards}
    options.update(reset_after=reset_after, bias=bias is not None)
    return _run("gru", x, weights, states, [] if bias is None else [bias], mask, sequences, 1, **options)


def simple_rnn(x, weights, states=None, *, mask=None, activation, backwards=False, sequences=True):
    """A fully connected recurrence over sequences.

    Args:
        x: tensor (batch, steps, units).
        weights: (units, units).
        states: [h]. Default None: zeros.
        mask, activation, backwards, sequences: as in `lstm`.

    Returns:
        ((batch, steps, units) or None, [h]).
    """
    return _run("simple_rnn", x, weights, states, [], mask, sequences, 1, activation=activation, backwards=backwards)
