"""Linear algebra through NumPy's LAPACK, as host ops: a program that uses one calls Python and waits for it.

Matrices are the last two axes; what stands before them is a stack. Integers become `floatx()`.
"""

from __future__ import annotations

import numpy as np

from ..graph import NONDIFFERENTIABLE, Tensor, Trace, apply, current_trace, define, eager, gradients
from ..utils.tree import tree_flatten, tree_unflatten
from .array import expand_dims, squeeze, swapaxes
from .binary import add, divide, equal, multiply, subtract, where
from .creation import stop_gradient, tril, triu
from .linalg import matmul
from .reduction import max, sum  # noqa: A004 - Keras's names
from .shapes import broadcast
from .types import dtype_of, float_tensor, is_symbolic, number_like, operands, passed_on, to_tensor

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


# --- helpers ---------------------------------------------------------------------------------------
def _t(x):
    return swapaxes(x, -1, -2)


def _eye(n, x):
    return np.eye(n, dtype=dtype_of(x))


def _diag(v):
    return where(np.eye(v.shape[-1], dtype=bool), expand_dims(v, -1), number_like(0, v))


def _symmetric(x):
    return multiply(add(x, _t(x)), 0.5)


def _zero_like(y, dy):
    return multiply(y, 0.0) if dy is None else dy


def _inverse_differences(values):
    """1 / (v_j - v_i), 0 on the diagonal and where two are equal."""
    apart = subtract(expand_dims(values, -2), expand_dims(values, -1))
    same = equal(apart, 0.0)
    return where(same, number_like(0, values), divide(1.0, where(same, number_like(1, values), apart)))


def _matrix(name, x, square=False):
    x = float_tensor(x)
    if len(x.shape) < 2:
        raise ValueError(f"Expected input to have rank >= 2. Received input with shape {tuple(x.shape)} ({name}).")
    rows, columns = x.shape[-2:]
    if square and rows != columns:
        raise ValueError(f"Expected a square matrix. Received non-square input with shape {tuple(x.shape)} ({name}).")
    return x


def _same(types, attrs):
    return [types[0]]


def _or_nan(function, x, fallback):
    """LAPACK's failure on a matrix is NaN, as in JAX; the others of a stack keep their results."""
    try:
        return function(x)
    except np.linalg.LinAlgError:
        if x.ndim == 2:
            return fallback(x)
        parts = [_or_nan(function, m, fallback) for m in x]
        if isinstance(parts[0], tuple):
            return tuple(np.stack(p) for p in zip(*parts, strict=True))
        return np.stack(parts)


# --- definitions -----------------------------------------------------------------------------------
def _cholesky_grad(node, dy):
    lower = node.outputs[0]
    phi = tril(matmul(_t(lower), dy))
    phi = subtract(phi, multiply(phi, multiply(_eye(lower.shape[-1], lower), 0.5)))
    inverse = apply("inv", [lower])
    return [_symmetric(matmul(_t(inverse), matmul(phi, inverse)))]


define(
    "cholesky",
    infer=_same,
    grad=_cholesky_grad,
    host=lambda x: _or_nan(np.linalg.cholesky, x, lambda m: np.full_like(m, np.nan)),
)
define(
    "inv",
    infer=_same,
    grad=lambda node, dy: [multiply(matmul(_t(node.outputs[0]), matmul(dy, _t(node.outputs[0]))), number_like(-1, dy))],
    host=lambda x: _or_nan(np.linalg.inv, x, lambda m: np.full_like(m, np.inf)),
)


def _cofactors(x):
    """The derivative of the determinant; of singular matrices too."""
    u, s, vt = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = (np.linalg.det(u) * np.linalg.det(vt))[..., None, None]
    return (sign * ((u * others[..., None, :]) @ vt)).astype(x.dtype)


