"""Lamb."""

from __future__ import annotations

from typing import ClassVar

from .. import ops
from ..compat.arguments import accepts_old_names
from .optimizer import Optimizer
from .settings import number


class Lamb(Optimizer):
    """Lamb: Adam's step of each variable, scaled to the norm of the variable (You et al., arXiv:1904.00962).

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_1: float, the decay rate of the average of gradients. Default 0.9.
        beta_2: float, the decay rate of the average of squares. Default 0.999.
        epsilon: float. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _RULES: ClassVar = {"beta_1": number(0, 1, below=True), "beta_2": number(0, 1, below=True), "epsilon": number(0)}

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._momentums = []
        self._velocities = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient, variable, learning_rate):
        i, dtype = self._get_variable_index(variable), variable.dtype
        m, v = self._momentums[i], self._velocities[i]
        step = ops.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = float(self.beta_1), float(self.beta_2)
        self.assign_add(m, (gradient - m) * (1.0 - beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1.0 - beta_2))
        mean = m / (1.0 - ops.power(ops.cast(beta_1, dtype), step))
        root = ops.sqrt(v / (1.0 - ops.power(ops.cast(beta_2, dtype), step))) + float(self.epsilon)
        update = mean / root
        of_weights = ops.sqrt(ops.sum(ops.square(variable)))
        of_update = ops.sqrt(ops.sum(ops.square(update)))
        known = ops.logical_and(ops.greater(of_weights, 0.0), ops.greater(of_update, 0.0))
        ratio = ops.where(known, of_weights / ops.where(known, of_update, 1.0), 1.0)
        self.assign_sub(variable, ratio * ops.cast(learning_rate, dtype) * update)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
