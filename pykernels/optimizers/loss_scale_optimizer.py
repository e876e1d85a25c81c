"""An optimizer around another one, which scales the loss so that small gradients do not vanish."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar

from .. import ops
from ..graph import apply
from ..initializers import Constant
from ..utils.serialization import deserialize_keras_object, serialize_keras_object
from .optimizer import Optimizer
from .settings import number

_OF_INNER = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a factor, and the gradients by its inverse, before another optimizer gets them.

    The factor doubles after `dynamic_growth_steps` steps with finite gradients. Where a gradient is not finite nothing
    is updated, and the factor is halved.

    Args:
        inner_optimizer: `Optimizer` that makes the updates.
        initial_scale: float, the first factor. Default 2^15.
        dynamic_growth_steps: int. Default 2000.
        name: str. Default None: the class name in snake case.
        **kwargs: none. `dynamic` may be True, as in Keras 2.

    Raises:
        ValueError: `dynamic=False`, or an argument that belongs to the inner optimizer.
    """

    _RULES: ClassVar = {"initial_scale": number(0), "dynamic_growth_steps": number(1)}

    def __init__(self, inner_optimizer, initial_scale=2.0**15, dynamic_growth_steps=2000, name=None, **kwargs):
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set `loss_scale_factor` "
                "directly on the `inner_optimizer`."
            )
        for argument, default in _OF_INNER.items():
            if kwargs.pop(argument, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{argument}`. Instead, set `{argument}` on the "
                    "`inner_optimizer`."
                )
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(f"`inner_optimizer` must be an Optimizer. Received: inner_optimizer={inner_optimizer}")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None
        self.step_counter = self.dynamic_scale = None

    def build(self, variables):
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), Constant(self.initial_scale), "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self):
        """Its own variables, then those of the inner optimizer."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self):
        """The number of updates that the inner optimizer has made."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self):
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.inner_optimizer.learning_rate = learning_rate

    def scale_loss(self, loss):
        """Returns the loss times the factor."""
        return loss * (ops.cast(self.dynamic_scale, ops.dtype(loss)) if self.built else float(self.initial_scale))

    def apply(self, grads, trainable_variables=None):
        """As `Optimizer.apply`, for gradients of the scaled loss."""
        variables = self._checked_variables(grads, trainable_variables)
        finite = reduce(ops.logical_and, [ops.all(ops.isfinite(g)) for g in grads if g is not None])
        inner = self.inner_optimizer
        state = [*variables, *inner.variables]
        before = [apply("add", [v, ops.zeros((), v.dtype)]) for v in state]
        inverse = ops.divide(1.0, self.dynamic_scale)
        unscaled = [
            None if g is None else g * ops.cast(inverse, v.dtype) for g, v in zip(grads, variables, strict=True)
        ]
        inner.apply(unscaled, variables)
        for variable, old in zip(state, before, strict=True):
            variable.assign(ops.where(finite, variable, old))
        grown = ops.logical_and(finite, ops.equal(self.step_counter, int(self.dynamic_growth_steps) - 1))
        counted = ops.where(grown, 0, self.step_counter + 1)
        factor = ops.where(finite, ops.where(grown, 2.0, 1.0), 0.5)
        self.dynamic_scale.assign(self.dynamic_scale * ops.cast(factor, "float32"))
        self.step_counter.assign(ops.cast(ops.where(finite, counted, 0), "int32"))

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)

    def program_key(self):
        return (*super().program_key(), self.inner_optimizer, *self.inner_optimizer.program_key())

    def get_config(self):
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        inner = deserialize_keras_object(config.pop("inner_optimizer"), custom_objects=custom_objects)
        return cls(inner, **config)