define("cofactors", infer=_same, host=_cofactors)
define(
    "det",
    infer=lambda types, attrs: [(types[0][0][:-2], types[0][1])],
    grad=lambda node, dy: [multiply(expand_dims(dy, (-2, -1)), apply("cofactors", [node.inputs[0]]))],
    host=lambda x: np.asarray(np.linalg.det(x), x.dtype),
)
define(
    "slogdet",
    infer=lambda types, attrs: [(types[0][0][:-2], types[0][1])] * 2,
    grad=lambda node, dsign, dy: [
        None if dy is None else multiply(expand_dims(dy, (-2, -1)), _t(apply("inv", [node.inputs[0]])))
    ],
    host=lambda x: tuple(np.asarray(v, x.dtype) for v in np.linalg.slogdet(x)),
)


def _solve_infer(types, attrs):
    (a, dtype), (b, _) = types
    return [((*broadcast(a[:-2], b[:-2]), *b[-2:]), dtype)]


def _solve_grad(node, dx):
    a, x = node.inputs[0], node.outputs[0]
    db = apply("solve", [_t(a), dx])
    return [multiply(matmul(db, _t(x)), number_like(-1, x)), db]


def _host_solve(a, b):
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:], np.nan, b.dtype)


define("solve", infer=_solve_infer, grad=_solve_grad, host=_host_solve)


def _eigh_grad(node, dw, dv):
    w, v = node.outputs
    inner = _diag(_zero_like(w, dw))
    if dv is not None:
        inner = add(inner, multiply(_inverse_differences(w), matmul(_t(v), dv)))
    return [matmul(v, matmul(inner, _t(v)))]


define(
    "eigh",
    infer=lambda types, attrs: [(types[0][0][:-1], types[0][1]), types[0]],
    grad=_eigh_grad,
    host=lambda x: tuple(np.linalg.eigh(x)),
)


def _qr_infer(types, attrs):
    (*lead, m, n), dtype = types[0]
    k = m if attrs["mode"] == "complete" else min(m, n)
    return [((*lead, m, k), dtype), ((*lead, k, n), dtype)]


def _qr_grad(node, dq, dr):
    q, r = node.outputs
    m, n = node.inputs[0].shape[-2:]
    if m < n or (node.attrs["mode"] == "complete" and m != n):
        raise NotImplementedError(
            f"the gradient of qr is that of the reduced form with as many rows as columns or more, got {m} x {n}, "
            f"mode={node.attrs['mode']!r}"
        )
    dq, dr = _zero_like(q, dq), _zero_like(r, dr)
    inner = subtract(matmul(r, _t(dr)), matmul(_t(dq), q))
    lower = tril(inner)
    mirrored = add(lower, _t(tril(inner, -1)))
    return [matmul(add(dq, matmul(q, mirrored)), _t(apply("inv", [r])))]


define("qr", infer=_qr_infer, grad=_qr_grad, host=lambda x, mode: tuple(np.linalg.qr(x, mode)))


def _svd_infer(types, attrs):
    (*lead, m, n), dtype = types[0]
    k = min(m, n)
    rows, columns = (m, n) if attrs["full_matrices"] else (k, k)
    return [((*lead, m, rows), dtype), ((*lead, k), dtype), ((*lead, columns, n), dtype)]


def _svd_grad(node, du, ds, dvt):
    u, s, vt = node.outputs
    m, n = node.inputs[0].shape[-2:]
    if node.attrs["full_matrices"] and m != n and (du is not None or dvt is not None):
        raise NotImplementedError(
            "the gradient of the vectors of svd is that of full_matrices=False where the matrix is not square"
        )
    k = min(m, n)
    if node.attrs["full_matrices"] and m != n:
        u, vt = apply("svd", [node.inputs[0]], full_matrices=False)[::2]
    inner = _diag(_zero_like(s, ds))
    if du is None and dvt is None:
        return [matmul(u, matmul(inner, vt))]
    big = _diag(s)
    gap = _inverse_differences(multiply(s, s))
    inverse = _diag(divide(1.0, s))
    total = None
    if du is not None:
        skew = matmul(_t(u), du)
        inner = add(inner, matmul(multiply(gap, subtract(skew, _t(skew))), big))
        if m > k:
            outside = subtract(du, matmul(u, matmul(_t(u), du)))
            total = matmul(matmul(outside, inverse), vt)
    if dvt is not None:
        skew = matmul(vt, _t(dvt))
        inner = add(inner, matmul(big, multiply(gap, subtract(skew, _t(skew)))))
        if n > k:
            outside = subtract(dvt, matmul(matmul(dvt, _t(vt)), vt))
            rest = matmul(u, matmul(inverse, outside))
            total = rest if total is None else add(total, rest)
    dx = matmul(u, matmul(inner, vt))
    return [dx if total is None else add(dx, total)]


