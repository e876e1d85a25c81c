"""The base class of metrics: a state that is updated by each batch, and a result."""

from __future__ import annotations

import numpy as np

from .. import initializers, ops
from ..config import floatx
from ..graph import StatelessScope, Variable
from ..graph.stateless import check_state, current_values
from ..utils.checks import check_name
from ..utils.naming import auto_name
from ..utils.overrides import overrides


class Metric:
    """The base class of metrics.

    A subclass makes its variables with `add_weight` in `__init__`, changes them in `update_state(y_true, y_pred,
    sample_weight=None)` and computes a value from them in `result()`, all with `pykernels.ops`. The same code runs on
    arrays and in `fit`.

    Args:
        dtype: name of the dtype of the state and the result. Default None: `config.floatx()`.
        name: str. Default None: the class name in snake case.
    """

    def __init__(self, dtype=None, name=None):
        check_name(type(self).__name__, name)
        self.name = name or auto_name(type(self).__name__)
        self._dtype = ops.standardize_dtype(dtype if dtype is not None else floatx())
        self._variables = []

    @property
    def _name(self) -> str:
        """tf.keras's name of `name`: scripts rename a metric by setting it."""
        return self.name

    @_name.setter
    def _name(self, value):
        self.name = value

    @property
    def dtype(self):
        return self._dtype

    def reset_state(self):
        """Sets all variables to 0."""
        if self._overrides("reset_states") and not self._overrides("reset_state"):  # written for Keras 2
            self.reset_states()
        else:
            self._zero()

    def reset_states(self):
        """The name of `reset_state` in Keras 2."""
        if self._overrides("reset_state") and not self._overrides("reset_states"):
            self.reset_state()
        else:
            self._zero()

    def _overrides(self, name: str) -> bool:
        return overrides(self, name, Metric)

    def _zero(self):
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def update_state(self, *args, **kwargs):
        raise NotImplementedError(f"Metric '{type(self).__name__}' must implement update_state().")

    def merge_state(self, metrics):
        """Adds the state of other metrics to this one, as in tf.keras: what they have seen counts as seen here.

        Args:
            metrics: list of metrics of the same class and arguments.

        Raises:
            ValueError: a metric with other variables.
        """
        own = self.variables
        for metric in metrics:
            others = metric.variables
            if [v.shape for v in own] != [v.shape for v in others]:
                raise ValueError(
                    f"Metric {metric} is not compatible with {self}: they have variables of shapes "
                    f"{[v.shape for v in others]} and {[v.shape for v in own]}."
                )
            for variable, other in zip(own, others, strict=True):
                variable.assign_add(other)

    def result(self):
        raise NotImplementedError(f"Metric '{type(self).__name__}' must implement result().")

    def add_variable(self, shape=(), initializer="zeros", dtype=None, aggregation="sum", name=None):
        """Adds a variable to the state.

        Args:
            shape: tuple of ints. Default `()`.
            initializer: anything that `initializers.get` accepts. Default "zeros".
            dtype: name of a dtype. Default None: `config.floatx()`.
            aggregation: accepted as in Keras. It has no effect: there is one device.
            name: str, the name in messages.

        Returns:
            A `Variable`.
        """
        self._check_super_called()
        if isinstance(shape, str):  # Keras 2: add_weight(name, shape)
            shape, name = (), shape
        dtype = ops.standardize_dtype(dtype)
        make = initializers.get("zeros" if initializer is None else initializer)
        value = make(tuple(shape), dtype=dtype)
        variable = Variable(value, dtype=dtype, trainable=False, name=name or f"{self.name}_variable")
        self._variables.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """Adds a variable to the state; see `add_variable`."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    @property
    def variables(self):
        """The variables in the order of their creation, then those of metrics that are attributes."""
        self._check_super_called()
        found = list(self._variables)
        for value in self.__dict__.values():
            for item in _flat(value):
                found.extend(item.variables if isinstance(item, Metric) else [item])
        unique = {id(v): v for v in found if isinstance(v, Variable)}
        return list(unique.values())

    def stateless_update_state(self, metric_variables, *args, **kwargs) -> list:
        """`update_state` for a state that is given as values: the metric does not change.

        Args:
            metric_variables: list of tensors or arrays, one for each of `variables`.
            *args, **kwargs: as in `update_state`.

        Returns:
            The new values of the state, as a list.

        Raises:
            ValueError: another number of values.
        """
        with StatelessScope(self._state("metric_variables", metric_variables)):
            self.update_state(*args, **kwargs)
            return current_values(self.variables)

    def stateless_result(self, metric_variables):
        """`result` for a state that is given as values; see `stateless_update_state`."""
        with StatelessScope(self._state("metric_variables", metric_variables)):
            return self.result()

    def stateless_reset_state(self) -> list:
        """The values of the state at the start, as a list. The metric does not change."""
        with StatelessScope():
            self.reset_state()
            return current_values(self.variables)

    def _state(self, argument: str, values) -> list[tuple]:
        return check_state(type(self).__name__, argument, values, self.variables, "variables")

    def __call__(self, *args, **kwargs):
        """Calls `update_state` with the arguments and returns `result()`."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        result = self.result()
        if hasattr(result, "__dict__"):  # a tensor or eager array: add_metric knows it again
            result.from_metric = self
        return result

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _check_super_called(self):
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"You forgot to call `super().__init__()` in the `__init__()` method of metric "
                f"'{type(self).__name__}'. Go add it!"
            )

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"


def _flat(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, (Metric, Variable)):
        yield value
