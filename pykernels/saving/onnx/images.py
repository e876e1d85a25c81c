"""Convolution, pooling, normalization and resizing in ONNX, with channels before height and width."""

from __future__ import annotations

import numpy as np

from ...graph import apply
from .graph import OnnxGraph, Weights, plain
from .rules import number, refuse, rule

_FIRST = (0, 3, 1, 2)  # (N, C, H, W) of (N, H, W, C)


def _geometry(node) -> dict:
    """Strides and pads. "same" with strides on an image of unknown size has no pads yet: the runtime chooses them by
    the same rule, which ONNX defines for windows without dilation."""
    strides = {"strides": list(node.attrs["strides"])}
    if None in node.attrs["pads"]:
        if any(d != 1 for d in node.attrs.get("dilation", ())):
            refuse(
                node,
                "ONNX has no padding 'same' with both strides and dilation for images of unknown height and width; "
                "give the model's Input a whole shape",
            )
        return {**strides, "auto_pad": "SAME_UPPER"}
    top, bottom, left, right = node.attrs["pads"]
    return {**strides, "pads": [top, left, bottom, right]}


def _filters(graph: OnnxGraph, node, function, how: str) -> tuple[str, np.ndarray]:
    w = node.inputs[1]
    if graph.constant(w) is None:
        refuse(node, "its filters depend on the model's inputs")
    name = graph.weight_of(w, "kernel", how, function)
    return name, function(graph.constant(w))


def _fused(node) -> bool:
    return len(node.inputs) != 2 or "activation" in node.attrs


@rule("conv2d", "depthwise_conv2d")
def _conv(graph, node):
    if _fused(node):
        refuse(node, "it was recorded in a fused form")
    x, w = node.inputs
    if node.name == "conv2d":
        name, kernel = _filters(graph, node, lambda a: a.transpose(3, 2, 0, 1), "conv")
        groups = node.attrs["groups"]
    else:
        groups = w.shape[2]
        name, kernel = _filters(
            graph, node, lambda a: a.transpose(2, 3, 0, 1).reshape(-1, 1, *a.shape[:2]), "depthwise"
        )
    options = {**_geometry(node), "dilations": list(node.attrs["dilation"]), "group": groups}
    y = graph.node("Conv", [graph.get(x, _FIRST), name], kernel_shape=list(w.shape[:2]), **options)
    graph.sums[y] = graph.nodes[-1]
    graph.convolutions[y] = Weights(graph.nodes[-1], kernel, None)
    graph.put(node.outputs[0], y, _FIRST)


@rule("conv2d_backward_input")
def _conv_transpose(graph, node):
    """The adjoint of a convolution; rows that no window touches are zeros."""
    if _fused(node):
        refuse(node, "it was recorded in a fused form")
    (dy, w), attrs, geometry = node.inputs, node.attrs, _geometry(node)
    name, _ = _filters(graph, node, lambda a: a.transpose(3, 2, 0, 1), "conv")
    after = list(attrs.get("more", ()))
    for axis in range(2 - len(after)):
        n, want = dy.shape[1 + axis], node.outputs[0].shape[1 + axis]
        reach = (w.shape[axis] - 1) * attrs["dilation"][axis] + 1
        pads = geometry["pads"][axis] + geometry["pads"][axis + 2]
        after.append(want - (attrs["strides"][axis] * (n - 1) + reach - pads))
    inside = all(0 <= more < stride for more, stride in zip(after, attrs["strides"], strict=True))
    options = {**geometry, "dilations": list(attrs["dilation"]), "group": attrs["groups"]}
    options["output_padding"] = after if inside else [0, 0]
    y = graph.node("ConvTranspose", [graph.get(dy, _FIRST), name], kernel_shape=list(w.shape[:2]), **options)
    if inside:
        graph.sums[y] = graph.nodes[-1]
    else:
        y = graph.node("Pad", [y, graph.ints([0, 0, 0, 0, 0, 0, *after]), number(graph, node, 0)])
    graph.put(node.outputs[0], y, _FIRST)


@rule("max_pool2d", "average_pool2d")
def _pool(graph, node):
    if None in node.attrs["pads"] and any(
        1 < w < s for w, s in zip(node.attrs["window"], node.attrs["strides"], strict=True)
    ):
        refuse(
            node,
            "ONNX has no padding 'same' for pooling with strides above the window for images of unknown height and "
            "width; give the model's Input a whole shape",
        )
    options = {**_geometry(node), "kernel_shape": list(node.attrs["window"])}
    x = graph.get(node.inputs[0], _FIRST)
    if node.name == "max_pool2d":
        y = graph.node("MaxPool", [x], **options)
    else:
        y = graph.node("AveragePool", [x], count_include_pad=0, **options)
    graph.put(node.outputs[0], y, _FIRST)


