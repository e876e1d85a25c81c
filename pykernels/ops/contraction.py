"""Sums of products over named axes: einsum, and what is made of it; rearrange."""

from __future__ import annotations

import math
import string

import numpy as np

from .arrangement import diagonal
from .array import broadcast_to, expand_dims, moveaxis, reshape, squeeze, stack, transpose
from .binary import divide, multiply, subtract
from .elementwise import clip, sqrt, square
from .indexing import take
from .layout import flip, pad
from .linalg import matmul
from .reduction import mean, sum  # noqa: A004 - Keras's names
from .shapes import axis_in, broadcast
from .types import float_tensor, number_like, to_tensor
from .types import operands as promoted

__all__ = ["cdist", "corrcoef", "correlate", "cross", "einsum", "rearrange"]


# --- einsum ----------------------------------------------------------------------------------------
def _letters(subscripts, ranks):
    """The letters of each operand and of the result; those of "..." are upper case from the end of the alphabet."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum got {len(ranks)} operands for the subscripts {subscripts!r}")
    free = [c for c in reversed(string.ascii_letters) if c not in text]
    widest = max((n - len(t.replace("...", "")) for t, n in zip(terms, ranks, strict=True) if "..." in t), default=0)
    rest = "".join(free[:widest])
    named = []
    for term, rank in zip(terms, ranks, strict=True):
        covered = rank - len(term.replace("...", ""))
        if covered < 0 or ("..." not in term and covered):
            raise ValueError(f"einsum: the term {term!r} of {subscripts!r} does not fit an operand of rank {rank}")
        named.append(term.replace("...", rest[len(rest) - covered :]))
    if not arrow:
        counts = "".join(t.replace("...", "") for t in terms)
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in set(counts) if counts.count(c) == 1))
    result = right.replace("...", rest)
    if len(set(result)) != len(result) or not set(result) <= set("".join(named)):
        raise ValueError(f"einsum: the result {right!r} of {subscripts!r} needs each letter once, and from an operand")
    return named, result


def _without_repeats(x, term):
    """Letters that occur twice in a term mean the diagonal."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            x = diagonal(x, 0, first, second)
            term = term.replace(letter, "") + letter if term.count(letter) == 2 else _less_two(term, first, second)
    return x, term


def _less_two(term, first, second):
    return "".join(c for i, c in enumerate(term) if i not in (first, second)) + term[first]


def _summed(x, term, needed):
    """x without the axes that nothing else needs."""
    axes = tuple(i for i, c in enumerate(term) if c not in needed)
    return (sum(x, axes) if axes else x), "".join(c for c in term if c in needed)


def _arranged(x, term, order):
    return transpose(x, [term.index(c) for c in order]) if term != order else x


def _size(x, term, letters):
    extents = [x.shape[term.index(c)] for c in letters]
    return -1 if None in extents else math.prod(extents)


def _unspread(x, term, other, other_term):
    """x without axes of extent 1 that another operand has longer."""
    axes = tuple(
        i for i, c in enumerate(term) if c in other_term and x.shape[i] == 1 and other.shape[other_term.index(c)] != 1
    )
    return (squeeze(x, axes) if axes else x), "".join(c for i, c in enumerate(term) if i not in axes)


def _pair(a, left, b, right, needed):
    """The contraction of two operands: a product of matrices over the letters that they share."""
    a, left = _unspread(a, left, b, right)
    b, right = _unspread(b, right, a, left)
    a, left = _summed(a, left, needed | set(right))
    b, right = _summed(b, right, needed | set(left))
    shared = [c for c in left if c in right]
    batch = "".join(c for c in shared if c in needed)
    inner = "".join(c for c in shared if c not in needed)
    rows = "".join(c for c in left if c not in right)
    columns = "".join(c for c in right if c not in left)
    for c in shared:
        n, m = a.shape[left.index(c)], b.shape[right.index(c)]
        if None not in (n, m) and n != m:
            raise ValueError(f"einsum: the letter {c!r} has the extents {n} and {m}")
    if not inner:
        return _spread_product(a, left, b, right, batch + rows + columns)
    lead = tuple(a.shape[left.index(c)] for c in batch)
    if not batch and left.endswith(inner):  # several unknown extents stay as they are
        first = reshape(a, (*a.shape[: len(rows)], _size(a, left, inner))) if len(inner) > 1 else a
    else:
        first = reshape(_arranged(a, left, batch + rows + inner), (*lead, _size(a, left, rows), _size(a, left, inner)))
    second = _arranged(b, right, batch + inner + columns)
    second = reshape(second, (*lead, _size(b, right, inner), _size(b, right, columns)))
    y = matmul(first, second)
    extents = [a.shape[left.index(c)] for c in rows] + [b.shape[right.index(c)] for c in columns]
    return reshape(y, (*lead, *extents)), batch + rows + columns


