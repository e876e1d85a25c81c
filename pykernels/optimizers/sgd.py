"""Stochastic gradient descent."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from ..compat.positional import decay_may_stand_at
from .settings import momentum as momentum_rule
from .sweep import Slot, SweepOptimizer


class SGD(SweepOptimizer):
    """Stochastic gradient descent: `w -= learning_rate * g`; with momentum `v = momentum * v - learning_rate * g; w +=
    v`, and with Nesterov's form of it `w += momentum * v - learning_rate * g`.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.01.
        momentum: float in [0, 1]. Default 0.
        nesterov: whether to use Nesterov momentum. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: `momentum` is not in [0, 1], or as in `Optimizer`.
    """

    _KIND = "sgd"
    _RULES: ClassVar = {"momentum": momentum_rule}

    @decay_may_stand_at(2)
    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.0,
        nesterov=False,
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
        self.momentum = momentum
        self.nesterov = nesterov
        self.momentums = []

    def _slots(self):
        return [[Slot("momentums", "momentum")]] if self.momentum else []

    def _attributes(self):
        return {"momentum": self.momentum, "nesterov": bool(self.nesterov)}

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
