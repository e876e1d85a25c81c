"""Lion."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from ..utils.checks import check_number
from .settings import number
from .sweep import Slot, SweepOptimizer


def _beta_1(owner, name, value):
    check_number(owner, name, value)
    if value <= 0 or value > 1:
        raise ValueError(
            "Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to SignSGD. Received: "
            f"beta_1={value}."
        )
    return value


class Lion(SweepOptimizer):
    """Lion: steps of one size, by the sign of a moving average (Chen et al., arXiv:2302.06675).

    `w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g); m = beta_2 * m + (1 - beta_2) * g`.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_1: float in (0, 1], the share of the average in a step. Default 0.9.
        beta_2: float, the decay rate of the average. Default 0.99.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "lion"
    _RULES: ClassVar = {"beta_1": _beta_1, "beta_2": number()}

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.99,
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
        self._momentums = []

    def _slots(self):
        return [[Slot("_momentums", "momentum")]]

    def _attributes(self):
        return {"beta_1": self.beta_1, "beta_2": self.beta_2}

    def get_config(self):
        names = ("beta_1", "beta_2")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
