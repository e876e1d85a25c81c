"""The base class of optimizers: learning rate, clipping, weight decay, moving averages of weights."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from .. import ops
from ..compat.arguments import translate
from ..config import floatx
from ..graph import Tensor, Variable, apply, current_trace
from ..user_warning import warn
from ..utils.checks import check_name
from ..utils.naming import auto_name
from ..utils.overrides import overridden_by_user, refuse_overrides, takes_places
from ..utils.serialization import deserialize_keras_object, serialize_keras_object
from .gradient_methods import GradientMethods
from .gradients import clip_by_global_norm, clip_by_norm
from .schedules import LearningRateSchedule
from .settings import accumulation_steps, ema_frequency, ema_momentum_rule, number
from .state import OptimizerState

_STATELESS = "variables are changed in place. Override apply() or update_step()."
_UPDATE_STEP = "Override build(variables) and update_step(gradient, variable, learning_rate), as in Keras 3."
# Where optimizers of Keras 1 and 2, of tf.keras, and of tf.keras before 2.11 have their update.
_OLD_HOOKS = ("get_updates", "get_gradients", "_resource_apply_dense", "_resource_apply_sparse", "_create_slots")


class Optimizer(GradientMethods, OptimizerState):
    """The base class of optimizers. A subclass makes its slot variables in `build` and implements `update_step`.

    Package interface: `_averages`, `_trainable_variables`.

    Args:
        learning_rate: float, `LearningRateSchedule`, or callable without arguments (`lr` in earlier versions of Keras).
            Default 0.01.
        weight_decay: float. Each step first subtracts `weight_decay * learning_rate * w` from each weight w. Default
            None.
        clipnorm: float, the maximum norm of each gradient. Default None.
        clipvalue: float, the maximum absolute value of the elements of gradients. Default None.
        global_clipnorm: float, the maximum norm of all gradients together. Default None.
        use_ema: whether to keep a moving average of the weights. Default False.
        ema_momentum: float in [0, 1], the momentum of that average. Default 0.99.
        ema_overwrite_frequency: int, the number of steps after which the weights are overwritten by their average.
            Default None: only at the end of `fit`, by `finalize_variable_values`.
        loss_scale_factor: float. `scale_loss` multiplies the loss by it; `apply` divides the gradients by it. Default
            None.
        gradient_accumulation_steps: int >= 2, the number of steps after which the weights are updated, by the mean of
            their gradients. Default None: each step.
        name: str. Default None: the class name in snake case.
        decay: float, as in Keras 1 and 2. The learning rate in use is `learning_rate / (1 + decay * iterations)`.

    Raises:
        ValueError: an argument out of range, more than one kind of clipping, or an unknown argument.
    """

    _KIND = ""  # of the op that updates a variable, where one op does it
    _RULES: ClassVar = {
        "decay": number(0),
        "weight_decay": number(optional=True),
        "clipnorm": number(0, optional=True),
        "clipvalue": number(0, optional=True),
        "global_clipnorm": number(0, optional=True),
        "loss_scale_factor": number(optional=True),
        "gradient_accumulation_steps": accumulation_steps,
        "ema_momentum": ema_momentum_rule,
        "ema_overwrite_frequency": ema_frequency,
    }

    def __init__(
        self,
        learning_rate=0.01,
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
        decay = kwargs.pop("decay", None) or 0.0
        if "lr" in kwargs:  # of a subclass that passes a default of its own on as `learning_rate`
            learning_rate = translate("Optimizer", {"lr": kwargs.pop("lr")})["learning_rate"]
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        check_name(type(self).__name__, name)
        if sum(clip is not None for clip in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.decay = decay
        self._excluded_variables = ()
        self._excluded_names = None
        self._start()
        self._learning_rate = self._checked_rate(learning_rate)

    @property
    def _name(self) -> str:
        """tf.keras's name of `name`."""
        return self.name

    @_name.setter
    def _name(self, value):
        self.name = value

    # --- what is not called -----------------------------------------------------------------------------
    def _refuse_overrides(self) -> None:
        """NotImplementedError for methods of a subclass that nothing here calls."""
        refuse_overrides(self, Optimizer, {"stateless_apply": _STATELESS})
        if overridden_by_user(type(self), "update_step"):
            return
        refuse_overrides(self, Optimizer, dict.fromkeys(_OLD_HOOKS, _UPDATE_STEP))
        if not self._KIND:
            return
        fused = f"the update of {type(self).__name__} is one kernel. Override update_step() too."
        refuse_overrides(self, Optimizer, dict.fromkeys(("assign", "assign_add", "assign_sub"), fused))

    # --- the learning rate ----------------------------------------------------------------------------
    def _checked_rate(self, learning_rate):
        if isinstance(learning_rate, (float, np.floating)):
            variable = Variable(np.asarray(learning_rate, "float32"), trainable=False, name="learning_rate")
            self._variables.append(variable)
            return variable
        if callable(learning_rate):
            return learning_rate
        raise ValueError(
            "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that "
            "takes in the current iteration value and returns the corresponding learning rate value). Received "
            f"instead: learning_rate={learning_rate}"
        )

    @property
    def learning_rate(self):
        """The learning rate: a float32 scalar `Variable`, or the value of the schedule at the current iteration.

        A new value takes effect at the next step, also during `fit`.
        """
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        return self._called_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        if isinstance(learning_rate, Variable):
            learning_rate = float(learning_rate)
        if callable(learning_rate):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = learning_rate
        elif isinstance(self._learning_rate, LearningRateSchedule):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor "
                "argument, hence its learning rate is not settable. If you need the learning rate to be settable, you "
                "should instantiate the optimizer with a float `learning_rate` argument."
            )
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(learning_rate)
        else:
            self._learning_rate = self._checked_rate(float(learning_rate))

    def _build_learning_rate(self, learning_rate):
        """What the constructors of tf.keras 2.11 to 2.15 assign to `_learning_rate`."""
        self.learning_rate = float(learning_rate) if isinstance(learning_rate, int) else learning_rate
        return self._learning_rate

    @property
    def lr(self):
        """The name of `learning_rate` in earlier versions of Keras."""
        return self.learning_rate

    @lr.setter
    def lr(self, learning_rate):
        self.learning_rate = learning_rate

    def _called_rate(self):
        rate = self._learning_rate()
        if current_trace() is not None and not isinstance(rate, (Tensor, Variable)):
            raise ValueError(
                f"The `learning_rate` of optimizer '{self.name}' is a function that returns a plain number, which the "
                "compiled training step could not ask again. Use a LearningRateSchedule, or set "
                "optimizer.learning_rate from a callback."
            )
        return rate

    def _rate_in_effect(self):
        """What `update_step` gets: the learning rate after `decay`."""
        rate = self.learning_rate
        if not self.decay:
            return rate
        return ops.divide(rate, ops.cast(self._iterations, floatx()) * self.decay + 1.0)

    # --- a step -----------------------------------------------------------------------------------------
    def assign(self, variable, value):
        variable.assign(value)

    def assign_add(self, variable, value):
        variable.assign_add(value)

    def assign_sub(self, variable, value):
        variable.assign_sub(value)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable, with `pykernels.ops` and `assign`, `assign_add` or `assign_sub`.

        Args:
            gradient: gradient of the loss with respect to `variable`, after clipping; of the same shape.
            variable: one of the variables that were passed to `build`.
            learning_rate: float32 scalar.
        """
        raise NotImplementedError(
            f"Optimizer '{type(self).__name__}' must implement update_step(gradient, variable, learning_rate)."
        )

    def apply_gradients(
        self, grads_and_vars, name=None, *, skip_gradients_aggregation=False, experimental_aggregate_gradients=True
    ):
        """Updates variables by their gradients.

        Args:
            grads_and_vars: iterable of pairs (gradient, variable).
            name, skip_gradients_aggregation, experimental_aggregate_gradients: accepted as in Keras 2. They have no
                effect: there is one device.

        Returns:
            The iteration counter.
        """
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(gradients), list(variables))
        return self._iterations

    def apply(self, grads, trainable_variables=None):
        """Updates variables by their gradients.

        Args:
            grads: list of arrays or tensors. A variable whose gradient is None is not changed, with a warning.
            trainable_variables: list of variables in the same order. Default None: those that were passed to `build`.

        Raises:
            ValueError: all gradients are None, a variable was not passed to `build`, or there are no variables.
        """
        if len(grads) == 0:
            return
        variables = self._checked_variables(grads, trainable_variables)
        grads, variables = self._with_gradients(grads, variables)
        if self.loss_scale_factor is not None:
            grads = [g / float(self.loss_scale_factor) for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._update_averages()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))
        self._iterations.assign_add(1)

    def _checked_variables(self, grads, variables):
        if variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                    "variables. Call `optimizer.build(trainable_variables)` first. "
                )
            variables = self._trainable_variables
        variables = list(variables)
        if len(grads) != len(variables):
            raise ValueError(f"Optimizer '{self.name}' got {len(grads)} gradients for {len(variables)} variables.")
        if not self.built:
            self.build(variables)
            self.built = True
        self._make_slots()
        for variable in variables:
            if id(variable) not in self._index:
                raise ValueError(
                    f"Unknown variable: {variable.name}, shape {variable.shape}. This optimizer can only be called for "
                    "the variables it was originally built with. When working with a new set of variables, you should "
                    "recreate a new optimizer instance."
                )
        return variables

    def _with_gradients(self, grads, variables):
        missing = [v.name for g, v in zip(grads, variables, strict=True) if g is None]
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        if missing:
            warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, "
                "did you forget to provide a `loss` argument?",
            )
        grads = [g if isinstance(g, (Tensor, Variable)) else np.asarray(g, v.dtype) for g, v in pairs]
        return grads, [v for _, v in pairs]

    def _update(self, grads, variables):
        self._update_variables(self._clipped(grads), variables, self._rate_in_effect())

    def _update_variables(self, gradients, variables, learning_rate):
        for variable in variables:
            if decay := self._decay_of(variable):
                factor = ops.cast(learning_rate, variable.dtype) * decay
                variable.assign(ops.subtract(variable, ops.multiply(variable, factor)))
        # tf.keras 2.11 to 2.15 had no learning rate there: it is asked for by the method
        rates = (learning_rate,) if takes_places(type(self).update_step, 4) else ()
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, *rates)

    def _clipped(self, grads):
        if self.clipnorm and self.clipnorm > 0:
            return [clip_by_norm(g, float(self.clipnorm)) for g in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clip_by_global_norm(grads, float(self.global_clipnorm))
        if self.clipvalue and self.clipvalue > 0:
            limit = float(self.clipvalue)
            return [ops.clip(g, -limit, limit) for g in grads]
        return grads

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes variables from `weight_decay`.

        Args:
            var_list: list of variables. Default None.
            var_names: list of regular expressions, which are searched in the names of variables. Default None.

        Raises:
            ValueError: the optimizer is built already.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._excluded_variables = tuple(var_list or ())
        self._excluded_names = re.compile("|".join(sorted(set(var_names)))) if var_names else None

    def _decays(self, variable) -> bool:
        """Whether `exclude_from_weight_decay` leaves the variable in."""
        if any(v is variable for v in self._excluded_variables):
            return False
        return self._excluded_names is None or not self._excluded_names.search(variable.name)

    def _decay_of(self, variable) -> float:
        """The weight decay of a variable."""
        return float(self.weight_decay) if self.weight_decay is not None and self._decays(variable) else 0.0

    # --- accumulation and averages ------------------------------------------------------------------------
    def _every(self, steps, count):
        """bool scalar: whether this step, the first being number 1, is a multiple of `steps`."""
        return ops.equal(ops.mod(ops.cast(count, "float64") + 1.0, float(steps)), 0.0)

    def _accumulate(self, grads, variables):
        steps = self.gradient_accumulation_steps
        accumulators = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]
        sums = [ops.add(g, a) for g, a in zip(grads, accumulators, strict=True)]
        if current_trace() is None and int(self._iterations) % steps != steps - 1:
            for accumulator, total in zip(accumulators, sums, strict=True):
                accumulator.assign(total)
            return
        if current_trace() is None:
            self._update([s / float(steps) for s in sums], variables)
            for accumulator in accumulators:
                accumulator.assign(np.zeros(accumulator.shape, accumulator.dtype))
            return
        # A program has no branches: it computes the update each time, and keeps the old state by choice.
        due = self._every(steps, self._iterations)
        fixed = {id(v) for v in (self._iterations, self._learning_rate, *self._accumulated_gradients, *self._averages)}
        state = [*variables, *(v for v in self._variables if id(v) not in fixed)]
        before = [apply("multiply", [v, 1.0]) for v in state]
        self._update([s / float(steps) for s in sums], variables)
        for variable, old in zip(state, before, strict=True):
            variable.assign(ops.where(due, variable, old))
        for accumulator, total in zip(accumulators, sums, strict=True):
            accumulator.assign(ops.where(due, ops.zeros_like(total), total))

    def _update_averages(self):
        started = ops.not_equal(self.iterations, 0)
        frequency = self.ema_overwrite_frequency
        due = self._every(frequency, self.iterations) if frequency else None
        for variable, average in zip(self._trainable_variables, self._averages, strict=True):
            momentum = ops.cast(started, variable.dtype) * float(self.ema_momentum)
            average.assign(ops.add(ops.multiply(momentum, average), ops.multiply(1.0 - momentum, variable)))
            if frequency:
                variable.assign(ops.where(due, average, variable))

    def finalize_variable_values(self, var_list):
        """With `use_ema`, sets the variables to their moving averages. `fit` calls it at the end."""
        if not self.use_ema:
            return
        if len(var_list) != len(self._averages):
            raise ValueError(
                f"The length of model variables ({len(var_list)}) to override does not match the length of model "
                f"variables stored in the optimizer ({len(self._averages)}). Please check if the optimizer was called "
                "on your model."
            )
        for variable, average in zip(var_list, self._averages, strict=True):
            variable.assign(average)

    def scale_loss(self, loss):
        """Returns `loss * loss_scale_factor`, or `loss` without a factor."""
        return loss if self.loss_scale_factor is None else loss * float(self.loss_scale_factor)

    # --- configuration --------------------------------------------------------------------------------------
    def program_key(self) -> tuple:
        """The values that a compiled training step contains as constants. When they change, the step is recorded
        again."""
        numbers = (int, float, bool, type(None))
        settings = {k: v for k, v in self.__dict__.items() if isinstance(v, numbers) and k != "built"}
        rate = None if isinstance(self._learning_rate, Variable) else self._learning_rate
        return (*sorted(settings.items()), rate)

    def get_config(self):
        rate = self._learning_rate
        rate = float(rate) if isinstance(rate, Variable) else serialize_keras_object(rate)
        config = {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }
        return {**config, "decay": self.decay} if self.decay else config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects=custom_objects)
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
