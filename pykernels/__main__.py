"""``python -m pykernels``: run a Keras script, the demo, or print what this build is."""

from __future__ import annotations

import argparse
import sys

from pykernels import config_info, demo
from pykernels.compat import runner

USAGE = """\
usage: python -m pykernels SCRIPT [arguments...]     run a Keras script (any era) on pykernels
       python -m pykernels -m MODULE [arguments...]  run a module, as python -m does
       python -m pykernels -c CODE [arguments...]    run a line of code, as python -c does
       python -m pykernels info                      version, instruction set, threads, compiler
       python -m pykernels demo [--output DIR]       train on the bundled handwritten digits
       python -m pykernels --help | --version

In a script that is run this way, "import keras", "from keras.layers.core import Dense", "from tensorflow import keras"
and the like mean pykernels, whether or not Keras or TensorFlow is installed. A SCRIPT of "-" is standard input. To run
a file that is called "info" or "demo", write ./info or ./demo.
"""


def _info(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="python -m pykernels info", description="What this build is.").parse_args(arguments)
    config_info.show_config()
    return 0


def _one_of(option: str, arguments: list[str]) -> str:
    if not arguments:
        sys.stderr.write(f"Argument expected for the {option} option\n{USAGE}")
        raise SystemExit(2)
    return arguments[0]


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = arguments.pop(0) if arguments else None
    if first in (None, "-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if first else 2
    assert first is not None
    if first in ("-V", "--version"):
        print(f"pykernels {config_info.version()}")
        return 0
    if first == "info":
        return _info(arguments)
    if first == "demo":
        return demo.main(arguments)
    if first in ("-m", "-c"):
        value = _one_of(first, arguments)
        run = runner.run_module if first == "-m" else runner.run_code
        return run(value, arguments[1:])
    if first.startswith("-") and first != "-":
        sys.stderr.write(f"python -m pykernels: unknown option {first}\n{USAGE}")
        return 2
    return runner.run_script(first, arguments)


if __name__ == "__main__":
    sys.exit(main())
