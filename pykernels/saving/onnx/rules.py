"""Ops without a spatial structure in ONNX: arithmetic, activations, shapes, reductions, products.

A rule takes the graph in the making and a recorded node, and puts the node's output into the graph.
"""

from __future__ import annotations

import math

import numpy as np

from ...graph import OP_TABLES, definition
from ...ops.activations import FORMS
from .graph import OnnxGraph, inverse, plain, reshape_to, same_memory

RULES: dict = {}


def rule(*names: str):
    def decorate(function):
        RULES.update(dict.fromkeys(names, function))
        return function

    return decorate


def number(graph: OnnxGraph, node, value) -> str:
    """A scalar constant of the dtype of the node's first input."""
    return graph.weight(np.asarray(value, str(node.inputs[0].dtype)), "number")


def element_type(dtype: str) -> int:
    import onnx

    return onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def refuse(node, why: str):
    raise NotImplementedError(f"Layer '{node.label}' cannot be exported to ONNX: {why}.")


# --- element by element -------------------------------------------------------------------------------------
def _operators(*families: str) -> dict[str, str]:
    """The ops of these families that ONNX has an operator for."""
    return {op: onnx for family in families for op in OP_TABLES[family] if (onnx := definition(op).onnx)}


_UNARY = _operators("unary", "predicate")
_BINARY = _operators("binary", "compare")


@rule(*_UNARY)
def _unary(graph, node):
    x = graph.stored(node.inputs[0])
    graph.put(node.outputs[0], graph.node(_UNARY[node.name], [x.name]), x.order)


@rule(*_BINARY)
def _binary(graph, node):
    if node.name == "add" and _as_bias(graph, node):
        return
    if node.name.startswith("logical") and any(str(x.dtype) != "bool" for x in node.inputs):
        refuse(node, f"'{node.name}' of numbers")
    names, order = graph.together(node.inputs)
    graph.put(node.outputs[0], graph.node(_BINARY[node.name], names), order)


def _as_bias(graph: OnnxGraph, node) -> bool:
    """Whether a sum could be taken into the convolution or product that made one of its operands."""
    for x, bias in (node.inputs, node.inputs[::-1]):
        if graph.constant(x) is not None or graph.constant(bias) is None or not graph.read_once(x):
            continue
        stored = graph.stored(x)
        producer = graph.sums.get(stored.name)
        if producer is None or tuple(bias.shape) != (x.shape[-1],):
            continue
        del graph.sums[stored.name]
        producer.input.append(graph.weight_of(bias, "bias", "as it is", lambda a: a))
        weights = graph.convolutions.pop(stored.name, None)
        if weights is not None:
            graph.convolutions[stored.name] = weights._replace(bias=graph.constant(bias))
        graph.put(node.outputs[0], stored.name, stored.order)
        return True
    return False


def _sinc(emit, number, x):
    turn = emit("Mul", [x, number(math.pi)])
    return emit("Where", [emit("Equal", [x, number(0)]), number(1), emit("Div", [emit("Sin", [turn]), turn])])


