"""Optimizer updates: one sweep over a variable, its slots and its gradient (formulas: csrc/kernels/optimizer.h)."""

from __future__ import annotations

from ..graph import apply_into, define
from .types import dtype_of, to_tensor

for _name in ("assign", "assign_add", "sgd_update", "rmsprop_update", "adam_update", "matmul_update"):
    define(_name, infer=lambda types, attrs: [])  # they have effects and no outputs


def _update(name, gradient, scalars, variables, **attrs):
    variable = variables[0]
    gradient = to_tensor(gradient, variable.dtype)
    for slot in (gradient, *variables[1:]):
        if tuple(slot.shape) != tuple(variable.shape):
            raise ValueError(
                f"{name} of variable '{variable.name}' of shape {tuple(variable.shape)} was given "
                f"{'a gradient' if slot is gradient else 'a slot'} of shape {tuple(slot.shape)}"
            )
    for slot in variables[1:]:
        if dtype_of(slot) != variable.dtype:
            raise ValueError(f"{name}: variable '{variable.name}' is {variable.dtype}, its slot {dtype_of(slot)}")
    apply_into(name, [gradient, *scalars], variables, **attrs)


def _required(name, slot, option):
    if slot is None:
        raise ValueError(f"{name} with {option} needs that slot variable, got None")
    return slot


def sgd_update(gradient, learning_rate, variable, velocity=None, *, momentum=0.0, nesterov=False):
    """variable -= learning_rate * gradient, with momentum through `velocity`.

    Args:
        gradient: tensor of the variable's shape.
        learning_rate: scalar.
        variable, velocity: `Variable`s of one shape and dtype; `velocity` only when `momentum` is not 0.
        momentum: float.
        nesterov: bool.

    Raises:
        ValueError: shapes or dtypes differ, or `velocity` is missing.
    """
    slots = [_required("sgd_update", velocity, f"momentum={momentum}")] if momentum else []
    _update(
        "sgd_update",
        gradient,
        [to_tensor(learning_rate, "float32")],
        [variable, *slots],
        momentum=float(momentum),
        nesterov=bool(nesterov),
    )


def rmsprop_update(
    gradient,
    learning_rate,
    variable,
    velocity,
    *,
    momentum_slot=None,
    average=None,
    rho=0.9,
    momentum=0.0,
    epsilon=1e-7,
    centered=False,
):
    """RMSprop: `velocity` is the running mean of squared gradients, `average` (when `centered`) that of gradients.

    Args and raises as in `sgd_update`; `momentum_slot` only when `momentum` is positive.
    """
    slots = [velocity]
    if momentum > 0:
        slots.append(_required("rmsprop_update", momentum_slot, f"momentum={momentum}"))
    if centered:
        slots.append(_required("rmsprop_update", average, "centered=True"))
    _update(
        "rmsprop_update",
        gradient,
        [to_tensor(learning_rate, "float32")],
        [variable, *slots],
        rho=float(rho),
        momentum=float(momentum),
        epsilon=float(epsilon),
        centered=bool(centered),
    )


def adam_update(
    gradient,
    learning_rate,
    iterations,
    variable,
    m,
    v,
    *,
    vhat=None,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    amsgrad=False,
):
    """Adam (Kingma and Ba, arXiv:1412.6980) with Keras's epsilon; `vhat` only when `amsgrad`.

    `iterations` is the number of updates before this one (int64 scalar). Args and raises otherwise as in `sgd_update`.
    """
    slots = [m, v]
    if amsgrad:
        slots.append(_required("adam_update", vhat, "amsgrad=True"))
    _update(
        "adam_update",
        gradient,
        [to_tensor(learning_rate, "float32"), to_tensor(iterations, "int64")],
        [variable, *slots],
        beta_1=float(beta_1),
        beta_2=float(beta_2),
        epsilon=float(epsilon),
        amsgrad=bool(amsgrad),
    )
