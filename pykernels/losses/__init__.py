"""Losses: functions per sample, objects with a reduction, and `get`."""

from __future__ import annotations

from ..utils.later import Later
from ..utils.serialization import deserialize_keras_object, register_module, resolve, serialize_keras_object
from .classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from .functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from .loss import Loss, LossFunctionWrapper
from .loss import Reduction as Reduction  # of tf.keras

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]

_ALL = (
    Loss,
    LossFunctionWrapper,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
_OBJECTS = {
    **{item.__name__: item for item in _ALL},
    "bce": binary_crossentropy,
    "BCE": binary_crossentropy,
    "mae": mean_absolute_error,
    "MAE": mean_absolute_error,
    "mse": mean_squared_error,
    "MSE": mean_squared_error,
}
register_module("keras.losses", _OBJECTS)
_LATER = Later(
    __name__,
    "keras.losses",
    {
        "regression": """
            mean_absolute_percentage_error mean_squared_logarithmic_error cosine_similarity huber log_cosh
            MeanAbsolutePercentageError MeanSquaredLogarithmicError CosineSimilarity Huber LogCosh
        """,
        "hinges": "hinge squared_hinge categorical_hinge Hinge SquaredHinge CategoricalHinge",
        "probabilistic": """
            kl_divergence poisson binary_focal_crossentropy categorical_focal_crossentropy
            categorical_generalized_cross_entropy KLDivergence Poisson BinaryFocalCrossentropy
            CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
        """,
        "overlap": "dice tversky Dice Tversky",
        "circles": "circle Circle",
        "temporal": "ctc CTC",
    },
    {
        **dict.fromkeys(("mape", "MAPE"), "mean_absolute_percentage_error"),
        **dict.fromkeys(("msle", "MSLE"), "mean_squared_logarithmic_error"),
        # Keras 1 and 2
        **dict.fromkeys(("kld", "KLD", "kullback_leibler_divergence"), "kl_divergence"),
        **dict.fromkeys(("cosine_proximity", "cosine"), "cosine_similarity"),
        "logcosh": "log_cosh",
        "huber_loss": "huber",
    },
    found=_OBJECTS,
)
__all__ += _LATER.where
__getattr__ = _LATER.attribute

# Keras 1 and 2 had these as functions too.
bce = BCE = binary_crossentropy
mae = MAE = mean_absolute_error
mse = MSE = mean_squared_error


def serialize(loss):
    """The configuration of a loss object or function as a dict of plain values, for `deserialize`.

    Args:
        loss: a `Loss` or a function of this module.
    """
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """Makes a loss from a dict that `serialize` returned.

    Args:
        name: dict.
        custom_objects: dict of name -> class or function. Default None.

    Raises:
        TypeError: an unknown class.
    """
    return deserialize_keras_object(name, custom_objects=custom_objects, module_objects=_LATER.known(name))


def get(identifier):
    """Finds a loss.

    Args:
        identifier: name, configuration dict, class, object, function or None. A snake-case name ("mse",
            "mean_squared_error") gives the function, a class name ("MeanSquaredError") a new object.

    Returns:
        A callable `(y_true, y_pred) -> loss`; None for None.

    Raises:
        ValueError: an unknown name; the message lists similar names.
    """
    return resolve(identifier, "loss", _LATER.known(identifier))
