"""`keras.ops.numpy`: the ops under the name of the module in which Keras has those of NumPy."""

import importlib as _importlib

_ops = _importlib.import_module(__name__.rpartition(".")[0])


def __getattr__(name):
    if name.startswith("_") or name not in _ops.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_ops, name)


def __dir__():
    return sorted(_ops.__all__)
