"""`keras.random`: random tensors and their seeds (see `pykernels.ops.random`)."""

from .ops.random import (
    SeedGenerator,
    draw_seed,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)

__all__ = ["SeedGenerator", "draw_seed", "dropout", "normal", "randint", "shuffle", "truncated_normal", "uniform"]
