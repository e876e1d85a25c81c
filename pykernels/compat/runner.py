"""Run a script, a module or a line of code with the import hook in place, as ``python`` itself runs them.

`sys.argv`, ``sys.path[0]``, ``__main__``, exit codes and tracebacks are those of the interpreter: a script cannot tell
the difference, except that ``import keras`` means pykernels. (Processes that multiprocessing starts by "spawn" are
started by the plain interpreter: there the script itself has to call `pykernels.install`.)
"""

from __future__ import annotations

import builtins
import os
import runpy
import signal
import sys
import types
import zipfile
from types import CodeType
from typing import Any

from pykernels.compat.hook import install


def _new_main(file: str | None) -> dict[str, Any]:
    """A fresh ``__main__`` module, in place; returns its namespace."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __spec__=None, __loader__=None, __package__=None)
    if file is not None:
        module.__dict__.update(__file__=file, __cached__=None)
    sys.modules["__main__"] = module
    return module.__dict__


def _set_first_path(folder: str) -> None:
    if not getattr(sys.flags, "safe_path", False):  # python -P: nothing of the script's folder on the path
        sys.path[0] = folder


def _report(error: BaseException) -> None:
    """Show `error` as the interpreter does, without the frame of ours in which it arrived."""
    traceback = error.__traceback__.tb_next if error.__traceback__ is not None else None
    error.__traceback__ = traceback
    sys.excepthook(type(error), error, traceback)
    sys.stderr.flush()


def _die_of_interrupt() -> int:
    """End as a process that Ctrl-C killed does, so that a shell loop around it stops too."""
    sys.stdout.flush()
    if os.name == "posix":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return 130


def _execute(source: bytes | str, file_name: str, namespace: dict[str, Any]) -> int:
    try:
        code: CodeType = compile(source, file_name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        _report(error)
        return 1
    try:
        exec(code, namespace)
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _report(error)
        return _die_of_interrupt()
    except BaseException as error:
        _report(error)
        return 1
    return 0


def run_script(path: str, arguments: list[str]) -> int:
    """``python path arguments...``; ``-`` reads the script from standard input. Returns the exit code."""
    install()
    sys.argv[:] = [path, *arguments]
    if path == "-":
        _set_first_path("")
        return _execute(sys.stdin.read(), "<stdin>", _new_main(None))
    if os.path.isdir(path) or zipfile.is_zipfile(path):
        _set_first_path(os.path.abspath(path))
        runpy.run_path(path, run_name="__main__")
        return 0
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        full = os.path.join(os.getcwd(), path)
        print(f"{sys.executable}: can't open file '{full}': [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        return 2
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    file_name = os.path.join(os.getcwd(), path)  # python makes it absolute too, and leaves ".." in it
    return _execute(source, file_name, _new_main(file_name))


def run_module(name: str, arguments: list[str]) -> int:
    """``python -m name arguments...``. Returns the exit code."""
    install()
    sys.argv[:] = [name, *arguments]
    _set_first_path(os.getcwd())
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    return 0


def run_code(code: str, arguments: list[str]) -> int:
    """``python -c code arguments...``. Returns the exit code."""
    install()
    sys.argv[:] = ["-c", *arguments]
    _set_first_path("")
    return _execute(code, "<string>", _new_main(None))
