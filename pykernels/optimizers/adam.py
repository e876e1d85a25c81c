"""Adam and AdamW."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from ..compat.positional import decay_may_stand_at
from .settings import number
from .sweep import Slot, SweepOptimizer


class Adam(SweepOptimizer):
    """Adam: steps by moving averages of the gradient and its square (Kingma and Ba, ICLR 2015, in the form of the last
    paragraph of section 2). With t = iterations + 1,

        m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2)
        w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_1: float, the decay rate of the average of gradients. Default 0.9.
        beta_2: float, the decay rate of the average of squares. Default 0.999.
        epsilon: float. Default 1e-7.
        amsgrad: whether to divide by the largest v so far (Reddi et al., ICLR 2018). Default False.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: as in `Optimizer`.
    """

    _KIND = "adam"
    _RULES: ClassVar = {"beta_1": number(0, 1, below=True), "beta_2": number(0, 1, below=True), "epsilon": number(0)}

    @decay_may_stand_at(4)
    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
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
        self.amsgrad = amsgrad
        self._momentums = []
        self._velocities = []
        self._velocity_hats = []

    def _slots(self):
        groups = [[Slot("_momentums", "momentum"), Slot("_velocities", "velocity")]]
        return [*groups, [Slot("_velocity_hats", "velocity_hat")]] if self.amsgrad else groups

    def _attributes(self):
        return {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": bool(self.amsgrad),
        }

    def _scalars(self):
        return (self.iterations,)

    def get_config(self):
        names = ("beta_1", "beta_2", "epsilon", "amsgrad")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        weight_decay: float, as in `Optimizer`. Default 0.004.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.
        clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: `weight_decay` is None, or as in `Optimizer`.
    """

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        weight_decay=0.004,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
        if self.weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
