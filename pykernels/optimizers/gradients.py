"""Clipping of gradients, with `pykernels.ops`."""

from __future__ import annotations

from .. import ops


def clip_by_norm(gradient, clipnorm):
    """`gradient` scaled so that its Euclidean norm is at most `clipnorm`."""
    norm = ops.sqrt(ops.sum(ops.square(gradient)))
    return gradient * clipnorm / ops.maximum(norm, clipnorm)


def global_norm(gradients):
    """The Euclidean norm of all gradients together."""
    squares = [ops.sum(ops.square(g)) for g in gradients]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return ops.sqrt(total)


def clip_by_global_norm(gradients, clipnorm):
    """All gradients times one factor, so that their global norm is at most `clipnorm`; NaN if that is not finite."""
    norm = global_norm(gradients)
    scale = ops.minimum(ops.divide(1.0, norm), 1.0 / clipnorm) * clipnorm
    scale = scale + (norm - norm)
    return [g * scale for g in gradients]
