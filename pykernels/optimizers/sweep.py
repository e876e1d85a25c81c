"""Optimizers whose update of a variable is one sweep over it, its slots and its gradient."""

from __future__ import annotations

from typing import NamedTuple

from .. import ops
from ..utils.overrides import overridden_by_user
from .optimizer import Optimizer


class Slot(NamedTuple):
    """A slot variable for each trained variable: the attribute that lists them, their name, their initializer."""

    attribute: str
    name: str
    initializer: object = "zeros"


class SweepOptimizer(Optimizer):
    """The base of optimizers whose update is one op (`pykernels.ops.optimizer.update`), which takes the decay of
    weights along and is applied to blocks of the gradient while they are in cache.

    A subclass names the op in `_KIND`, its slots in `_slots`, its attributes in `_attributes`.
    """

    def _slots(self):
        """The slots that the hyperparameters ask for now: a list of lists of `Slot`s, in the order of the op's form.
        Those of one list are made variable by variable."""
        raise NotImplementedError

    def _attributes(self) -> dict:
        """The op's attributes."""
        raise NotImplementedError

    def _scalars(self) -> tuple:
        """The op's scalars after the learning rate."""
        return ()

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._make_slots()

    def _make_slots(self):
        super()._make_slots()
        for group in self._slots():
            missing = [slot for slot in group if not getattr(self, slot.attribute, None)]
            made = self.add_optimizer_variables(
                self._trainable_variables, [s.name for s in missing], [s.initializer for s in missing]
            )
            for slot, variables in zip(missing, made, strict=True):
                setattr(self, slot.attribute, variables)

    def update_step(self, gradient, variable, learning_rate):
        self._sweep(gradient, variable, learning_rate, 0.0)

    def _sweep(self, gradient, variable, learning_rate, weight_decay):
        i = self._get_variable_index(variable)
        slots = [getattr(self, slot.attribute)[i] for group in self._slots() for slot in group]
        attributes = {k: v if isinstance(v, bool) else float(v) for k, v in self._attributes().items()}
        ops.optimizer.update(
            self._KIND,
            gradient,
            variable,
            slots,
            learning_rate,
            *self._scalars(),
            weight_decay=weight_decay,
            **attributes,
        )

    def _update_variables(self, gradients, variables, learning_rate):
        if overridden_by_user(type(self), "update_step"):
            super()._update_variables(gradients, variables, learning_rate)
            return
        for gradient, variable in zip(gradients, variables, strict=True):
            self._sweep(gradient, variable, learning_rate, self._decay_of(variable))
