"""Epochs of `fit` that nobody watches: one plan, made once, and nothing per epoch but what the numbers need.

For a small model an epoch takes 20 microseconds; the general way (`Loop.run`: segments, hooks, callbacks) takes longer
than that for itself. What is done here is the same, in the same order, with the same random numbers.
"""

from __future__ import annotations

import numpy as np

from ..callbacks import CallbackList, History
from ..callbacks.logs import Logs
from ..data_adapters.array_adapter import ArrayFeed
from ..layers.context import StructureVersion


def is_plain(loop) -> bool:
    """Whether no user code can run between the steps of this training: arrays in memory and only a `History`."""
    feed, callbacks, model = loop.feed, loop.callbacks, loop.model
    return (
        type(feed) is ArrayFeed
        and feed.steps is None
        and not isinstance(feed.shuffle, str)
        and type(callbacks) is CallbackList
        and [type(c) for c in callbacks.callbacks] == [History]
        and not model.run_eagerly
        and model._tally().is_compiled
    )


def run_plain_epochs(loop, initial_epoch: int, epochs: int) -> Logs:
    """Runs epochs `initial_epoch` to `epochs` (exclusive) of a loop that `is_plain`; returns the last results."""
    model, feed = loop.model, loop.feed
    history = loop.callbacks.callbacks[0]
    tally = model._tally()
    reset, read, names = tally.plan()
    state = model.__dict__  # attributes without LayerState's bookkeeping, which concerns layers and variables
    rows = np.arange(feed.data.rows, dtype=np.int64)
    order, shuffle = None, np.random.shuffle
    records: list = []
    values: list = []
    version, parts = None, []
    for epoch in range(initial_epoch, epochs):
        reset(())
        if feed.shuffle:
            order = rows.copy()  # shuffling it takes the numbers that np.random.permutation(len(rows)) takes
            shuffle(order)
        if version != StructureVersion.value:
            parts = _parts(loop)
            version = StructureVersion.value
        loop.step, loop.rows, loop.epoch = 0, 0, epoch
        for run, sources, segment in parts:
            done, status = run(
                sources,
                segment.batch,
                segment.first,
                segment.steps,
                order,
                None,
                state["_steps_done"],
                loop.slice,
                not loop.told_not_finite,
            )
            state["_steps_done"] += done
            loop.step += done
            loop.rows += done * segment.batch
            if done < segment.steps or status != "done":
                loop.go_on(segment._replace(order=order), run, sources, done, status)
            if state["stop_training"]:
                break
        values = [value.item() for value in read(())]
        if not records:
            records = [history.history.setdefault(name, []) for name in names]
        history.epoch.append(epoch)
        for record, value in zip(records, values):  # noqa: B905 - `strict` costs what it saves
            record.append(value)
        if state["stop_training"]:
            break
    return Logs(zip(names, values, strict=True)) if values else Logs()


def _parts(loop) -> list:
    """(run_batches, sources, segment) of the full batches and of the short one at the end, without their order."""
    parts = []
    feed = loop.feed
    feed.rewind()
    for segment in feed.parts_of_a_pass():
        program = loop._program(segment)
        parts.append((program.run_batches, loop._sources(segment.data, program), segment))
    return parts
