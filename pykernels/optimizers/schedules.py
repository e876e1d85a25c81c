"""Learning rates that depend on the step.

They are written with `pykernels.ops`: the training program computes them from the iteration counter of the optimizer,
and no Python runs between steps.
"""

from __future__ import annotations

import math

from .. import ops
from ..config import floatx
from ..utils.serialization import deserialize_keras_object, register_module, serialize_keras_object


class LearningRateSchedule:
    """The base class of schedules. A subclass implements `__call__(step)`, which returns a learning rate, and
    `get_config`.

    `step` is the number of updates made before, an int64 scalar: a tensor in a training program, an array otherwise.
    Use `pykernels.ops` instead of `if`.
    """

    def __call__(self, step):
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self):
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable."
        )

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _positive_steps(name, value):
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")
    return value


def _float(step):
    return ops.cast(step, floatx())


class _Decay(LearningRateSchedule):
    """What ExponentialDecay and InverseTimeDecay share."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name=None):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive_steps("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name or type(self).__name__

    def _periods(self, step):
        periods = _float(step) / float(self.decay_steps)
        return ops.floor(periods) if self.staircase else periods

    def get_config(self):
        names = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {name: getattr(self, name) for name in names}


class ExponentialDecay(_Decay):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: float.
        decay_steps: int.
        decay_rate: float.
        staircase: whether `step / decay_steps` is rounded down to an integer. Default False.
        name: str. Default: the class name.
    """

    def __call__(self, step):
        periods = self._periods(step)
        rate = ops.power(ops.full_like(periods, float(self.decay_rate)), periods)
        return rate * float(self.initial_learning_rate)


class InverseTimeDecay(_Decay):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: float.
        decay_steps: int.
        decay_rate: float.
        staircase: whether `step / decay_steps` is rounded down to an integer. Default False.
        name: str. Default: the class name.
    """

    def __call__(self, step):
        return ops.divide(float(self.initial_learning_rate), self._periods(step) * float(self.decay_rate) + 1.0)


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` while `step <= boundaries[i]`, and the last value after the last boundary.

    Args:
        boundaries: list of ints in increasing order.
        values: list of floats, one more than boundaries.
        name: str.

    Raises:
        ValueError: another number of values.
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "float64")  # exact to 2**53 steps
        rate = ops.full_like(ops.cast(step, floatx()), float(self.values[-1]))
        for boundary, value in reversed(list(zip(self.boundaries, self.values[:-1], strict=True))):
            rate = ops.where(ops.less_equal(step, float(boundary)), ops.full_like(rate, float(value)), rate)
        return rate

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` in `decay_steps`, along `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: float.
        decay_steps: int.
        end_learning_rate: float. Default 0.0001.
        power: float. Default 1: linear.
        cycle: whether, beyond `decay_steps`, the smallest multiple of `decay_steps` that is not below `step` is used.
            Default False.
        name: str.
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name="PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive_steps("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step):
        step = _float(step)
        if self.cycle:
            cycles = ops.maximum(ops.ceil(step / float(self.decay_steps)), 1.0)
            fraction = step / (cycles * float(self.decay_steps))
        else:
            fraction = ops.minimum(step, float(self.decay_steps)) / float(self.decay_steps)
        span = float(self.initial_learning_rate) - float(self.end_learning_rate)
        return ops.power(1.0 - fraction, float(self.power)) * span + float(self.end_learning_rate)

    def get_config(self):
        names = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
        return {name: getattr(self, name) for name in names}


class CosineDecay(LearningRateSchedule):
    """From the initial rate to `alpha` times it in `decay_steps`, along half a cosine (Loshchilov and Hutter, ICLR
    2017).

    Args:
        initial_learning_rate: float.
        decay_steps: int.
        alpha: float, the final rate as a fraction of the initial one. Default 0.
        name: str.
        warmup_target: float. If given, the rate first rises linearly from `initial_learning_rate` to it in
            `warmup_steps`, and decays from there. Default None.
        warmup_steps: int. Default 0.
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        alpha=0.0,
        name="CosineDecay",
        warmup_target=None,
        warmup_steps=0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive_steps("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _decayed(self, step, start):
        cosine = (ops.cos(step * (math.pi / float(self.decay_steps))) + 1.0) * 0.5
        return (cosine * (1.0 - self.alpha) + self.alpha) * float(start)

    def __call__(self, step):
        step = _float(step)
        if self.warmup_target is None:
            return self._decayed(ops.minimum(step, float(self.decay_steps)), self.initial_learning_rate)
        step = ops.minimum(step, float(self.decay_steps + self.warmup_steps))
        decayed = self._decayed(step - float(self.warmup_steps), self.warmup_target)
        if not self.warmup_steps:
            return decayed
        slope = (self.warmup_target - self.initial_learning_rate) / self.warmup_steps
        rising = step * slope + float(self.initial_learning_rate)
        return ops.where(ops.less(step, float(self.warmup_steps)), rising, decayed)

    def get_config(self):
        names = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
        return {name: getattr(self, name) for name in names}


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with restarts (Loshchilov and Hutter, ICLR 2017).

    Args:
        initial_learning_rate: float.
        first_decay_steps: int, the length of the first period.
        t_mul: float, the length of a period relative to the one before. Default 2.
        m_mul: float, the initial rate of a period relative to the one before. Default 1.
        alpha: float, the final rate as a fraction of the initial one. Default 0.
        name: str.
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive_steps("first_decay_steps", first_decay_steps)
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step):
        periods = _float(step) / float(self.first_decay_steps)
        t_mul = float(self._t_mul)
        if t_mul == 1.0:
            restarts = ops.floor(periods)
            fraction = periods - restarts
        else:  # the sum of the first i periods is (1 - t_mul^i) / (1 - t_mul)
            restarts = ops.floor(ops.log(1.0 - periods * (1.0 - t_mul)) / math.log(t_mul))
            growth = ops.power(ops.full_like(periods, t_mul), restarts)
            fraction = (periods - (1.0 - growth) / (1.0 - t_mul)) / growth
        height = ops.power(ops.full_like(periods, float(self._m_mul)), restarts)
        cosine = (ops.cos(fraction * math.pi) + 1.0) * height * 0.5
        return (cosine * (1.0 - self.alpha) + self.alpha) * float(self.initial_learning_rate)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


_CLASSES = (
    LearningRateSchedule,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
_OBJECTS = {cls.__name__: cls for cls in _CLASSES}
register_module("keras.optimizers.schedules", _OBJECTS)


def serialize(learning_rate_schedule):
    """The configuration of a schedule as a dict of plain values, for `deserialize`.

    Args:
        learning_rate_schedule: a `LearningRateSchedule`.
    """
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """Makes a schedule from a dict that `serialize` returned.

    Args:
        config: dict.
        custom_objects: dict of name -> class. Default None.

    Raises:
        TypeError: an unknown class.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)
