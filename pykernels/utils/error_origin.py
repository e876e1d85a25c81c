"""Whether an error was raised on purpose, with a message for people, or by Python on a value that nobody expected."""

from __future__ import annotations

import dis
import sys

_PACKAGE = __name__.partition(".")[0]
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "h5py", "PIL"}
# What Python raises by itself, and nobody by a `raise` whose message is for people.
_INTERNAL = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    UnicodeError,
)


def is_unexplained(error: BaseException) -> bool:
    """Whether the message of `error` is Python's own ("'int' object is not iterable"), raised within pykernels or a
    library that it called. What pykernels raises by a `raise` statement explains itself; what the user's own code
    raises is the user's.
    """
    for frame, instruction in reversed([(t.tb_frame, t.tb_lasti) for t in _tracebacks(error)]):
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module == _PACKAGE:
            if frame.f_code.co_name == "wrapper" and isinstance(error, TypeError):
                return False  # a decorator's call: arguments that the signature does not have, which Python names
            explained = _is_raise(frame.f_code, instruction) or str(error).startswith("op '")
            return isinstance(error, _INTERNAL) or not explained
        if module not in _LIBRARIES:
            return False
    return False


def _tracebacks(error: BaseException):
    tb = error.__traceback__
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _is_raise(code, instruction: int) -> bool:
    return dis.opname[code.co_code[instruction]] in ("RAISE_VARARGS", "RERAISE")


def brief(value, limit: int = 80) -> str:
    """A value in a message; the middle of long ones is left out."""
    text = _shown(value)
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 4 :]}"


def _shown(value) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 4000:
        return f"an integer of {value.bit_length()} bits"
    try:
        return repr(value)
    except Exception:  # repr() of the user's own classes can do anything
        return f"<{type(value).__name__}>"
