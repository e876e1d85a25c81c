"""Losses and metrics that are added to a model from outside, as tensors computed from its inputs (Keras 2)."""

from __future__ import annotations

from ..graph import Tensor
from ..layers.layer_graph import LayerGraph
from ..utils.tree import map_structure


class AddedTerms:
    """What `add_loss` and `add_metric` added to a functional model: one graph with its outputs.

    Args:
        graph: the `LayerGraph` of the model.

    Attributes:
        layers: the layers that only these terms need.
    """

    def __init__(self, graph: LayerGraph):
        self._model_graph = graph
        self._losses: list[Tensor] = []
        self._metrics: list[tuple[str, Tensor]] = []
        self._graph = graph
        self.layers: list = []

    def add_loss(self, tensor: Tensor) -> None:
        """Adds a loss. Raises ValueError for a tensor that the model's inputs do not lead to."""
        self._extend([*self._losses, tensor], self._metrics)

    def add_metric(self, name: str, tensor: Tensor) -> None:
        """Adds a metric, the mean of a tensor; raises as `add_loss`."""
        self._extend(self._losses, [*self._metrics, (name, tensor)])

    def _extend(self, losses, metrics) -> None:
        of_model = self._model_graph
        tensors = [*of_model.outputs, *losses, *(tensor for _, tensor in metrics)]
        self._graph = LayerGraph(of_model.inputs_struct, tensors)
        self._losses, self._metrics = losses, metrics
        known = {id(layer) for layer in of_model.layers}
        self.layers = [layer for layer in self._graph.layers if id(layer) not in known]

    def run(self, model, xs: list):
        """The outputs of the model; the terms become losses and metrics of `model`."""
        results = iter(self._graph.run(xs))
        outputs = map_structure(lambda _: next(results), self._model_graph.returned_struct)
        for loss in [next(results) for _ in self._losses]:
            model.add_loss(loss)
        for (name, _), value in zip(self._metrics, results, strict=True):
            model.add_metric(value, name=name, aggregation="mean")
        return outputs
