"""`tf.linalg`, with TensorFlow's arguments."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..ops.types import to_tensor
from ..utils.renamed import renamed
from .arrays import eye as eye
from .math import global_norm as global_norm
from .math import l2_normalize as l2_normalize

__all__ = [
    *("adjoint", "band_part", "cholesky", "cross", "det", "diag", "diag_part", "eigh", "eigvalsh", "einsum", "eye"),
    *("global_norm", "inv", "l2_normalize", "logdet", "lstsq", "matmul", "matrix_rank", "matrix_transpose", "matvec"),
    *("norm", "normalize", "pinv", "qr", "set_diag", "slogdet", "solve", "svd", "tensor_diag", "tensor_diag_part"),
    *("tensordot", "trace", "triangular_solve"),
]


def _simple(name, op, arguments):
    return renamed(name, op, arguments, __name__, ("name",))


cholesky = _simple("cholesky", ops.cholesky, "input, name=None")
cross = _simple("cross", ops.cross, "a, b, name=None")
det = _simple("det", ops.det, "input, name=None")
eigh = _simple("eigh", ops.eigh, "tensor, name=None")
eigvalsh = _simple("eigvalsh", lambda x: ops.eigh(x)[0], "tensor, name=None")
logdet = _simple("logdet", ops.logdet, "matrix, name=None")
pinv = _simple("pinv", ops.pinv, "a, rcond=None, name=None")
slogdet = _simple("slogdet", ops.slogdet, "input, name=None")
trace = _simple("trace", lambda x: ops.trace(x, axis1=-2, axis2=-1), "x, name=None")
matrix_rank = _simple("matrix_rank", ops.matrix_rank, "a, tol=None, name=None")
tensor_diag = _simple("tensor_diag", ops.diag, "diagonal, name=None")
tensor_diag_part = _simple("tensor_diag_part", ops.diagonal, "input, name=None")


def _turned(x, turn):
    return ops.swapaxes(x, -1, -2) if turn else x


def matmul(
    a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False, b_is_sparse=False,
    output_type=None, name=None,
):  # fmt: skip
    """The product of matrices, each transposed first if asked for; `*_is_sparse` are hints, which change nothing."""
    y = ops.matmul(_turned(a, transpose_a or adjoint_a), _turned(b, transpose_b or adjoint_b))
    return y if output_type is None else ops.cast(y, output_type)


def matvec(a, b, transpose_a=False, adjoint_a=False, name=None):
    """The products of matrices and vectors."""
    return ops.squeeze(ops.matmul(_turned(a, transpose_a or adjoint_a), ops.expand_dims(b, -1)), -1)


def tensordot(a, b, axes, name=None):
    """The sum of products over pairs of axes."""
    return ops.tensordot(a, b, axes)


def einsum(equation, *inputs, **kwargs):
    """`ops.einsum`; `name` and `optimize` have no effect."""
    return ops.einsum(equation, *inputs)


def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """The last two axes exchanged. `conjugate` changes nothing: numbers are real."""
    return ops.swapaxes(a, -1, -2)


def adjoint(matrix, name=None):
    """The last two axes exchanged."""
    return ops.swapaxes(matrix, -1, -2)


def inv(input, adjoint=False, name=None):  # noqa: A002
    """The inverses of square matrices, transposed with `adjoint`."""
    return _turned(ops.inv(input), adjoint)


def solve(matrix, rhs, adjoint=False, name=None):
    """x of matrix x = rhs."""
    return ops.solve(_turned(matrix, adjoint), rhs)


def triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """x of matrix x = rhs, where only one triangle of the matrix is read; with `adjoint` of its transpose."""
    return ops.solve_triangular(_turned(matrix, adjoint), rhs, lower != adjoint)


def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """The least-squares solution, with `l2_regularizer` times |x|^2 added to what is made least."""
    if not l2_regularizer:
        return ops.lstsq(matrix, rhs)
    a = to_tensor(matrix)
    t = ops.swapaxes(a, -1, -2)
    return ops.solve(ops.matmul(t, a) + l2_regularizer * np.eye(a.shape[-1], dtype="float32"), ops.matmul(t, rhs))


def qr(input, full_matrices=False, name=None):  # noqa: A002
    """(Q, R)."""
    return ops.qr(input, "complete" if full_matrices else "reduced")


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """(S, U, V): in TensorFlow's order, V not transposed."""
    if not compute_uv:
        return ops.svd(tensor, compute_uv=False)
    u, s, vt = ops.svd(tensor, full_matrices)
    return s, u, ops.swapaxes(vt, -1, -2)


def diag(diagonal, name="diag", k=0, num_rows=-1, num_cols=-1, padding_value=0):
    """Matrices with these diagonals, and `padding_value` elsewhere."""
    if k or num_rows != -1 or num_cols != -1:
        raise ValueError("tf.linalg.diag of pykernels makes square matrices with the main diagonal (k=0)")
    x = to_tensor(diagonal)
    return ops.where(np.eye(x.shape[-1], dtype=bool), ops.expand_dims(x, -1), padding_value)


def diag_part(input, name="diag_part", k=0):  # noqa: A002
    """The diagonals of matrices."""
    return ops.diagonal(input, k, -2, -1)


def set_diag(input, diagonal, name="set_diag"):  # noqa: A002
    """Matrices with other main diagonals."""
    x = to_tensor(input)
    rows, columns = x.shape[-2:]
    if rows != columns:
        raise ValueError(f"tf.linalg.set_diag of pykernels takes square matrices, got shape {tuple(x.shape)}")
    return ops.where(np.eye(rows, dtype=bool), ops.expand_dims(diagonal, -1), x)


def band_part(input, num_lower, num_upper, name=None):  # noqa: A002
    """Matrices with zeros outside of so many diagonals below and above the main one; -1 keeps all."""
    x = input if num_lower < 0 else ops.triu(input, -int(num_lower))
    return x if num_upper < 0 else ops.tril(x, int(num_upper))


def norm(tensor, ord="euclidean", axis=None, keepdims=False, name=None, keep_dims=None):  # noqa: A002
    """The norm of vectors or matrices (`ops.norm`); `"euclidean"` is that of all elements over `axis`."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    return ops.norm(tensor, None if ord == "euclidean" else ord, axis, bool(keep_dims or keepdims))


def normalize(tensor, ord="euclidean", axis=None, name=None):  # noqa: A002
    """(the tensor divided by its norm, that norm with its axes kept)."""
    size = norm(tensor, ord, axis, keepdims=True)
    return ops.divide(tensor, size), size
