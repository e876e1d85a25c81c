"""Configurations of Keras 1 and 2, and of early versions of Keras 3, in the form of today's. Data in, data out: nothing
is built here."""

from __future__ import annotations

from ..utils.serialization import builtin, keras_module
from .legacy_compile import modern_compile
from .legacy_layers import CLASSES, modern_dtype, modern_layer, modern_part
from .merged_branches import merged_branches

_MODELS = ("Sequential", "Functional")
_WITHOUT_ORDER = ("ZeroPadding2D", "Cropping2D", "UpSampling2D", "SpatialDropout2D", "MaxPooling2D", "AveragePooling2D")
_LAYER_KEYS = ("layer", "backward_layer", "cell", "cells", "activation")
_LAYERS = ("keras.layers", "keras.models", "keras.engine")


def is_legacy(config) -> bool:
    """Whether a layer's configuration is of Keras 1 or 2: no class says which module it is from, or one that Keras 3
    does not have, or the shape of an input has its old name."""
    if not isinstance(config, dict):
        return False
    if "module" not in config:
        return True
    inner, module = config.get("config"), str(config["module"])
    return (isinstance(inner, dict) and "batch_input_shape" in inner) or "tf_keras" in module or ".engine." in module


def modern_model(config: dict) -> dict:
    """The configuration of a model or layer of any era as that of Keras 3.

    Raises:
        ValueError: something that no version of Keras wrote.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ValueError(
            "The configuration should be a dict with `class_name` and `config`. Received: " + str(config)[:300]
        )
    return _modern_layer(config) if _is_layer(config) else {**config, "config": _modern_values(config["config"])}


def _is_layer(entry: dict) -> bool:
    """Whether it is one of Keras's own layers or models, or (where the file does not say) may be."""
    if "module" not in entry:
        return True
    module = keras_module(entry["module"])
    if entry["class_name"] == "function" or not isinstance(entry["config"], (dict, list)):
        return False
    return module is not None and (module == "keras" or module.startswith(_LAYERS))


def _modern_layer(config: dict) -> dict:
    name = CLASSES.get(config["class_name"], config["class_name"])
    inner = config["config"]
    if config["class_name"] == "CuDNNGRU" and isinstance(inner, dict):
        inner = {**inner, "reset_after": True}
    if isinstance(inner, list):  # Sequential before Keras 2.2.3
        inner = {"layers": inner}
    if not isinstance(inner, dict):
        raise ValueError(f"The configuration of '{name}' should be a dict. Received: {str(inner)[:300]}")
    is_model = name in _MODELS or ("layers" in inner and ("input_layers" in inner or "build_input_shape" in inner))
    if is_model:
        layers = inner.get("layers")
        merged = merged_branches(layers) if name == "Sequential" and isinstance(layers, list) else None
        if merged is not None:
            name, inner = "Functional", {**inner, **merged}
            layers = inner["layers"]
        if not isinstance(layers, list):
            raise ValueError(f"The configuration of '{name}' has no list `layers`.")
        inner = _with_dtype({**inner, "layers": _layers(layers, name == "Sequential")})
    else:
        known = builtin("keras.layers", name) is not None or name == "Merge"
        name, inner = modern_layer(name, inner) if known else (name, inner)
        inner = _modern_values(_with_dtype(inner))
    module = config.get("module")
    if "module" not in config or is_legacy(config) or name in _MODELS:
        module = "keras.models" if name in _MODELS else "keras.layers"
    result = {**config, "class_name": name, "config": inner, "module": module}
    if isinstance(config.get("compile_config"), dict):
        result["compile_config"] = modern_compile(config["compile_config"])
    return result


def _with_dtype(config: dict) -> dict:
    if "dtype" not in config:
        return config
    dtype = modern_dtype(config["dtype"])
    rest = {key: value for key, value in config.items() if key != "dtype"}
    return rest if dtype is None else {**rest, "dtype": dtype}


def _with_dim_ordering(layers: list) -> list:
    """Keras 1 left the order of dimensions out for some layers, which took it from the user's settings: it was that of
    the others."""
    configs = [x["config"] for x in layers if isinstance(x, dict) and isinstance(x.get("config"), dict)]
    if {c["dim_ordering"] for c in configs if isinstance(c.get("dim_ordering"), str)} != {"th"}:
        return layers
    return [
        {**x, "config": {"dim_ordering": "th", **x["config"]}}
        if isinstance(x, dict) and x.get("class_name") in _WITHOUT_ORDER and isinstance(x.get("config"), dict)
        else x
        for x in layers
    ]


def _layers(layers: list, sequential: bool) -> list:
    result = []
    for layer in _with_dim_ordering(layers):
        entry = modern_model(layer)
        config = entry["config"]
        shape = _first_shape(layer) if sequential and not result else None
        if shape is not None and entry["class_name"] != "InputLayer":
            dtype = layer["config"].get("input_dtype") or "float32"
            given = {"batch_shape": shape, "dtype": dtype, "name": f"{config.get('name', 'layer')}_input"}
            result.append({"class_name": "InputLayer", "config": given, "module": "keras.layers"})
        result.append(entry)
    return result


def _first_shape(layer) -> list | None:
    """The input shape that the first layer of a Sequential carries."""
    config = layer.get("config") if isinstance(layer, dict) else None
    if not isinstance(config, dict):
        return None
    shape = config.get("batch_input_shape")
    if shape is None and isinstance(config.get("input_dim"), int) and layer.get("class_name") != "Embedding":
        shape = [None, config["input_dim"]]
    return shape


def _modern_values(config):
    return {key: _modern_value(key, value) for key, value in config.items()} if isinstance(config, dict) else config


def _modern_value(key: str, value):
    if isinstance(value, list):
        return [_modern_value(key, item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    name = value.get("class_name")
    is_layer = key in _LAYER_KEYS or name in ("Model", *_MODELS) or (name is not None and "module" in value)
    if key == "activation" and (not isinstance(name, str) or builtin("keras.layers", name) is None):
        return value
    if is_layer and isinstance(name, str) and "config" in value and _is_layer(value):
        return modern_model(value)
    if name is None and "name" not in value:
        return _modern_values(value)
    return modern_part(key, value)