define(
    "svd",
    infer=_svd_infer,
    grad=_svd_grad,
    host=lambda x, full_matrices: tuple(np.linalg.svd(x, full_matrices=full_matrices)),
)


def _pinv_grad(node, dy):
    a, p = node.inputs[0], node.outputs[0]
    m, n = a.shape[-2:]
    pt, dyt = _t(p), _t(dy)
    left = subtract(_eye(m, a), matmul(a, p))
    right = subtract(_eye(n, a), matmul(p, a))
    first = matmul(left, matmul(dyt, matmul(p, pt)))
    second = matmul(matmul(matmul(pt, p), dyt), right)
    return [subtract(add(first, second), matmul(pt, matmul(dy, pt)))]


define(
    "pinv",
    infer=lambda types, attrs: [((*types[0][0][:-2], types[0][0][-1], types[0][0][-2]), types[0][1])],
    grad=_pinv_grad,
    host=lambda x, rcond: np.linalg.pinv(x, rcond=rcond),
)


def _host_lu(x):
    """Partial pivoting, column by column, for the whole stack at once."""
    lu = x.reshape(-1, *x.shape[-2:]).copy()
    m, n = lu.shape[-2:]
    pivots = np.zeros((len(lu), min(m, n)), "int32")
    stack = np.arange(len(lu))
    for j in range(min(m, n)):
        pivots[:, j] = best = j + np.abs(lu[:, j:, j]).argmax(1)
        lu[stack, j], lu[stack, best] = lu[stack, best], lu[stack, j].copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            lu[:, j + 1 :, j] = np.where(
                lu[:, j, j, None] == 0, lu[:, j + 1 :, j], lu[:, j + 1 :, j] / lu[:, j, j, None]
            )
        lu[:, j + 1 :, j + 1 :] -= lu[:, j + 1 :, j, None] * lu[:, j, None, j + 1 :]
    return lu.reshape(x.shape), pivots.reshape(*x.shape[:-2], min(m, n))


define(
    "lu_factor",
    infer=lambda types, attrs: [types[0], ((*types[0][0][:-2], min(types[0][0][-2:])), "int32")],
    host=_host_lu,
)
define(
    "singular_values",
    infer=lambda types, attrs: [((*types[0][0][:-2], min(types[0][0][-2:])), types[0][1])],
    grad=NONDIFFERENTIABLE,
    host=lambda x: np.linalg.svd(x, compute_uv=False),
)


# --- public functions ------------------------------------------------------------------------------
def cholesky(x, upper=False):
    """The triangular factor of symmetric positive definite matrices: x = L L^T, or U^T U with `upper`.

    Raises:
        ValueError: x is not square; or, of values, not positive definite (in a program the result is NaN).
    """
    x = _matrix("cholesky", x, square=True)
    lower = apply("cholesky", [_symmetric(x)])
    if not is_symbolic(lower) and np.isnan(np.asarray(lower)).any():
        raise ValueError("Cholesky decomposition failed. The input might not be a valid positive definite matrix.")
    return _t(lower) if upper else lower


