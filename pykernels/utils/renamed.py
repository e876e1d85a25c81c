"""Functions under another name, with the arguments of another library."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable


def _signature(arguments: str) -> inspect.Signature:
    parameters = []
    for argument in arguments.split(", "):
        name, _, default = argument.partition("=")
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=ast.literal_eval(default) if default else inspect.Parameter.empty,
            )
        )
    return inspect.Signature(parameters)


def renamed(name: str, function: Callable, arguments: str, module: str, ignored: tuple = ()) -> Callable:
    """`function` under another name.

    Args:
        name: the name.
        function: takes the arguments in their order.
        arguments: `"x, axis=None"`: their names and defaults.
        module: where the name is public.
        ignored: names of arguments that `function` does not take.
    """
    signature = _signature(arguments)

    def call(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return function(*(value for key, value in bound.arguments.items() if key not in ignored))

    call.__name__ = call.__qualname__ = name
    call.__module__ = module
    call.__signature__ = signature
    call.__doc__ = function.__doc__ or f"`{name}({arguments})`, through `pykernels.ops`."
    return call
