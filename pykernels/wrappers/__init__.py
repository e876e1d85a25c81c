"""Models as estimators of scikit-learn, which has to be installed; it is imported when a class of these is asked for.

`SKLearnClassifier`, `SKLearnRegressor` and `SKLearnTransformer` are those of Keras 3, `scikit_learn.KerasClassifier`
and `scikit_learn.KerasRegressor` those of Keras 1 and 2.
"""

from __future__ import annotations

import importlib as _importlib

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name):
    if name in __all__:
        value = getattr(_importlib.import_module(f"{__name__}.estimators"), name)
        globals()[name] = value
        return value
    if name == "scikit_learn":
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__, "scikit_learn"})
