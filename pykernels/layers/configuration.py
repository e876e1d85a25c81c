"""What a layer writes into files about itself, and how it is made from that again."""

from __future__ import annotations

import inspect

from .. import regularizers
from ..utils.tree import flatten, is_shape, map_shapes
from .dtype_policy import DTypePolicy


class LayerConfig:
    """The configuration of a layer: its arguments, and the shapes that it was built for."""

    name: str
    _build_shapes_dict: dict | None

    @property
    def dtype_policy(self) -> DTypePolicy:
        """What `dtype` means for computations and variables."""
        return DTypePolicy(self._dtype)

    @dtype_policy.setter
    def dtype_policy(self, value):
        raise NotImplementedError(
            f"Layer '{self.name}': the dtype of a layer stays what it is. Pass it to the constructor: "
            f"{type(self).__name__}(..., dtype={getattr(value, 'name', value)!r})"
        )

    @property
    def quantization_mode(self) -> None:
        """None: layers are not quantized."""
        return None

    def get_config(self) -> dict:
        """The arguments of the constructor as a dict of plain values. A subclass adds its own to
        `super().get_config()`."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.serialized(),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(type(self).get_config, "is_automatic", False):
            config.update(self._automatic_config())
        return config

    get_config.is_automatic = True

    def _automatic_config(self) -> dict:
        """Arguments of a subclass without `get_config`, as it was called; they must be plain values."""
        args, kwargs = self._auto_config
        signature = inspect.signature(type(self).__init__)
        rest = {p.name: p.kind for p in signature.parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        values = {}
        for name, value in list(signature.bind(self, *args, **kwargs).arguments.items())[1:]:
            if name not in rest:
                values[name] = value
            elif rest[name] is inspect.Parameter.VAR_KEYWORD:
                values.update(value)
        plain = (str, int, float, bool, type(None))
        for name, value in values.items():
            if name not in ("name", "trainable", "dtype") and not all(isinstance(x, plain) for x in flatten(value)):
                raise NotImplementedError(
                    f"Object {type(self).__name__} was created by passing non-serializable argument values in "
                    f"`__init__()` ('{name}'), and therefore the object must override `get_config()` in order to be "
                    "serializable."
                )
        return {name: value for name, value in values.items() if name not in ("name", "trainable", "dtype")}

    @classmethod
    def from_config(cls, config):
        """Makes a layer from the dict that `get_config` returned."""
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def get_build_config(self) -> dict | None:
        """A dict with the shapes that `build` was called with, for saving; None before `build`."""
        shapes = self._build_shapes_dict
        if not shapes:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict) -> None:
        """Builds the layer from the dict that `get_build_config` returned. Raises ValueError for what are no shapes."""
        shapes = config.get("shapes_dict") or {"input_shape": config.get("input_shape")}
        if not isinstance(shapes, dict) or not all(_are_shapes(shape) for shape in shapes.values()):
            raise ValueError(f"Layer '{self.name}' cannot be built for the shapes of its configuration: {config}")
        shapes = {name: map_shapes(tuple, shape) for name, shape in shapes.items()}
        if "shapes_dict" in config:
            self.build(**shapes)
        elif "input_shape" in config:
            self.build(shapes["input_shape"])

    def __getstate__(self):
        """Copies and pickles are by value; symbolic tensors stay behind (models make theirs again)."""
        state = self.__dict__.copy()
        state.pop("_walk", None)
        state["_inbound_nodes"] = []
        state["_losses"] = []
        state["_auto_config"] = self._auto_config if getattr(type(self).get_config, "is_automatic", False) else ((), {})
        return state


def _are_shapes(value) -> bool:
    """Whether this is a shape, or a list or dict of them."""
    if is_shape(value):
        return True
    if not isinstance(value, (dict, list, tuple)):
        return False
    return all(_are_shapes(item) for item in (value.values() if isinstance(value, dict) else value))
