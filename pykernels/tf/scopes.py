"""Scopes, errors, checks, logging and strategies of TensorFlow: what a script wraps its own lines in."""

from __future__ import annotations

import contextlib
import logging as _logging

import numpy as np

from .. import ops
from ..graph import scope
from ..ops.types import is_symbolic

__all__ = [
    *("Assert", "autograph", "control_dependencies", "debugging", "distribute", "errors", "get_logger", "group"),
    *("init_scope", "name_scope", "no_gradient", "no_op", "variable_scope"),
]


@contextlib.contextmanager
def name_scope(name, default_name=None, values=None):
    """Names what is recorded within."""
    label = name or default_name or ""
    with scope(label):
        yield label


variable_scope = name_scope


@contextlib.contextmanager
def control_dependencies(control_inputs):
    """What stands within comes after `control_inputs`: effects are performed in the order in which they stand."""
    yield


@contextlib.contextmanager
def init_scope():
    """TensorFlow leaves functions that are being recorded; here values are made at once in any case."""
    yield


def no_op(name=None):
    """Nothing."""


def group(*inputs, **kwargs):
    """Nothing: the inputs have been computed."""


def no_gradient(op_type):
    """Ops of TensorFlow's own kind cannot be registered: raises NotImplementedError."""
    raise NotImplementedError(f"tf.no_gradient: {op_type!r} is no op of pykernels; use tf.stop_gradient")


def get_logger():
    """The logger named "tensorflow"."""
    return _logging.getLogger("tensorflow")


class autograph:  # noqa: N801 - modules of TensorFlow, here and below
    """`tf.autograph`: functions are recorded as they are."""

    set_verbosity = staticmethod(lambda level, alsologtostdout=False: None)
    trace = staticmethod(lambda *args: None)

    class experimental:  # noqa: N801
        """`tf.autograph.experimental`."""

        @staticmethod
        def do_not_convert(func=None):
            """The function itself."""
            return func if func is not None else (lambda f: f)


class errors:  # noqa: N801
    """`tf.errors`: the exceptions that pykernels raises in their place."""

    OpError = Exception
    InvalidArgumentError = ValueError
    FailedPreconditionError = ValueError
    OutOfRangeError = StopIteration
    NotFoundError = FileNotFoundError
    AlreadyExistsError = FileExistsError
    PermissionDeniedError = PermissionError
    ResourceExhaustedError = MemoryError
    UnimplementedError = NotImplementedError
    InternalError = RuntimeError
    UnknownError = RuntimeError
    AbortedError = RuntimeError
    UnavailableError = RuntimeError
    DeadlineExceededError = TimeoutError
    CancelledError = KeyboardInterrupt


def _values(*xs):
    return None if any(is_symbolic(x) for x in xs) else [np.asarray(x) for x in xs]


def _comparison(name, holds, words):
    def check(x, y, message=None, summarize=None, name=None):
        values = _values(x, y)
        if values is not None and not np.all(holds(*values)):
            raise ValueError(
                f"{message or ''} Condition x {words} y did not hold. x = {values[0]}, y = {values[1]}".strip()
            )

    check.__name__ = check.__qualname__ = name
    check.__doc__ = (
        f"Raises ValueError unless x {words} y everywhere. Symbolic tensors, which have no values yet, are not checked."
    )
    return check


def _of_one(name, holds, words):
    def check(x, message=None, summarize=None, name=None):
        values = _values(x)
        if values is not None and not np.all(holds(values[0])):
            raise ValueError(f"{message or ''} Condition x {words} did not hold. x = {values[0]}".strip())

    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"Raises ValueError unless x {words} everywhere. Symbolic tensors are not checked."
    return check


def Assert(condition, data, summarize=None, name=None):  # noqa: N802 - TensorFlow's name
    """Raises ValueError with `data` where the condition does not hold. A symbolic condition is not checked."""
    values = _values(condition)
    if values is not None and not values[0].all():
        raise ValueError(f"assertion failed: {data}")


