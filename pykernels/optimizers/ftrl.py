"""Ftrl."""

from __future__ import annotations

from typing import ClassVar

from ..compat.arguments import accepts_old_names
from ..initializers import Constant
from ..utils.checks import check_number
from .settings import number
from .sweep import Slot, SweepOptimizer


def _not_negative(owner, name, value):
    check_number(owner, name, value)
    if value < 0:
        raise ValueError(f"`{name}` needs to be positive or zero. Received: {name}={value}.")
    return value


def _not_positive(owner, name, value):
    check_number(owner, name, value)
    if value > 0:
        raise ValueError(f"`{name}` needs to be negative or zero. Received: {name}={value}.")
    return value


class Ftrl(SweepOptimizer):
    """Follow the regularized leader (McMahan et al., "Ad Click Prediction", KDD 2013), with shrinkage.

    With p = -learning_rate_power and l2 = l2_regularization_strength + beta / (2 * learning_rate):

        a' = a + g^2
        z += g + 2 * l2_shrinkage_regularization_strength * w - (a'^p - a^p) / learning_rate * w
        w = (clip(z, -l1, l1) - z) / (a'^p / learning_rate + 2 * l2)

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        learning_rate_power: float <= 0. Default -0.5.
        initial_accumulator_value: float, where the sums of squares begin. Default 0.1.
        l1_regularization_strength: float >= 0. Default 0.
        l2_regularization_strength: float >= 0. Default 0.
        l2_shrinkage_regularization_strength: float >= 0, a penalty on the gradient's side only. Default 0.
        beta: float, as in the paper. Default 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _KIND = "ftrl"
    _RULES: ClassVar = {
        "learning_rate_power": _not_positive,
        "initial_accumulator_value": _not_negative,
        "l1_regularization_strength": _not_negative,
        "l2_regularization_strength": _not_negative,
        "l2_shrinkage_regularization_strength": _not_negative,
        "beta": number(),
    }
    _FIXED = frozenset({"initial_accumulator_value"})

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=0.0,
        l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0,
        beta=0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        self._accumulators = []
        self._linears = []

    def _slots(self):
        initial = Constant(self.initial_accumulator_value)
        return [[Slot("_accumulators", "accumulator", initial), Slot("_linears", "linear")]]

    def _attributes(self):
        return {
            "learning_rate_power": self.learning_rate_power,
            "l1": self.l1_regularization_strength,
            "l2": self.l2_regularization_strength,
            "l2_shrinkage": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }

    def get_config(self):
        names = (
            "learning_rate_power",
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
            "beta",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
