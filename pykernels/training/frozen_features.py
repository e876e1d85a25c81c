"""`fit(cache_frozen=True)`: the frozen layers at the beginning of a model are run once, and the rest is trained on what
they gave.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from ..data_adapters.array_adapter import ArrayAdapter
from ..data_adapters.arrays import Data
from ..data_adapters.stream_adapter import StreamAdapter
from ..graph import Tensor, Trace, Variable
from ..graph.autodiff import reachable
from ..layers.context import calling
from ..layers.layer import Layer
from ..layers.layer_graph import Slot, slots_of
from ..utils.system_memory import available_memory, readable
from ..utils.tree import flatten
from .epoch_loop import EpochLoop
from .frozen_iterators import cached_stream, is_same_each_time
from .step_programs import ModelPart, first_streams

_REFUSED = "cache_frozen=True"


class FrozenPrefix:
    """A model cut in two: `head`, the layers whose results stay the same during a training, and `tail`, the rest.

    The head takes every layer call, in order, that changes with nothing: its inputs come from the head or are the
    model's, none of its weights is trained, it draws no random numbers, keeps no statistics and adds no loss.

    Attributes:
        layers: names of the layers (and ops) of the head.

    Raises:
        ValueError: the model is not made of a graph of layers, computes its loss itself, or does not begin with a
            frozen layer that has weights; the message names the layer and what is wrong.
    """

    def __init__(self, model):
        graph = model._graph
        _check_model(model)
        known = {graph.index[id(t)] for t in graph.inputs}
        head, self.layers, has_weights, stop = [], [], False, None
        trained = {id(v) for v in model.trainable_variables}
        for step in graph.calls:
            if not {slot.index for slot in slots_of([step.args, step.kwargs])} <= known:
                continue
            reason, reads_weights = _changes(model, step, trained)
            if reason:
                stop = stop or f"{_name(step)} {reason}"
                continue
            head.append(step)
            known |= {slot.index for slot in slots_of(step.outputs)}
            self.layers.append(_name(step))
            has_weights = has_weights or reads_weights
        if not has_weights:
            raise ValueError(
                f"{_REFUSED}: model '{model.name}' does not begin with frozen layers that have weights, so there is "
                f"nothing to run only once{': ' + stop if stop else ''}. Set `trainable = False` for the first layers "
                "and compile again, or leave cache_frozen out."
            )
        first, rest = graph.split(head)
        self.model = model
        self.head = ModelPart(first, training=True)  # it runs as it would in a training step, whose place it takes
        self.tail = ModelPart(rest, before=first)

    def cached(self, adapter, verbose=0):
        """An adapter of the head's results for the rows of `adapter`, in the same order and batches.

        Raises:
            ValueError: `adapter` comes from something that may give other samples each time.
            MemoryError: the results do not fit into the memory.
        """
        if isinstance(adapter, StreamAdapter):
            return cached_stream(self, adapter, verbose)
        results = self.run(adapter, verbose)
        data = adapter.data._replace(xs=results)
        if type(adapter) is ArrayAdapter:
            new = copy.copy(adapter)
            new.data = data
            return new
        return _SortedFeed(data.map(lambda a: np.asarray(a[:])), adapter.batch_size, adapter.shuffle, adapter.steps)

    def can_cache(self, adapter) -> bool:
        """Whether `cached` takes it: validation data of another kind go through the whole model each time."""
        return not isinstance(adapter, StreamAdapter) or is_same_each_time(adapter.source)

    def run(self, adapter, verbose=0) -> list[np.ndarray]:
        """The head's results for all rows of an adapter of arrays, in their order: one array per tensor of the cut."""
        self.check_memory(adapter.data.rows)
        once = adapter.in_order(Data(adapter.data.xs))
        callbacks = self.model._callbacks(None, False, verbose, 1, once.passes)
        callbacks.on_predict_begin()
        loop = EpochLoop(self.model, "predict", once, callbacks, self.head)
        loop.run()
        callbacks.on_predict_end()
        return loop.collected()

    def check_memory(self, rows: int) -> None:
        """Raises MemoryError if the head's results for so many rows do not fit."""
        tensors = self.head.graph.outputs
        sizes = [math.prod(d or 1 for d in t.shape[1:]) * np.dtype(t.dtype).itemsize for t in tensors]
        free = available_memory()
        if free is not None and rows * sum(sizes) > 0.8 * free:
            raise MemoryError(
                f"{_REFUSED}: what the frozen layers give for {rows:,} samples takes {readable(rows * sum(sizes))}, "
                f"and {readable(free)} of memory are free. Pool it (GlobalAveragePooling2D), or train without "
                "cache_frozen."
            )


class _SortedFeed(ArrayAdapter):
    """Rows of a batch in rising order, as they are read from datasets on disk."""

    def _permutation(self) -> np.ndarray | None:
        order = super()._permutation()
        if order is None:
            return None
        return np.concatenate([np.sort(order[i : i + self.batch_size]) for i in range(0, len(order), self.batch_size)])


def _check_model(model) -> None:
    if model._graph is None:
        raise ValueError(
            f"{_REFUSED} needs a model made of a graph of layers (Sequential or Model(inputs, outputs)); "
            f"{type(model).__name__} has a `call` of its own."
        )
    for kind in type(model).__mro__:
        if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
            break
        for method in ("call", "compute_loss", "compute_metrics"):
            if method in vars(kind):
                raise ValueError(
                    f"{_REFUSED}: {kind.__name__} has a {method}() of its own, which expects the model's inputs; run "
                    "the frozen layers with predict() and train a second model on what they give."
                )
    if model.host_part is not None:
        raise ValueError(f"{_REFUSED}: model '{model.name}' begins with lookups of words; make them in Dataset.map()")
    if getattr(model, "activity_regularizer", None) is not None:
        raise ValueError(f"{_REFUSED}: model '{model.name}' has an activity regularizer")


def _name(step) -> str:
    return step.target if isinstance(step.target, str) else step.target.name


def _changes(model, step, trained: set[int]) -> tuple[str | None, bool]:
    """(why the results of a call would differ between epochs, whether it reads variables). Found by recording it as a
    training step does and looking at what was recorded."""
    graph = model._graph
    model._clear_losses()
    try:
        with first_streams(model), Trace() as trace, calling(True):
            results = step(lambda x: graph.tensors[x.index] if isinstance(x, Slot) else x)
        outputs = [x for x in flatten(results) if isinstance(x, Tensor)]
        nodes = reachable([*outputs, *trace.effects])
        variables = [x for node in nodes for x in node.inputs if isinstance(x, Variable)]
        adds_loss = any(layer._losses for layer in model._flatten_layers())
    finally:
        model._clear_losses()
    weights = step.target.trainable_weights if isinstance(step.target, Layer) else []
    if weights or any(id(v) in trained for v in variables):
        return _trained(step.target), True
    if any("stream" in node.attrs for node in nodes):
        return "draws random numbers", bool(variables)
    if trace.effects:
        return "updates its statistics (its `trainable` is True)", True
    return ("adds to the loss", True) if adds_loss else (None, bool(variables))


def _trained(layer) -> str:
    if getattr(layer, "_graph", None) is None or not layer.non_trainable_weights:
        return "is trained"
    return (
        "is a model of its own, of which a part is trained, and it is not taken apart; connect the layers after it "
        f"to its output, Model(base.input, head(base.output)) with '{layer.name}' as base, so that they are one graph"
    )
