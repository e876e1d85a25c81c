"""Random tensors: Philox streams, named by (seed, stream) and, in a program, the step.

The functions here are `keras.random`'s. Same seed, same bits, with any number of threads.
"""

from __future__ import annotations

import contextlib

import numpy as np

from ..graph import NONDIFFERENTIABLE, apply, current_trace, define, eager
from ..graph.registry import OpDef
from ..graph.tensor import Node
from ..utils.error_origin import brief
from ..utils.naming import auto_name
from ..utils.random_seed import make_default_seed
from .binary import add, multiply
from .creation import full_like, ones
from .elementwise import floor
from .shapes import axis_in, dims_of
from .types import (
    cast,
    dtype_of,
    float_tensor,
    is_float,
    is_symbolic,
    number_like,
    passed_on,
    standardize_dtype,
    to_tensor,
)


# --- definitions -----------------------------------------------------------------------------------
def _drawn(types, attrs):
    return [(attrs["shape"], attrs["dtype"])]


define("random_uniform", infer=_drawn, grad=NONDIFFERENTIABLE)
define("random_normal", infer=_drawn, grad=NONDIFFERENTIABLE)
define(
    "dropout",
    infer=lambda types, attrs: [types[0]],
    grad=lambda node, dy: [apply("dropout", [dy], **node.attrs)],  # the mask is a function of the key: not stored
)


# --- keys --------------------------------------------------------------------------------------------
class SeedGenerator:
    """A source of seeds: each random function that is given it draws from a stream of its own.

    Args:
        seed: int; by default one derived from the global seed (`keras.utils.set_random_seed`).
        name: of the generator.

    Raises:
        ValueError: `seed` is not an int, or an unknown argument.
    """

    def __init__(self, seed=None, name=None, **kwargs):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        self._initial_seed = seed
        seed = make_default_seed() if seed is None else seed
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        if not -(1 << 63) <= seed < 1 << 63:
            raise ValueError(f"Argument `seed` must be an integer of 64 bits. Received: seed={brief(seed)}")
        self.name = auto_name("SeedGenerator") if name is None else name
        self.seed = int(seed)
        self.draws = 0

    @property
    def state(self) -> np.ndarray:
        """uint32 (2,): the seed and the number of draws so far."""
        return np.array([self.seed & 0xFFFFFFFF, self.draws & 0xFFFFFFFF], np.uint32)

    def next(self, ordered=True) -> np.ndarray:
        """The state, which then moves on. The order is kept whatever `ordered` says."""
        state = self.state
        self.draws += 1
        return state

    def get_config(self):
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@contextlib.contextmanager
def same_draws(generators):
    """Within it, `SeedGenerator`s may draw; afterwards they go on as if they had not."""
    before = [x.draws for x in generators]
    try:
        yield
    finally:
        for generator, draws in zip(generators, before, strict=True):
            generator.draws = draws


def draw_seed(seed) -> dict:
    """The key of one draw, as attributes of a random op.

    Args:
        seed: int: the same key each time; a `SeedGenerator`: its next; None: one derived from the global seed.

    Raises:
        ValueError: something else.
    """
    if isinstance(seed, SeedGenerator):
        key = {"seed": seed.seed, "stream": seed.draws}
        seed.next()
        return key
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return {"seed": int(seed), "stream": 0}
    if seed is None:
        return {"seed": make_default_seed(), "stream": make_default_seed()}
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )


def _draw(name, shape, dtype, seed, **attrs):
    """One draw. In a program it is a step, drawn again in each run; with an int seed it is a constant, as in Keras.

    With an unknown extent (None, as `ops.shape` gives while a model is being built) it is symbolic.
    """
    dims = dims_of(shape)
    if any(d is not None and d < 0 for d in dims):
        raise ValueError(f"the shape of random values must not be negative, got {dims}")
    if None in dims:
        attrs = {"shape": dims, "dtype": dtype}
        return Node(OpDef(name, _drawn, NONDIFFERENTIABLE), [], attrs, _drawn([], attrs)).outputs[0]
    attrs = {**attrs, **draw_seed(seed), "shape": tuple(int(d) for d in dims), "dtype": dtype}
    if current_trace() is None or isinstance(seed, (int, np.integer)):
        return apply(name, [], **attrs)
    op = OpDef(name, _drawn, NONDIFFERENTIABLE)
    return Node(op, [], attrs, _drawn([], attrs)).outputs[0]


