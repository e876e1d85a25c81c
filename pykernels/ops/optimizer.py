"""Optimizer updates: one sweep over a variable, its slots and its gradient.

The formulas are in csrc/kernels/isa/update_rules.h.
"""

from __future__ import annotations

from ..graph import OP_TABLES, apply_into, define
from .types import dtype_of, to_tensor

KINDS = OP_TABLES["update"]

for _name in ("assign", "assign_add", "matmul_update", *(f"{kind}_update" for kind in KINDS)):
    define(_name, infer=lambda types, attrs: [])  # they have effects and no outputs


def update(kind, gradient, variable, slots, learning_rate, *scalars, weight_decay=0.0, **attrs):
    """The update of an optimizer: its op, named `kind` + "_update", applied to a variable in place.

    Args:
        kind: a key of `KINDS`: "adam", "adagrad", ... The list of ops in the documentation has their forms.
        gradient: tensor of the variable's shape.
        variable: `Variable`, float32 or float64.
        slots: list of `Variable`s of the same shape and dtype, in the order of the op's form.
        learning_rate: scalar.
        *scalars: the other scalars of the op's form: the number of updates before this one, and so on.
        weight_decay: float; times the learning rate times the variable it is subtracted first. Default 0.
        **attrs: the op's attributes.

    Raises:
        ValueError: shapes, dtypes or the number of slots differ from the op's form, or an attribute is out of range.
    """
    name = f"{kind}_update"
    gradient = to_tensor(gradient, variable.dtype)
    for slot in (gradient, *slots):
        if tuple(slot.shape) != tuple(variable.shape):
            raise ValueError(
                f"{name} of variable '{variable.name}' of shape {tuple(variable.shape)} was given "
                f"{'a gradient' if slot is gradient else 'a slot'} of shape {tuple(slot.shape)}"
            )
    for slot in slots:
        if dtype_of(slot) != variable.dtype:
            raise ValueError(f"{name}: variable '{variable.name}' is {variable.dtype}, its slot {dtype_of(slot)}")
    dtypes = ("float32", "int64", variable.dtype)
    inputs = [to_tensor(x, t) for x, t in zip((learning_rate, *scalars), dtypes, strict=False)]
    if weight_decay:
        attrs["weight_decay"] = float(weight_decay)
    apply_into(name, [gradient, *inputs], [variable, *slots], **attrs)


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
    update("sgd", gradient, variable, slots, learning_rate, momentum=float(momentum), nesterov=bool(nesterov))


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
    options = {"rho": float(rho), "momentum": float(momentum), "epsilon": float(epsilon), "centered": bool(centered)}
    update("rmsprop", gradient, variable, slots, learning_rate, **options)


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
    options = {"beta_1": float(beta_1), "beta_2": float(beta_2), "epsilon": float(epsilon), "amsgrad": bool(amsgrad)}
    update("adam", gradient, variable, slots, learning_rate, iterations, **options)
