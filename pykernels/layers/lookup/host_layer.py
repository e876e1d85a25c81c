"""The base class of layers that compute with NumPy: their inputs are text, or their table is a dictionary."""

from __future__ import annotations

from ...graph import Tensor
from ...utils.tree import flatten, map_structure
from ..inference import infers_shapes
from ..layer import Layer


class HostLayer(Layer):
    """A layer that is not recorded into programs: a model applies it to its inputs before a program runs.

    So it may only be applied to inputs of a model, and to results of other such layers. Without weights, and without
    gradients with respect to its inputs.
    """

    computed_on_host = True

    takes_text = False

    @property
    def input_dtype(self) -> str:
        return "string" if self.takes_text else "int64"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def _convert(self, values):
        return map_structure(lambda x: x.numpy() if hasattr(x, "assign") else x, values)

    def _call(self, args, kwargs):
        if any(isinstance(x, Tensor) for x in flatten([list(args), kwargs])):
            if infers_shapes():
                return self.compute_output_spec(*args, **kwargs)
            raise ValueError(
                f"Layer '{self.name}' (of type {type(self).__name__}) computes with NumPy before a step runs, so it "
                "can be applied to the inputs of a functional or Sequential model, to arrays, and in `Dataset.map()`, "
                "but not to what other layers compute, nor within `call()` of a class."
            )
        return super()._call(args, kwargs)
