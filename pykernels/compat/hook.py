"""One meta-path finder, in front of all others, that answers ``import keras`` and ``import tensorflow``.

The modules it answers for are those of pykernels, those of Keras (`keras_names.txt`, made from an installed Keras), and
the old ones in `pykernels.compat.tables`. A module it makes is a `Facade`: it holds nothing, and looks an attribute up
when asked, in this order: plain values, submodules, the pykernels module behind it, the names that live elsewhere, and
last the names that Keras has and pykernels lacks, which become placeholders that raise when used. Everything else is an
error that says so.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from pykernels.compat import tables

_PACKAGE = "pykernels"
_TOP_LEVEL = frozenset(name.partition(".")[0] for name in (*tables.ROOTS, *tables.TENSORFLOW, *tables.PACKAGES))


def _target_module(path: str) -> ModuleType | None:
    """The pykernels module at `path` (without ``pykernels.``), or None when pykernels has no such module."""
    name = f"{_PACKAGE}.{path}" if path else _PACKAGE
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name + ".").startswith(error.name + "."):
            return None
        raise


def _find(path: str) -> Any:
    """The object or module at ``module.name`` in pykernels; raises LookupError when it is not there."""
    module_path, _, name = path.rpartition(".")
    module = _target_module(module_path)
    try:
        return getattr(module, name)
    except AttributeError:
        pass
    except ModuleNotFoundError as error:  # a lazy attribute of a module that does not exist
        if not (error.name or "").startswith(_PACKAGE):
            raise
    module = _target_module(path)
    if module is None:
        raise LookupError(path)
    return module


def _available(paths: dict[str, str]) -> set[str]:
    """Of {name: path}, the names whose path leads to something other than a module."""
    names = set()
    for name, path in paths.items():
        try:
            if not isinstance(_find(path), ModuleType):
                names.add(name)
        except LookupError:
            continue
    return names


def _advice(target: str) -> str:
    known = [key for key in tables.INSTEAD if target == key or target.startswith(key + ".")]
    return f" Instead: {tables.INSTEAD[max(known, key=len)]}." if known else ""


def _missing(name: str, target: str, known: Sequence[str] = ()) -> str:
    advice = _advice(target)
    close = difflib.get_close_matches(name.rpartition(".")[2], known, 1)
    if close and not advice:
        advice = f" Did you mean {close[0]!r}?"
    return f"pykernels does not have {name!r}.{advice}"


class _Placeholder(type):
    """Metaclass of names that Keras has and pykernels lacks: to import one is harmless, to use it raises."""

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(cls.message)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedError(cls.message)


def _refuse_subclass(cls: type, **kwargs: Any) -> NoReturn:
    raise NotImplementedError(cls.message)  # type: ignore[attr-defined]


def _placeholder(name: str, target: str) -> type:
    message = _missing(name, target)
    contents = {"message": message, "__doc__": message, "__init_subclass__": classmethod(_refuse_subclass)}
    return _Placeholder(name.rpartition(".")[2], (), contents)


class Facade(ModuleType):
    """A module whose attributes are looked up in the tables and in pykernels.

    `_target` is the pykernels module behind it (``"layers"``), or None for modules of TensorFlow that hold a few names
    from elsewhere.
    """

    _target: str | None
    _names: dict[str, str]
    _keras_names: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return self._public()
        if name == "__version__" and self.__name__ in tables.VERSIONS:
            return f"{tables.VERSIONS[self.__name__]}+{_PACKAGE}.{importlib.import_module(_PACKAGE).__version__}"
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        values = tables.VALUES.get(self.__name__, {})
        if name in values:
            return values[name]
        full_name = f"{self.__name__}.{name}"
        if _describe(full_name, exact=True) is not None:
            return importlib.import_module(full_name)
        paths = [] if self._target is None else [self._path(name)]
        if self.__name__ in tables.TENSORFLOW:
            paths = [path for path in paths if name in _target_module(self._target).__all__]
        elif self._target and "." in self._target:  # keras.ops.nn has names that are defined in pykernels.ops alone
            paths.append(f"{self._target.partition('.')[0]}.{name}")
        paths += [self._names[name]] if name in self._names else []
        for path in paths:
            try:
                return _find(path)
            except LookupError:
                continue
        if name in self._names or name in self._keras_names:
            return _placeholder(full_name, paths[0] if self._target is not None and paths else self._names[name])
        raise AttributeError(self._lacks(name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`keras.layers.merge` was a function first and a module later: the module can be called."""
        path = f"{self._target}.{self.__name__.rpartition('.')[2]}"
        try:
            function = _find(path)
        except LookupError:
            function = None
        if not callable(function):
            raise TypeError(f"module {self.__name__!r} is not callable")
        return function(*args, **kwargs)

    def __reduce__(self) -> Any:
        """Pickled by its name: the processes of `n_jobs` are sent functions whose globals hold modules."""
        return _module, (self.__name__,)

    def _path(self, name: str) -> str:
        if self._target is None:
            return f"{self.__name__}.{name}"
        return f"{self._target}.{name}" if self._target else name

    def _lacks(self, name: str) -> str:
        full_name = f"{self.__name__}.{name}"
        target = full_name if self.__name__ in tables.TENSORFLOW else self._path(name)
        return _missing(full_name, target, self._public())

    def _public(self) -> list[str]:
        """What ``from module import *`` brings: names that work, no placeholders; of Keras itself, its modules too."""
        names = set(tables.VALUES.get(self.__name__, {})) | _available(self._names)
        target = None if self._target is None else _target_module(self._target)
        if target is not None:
            public = getattr(target, "__all__", None) or [n for n in vars(target) if not n.startswith("_")]
            names |= _available({name: self._path(name) for name in public})
        if self._target == "":
            names |= {name for name in importlib.import_module(_PACKAGE).SUBMODULES if name not in tables.NOT_OF_KERAS}
        return sorted(names)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._public()})