def cholesky_inverse(x, upper=False):
    """The inverse of the matrix whose Cholesky factor x is: lower, or `upper` triangular."""
    x = _matrix("cholesky_inverse", x, square=True)
    inverse = solve_triangular(x, np.broadcast_to(_eye(x.shape[-1], x), x.shape), lower=not upper)
    return matmul(inverse, _t(inverse)) if upper else matmul(_t(inverse), inverse)


def det(x):
    """The determinants of square matrices. The gradient holds for singular ones too."""
    return apply("det", [_matrix("det", x, square=True)])


def slogdet(x):
    """(sign, log of the absolute value) of the determinants of square matrices."""
    return apply("slogdet", [_matrix("slogdet", x, square=True)])


def logdet(x):
    """The logarithm of the absolute value of the determinants of square matrices."""
    return slogdet(x)[1]


def eig(x):
    """The eigenvalues and (right) eigenvectors of square matrices: complex arrays.

    Raises:
        ValueError: x is symbolic: programs have no complex numbers.
    """
    x = _matrix("eig", x, square=True)
    if is_symbolic(x):
        raise ValueError("`eig` gives complex numbers, which programs do not have; for symmetric matrices use `eigh`")
    kind = "complex128" if dtype_of(x) == "float64" else "complex64"
    return tuple(eager(v.astype(kind)) for v in np.linalg.eig(np.asarray(x)))


def eigh(x):
    """The eigenvalues, ascending, and eigenvectors of symmetric matrices (of (x + x^T) / 2)."""
    return apply("eigh", [_symmetric(_matrix("eigh", x, square=True))])


def inv(x):
    """The inverses of square matrices; infinite where there is none."""
    return apply("inv", [_matrix("inv", x, square=True)])


def lu_factor(x):
    """(LU, pivots): both triangular factors in one matrix, and the int32 row with which each row was exchanged.

    There is no gradient.
    """
    return apply("lu_factor", [_matrix("lu_factor", x)])


