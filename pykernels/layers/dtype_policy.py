"""Dtypes of layers, as Keras's files and scripts name them."""

from __future__ import annotations

import numpy as np

from .. import config as settings

_DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


class DTypePolicy:
    """The dtype that a layer computes in and keeps its variables in.

    Args:
        name: of the dtype.
    """

    quantization_mode = None

    def __init__(self, name: str):
        self.name = name

    @property
    def compute_dtype(self) -> str:
        return self.name

    @property
    def variable_dtype(self) -> str:
        return self.name

    def get_config(self) -> dict:
        return {"name": self.name}

    def serialized(self) -> dict:
        """The form in files of Keras 3."""
        return {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": self.get_config(),
            "registered_name": None,
        }

    def __eq__(self, other):
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self):
        return hash(self.name)

    def __repr__(self):
        return f'<DTypePolicy "{self.name}">'


def dtype_name(layer_name: str, dtype) -> str:
    """The name of a dtype given as a name, a NumPy type, a policy object or the dict that describes a policy."""
    if dtype is None:
        return settings.floatx()
    name = dtype
    if isinstance(dtype, dict):
        config = dtype.get("config")
        name = config.get("name") if isinstance(config, dict) else None
    name = getattr(name, "name", name)
    if isinstance(name, type) and issubclass(name, (np.generic, int, float)):
        name = np.dtype(name).name
    if not isinstance(name, str) or name not in _DTYPES:
        raise ValueError(
            f"Layer '{layer_name}': dtype {name if isinstance(name, str) else dtype!r} is not supported; use one of "
            f"{', '.join(_DTYPES)}"
        )
    return name
