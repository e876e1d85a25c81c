"""The optimizers of TensorFlow 1's `tf.train`, for `compile(optimizer=tf.train.AdamOptimizer())`: functions that take
TensorFlow's arguments and return the optimizer of Keras that makes the same updates.

`use_locking` is accepted and has no effect: updates of a variable never overlap.
"""

# ruff: noqa: N802 - TensorFlow's names

from __future__ import annotations

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam
from .ftrl import Ftrl
from .rmsprop import RMSprop
from .sgd import SGD


def _rate(value):
    return float(value) if isinstance(value, int) else value


def GradientDescentOptimizer(learning_rate, use_locking=False, name="GradientDescent"):
    """`SGD`."""
    return SGD(_rate(learning_rate), name=name)


def MomentumOptimizer(learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
    """`SGD` with momentum."""
    return SGD(_rate(learning_rate), momentum, bool(use_nesterov), name=name)


def AdamOptimizer(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
    """`Adam`."""
    return Adam(_rate(learning_rate), beta1, beta2, epsilon, name=name)


def AdagradOptimizer(learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
    """`Adagrad` without epsilon."""
    return Adagrad(_rate(learning_rate), initial_accumulator_value, 0.0, name=name)


def AdadeltaOptimizer(learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
    """`Adadelta`."""
    return Adadelta(_rate(learning_rate), rho, epsilon, name=name)


def RMSPropOptimizer(
    learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False, name="RMSProp"
):
    """`RMSprop` whose mean squares begin with 1."""
    optimizer = RMSprop(_rate(learning_rate), decay, momentum, epsilon, bool(centered), name=name)
    optimizer.first_mean_square = "ones"
    return optimizer


def FtrlOptimizer(
    learning_rate,
    learning_rate_power=-0.5,
    initial_accumulator_value=0.1,
    l1_regularization_strength=0.0,
    l2_regularization_strength=0.0,
    use_locking=False,
    name="Ftrl",
    accum_name=None,
    linear_name=None,
    l2_shrinkage_regularization_strength=0.0,
):
    """`Ftrl`. `accum_name` and `linear_name`, names of slots in a graph, have no effect."""
    strengths = (l1_regularization_strength, l2_regularization_strength, l2_shrinkage_regularization_strength)
    return Ftrl(_rate(learning_rate), learning_rate_power, initial_accumulator_value, *strengths, name=name)
