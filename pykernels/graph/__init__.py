"""Symbolic tensors, variables, the op registry, autodiff and programs."""

from .autodiff import gradients
from .eager_array import EagerArray, as_eager, eager
from .program import Program, Source, Workspaces
from .registry import NONDIFFERENTIABLE, OP_TABLES, apply, apply_into, define, definition, op_names
from .scopes import current_path, scope
from .tensor import Tensor, dtype_of
from .trace import Trace, current_trace
from .variable import Variable

__all__ = [
    "NONDIFFERENTIABLE",
    "OP_TABLES",
    "EagerArray",
    "Program",
    "Source",
    "Tensor",
    "Trace",
    "Variable",
    "Workspaces",
    "apply",
    "apply_into",
    "as_eager",
    "current_path",
    "current_trace",
    "define",
    "definition",
    "dtype_of",
    "eager",
    "gradients",
    "op_names",
    "scope",
]
