"""Recurrent ops in ONNX: LSTM, GRU and RNN, with the product of the inputs taken back into them."""

from __future__ import annotations

import numpy as np

from ...graph import Tensor
from .graph import OnnxGraph
from .rules import refuse, rule

_STEPS_FIRST = (1, 0, 2)
# op -> (ONNX's operator, its gates in Keras's order, places of Keras's gates in ONNX's order)
_KINDS = {
    "lstm": ("LSTM", 4, (0, 3, 1, 2)),
    "gru": ("GRU", 3, (0, 1, 2)),
    "simple_rnn": ("RNN", 1, (0,)),
}
# (name, alpha, beta) of an activation in the attributes of these operators; None: they have no such number
_ACTIVATIONS = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "sparse_sigmoid": ("HardSigmoid", 0.5, 0.5),
    "linear": ("Affine", 1.0, 0.0),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
}


@rule(*_KINDS)
def _recurrent(graph: OnnxGraph, node):
    attrs = node.attrs
    if attrs["mask"]:
        refuse(node, "its steps have a mask, which ONNX's recurrent operators do not take")
    kind, gates, places = _KINDS[node.name]
    units = node.inputs[1].shape[0]
    if graph.constant(node.inputs[1]) is None:
        refuse(node, "its recurrent weights depend on the inputs")
    sequence, kernel, bias = _inputs(graph, node, gates * units)

    def arranged(a):  # (..., gates * units) in Keras's order -> (gates * units, ...) in ONNX's
        parts = np.split(a, gates, axis=-1)
        return np.concatenate([parts[i] for i in places], axis=-1).T[None]

    weights = graph.weight(arranged(kernel), "kernel")
    recurrent = graph.weight(arranged(graph.constant(node.inputs[1])), "recurrent_kernel")
    both = [bias, _recurrent_bias(graph, node, gates * units)]
    biases = graph.weight(np.concatenate([arranged(b)[0] for b in both])[None].astype(kernel.dtype), "bias")
    names = [graph.get(sequence, _STEPS_FIRST), weights, recurrent, biases]
    states = 2 if node.name == "lstm" else 1
    if attrs["initial"]:
        names += ["", *(_with_direction(graph, x) for x in node.inputs[2 : 2 + states])]
    y, *last = graph.node(kind, names, outputs=1 + states, **_attributes(node, units))
    y = graph.node("Squeeze", [y, graph.ints([1])])
    if attrs["backwards"]:
        y = graph.node("Slice", [y, *(graph.ints([v]) for v in (-1, -(2**62), 0, -1))])
    outputs = node.outputs[-states - attrs["sequences"] :]
    if attrs["sequences"]:
        graph.put(outputs[0], y, _STEPS_FIRST)
    for tensor, name in zip(outputs[-states:], last, strict=True):
        graph.put(tensor, graph.node("Squeeze", [name, graph.ints([0])]))


def _with_direction(graph: OnnxGraph, state) -> str:
    return graph.node("Unsqueeze", [graph.get(state), graph.ints([0])])


def _recurrent_bias(graph: OnnxGraph, node, width: int):
    if not node.attrs.get("bias"):
        return np.zeros(width, str(node.inputs[0].dtype))
    bias = graph.constant(node.inputs[2 + node.attrs["initial"]])
    if bias is None:
        refuse(node, "its recurrent bias depends on the inputs")
    return bias


def _attributes(node, units: int) -> dict:
    """The attributes of the operator."""
    attrs = node.attrs
    names = [attrs["activation"]]
    if node.name != "simple_rnn":
        names = [attrs["recurrent_activation"], attrs["activation"]]
    if node.name == "lstm":
        names.append(attrs["activation"])
    found = {"hidden_size": units, "direction": "reverse" if attrs["backwards"] else "forward"}
    if node.name == "gru":
        found["linear_before_reset"] = int(attrs["reset_after"])
    missing = [name for name in names if name not in _ACTIVATIONS]
    if missing:
        refuse(node, f"the activation '{missing[0]}' is not one of ONNX's recurrent operators")
    forms = [_ACTIVATIONS[name] for name in names]
    found["activations"] = [form[0] for form in forms]
    for key, i in (("activation_alpha", 1), ("activation_beta", 2)):
        values = [form[i] for form in forms if form[i] is not None]
        if values:
            found[key] = values
    return found


def _inputs(graph: OnnxGraph, node, width: int):
    """(the sequence, its kernel (features, width), its bias) whose product the op takes. Where the product was made in
    another way, the sequence is the product itself, with the identity as its kernel."""
    bias = np.zeros(width, str(node.inputs[0].dtype))
    whole = _maker_of(node.inputs[0], "reshape")
    made = None if whole is None else whole.inputs[0]
    added = _maker_of(made, "add")
    if added is not None and graph.constant(added.inputs[1]) is not None:
        bias, made = graph.constant(added.inputs[1]), added.inputs[0]
    product = _maker_of(made, "matmul")
    if product is not None and graph.constant(product.inputs[1]) is not None and not product.attrs["transpose_b"]:
        rows = _maker_of(product.inputs[0], "reshape")
        if rows is not None and len(rows.inputs[0].shape) == 3:
            return rows.inputs[0], graph.constant(product.inputs[1]), bias
    return node.inputs[0], np.eye(width, dtype=str(node.inputs[0].dtype)), np.zeros_like(bias)


def _maker_of(x, name: str):
    """The node `name` that made x; None where another did."""
    made = x.node if isinstance(x, Tensor) else None
    return made if made is not None and made.op is not None and made.name == name else None
