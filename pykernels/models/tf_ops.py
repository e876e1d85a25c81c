"""TensorFlow's functions in the models of tf.keras: layers of the classes `TFOpLambda` and `SlicingOpLambda` (2.4 and
later), which name a function, and `TensorFlowOpLayer` (before), which describe a node of TensorFlow's graph.

What a file may name is listed here: computations, as functions of `pykernels.ops`, and nothing else.
"""

from __future__ import annotations

import functools

import numpy as np

from .. import activations, ops
from ..ops.array import TO_END

_OP_LAYERS = ("TFOpLambda", "SlicingOpLambda")
_NODE_LAYER = "TensorFlowOpLayer"
_NO_FORM = ("ClassMethod", "InstanceMethod", "InstanceProperty")  # methods and properties of TensorFlow's tensors
CLASSES = (*_OP_LAYERS, _NODE_LAYER, *_NO_FORM)


def tf_function(kind: str, name: str, config: dict):
    """The function that a layer of one of `CLASSES` stands for, called as `function(x, **kwargs)`.

    Raises:
        NotImplementedError: a function of TensorFlow that is not in the table. ValueError: no such description.
    """
    if kind == _NODE_LAYER:
        return _node_function(name, config)
    symbol = config.get("function") if kind in _OP_LAYERS else None
    if kind in _OP_LAYERS and not isinstance(symbol, str):
        raise ValueError(f"Layer '{name}' of class {kind} names no function. Received: {str(config)[:300]}")
    found = _FUNCTIONS.get(str(symbol).removeprefix("compat.v1.").removeprefix("compat.v2.").removeprefix("raw_ops."))
    if found is None:
        what = f"tf.{symbol}" if symbol else f"a {kind} of a tensor of TensorFlow"
        raise NotImplementedError(
            f"Layer '{name}' of the file calls {what}, for which pykernels has no function; write that part of the "
            "model with pykernels.ops, and load the weights with load_weights()."
        )
    return functools.partial(_call, name, symbol, *found)


def _call(layer, symbol, function, names, *args, **kwargs):
    given = {}
    for key, value in kwargs.items():
        if key in names:
            given[names[key]] = value
        elif key != "name" and value is not None and value is not False and (key, value) not in _DEFAULTS:
            raise NotImplementedError(f"Layer '{layer}' calls tf.{symbol} with {key}={value!r}, which is not read.")
    return function(*args, **{key: value for key, value in given.items() if value is not None})


_DEFAULTS = (("data_format", "NHWC"), ("data_format", "N...C"), ("method", "bilinear"), ("mode", "CONSTANT"))


# --- functions whose arguments are not those of pykernels.ops -----------------------------------------------------
def _get_item(x, slice_spec=()):
    return x[tuple(_index(part) for part in (slice_spec if isinstance(slice_spec, list) else [slice_spec]))]


def _index(part):
    if isinstance(part, dict):
        if part.get("class_name") == "__ellipsis__":
            return Ellipsis
        if set(part) <= {"start", "stop", "step"}:
            return slice(*(part.get(key) for key in ("start", "stop", "step")))
    if part == "...":
        return Ellipsis
    if part is None or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    raise NotImplementedError(f"The index {part!r} of a tensor in the file is not read.")


def _cast(x, dtype):
    name = dtype.get("config", dtype).get("name", dtype) if isinstance(dtype, dict) else dtype
    return ops.cast(x, {"half": "float16", "float": "float32", "double": "float64"}.get(name, name))


def _transpose(x, perm=None, conjugate=False):
    return ops.transpose(x, perm)


def _split(x, num_or_size_splits, axis=0):
    sizes = num_or_size_splits
    return ops.split(x, sizes if isinstance(sizes, int) else np.cumsum(sizes)[:-1].tolist(), axis)


def _tile(x, multiples):
    return ops.tile(x, multiples)


def _gather(x, indices, axis=0):
    return ops.take(x, np.asarray(indices) if isinstance(indices, list) else indices, axis)


def _matmul(a, b, transpose_a=False, transpose_b=False):
    def turned(x, turn):
        return ops.swapaxes(x, -1, -2) if turn else x

    return ops.matmul(turned(a, transpose_a), turned(b, transpose_b))


def _l2_normalize(x, axis=None, epsilon=1e-12):
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, epsilon)))


