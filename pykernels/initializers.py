"""Initializers: callables that make the first value of a weight from its shape."""

from __future__ import annotations

import inspect
import math

import numpy as np

from . import ops
from .graph import Tensor, Variable
from .utils.checks import check_number
from .utils.error_origin import brief
from .utils.naming import to_snake_case
from .utils.random_seed import make_default_seed
from .utils.serialization import deserialize_keras_object, register_module, resolve, serialize_keras_object

# Standard deviation of a unit normal cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.8796256610342398
_PANEL = 64


def _dtype(dtype) -> str:
    return ops.standardize_dtype(dtype)


def _is_numeric(value) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fiub"
    except ValueError:  # rows of different lengths
        return False


class Initializer:
    """Base class. A subclass implements `__call__(shape, dtype=None) -> array` and `get_config()`."""

    def __call__(self, shape, dtype=None):
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def clone(self):
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape, dtype=None):
        return np.zeros(tuple(shape), _dtype(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape, dtype=None):
        return np.ones(tuple(shape), _dtype(dtype))


class Constant(Initializer):
    """All `value`: a number, or an array that broadcasts to the shape."""

    def __init__(self, value=0.0):
        if not hasattr(value, "dtype") and not _is_numeric(value):
            raise ValueError(f"Constant: `value` must be a number or an array. Received: value={brief(value)}")
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.array(np.broadcast_to(np.asarray(self.value, _dtype(dtype)), tuple(shape)))

    def get_config(self):
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config):
        return cls(deserialize_keras_object(config.get("value", 0.0)))


class Identity(Initializer):
    """`gain` times the identity matrix, for shapes of rank 2; raises ValueError for others."""

    def __init__(self, gain=1.0):
        check_number("Identity", "gain", gain)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return np.eye(*shape, dtype=_dtype(dtype)) * np.asarray(self.gain, _dtype(dtype))

    def get_config(self):
        return {"gain": self.gain}


class _RandomInitializer(Initializer):
    """Holds the seed. An instance gives the same values each time that it is called with the same shape, unless its
    seed is a `SeedGenerator`."""

    def __init__(self, seed=None):
        self._init_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif isinstance(seed, np.integer):
            seed = int(seed)
        if not isinstance(seed, int) and not hasattr(seed, "next"):
            raise ValueError(
                "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an integer. "
                f"Received: seed={seed}"
            )
        if isinstance(seed, int) and not -(1 << 63) <= seed < 1 << 63:
            raise ValueError(f"`seed` must be an integer of 64 bits. Received: seed={brief(seed)}")
        self.seed = seed

    def _uniform(self, shape, minval, maxval, dtype):
        return ops.random.uniform(tuple(shape), minval, maxval, dtype=_dtype(dtype), seed=self.seed)

    def _normal(self, shape, mean, stddev, dtype):
        return ops.random.normal(tuple(shape), mean, stddev, dtype=_dtype(dtype), seed=self.seed)

    def _truncated_normal(self, shape, mean, stddev, dtype):
        return ops.random.truncated_normal(tuple(shape), mean, stddev, dtype=_dtype(dtype), seed=self.seed)

    def get_config(self):
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomUniform(_RandomInitializer):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        kind = type(self).__name__
        check_number(kind, "minval", minval)
        check_number(kind, "maxval", maxval, low=float(minval))
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return self._uniform(shape, self.minval, self.maxval, dtype)

    def get_config(self):
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class RandomNormal(_RandomInitializer):
    """Normal with this mean and standard deviation."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        kind = type(self).__name__
        check_number(kind, "mean", mean)
        check_number(kind, "stddev", stddev, low=0)
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return self._normal(shape, self.mean, self.stddev, dtype)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normal, redrawn until within two standard deviations of the mean."""

    def __call__(self, shape, dtype=None):
        return self._truncated_normal(shape, self.mean, self.stddev, dtype)


