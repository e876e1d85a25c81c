"""Which layer made the first value that is not a number."""

from __future__ import annotations

import numpy as np

from ..data_adapters.arrays import Data
from ..layers.context import running_part
from ..user_warning import warn
from ..utils.tree import flatten


def warn_not_finite(model, data: Data, rows, loop) -> None:
    """Warns that a training loss is NaN or infinite, with epoch, batch and the first layer to blame.

    Args:
        model: after the last good update.
        data: arrays that the batch was taken from.
        rows: slice or index array of the batch.
        loop: tells the epoch and the step.
    """
    xs = [np.asarray(x[rows]) for x in data.xs]
    types = loop.input_types
    xs = [np.asarray(x, types[i][1] if types else None) for i, x in enumerate(xs)]
    warn(
        f"The loss is not finite in epoch {loop.epoch + 1}, batch {loop.step + 1}: {_cause(model, xs, loop.graph)}. "
        "Training goes on, as in Keras; callbacks.TerminateOnNaN() would end it here.",
        RuntimeWarning,
    )


def _cause(model, xs, graph) -> str:
    for x in xs:
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            return f"the input x has {_count(x)} in this batch"
    found: list = []

    def watch(name, layer, results):
        if not found and any(_is_bad(r) for r in flatten(results)):
            found.append((name, layer))

    with running_part(model, graph):
        model._run_watched(xs, watch)
    if not found:
        return (
            "every layer's output is finite, so it is the loss itself that is not (a target out of range, or the log "
            "or division of 0; try a lower learning rate or clipnorm=1)"
        )
    name, layer = found[0]
    for v in getattr(layer, "weights", ()):
        value = v.numpy()
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return (
                f"the first layer whose output is not finite is '{name}', whose weight '{v.name}' has {_count(value)} "
                "(an update made it so; try a lower learning rate or clipnorm=1)"
            )
    return (
        f"the first layer whose output is not finite is '{name}'; its inputs and weights are finite (too large for its "
        "operation; scale the inputs, or try a lower learning rate or clipnorm=1)"
    )


def _is_bad(value) -> bool:
    value = np.asarray(value)
    return value.dtype.kind == "f" and not np.isfinite(value).all()


def _count(value) -> str:
    nan, inf = int(np.isnan(value).sum()), int(np.isinf(value).sum())
    return " and ".join(f"{n} {word} values" for n, word in ((nan, "NaN"), (inf, "infinite")) if n)
