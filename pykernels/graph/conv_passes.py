"""Rewrites around convolution and pooling: what belongs to one sweep over an image becomes one kernel.

The kernels compute act(convolution * scale + bias), then zero where a mask is not positive; see docs/design.md.
"""

from __future__ import annotations

from .rewriter import Rewriter, available_before, make_node, producer
from .tensor import Node

_CONVOLUTIONS = frozenset(
    ("conv2d", "conv2d_backward_input", "depthwise_conv2d", "depthwise_conv2d_backward_input"),
)
_BACKWARD_INPUTS = frozenset(("conv2d_backward_input", "depthwise_conv2d_backward_input"))
_BACKWARD_WEIGHTS = frozenset(("conv2d_backward_weights", "depthwise_conv2d_backward_weights"))


def _plain(node: Node) -> bool:
    """Whether nothing follows the convolution inside its kernel yet."""
    return "activation" not in node.attrs and not any(node.attrs.get(key) for key in ("scale", "bias", "mask"))


def fuse_convolution_epilogue(r: Rewriter) -> None:
    """Convolution, bias, inference-time normalization and activation in one kernel.

    (z + bias) * scale + shift is computed as z * scale + (bias * scale + shift), which rounds differently.
    """
    for node in [n for n in r.nodes if n.name in _CONVOLUTIONS and _plain(n)]:
        node = _with_bias(r, node)
        node = _with_scale_shift(r, node)
        _with_activation(r, node)


def _with_bias(r: Rewriter, node: Node) -> Node:
    y = node.outputs[0]
    add = r.sole_user(y)
    if add is None or add.name != "add" or not r.can_move(node, add):
        return node
    bias = add.inputs[1] if add.inputs[0] is y else add.inputs[0]
    if bias is y or tuple(bias.shape) != tuple(y.shape[-1:]):
        return node
    return _join(r, node, [*node.inputs, bias], {**node.attrs, "bias": True}, add)


def _with_scale_shift(r: Rewriter, node: Node) -> Node:
    y = node.outputs[0]
    norm = r.sole_user(y)
    if norm is None or norm.name != "scale_shift" or norm.inputs[0] is not y or not r.can_move(node, norm):
        return node
    _, scale, shift = norm.inputs
    x, w, *bias = node.inputs
    if bias:
        at, kind = r.nodes.index(norm), [(tuple(shift.shape), shift.dtype)]
        scaled = make_node("multiply", [bias[0], scale], {}, kind, (), norm)
        moved = make_node("add", [scaled.outputs[0], shift], {}, kind, (), norm)
        r.insert(at, scaled)
        r.insert(at + 1, moved)
        shift = moved.outputs[0]
    attrs = {**node.attrs, "scale": True, "bias": True}
    if norm.attrs.get("activation", "linear") != "linear":
        attrs.update(norm.attrs)
    return _join(r, node, [x, w, scale, shift], attrs, norm)


def _with_activation(r: Rewriter, node: Node) -> Node:
    y = node.outputs[0]
    acts = [n for n in r.users.get(id(y), ()) if n.name == "activation"]
    if "activation" in node.attrs or len(acts) != 1 or not r.can_move(node, acts[0]):
        return node
    attrs = {**node.attrs, **acts[0].attrs}
    if r.use_count(y) == 1:
        return _join(r, node, node.inputs, attrs, acts[0])
    if node.name != "conv2d":
        return node
    kind = [(tuple(y.shape), y.dtype)] * 2
    new = make_node(node.name, node.inputs, attrs, kind, (), node)
    at = r.nodes.index(node)
    r.remove(node)
    r.remove(acts[0])
    r.insert(at, new)
    r.replace(acts[0].outputs[0], new.outputs[0])
    r.replace(y, new.outputs[1])
    return new


def _join(r: Rewriter, node: Node, inputs, attrs, last: Node) -> Node:
    """One node in the place of `last`, where all that it reads is known."""
    out = last.outputs[0]
    new = make_node(node.name, inputs, attrs, [(tuple(out.shape), out.dtype)], (), node)
    at = r.nodes.index(last)
    r.insert(at, new)
    r.remove(node)
    r.remove(last)
    r.replace(out, new.outputs[0])
    return new