# Those that ONNX has no operator for, made of others: (emit, number, inputs) -> output.
_COMPOSED = {
    "square": lambda emit, number, x: emit("Mul", [x, x]),
    "rsqrt": lambda emit, number, x: emit("Reciprocal", [emit("Sqrt", [x])]),
    "expm1": lambda emit, number, x: emit("Sub", [emit("Exp", [x]), number(1)]),
    "exp2": lambda emit, number, x: emit("Pow", [number(2), x]),
    "log2": lambda emit, number, x: emit("Mul", [emit("Log", [x]), number(1 / math.log(2))]),
    "log10": lambda emit, number, x: emit("Mul", [emit("Log", [x]), number(1 / math.log(10))]),
    "cbrt": lambda emit, number, x: emit("Mul", [emit("Sign", [x]), emit("Pow", [emit("Abs", [x]), number(1 / 3)])]),
    "trunc": lambda emit, number, x: emit("Mul", [emit("Sign", [x]), emit("Floor", [emit("Abs", [x])])]),
    "erfc": lambda emit, number, x: emit("Sub", [number(1), emit("Erf", [x])]),
    "sinc": _sinc,
    "isposinf": lambda emit, number, x: emit("IsInf", [x], detect_negative=0),
    "isneginf": lambda emit, number, x: emit("IsInf", [x], detect_positive=0),
    "log1p": lambda emit, number, x: emit("Log", [emit("Add", [x, number(1)])]),
    "log_sigmoid": lambda emit, number, x: emit("Neg", [emit("Softplus", [emit("Neg", [x])])]),
    "isfinite": lambda emit, number, x: emit("Not", [emit("Or", [emit("IsNaN", [x]), emit("IsInf", [x])])]),
    "not_equal": lambda emit, number, a, b: emit("Not", [emit("Equal", [a, b])]),
    "squared_difference": lambda emit, number, a, b: _COMPOSED["square"](emit, number, emit("Sub", [a, b])),
}


@rule(*_COMPOSED)
def _composed(graph, node):
    names, order = graph.together(node.inputs)
    y = _COMPOSED[node.name](graph.node, lambda value: number(graph, node, value), *names)
    graph.put(node.outputs[0], y, order)


@rule("logical_not")
def _logical_not(graph, node):
    x = graph.stored(node.inputs[0])
    is_bool = str(node.inputs[0].dtype) == "bool"
    y = graph.node("Not", [x.name]) if is_bool else graph.node("Equal", [x.name, number(graph, node, 0)])
    graph.put(node.outputs[0], y, x.order)


@rule("floor_divide", "mod")
def _division(graph, node):
    (a, b), order = graph.together(node.inputs)
    emit = graph.node
    if str(node.inputs[0].dtype).startswith("float"):
        whole = emit("Floor", [emit("Div", [a, b])])
        y = whole if node.name == "floor_divide" else emit("Sub", [a, emit("Mul", [whole, b])])
    else:
        rest = emit("Mod", [a, b])  # of integers: with the sign of the divisor
        y = rest if node.name == "mod" else emit("Div", [emit("Sub", [a, rest]), b])
    graph.put(node.outputs[0], y, order)


@rule("where")
def _where(graph, node):
    names, order = graph.together(node.inputs)
    graph.put(node.outputs[0], graph.node("Where", names), order)


@rule("cast")
def _cast(graph, node):
    x = graph.stored(node.inputs[0])
    graph.put(node.outputs[0], graph.node("Cast", [x.name], to=element_type(node.attrs["dtype"])), x.order)


@rule("clip")
def _clip(graph, node):
    x = graph.stored(node.inputs[0])
    limits = [node.attrs["min"], node.attrs["max"]]
    names = ["" if math.isinf(v) else number(graph, node, v) for v in limits]
    graph.put(node.outputs[0], graph.node("Clip", [x.name, *names]), x.order)


# --- activations ----------------------------------------------------------------------------------------------
def _gelu(emit, number, x, alpha):
    inner = emit("Erf", [emit("Mul", [x, number(math.sqrt(0.5))])])
    return _gated(emit, number, x, inner)


def _gelu_tanh(emit, number, x, alpha):
    cube = emit("Mul", [emit("Mul", [emit("Mul", [x, x]), x]), number(0.044715)])
    inner = emit("Mul", [emit("Add", [x, cube]), number(math.sqrt(2 / math.pi))])
    return _gated(emit, number, x, emit("Tanh", [inner]))


def _gated(emit, number, x, inner):
    return emit("Mul", [x, emit("Mul", [emit("Add", [inner, number(1)]), number(0.5)])])


def _sparse_plus(emit, number, x, alpha):
    root = emit("HardSigmoid", [x], alpha=0.5, beta=0.5)
    return emit("Where", [emit("GreaterOrEqual", [x, number(1)]), x, emit("Mul", [root, root])])