# --- normalization ----------------------------------------------------------------------------------------------
@rule("scale_shift")
def _scale_shift(graph, node):
    """Batch normalization with known moments; into the convolution before it where there is one."""
    x, scale, shift = node.inputs
    stored = graph.stored(x)
    factors, shifts = graph.constant(scale), graph.constant(shift)
    weights = graph.convolutions.pop(stored.name, None)
    if weights is not None and factors is not None and shifts is not None and graph.read_once(x):
        bias = shifts if weights.bias is None else weights.bias * factors + shifts
        kernel = weights.kernel * factors.reshape(-1, 1, 1, 1)
        names = [weights.node.input[0], graph.weight(kernel, "kernel"), graph.weight(bias, "bias")]
        del weights.node.input[:]
        weights.node.input.extend(names)
        graph.sums.pop(stored.name, None)
        graph.put(node.outputs[0], stored.name, stored.order)
        return
    names, order = graph.together([x, scale])
    scaled = graph.node("Mul", names)
    shift_name = graph.together([x, shift])[0][1]
    graph.put(node.outputs[0], graph.node("Add", [scaled, shift_name]), order)


@rule("layer_norm")
def _layer_norm(graph, node):
    names = [graph.get(x) for x in node.inputs]
    y = graph.node("LayerNormalization", names, axis=-1, epsilon=float(node.attrs["epsilon"]))
    graph.put(node.outputs[0], y)


@rule("group_norm")
def _group_norm(graph, node):
    x, gamma, beta = node.inputs
    _, size, channels = x.shape
    groups = node.attrs["groups"]
    if size is None:
        refuse(node, "the extents of its input are not known; give the model's Input a whole shape")
    emit = graph.node
    split = emit("Reshape", [graph.get(x), graph.ints([0, size, groups, channels // groups])])
    axes = graph.ints([1, 3])
    centred = emit("Sub", [split, emit("ReduceMean", [split, axes], keepdims=1)])
    variance = emit("ReduceMean", [emit("Mul", [centred, centred]), axes], keepdims=1)
    deviation = emit("Sqrt", [emit("Add", [variance, number(graph, node, node.attrs["epsilon"])])])
    y = emit("Reshape", [emit("Div", [centred, deviation]), graph.ints([0, size, channels])])
    graph.put(node.outputs[0], emit("Add", [emit("Mul", [y, graph.get(gamma)]), graph.get(beta)]), plain(3))


# --- resizing -----------------------------------------------------------------------------------------------------
_MODES = {
    "nearest": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    "bilinear": {"mode": "linear"},
}


@rule("resize")
def _resize(graph, node):
    """ONNX's Resize where runtimes agree about it; else the two products with matrices that any interpolation is."""
    x, y, method = node.inputs[0], node.outputs[0], node.attrs["method"]
    if None in (*x.shape[1:3], *y.shape[1:3]):
        refuse(node, "the height and width of its images are not known; give the model's Input a whole shape")
    stored = graph.get(x, _FIRST)
    if method in _MODES and not (node.attrs["antialias"] and method != "nearest"):
        # ONNX's attribute `axes` would do, but onnxruntime refuses it with sizes
        sizes = graph.node("Concat", [graph.node("Shape", [stored], start=0, end=2), graph.ints(y.shape[1:3])], axis=0)
        options = {"coordinate_transformation_mode": "half_pixel", **_MODES[method]}
        graph.put(y, graph.node("Resize", [stored, "", "", sizes], **options), _FIRST)
        return
    rows, columns = (_interpolation(node, x.shape[axis], y.shape[axis]) for axis in (1, 2))
    wide = graph.node("MatMul", [stored, graph.weight(columns.T, "columns")])
    graph.put(y, graph.node("MatMul", [graph.weight(rows, "rows"), wide]), _FIRST)


def _interpolation(node, old: int, new: int) -> np.ndarray:
    """The matrix (new, old) of the op along one axis: what it makes of the unit vectors."""
    unit = np.eye(old, dtype=str(node.inputs[0].dtype)).reshape(1, old, 1, old)
    return np.asarray(apply("resize", [unit], **{**node.attrs, "size": (new, 1)})).reshape(new, old)
