"""Reverse-mode differentiation over recorded nodes."""

from __future__ import annotations

import numpy as np

from .registry import apply, trace_stack
from .scopes import scope
from .tensor import Node, Tensor


def reachable(roots) -> list[Node]:
    """Nodes that `roots` (tensors or nodes) depend on, in the order of recording."""
    pending = [r.node if isinstance(r, Tensor) else r for r in roots if isinstance(r, (Tensor, Node))]
    found: dict[int, Node] = {}
    while pending:
        node = pending.pop()
        if node is None or node.seq in found:
            continue
        found[node.seq] = node
        pending.extend(x.node for x in (*node.inputs, *(node.through or ())) if isinstance(x, Tensor))
    return [found[seq] for seq in sorted(found)]


def gradients(target: Tensor, wrt, output_gradient=None) -> list:
    """Gradients of sum(target * output_gradient) with respect to each of `wrt`.

    Args:
        target: a tensor, usually a scalar loss.
        wrt: list of tensors and variables.
        output_gradient: array or tensor of the target's shape; ones by default.

    Returns:
        A list with a tensor (or constant array) for each of `wrt`, None where the target does not depend on it.

    Raises:
        ValueError: when the way leads through an op without a gradient, naming it.
    """
    return gradients_of([target], wrt, [output_gradient])


def gradients_of(targets: list, wrt, output_gradients: list, nodes: list[Node] | None = None) -> list:
    """The sums of the `gradients` of several targets. `nodes`: those that count, in the order of recording; by default
    all that the targets depend on."""
    pairs = [(t, g) for t, g in zip(targets, output_gradients, strict=True) if isinstance(t, Tensor)]
    if not pairs:
        return [None] * len(wrt)
    nodes = reachable([t for t, _ in pairs]) if nodes is None else nodes
    alive = [node.outputs for node in nodes]  # ids stay those of one tensor each
    active = {id(x) for x in wrt}
    on_path = []
    for node, outputs in zip(nodes, alive, strict=True):
        if any(id(x) in active for x in node.differentiated):
            active.update(id(t) for t in outputs)
            on_path.append(node)
    grads: dict[int, object] = {}
    for target, gradient in pairs:
        if id(target) in active:
            _add(grads, target, np.ones(target.shape, target.dtype) if gradient is None else gradient)
    written = _last_writes()
    for node in reversed(on_path):
        douts = [grads.get(id(t)) for t in node.outputs]
        if all(d is None for d in douts):
            continue
        with scope(node.label):
            for x, dx in zip(node.differentiated, _differentiate(_as_it_was(node, written), douts), strict=True):
                if dx is not None and id(x) in active:
                    _add(grads, x, dx)
    return [grads.get(id(x)) for x in wrt]


def _add(grads: dict, x, dx) -> None:
    have = grads.get(id(x))
    grads[id(x)] = dx if have is None else apply("add", [have, dx])


def _last_writes() -> dict[int, float]:
    """id -> place of the last write, of the variables that the program being recorded has written so far."""
    stack = trace_stack()
    return {id(v): node.seq for node in stack[-1].effects for v in node.writes} if stack else {}


def _as_it_was(node: Node, written: dict) -> Node:
    """The node with the values that its variables had when it ran, where they were written since: a step may update a
    network before the gradients of another loss are taken."""
    late = [x for x in node.inputs if written.get(id(x), -1) > node.seq]
    if not late:
        return node
    before = {}
    for i, variable in enumerate(late):
        value = apply("reshape", [variable], shape=tuple(variable.shape))
        value.node.seq = node.seq - 1 + (i + 1) / (len(late) + 1)  # between two nodes, each in a place of its own
        before[id(variable)] = value
    return node.with_inputs([before.get(id(x), x) for x in node.inputs])


def _differentiate(node: Node, douts):
    if node.op.grad is None:
        raise ValueError(
            f"op '{node.name}' (recorded by '{node.label or 'no layer'}') has no gradient. "
            "Wrap its input in pykernels.ops.stop_gradient if none should flow."
        )
    inputs = node.differentiated
    dinputs = node.op.grad(node, *douts)
    if len(dinputs) != len(inputs):
        raise ValueError(f"the gradient of op '{node.name}' gave {len(dinputs)} values for {len(inputs)} inputs")
    for x, dx in zip(inputs, dinputs, strict=True):
        if dx is not None and not isinstance(x, np.ndarray) and tuple(dx.shape) != tuple(x.shape):
            raise ValueError(f"the gradient of op '{node.name}' has shape {dx.shape} for an input of shape {x.shape}")
    return dinputs
