"""`StatelessScope`: variables have the values that they are given, and keep what is assigned to them to themselves."""

from __future__ import annotations

import numpy as np

from .eager_array import EagerArray, eager
from .operand import Operand
from .registry import apply, stateless_scopes
from .variable import Variable


class StatelessScope:
    """A context in which variables are values: what code assigns is kept in the scope, and no variable changes.

    Args:
        state_mapping: pairs (variable, value that it has within the scope). Default None: none.

    Raises:
        ValueError: a value of another shape than its variable.
    """

    def __init__(self, state_mapping=None):
        self._values: dict[int, tuple] = {}
        self._temporaries: dict[int, Variable] = {}
        for variable, value in state_mapping or ():
            self.write(variable, value)

    def __enter__(self):
        stateless_scopes().append(self)
        return self

    def __exit__(self, *exc):
        stateless_scopes().pop()

    def get_current_value(self, variable):
        """What a variable has in the scope; None where nothing was said about it."""
        found = self._values.get(id(variable))
        return None if found is None else found[1]

    def read(self, operand):
        """The value in place of a variable; other operands, and variables without one, as they are."""
        found = self._values.get(id(operand))
        return operand if found is None else found[1]

    def holds(self, variable) -> bool:
        """Whether assignments to a variable are the scope's; its own temporaries are written in earnest."""
        return id(variable) not in self._temporaries

    def write(self, variable: Variable, value) -> None:
        """Gives a variable another value."""
        if isinstance(value, Variable):
            value = value.value
        if not isinstance(value, Operand):
            value = value if type(value) is EagerArray else eager(np.asarray(value))
        if tuple(value.shape) != variable.shape:
            raise ValueError(
                f"Variable '{variable.name}' has shape {variable.shape}; it cannot be given shape {tuple(value.shape)}"
            )
        if str(value.dtype) != variable.dtype:
            value = apply("cast", [value], dtype=variable.dtype)
        self._values[id(variable)] = (variable, value)

    def temporaries(self, variables) -> list[Variable]:
        """Variables with the values of others, for ops that write in place."""
        made = []
        for variable in variables:
            temporary = Variable(np.zeros(variable.shape, variable.dtype), trainable=False, name=variable.name)
            self._temporaries[id(temporary)] = temporary
            value = self.read(variable)
            temporary.assign(variable.value if value is variable else value)
            made.append(temporary)
        return made

    def take(self, variables, temporaries) -> None:
        """What ops wrote into `temporaries` becomes the values of `variables`."""
        for variable, temporary in zip(variables, temporaries, strict=True):
            self.write(variable, temporary.value)


def current_values(variables) -> list:
    """The values that variables have now, as tensors of the program or arrays."""
    return [v.value for v in variables]


def check_state(owner: str, argument: str, values, variables, what: str) -> list[tuple]:
    """Pairs (variable, value).

    Raises:
        ValueError: another number of values.
    """
    if len(values) != len(variables):
        raise ValueError(
            f"Argument `{argument}` must be a list of tensors corresponding 1:1 to {owner}().{what}. Received list "
            f"with length {len(values)}, but expected {len(variables)} variables."
        )
    return list(zip(variables, values, strict=True))