def relu_gradient_before_unpooling(r: Rewriter) -> None:
    """ReLU's backward on the pooled maxima instead of the image before pooling, which then need not be kept.

    Exact: a gradient reaches only the element that was a window's maximum, whose value is the pooled one.
    """
    by_output = {id(t): n for n in r.nodes for t in n.outputs}
    for node in [n for n in r.nodes if n.name == "activation_grad" and n.attrs["activation"] == "relu"]:
        ref, dy = node.inputs
        unpool = producer(dy, by_output)
        if unpool is None or unpool.name != "max_pool2d_grad" or r.sole_user(dy) is not node:
            continue
        pool = producer(unpool.inputs[0], by_output)
        if pool is None or pool.name != "max_pool2d" or pool.inputs[0] is not ref:
            continue
        y, dpooled = pool.outputs[0], unpool.inputs[1]
        inner = make_node("activation_grad", [y, dpooled], node.attrs, [(tuple(y.shape), y.dtype)], (), node)
        outer = make_node(
            unpool.name, [unpool.inputs[0], inner.outputs[0]], unpool.attrs, [(tuple(ref.shape), ref.dtype)], (), unpool
        )
        at = r.nodes.index(unpool)
        if not r.can_move(node, unpool):
            continue
        r.insert(at, inner)
        r.insert(at + 1, outer)
        r.replace(node.outputs[0], outer.outputs[0])
        r.remove(node)
        r.remove(unpool)
        by_output.update({id(t): n for n in (inner, outer) for t in n.outputs})


def fuse_relu_gradient(r: Rewriter) -> None:
    """ReLU's backward, from its output, where the gradient with respect to that output is computed."""
    by_output = {id(t): n for n in r.nodes for t in n.outputs}
    for node in [n for n in r.nodes if n.name == "activation_grad" and n.attrs["activation"] == "relu"]:
        ref, dy = node.inputs
        conv = producer(dy, by_output)
        if conv is None or conv.name not in _BACKWARD_INPUTS or not _plain(conv) or r.sole_user(dy) is not node:
            continue
        if not r.can_move(conv, node):
            continue
        new = _join(r, conv, [*conv.inputs, ref], {**conv.attrs, "mask": True}, node)
        by_output[id(new.outputs[0])] = new


def fuse_bias_gradient(r: Rewriter) -> None:
    """The sum of dy over an image batch inside the kernel that reads dy for the weights' gradient."""
    for node in [n for n in r.nodes if n.name in _BACKWARD_WEIGHTS and len(n.outputs) == 1]:
        x, dy = node.inputs
        sums = [n for n in r.users.get(id(dy), ()) if n.name == "sum" and tuple(n.attrs["axes"]) == (0, 1, 2)]
        if len(sums) != 1 or sums[0].attrs.get("keepdims"):
            continue
        dw, db = node.outputs[0], sums[0].outputs[0]
        kinds = [(tuple(t.shape), t.dtype) for t in (dw, db)]
        new = make_node(node.name, [x, dy], node.attrs, kinds, (), node)
        at = min(r.nodes.index(node), r.nodes.index(sums[0]))
        if (
            not available_before(r, x, r.nodes[at])
            or not r.can_move(node, r.nodes[at])
            or not r.can_move(sums[0], r.nodes[at])
        ):
            continue
        r.insert(at, new)
        r.remove(node)
        r.remove(sums[0])
        r.replace(dw, new.outputs[0])
        r.replace(db, new.outputs[1])


def drop_unused_outputs(r: Rewriter) -> None:
    """Max-pooling without its indices where they are unused."""
    for node in [n for n in r.nodes if n.name == "max_pool2d" and len(n.outputs) == 2]:
        y, index = node.outputs
        if r.use_count(index):
            continue
        new = make_node(node.name, node.inputs, node.attrs, [(tuple(y.shape), y.dtype)], (), node)
        at = r.nodes.index(node)
        r.insert(at, new)
        r.remove(node)
        r.replace(y, new.outputs[0])


def fuse_convolution_pooling(r: Rewriter) -> None:
    """A convolution whose only use is a 2 x 2 max-pooling: pooled while it is in the cache, never stored."""
    for node in [n for n in r.nodes if n.name == "conv2d" and len(n.outputs) == 1]:
        y = node.outputs[0]
        pool = r.sole_user(y)
        if pool is None or pool.name != "max_pool2d" or y.dtype != "float32" or not r.can_move(node, pool):
            continue
        window, strides, pads = (tuple(pool.attrs[key]) for key in ("window", "strides", "pads"))
        if window != (2, 2) or strides != (2, 2) or any(pads):
            continue
        attrs = {**node.attrs, "height": y.shape[1], "width": y.shape[2]}
        outputs = pool.outputs
        kinds = [(tuple(t.shape), t.dtype) for t in outputs]
        new = make_node("conv2d_max_pool2d", node.inputs, attrs, kinds, (), node)
        r.insert(r.nodes.index(pool), new)
        r.remove(node)
        r.remove(pool)
        for old, now in zip(outputs, new.outputs, strict=True):
            r.replace(old, now)


PASSES = (
    fuse_convolution_epilogue,
    relu_gradient_before_unpooling,
    fuse_relu_gradient,
    fuse_bias_gradient,
    drop_unused_outputs,
    fuse_convolution_pooling,
)
