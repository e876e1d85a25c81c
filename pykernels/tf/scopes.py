"""Scopes, errors, logging and strategies of TensorFlow: what a script wraps its own lines in."""

from __future__ import annotations

import contextlib
import logging as _logging

from .. import ops
from ..graph import scope
from .debugging import Assert as Assert

__all__ = [
    "Assert",
    *("autograph", "control_dependencies", "distribute", "errors", "get_logger", "group"),
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
