"""The arguments of layers, and of what is in them, as Keras 1, 2 and early versions of Keras 3 wrote them, in today's
form. Data in, data out: nothing is built here."""

from __future__ import annotations

import functools
import inspect

from ..user_warning import warn
from ..utils.serialization import builtin

# Class names that have another one now.
CLASSES = {
    "Container": "Functional",
    "Model": "Functional",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
}
# `mode` of Keras 1's Merge layer.
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}
_ANY = object()
# Keys that a layer may have no argument for any more, and the values that changed nothing. None changes nothing in any.
_WITHOUT_EFFECT = {
    "input_dtype": _ANY,
    "batch_input_shape": _ANY,
    "input_dim": _ANY,
    "input_length": _ANY,
    "sparse": (False,),
    "ragged": (False,),
    "sparse_input": (False,),
    "synchronized": (False,),
    "renorm": (False,),
    "renorm_clipping": _ANY,
    "renorm_momentum": _ANY,
    "fused": _ANY,
    "mode": (0,),
    "groups": (1,),
    "interpolation": ("nearest",),
    "autocast": _ANY,
    "experimental_autocast": _ANY,
    "expects_training_arg": _ANY,
    "dynamic": (False,),
    "stateful": (False,),
    "time_major": (False,),
    "num_constants": _ANY,
    "implementation": _ANY,
    "value_range": _ANY,  # of Keras 3.0 to 3.5, for layers that move pixels
    "data_format": ("channels_last",),
    "keepdims": (False,),
    "force_generator": _ANY,
    "rng_type": _ANY,
    "antialias": (False,),
    "use_cudnn_on_gpu": _ANY,
    "enable_lora": (False,),
    "filters": (None,),
}
# Keys that the general classes of Keras 2 wrote for layers that have no use for them.
_UNUSED = {
    "DepthwiseConv2D": ("filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv1D": ("filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv1D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SpatialDropout1D": ("noise_shape",),
    "SpatialDropout2D": ("noise_shape",),
}
_AS_INPUTS = ("infer", "_infer")
_MIXED = ("mixed_float16", "mixed_bfloat16")
_DISTRIBUTIONS = {"normal": "truncated_normal"}
# Regularizers of Keras 1 (where a regularizer is a dict with "name").
_REGULARIZERS = {
    "WeightRegularizer": "L1L2",
    "ActivityRegularizer": "L1L2",
    "L1L2Regularizer": "L1L2",
}


def modern_layer(name: str, config: dict) -> tuple[str, dict]:
    """(class, arguments) of a layer of Keras; `name` is already that of today, or "Merge"."""
    config = dict(config)
    if name == "InputLayer":
        config.setdefault("batch_shape", config.pop("batch_input_shape", None))
        config.pop("batch_input_shape", None)
    elif name == "Merge":
        name, config = _merge(config)
    elif name == "Lambda":
        config = _lambda(config)
    elif name in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)  # as it was before there was a choice
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    cls = builtin("keras.layers", name)
    if cls is not None:
        config = {key: _plain_number(value) for key, value in config.items()}
        _drop_old_spellings(cls, config)
        unused = _UNUSED.get(name, ())
        for key in [key for key in config if key in unused or key not in accepted(cls)]:
            if key in unused or _changes_nothing(key, config[key]):
                del config[key]
    return name, config


def _plain_number(value):
    """Keras 3.0 wrote the numbers of some layers as arrays."""
    if isinstance(value, dict) and value.get("class_name") == "__numpy__" and isinstance(value.get("config"), dict):
        number = value["config"].get("value")
        return number if isinstance(number, (int, float)) else value
    return value


def _drop_old_spellings(cls, config: dict) -> None:
    """Where a file has an argument under its old name and its new one, with one value, the new one stays."""
    for base in cls.__mro__:
        for old, new in getattr(vars(base).get("__init__"), "renamed", {}).items():
            if old in config and new in config and config[old] == config[new]:
                del config[old]
    if config.get("kernel_size") is not None and config["kernel_size"] == [config.get("nb_row"), config.get("nb_col")]:
        del config["nb_row"], config["nb_col"]


def _changes_nothing(key: str, value) -> bool:
    values = _WITHOUT_EFFECT.get(key, ())
    return value is None or values is _ANY or value in values


@functools.lru_cache(None)
def accepted(cls) -> frozenset[str]:
    """The names of the arguments that a class of pykernels takes, those of earlier versions of Keras included."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        init = vars(base)["__init__"]
        names |= getattr(init, "old_names", frozenset())
        parameters = inspect.signature(init).parameters.values()
        names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return frozenset(names - {"self"})


def modern_dtype(dtype):
    """The dtype of a policy of Keras 2 or 3; None for one that only said: as the inputs.

    A policy of mixed precision keeps its weights in float32, and here it computes in float32 too: a warning says so.
    """
    if isinstance(dtype, dict) and str(dtype.get("class_name")).startswith(("Policy", "DTypePolicy")):
        inner = dtype.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        dtype = name if name in _AS_INPUTS or name in _MIXED else dtype
    if isinstance(dtype, str) and dtype in _MIXED:
        warn(f"The model was saved with the policy '{dtype}'; pykernels computes it in float32, as its weights are.")
        return "float32"
    return None if isinstance(dtype, str) and dtype in _AS_INPUTS else dtype


def _lambda(config: dict) -> dict:
    """Code was a list [code, defaults, closure]; whether it is code or a name, stood beside it."""
    given, config = config, {k: v for k, v in config.items() if k not in ("module", "output_shape_module")}
    for key in ("function", "output_shape"):
        kind = config.pop(f"{key}_type", "lambda" if key == "function" else None)
        code = config.get(key)
        if kind == "lambda" and (isinstance(code, list) or (isinstance(code, str) and f"{key}_type" in given)):
            if isinstance(code, list):
                code = dict(zip(("code", "defaults", "closure"), code, strict=False))
            config[key] = {"class_name": "__lambda__", "config": {"value": code}}
    return config


def _merge(config: dict) -> tuple[str, dict]:
    mode = config.get("mode")
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "cos":
        return "Dot", {**kept, "axes": config.get("dot_axes", -1), "normalize": True}
    if mode not in _MERGES:
        raise ValueError(
            f"A Merge layer of Keras 1 with mode {mode!r} is not read; build that part of the model in code."
        )
    if mode == "concat":
        kept["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        kept["axes"] = config.get("dot_axes", -1)
    return _MERGES[mode], kept


# --- what is in layers ------------------------------------------------------------------------------------------
def modern_part(key: str, value: dict) -> dict:
    """An initializer, regularizer, constraint, policy, ... of any era."""
    if "class_name" not in value:
        is_part = key.endswith(("regularizer", "constraint")) and isinstance(value.get("name"), str)
        return _named_part(value) if is_part else value
    inner = value.get("config")
    if not isinstance(inner, dict):
        return value
    inner, name = dict(inner), value["class_name"]
    if isinstance(name, str) and name[-2:] in ("V1", "V2") and builtin("keras.initializers", name[:-2]) is not None:
        value = {**value, "class_name": name[:-2]}
    if value["class_name"] == "VarianceScaling":
        inner["distribution"] = _DISTRIBUTIONS.get(inner.get("distribution"), inner.get("distribution"))
    if key.endswith(("_initializer", "init")):
        inner.pop("dtype", None)
    return {**value, "config": inner}


def _named_part(value: dict) -> dict:
    """A regularizer or constraint of Keras 1."""
    inner = {k: v for k, v in value.items() if k != "name"}
    return {"class_name": _REGULARIZERS.get(value["name"], value["name"]), "config": inner}