# Activations that are not one operator without attributes: (emit, number, x, alpha) -> output.
_ACTIVATIONS = {
    "linear": lambda emit, number, x, alpha: x,
    "relu6": lambda emit, number, x, alpha: emit("Clip", [x, number(0), number(6)]),
    "leaky_relu": lambda emit, number, x, alpha: emit("LeakyRelu", [x], alpha=alpha),
    "elu": lambda emit, number, x, alpha: emit("Elu", [x], alpha=alpha),
    "hard_sigmoid": lambda emit, number, x, alpha: emit("HardSigmoid", [x], alpha=1 / 6, beta=0.5),
    "silu": lambda emit, number, x, alpha: emit("Mul", [x, emit("Sigmoid", [x])]),
    "mish": lambda emit, number, x, alpha: emit("Mul", [x, emit("Tanh", [emit("Softplus", [x])])]),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "celu": lambda emit, number, x, alpha: emit("Celu", [x], alpha=alpha),
    "hard_tanh": lambda emit, number, x, alpha: emit("Clip", [x, number(-1), number(1)]),
    "tanh_shrink": lambda emit, number, x, alpha: emit("Sub", [x, emit("Tanh", [x])]),
    "soft_shrink": lambda emit, number, x, alpha: emit("Shrink", [x], lambd=alpha, bias=alpha),
    "hard_shrink": lambda emit, number, x, alpha: emit("Shrink", [x], lambd=alpha),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda emit, number, x, alpha: emit("HardSigmoid", [x], alpha=0.5, beta=0.5),
    "squareplus": lambda emit, number, x, alpha: emit(
        "Mul", [emit("Add", [x, emit("Sqrt", [emit("Add", [emit("Mul", [x, x]), number(alpha)])])]), number(0.5)]
    ),
}


@rule("activation")
def _activation(graph, node):
    x, order = graph.stored(node.inputs[0])
    name, alpha = node.attrs["activation"], float(node.attrs.get("alpha", 0.0))
    operator = FORMS[name].onnx
    if operator is not None:
        y = graph.node(operator, [x])
    elif name in _ACTIVATIONS:
        y = _ACTIVATIONS[name](graph.node, lambda value: number(graph, node, value), x, alpha)
    else:
        refuse(node, f"the activation '{name}' has no form in ONNX here")
    graph.put(node.outputs[0], y, order)


@rule("softmax", "log_softmax")
def _softmax(graph, node):
    x = graph.stored(node.inputs[0])
    kind = "Softmax" if node.name == "softmax" else "LogSoftmax"
    axis = x.order.index(len(x.order) - 1)
    graph.put(node.outputs[0], graph.node(kind, [x.name], axis=axis), x.order)


# --- shapes -----------------------------------------------------------------------------------------------------
@rule("transpose")
def _transpose(graph, node):
    x, back = graph.stored(node.inputs[0]), inverse(node.attrs["axes"])
    graph.put(node.outputs[0], x.name, tuple(back[a] for a in x.order))


@rule("reshape")
def _reshape(graph, node):
    x, y = node.inputs[0], node.outputs[0]
    if _repeated(graph, node):
        return
    stored, old, new = graph.stored(x), tuple(x.shape), tuple(y.shape)
    order = same = _same_but_ones(stored.order, old, new)
    if order is None:
        order = plain(len(new))
        if not same_memory(old, stored.order, plain(len(old))):
            stored = stored._replace(name=graph.get(x), order=plain(len(old)))
    before, after = [old[a] for a in stored.order], [new[a] for a in order]
    name = stored.name
    if before != after or same is None:
        if same is not None and after.count(None) > 1:
            name = _with_ones(graph, name, before, after)
        else:
            sources = node.attrs.get("sources", ()) if order == plain(len(new)) else ()
            name = graph.node("Reshape", [name, graph.ints(reshape_to(after, graph, sources))])
    graph.put(y, name, order)


