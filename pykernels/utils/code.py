"""The code of lambdas, in the form that Keras writes it to files. Used only where the user has said that a file is
trusted."""

from __future__ import annotations

import binascii
import codecs
import marshal
import types


def dump_function(function) -> dict:
    """The bytecode of a Python function, its defaults and the values it closes over."""
    code = codecs.encode(marshal.dumps(function.__code__), "base64").decode("ascii")
    closure = tuple(cell.cell_contents for cell in function.__closure__) if function.__closure__ else None
    return {"code": code, "defaults": function.__defaults__, "closure": closure}


def load_function(config):
    """The function that `dump_function`, or Keras, wrote. It can do anything: never call this for untrusted files.

    Raises:
        ValueError: not such a form, or bytecode of another version of Python.
    """
    if isinstance(config, dict):
        text, defaults, closure = config.get("code"), config.get("defaults"), config.get("closure")
    elif isinstance(config, (list, tuple)) and len(config) == 3:
        text, defaults, closure = config
    else:
        raise ValueError(f"This is not the bytecode of a function: {str(config)[:200]}")
    try:
        raw = codecs.decode(text.encode("ascii"), "base64")
        code = marshal.loads(raw)
    except (UnicodeError, binascii.Error, EOFError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The bytecode of a lambda cannot be read ({error}); it was probably written by another version of Python. "
            "Pass a named function in `custom_objects`."
        ) from error
    if not isinstance(code, types.CodeType):
        raise ValueError("The bytecode of a lambda is not that of a function.")
    cells = tuple(types.CellType(value) for value in closure) if closure else None
    return types.FunctionType(code, globals_of_functions(), code.co_name, tuple(defaults) if defaults else None, cells)


def globals_of_functions() -> dict:
    """The names that loaded functions see: Python's built-in ones."""
    return {"__builtins__": __builtins__}