def _spread_product(a, left, b, right, order):
    def spread(x, term):
        x = _arranged(x, term, "".join(c for c in order if c in term))
        missing = tuple(i for i, c in enumerate(order) if c not in term)
        return expand_dims(x, missing) if missing else x

    return multiply(spread(a, left), spread(b, right)), order


def einsum(subscripts, *operands, **kwargs):
    """Einstein's sum of products.

    Args:
        subscripts: `"ij,jk->ik"`: a letter for each axis of each operand, and those of the result; without `->` they
            are those that occur once, in alphabetical order. `...` stands for further axes, which broadcast. A
            letter twice in one operand means its diagonal.
        operands: tensors, promoted to one dtype.
        kwargs: Keras's further arguments of other backends (`optimize`), which do not change the result.

    Returns:
        A tensor. Two operands are one product of matrices; further ones are contracted from left to right.

    Raises:
        ValueError: subscripts and operands do not fit.
    """
    parts = promoted(*(to_tensor(x) for x in operands))
    terms, result = _letters(subscripts, [len(x.shape) for x in parts])
    pieces = [_without_repeats(x, term) for x, term in zip(parts, terms, strict=True)]
    x, term = pieces[0]
    for i, (y, other) in enumerate(pieces[1:], 1):
        later = set(result).union(*(t for _, t in pieces[i + 1 :]))
        x, term = _pair(x, term, y, other, later)
    x, term = _summed(x, term, set(result))
    return _arranged(x, term, result)


# --- made of it ------------------------------------------------------------------------------------
def cdist(x, y):
    """The Euclidean distances of all pairs of rows.

    Args:
        x: tensor (..., m, d).
        y: tensor (..., n, d).

    Returns:
        A tensor (..., m, n).

    Raises:
        ValueError: a rank below 2, or last extents that differ.
    """
    x, y = promoted(float_tensor(x), float_tensor(y))
    if len(x.shape) < 2 or len(y.shape) < 2:
        raise ValueError("`cdist` inputs must have rank >= 2")
    if x.shape[-1] != y.shape[-1]:
        raise ValueError("Last dimension of inputs to `cdist` must match")
    return sqrt(sum(square(subtract(expand_dims(x, -2), expand_dims(y, -3))), -1))


def corrcoef(x):
    """Pearson's correlation coefficients of the rows of x (variables), over its columns (observations)."""
    x = float_tensor(x)
    if len(x.shape) > 2:
        raise ValueError(f"`corrcoef` takes a vector or a matrix. Received: x.shape={tuple(x.shape)}")
    rows = reshape(x, (1, -1)) if len(x.shape) < 2 else x
    centred = subtract(rows, mean(rows, 1, keepdims=True))
    covariance = divide(matmul(centred, transpose(centred)), max(rows.shape[1] - 1, 1))
    deviation = sqrt(diagonal(covariance))
    coefficients = divide(divide(covariance, expand_dims(deviation, 1)), expand_dims(deviation, 0))
    limited = clip(coefficients, -1.0, 1.0)
    return limited if len(x.shape) == 2 else reshape(limited, ())


