"""Ops called on symbolic tensors, in the configuration of a model: as Keras's operation classes where it has them."""

from __future__ import annotations

import inspect

import numpy as np

from .. import activations, ops
from ..graph import OP_TABLES, apply, definition, op_names
from ..layers.layer_graph import LayerCall, Slot
from ..ops import activations as elementwise_activations
from ..ops import binary, complex_numbers, elementwise
from ..ops.array import TO_END
from ..ops.image import RESIZE_INTERPOLATIONS
from ..ops.shapes import known
from ..utils.naming import to_camel_case
from ..utils.tree import map_structure
from . import tf_ops

_NUMPY, _NN, _CORE = "keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.core"
_IMAGE, _OF_ACTIVATIONS = "keras.src.ops.image", "keras.src.activations.activations"
_OWN = "pykernels.ops"
_OF_TF_OPS = tuple(f"{root}.layers.core.tf_op_layer" for root in ("keras.src", "keras", "tf_keras.src"))

# Ops that a class of Keras describes without arguments: module and class.
_BY_OP = {op: (f"keras.src.ops.{keras}", to_camel_case(op)) for op in op_names() if (keras := definition(op).keras)}
# Ops whose attributes have other names in Keras: module, class, and its arguments from the attributes.
_RENAMED = {
    "softmax": (_NN, "Softmax", lambda a: {"axis": -1}),
    "log_softmax": (_NN, "LogSoftmax", lambda a: {"axis": -1}),
    "one_hot": (_NN, "OneHot", lambda a: {**a, "axis": -1, "sparse": False}),
    "clip": (_NUMPY, "Clip", lambda a: {"x_min": a["min"], "x_max": a["max"]}),
    "argmax": (_NUMPY, "Argmax", lambda a: {"axis": a["axis"], "keepdims": a["keepdims"]}),
    "argmin": (_NUMPY, "Argmin", lambda a: {"axis": a["axis"], "keepdims": a["keepdims"]}),
    "take": (_NUMPY, "Take", lambda a: {"axis": 0}),
    "cast": (_CORE, "Cast", lambda a: {"dtype": a["dtype"]}),
}
_WITH_DTYPE = ("Cast", "OneHot")  # Keras's classes for which `dtype` is an argument of the op
_REDUCTIONS = {"sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod", "any": "Any", "all": "All"}

# Ops of functions: a file describes none.
_TAKE_FUNCTIONS = frozenset((*ops.ON_DEMAND["control"].split(), "jvp"))
# What a file may name: Keras's classes -> functions of pykernels.ops. Only computations, and nothing else.
_READABLE = {
    to_camel_case(name): name
    for name in (
        *(*elementwise.__all__, *binary.__all__, *complex_numbers.__all__, *elementwise_activations.__all__),
        *_REDUCTIONS,
        *("amax", "amin", "argmax", "argmin", "average", "average_pool", "broadcast_to", "cast"),
        *("concatenate", "conv", "conv_transpose", "count_nonzero", "depthwise_conv", "dot"),
        *("expand_dims", "flip", "full_like", "get_item", "glu", "hstack", "inner", "log_softmax"),
        *("logsumexp", "max_pool", "moments", "moveaxis", "norm", "normalize", "one_hot", "ones_like"),
        *("outer", "pad", "ptp", "ravel", "repeat", "reshape", "roll", "separable_conv", "softmax"),
        *("split", "squeeze", "stack", "std", "stop_gradient", "swapaxes", "take", "tensordot", "tile"),
        *("transpose", "tril", "triu", "unstack", "var", "vdot", "vstack", "zeros_like", "matmul"),
        *("segment_sum", "top_k"),
        *(name for names in ops.ON_DEMAND.values() for name in names.split() if name not in _TAKE_FUNCTIONS),
    )
}
# Functions of other modules, and names that do not follow the rule.
_READABLE_ELSEWHERE = {
    "Resize": ops.image.resize,
    "ReLU": activations.relu,
    "Mish": activations.mish,
}
# Ops of pykernels that Keras has no class for; a file of pykernels may name them.
_OWN_OPS = frozenset(
    (
        *(name for family in ("unary", "predicate", "binary", "compare") for name in OP_TABLES[family]),
        *("activation", "argmax", "argmin", "broadcast_to", "cast", "clip", "concatenate", "log_softmax", "matmul"),
        *(
            "one_hot",
            "pad",
            "reshape",
            "resize",
            "slice",
            "softmax",
            "take",
            "take_grad",
            "top_k",
            "transpose",
            *_REDUCTIONS,
        ),
    )
)