def _bias_add(x, bias):
    return ops.add(x, np.asarray(bias, "float32") if isinstance(bias, list) else bias)


def _clip_by_value(x, clip_value_min, clip_value_max):
    return ops.minimum(ops.maximum(x, clip_value_min), clip_value_max)


def _pad(x, paddings, constant_values=0):
    return ops.pad(x, [list(pair) for pair in paddings], constant_values=constant_values)


def _resize(x, size, method="bilinear", antialias=False):
    return ops.image.resize(x, tuple(size), interpolation=method, antialias=antialias)


def _relu(x, alpha=0.0, max_value=None, threshold=0.0):
    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def _leaky_relu(x, alpha=0.2):
    return ops.leaky_relu(x, alpha)


def _gelu(x, approximate=False):
    return ops.gelu(x, approximate)


def _norm(x, ord="euclidean", axis=None, keepdims=False):  # noqa: A002 - TensorFlow's name
    if ord not in ("euclidean", 2, 1):
        raise NotImplementedError(f"tf.norm with ord={ord!r} is not read.")
    size = ops.absolute(x) if ord == 1 else ops.square(x)
    total = ops.sum(size, axis=axis, keepdims=keepdims)
    return total if ord == 1 else ops.sqrt(total)


def _reverse(x, axis):
    return ops.flip(x, tuple(axis) if isinstance(axis, list) else axis)


def _dropped(x, rate=0.5, **_):
    raise NotImplementedError("tf.nn.dropout in a model of functions is not read; use the layer Dropout.")


def _stack(values, axis=0):
    return ops.stack(values, axis)


def _concat(values, axis=-1):
    return ops.concatenate(values if isinstance(values, list) else [values], axis)


def _unstack(x, num=None, axis=0):
    return ops.unstack(x, num, axis)


def _linear(x):
    return x


def _axes(*more):
    """Names of the arguments of TensorFlow's reductions, whose axis may be a list."""
    return {"axis": "axis", "keepdims": "keepdims", "keep_dims": "keepdims", **dict.fromkeys(more)}


def _reduced(function):
    def reduce(x, axis=None, keepdims=False):
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    return reduce


_Y = {"y": "x2", "x": "x1", "b": "x2", "a": "x1"}
_AXIS = {"axis": "axis", "dim": "axis"}
# function of TensorFlow (without "tf.") -> (function here, {its argument: ours})
_FUNCTIONS: dict[str, tuple] = {"__operators__.getitem": (_get_item, {"slice_spec": "slice_spec"})}


def _define(function, names: str, arguments: dict | None = None) -> None:
    """`names`: TensorFlow's, divided by blanks; those with a dot before them are also there without "math" or "nn"."""
    for name in names.split():
        bare = name.rpartition(".")[2]
        for full in {name, bare} if name.startswith(("math.", "nn.")) else {name}:
            _FUNCTIONS[full] = (function, arguments or {})


for _name, _function in {
    "math.add __operators__.add math.add_v2": ops.add,
    "math.subtract __operators__.sub": ops.subtract,
    "math.multiply __operators__.mul": ops.multiply,
    "math.divide math.truediv __operators__.truediv realdiv": ops.true_divide,
    "math.divide_no_nan": ops.divide_no_nan,
    "math.floordiv": ops.floor_divide,
    "math.floormod math.mod": ops.mod,
    "math.pow": ops.power,
    "math.maximum": ops.maximum,
    "math.minimum": ops.minimum,
    "math.squared_difference": ops.squared_difference,
    "math.atan2": ops.arctan2,
    "math.equal __operators__.eq": ops.equal,
    "math.not_equal __operators__.ne": ops.not_equal,
    "math.greater": ops.greater,
    "math.greater_equal": ops.greater_equal,
    "math.less": ops.less,
    "math.less_equal": ops.less_equal,
    "math.logical_and": ops.logical_and,
    "math.logical_or": ops.logical_or,
}.items():
    _define(_function, _name, _Y)
