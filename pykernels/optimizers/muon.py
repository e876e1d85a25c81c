"""Muon."""

from __future__ import annotations

import re
from typing import ClassVar

from .. import ops
from ..compat.arguments import accepts_old_names
from ..utils.checks import check_integer
from .optimizer import Optimizer
from .settings import number


def _steps(owner, name, value):
    check_integer(owner, name, value, 0)
    return value


def _keywords(owner, name, value):
    if not isinstance(value, (list, tuple)) or not all(isinstance(keyword, str) for keyword in value):
        raise ValueError(f"{owner}: `{name}` must be a list of regular expressions. Received: {name}={value}")
    return value


class Muon(Optimizer):
    """Muon: steps of matrices are orthogonalized momentum (Jordan et al., 2024; Liu et al., arXiv:2502.16982).

    Variables of other ranks, embeddings, and the layers of `exclude_layers` take AdamW's steps; the output layer should
    be one of them.

    Args:
        learning_rate: float, `LearningRateSchedule` or callable. Default 0.001.
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: as in `AdamW`, for the variables that take its steps.
        exclude_layers: list of regular expressions, which are searched in the paths of variables. Default None.
        exclude_embeddings: whether variables with "embedding" in their path take AdamW's steps. Default True.
        muon_a, muon_b, muon_c: floats, the polynomial of the Newton-Schulz iteration. Default 3.4445, -4.775, 2.0315.
        adam_lr_ratio: float, by which the learning rate of AdamW's steps is multiplied. Default 1.
        momentum: float. Default 0.95.
        ns_steps: int, the number of iterations. Default 5.
        nesterov: whether to use Nesterov momentum. Default True.
        rms_rate: float, by which steps are scaled, with the root of the larger side of the matrix. Default 0.2; None:
            they are not.
        weight_decay, clipnorm, clipvalue, global_clipnorm: as in `Optimizer`. Default of `weight_decay` 0.004.
        use_ema, ema_momentum, ema_overwrite_frequency: as in `Optimizer`.
        loss_scale_factor, gradient_accumulation_steps, name, **kwargs: as in `Optimizer`.

    Raises:
        ValueError: an argument out of range, or as in `Optimizer`.
    """

    _RULES: ClassVar = {
        "adam_beta_1": number(0, 1, below=True),
        "adam_beta_2": number(0, 1, below=True),
        "adam_weight_decay": number(optional=True),
        "epsilon": number(0),
        "momentum": number(),
        "rms_rate": number(optional=True),
        "adam_lr_ratio": number(),
        "muon_a": number(),
        "muon_b": number(),
        "muon_c": number(),
        "ns_steps": _steps,
        "exclude_layers": _keywords,
    }

    @accepts_old_names("Optimizer")
    def __init__(
        self,
        learning_rate=0.001,
        adam_beta_1=0.9,
        adam_beta_2=0.999,
        adam_weight_decay=0.004,
        epsilon=1e-7,
        weight_decay=0.004,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        exclude_layers=None,
        exclude_embeddings=True,
        muon_a=3.4445,
        muon_b=-4.7750,
        muon_c=2.0315,
        adam_lr_ratio=1,
        momentum=0.95,
        ns_steps=5,
        nesterov=True,
        rms_rate=0.2,
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
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate
        self.exclude_layers = exclude_layers or []
        self.momentums = []
        self.adam_velocities = []

    def _takes_adamw(self, variable):
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(keyword, variable.path) for keyword in self.exclude_layers)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums, self.adam_velocities = [], []
        for variable in variables:
            self.momentums.append(self.add_variable_from_reference(variable, "momentum"))
            adamw = self._takes_adamw(variable)
            self.adam_velocities.append(self.add_variable_from_reference(variable, "velocity") if adamw else None)

    def _decay_of(self, variable):
        if not self._decays(variable):
            return 0.0
        return float((self.adam_weight_decay if self._takes_adamw(variable) else self.weight_decay) or 0.0)

    def update_step(self, gradient, variable, learning_rate):
        i = self._get_variable_index(variable)
        m, v = self.momentums[i], self.adam_velocities[i]
        if v is None:
            self._step_of_matrix(gradient, variable, ops.cast(learning_rate, variable.dtype), m)
            return
        options = {"beta_1": float(self.adam_beta_1), "beta_2": float(self.adam_beta_2), "epsilon": float(self.epsilon)}
        rate = learning_rate * float(self.adam_lr_ratio)
        ops.optimizer.update("adam", gradient, variable, [m, v], rate, self.iterations, amsgrad=False, **options)

    def _step_of_matrix(self, gradient, variable, rate, m):
        momentum = float(self.momentum)
        self.assign(m, gradient + m * momentum)
        update = self._orthogonalized(gradient + m * momentum if self.nesterov else m)
        if self.rms_rate is not None:
            rate = rate * (max(variable.shape) ** 0.5 * float(self.rms_rate))
        self.assign_sub(variable, rate * update)

    def _orthogonalized(self, x):
        """The nearest orthogonal matrix of `x`, nearly: a quintic Newton-Schulz iteration, steep at 0."""
        a, b, c = float(self.muon_a), float(self.muon_b), float(self.muon_c)
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            gram = ops.matmul(x, ops.transpose(x))
            x = a * x + ops.matmul(b * gram + c * ops.matmul(gram, gram), x)
        return ops.transpose(x) if tall else x

    def get_config(self):
        names = (
            "adam_beta_1",
            "adam_beta_2",
            "adam_weight_decay",
            "epsilon",
            "exclude_layers",
            "exclude_embeddings",
            "muon_a",
            "muon_b",
            "muon_c",
            "adam_lr_ratio",
            "momentum",
            "ns_steps",
            "nesterov",
            "rms_rate",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
