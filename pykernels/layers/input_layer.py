"""The input of a model."""

from __future__ import annotations

from ..graph import Tensor
from ..utils.error_origin import brief
from ..utils.tree import is_shape
from .layer import Layer
from .node import Node, symbolic

_TEXT = ("string", str)  # dtypes of inputs that hold text, for the layers in `lookup`
_MOST = 1 << 47  # no memory holds as much along one axis


def _check_shape(shape) -> None:
    if not is_shape(shape):
        raise ValueError(f"Cannot convert '{shape}' to a shape: it must be a tuple of ints and Nones.")
    if any(d is not None and d < 0 for d in shape):
        raise ValueError(f"Cannot convert '{shape}' to a shape. Negative dimensions are not allowed.")
    if any(d is not None and d > _MOST for d in shape):
        raise ValueError(f"Cannot convert '{brief(shape, 200)}' to a shape: no memory holds so many elements.")


class InputLayer(Layer):
    """The layer behind a symbolic input of a model, made by `Input`.

    Args:
        shape, batch_size, dtype, batch_shape, name: as in `Input`.
        input_tensor: symbolic tensor that becomes the input. Default None: a new one.
        sparse, ragged, optional: not supported, must be None or False.

    Raises:
        ValueError: as in `Input`.
    """

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
            dims = (shape,) if isinstance(shape, int) else shape
            batch_shape = (batch_size, *dims) if isinstance(dims, (list, tuple)) else dims
        _check_shape(batch_shape)
        text = getattr(dtype, "name", dtype) in _TEXT
        super().__init__(name=name, dtype=None if text else dtype, **kwargs)
        if text:
            self._dtype = "string"
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

    @property
    def input(self):
        """The symbolic input itself, as in Keras 2, whose scripts ask the first layer for the input of a model."""
        return self.output

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
        shape: tuple of ints and None, without the batch axis.
        batch_size: int. Default None: any.
        dtype: name of a dtype; "string" for text, which StringLookup and its like take. Default None:
            `config.floatx()`.
        batch_shape: tuple, in place of `shape` and `batch_size`.
        name: str, the name of the input, which is the key for data given as a dict. Default None: generated.
        tensor: symbolic tensor that becomes the input. Default None: a new one.
        sparse, ragged, optional: not supported, must be None or False.

    Returns:
        A symbolic tensor of shape (batch_size, *shape).

    Raises:
        ValueError: no shape, `shape` together with `batch_shape`, or an argument that is not supported.
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