def _with_ones(graph: OnnxGraph, name: str, before: list, after: list) -> str:
    """A tensor with other axes of extent 1, of which several others are not known."""
    old, new = ([i for i, d in enumerate(shape) if d == 1] for shape in (before, after))
    if old:
        name = graph.node("Squeeze", [name, graph.ints(old)])
    return graph.node("Unsqueeze", [name, graph.ints(new)]) if new else name


def _same_but_ones(order, old, new) -> tuple[int, ...] | None:
    """The layout of a tensor that got or lost axes of extent 1 only; None for other changes of shape."""
    left, right = ([i for i, d in enumerate(shape) if d != 1] for shape in (old, new))
    if [old[i] for i in left] != [new[i] for i in right]:
        return None
    place = dict(zip(left, right, strict=True))
    result = [place[a] for a in order if a in place]
    for axis in reversed([i for i, d in enumerate(new) if d == 1]):
        following = axis + 1
        result.insert(result.index(following) if following < len(new) else len(result), axis)
    return tuple(result)


def _repeated(graph: OnnxGraph, node) -> bool:
    """Whether this is the end of `ops.repeat`: one node in any layout."""
    wide = node.inputs[0].node
    thin = wide.inputs[0].node if wide is not None and wide.name == "broadcast_to" else None
    if thin is None or thin.name != "reshape" or not hasattr(thin.inputs[0], "node"):
        return False
    x, y = thin.inputs[0], node.outputs[0]
    if graph.constant(x) is not None or len(x.shape) != len(y.shape):
        return False
    find = _repeated_axis_of_unknown if "sources" in node.attrs else _repeated_axis
    axis, times = find(x.shape, thin.outputs[0].shape, wide.outputs[0].shape, node)
    if axis is None:
        return False
    stored = graph.stored(x)
    scales = graph.weight(np.asarray([times if a == axis else 1 for a in stored.order], np.float32), "scales")
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    graph.put(y, graph.node("Resize", [stored.name, "", scales], **options), stored.order)
    return True


def _repeated_axis(x, thin, wide, node) -> tuple:
    """(axis, times) of (rows, 1, inner) -> (rows, times, inner) -> y; Nones for other operations."""
    y = node.outputs[0].shape
    changed = [i for i, (a, b) in enumerate(zip(x, y, strict=True)) if a != b]
    times, inner = wide[1], thin[2:]
    if thin[1:2] != (1,) or len(changed) != 1 or None in (times, x[changed[0]]):
        return None, None
    rest = x[changed[0] + 1 :]
    if y[changed[0]] != times * x[changed[0]] or None in rest or inner != (math.prod(rest),):
        return None, None
    return changed[0], times


def _repeated_axis_of_unknown(x, thin, wide, node) -> tuple:
    """(axis, times) of (..., n, 1, ...) -> (..., n, times, ...) -> y; Nones for other operations."""
    sources = list(node.attrs["sources"])
    axis = sources.index(None) if None in sources else 0
    merged = [None if i == axis else i + (i > axis) for i in range(len(x))]
    if sources != merged or len(thin) != len(x) + 1 or thin[axis + 1] != 1 or wide[: axis + 1] != x[: axis + 1]:
        return None, None
    return axis, wide[axis + 1]


@rule("broadcast_to")
def _broadcast_to(graph, node):
    x, y = node.inputs[0], node.outputs[0]
    lead = len(y.shape) - len(x.shape)
    target = []
    for i, extent in enumerate(y.shape):
        if extent is None and (i < lead or x.shape[i - lead] is not None):
            refuse(node, f"it repeats something {tuple(x.shape)} to a shape {tuple(y.shape)} that is not known")
        target.append(1 if extent is None else extent)
    graph.put(y, graph.node("Expand", [graph.get(x), graph.ints(target)]))


@rule("concatenate")
def _concatenate(graph, node):
    names, order = graph.together(node.inputs)
    axis = order.index(node.attrs["axis"])
    graph.put(node.outputs[0], graph.node("Concat", names, axis=axis), order)


