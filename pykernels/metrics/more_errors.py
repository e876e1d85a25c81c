"""More losses as metrics: regression, hinge, divergences; the functions that `keras.metrics` shares with losses."""

from __future__ import annotations

from ..losses.hinges import categorical_hinge, hinge, squared_hinge
from ..losses.probabilistic import binary_focal_crossentropy, categorical_focal_crossentropy, kl_divergence, poisson
from ..losses.regression import huber, log_cosh, mean_absolute_percentage_error, mean_squared_logarithmic_error
from .reduction import NamedMean

__all__ = [
    "CategoricalHinge",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SquaredHinge",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "squared_hinge",
]


class MeanAbsolutePercentageError(NamedMean):
    """The mean of `100 |y_true - y_pred| / |y_true|` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(NamedMean):
    """The mean of `(log(y_true + 1) - log(y_pred + 1)) ** 2` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(NamedMean):
    """The mean of `log(cosh(y_pred - y_true))` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(log_cosh, name, dtype)


class Hinge(NamedMean):
    """The mean of `max(1 - y_true y_pred, 0)` over all samples; targets are -1 or 1, or 0 or 1.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="hinge", dtype=None):
        super().__init__(hinge, name, dtype)


class SquaredHinge(NamedMean):
    """The mean of `max(1 - y_true y_pred, 0) ** 2` over all samples; targets are -1 or 1, or 0 or 1.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(NamedMean):
    """The mean of `losses.categorical_hinge` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, name, dtype)


class KLDivergence(NamedMean):
    """The mean of `sum(y_true log(y_true / y_pred))` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, name, dtype)


class Poisson(NamedMean):
    """The mean of `y_pred - y_true log(y_pred)` over all samples.

    Args:
        name: str, the name in logs and results.
        dtype: name of the dtype of the result. Default None: `config.floatx()`.
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(poisson, name, dtype)