def _describe(full_name: str, exact: bool = False) -> tuple[str | None, dict[str, str], frozenset[str]] | None:
    """(target, names, names of Keras) of the module called `full_name`; None when there is no such module.

    exact: whether a file within a package of `keras.src`, which may be a name as well, counts as no module.
    """
    if full_name in tables.TENSORFLOW:
        return tables.TENSORFLOW_MODULES.get(full_name), tables.TENSORFLOW[full_name], frozenset()
    target = tables.PACKAGES.get(full_name)
    for root in tables.ROOTS:
        if target is None and (full_name == root or full_name.startswith(root + ".")):
            target = _target_of(full_name[len(root) + 1 :], exact)
    if target is None:
        return None
    of_keras = {*tables.keras_names().get(target, ()), *tables.KERAS_NAMES.get(target, "").split()}
    return target, tables.NAMES.get(target, {}), frozenset(of_keras)


def _target_of(path: str, exact: bool) -> str | None:
    """What serves the module `path` of Keras (without its root); None when neither Keras nor pykernels has it."""
    internal = False
    while (head := path.partition("."))[0] in tables.TRANSPARENT:
        internal, path = internal or head[0] == "src", head[2]
        if path == "keras" or path.startswith("keras."):  # keras._tf_keras.keras
            path = path[6:]
    while True:
        if path in tables.MODULES:
            return tables.MODULES[path]
        if path in tables.keras_names() or path in tables.OLD_MODULES or _is_public(path):
            return path
        if exact or not internal or "." not in path:
            return None
        path = path.rpartition(".")[0]  # keras.src.layers.core.dense: the names are those of keras.layers


def _is_public(path: str) -> bool:
    return path in importlib.import_module(_PACKAGE).SUBMODULES and path not in tables.NOT_OF_KERAS


def _exists(full_name: str) -> bool:
    return _describe(full_name) is not None


class _Loader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Facade(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        assert isinstance(module, Facade)
        module._target, module._names, module._keras_names = _describe(module.__name__) or (None, {}, frozenset())


class Finder(importlib.abc.MetaPathFinder):
    """Answers for every module under the names of the tables: an installed Keras or TensorFlow is never reached."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in _TOP_LEVEL:
            return None
        if not _exists(fullname):
            parent, _, name = fullname.rpartition(".")
            module = sys.modules.get(parent)
            message = module._lacks(name) if isinstance(module, Facade) else _missing(fullname, fullname)
            # Without `name=`, "from keras.layers import X" shows this message and not Python's own.
            raise ModuleNotFoundError(message)
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(), origin=_origin(fullname), is_package=True)
        spec.submodule_search_locations = []
        return spec


def _origin(full_name: str) -> str:
    description = _describe(full_name)
    target = description[0] if description else None
    return f"{_PACKAGE}.{target}" if target else _PACKAGE


_finder = Finder()


def is_installed() -> bool:
    """True between `install` and `uninstall`."""
    return _finder in sys.meta_path


def install() -> None:
    """From now on ``import keras``, ``from tensorflow import keras`` and their submodules mean pykernels.

    Installed versions of Keras or TensorFlow are not touched and not loaded. Calling it again does nothing.

    Raises:
        ImportError: Keras or TensorFlow was imported before; the two would get mixed up.
    """
    if is_installed():
        return
    loaded = sorted(name for name in _TOP_LEVEL if name in sys.modules)
    if loaded:
        raise ImportError(
            f"pykernels.install() must come before 'import {loaded[0]}': {', '.join(loaded)} is already loaded in this "
            "process. Move it to the top of the script, or run the script with 'python -m pykernels script.py'."
        )
    sys.meta_path.insert(0, _finder)


def version() -> str:
    """The version of Keras whose behaviour scripts see: what `keras.version()` is."""
    return f"{tables.VERSIONS['keras']}+{_PACKAGE}.{importlib.import_module(_PACKAGE).__version__}"


def _module(name: str) -> ModuleType:
    install()
    return importlib.import_module(name)


def uninstall() -> None:
    """Undo `install`: the names mean again what they meant before. Objects already imported stay usable."""
    if is_installed():
        sys.meta_path.remove(_finder)
    for name in [name for name, module in sys.modules.items() if isinstance(module, Facade)]:
        del sys.modules[name]


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext pykernels`` in a notebook."""
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext pykernels``."""
    uninstall()
