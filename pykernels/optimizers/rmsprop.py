"""RMSprop."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from .settings import number
from .sweep import Slot, SweepOptimizer


class RMSprop(SweepOptimizer):
    """RMSprop: gradients divided by their moving root mean square (Tieleman and Hinton, Coursera lecture 6.5, 2012).

    `v = rho * v + (1 - rho) * g^2; w -= learning_rate * g / sqrt(v + epsilon)`. With `centered`, `v` minus the square
    of a moving average of g; with `momentum`, the step is `m = momentum * m + step`.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        rho: float, the decay rate of the average. Default 0.9.
        momentum: float. Default 0.
        epsilon: float. Default 1e-7.
        centered: whether to divide by the standard deviation instead. Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: as in `Optimizer`.
    """

    _KIND = "rmsprop"
    _RULES: ClassVar = {"rho": number(0, 1), "momentum": number(0), "epsilon": number(0)}

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        rho=0.9,
        momentum=0.0,
        epsilon=1e-7,
        centered=False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self.first_mean_square = "zeros"  # an initializer; TensorFlow 1 had "ones"
        self._velocities = []
        self._momentums = []
        self._average_gradients = []

    def _slots(self):
        slots = [Slot("_velocities", "velocity", self.first_mean_square)]
        if self.momentum > 0:
            slots.append(Slot("_momentums", "momentum"))
        if self.centered:
            slots.append(Slot("_average_gradients", "average_gradient"))
        return [[slot] for slot in slots]

    def _attributes(self):
        return {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": bool(self.centered),
        }

    def get_config(self):
        names = ("rho", "momentum", "epsilon", "centered")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