def correlate(x1, x2, mode="valid"):
    """The cross-correlation of two vectors: the sums of x1[n + k] x2[n].

    Args:
        x1, x2: one-dimensional tensors of known extents.
        mode: `"valid"`: where they overlap in full; `"same"`: of the longer one's length; `"full"`: everywhere.

    Raises:
        ValueError: another mode or rank.
    """
    x1, x2 = promoted(to_tensor(x1), to_tensor(x2))
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode must be one of ['full', 'same', 'valid']. Received: mode={mode}")
    if len(x1.shape) != 1 or len(x2.shape) != 1 or None in (*x1.shape, *x2.shape) or 0 in (*x1.shape, *x2.shape):
        raise ValueError(f"correlate takes vectors that are not empty, got {tuple(x1.shape)} and {tuple(x2.shape)}")
    turned = x1.shape[0] < x2.shape[0]
    long, short = (x2, x1) if turned else (x1, x2)
    n, m = long.shape[0], short.shape[0]
    before = {"valid": 0, "same": m // 2, "full": m - 1}[mode]
    after = {"valid": 0, "same": m - 1 - m // 2, "full": m - 1}[mode]
    if turned and mode == "same":
        before, after = after, before
    padded = pad(long, [(before, after)])
    places = (np.arange(n + before + after - m + 1)[:, None] + np.arange(m)[None, :]).astype("int32")
    found = matmul(take(padded, places, axis=0), short)
    return flip(found, 0) if turned else found


def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of 2 or 3 components.

    Args:
        x1, x2: tensors that broadcast but for their components.
        axisa, axisb, axisc: the axes of the components in x1, x2 and the result.
        axis: sets all three.

    Returns:
        A tensor; without the axis of components where both have 2.

    Raises:
        ValueError: other numbers of components.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = promoted(to_tensor(x1), to_tensor(x2))
    x1, x2 = (moveaxis(x, axis_in(a, len(x.shape)), -1) for x, a in ((x1, axisa), (x2, axisb)))
    sizes = (x1.shape[-1], x2.shape[-1])
    if not set(sizes) <= {2, 3}:
        raise ValueError(
            f"`x1` and `x2` must have 2 or 3 components. Received: x1.shape={x1.shape}, x2.shape={x2.shape}"
        )
    a, b = ([take(x, i, axis=-1) for i in range(n)] for x, n in zip((x1, x2), sizes, strict=True))
    last = subtract(multiply(a[0], b[1]), multiply(a[1], b[0]))
    if sizes == (2, 2):
        return last
    a, b = ([*part, number_like(0, x1)] if len(part) == 2 else part for part in (a, b))
    first = subtract(multiply(a[1], b[2]), multiply(a[2], b[1]))
    second = subtract(multiply(a[2], b[0]), multiply(a[0], b[2]))
    shape = broadcast(broadcast(tuple(first.shape), tuple(second.shape)), tuple(last.shape))
    return stack([broadcast_to(part, shape) for part in (first, second, last)], axis_in(axisc, len(shape) + 1))


def rearrange(tensor, pattern, **axes_lengths):
    """The axes of a tensor in another order, merged or taken apart, as einops writes it: `"b (h w) c -> b c h w"`.

    Args:
        tensor: tensor.
        pattern: names of the axes before and behind `->`, those merged in parentheses.
        axes_lengths: the extents of named axes, as many as it takes.

    Raises:
        ValueError: the pattern does not fit the tensor.
    """
    x = to_tensor(tensor)
    before, arrow, after = pattern.partition("->")
    sources, targets = _groups(before), _groups(after)
    if not arrow or len(sources) != len(x.shape):
        raise ValueError(f"rearrange: the pattern {pattern!r} does not fit a tensor of shape {tuple(x.shape)}")
    extents = dict(axes_lengths)
    for group, n in zip(sources, x.shape, strict=True):
        unknown = [name for name in group if name not in extents]
        have = math.prod(extents[name] for name in group if name in extents)
        if len(unknown) > 1 or (n is not None and (n % max(have, 1) or (not unknown and n != have))):
            raise ValueError(f"rearrange: {' '.join(group)!r} of {pattern!r} does not make up the extent {n}")
        if unknown:
            extents[unknown[0]] = None if n is None else n // have
    names = [name for group in sources for name in group]
    wanted = [name for group in targets for name in group]
    if sorted(names) != sorted(wanted):
        raise ValueError(f"rearrange: both sides of {pattern!r} must name the same axes")
    x = reshape(x, tuple(extents[name] for name in names))
    x = transpose(x, [names.index(name) for name in wanted])
    return reshape(x, tuple(_merged([extents[name] for name in group]) for group in targets))


def _merged(extents):
    if None in extents:
        return None if len(extents) == 1 else -1
    return math.prod(extents)


def _groups(side):
    """[["b"], ["h", "w"]] of "b (h w)"."""
    groups, inside = [], False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            groups.append([])
            inside = True
        elif word == ")":
            inside = False
        elif inside:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups
