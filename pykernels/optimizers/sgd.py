"""Stochastic gradient descent."""

from __future__ import annotations

from .. import ops
from ..compat.arguments import accepts_old_names
from .optimizer import Optimizer


class SGD(Optimizer):
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
        if isinstance(momentum, int) and not isinstance(momentum, bool):
            momentum = float(momentum)
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: momentum={momentum}")
        self.momentum = momentum
        self.nesterov = nesterov
        self.momentums = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.momentums[self._get_variable_index(variable)] if self.momentum else None
        ops.optimizer.sgd_update(
            gradient, learning_rate, variable, velocity, momentum=self.momentum, nesterov=bool(self.nesterov)
        )

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