for _name, _function in {
    "math.abs": ops.absolute,
    "math.negative": ops.negative,
    "math.sign": ops.sign,
    "math.square": ops.square,
    "math.sqrt": ops.sqrt,
    "math.rsqrt": ops.rsqrt,
    "math.reciprocal": ops.reciprocal,
    "math.exp": ops.exp,
    "math.expm1": ops.expm1,
    "math.log": ops.log,
    "math.log1p": ops.log1p,
    "math.sin": ops.sin,
    "math.cos": ops.cos,
    "math.tan": ops.tan,
    "math.asin": ops.arcsin,
    "math.acos": ops.arccos,
    "math.atan": ops.arctan,
    "math.sinh": ops.sinh,
    "math.cosh": ops.cosh,
    "math.tanh nn.tanh": ops.tanh,
    "math.sigmoid nn.sigmoid": ops.sigmoid,
    "math.log_sigmoid": ops.log_sigmoid,
    "math.erf": ops.erf,
    "math.floor": ops.floor,
    "math.ceil": ops.ceil,
    "math.round": ops.round,
    "math.is_nan": ops.isnan,
    "math.is_inf": ops.isinf,
    "math.is_finite": ops.isfinite,
    "math.logical_not": ops.logical_not,
    "nn.relu6": ops.relu6,
    "nn.elu": ops.elu,
    "nn.selu": ops.selu,
    "nn.silu nn.swish": ops.silu,
    "math.softplus nn.softplus": ops.softplus,
    "nn.softsign": ops.softsign,
    "zeros_like": ops.zeros_like,
    "ones_like": ops.ones_like,
    "stop_gradient": ops.stop_gradient,
    "identity convert_to_tensor": _linear,
}.items():
    _define(_function, _name)
for _name, _function in {
    "sum": ops.sum,
    "mean": ops.mean,
    "max": ops.max,
    "min": ops.min,
    "prod": ops.prod,
    "variance": ops.var,
    "std": ops.std,
    "any": ops.any,
    "all": ops.all,
    "logsumexp": ops.logsumexp,
}.items():
    _define(_reduced(_function), f"math.reduce_{_name}", _axes())
_define(ops.argmax, "math.argmax", {"axis": "axis", "dimension": "axis"})
_define(ops.argmin, "math.argmin", {"axis": "axis", "dimension": "axis"})
_define(ops.softmax, "nn.softmax", _AXIS)
_define(ops.log_softmax, "nn.log_softmax", _AXIS)
_define(_relu, "nn.relu")
_define(_relu, "keras.backend.relu", {"alpha": "alpha", "max_value": "max_value", "threshold": "threshold"})
_define(_leaky_relu, "nn.leaky_relu", {"alpha": "alpha"})
_define(_gelu, "nn.gelu", {"approximate": "approximate"})
_define(_bias_add, "nn.bias_add", {"bias": "bias"})
_define(_l2_normalize, "math.l2_normalize nn.l2_normalize linalg.l2_normalize", {**_AXIS, "epsilon": "epsilon"})
_define(_norm, "norm linalg.norm", {**_axes(), "ord": "ord"})
_define(
    _clip_by_value,
    "clip_by_value",
    {"clip_value_min": "clip_value_min", "clip_value_max": "clip_value_max"},
)
_define(
    _matmul,
    "linalg.matmul matmul",
    {"b": "b", "transpose_a": "transpose_a", "transpose_b": "transpose_b"},
)
_define(_cast, "cast", {"dtype": "dtype"})
_define(_concat, "concat", _AXIS)
_define(_stack, "stack", _AXIS)
_define(_unstack, "unstack", {**_AXIS, "num": "num"})
_define(_split, "split", {**_AXIS, "num_or_size_splits": "num_or_size_splits"})
_define(ops.reshape, "reshape", {"shape": "newshape"})
_define(_transpose, "transpose", {"perm": "perm"})
_define(ops.expand_dims, "expand_dims", _AXIS)
_define(ops.squeeze, "squeeze", {**_AXIS, "squeeze_dims": "axis"})
_define(_tile, "tile", {"multiples": "multiples"})
_define(ops.repeat, "repeat", {"repeats": "repeats", "axis": "axis"})
_define(_gather, "gather", {"indices": "indices", "axis": "axis"})
_define(ops.one_hot, "one_hot", {"depth": "num_classes", "axis": "axis"})
_define(_pad, "pad", {"paddings": "paddings", "constant_values": "constant_values"})
_define(_reverse, "reverse", {"axis": "axis"})
_define(ops.broadcast_to, "broadcast_to", {"shape": "shape"})
_define(ops.where, "where where_v2", {"x": "x1", "y": "x2"})
_define(_resize, "image.resize", {"size": "size", "method": "method", "antialias": "antialias"})
_define(_dropped, "nn.dropout", {"rate": "rate", "noise_shape": "noise_shape", "seed": "seed"})


