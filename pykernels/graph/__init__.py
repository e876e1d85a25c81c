"""Symbolic tensors, variables, the op registry, autodiff and programs."""

from .autodiff import gradients
from .custom_gradient import custom_gradient
from .eager_array import EagerArray, as_eager, eager, is_recorded
from .function import Function, function
from .program import Program, Source, Workspaces
from .recording import recorders
from .registry import (
    NONDIFFERENTIABLE,
    OP_TABLES,
    apply,
    apply_into,
    define,
    definition,
    op_names,
    stateless_scopes,
)
from .scopes import current_path, scope
from .stateless import StatelessScope
from .tape import GradientTape
from .tensor import SymbolicValueError, Tensor, dtype_of
from .trace import Trace, current_trace
from .transforms import grad, value_and_grad
from .variable import Variable, reading, writing

__all__ = [
    "NONDIFFERENTIABLE",
    "OP_TABLES",
    "EagerArray",
    "Function",
    "GradientTape",
    "Program",
    "Source",
    "StatelessScope",
    "SymbolicValueError",
    "Tensor",
    "Trace",
    "Variable",
    "Workspaces",
    "apply",
    "apply_into",
    "as_eager",
    "current_path",
    "current_trace",
    "custom_gradient",
    "define",
    "definition",
    "dtype_of",
    "eager",
    "function",
    "grad",
    "gradients",
    "is_recorded",
    "op_names",
    "reading",
    "recorders",
    "scope",
    "stateless_scopes",
    "value_and_grad",
    "writing",
]
