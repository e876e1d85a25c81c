"""Adagrad."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from ..initializers import Constant
from .settings import number
from .sweep import Slot, SweepOptimizer


class Adagrad(SweepOptimizer):
    """Adagrad: gradients divided by the root of the sum of their squares (Duchi, Hazan and Singer, JMLR 12, 2011).

    `a += g^2; w -= learning_rate * g / sqrt(a + epsilon)`.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        initial_accumulator_value: float, where the sums begin. Default 0.1.
        epsilon: float. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "adagrad"
    _RULES: ClassVar = {"initial_accumulator_value": number(0), "epsilon": number(0)}
    _FIXED = frozenset({"initial_accumulator_value"})

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        initial_accumulator_value=0.1,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon
        self._accumulators = []

    def _slots(self):
        return [[Slot("_accumulators", "accumulator", Constant(self.initial_accumulator_value))]]

    def _attributes(self):
        return {"epsilon": self.epsilon}

    def get_config(self):
        names = ("initial_accumulator_value", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