@rule("slice")
def _slice(graph, node):
    x = graph.stored(node.inputs[0])
    start, stop, step = ([node.attrs[key][a] for a in x.order] for key in ("start", "stop", "step"))
    stop = [-(2**62) if s < 0 and e < 0 else e for e, s in zip(stop, step, strict=True)]
    bounds = [graph.ints(v) for v in (start, stop, plain(len(step)), step)]
    graph.put(node.outputs[0], graph.node("Slice", [x.name, *bounds]), x.order)


@rule("pad")
def _pad(graph, node):
    x = graph.stored(node.inputs[0])
    widths = graph.ints([node.attrs[key][a] for key in ("before", "after") for a in x.order])
    value = number(graph, node, node.attrs.get("value", 0.0))
    graph.put(node.outputs[0], graph.node("Pad", [x.name, widths, value], mode="constant"), x.order)


@rule("take")
def _take(graph, node):
    graph.put(node.outputs[0], graph.node("Gather", [graph.get(x) for x in node.inputs], axis=0))


@rule("one_hot")
def _one_hot(graph, node):
    x, y = node.inputs[0], node.outputs[0]
    column = graph.node("Unsqueeze", [graph.get(x), graph.ints([-1])])
    hit = graph.node("Equal", [column, graph.weight(np.arange(node.attrs["num_classes"], dtype=str(x.dtype)))])
    graph.put(y, graph.node("Cast", [hit], to=element_type(y.dtype)))


# --- reductions and products ----------------------------------------------------------------------------------
_REDUCTIONS = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd"}


def _remaining(order, axes, keepdims) -> tuple[int, ...]:
    """The layout of a tensor without these axes."""
    if keepdims:
        return order
    kept = [a for a in range(len(order)) if a not in axes]
    return tuple(kept.index(a) for a in order if a in kept)


@rule(*_REDUCTIONS, "any", "all")
def _reduction(graph, node):
    stored, axes, keepdims = graph.stored(node.inputs[0]), node.attrs["axes"], bool(node.attrs["keepdims"])
    x, places = stored.name, graph.ints(sorted(stored.order.index(a) for a in axes))
    if not axes:
        graph.put(node.outputs[0], x, stored.order)
        return
    if node.name in ("any", "all"):
        x = graph.node("Cast", [x], to=element_type("int32"))
        y = graph.node("ReduceMax" if node.name == "any" else "ReduceMin", [x, places], keepdims=int(keepdims))
        y = graph.node("Cast", [y], to=element_type("bool"))
    else:
        y = graph.node(_REDUCTIONS[node.name], [x, places], keepdims=int(keepdims))
    graph.put(node.outputs[0], y, _remaining(stored.order, axes, keepdims))


@rule("argmax", "argmin")
def _position(graph, node):
    x, keepdims = graph.stored(node.inputs[0]), bool(node.attrs["keepdims"])
    axis = node.attrs["axis"] % len(x.order)
    kind = "ArgMax" if node.name == "argmax" else "ArgMin"
    y = graph.node(kind, [x.name], axis=x.order.index(axis), keepdims=int(keepdims))
    y = graph.node("Cast", [y], to=element_type("int32"))
    graph.put(node.outputs[0], y, _remaining(x.order, (axis,), keepdims))


@rule("matmul")
def _matmul(graph, node):
    a, b = node.inputs
    flips = [bool(node.attrs["transpose_a"]), bool(node.attrs["transpose_b"])]
    if len(a.shape) == 2 and str(a.dtype).startswith("float"):
        kernel = graph.get(b) if graph.constant(b) is None else graph.weight_of(b, "kernel", "as it is", lambda w: w)
        names = [graph.get(a), kernel]
        y = graph.node("Gemm", names, transA=int(flips[0]), transB=int(flips[1]))
        graph.sums[y] = graph.nodes[-1]
    else:
        last = plain(len(a.shape))
        orders = [(*last[:-2], last[-1], last[-2]) if flip else last for flip in flips]
        y = graph.node("MatMul", [graph.get(x, order) for x, order in zip((a, b), orders, strict=True)])
    graph.put(node.outputs[0], y)
