"""The arguments of `compile`, and targets and weights, matched to the outputs of a model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..graph import Variable
from ..utils.tree import flatten, is_nested, match_names


def keys_of(y_pred) -> list | None:
    """The keys of outputs that are one flat dict, sorted as its leaves are; None for other structures."""
    if isinstance(y_pred, dict) and not any(is_nested(v) for v in y_pred.values()):
        return sorted(y_pred)
    return None


def loss_names(y_pred, names: list) -> list:
    """What the losses of outputs are called: the outputs' names; in nested structures Keras's paths, "head/box"."""
    inner = y_pred.values() if isinstance(y_pred, dict) else y_pred if is_nested(y_pred) else ()
    if not any(is_nested(item) for item in inner):
        return names
    return ["/".join(map(str, path)) for path in _paths(y_pred, iter(names))]


def _paths(structure, names, path=()) -> list[tuple]:
    if not is_nested(structure):
        name = next(names)
        in_list = isinstance(path[-1], int) and name is not None  # there the name stands for the place
        return [(*path[:-1], name) if in_list else path]
    if isinstance(structure, dict):
        items = [(key, structure[key]) for key in sorted(structure)]
    else:
        items = list(enumerate(structure))
    return [found for key, item in items for found in _paths(item, names, (*path, key))]


class CompileArgs(NamedTuple):
    """What `compile` was given."""

    loss: object
    loss_weights: object
    metrics: object
    weighted_metrics: object

    def per_output(self, names: list, y_pred) -> list[tuple]:
        """(loss, loss weight, list of metrics, list of weighted metrics) of each output.

        Args:
            names: names of the flattened outputs (None where unknown).
            y_pred: the outputs in their structure; None for one output.

        Raises:
            ValueError: entries that do not match the outputs.
        """
        losses = self._losses(names, y_pred)
        weights = self._weights(names, losses)
        metrics = _metrics(self.metrics, names, y_pred, "metrics")
        weighted = _metrics(self.weighted_metrics, names, y_pred, "weighted_metrics")
        return list(zip(losses, weights, metrics, weighted, strict=True))

    def _losses(self, names, y_pred) -> list:
        loss, n = self.loss, len(names)
        if not is_nested(loss):
            return [loss] * n
        if isinstance(loss, dict) and not any(is_nested(v) for v in loss.values()):
            partial = isinstance(y_pred, dict)  # Keras: a dict of outputs may have losses for some of them
            if None not in names and not (set(loss) <= set(names) if partial else set(loss) == set(names)):
                raise ValueError(f"Expected keys {names} in loss dict, but found loss.keys()={list(loss)}")
            return match_names(loss, names, "loss")
        if isinstance(loss, dict) and n == 1:
            raise ValueError(f"`loss` must be one loss for a model with one output. Received: {loss}")
        losses = flatten(loss)
        if len(losses) != n:
            raise ValueError(
                f"The model has {n} output{'s' * (n > 1)}, but `loss` has {len(losses)} entries: {loss}. Pass one loss "
                "for each output (None for none), or a dict by output name."
            )
        return losses

    def _weights(self, names, losses: list) -> list:
        weights, n = self.loss_weights, len(names)
        if weights is None:
            return [None] * n
        given = len(losses)
        if isinstance(weights, dict) and set(weights) == set(names):
            found = [weights[name] for name in names]
        elif isinstance(weights, dict) and None not in names and isinstance(self.loss, dict):
            if set(weights) != set(self.loss):
                raise ValueError(f"Expected keys {list(self.loss)} in loss_weights dict, but found {list(weights)}")
            found = [weights.get(name) for name in names]
        else:
            leaves = flatten(weights)
            if len(leaves) != given or len(leaves) != n:
                raise ValueError(
                    f"`loss_weights` must match the number of losses, got {given} losses and {len(leaves)} weights."
                )
            found = leaves
        for weight in found:
            number = isinstance(weight, (int, float, np.number, Variable)) and not isinstance(weight, bool)
            if weight is not None and not number:
                raise ValueError(f"`loss_weights` must hold numbers. Received: {self.loss_weights}")
        return found


def _metrics(metrics, names, y_pred, argument: str) -> list[list]:
    n = len(names)
    if not metrics:
        return [[] for _ in names]
    if n == 1:
        if isinstance(metrics, dict) and names[0] is not None and set(metrics) != set(names) and y_pred is None:
            raise ValueError(f"Expected keys {names} in {argument} dict, but found {list(metrics)}")
        return [flatten(metrics)]
    found = None
    if isinstance(metrics, (list, tuple)) and len(metrics) == n:
        found = list(metrics)
    elif isinstance(metrics, (list, tuple)) and len(metrics) == 1 and not is_nested(metrics[0]):
        found = list(metrics) * n  # as in Keras 2: one metric for every output
    elif isinstance(metrics, dict) and set(metrics) <= set(names):
        found = [metrics.get(name) for name in names]
    if found is None:
        raise ValueError(
            f"Invalid `{argument}`. `{argument}` should contain metrics objects and either be a dict or a list "
            f"matching the output names of the model {names}, with one entry (a metric, a list of metrics, or None) "
            f"per output. Received: {argument}={metrics}"
        )
    return [[] if m is None else flatten(m) for m in found]