def _float_dtype(dtype) -> str:
    name = standardize_dtype(dtype)
    if not is_float(name):
        raise ValueError(f"`dtype` must be a float type. Received: dtype={dtype}")
    return name


# --- public functions --------------------------------------------------------------------------------
def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Numbers evenly spread over [minval, maxval).

    Args:
        shape: tuple of ints.
        minval, maxval: floats.
        dtype: float type, default `floatx()`.
        seed: int, `SeedGenerator` or None (a fresh one from the global seed).

    Raises:
        ValueError: `dtype` is not a float type, or `seed` is not one of these.
    """
    return _draw("random_uniform", shape, _float_dtype(dtype), seed, minval=float(minval), maxval=float(maxval))


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers. Arguments otherwise as in `uniform`."""
    return _draw(
        "random_normal", shape, _float_dtype(dtype), seed, mean=float(mean), stddev=float(stddev), truncated=False
    )


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers, drawn again beyond two standard deviations. Arguments otherwise as in `uniform`."""
    return _draw(
        "random_normal", shape, _float_dtype(dtype), seed, mean=float(mean), stddev=float(stddev), truncated=True
    )


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Integers evenly spread over [minval, maxval), exactly to a bias of 2**-53 of the range.

    Raises:
        ValueError: `dtype` is not an integer type.
    """
    name = standardize_dtype(dtype)
    if is_float(name) or name == "bool":
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype}")
    low, high = int(minval), int(maxval)
    unit = _draw("random_uniform", shape, "float64", seed, minval=0.0, maxval=1.0)
    return cast(add(floor(multiply(unit, float(high - low))), float(low)), name)


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Each element set to 0 with probability `rate`, the others divided by 1 - rate.

    Args:
        inputs: tensor. Integers become `floatx()`.
        rate: float from 0 to 1.
        noise_shape: shape of the mask, which broadcasts to the inputs'; None entries take the inputs' extent.
        seed: int, `SeedGenerator` or None (a fresh one from the global seed).

    Raises:
        ValueError: `rate` outside of [0, 1], or a `noise_shape` that does not broadcast.
    """
    x = float_tensor(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(f"`rate` must be a float from 0 to 1. Received: rate={rate}")
    if rate == 0:
        return passed_on(x)
    if rate == 1:
        return full_like(x, 0)
    concrete = None not in x.shape
    if noise_shape is not None:
        noise_shape = _noise_shape(noise_shape, x.shape)
    if concrete and (noise_shape is not None or (is_symbolic(x) and isinstance(seed, (int, np.integer)))):
        kept = _kept(noise_shape or x.shape, dtype_of(x), rate, seed)
        return apply("where", [kept, multiply(x, 1.0 / (1.0 - float(rate))), number_like(0, x)])
    return apply("dropout", [x], rate=float(rate), **draw_seed(seed))


def _noise_shape(noise_shape, shape):
    if len(noise_shape) != len(shape):
        raise ValueError(f"`noise_shape` must have one entry per axis of {tuple(shape)}. Received: {noise_shape}")
    dims = tuple(have if want is None else int(want) for want, have in zip(noise_shape, shape, strict=True))
    if any(want not in (1, have) and have is not None for want, have in zip(dims, shape, strict=True)):
        raise ValueError(f"`noise_shape`={noise_shape} does not broadcast to the inputs' shape {tuple(shape)}")
    return None if dims == tuple(shape) else dims


def _kept(shape, dtype, rate, seed):
    """bool: which elements stay, drawn in a shape of its own."""
    source = ones(shape, dtype)
    if current_trace() is None or isinstance(seed, (int, np.integer)):
        return apply("dropout", [source], rate=float(rate), **draw_seed(seed)) > 0
    return _draw("random_uniform", shape, dtype, seed, minval=0.0, maxval=1.0) >= float(rate)


def shuffle(x, axis=0, seed=None):
    """x with its elements in random order along `axis`; x must be an array (its order is drawn at once).

    Raises:
        ValueError: x is symbolic.
    """
    if is_symbolic(x):
        raise ValueError("`shuffle` of a symbolic tensor is not supported: shuffle the data before the model")
    x = np.asarray(to_tensor(x))
    axis = axis_in(axis, x.ndim)
    keys = apply(
        "random_uniform", [], shape=(x.shape[axis],), dtype="float64", minval=0.0, maxval=1.0, **draw_seed(seed)
    )
    return eager(np.take(x, np.argsort(keys, kind="stable"), axis=axis))