class debugging:  # noqa: N801
    """`tf.debugging`."""

    Assert = staticmethod(Assert)
    assert_equal = staticmethod(_comparison("assert_equal", np.equal, "=="))
    assert_none_equal = staticmethod(_comparison("assert_none_equal", np.not_equal, "!="))
    assert_less = staticmethod(_comparison("assert_less", np.less, "<"))
    assert_less_equal = staticmethod(_comparison("assert_less_equal", np.less_equal, "<="))
    assert_greater = staticmethod(_comparison("assert_greater", np.greater, ">"))
    assert_greater_equal = staticmethod(_comparison("assert_greater_equal", np.greater_equal, ">="))
    assert_positive = staticmethod(_of_one("assert_positive", lambda x: x > 0, "> 0"))
    assert_negative = staticmethod(_of_one("assert_negative", lambda x: x < 0, "< 0"))
    assert_non_negative = staticmethod(_of_one("assert_non_negative", lambda x: x >= 0, ">= 0"))
    assert_non_positive = staticmethod(_of_one("assert_non_positive", lambda x: x <= 0, "<= 0"))
    assert_all_finite = staticmethod(lambda x, message, name=None: debugging.check_numerics(x, message))
    set_log_device_placement = staticmethod(lambda enabled: None)
    get_log_device_placement = staticmethod(lambda: False)
    is_numeric_tensor = staticmethod(
        lambda tensor: hasattr(tensor, "dtype") and str(tensor.dtype) not in ("bool", "object")
    )

    @staticmethod
    def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
        """Raises ValueError unless x and y are close everywhere."""
        values = _values(x, y)
        if values is not None and not np.allclose(*values, rtol or 1e-5, atol or 1e-5):
            raise ValueError(
                f"{message or ''} x and y not equal to tolerance. x = {values[0]}, y = {values[1]}".strip()
            )

    @staticmethod
    def assert_rank(x, rank, message=None, name=None):
        """Raises ValueError unless x has this number of axes."""
        if ops.ndim(x) != int(rank):
            raise ValueError(f"{message or ''} Shape {ops.shape(x)} must have rank {rank}".strip())

    @staticmethod
    def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
        """Raises ValueError unless the extents that are given as numbers are those of the tensors."""
        for x, dims in shapes.items() if isinstance(shapes, dict) else shapes:
            have = ops.shape(x)
            if len(have) != len(dims) or any(
                isinstance(d, int) and n not in (d, None) for n, d in zip(have, dims, strict=True)
            ):
                raise ValueError(f"{message or ''} shape {have} is not {tuple(dims)}".strip())

    @staticmethod
    def check_numerics(tensor, message, name=None):
        """The tensor. Raises ValueError where it has NaN or infinite values; symbolic ones are not checked."""
        values = _values(tensor)
        if values is not None and not np.isfinite(values[0]).all():
            raise ValueError(f"{message} : Tensor had NaN or Inf values")
        return tensor


class Strategy:
    """A strategy of one replica on the CPU: a scope, and functions that run once.

    Args:
        devices: names of devices; there must be one at most, or they must all be the CPU.
        cross_device_ops: accepted as in TensorFlow: there is nothing to combine.
    """

    num_replicas_in_sync = 1

    def __init__(self, devices=None, cross_device_ops=None, **kwargs):
        named = [devices] if isinstance(devices, str) else list(devices or ())
        beyond = [d for d in named if "CPU" not in str(d).upper()]
        if len(beyond) > 1:
            raise ValueError(f"{beyond} are not there: the only device is the CPU")

    @contextlib.contextmanager
    def scope(self):
        """Models and variables are made within; there is one of each."""
        yield self

    def run(self, fn, args=(), kwargs=None, options=None):
        """`fn(*args, **kwargs)`."""
        return fn(*args, **(kwargs or {}))

    experimental_run_v2 = run

    def reduce(self, reduce_op, value, axis=None):
        """The value; over `axis` its sum or mean."""
        if axis is None:
            return value
        return (ops.mean if "MEAN" in str(reduce_op).upper() else ops.sum)(value, axis)

    def experimental_distribute_dataset(self, dataset, options=None):
        """The dataset itself."""
        return dataset

    def experimental_local_results(self, value):
        """(value,)."""
        return (value,)

    def distribute_datasets_from_function(self, dataset_fn, options=None):
        """`dataset_fn` of a context with one replica."""
        raise NotImplementedError("pass the dataset to fit(), or to experimental_distribute_dataset()")


class distribute:  # noqa: N801
    """`tf.distribute`."""

    Strategy = MirroredStrategy = OneDeviceStrategy = Strategy

    class ReduceOp:
        """How values of replicas are combined."""

        SUM, MEAN = "SUM", "MEAN"

    class experimental:  # noqa: N801
        """`tf.distribute.experimental`."""

        CentralStorageStrategy = Strategy

    get_strategy = staticmethod(Strategy)
    has_strategy = staticmethod(lambda: False)
