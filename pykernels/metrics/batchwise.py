"""The metrics of Keras 1 that are computed for each batch and averaged: precision, recall, F-scores, correlation.

`Precision`, `Recall` and `FBetaScore` count over all batches instead, which gives other values.
"""

from __future__ import annotations

from .. import config, ops


def _decided(y_true, y_pred):
    """Targets and predictions rounded to 0 or 1, of one float dtype."""
    y_pred = ops.convert_to_tensor(y_pred, dtype=config.floatx())
    y_true = ops.convert_to_tensor(y_true, dtype=config.floatx())
    return ops.round(ops.clip(y_true, 0.0, 1.0)), ops.round(ops.clip(y_pred, 0.0, 1.0))


def precision(y_true, y_pred):
    """How much of what a batch's predictions call positive is.

    Args:
        y_true: targets 0 or 1, any shape.
        y_pred: predictions from 0 to 1, the same shape; above 0.5 is positive.

    Returns:
        A float scalar.
    """
    y_true, y_pred = _decided(y_true, y_pred)
    return ops.sum(y_true * y_pred) / (ops.sum(y_pred) + config.epsilon())


def recall(y_true, y_pred):
    """How much of what is positive in a batch its predictions call so.

    Args:
        y_true: targets 0 or 1, any shape.
        y_pred: predictions from 0 to 1, the same shape; above 0.5 is positive.

    Returns:
        A float scalar.
    """
    y_true, y_pred = _decided(y_true, y_pred)
    return ops.sum(y_true * y_pred) / (ops.sum(y_true) + config.epsilon())


def fbeta_score(y_true, y_pred, beta=1):
    """The weighted harmonic mean of `precision` and `recall` of a batch; 0 where nothing is positive.

    Args:
        y_true: targets 0 or 1, any shape.
        y_pred: predictions from 0 to 1, the same shape; above 0.5 is positive.
        beta: number, not negative: how much more recall counts than precision. Default 1.

    Returns:
        A float scalar.

    Raises:
        ValueError: a negative `beta`.
    """
    if beta < 0:
        raise ValueError(f"The lowest choosable beta is zero (only precision). Received: beta={beta}")
    p, r = precision(y_true, y_pred), recall(y_true, y_pred)
    return (1 + beta**2) * (p * r) / (beta**2 * p + r + config.epsilon())


def fmeasure(y_true, y_pred):
    """`fbeta_score` with beta 1.

    Args:
        y_true: targets 0 or 1, any shape.
        y_pred: predictions from 0 to 1, the same shape; above 0.5 is positive.

    Returns:
        A float scalar.
    """
    return fbeta_score(y_true, y_pred, beta=1)


def matthews_correlation(y_true, y_pred):
    """Matthews' coefficient of correlation between the targets and the decisions of a batch, from -1 to 1.

    Args:
        y_true: targets 0 or 1, any shape.
        y_pred: predictions from 0 to 1, the same shape; above 0.5 is positive.

    Returns:
        A float scalar.
    """
    y_true, y_pred = _decided(y_true, y_pred)
    tp, tn = ops.sum(y_true * y_pred), ops.sum((1 - y_true) * (1 - y_pred))
    fp, fn = ops.sum((1 - y_true) * y_pred), ops.sum(y_true * (1 - y_pred))
    size = ops.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / (size + config.epsilon())
