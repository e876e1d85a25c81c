"""Errors of layers whose arguments nobody expected: they name the layer and the arguments, not what Python says."""

from __future__ import annotations

import functools
import inspect

from ..utils.error_origin import brief, is_unexplained

_MOST = 1 << 47  # elements along one axis


def is_own(cls: type) -> bool:
    """Whether a class is one of pykernels: what the code of others raises is theirs."""
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def explained(init):
    """Decorator of a constructor: errors of Python's own become a ValueError that names class and arguments."""

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        try:
            init(self, *args, **kwargs)
        except Exception as error:
            if not is_unexplained(error):
                raise
            given = _unusual(type(self), init, (self, *args), kwargs)
            raise ValueError(
                f"{type(self).__name__} cannot be made with these arguments: {given}. One of them is not of the kind "
                "or size that it takes."
            ) from error

    return wrapper


def call_error(layer, args, kwargs, error: Exception) -> Exception | None:
    """What is raised instead of `error`, which came from a layer's `build` or `call`; None for itself."""
    if isinstance(error, MemoryError):
        return MemoryError(f"Layer '{layer.name}' ({_arguments(layer)}) needs more memory than there is: {error}")
    if str(error).startswith("op '"):
        why = str(error)
    elif is_unexplained(error):
        why = "one of its arguments is not of the kind or size that it takes"
    elif type(error) is ValueError and f"'{layer.name}'" not in str(error) and not hasattr(layer, "layers"):
        return ValueError(f"{error} (layer '{layer.name}')")
    else:
        return None
    shapes = [tuple(x.shape) for x in (*args, *kwargs.values()) if hasattr(x, "shape")]
    given = shapes[0] if len(shapes) == 1 else shapes
    return ValueError(f"Layer '{layer.name}' ({_arguments(layer)}) cannot be called on inputs of shape {given}: {why}.")


def check_shape(layer, shape) -> None:
    """Raises ValueError for an output that no memory holds."""
    if any(d is not None and not 0 <= d <= _MOST for d in shape):
        raise ValueError(
            f"Layer '{layer.name}' ({_arguments(layer)}) would give a tensor of shape {brief(tuple(shape), 200)}, "
            "which no memory holds."
        )


def _arguments(layer) -> str:
    args, kwargs = layer.__dict__.get("_auto_config", ((), {}))
    cls = type(layer)
    return f"{cls.__name__}({_unusual(cls, cls.__init__, (layer, *args), kwargs)})"


def _unusual(cls: type, init, args, kwargs) -> str:
    """The arguments that differ from their defaults, but the name."""
    try:
        parameters = inspect.signature(init).parameters
        bound = inspect.signature(init).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return ", ".join(f"{key}={brief(value)}" for key, value in kwargs.items())
    shown = []
    for key, value in list(bound.items())[1:]:
        if parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
            shown.extend((k, v) for k, v in value.items())
        elif not _same(value, parameters[key].default):
            shown.append((key, value))
    return ", ".join(f"{key}={brief(value)}" for key, value in shown if key != "name")


def _same(value, default) -> bool:
    return type(value) is type(default) and value is not inspect.Parameter.empty and repr(value) == repr(default)
