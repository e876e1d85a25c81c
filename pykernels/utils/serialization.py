"""Objects to plain dicts and back, in the form of Keras 3 files. Reading never imports a module and never runs code
that came with the file: classes are looked up among pykernels' own, those registered, and those passed in."""

from __future__ import annotations

import contextlib
import inspect
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..user_warning import warn
from .code import load_function
from .error_origin import brief, is_unexplained
from .naming import nearest_names

_PLAIN = (str, int, float, bool)
_MAX_DEPTH = 100
_SIGNATURE = re.compile(r"__init__\(\) (got an unexpected keyword argument|missing)")  # Python names the argument
_ARRAY_TYPES = (
    *("float16", "float32", "float64", "bool"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)

# Keras's module name ("keras.losses") -> {name: class or function}; filled by pykernels' modules as they are imported.
_builtin: dict[str, dict] = {}
_later: dict[str, Callable[[str], Any]] = {}
# Classes that Keras's files name by the module they are written in.
_internal: dict[type, str] = {}
_registered_by_name: dict[str, object] = {}
_registered_names: dict[object, str] = {}
_scopes = threading.local()


class _UnlocatedError(TypeError):
    """A name that nobody has registered. Says enough as it is."""


def register_module(module: str, objects: dict) -> None:
    """Makes pykernels' own classes known under Keras's module name. For pykernels' modules."""
    _builtin.setdefault(module, {}).update(objects)


def register_later(module: str, load: Callable[[str], Any]) -> None:
    """`load(name)` imports and registers the object of Keras's module with that name, and returns it; None if there is
    none. For pykernels' modules that few programs need."""
    _later[module] = load


def register_internal(module: str, cls: type) -> None:
    """Makes a class known that Keras does not export. For pykernels' modules."""
    _internal[cls] = module
    _builtin.setdefault(module, {})[cls.__name__] = cls


def builtin(module: str, name: str):
    """The class or function of pykernels that Keras's module has under that name; None if there is none."""
    found = _builtin.get(module, {}).get(name)
    return _later[module](name) if found is None and module in _later else found


def public_module(cls) -> str | None:
    """Keras's name of the module that exports this class of pykernels, the shortest; None for other classes."""
    modules = [module for module, objects in _builtin.items() if objects.get(cls.__name__) is cls]
    return min(modules, key=len, default=None)


# --- the user's own classes -----------------------------------------------------------------------
def register_keras_serializable(package="Custom", name=None):
    """Decorator that makes a class or function known to files under `package>name`.

    Raises:
        ValueError: a class without `get_config`, or a name that another object has.
    """

    def decorate(arg):
        registered = f"{package}>{name or arg.__name__}"
        if inspect.isclass(arg) and not hasattr(arg, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _registered_by_name[registered] = arg
        _registered_names[arg] = registered
        return arg

    return decorate


def get_registered_name(obj) -> str:
    """The name under which `obj` was registered, else its own."""
    return _registered_names.get(obj) or obj.__name__


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The object of that name from scopes, `custom_objects`, registered ones and `module_objects`; None if unknown."""
    for table in (*reversed(_scope_stack()), custom_objects, _registered_by_name, module_objects):
        if table and name in table:
            return table[name]
    return None


def get_custom_objects() -> dict:
    """The dict of registered objects, which may be changed to add or remove some."""
    return _registered_by_name


def _scope_stack() -> list[dict]:
    if not hasattr(_scopes, "stack"):
        _scopes.stack = []
    return _scopes.stack


@contextlib.contextmanager
def custom_object_scope(custom_objects: dict):
    """Within `with custom_object_scope({"name": object}):`, names resolve to these objects first."""
    _scope_stack().append(dict(custom_objects or {}))
    try:
        yield
    finally:
        _scope_stack().pop()


CustomObjectScope = custom_object_scope


# --- trust ----------------------------------------------------------------------------------------
def in_safe_mode() -> bool:
    """Whether code that comes with a file is refused; True outside of `safe_mode_scope(False)`."""
    return getattr(_scopes, "safe", True)


@contextlib.contextmanager
def safe_mode_scope(safe_mode: bool):
    """Within `with safe_mode_scope(False):`, the lambdas of a file are loaded. Only for files that you trust."""
    outer = in_safe_mode()
    _scopes.safe = bool(safe_mode)
    try:
        yield
    finally:
        _scopes.safe = outer


@contextlib.contextmanager
def object_sharing_scope():
    """Within it, an object that occurs twice in what is written or read stays one object."""
    outer = getattr(_scopes, "written", None), getattr(_scopes, "made", None)
    _scopes.written, _scopes.made = {}, {}
    try:
        yield
    finally:
        _scopes.written, _scopes.made = outer


def _deeper():
    """Counts how deep configurations are nested."""
    depth = getattr(_scopes, "depth", 0)
    if depth > _MAX_DEPTH:
        raise ValueError(f"The configuration is nested more than {_MAX_DEPTH} deep, which no model is.")
    return depth


# --- out ------------------------------------------------------------------------------------------
def serialize_keras_object(obj):
    """The plain form (for JSON) of an object with `get_config()`, a function, or a nest of plain values.

    Raises:
        TypeError: an object without `get_config()`.
    """
    if obj is None or isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        return type(obj)([serialize_keras_object(x) for x in obj]) if type(obj) in (list, tuple) else list(obj)
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": {k: serialize_keras_object(v) for k, v in parts.items()}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, np.ndarray) and obj.ndim:
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, (np.generic, np.ndarray)):
        return obj.item()
    if inspect.isfunction(obj) or inspect.isbuiltin(obj):
        return {
            "module": "builtins",
            "class_name": "function",
            "config": get_registered_name(obj),
            "registered_name": "function",
        }
    if inspect.isclass(obj) or not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. To be serializable, a class must implement the "
            "`get_config()` method."
        )
    config = _class_config(obj)
    _mark_shared(obj, config)
    for part in ("build_config", "compile_config"):
        get = getattr(obj, f"get_{part}", None)
        value = get() if get is not None else None
        if value is not None:
            config[part] = serialize_keras_object(value)
    return config


def _mark_shared(obj, config: dict) -> None:
    """An object that is met a second time gets a number, here and where it was met first."""
    known = getattr(_scopes, "written", None)
    if known is None:
        return
    if id(obj) in known:
        config["shared_object_id"] = known[id(obj)][1]["shared_object_id"] = id(obj)
    else:
        known[id(obj)] = (obj, config)  # the object stays alive, so that its id stays its own


def _class_config(obj) -> dict:
    cls = type(obj)
    config = serialize_keras_object(obj.get_config())
    if cls in _internal:
        return {"module": _internal[cls], "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}
    module = public_module(cls)
    if module is not None:
        return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": None}
    return {
        "module": None if cls.__module__ in ("__main__", "builtins") else cls.__module__,
        "class_name": cls.__name__,
        "config": config,
        "registered_name": get_registered_name(cls),
    }


# --- in -------------------------------------------------------------------------------------------
def deserialize_keras_object(config, custom_objects=None, module_objects=None):
    """The object that `serialize_keras_object` described.

    Args:
        config: a plain value, a list or dict of them, or a dict with `class_name` and `config`.
        custom_objects: dict of names and the user's classes or functions.
        module_objects: dict of the names that a string or a dict without `module` may mean.

    Raises:
        TypeError: an unknown class or function, or a config that its class does not take.
    """
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects, module_objects)
        if found is None:
            return config
        return found() if inspect.isclass(found) else found
    if config is None or isinstance(config, _PLAIN):
        return config
    depth = _scopes.depth = _deeper() + 1
    try:
        return _from_container(config, custom_objects, module_objects)
    finally:
        _scopes.depth = depth - 1


def _from_container(config, custom_objects, module_objects):
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(x, custom_objects, module_objects) for x in config)
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config}")
    if "class_name" not in config:
        return {key: deserialize_keras_object(value, custom_objects, module_objects) for key, value in config.items()}
    return _from_class_config(config, custom_objects, module_objects)


def _from_class_config(config, custom_objects, module_objects):
    name, inner = config["class_name"], config.get("config") or {}
    if name == "__bytes__":
        return inner["value"].encode("utf-8")
    if name in ("__numpy__", "__tensor__"):
        return _array(inner)
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__slice__":
        return slice(*(inner[part] for part in ("start", "stop", "step")))
    if name == "__tuple__":
        return tuple(deserialize_keras_object(x, custom_objects, module_objects) for x in inner.get("value", inner))
    if name == "__lambda__":
        return _lambda(inner)
    if name == "function":
        return _find(inner, None, "function", config, custom_objects, module_objects)
    if not isinstance(name, str) or not isinstance(inner, dict):
        raise TypeError(f"Expected the name of a class and a dict `config`. Received: {str(config)[:500]}")
    made, number = getattr(_scopes, "made", None), config.get("shared_object_id")
    shared = made is not None and isinstance(number, int)
    if shared and number in made:
        return made[number]
    found = _make(config, name, inner, custom_objects, module_objects)
    if shared:
        made[number] = found
    return found


def _make(config, name, inner, custom_objects, module_objects):
    cls = _find(config.get("registered_name"), name, "class", config, custom_objects, module_objects)
    if not inspect.isclass(cls):
        return cls  # a function is looked up, never called with what a file says
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{name}' because the class is missing a `from_config()` method. "
            f"Full object config: {str(config)[:2000]}"
        )
    with custom_object_scope(custom_objects or {}):
        try:
            made = cls.from_config(dict(inner))
            _restore(made, config)
            return made
        except _UnlocatedError:
            raise
        except Exception as error:
            if is_unexplained(error) and not _SIGNATURE.search(str(error)):
                raise ValueError(
                    f"{name} cannot be made from its configuration {brief(inner, 500)}: a value in it is not of the "
                    "kind or size that the class takes."
                ) from error
            if isinstance(error, ValueError):
                raise _located(error, name, inner) from error
            if not isinstance(error, TypeError):
                raise
            raise TypeError(
                f"{cls} could not be deserialized properly. Please ensure that components that are Python object "
                "instances (layers, models, etc.) returned by `get_config()` are explicitly deserialized in the "
                f"model's `from_config()` method.\n\nconfig={str(config)[:2000]}.\n\nException encountered: {error}"
            ) from error


def _located(error: ValueError, name: str, inner: dict) -> ValueError:
    """`error`, with the class and the name of the object whose configuration it is about, where it names neither."""
    own = inner.get("name")
    if f"'{own}'" in str(error) or name in str(error) or "layers" in inner:
        return error
    return ValueError(f"{name}{f' {own!r}' if isinstance(own, str) else ''}: {error}")


def _restore(made, config) -> None:
    """What Keras keeps beside the arguments: the shapes that something was built for, and `compile`."""
    build_config, compile_config = config.get("build_config"), config.get("compile_config")
    if build_config and hasattr(made, "build_from_config") and not getattr(made, "built", False):
        made.build_from_config(build_config)
    if not compile_config or not hasattr(made, "compile_from_config"):
        return
    try:
        made.compile_from_config(compile_config)
    except (TypeError, ValueError) as error:
        warn(
            f"The model '{getattr(made, 'name', '')}' within the configuration was not compiled, since its training "
            f"configuration cannot be restored: {error} Compile it if you train it by itself."
        )


def _array(inner) -> np.ndarray:
    dtype = inner["dtype"]
    if dtype not in _ARRAY_TYPES:
        raise ValueError(
            f"An array of dtype {dtype!r} in a configuration is not read; it must be one of {_ARRAY_TYPES}."
        )
    return np.array(inner["value"], dtype=dtype)


def _lambda(inner):
    return load_lambda(inner.get("value", inner), "a layer")


def load_lambda(code, owner: str, custom_objects=None):
    """The function of bytecode that a file holds.

    Args:
        code: as `utils.code.load_function` takes it.
        owner: whose it is, for the message.
        custom_objects: names that the function may use, besides those of the scopes.

    Raises:
        ValueError: in safe mode; or bytecode that cannot be read.
    """
    if in_safe_mode():
        raise ValueError(
            f"The file holds the bytecode of a lambda ({owner}), which could do anything on this computer, and is not "
            "run by default. If you trust the file's author, pass `safe_mode=False`; better, give a function of your "
            "own in `custom_objects`, under the name of the layer."
        )
    names: dict = {}
    for table in (*_scope_stack(), custom_objects or {}):
        names.update(table)
    return load_function(code, names)


def keras_module(module) -> str | None:
    """The module of a configuration as Keras 3 calls it: those of tf.keras and tf_keras have other beginnings."""
    if not isinstance(module, str):
        return None
    for old in ("tensorflow.python.keras", "tensorflow.keras", "tf.keras", "tf_keras"):
        if module == old or module.startswith(old + "."):
            module = "keras" + module[len(old) :]
    return module.replace("keras.api._v2.", "").replace("keras.api.", "keras.").replace("keras.src.", "keras.")


def _find(registered_name, name, what, config, custom_objects, module_objects):
    for key in (registered_name, name):
        found = get_registered_object(key, custom_objects, module_objects) if key else None
        if found is not None:
            return found
    name = name or registered_name
    module = keras_module(config.get("module")) or ""
    if module.startswith(("keras", "pykernels", "builtins")):
        for public in _builtin:
            if module.startswith(public) or module == "builtins":
                found = builtin(public, name)
                if found is not None:
                    return found
    known = [*(module_objects or ()), *(custom_objects or ()), *_builtin.get(module, ())]
    raise _UnlocatedError(
        f"Could not locate {what} '{name}'.{nearest_names(name, known)} Make sure custom classes and functions are "
        "decorated with `@keras.saving.register_keras_serializable()`, or pass them in `custom_objects`. "
        f"Full object config: {str(config)[:2000]}"
    )


def resolve_registered(identifier, kind: str):
    """`resolve` among the objects that pykernels itself has registered as `keras.<kind>s`, for modules below those
    that define them."""
    return resolve(identifier, kind, _builtin.get(f"keras.{kind}s", {}))


def resolve(identifier, kind: str, objects: dict):
    """What the `get` functions of initializers, losses, metrics, ... do with an identifier.

    Args:
        identifier: None, a name, a config dict, a class, an instance or a function.
        kind: "initializer", "loss", ...; for the message.
        objects: dict of known names and classes or functions.

    Returns:
        None, an instance, or a function.

    Raises:
        ValueError: an unknown name (the message has the nearest known one) or something that cannot be called.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, str):
        found = get_registered_object(identifier, None, objects)
    elif isinstance(identifier, dict):
        found = _from_identifier_config(identifier, objects)
    if inspect.isclass(found):
        found = found()
    if not callable(found):
        name = identifier.get("class_name") if isinstance(identifier, dict) else identifier
        raise ValueError(f"Could not interpret {kind} identifier: {identifier}.{nearest_names(name, objects)}")
    return found


def _from_identifier_config(config, objects):
    name = config.get("class_name")
    if name == "function":
        name = config.get("config")
    names = (config.get("registered_name"), name)
    if any(isinstance(n, str) and get_registered_object(n, None, objects) is not None for n in names):
        return deserialize_keras_object(config, module_objects=objects)
    if isinstance(name, str) and keras_module(config.get("module")) == "keras.layers" and builtin("keras.layers", name):
        return deserialize_keras_object(config)  # a layer as an activation
    return None
