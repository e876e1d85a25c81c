"""Arguments of `compile` as Keras 1, 2 and 3 wrote them, in today's form. Data in, data out: nothing is built here."""

from __future__ import annotations

import re

from ..utils.serialization import builtin
from .legacy_layers import accepted

_PARTS = ("loss", "metrics", "weighted_metrics", "loss_weights")
_OPTIONS = ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")
_CLIPS_TOGETHER = re.compile(r"(0|1)\.|2\.[0-3]\.\d+$")  # those of tf.keras end in "-tf"
_WRAPPERS = ("MeanMetricWrapper", "LossFunctionWrapper")
_HOLDERS = ("keras.losses", "keras.metrics")


def modern_compile(config: dict, version: str | None = None) -> dict:
    """The arguments of `compile` from `training_config` of an `.h5` file, or `compile_config` of an archive.

    Args:
        version: of the Keras that wrote it, where it is known.

    Raises:
        ValueError: not a dict, or a mode of sample weights that is gone.
    """
    if not isinstance(config, dict):
        raise ValueError(f"The training configuration should be a dict. Received: {str(config)[:300]}")
    if config.get("sample_weight_mode") not in (None, [], [None], {}):
        raise ValueError(f"sample_weight_mode={config['sample_weight_mode']!r} of the file is not known to Keras 3.")
    result = {key: value for key, value in config.items() if key not in ("optimizer_config", "sample_weight_mode")}
    for key in _PARTS:
        if config.get(key):
            result[key] = _plain(config[key])
    for key in _OPTIONS:
        if key in result and result[key] is None:
            del result[key]
    if "optimizer" in config or "optimizer_config" in config:
        result["optimizer"] = _optimizer(config.get("optimizer_config", config.get("optimizer")))
        if isinstance(version, str) and _CLIPS_TOGETHER.match(version):
            result["optimizer"] = _clipped_together(result["optimizer"])
    return result


def _clipped_together(optimizer):
    """The standalone Keras bounded the norm of all gradients together by `clipnorm`."""
    inner = optimizer.get("config") if isinstance(optimizer, dict) else None
    if not isinstance(inner, dict) or inner.get("clipnorm") is None:
        return optimizer
    rest = {key: value for key, value in inner.items() if key != "clipnorm"}
    return {**optimizer, "config": {**rest, "global_clipnorm": inner["clipnorm"]}}


def _optimizer(optimizer):
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("config"), dict):
        return optimizer
    if optimizer.get("class_name") == "LossScaleOptimizer":  # around the optimizer, for float16
        inner = optimizer["config"].get("inner_optimizer", optimizer["config"].get("optimizer"))
        return _optimizer(inner) if isinstance(inner, dict) else optimizer
    inner = {k: v for k, v in optimizer["config"].items() if k not in ("jit_compile", "is_legacy_optimizer")}
    if inner.get("name") is None:
        inner.pop("name", None)
    rate = inner.get("learning_rate", inner.get("lr"))
    if isinstance(rate, int) and not isinstance(rate, bool):
        inner["learning_rate" if "learning_rate" in inner else "lr"] = float(rate)
    elif isinstance(rate, dict) and "class_name" in rate:
        inner["learning_rate"] = {"module": "keras.optimizers.schedules", **rate}
    name = str(optimizer.get("class_name"))
    own = name.rpartition(">")[2]
    if builtin("keras.optimizers", own) is None or name == own:
        return {**optimizer, "config": inner}
    return {"class_name": own, "config": inner}  # tf.keras registered its own as "Custom>Adam"


def _plain(value):
    """Losses and metrics: wrappers around functions by name become the names."""
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        return items[0] if len(items) == 1 and isinstance(items[0], list) else items  # tf.keras: a list per output
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _plain(item) for key, item in value.items()}
    inner, name = value.get("config"), str(value["class_name"])
    if not isinstance(inner, dict):
        return value
    if name in _WRAPPERS and isinstance(inner.get("fn"), str):
        return inner["name"] if inner.get("name") in ("accuracy", "acc") else inner["fn"]
    cls = next((found for module in _HOLDERS if (found := builtin(module, name)) is not None), None)
    kept = {k: v for k, v in inner.items() if not (k == "reduction" and v in ("auto", "none"))}
    if cls is not None and isinstance(cls, type) and "fn" not in accepted(cls):
        kept.pop("fn", None)
    return {**value, "config": kept}