def qr(x, mode="reduced"):
    """(Q, R): orthonormal columns and an upper triangular matrix whose product is x.

    Args:
        x: tensor (..., m, n).
        mode: `"reduced"`: Q is (..., m, min(m, n)); `"complete"`: (..., m, m).

    Raises:
        ValueError: another mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: mode={mode}"
        )
    return apply("qr", [_matrix("qr", x)], mode=mode)


def _right_side(a, b):
    a, b = operands(_matrix("solve", a, square=True), float_tensor(b))
    is_vector = len(b.shape) == len(a.shape) - 1 and (len(b.shape) == 1 or tuple(b.shape) == tuple(a.shape[:-1]))
    b = expand_dims(b, -1) if is_vector else b
    if len(b.shape) < 2 or b.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"Incompatible shapes between `a` {tuple(a.shape)} and `b` {tuple(b.shape)}: b has a row for each row of a"
        )
    return a, b, is_vector


def solve(a, b):
    """x of a x = b.

    Args:
        a: tensor (..., m, m).
        b: tensor (..., m) or (..., m, n).

    Raises:
        ValueError: the shapes do not fit.
    """
    a, b, is_vector = _right_side(a, b)
    x = apply("solve", [a, b])
    return squeeze(x, -1) if is_vector else x


def solve_triangular(a, b, lower=False):
    """x of a x = b, where only the upper (or `lower`) triangle of a is read; shapes as of `solve`."""
    a = _matrix("solve_triangular", a, square=True)
    return solve(tril(a) if lower else triu(a), b)


def svd(x, full_matrices=True, compute_uv=True):
    """(U, S, V^T) whose product is x, the singular values S descending; S alone without `compute_uv`.

    Args:
        x: tensor (..., m, n).
        full_matrices: whether U is (..., m, m) and V^T (..., n, n); else both have min(m, n) vectors.
        compute_uv: bool.
    """
    x = _matrix("svd", x)
    if not compute_uv:
        return apply("svd", [x], full_matrices=False)[1]
    return apply("svd", [x], full_matrices=bool(full_matrices))


def _epsilon(x):
    return float(np.finfo(dtype_of(x)).eps)


def lstsq(a, b, rcond=None):
    """The x of least norm among those with the least |a x - b|.

    Args:
        a: tensor (m, n).
        b: tensor (m,) or (m, k).
        rcond: singular values below this fraction of the largest count as 0; by default the dtype's epsilon times the
            larger extent.
    """
    a, b = operands(_matrix("lstsq", a), float_tensor(b))
    if len(a.shape) != 2 or len(b.shape) not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(f"Leading dimensions of input arrays must match: a.shape={a.shape}, b.shape={b.shape}")
    rcond = _epsilon(a) * _larger_extent(a) if rcond is None else float(rcond)
    return matmul(apply("pinv", [a], rcond=rcond), b)


def _larger_extent(x) -> int:
    """The larger extent of a matrix."""
    return int(np.max(x.shape[-2:]))


def matrix_rank(x, tol=None):
    """int32: the number of singular values above `tol`, by default the largest times the dtype's epsilon and the larger
    extent."""
    x = _matrix("matrix_rank", x)
    values = apply("singular_values", [x])
    least = (
        multiply(max(values, -1, keepdims=True), _larger_extent(x) * _epsilon(x))
        if tol is None
        else to_tensor(tol, dtype_of(x))
    )
    return sum(apply("greater", operands(values, least)), -1)


def pinv(x, rcond=None):
    """The Moore-Penrose inverse; singular values below `rcond` times the largest count as 0.

    `rcond` is by default 10 times the dtype's epsilon and the larger extent.
    """
    x = _matrix("pinv", x)
    rcond = 10.0 * _larger_extent(x) * _epsilon(x) if rcond is None else float(rcond)
    return apply("pinv", [x], rcond=rcond)


def jvp(fun, primals, tangents, has_aux=False):
    """The value of a function and its derivative along tangents.

    Args:
        fun: function of tensors, made of ops.
        primals: tuple of tensors at which it is taken.
        tangents: tuple of tensors of the same shapes and dtypes.
        has_aux: whether `fun` returns (value, something else).

    Returns:
        (value, derivative), and the something else with `has_aux`.

    Raises:
        ValueError: primals and tangents do not fit.
    """
    primals, tangents = ([to_tensor(x) for x in part] for part in (primals, tangents))
    if [tuple(x.shape) for x in primals] != [tuple(x.shape) for x in tangents]:
        raise ValueError("`primals` and `tangents` must have the same number and shapes of tensors")
    if current_trace() is not None or any(isinstance(x, Tensor) for x in (*primals, *tangents)):
        return _pushed(fun, [passed_on(x) for x in primals], tangents, has_aux)
    with Trace() as trace:
        places = [trace.placeholder(x.shape, dtype_of(x)) for x in (*primals, *tangents)]
        result = _pushed(fun, places[: len(primals)], places[len(primals) :], has_aux)
        outputs, spec = tree_flatten(result)
        program = trace.build(outputs=outputs)
    return tree_unflatten(spec, [eager(y) for y in program.run([np.asarray(x) for x in (*primals, *tangents)])])


def _pushed(fun, primals, tangents, has_aux):
    """The derivative along tangents is the gradient of the pulled-back pairing with them: backward twice."""
    result = fun(*primals)
    y, aux = result if has_aux else (result, None)
    parts, (outs, spec) = [], tree_flatten(y)
    for out in outs:
        seed = stop_gradient(multiply(out, 0.0))
        pulled = gradients(out, primals, output_gradient=seed)
        pairing = [sum(multiply(g, t)) for g, t in zip(pulled, tangents, strict=True) if g is not None]
        total = pairing[0] if pairing else None
        for more in pairing[1:]:
            total = add(total, more)
        found = None if total is None else gradients(total, [seed])[0]
        parts.append(multiply(out, 0.0) if found is None else found)
    derivative = tree_unflatten(spec, parts)
    return (y, derivative, aux) if has_aux else (y, derivative)