class VarianceScaling(_RandomInitializer):
    """Variance `scale / n`, where n is the number of inputs or outputs of a unit, or their average.

    Args:
        scale: positive float.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "uniform", "truncated_normal" ("normal" is the same) or "untruncated_normal".
        seed: int, `SeedGenerator` or None (a fresh one).
        input_axes, output_axes: tuples of axes whose lengths multiply to fan_in and fan_out; both or none. By
            default the last two axes, times all earlier ones (the receptive field of a convolution).

    Raises:
        ValueError: a `scale` that is not positive, an unknown `mode` or `distribution`.
    """

    def __init__(
        self,
        scale=1.0,
        mode="fan_in",
        distribution="truncated_normal",
        seed=None,
        input_axes=None,
        output_axes=None,
    ):
        check_number(type(self).__name__, "scale", scale)
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        modes = ("fan_in", "fan_out", "fan_avg")
        if mode not in modes:
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of {modes}")
        distribution = str(distribution).lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        distributions = ("uniform", "truncated_normal", "untruncated_normal")
        if distribution not in distributions:
            raise ValueError(f"Invalid `distribution` argument: {distribution}. Please use one of {distributions}")
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return self._uniform(shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return self._normal(shape, 0.0, math.sqrt(variance), dtype)
        return self._truncated_normal(shape, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV, dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _NamedScaling(VarianceScaling):
    """A VarianceScaling whose scale, mode and distribution its name says."""

    _form: tuple = ()

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self._form, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self):
        return {
            "seed": serialize_keras_object(self._init_seed),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class GlorotUniform(_NamedScaling):
    """Uniform within sqrt(6 / (fan_in + fan_out)). Glorot and Bengio, AISTATS 2010."""

    _form = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out). Glorot and Bengio, AISTATS 2010."""

    _form = (1.0, "fan_avg", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform within sqrt(3 / fan_in). LeCun et al., "Efficient BackProp", 1998."""

    _form = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal with variance 1 / fan_in. LeCun et al., "Efficient BackProp", 1998."""

    _form = (1.0, "fan_in", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform within sqrt(6 / fan_in). He et al., ICCV 2015."""

    _form = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal with variance 2 / fan_in. He et al., ICCV 2015."""

    _form = (2.0, "fan_in", "truncated_normal")


class Orthogonal(_RandomInitializer):
    """`gain` times a matrix with orthonormal rows or columns (whichever are fewer); axes before the last are one.

    Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013. It is
    the orthogonal factor of a normal random matrix whose triangular factor has a positive diagonal.

    Raises:
        ValueError: a shape of rank less than 2.
    """

    def __init__(self, gain=1.0, seed=None):
        check_number("Orthogonal", "gain", gain)
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q = _orthonormal_rows(self._normal((min(rows, columns), max(rows, columns)), 0.0, 1.0, "float64"))
        if rows > columns:
            q = q.T
        return np.ascontiguousarray((self.gain * q).reshape(tuple(shape)), _dtype(dtype))

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


def _orthonormal_rows(a: np.ndarray) -> np.ndarray:
    """Block Gram-Schmidt, each block and row projected twice (Giraud et al., 2005).

    With pykernels' own products instead of LAPACK's, whose bits depend on the number of threads.
    """
    q = np.array(a)
    for begin in range(0, len(q), _PANEL):
        panel = q[begin : begin + _PANEL]
        if begin:
            for _ in range(2):
                panel -= _project(panel, q[:begin])
        for i in range(len(panel)):
            for _ in range(2 if i else 0):
                panel[i : i + 1] -= _project(panel[i : i + 1], panel[:i])
            panel[i] /= np.sqrt(np.sum(panel[i] * panel[i]))
    return q


def _project(x, basis):
    return ops.matmul(ops.matmul(x, np.ascontiguousarray(basis.T)), basis)


def compute_fans(shape, input_axes=None, output_axes=None) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of this shape."""
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(int(shape[a]) for a in input_axes), math.prod(int(shape[a]) for a in output_axes)
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return int(shape[0]), int(shape[0])
    receptive_field = math.prod(int(d) for d in shape[:-2])
    return int(shape[-2]) * receptive_field, int(shape[-1]) * receptive_field


_CLASSES = (
    Initializer,
    Constant,
    Identity,
    Ones,
    Zeros,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
_OBJECTS = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}
register_module("keras.initializers", _OBJECTS)

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = one = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = normal = RandomNormal
random_uniform = uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = zero = Zeros


def serialize(initializer):
    """The config dict of an initializer."""
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer of a config dict or name."""
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_OBJECTS)


def get(identifier):
    """The initializer meant by a name, config dict, class, instance, function `(shape, dtype=None)` or array.

    An array is taken as the value itself; called with another shape it raises ValueError.

    Raises:
        ValueError: an unknown name; the message has the nearest known ones.
    """
    if isinstance(identifier, (np.ndarray, np.generic, Variable, Tensor)):
        return _Given(identifier)
    found = resolve(identifier, "initializer", _OBJECTS)
    if inspect.isroutine(found) and not _takes_dtype(found):
        return _WithoutDtype(found)
    return found


def _needs_name(function) -> bool:
    """Whether a function is `init(shape, name)` of Keras 1."""
    parameters = inspect.signature(function).parameters
    return "name" in parameters and parameters["name"].default is inspect.Parameter.empty


def _takes_dtype(function) -> bool:
    if _needs_name(function):
        return "dtype" in inspect.signature(function).parameters
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == "dtype" or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters) or (
        sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters) > 1
    )


class _WithoutDtype:
    """A function of the shape alone, as Keras 1 called `init(shape, name=None)`, or of the shape and a name."""

    def __init__(self, function):
        self.function = function
        self.named = {"name": None} if _needs_name(function) else {}
        self.__name__ = function.__name__

    def __call__(self, shape, dtype=None):
        return ops.cast(ops.convert_to_tensor(self.function(tuple(shape), **self.named)), _dtype(dtype))


class _Given:
    """An array as an initializer."""

    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None):
        if tuple(shape) != tuple(self.value.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(self.value.shape)} for direct tensor as initializer. "
                f"Received shape={shape}"
            )
        return ops.cast(self.value, _dtype(dtype))
