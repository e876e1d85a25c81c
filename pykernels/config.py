"""Global settings (`keras.config`): default float type, fuzz factor, image layout."""

from __future__ import annotations

import os
from typing import Any

__all__ = [
    "backend",
    "disable_traceback_filtering",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_traceback_filtering_enabled",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_data_format",
]

_FLOAT_TYPES = ("float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")
DIM_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}  # of Keras 1

_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": None,  # nobody chose
    "traceback_filtering": True,
}


_KERAS_JSON_LIMIT = 1 << 20


def _read_keras_json() -> None:
    """Takes the settings from `keras.json` in the folder of Keras's files, as Keras does at its import.

    Raises:
        ValueError: a value that cannot be.
    """
    folder = os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))
    path = os.path.join(folder, "keras.json")
    if not os.path.isfile(path) or os.path.getsize(path) > _KERAS_JSON_LIMIT:
        return
    import json

    try:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
    except (ValueError, OSError, RecursionError):  # not JSON: Keras passes over it too
        return
    given = given if isinstance(given, dict) else {}
    try:
        layout = given.get("image_data_format", DIM_ORDERINGS.get(given.get("image_dim_ordering")))
        if "floatx" in given:
            set_floatx(given["floatx"])
        if "epsilon" in given:
            set_epsilon(given["epsilon"])
        # Keras itself writes "channels_last" into the file: that is nobody's choice.
        if layout is not None and standardize_data_format(layout) != "channels_last":
            set_image_data_format(layout)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def backend() -> str:
    """The name of the engine: `"pykernels"`."""
    return "pykernels"


def disable_traceback_filtering() -> None:
    """Accepted as in Keras. It changes what `is_traceback_filtering_enabled` says and nothing else: pykernels takes no
    lines out of tracebacks."""
    _settings["traceback_filtering"] = False


def enable_traceback_filtering() -> None:
    """Takes `disable_traceback_filtering` back. It has no other effect."""
    _settings["traceback_filtering"] = True


def is_traceback_filtering_enabled() -> bool:
    """True unless `disable_traceback_filtering` was called last."""
    return _settings["traceback_filtering"]


def floatx() -> str:
    """The default float type: `"float32"` unless `set_floatx` changed it."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Sets the default float type.

    Args:
        value: `"float32"` or `"float64"`.

    Raises:
        ValueError: for any other value, `"float16"` and `"bfloat16"` included.
    """
    if value not in _FLOAT_TYPES:
        raise ValueError(f"Unknown `floatx` value: {value}. Expected one of {_FLOAT_TYPES}")
    _settings["floatx"] = str(value)


def epsilon() -> float:
    """The fuzz factor of losses and normalizations: 1e-7 unless `set_epsilon` changed it."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Sets the fuzz factor. Raises ValueError unless `value` is a positive number below 1."""
    number = float(value)
    if not 0.0 < number < 1.0:
        raise ValueError(f"`epsilon` must be a small positive number (0 < epsilon < 1). Received: {value}")
    _settings["epsilon"] = number


def image_data_format() -> str:
    """The default image layout: `"channels_last"` unless `set_image_data_format` changed it."""
    return _settings["image_data_format"] or "channels_last"


def image_data_format_is_chosen() -> bool:
    """Whether `set_image_data_format` was called."""
    return _settings["image_data_format"] is not None


def set_image_data_format(data_format: str) -> None:
    """Sets the default image layout to `"channels_last"` or `"channels_first"`; ValueError for anything else."""
    _settings["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` checked and in lower case; the global default for None."""
    if data_format is None:
        return image_data_format()
    name = str(data_format).lower()
    if name not in _DATA_FORMATS:
        raise ValueError(
            f"The `data_format` argument must be one of {_DATA_FORMATS}. Received: data_format={data_format}"
        )
    return name


_read_keras_json()
