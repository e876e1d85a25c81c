"""The state of an optimizer: the iteration counter, the learning rate, and the slots of each trainable variable."""

from __future__ import annotations

import numpy as np

from .. import initializers, ops
from ..compat.arguments import accepts_old_names
from ..graph import Variable, reading, writing
from ..user_warning import warn
from .settings import Settings


def _value_of(variable):
    """The initializer that gives the value that `variable` has now."""
    return lambda shape, dtype=None: np.array(variable)


class OptimizerState(Settings):
    """The state of `Optimizer`: how it is made, saved, copied and set.

    Package interface: `_iterations`, `_learning_rate`, `_trainable_variables`, `_refuse_overrides`.
    """

    def _start(self):
        self.built = False
        self._trainable_variables = []
        self._index = {}
        self._averages = []
        self._accumulated_gradients = []
        self._iterations = Variable(np.zeros((), "int64"), trainable=False, name="iteration")
        self._variables = [self._iterations]

    @property
    def iterations(self):
        """The number of updates made, an int64 scalar. It counts batches unless gradients are accumulated."""
        steps = self.gradient_accumulation_steps
        return ops.floor_divide(self._iterations, steps) if steps else self._iterations

    @iterations.setter
    def iterations(self, value):
        self._iterations.assign(int(value) * (self.gradient_accumulation_steps or 1))

    @property
    def variables(self):
        """The iteration counter, the learning rate, and the slot variables."""
        return list(self._variables)

    def build(self, variables):
        """Makes the slot variables. A subclass calls this first, then adds its own.

        Args:
            variables: list of the trainable `Variable`s. `apply` accepts no others afterwards.
        """
        variables = list(variables)
        self._trainable_variables = variables
        self._index = {id(v): i for i, v in enumerate(variables)}
        self._make_slots()
        self.built = True

    def _make_slots(self):
        """Makes the slot variables that the hyperparameters ask for and that are not there: all of them in `build`,
        those of a hyperparameter that was assigned later at the next step."""
        variables = self._trainable_variables
        if self.use_ema and not self._averages:
            self._averages = [
                self.add_variable_from_reference(v, "average", _value_of(v) if self.built else "zeros")
                for v in variables
            ]
        if self.gradient_accumulation_steps and not self._accumulated_gradients:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """Adds a variable to the state of the optimizer.

        Args:
            shape: tuple of ints.
            initializer: anything that `initializers.get` accepts. Default "zeros".
            dtype: name of a dtype. Default None: `config.floatx()`.
            aggregation, layout: accepted as in Keras. They have no effect: there is one device.
            name: str.
        """
        dtype = ops.standardize_dtype(dtype)
        value = initializers.get(initializer)(tuple(shape), dtype=dtype)
        variable = Variable(value, dtype=dtype, trainable=False, name=name or "var")
        self._variables.append(variable)
        return variable

    @accepts_old_names("add_variable_from_reference")
    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """Adds a variable to the state with the shape and dtype of `reference_variable`."""
        if isinstance(initializer, (np.ndarray, Variable)):  # `initial_value` of tf.keras
            initializer = _value_of(initializer)
        path = str(getattr(reference_variable, "path", None) or reference_variable.name)
        path = path.replace("/", "_").replace(":", "_")
        return self.add_variable(
            reference_variable.shape, initializer, reference_variable.dtype, name=f"{path}_{name or 'var'}"
        )

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """Adds a variable to the state for each trainable variable. For a list of names, a list of such lists."""
        names = [name] if isinstance(name, str) else list(name)
        initials = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(names) != len(initials):
            raise ValueError(
                "The number of provided names must match the number of provided initializers. Received "
                f"name='{name}', initializer='{initializer}'"
            )
        lists = [[] for _ in names]
        for variable in trainable_variables:
            for into, slot, initial in zip(lists, names, initials, strict=True):
                into.append(self.add_variable_from_reference(variable, slot, initial))
        return lists[0] if isinstance(name, str) else lists

    def _get_variable_index(self, variable):
        return self._index[id(variable)]

    # tf.keras 2.11 to 2.15 had these in its place: `self._index_dict[self._var_key(variable)]`.
    def _var_key(self, variable):
        return id(variable)

    @property
    def _index_dict(self):
        return self._index

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "_index"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}

    def get_weights(self):
        """The values of `variables` as a list of arrays (Keras 1 and 2)."""
        with reading(self.variables):
            return [v.numpy() for v in self.variables]

    def set_weights(self, weights):
        """Sets the values of `variables`. Raises ValueError before `build`, and for another number or other shapes."""
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                "`optimizer.build(trainable_variables)` to create the optimizer weights before calling `set_weights()`."
            )
        if len(weights) != len(self.variables):
            raise ValueError(
                f"Optimizer '{self.name}' has {len(self.variables)} variables; set_weights got {len(weights)} arrays."
            )
        for variable, weight in zip(self.variables, weights, strict=True):
            if tuple(variable.shape) != tuple(np.shape(weight)):
                raise ValueError(
                    f"Optimizer variable {variable.name} has shape {variable.shape} not compatible with provided "
                    f"weight shape {np.shape(weight)}."
                )
        with writing(self.variables):
            for variable, weight in zip(self.variables, weights, strict=True):
                variable.assign(weight)

    def save_own_variables(self, store):
        """Writes the state to the dict-like `store`, as "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store):
        """Reads what `save_own_variables` wrote. If the number differs, it warns and changes nothing."""
        if len(store.keys()) != len(self.variables):
            warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(self.variables)} "
                f"variables whereas the saved optimizer has {len(store.keys())} variables.",
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]))
