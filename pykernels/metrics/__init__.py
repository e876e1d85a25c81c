"""Metrics: functions per sample, objects that accumulate over batches, and `get`."""

from __future__ import annotations

from ..losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from ..utils.later import Later
from ..utils.naming import to_snake_case
from ..utils.serialization import (
    deserialize_keras_object,
    register_later,
    register_module,
    resolve,
    serialize_keras_object,
)
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
)
from .metric import Metric
from .reduction import Mean, MeanMetricWrapper, Sum

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "Sum",
    "TopKCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

_CLASSES = (
    Metric,
    Mean,
    Sum,
    MeanMetricWrapper,
    MeanSquaredError,
    RootMeanSquaredError,
    MeanAbsoluteError,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
)
_OBJECTS = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "bce": BinaryCrossentropy,
    "BCE": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
}
register_module("keras.metrics", _OBJECTS)
_MODULES = {
    "agreement": "ConcordanceCorrelation CosineSimilarity PearsonCorrelation R2Score",
    "confusion": "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives",
    "curves": "AUC PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity",
    "f_score": "F1Score FBetaScore",
    "iou": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
    "more_errors": """
        CategoricalHinge Hinge KLDivergence LogCoshError MeanAbsolutePercentageError MeanSquaredLogarithmicError Poisson
        SquaredHinge
    """,
}
_LATER = Later(
    __name__,
    "keras.metrics",
    _MODULES,
    {
        **{to_snake_case(name): name for names in _MODULES.values() for name in names.split()},
        **dict.fromkeys(("mape", "MAPE"), "MeanAbsolutePercentageError"),
        **dict.fromkeys(("msle", "MSLE"), "MeanSquaredLogarithmicError"),
        # Keras 1 and 2
        **dict.fromkeys(("kl_divergence", "kullback_leibler_divergence", "kld", "KLD"), "KLDivergence"),
        **dict.fromkeys(("cosine", "cosine_proximity"), "CosineSimilarity"),
        **dict.fromkeys(("logcosh", "log_cosh"), "LogCoshError"),
    },
    found=_OBJECTS,
)
# What is a function where it is an attribute, and where its name stands for no class.
_FUNCTIONS = Later(
    __name__,
    "keras.metrics",
    {
        "agreement": "concordance_correlation cosine_similarity pearson_correlation",
        "batchwise": "fbeta_score fmeasure matthews_correlation precision recall",
        "more_errors": """
            binary_focal_crossentropy categorical_focal_crossentropy categorical_hinge hinge huber kl_divergence
            log_cosh mean_absolute_percentage_error mean_squared_logarithmic_error poisson squared_hinge
        """,
    },
    {"cosine_proximity": "cosine_similarity", "kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh"},
)
_OF_KERAS_1 = ("cosine_similarity", "fbeta_score", "fmeasure", "matthews_correlation", "precision", "recall")
__all__ += [*_LATER.where, *(name for name in _FUNCTIONS.where if name not in _OF_KERAS_1)]


def _find_later(name):
    """The object of that name, a class by its own name only; None if there is none."""
    return _LATER.load(name) if name in _LATER.where else _FUNCTIONS.load(name)


register_later("keras.metrics", _find_later)


def __getattr__(name):
    return _LATER.load(name) if name in _LATER.where else _FUNCTIONS.attribute(name)


def _known(identifier) -> dict:
    """Names and metrics, those that the identifier means imported: a class before a function of the same name."""
    return {**_FUNCTIONS.known(identifier), **_LATER.known(identifier)}


# Keras 1 and 2 had these as functions too.
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error


def serialize(metric):
    """The configuration of a metric object or function as a dict of plain values, for `deserialize`.

    Args:
        metric: a `Metric` or a function of this module.
    """
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """Makes a metric from a dict that `serialize` returned.

    Args:
        config: dict.
        custom_objects: dict of name -> class or function. Default None.

    Raises:
        TypeError: an unknown class.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_known(config))


def get(identifier):
    """Finds a metric.

    Args:
        identifier: name ("mse", "MeanSquaredError"), configuration dict, class, object, function or None. A name gives
            a new object.

    Returns:
        A metric or a callable; None for None.

    Raises:
        ValueError: an unknown name; the message lists similar names.
    """
    return resolve(identifier, "metric", _known(identifier))
