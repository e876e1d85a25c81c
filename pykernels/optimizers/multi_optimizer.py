"""Several optimizers in one, each for some of the variables."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

from ..utils.serialization import deserialize_keras_object, serialize_keras_object
from .loss_scale_optimizer import LossScaleOptimizer
from .optimizer import Optimizer


class OptimizerMap(MutableMapping):
    """Paths of variables, or regular expressions that match them whole, and the optimizer of each.

    Args:
        default_optimizer: `Optimizer` of what nothing matches.
        optimizer_map: dict. Default None: empty.

    Raises:
        TypeError: something else than an `Optimizer` or a dict.
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self):
        """The optimizer of what nothing matches."""
        return self._default_optimizer

    def __getitem__(self, key):
        """The optimizer of a path: that under the path itself, else that of the expression that matches it.

        Raises:
            ValueError: more than one expression matches.
        """
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return self._optimizer_map[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key, optimizer):
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value {self._optimizer_map[key]}. Please make sure "
                "to not use duplicated keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
        _check_inner(optimizer)
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key):
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        return self[variable.path]

    def get_config(self):
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = {key: deserialize_keras_object(value, custom_objects=custom_objects) for key, value in config.items()}
        return cls(made["default_optimizer"], made["optimizer_map"])


def _check_inner(optimizer):
    for cls in (LossScaleOptimizer, MultiOptimizer):
        if isinstance(optimizer, cls):
            raise ValueError(f"{cls.__name__} cannot be used inside an MultiOptimizer.")


class MultiOptimizer(Optimizer):
    """An optimizer that leaves each variable to one of several others.

    `optimizers` lists them; they have the learning rates, each its own.

    Args:
        optimizer_map: `OptimizerMap`, or function of a variable that returns its optimizer.
        loss_scale_factor: float, of all optimizers. Default None.
        name: str. Default None: the class name in snake case.
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        self._inner_optimizers = []
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            raise ValueError(
                "`optimizer_map` must be an OptimizerMap or a function of a variable that returns an optimizer. "
                f"Received: optimizer_map={optimizer_map}"
            )
        self._optimizer_map = optimizer_map
        self._places = {}
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._add(optimizer)

    def _add(self, optimizer) -> int:
        """The place of an optimizer among the inner ones."""
        for i, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return i
        _check_inner(optimizer)
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, variables):
        if self.built:
            return
        places = []
        for variable in variables:
            optimizer = self._optimizer_map(variable)
            if not isinstance(optimizer, Optimizer):
                raise ValueError(f"Optimizer for variable {variable.path} is not an Optimizer instance.")
            places.append(self._add(optimizer))
        for i, optimizer in enumerate(self._inner_optimizers):
            own = [v for v, place in zip(variables, places, strict=True) if place == i]
            if own:
                optimizer.build(own)
        self._places = places
        super().build(variables)

    @property
    def optimizers(self):
        """The optimizers that this one is made of."""
        return self._inner_optimizers

    @property
    def variables(self):
        """Its own variables, then those of each optimizer."""
        return [*self._variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self):
        """Not there: each of `optimizers` has its own."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual "
            "sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual sub-optimizers "
            "instead."
        )

    @property
    def loss_scale_factor(self):
        """The factor of all optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value):
        self._loss_scale_factor = value
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = value

    def _parts(self, variables, *others):
        """(optimizer, its variables, what belongs to them), for those that have any."""
        places = [self._places[self._get_variable_index(v)] for v in variables]
        for i, optimizer in enumerate(self._inner_optimizers):
            rows = [row for row, place in zip(zip(variables, *others, strict=True), places, strict=True) if place == i]
            if rows:
                yield (optimizer, *map(list, zip(*rows, strict=True)))

    def apply(self, grads, trainable_variables=None):
        """As `Optimizer.apply`: each optimizer gets its variables."""
        if len(grads) == 0:
            return
        variables = self._checked_variables(grads, trainable_variables)
        for optimizer, own, gradients in self._parts(variables, grads):
            optimizer.apply(gradients, own)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        for optimizer, own in self._parts(var_list):
            optimizer.finalize_variable_values(own)

    def program_key(self):
        keys = [(optimizer, *optimizer.program_key()) for optimizer in self._inner_optimizers]
        return (*super().program_key(), *keys)

    def get_config(self):
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        made = deserialize_keras_object(config["optimizer_map"], custom_objects=custom_objects)
        return cls(**{**config, "optimizer_map": made})