def op_config(step: LayerCall, name: str, tensors: list) -> tuple[dict, list, dict]:
    """(config, args, kwargs) of a call of an op; `tensors` are those of its graph."""
    op, args, attrs = step.target, [_value(a) for a in step.args], dict(step.kwargs)
    first = step.args[0] if step.args else None
    x = tensors[first.index] if isinstance(first, Slot) else None
    for form in (_plain, _activation, _renamed, _reduction, _padded, _spread, _resized, _layout):
        found = form(op, args, attrs, x)
        if found is not None:
            module, cls, config, args, *rest = found
            config = {"name": name, **config}
            return (
                {"module": module, "class_name": cls, "config": config, "registered_name": cls},
                args,
                *(rest or [{}]),
            )
    if not _is_own(op):
        raise NotImplementedError(
            f"A model that calls the op '{op}' on symbolic tensors cannot be saved with its configuration. Put it "
            "into a Layer subclass, or use save_weights()."
        )
    config = {"name": name, "op": op, "attributes": map_structure(_value, attrs)}
    return {"module": _OWN, "class_name": "GraphOp", "config": config, "registered_name": None}, args, {}


def _is_own(op) -> bool:
    """Whether a file may name an op of pykernels."""
    return op in _OWN_OPS or op in _BY_OP or op in ops.load_all()


def _value(x):
    if isinstance(x, (np.ndarray, np.generic)) and np.ndim(x) == 0:
        return x.item()
    return x.numpy() if hasattr(x, "assign") else x


def _plain(op, args, attrs, x):
    if op in _BY_OP and not any(attrs.get(key) for key in ("transpose_a", "transpose_b")) and not attrs.get("bias"):
        if op == "matmul" and (len(args) != 2 or attrs.get("activation", "linear") != "linear"):
            return None
        return *_BY_OP[op], {}, args
    return None


def _activation(op, args, attrs, x):
    form = elementwise_activations.FORMS[attrs["activation"]] if op == "activation" else None
    if form is None or form.keras is None:
        return None
    module = _OF_ACTIVATIONS if form.keras == "activations" else f"keras.src.ops.{form.keras}"
    cls = form.keras_class or to_camel_case(attrs["activation"])
    return module, cls, form.keras_arguments(attrs["alpha"]), args


def _renamed(op, args, attrs, x):
    if op not in _RENAMED:
        return None
    module, cls, arguments = _RENAMED[op]
    return module, cls, map_structure(_value, arguments(attrs)), args


def _reduction(op, args, attrs, x):
    if op not in _REDUCTIONS or not isinstance(args[0], Slot):
        return None
    axes = [int(a) for a in attrs["axes"]]
    return _NUMPY, _REDUCTIONS[op], {"axis": axes, "keepdims": bool(attrs.get("keepdims", False))}, args


def _padded(op, args, attrs, x):
    if op != "pad":
        return None
    widths = [[int(n) for n in pair] for pair in zip(attrs["before"], attrs["after"], strict=True)]
    kwargs = {"constant_values": _value(attrs["value"])} if attrs["value"] != 0 else {}
    return _NUMPY, "Pad", {"pad_width": widths, "mode": "constant"}, args, kwargs


def _spread(op, args, attrs, x):
    """Extents of 1 repeated: Keras's BroadcastTo would need to know the size of the batch, and Tile does not."""
    if op != "broadcast_to" or x is None:
        return None
    new = [int(n) for n in attrs["shape"]]
    old = [1] * (len(new) - len(x.shape)) + list(known(x.shape))
    if any(a != b and (a != 1 or b < 0) for a, b in zip(old, new, strict=True)):
        return None
    return _NUMPY, "Tile", {"repeats": [1 if a == b else b for a, b in zip(old, new, strict=True)]}, args


def _resized(op, args, attrs, x):
    if op != "resize" or attrs["method"] not in RESIZE_INTERPOLATIONS or min(attrs["size"]) < 1:
        return None
    if x is None or x.dtype[0] != "f":  # Keras rounds to integers here, and this op does not
        return None
    config = {
        "size": [int(n) for n in attrs["size"]],
        "interpolation": attrs["method"],
        "antialias": attrs["antialias"],
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": False,
        "fill_mode": "constant",
        "fill_value": 0.0,
        "data_format": "channels_last",
    }
    return _IMAGE, "Resize", config, args


