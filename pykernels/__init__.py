"""pykernels: the Keras workflow on the CPU you have.

`import pykernels as keras`, or run a Keras script as it is with `python -m pykernels script.py`. Submodules are loaded
when first used, so that importing costs little more than NumPy.
"""

import importlib as _importlib
import importlib.machinery as _machinery
import os as _os
import sys as _sys

if _machinery.PathFinder.find_spec(f"{__name__}._core", __path__) is None:
    # The source folder, found first because Python was started in the checkout: use the installed package.
    _here = _os.path.realpath(_os.path.dirname(__path__[0]))
    _elsewhere = [entry for entry in _sys.path if _os.path.realpath(entry or ".") != _here]
    _spec = _machinery.PathFinder.find_spec(__name__, _elsewhere)
    if _spec is not None and _spec.submodule_search_locations:
        __path__ = list(_spec.submodule_search_locations)

try:
    from ._core import __version__
except ImportError as error:  # a checkout that was never built, or a damaged install
    raise ImportError(
        f"the compiled core of pykernels cannot be loaded ({error}). Install the package with `pip install .` from "
        "the source folder (a C++17 compiler is needed)."
    ) from error

SUBMODULES = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "compat",
    "config",
    "constraints",
    "datasets",
    "graph",
    "initializations",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "summary",
    "utils",
    "visualization",
    "wrappers",
)

# Names that keras offers at its top level, and where they live here.
_NAMES = {
    "GradientTape": "graph",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Variable": "initializers",  # with which it comes, as a variable may be made by the name of one
    "function": "graph",
    "grad": "graph",
    "install": "compat",
    "load_ipython_extension": "compat",
    "uninstall": "compat",
    "value_and_grad": "graph",
    "unload_ipython_extension": "compat",
    "show_config": "config_info",
}

__all__ = ["__version__", *SUBMODULES, *_NAMES]


def __getattr__(name):
    if name in SUBMODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(_importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
