"""Small functions that scripts for Keras 1 and 2 take from `keras.utils` and its modules."""

from __future__ import annotations

import inspect
import math

import numpy as np

from .tree import flatten

__all__ = [
    "categorical_probas_to_classes",
    "convert_kernel",
    "count_params",
    "get_source_inputs",
    "has_arg",
    "print_summary",
    "probas_to_classes",
    "to_list",
]


def print_summary(model, line_length=None, positions=None, print_fn=None) -> None:
    """Prints `model.summary(line_length, positions, print_fn)`.

    Args:
        model: `Model`.
        line_length, positions, print_fn: as in `Model.summary`.
    """
    model.summary(line_length=line_length, positions=positions, print_fn=print_fn)


def count_params(weights) -> int:
    """How many numbers variables or arrays have.

    Args:
        weights: list of them.

    Returns:
        int.
    """
    unique = {id(weight): weight for weight in weights}.values()
    return sum(math.prod(np.shape(weight) if isinstance(weight, (list, tuple)) else weight.shape) for weight in unique)


def get_source_inputs(tensor) -> list:
    """The symbolic inputs that a symbolic tensor is computed from.

    Args:
        tensor: output of a layer, or a list of them.

    Returns:
        List of symbolic tensors, without repetition. A tensor that no layer made is its own source.
    """
    found: dict[int, object] = {}
    waiting, seen = flatten(tensor)[::-1], set()
    while waiting:
        one = waiting.pop()
        history = getattr(one, "_keras_history", None)
        if history is None:
            found[id(one)] = one
            continue
        operation, number = history.operation, history.node_index
        if (id(operation), number) in seen:
            continue
        seen.add((id(operation), number))
        given = [x for x in flatten(operation._inbound_nodes[number].arguments) if hasattr(x, "_keras_history")]
        if given:
            waiting.extend(given[::-1])
        else:
            found[id(one)] = one
    return list(found.values())


def probas_to_classes(y_pred) -> np.ndarray:
    """The classes of probabilities: the largest of several, or whether a single one is above 0.5.

    Args:
        y_pred: array of shape (samples, classes), (samples, 1) or (samples,).

    Returns:
        Array of int, of shape (samples,).
    """
    y_pred = np.asarray(y_pred)
    if y_pred.ndim > 1 and y_pred.shape[1] > 1:
        return categorical_probas_to_classes(y_pred)
    return (y_pred.reshape(len(y_pred), -1)[:, 0] > 0.5).astype(int)


def categorical_probas_to_classes(p) -> np.ndarray:
    """The class of the largest probability of each row.

    Args:
        p: array of shape (samples, classes).

    Returns:
        Array of int, of shape (samples,).
    """
    return np.argmax(p, axis=1)


def convert_kernel(kernel) -> np.ndarray:
    """A filter turned by 180 degrees, as Theano's convolution and TensorFlow's differ.

    Args:
        kernel: array of shape (steps..., channels, filters), with one to three axes of steps.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: another number of axes.
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ValueError(f"Invalid kernel shape: {kernel.shape}")
    return np.copy(kernel[(slice(None, None, -1),) * (kernel.ndim - 2)])


def to_list(x, allow_tuple=False) -> list:
    """A value in a list, unless it is one.

    Args:
        x: anything.
        allow_tuple: whether a tuple becomes a list of its members. Default False.

    Returns:
        list.
    """
    if isinstance(x, list):
        return x
    return list(x) if allow_tuple and isinstance(x, tuple) else [x]


def has_arg(fn, name, accept_all=False) -> bool:
    """Whether a callable takes an argument of this name.

    Args:
        fn: callable.
        name: str.
        accept_all: what is said of one that takes any (`**kwargs`). Default False.

    Returns:
        bool.
    """
    parameters = inspect.signature(fn).parameters
    if accept_all and any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return True
    return name in parameters and parameters[name].kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
