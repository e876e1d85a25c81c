"""Reverse-mode differentiation over recorded nodes."""

from __future__ import annotations

import numpy as np

from .registry import apply
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
        pending.extend(x.node for x in node.inputs if isinstance(x, Tensor))
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
    if not isinstance(target, Tensor):
        return [None] * len(wrt)
    nodes = reachable([target])
    alive = [node.outputs for node in nodes]  # ids stay those of one tensor each
    active = {id(x) for x in wrt}
    on_path = []
    for node, outputs in zip(nodes, alive, strict=True):
        if any(id(x) in active for x in node.inputs):
            active.update(id(t) for t in outputs)
            on_path.append(node)
    if id(target) not in active:
        return [None] * len(wrt)
    grads: dict[int, object] = {
        id(target): np.ones(target.shape, target.dtype) if output_gradient is None else output_gradient
    }
    for node in reversed(on_path):
        douts = [grads.get(id(t)) for t in node.outputs]
        if all(d is None for d in douts):
            continue
        with scope(node.label):
            for x, dx in zip(node.inputs, _differentiate(node, douts), strict=True):
                if dx is None or id(x) not in active:
                    continue
                have = grads.get(id(x))
                grads[id(x)] = dx if have is None else apply("add", [have, dx])
    return [grads.get(id(x)) for x in wrt]


def _differentiate(node: Node, douts):
    if node.op.grad is None:
        raise ValueError(
            f"op '{node.name}' (recorded by '{node.label or 'no layer'}') has no gradient. "
            "Wrap its input in pykernels.ops.stop_gradient if none should flow."
        )
    dinputs = node.op.grad(node, *douts)
    if len(dinputs) != len(node.inputs):
        raise ValueError(f"the gradient of op '{node.name}' gave {len(dinputs)} values for {len(node.inputs)} inputs")
    for x, dx in zip(node.inputs, dinputs, strict=True):
        if dx is not None and not isinstance(x, np.ndarray) and tuple(dx.shape) != tuple(x.shape):
            raise ValueError(f"the gradient of op '{node.name}' has shape {dx.shape} for an input of shape {x.shape}")
    return dinputs
