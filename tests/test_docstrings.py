"""Public names have docstrings that the API reference is made of: each parameter stands in the section Args."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

MODULES = (
    "applications",
    "callbacks",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "preprocessing.image",
    "visualization",
)
#: Names of Keras 1: a sentence says which layer they are.
ALIASES = {
    *("AtrousConvolution1D", "AtrousConvolution2D", "Convolution2D", "Deconvolution2D", "SeparableConvolution2D"),
    *("CuDNNGRU", "CuDNNLSTM"),
}


def undocumented(value) -> str:
    """What is missing in the docstring of a function or class; empty when nothing is."""
    text = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    if not text:
        return "no docstring"
    signature = inspect.signature(value.__init__ if inspect.isclass(value) else value)
    names = [name for name in signature.parameters if name not in ("self", "args", "kwargs")]
    found = re.search(r"^ *Args:\n(.*?)(?=^ *(?:Returns|Raises|Attributes):|\Z)", text, re.M | re.S)
    listed = found[1] if found else ""
    missing = [name for name in names if not re.search(rf"\b{name}\b[\w*, ]*:", listed)]
    return f"not in Args: {', '.join(missing)}" if missing else ""


@pytest.mark.parametrize("module", MODULES)
def test_every_parameter_is_documented(module):
    loaded = importlib.import_module(f"pykernels.{module}")
    problems = {}
    for name in loaded.__all__:
        value = getattr(loaded, name)
        if callable(value) and name not in ALIASES:
            problem = undocumented(value)
            if problem:
                problems[name] = problem
    assert problems == {}


def test_a_missing_parameter_is_found():
    def documented(first, second=None, *, third=0):
        """Text.

        Args:
            first, second: as in `other`.
            third: int. Default 0.
        """

    def forgotten(first, second=None):
        """Text.

        Args:
            first: int; second is not listed.

        Returns:
            second: a number.
        """

    def broken(first, second=None):
        """Text.

        Args:
            first,
                second: names over two lines are not read by the tool that makes the reference.
        """

    assert undocumented(documented) == ""
    assert undocumented(broken) == "not in Args: first"
    assert undocumented(forgotten) == "not in Args: second"
    assert undocumented(lambda x: x) == "no docstring"
