"""Nadam."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .. import ops
from ..compat.arguments import accepts_old_names
from ..config import floatx
from ..graph import Variable
from .settings import number
from .sweep import Slot, SweepOptimizer


class Nadam(SweepOptimizer):
    """Nadam: Adam with Nesterov momentum (Dozat, ICLR workshop 2016). With t = iterations + 1, u_t = beta_1 *
    (1 - 0.96^t / 2) and U_t = u_1 * ... * u_t,

        m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2)
        m' = u_(t+1) * m / (1 - U_(t+1)) + (1 - u_t) * g / (1 - U_t)
        w -= learning_rate * m' / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_1: float, the decay rate of the average of gradients. Default 0.9.
        beta_2: float, the decay rate of the average of squares. Default 0.999.
        epsilon: float. Default 1e-7.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.
        schedule_decay: float, as in Keras 1 and 2: the exponent of 0.96 is `schedule_decay * t`. Default 1, which is
            what Keras 3 has without naming it.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "nadam"
    _RULES: ClassVar = {
        "beta_1": number(0, 1, below=True),
        "beta_2": number(0, 1, below=True),
        "epsilon": number(0),
        "schedule_decay": number(0),
    }

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
        schedule_decay = kwargs.pop("schedule_decay", 1.0)
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
        self.schedule_decay = schedule_decay
        self._u_product = None

    def build(self, variables):
        if self.built:
            return
        dtype = variables[0].dtype if variables else floatx()
        super().build(variables)
        self._u_product = Variable(np.ones((), dtype), trainable=False, name="u_product")
        self._variables.append(self._u_product)

    def _slots(self):
        return [[Slot("_momentums", "momentum"), Slot("_velocities", "velocity")]]

    def _attributes(self):
        names = ("beta_1", "beta_2", "epsilon")
        return {**{name: getattr(self, name) for name in names}, "schedule": self.schedule_decay}

    def _scalars(self):
        return (self.iterations, self._u_product)

    def _update_variables(self, gradients, variables, learning_rate):
        dtype = self._u_product.dtype
        power = ops.power(ops.cast(0.96, dtype), ops.cast(self.iterations + 1, dtype) * float(self.schedule_decay))
        self._u_product.assign(self._u_product * float(self.beta_1) * (1.0 - 0.5 * power))
        super()._update_variables(gradients, variables, learning_rate)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon", *(["schedule_decay"] if self.schedule_decay != 1.0 else []))
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
