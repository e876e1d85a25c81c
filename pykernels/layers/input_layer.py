"""The input of a model."""

from __future__ import annotations

from ..graph import Tensor
from ..utils.tree import is_shape
from .layer import Layer
from .node import Node, symbolic


class InputLayer(Layer):
    """Holds the symbolic input of a model; see `Input`."""

    def __init__(
        self,
        shape=None,
        batch_size=None,
        dtype=None,
        sparse=None,
        ragged=None,
        batch_shape=None,
        input_tensor=None,
        optional=False,
        name=None,
        **kwargs,
    ):
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        for argument, value in (("sparse", sparse), ("ragged", ragged), ("optional", optional)):
            if value:
                raise ValueError(f"InputLayer({argument}=True) is not supported by pykernels; pass dense arrays")
        if input_tensor is not None:
            if not isinstance(input_tensor, Tensor):
                raise ValueError(
                    "Argument `input_tensor` must be a KerasTensor. Received invalid type: "
                    f"input_tensor={input_tensor} (of type {type(input_tensor)})"
                )
            batch_shape, dtype, shape, batch_size = input_tensor.shape, dtype or input_tensor.dtype, None, None
        if shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        if batch_size is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
        if shape is None and batch_shape is None:
            raise ValueError("You must pass a `shape` argument.")
        if batch_shape is None:
            batch_shape = (batch_size, *((shape,) if isinstance(shape, int) else shape))
        if not is_shape(batch_shape):
            raise ValueError(f"`shape` must be a tuple of ints and Nones. Received: {batch_shape}")
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.batch_shape = tuple(batch_shape)
        self.built = True
        self._make_node(input_tensor)

    def _make_node(self, tensor=None) -> None:
        tensor = tensor if tensor is not None else symbolic(self.batch_shape, self.dtype)
        tensor.name = self.name
        Node(self, (), {}, tensor)

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_node()

    def call(self):
        return None

    def compute_output_shape(self):
        return self.batch_shape

    def get_config(self):
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(  # noqa: N802 - Keras's name
    shape=None,
    batch_size=None,
    dtype=None,
    sparse=None,
    ragged=None,
    batch_shape=None,
    name=None,
    tensor=None,
    optional=False,
):
    """A symbolic tensor that a model takes as its input.

    Args:
        shape: tuple of ints and Nones without the batch axis.
        batch_size: int, or None (default) for any.
        dtype: float32 by default.
        batch_shape: instead of `shape` and `batch_size`.
        name: name of the input, for data given as a dict.
        tensor: a symbolic tensor to make the input of.
        sparse, ragged, optional: must be false.

    Raises:
        ValueError: no shape, or contradicting ones.
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    return layer.output
