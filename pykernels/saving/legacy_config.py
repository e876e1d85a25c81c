"""Configurations of Keras 1 and 2 in the form of Keras 3. Data in, data out: nothing is built here."""

from __future__ import annotations

# Class names of Keras 1 and 2 that have another one now.
_CLASSES = {
    "Container": "Functional",
    "Model": "Functional",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "AvgPool2D": "AveragePooling2D",
    "MaxPool2D": "MaxPooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
}
_MODELS = ("Sequential", "Functional")
# `mode` of Keras 1's Merge layer.
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}
# Keys that no layer takes any more, dropped with the values that meant the default; None: whatever the value.
_DROPPED = {
    "input_dtype": None,
    "batch_input_shape": None,
    "input_dim": None,
    "input_length": None,
    "sparse": (False,),
    "ragged": (False,),
    "sparse_input": (False,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "quantization_config": (None,),
    "synchronized": (False,),
    "renorm": (False,),
    "renorm_clipping": None,
    "renorm_momentum": None,
    "virtual_batch_size": (None,),
    "fused": None,
    "adjustment": (None,),
    "beta_constraint_": (None,),
    "mode": (0,),
    "groups": (1,),
    "interpolation": ("nearest",),
    "is_legacy_optimizer": None,
    "jit_compile": None,
    "experimental_autocast": None,
    "expects_training_arg": None,
}
# Keys that the general classes of Keras 2 wrote for layers that have no use for them.
_UNUSED = {
    "DepthwiseConv2D": ("groups", "filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
# Layers that have these keys today.
_TAKES = {
    "sparse": ("InputLayer",),
    "ragged": ("InputLayer",),
    "groups": ("Conv1D", "Conv2D", "Conv3D"),
    "interpolation": ("UpSampling2D", "Resizing", "RandomRotation", "RandomZoom", "RandomTranslation"),
    "input_dim": ("Embedding",),
    "synchronized": ("BatchNormalization",),
    "quantization_config": ("Dense",),
    "lora_rank": ("Dense",),
    "lora_alpha": ("Dense",),
}
_INITIALIZERS = {"normal": "truncated_normal"}
# Keras 1 had no file suffix for these names either: identifiers of initializers that changed.
_PARAMETERS = ("kernel_constraint", "bias_constraint", "W_constraint", "b_constraint", "u_constraint")


def is_legacy(config) -> bool:
    """Whether a model's configuration is of Keras 1 or 2 (no class says which module it is from)."""
    return isinstance(config, dict) and "module" not in config


def modern_model(config: dict) -> dict:
    """The configuration of a model or layer of any era as that of Keras 3.

    Raises:
        ValueError: something that no version of Keras wrote.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ValueError(
            "The configuration should be a dict with `class_name` and `config`. Received: " + str(config)[:300]
        )
    if "module" in config:
        return config
    name = _CLASSES.get(config["class_name"], config["class_name"])
    inner = config["config"]
    if isinstance(inner, list):  # Sequential before Keras 2.2.3
        inner = {"layers": inner}
    if not isinstance(inner, dict):
        raise ValueError(f"The configuration of '{name}' should be a dict. Received: {str(inner)[:300]}")
    inner = dict(inner)
    if name in _MODELS or ("layers" in inner and ("input_layers" in inner or "build_input_shape" in inner)):
        layers = inner.get("layers")
        if not isinstance(layers, list):
            raise ValueError(f"The configuration of '{name}' has no list `layers`.")
        inner["layers"] = _layers(layers, name == "Sequential")
    else:
        name, inner = _modern_layer(name, inner)
    result = {**config, "class_name": name, "config": inner}
    return {**result, "module": "keras.models" if name in _MODELS else "keras.layers"}


def _layers(layers: list, sequential: bool) -> list:
    result = []
    for layer in layers:
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


def _modern_layer(name: str, config: dict) -> tuple[str, dict]:
    if name == "InputLayer":
        config.setdefault("batch_shape", config.pop("batch_input_shape", None))
        config.pop("batch_input_shape", None)
    if name == "Merge":
        name, config = _merge(config)
    if name == "Lambda":
        for key in ("module", "function_type", "output_shape_type", "output_shape_module"):
            config.pop(key, None)
        if isinstance(config.get("function"), list):
            code = dict(zip(("code", "defaults", "closure"), config["function"], strict=False))
            config["function"] = {"class_name": "__lambda__", "config": {"value": code}}
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    for key in _UNUSED.get(name, ()):
        config.pop(key, None)
    for key, values in _DROPPED.items():
        if key in config and name not in _TAKES.get(key, ()) and (values is None or config[key] in values):
            del config[key]
    return name, {key: _modern_value(key, value) for key, value in config.items()}


def _modern_value(key: str, value):
    if not isinstance(value, dict):
        return value
    if key == "layer" or value.get("class_name") in ("Sequential", "Model", "Functional"):
        return modern_model(value)
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    if "class_name" not in value and "name" in value:  # a regularizer or constraint of Keras 1
        inner = {k: v for k, v in value.items() if k != "name"}
        if value["name"] == "WeightRegularizer":
            return {"class_name": "L1L2", "config": inner}
        if value["name"] == "ActivityRegularizer":
            return {"class_name": "L1L2", "config": inner}
        return {"class_name": value["name"], "config": inner}
    if value.get("class_name") == "VarianceScaling" and isinstance(value.get("config"), dict):
        inner = dict(value["config"])
        inner["distribution"] = _INITIALIZERS.get(inner.get("distribution"), inner.get("distribution"))
        return {**value, "config": {k: v for k, v in inner.items() if k != "dtype"}}
    if isinstance(value.get("config"), dict) and value["config"].get("dtype") and _is_initializer(key):
        return {**value, "config": {k: v for k, v in value["config"].items() if k != "dtype"}}
    return value


def _is_initializer(key: str) -> bool:
    return key.endswith("_initializer") or key.endswith("init")


def _merge(config: dict) -> tuple[str, dict]:
    mode = config.get("mode")
    if mode not in _MERGES:
        raise ValueError(
            f"A Merge layer of Keras 1 with mode {mode!r} is not read; build that part of the model in code."
        )
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "concat":
        kept["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        kept["axes"] = config.get("dot_axes", -1)
    return _MERGES[mode], kept


# --- compile ----------------------------------------------------------------------------------------------------
def modern_compile(config: dict) -> dict:
    """`training_config` of an `.h5` file as the arguments of `compile`."""
    if not isinstance(config, dict):
        raise ValueError(f"The training configuration should be a dict. Received: {str(config)[:300]}")
    result = {
        key: _plain(config[key]) for key in ("loss", "metrics", "weighted_metrics", "loss_weights") if config.get(key)
    }
    optimizer = config.get("optimizer_config", config.get("optimizer"))
    if isinstance(optimizer, dict) and isinstance(optimizer.get("config"), dict):
        inner = {k: v for k, v in optimizer["config"].items() if k not in ("jit_compile", "is_legacy_optimizer")}
        if inner.get("name") is None:
            inner.pop("name", None)
        rate = inner.get("learning_rate", inner.get("lr"))
        if isinstance(rate, int) and not isinstance(rate, bool):
            inner["learning_rate" if "learning_rate" in inner else "lr"] = float(rate)
        name = str(optimizer.get("class_name"))
        optimizer = {**optimizer, "class_name": name.rpartition(">")[2] if ">" in name else name, "config": inner}
    result["optimizer"] = optimizer
    if config.get("sample_weight_mode") not in (None, [], [None], {}):
        raise ValueError(f"sample_weight_mode={config['sample_weight_mode']!r} of the file is not known to Keras 3.")
    return result


def _plain(value):
    """Losses and metrics: wrappers around functions by name become the names."""
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        return items[0] if len(items) == 1 and isinstance(items[0], list) else items  # tf.keras: a list per output
    if isinstance(value, dict):
        inner = value.get("config")
        wrapper = value.get("class_name") in ("MeanMetricWrapper", "LossFunctionWrapper")
        if wrapper and isinstance(inner, dict) and isinstance(inner.get("fn"), str):
            name = inner.get("name")
            return name if name in ("accuracy", "acc") else inner["fn"]
        if isinstance(inner, dict) and "class_name" in value:
            kept = {k: v for k, v in inner.items() if not (k == "reduction" and v in ("auto", "none"))}
            return {**value, "config": kept}
        if "class_name" not in value:
            return {key: _plain(item) for key, item in value.items()}
    return value
