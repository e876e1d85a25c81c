"""Rewrites of a recorded program, from list of nodes to list of nodes.

Each pass keeps the results equal up to rounding (it says so where bits may differ) and can be switched off by name:
`disabled` is a set of pass names, for tests that compare a program with and without a pass.
"""

from __future__ import annotations

from . import conv_passes, recurrent_passes
from .registry import OP_TABLES
from .rewriter import Rewriter, available_before, copy_node, make_node, producer
from .tensor import Node, Tensor
from .variable import Variable

disabled: set[str] = set()

_UPDATES = {f"{kind}_update": kind for kind in OP_TABLES["update"]}


def drop_idle_reshapes(r: Rewriter) -> None:
    """A reshape to the same shape: of a tensor always, of a variable where nothing reads it after the next update."""
    for node in [n for n in r.nodes if n.name == "reshape"]:
        (x,), y = node.inputs, node.outputs[0]
        if tuple(x.shape) != tuple(y.shape) or not isinstance(x, (Tensor, Variable)):
            continue
        if isinstance(x, Variable):
            rest = r.nodes[r.nodes.index(node) :]
            update = next((i for i, n in enumerate(rest) if any(v is x for v in n.writes)), None)
            later = [] if update is None else [*r.outputs, *(t for n in rest[update:] for t in n.inputs)]
            if any(t is y for t in later):
                continue
        r.replace(y, x)
        r.remove(node)


def drop_repeated_activations(r: Rewriter) -> None:
    """relu of relu is relu. Nets of residual blocks that begin with an activation have it behind their first layers,
    whose images would be kept twice for the backward pass.
    """
    by_output = {id(t): n for n in r.nodes for t in n.outputs}
    for node in [n for n in r.nodes if n.name == "activation" and n.attrs["activation"] in ("relu", "relu6")]:
        (x,), y = node.inputs, node.outputs[0]
        before = producer(x, by_output)
        if before is not None and before.name == "activation" and before.attrs == node.attrs:
            r.replace(y, x)
            r.remove(node)


def fuse_matmul_epilogue(r: Rewriter) -> None:
    """matmul + bias + activation in one kernel. The activation's input is kept only when its backward pass reads it."""
    for node in [n for n in r.nodes if n.name == "matmul" and len(n.inputs) == 2 and "activation" not in n.attrs]:
        if node not in r.nodes:
            continue
        y = node.outputs[0]
        add = r.sole_user(y)
        if add is not None and add.name == "add":
            bias = add.inputs[1] if add.inputs[0] is y else add.inputs[0]
            fits = bias is not y and tuple(bias.shape) == tuple(y.shape[-1:]) and available_before(r, bias, node)
            if fits and r.can_move(add, node):
                node = _replace_matmul(r, node, [*node.inputs, bias], node.attrs, add)
        y = node.outputs[0]
        acts = [n for n in r.users.get(id(y), ()) if n.name == "activation"]
        if len(acts) != 1:
            continue
        act = acts[0]
        attrs = {**node.attrs, **act.attrs}
        if r.use_count(y) == 1:
            _replace_matmul(r, node, node.inputs, attrs, act)
        else:
            _with_preactivation(r, node, attrs, act)


def _replace_matmul(r: Rewriter, node: Node, inputs, attrs, last: Node) -> Node:
    new = Node(node.op, inputs, attrs, [(last.outputs[0].shape, last.outputs[0].dtype)], label=node.label)
    at = r.nodes.index(node)
    r.remove(node)
    r.remove(last)
    r.insert(at, new)
    r.replace(last.outputs[0], new.outputs[0])
    return new


def _with_preactivation(r: Rewriter, node: Node, attrs, act: Node) -> None:
    out = (act.outputs[0].shape, act.outputs[0].dtype)
    new = Node(node.op, node.inputs, attrs, [out, out], label=node.label)
    at = r.nodes.index(node)
    r.remove(node)
    r.remove(act)
    r.insert(at, new)
    r.replace(act.outputs[0], new.outputs[0])
    r.replace(node.outputs[0], new.outputs[1])


# Backward of a loss from logits, and the activation that may have been taken of them.
_GIVEN_PROBABILITIES = {
    "categorical_crossentropy_grad": ("softmax", "softmax_categorical_crossentropy_grad"),
    "sparse_categorical_crossentropy_grad": ("softmax", "softmax_sparse_categorical_crossentropy_grad"),
    "binary_crossentropy_grad": ("sigmoid", "sigmoid_binary_crossentropy_grad"),
}


def reuse_probabilities(r: Rewriter) -> None:
    """d loss / d logits from the probabilities, where somebody else (a metric, an output) reads those too."""
    for node in list(r.nodes):
        activation, name = _GIVEN_PROBABILITIES.get(node.name, (None, None))
        if name is None or not node.attrs["from_logits"]:
            continue
        target, z, dloss = node.inputs
        at = r.nodes.index(node)
        for made_of in r.users.get(id(z), ()):
            if made_of.name == "softmax":
                found = activation == "softmax"
            else:
                found = made_of.name == "activation" and made_of.attrs["activation"] == activation
            if not found or r.nodes.index(made_of) > at or not r.use_count(made_of.outputs[0]):
                continue
            if not r.can_move(made_of, node):  # z is a variable that is written in between
                continue
            p = made_of.outputs[0]
            new = make_node(name, [target, p, dloss], {}, [(tuple(z.shape), z.dtype)], (), node)
            r.remove(node)
            r.insert(at, new)
            r.replace(node.outputs[0], new.outputs[0])
            break


def fuse_weight_update(r: Rewriter) -> None:
    """x^T dy straight into the optimizer's sweep, when it is the only use of the gradient.

    The gradient never reaches memory: of the 28 bytes per weight that Adam moves, 8 are saved.
    """
    by_output = {id(t): n for n in r.nodes for t in n.outputs}
    for node in list(r.nodes):
        if node.name not in _UPDATES:
            continue
        g = node.inputs[0]
        product = producer(g, by_output)
        if product is None or product.name != "matmul" or len(product.inputs) != 2 or r.sole_user(g) is not node:
            continue
        if len(g.shape) != 2 or g.dtype != "float32" or "activation" in product.attrs:
            continue
        at = r.nodes.index(node)
        if not r.can_move(product, node):
            continue
        attrs = {
            **product.attrs,
            **node.attrs,
            "update": _UPDATES[node.name],
        }
        new = make_node("matmul_update", [*product.inputs, *node.inputs[1:]], attrs, [], node.writes, product)
        r.insert(at, new)
        r.remove(node)
        r.remove(product)


def drop_unused(r: Rewriter) -> None:
    """Nodes without effects whose outputs are unused."""
    kept, needed = [], {id(o) for o in r.outputs}
    for node in reversed(r.nodes):
        if node.writes or node.name == "check_finite" or any(id(t) in needed for t in node.outputs):
            kept.append(node)
            needed.update(id(x) for x in node.inputs)
    r.nodes[:] = reversed(kept)


PASSES = (
    drop_idle_reshapes,
    drop_repeated_activations,
    drop_unused,
    reuse_probabilities,
    fuse_matmul_epilogue,
    *conv_passes.PASSES,
    *recurrent_passes.PASSES,
    fuse_weight_update,
)


def optimize(nodes: list[Node], outputs: list) -> tuple[list[Node], list]:
    """Runs the passes in order; returns the new nodes and outputs. The given nodes are not changed."""
    nodes = [copy_node(n) for n in nodes]
    r = Rewriter(nodes, list(outputs))
    for run_pass in PASSES:
        if run_pass.__name__ not in disabled:
            run_pass(r)
    return r.nodes, r.outputs
