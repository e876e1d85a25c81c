"""Adafactor."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .. import ops
from ..compat.arguments import accepts_old_names
from ..graph import Variable
from .optimizer import Optimizer
from .settings import number


def _rms(x):
    return ops.sqrt(ops.mean(ops.square(x)))


class Adafactor(Optimizer):
    """Adafactor: of the squares of a matrix's gradient it keeps the means of rows and columns only (Shazeer and Stern,
    arXiv:1804.04235). Of a variable with more than two dimensions, the last two are such a matrix.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        beta_2_decay: float, the exponent of the number of updates in the decay rate. Default -0.8.
        epsilon_1: float, added to the squares. Default 1e-30.
        epsilon_2: float, the least root mean square of a variable by which its steps are scaled. Default 1e-3.
        clip_threshold: float, the largest root mean square of a step before it is scaled. Default 1.
        relative_step: kept in the configuration. As in Keras the learning rate is at most 1 / sqrt(updates) with and
            without it. Default True.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _RULES: ClassVar = {
        "beta_2_decay": number(),
        "epsilon_1": number(0),
        "epsilon_2": number(0),
        "clip_threshold": number(),
    }

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        beta_2_decay=-0.8,
        epsilon_1=1e-30,
        epsilon_2=1e-3,
        clip_threshold=1.0,
        relative_step=True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step
        self._r = []
        self._c = []
        self._v = []

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._r, self._c, self._v = [], [], []
        for variable in variables:
            shape = tuple(variable.shape)
            if len(shape) < 2:  # Keras keeps a number in their places
                for slots in (self._r, self._c):
                    slots.append(Variable(np.zeros((), "float32"), trainable=False, name=variable.name))
                    self._variables.append(slots[-1])
            else:
                self._r.append(self.add_variable(shape[:-1], dtype=variable.dtype, name=variable.name))
                self._c.append(self.add_variable((*shape[:-2], shape[-1]), dtype=variable.dtype, name=variable.name))
            self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def _squares(self, gradient, variable, rest):
        """The estimate of the squares of the gradient, kept in a variable; `rest` is 1 - beta_2."""
        i = self._get_variable_index(variable)
        v = self._v[i]
        square = ops.square(gradient) + float(self.epsilon_1)
        if len(variable.shape) < 2:
            self.assign(v, v + (square - v) * rest)
            return v
        r, c = self._r[i], self._c[i]
        self.assign(r, r + (ops.mean(square, axis=-1) - r) * rest)
        self.assign(c, c + (ops.mean(square, axis=-2) - c) * rest)
        rows = r / ops.mean(r, axis=-1, keepdims=True)
        self.assign(v, ops.expand_dims(rows, -1) * ops.expand_dims(c, -2))
        return v

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        rate = ops.minimum(ops.cast(learning_rate, dtype), 1.0 / ops.sqrt(step))
        scale = ops.maximum(_rms(variable), float(self.epsilon_2)) * rate
        v = self._squares(gradient, variable, ops.power(step, float(self.beta_2_decay)))
        update = gradient / ops.sqrt(v)
        update = update / ops.maximum(_rms(update) / float(self.clip_threshold), 1.0)
        self.assign_sub(variable, scale * update)

    def get_config(self):
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
