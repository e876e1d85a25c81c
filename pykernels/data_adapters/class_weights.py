"""Sample weights from weights of classes."""

from __future__ import annotations

import numpy as np

from ..utils.checks import check_number
from ..utils.error_origin import brief
from ..utils.tree import LEAF, match_outputs, tree_flatten
from .arrays import Data


def with_class_weights(model, data: Data, class_weight) -> Data:
    """`data` with sample weights from weights of classes: a dict of class -> weight for models with one output; by
    output name, or a list, for several (as Keras 1 had it).

    Raises:
        ValueError: no targets, sample weights as well, or one dict of classes for several outputs.
    """
    if not data.ys:
        raise ValueError("`class_weight` needs targets, and none were given.")
    if data.weights:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if data.y_spec == LEAF:
        return data._replace(weights=(class_weights(data.ys[0], class_weight),), weight_spec=LEAF)
    names = model.output_names
    if isinstance(class_weight, dict) and class_weight.keys() <= set(names):
        class_weight = [class_weight.get(name) for name in names]
    if not isinstance(class_weight, (list, tuple)) or len(class_weight) != len(names):
        raise ValueError(
            "`class_weight` is only supported for Models with a single output. For several, pass a dict of output name "
            "-> dict of class -> weight, or `sample_weight`."
        )
    no_loss = [False] * len(names)
    targets = match_outputs(data.y, names, no_loss, no_loss, "y")
    pairs = zip(targets, class_weight, strict=True)
    weights = [None if w is None or t is None else class_weights(t, w) for t, w in pairs]
    leaves, spec = tree_flatten(weights)
    return data._replace(weights=tuple(leaves), weight_spec=spec)


def class_weights(y: np.ndarray, class_weight: dict) -> np.ndarray:
    """One weight per sample from a dict of class -> weight; classes that are not in it get 1."""
    if not isinstance(class_weight, dict):
        raise ValueError(
            f"`class_weight` must be a dict of class number -> weight. Received: {class_weight!r} "
            f"(of type {type(class_weight)}). For a list: dict(enumerate(weights))"
        )
    labels = y
    if y.ndim > 1:
        labels = np.argmax(y, axis=-1) if y.shape[-1] != 1 else y[..., 0]
    if labels.ndim > 1:
        raise ValueError(
            f"`class_weight` needs one class per sample; `y` has shape {y.shape}. Use `sample_weight` instead."
        )
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(len(labels), "float32")
    for label, weight in class_weight.items():
        check_number("fit()", f"class_weight[{brief(label)}]", weight)
        weights[labels == _class_number(label)] = weight
    return weights


def _class_number(label) -> int:
    try:
        number = int(label)
        if number == float(label):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        f"`class_weight` must be a dict of class number -> weight, with whole numbers as keys. Received: {brief(label)}"
    )


def is_given(class_weight) -> bool:
    """Whether there are weights of classes at all; an empty dict has none."""
    return class_weight is not None and not (isinstance(class_weight, (dict, list, tuple)) and not class_weight)
