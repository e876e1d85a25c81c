"""The code of lambdas, in the form that Keras writes it to files. Used only where the user has said that a file is
trusted."""

from __future__ import annotations

import binascii
import codecs
import dis
import marshal
import sys
import types


def dump_function(function) -> dict:
    """The bytecode of a Python function, its defaults and the values it closes over."""
    code = codecs.encode(marshal.dumps(function.__code__), "base64").decode("ascii")
    closure = tuple(cell.cell_contents for cell in function.__closure__) if function.__closure__ else None
    return {"code": code, "defaults": function.__defaults__, "closure": closure}


def load_function(config, names=None):
    """The function that `dump_function`, or Keras 1, 2 or 3, wrote. It can do anything: never call this for untrusted
    files.

    Args:
        config: dict or list of code, defaults and closure; or the code alone.
        names: dict of the global names that the function may use, besides Python's built-in ones and those that
            `provide` was told.

    Raises:
        ValueError: not such a form, or bytecode of another version of Python.
    """
    if isinstance(config, dict):
        text, defaults, closure = config.get("code"), config.get("defaults"), config.get("closure")
    elif isinstance(config, (list, tuple)) and len(config) == 3:
        text, defaults, closure = config
    elif isinstance(config, str):
        text, defaults, closure = config, None, None
    else:
        raise ValueError(f"This is not the bytecode of a function: {str(config)[:200]}")
    code = _load_code(text)
    cells = tuple(types.CellType(value) for value in closure) if closure else None
    known = {"__builtins__": __builtins__, **_provided, **(names or {})}
    return types.FunctionType(code, known, code.co_name, tuple(defaults) if defaults else None, cells)


def _load_code(text) -> types.CodeType:
    try:
        code = marshal.loads(_raw(text))
        if not isinstance(code, types.CodeType):
            raise ValueError("it is not that of a function")
        _check(code)
    except (UnicodeError, binascii.Error, EOFError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"The bytecode of a lambda cannot be read ({error}); it was probably written by another version of Python "
            f"than {sys.version_info[0]}.{sys.version_info[1]}. Pass a function in `custom_objects`, under the name of "
            "the layer or of the function."
        ) from error
    return code


def _raw(text: str) -> bytes:
    """Keras 1 wrote the bytes as characters, later versions in base64."""
    if text.isascii():
        return codecs.decode(text.encode("ascii"), "base64")
    return text.encode("raw_unicode_escape")


def _check(code: types.CodeType) -> None:
    """Raises ValueError for instructions that this version of Python does not have, or begins no function with: nothing
    in the bytes says which version they are for, and those of another could crash this one."""
    opcodes = code.co_code[::2]
    if not opcodes or not set(opcodes) <= set(dis.opmap.values()) | _CACHE:
        raise ValueError("it has unknown instructions")
    if sys.version_info >= (3, 11):
        first = next((i.opname for i in dis.get_instructions(code) if i.opname not in _BEFORE), None)
        if first != "RESUME":
            raise ValueError("it does not begin as functions do")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _check(constant)


_CACHE = {0}  # between instructions
_BEFORE = ("COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP")
_provided: dict = {}


def provide(names: dict) -> None:
    """Global names for loaded functions: the modules that lambdas of Keras's examples use. For pykernels' modules."""
    _provided.update(names)
