"""Adamax."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from .settings import number
from .sweep import Slot, SweepOptimizer


class Adamax(SweepOptimizer):
    """Adamax: Adam with the infinity norm (Kingma and Ba, ICLR 2015, section 7.1). With t = iterations + 1,

        m += (g - m) (1 - beta_1);  u = max(beta_2 * u, |g|)
        w -= learning_rate / (1 - beta_1^t) * m / (u + epsilon)

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_1: float, the decay rate of the average of gradients. Default 0.9.
        beta_2: float, the decay rate of the norm. Default 0.999.
        epsilon: float. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "adamax"
    _RULES: ClassVar = {"beta_1": number(0, 1, below=True), "beta_2": number(0, 1), "epsilon": number(0)}

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
        self._m = []
        self._u = []

    def _slots(self):
        return [[Slot("_m", "momentum"), Slot("_u", "norm")]]

    def _attributes(self):
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def _scalars(self):
        return (self.iterations,)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
