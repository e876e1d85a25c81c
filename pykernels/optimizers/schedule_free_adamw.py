"""Schedule-free AdamW."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from .settings import number
from .sweep import Slot, SweepOptimizer


class ScheduleFreeAdamW(SweepOptimizer):
    """Schedule-free AdamW: weights between a sequence of steps and its average, in place of a learning rate that decays
    (Defazio et al., "The Road Less Scheduled", NeurIPS 2024). With t = iterations + 1,

        x = (w - (1 - beta_1) z) / beta_1;  v += (g^2 - v) (1 - beta_2)
        z -= learning_rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x += (z - x) / t;  w = (1 - beta_1) z + beta_1 * x

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.0025.
        beta_1: float, the share of the average in the weights. Default 0.9.
        beta_2: float, the decay rate of the average of squares. Default 0.999.
        epsilon: float. Default 1e-8.
        warmup_steps: int, the number of steps in which the learning rate rises from 0. Default 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "schedule_free"
    _RULES: ClassVar = {
        "beta_1": number(0, 1),
        "beta_2": number(0, 1, below=True),
        "epsilon": number(0),
        "warmup_steps": number(),
    }

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.0025,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        warmup_steps=0,
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
        self.warmup_steps = warmup_steps
        self._momentums = []
        self._velocities = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        for momentum, variable in zip(self._momentums, self._trainable_variables, strict=True):
            momentum.assign(variable.numpy())

    def _slots(self):
        return [[Slot("_momentums", "momentum"), Slot("_velocities", "velocity")]]

    def _attributes(self):
        return {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }

    def _scalars(self):
        return (self.iterations,)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon", "warmup_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