def _layout(op, args, attrs, x):
    if op == "transpose":
        return _NUMPY, "Transpose", {"axes": [int(a) for a in attrs["axes"]]}, args
    if op == "concatenate":
        return _NUMPY, "Concatenate", {"axis": int(attrs["axis"])}, [args]
    if op == "reshape" and attrs.get("differentiable", True):
        return _NUMPY, "Reshape", {"newshape": [int(n) for n in attrs["shape"]]}, args
    if op == "reshape":  # without a gradient
        same = x is not None and tuple(attrs["shape"]) == known(x.shape)
        return (_CORE, "StopGradient", {}, args) if same else None
    if op == "slice":
        return _NUMPY, "GetItem", {}, [*args, [_slice(*ends) for ends in zip(*_ends(attrs), strict=True)]]
    return None


def _ends(attrs):
    return attrs["start"], attrs["stop"], attrs["step"]


def _slice(start: int, stop: int, step: int) -> slice:
    """As Python has it: up to the end is None, also where the length is not known or the step is negative."""
    beyond = stop < 0 if step < 0 else stop >= TO_END
    return slice(None if start >= TO_END else int(start), None if beyond else int(stop), int(step))


class GraphOp:
    """An op named in a configuration, which can be called."""

    def __init__(self, name: str, function, config: dict):
        self.name = name
        self._function = function
        self._config = config

    def __call__(self, *args, **kwargs):
        signature = inspect.signature(self._function)
        try:
            signature.bind(*args, **self._config, **kwargs)
        except TypeError as error:
            raise ValueError(
                f"The operation '{self.name}' of the model's configuration takes {signature}. Received: {len(args)} "
                f"arguments, and by name {sorted([*self._config, *kwargs])}"
            ) from error
        try:
            return self._function(*args, **self._config, **kwargs)
        except TypeError as error:
            raise ValueError(f"The operation '{self.name}' of the model's configuration: {error}") from error

    @classmethod
    def from_entry(cls, entry: dict) -> GraphOp | None:
        """The op that an entry of a model's configuration means; None when it means a layer."""
        module, kind, config = entry.get("module"), entry.get("class_name"), dict(entry["config"])
        name = str(config.pop("name", kind))
        if kind in tf_ops.CLASSES and module in (None, "keras.layers", *_OF_TF_OPS):
            return cls(name, tf_ops.tf_function(kind, name, config), {})
        if module == _OWN and kind == "GraphOp":
            op = config.get("op")
            if not _is_own(op):
                raise ValueError(f"The configuration of the model names an unknown op: {op!r}")
            attributes = {key: _tuples(value) for key, value in config.get("attributes", {}).items()}
            return cls(name, lambda *args: apply(op, list(args), **attributes), {})
        is_op = str(module).startswith(("keras.src.ops.", _OF_ACTIVATIONS)) or (
            module in (None, "keras.layers") and _called_as_op(entry)
        )
        if not is_op or (kind not in _READABLE and (module is None or kind not in _READABLE_ELSEWHERE)):
            return None
        if kind not in _WITH_DTYPE:
            config.pop("dtype", None)
        function = _get_item if kind == "GetItem" else _READABLE_ELSEWHERE.get(kind)
        function = function or getattr(ops, _READABLE[kind], None)
        if function is None:
            raise NotImplementedError(f"The operation '{kind}' of the model's configuration is not in pykernels.ops.")
        return cls(name, function, {key: _tuples(value) for key, value in config.items()})


def _get_item(x, key=()):
    return x[_tuples(key)]


def _tuples(x):
    return tuple(_tuples(item) for item in x) if isinstance(x, list) else x


def _called_as_op(entry: dict) -> bool:
    """In older files an op `Multiply` and a layer `Multiply` look alike but for their arguments."""
    nodes = entry.get("inbound_nodes") or []
    is_layer = entry["class_name"] not in _READABLE or "trainable" in entry["config"]
    if is_layer or not nodes or not isinstance(nodes[0], dict):
        return False
    args = nodes[0].get("args") or [None]
    return len(args) > 1 or not isinstance(args[0], list)
