"""Adadelta."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from .settings import number
from .sweep import Slot, SweepOptimizer


class Adadelta(SweepOptimizer):
    """Adadelta: steps in proportion to the root mean square of the steps before (Zeiler, arXiv:1212.5701).

    `a = rho * a + (1 - rho) * g^2; d = sqrt(b + epsilon) * g / sqrt(a + epsilon); b = rho * b + (1 - rho) * d^2;
    w -= learning_rate * d`. The paper has a learning rate of 1, as Keras 1 and 2 had.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        rho: float, the decay rate of both averages. Default 0.95.
        epsilon: float. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "adadelta"
    _RULES: ClassVar = {"rho": number(0, 1), "epsilon": number(0)}

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        rho=0.95,
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
        self.rho = rho
        self.epsilon = epsilon
        self._accumulated_grads = []
        self._accumulated_delta_vars = []

    def _slots(self):
        return [
            [
                Slot("_accumulated_grads", "accumulated_grad"),
                Slot("_accumulated_delta_vars", "accumulated_delta_var"),
            ]
        ]

    def _attributes(self):
        return {"rho": self.rho, "epsilon": self.epsilon}

    def get_config(self):
        names = ("rho", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