# --- nodes of TensorFlow's graph ---------------------------------------------------------------------------------
_NODES = {
    **{"Add": ops.add, "AddV2": ops.add, "Sub": ops.subtract, "Mul": ops.multiply, "RealDiv": ops.true_divide},
    **{"Pow": ops.power, "Maximum": ops.maximum, "Minimum": ops.minimum, "SquaredDifference": ops.squared_difference},
    **{"FloorDiv": ops.floor_divide, "FloorMod": ops.mod, "DivNoNan": ops.divide_no_nan, "BiasAdd": _bias_add},
    **{"Neg": ops.negative, "Abs": ops.absolute, "Square": ops.square, "Sqrt": ops.sqrt, "Rsqrt": ops.rsqrt},
    **{"Exp": ops.exp, "Log": ops.log, "Log1p": ops.log1p, "Tanh": ops.tanh, "Sigmoid": ops.sigmoid},
    **{"Relu": ops.relu, "Relu6": ops.relu6, "Elu": ops.elu, "Selu": ops.selu, "Softmax": ops.softmax},
    **{"Softplus": ops.softplus, "Floor": ops.floor, "Ceil": ops.ceil, "Round": ops.round, "Sign": ops.sign},
    **{"Sin": ops.sin, "Cos": ops.cos, "Reciprocal": ops.reciprocal, "Identity": _linear},
}
_NODE_REDUCTIONS = {"Sum": ops.sum, "Mean": ops.mean, "Max": ops.max, "Min": ops.min, "Prod": ops.prod}


def _node_function(name: str, config: dict):
    node, constants = config.get("node_def"), config.get("constants") or {}
    if not isinstance(node, dict) or not isinstance(constants, dict):
        raise NotImplementedError(
            f"Layer '{name}' of class {_NODE_LAYER} describes its node in a form that is not read; build the model in "
            "code, and load the weights with load_weights()."
        )
    kind, attributes = node.get("op"), node.get("attr") or {}
    fixed = {int(place): value for place, value in constants.items()}

    def function(*xs):
        xs = list(xs[0]) if len(xs) == 1 and isinstance(xs[0], (list, tuple)) else list(xs)
        for place in sorted(fixed):
            xs.insert(place, fixed[place])
        return _node(name, kind, attributes, xs)

    return function


def _node(name, kind, attributes, xs):
    if kind in _NODES:
        return _NODES[kind](*(np.asarray(x, "float32") if isinstance(x, (list, float, int)) else x for x in xs))
    if kind in _NODE_REDUCTIONS:
        axes = xs[1] if isinstance(xs[1], int) else tuple(xs[1])
        return _NODE_REDUCTIONS[kind](xs[0], axis=axes, keepdims=bool(attributes.get("keep_dims", {}).get("b")))
    if kind == "Reshape":
        return ops.reshape(xs[0], tuple(xs[1]))
    if kind == "Transpose":
        return ops.transpose(xs[0], tuple(xs[1]))
    if kind == "ExpandDims":
        return ops.expand_dims(xs[0], xs[1])
    if kind == "ConcatV2":
        return ops.concatenate(xs[:-1], xs[-1])
    if kind == "Cast":
        return ops.cast(xs[0], attributes["DstT"]["type"].removeprefix("DT_").lower().replace("float", "float32", 1))
    if kind == "StridedSlice":
        return _strided_slice(attributes, *xs)
    raise NotImplementedError(
        f"Layer '{name}' of the file is the node {kind!r} of TensorFlow's graph, for which pykernels has no function."
    )


def _strided_slice(attributes, x, begin, end, strides):
    masks = {key: int(attributes.get(f"{key}_mask", {}).get("i", 0)) for key in ("begin", "end", "shrink_axis")}
    if any(int(attributes.get(f"{key}_mask", {}).get("i", 0)) for key in ("ellipsis", "new_axis")):
        raise NotImplementedError("A slice with an ellipsis or a new axis in a node of TensorFlow's graph is not read.")
    key = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if masks["shrink_axis"] >> i & 1:
            key.append(first)
            continue
        open_start, open_end = masks["begin"] >> i & 1, masks["end"] >> i & 1 or last >= TO_END
        key.append(slice(None if open_start else first, None if open_end else last, step))
    return x[tuple(key)]
