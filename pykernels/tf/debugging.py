"""`tf.debugging`: checks of values. Symbolic tensors, which have none yet, pass."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..ops.types import is_symbolic

__all__ = [
    *("Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal", "assert_less"),
    *("assert_less_equal", "assert_near", "assert_negative", "assert_non_negative", "assert_non_positive"),
    *("assert_none_equal", "assert_positive", "assert_rank", "assert_shapes", "check_numerics"),
    *("get_log_device_placement", "is_numeric_tensor", "set_log_device_placement"),
]


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


assert_equal = _comparison("assert_equal", np.equal, "==")
assert_none_equal = _comparison("assert_none_equal", np.not_equal, "!=")
assert_less = _comparison("assert_less", np.less, "<")
assert_less_equal = _comparison("assert_less_equal", np.less_equal, "<=")
assert_greater = _comparison("assert_greater", np.greater, ">")
assert_greater_equal = _comparison("assert_greater_equal", np.greater_equal, ">=")
assert_positive = _of_one("assert_positive", lambda x: x > 0, "> 0")
assert_negative = _of_one("assert_negative", lambda x: x < 0, "< 0")
assert_non_negative = _of_one("assert_non_negative", lambda x: x >= 0, ">= 0")
assert_non_positive = _of_one("assert_non_positive", lambda x: x <= 0, "<= 0")


def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    """Raises ValueError unless x and y are close everywhere."""
    values = _values(x, y)
    if values is not None and not np.allclose(*values, rtol or 1e-5, atol or 1e-5):
        raise ValueError(f"{message or ''} x and y not equal to tolerance. x = {values[0]}, y = {values[1]}".strip())


def assert_rank(x, rank, message=None, name=None):
    """Raises ValueError unless x has this number of axes."""
    if ops.ndim(x) != int(rank):
        raise ValueError(f"{message or ''} Shape {ops.shape(x)} must have rank {rank}".strip())


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """Raises ValueError unless the extents that are given as numbers are those of the tensors."""
    for x, dims in shapes.items() if isinstance(shapes, dict) else shapes:
        have = ops.shape(x)
        if len(have) != len(dims) or any(
            isinstance(d, int) and n not in (d, None) for n, d in zip(have, dims, strict=True)
        ):
            raise ValueError(f"{message or ''} shape {have} is not {tuple(dims)}".strip())


def check_numerics(tensor, message, name=None):
    """The tensor. Raises ValueError where it has NaN or infinite values; symbolic ones are not checked."""
    values = _values(tensor)
    if values is not None and not np.isfinite(values[0]).all():
        raise ValueError(f"{message} : Tensor had NaN or Inf values")
    return tensor


def assert_all_finite(x, message, name=None):
    """`check_numerics`."""
    return check_numerics(x, message)


def set_log_device_placement(enabled) -> None:
    """No effect: there is one device."""


def get_log_device_placement() -> bool:
    """False."""
    return False


def is_numeric_tensor(tensor) -> bool:
    """Whether it is a tensor of numbers."""
    return hasattr(tensor, "dtype") and str(tensor.dtype) not in ("bool", "object")
