"""Layers of Keras 1 whose positional arguments differ from those of today's layers, and `merge`.

`Convolution2D(64, 3, 3)` has 64 filters of 3 x 3 there; as an alias of today's `Conv2D` it would have windows of 3 x 3
and strides of 3. (Old argument names are in `pykernels.compat.arguments`.)
"""

from __future__ import annotations

from typing import Any

from .. import config
from ..user_warning import warn
from .conv import Conv1D, Conv2D, Conv2DTranspose
from .conv_depthwise import SeparableConv2D
from .lambda_layer import Lambda
from .merging import Add, Average, Concatenate, Dot, Maximum, Multiply
from .recurrent import GRU, LSTM


class _OldName(type):
    """A name of old: calling it makes an instance of its base class, and those are its instances."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_positions" not in vars(cls):  # a user's subclass
            return super().__call__(*args, **kwargs)
        args, kwargs = cls._positions(cls.__name__, args, kwargs)
        return cls.__base__(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        if "_positions" not in vars(cls):
            return super().__instancecheck__(instance)
        return isinstance(instance, cls.__base__)


def _rows_and_columns(name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """(filters, rows, columns) as (filters, (rows, columns)); what is a tuple or named already stays."""
    if len(args) == 2 and "nb_col" in kwargs:
        rest = {key: value for key, value in kwargs.items() if key != "nb_col"}
        return (args[0], (args[1], kwargs["nb_col"])), rest
    if len(args) < 3 or not (isinstance(args[1], int) and isinstance(args[2], int)):
        return args, kwargs
    if len(args) > 3:
        raise TypeError(f"{name}(filters, rows, columns) takes no more arguments by position; name the others")
    return (args[0], (args[1], args[2])), kwargs


def _early_convolution(name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """As `_rows_and_columns`; the images of the first layer may show that the script has the channels first.

    That was the default before Keras 1.1. An image of 1 or 3 rows, as wide as it has channels, is none: then the
    layout becomes the default, with a warning, unless the script chose one.
    """
    shape = tuple(kwargs.get("input_shape") or (kwargs.get("batch_input_shape") or ())[1:])
    says = {"dim_ordering", "data_format"} & kwargs.keys() or config.image_data_format_is_chosen()
    if len(shape) == 3 and not says and shape[0] in (1, 3) and shape[1] == shape[2] and (shape[2] or 0) > 4:
        config.set_image_data_format("channels_first")
        warn(
            f"{name}(..., input_shape={shape}): images of {shape[0]} x {shape[1]} pixels with {shape[2]} channels are "
            "unlikely, so the channels come first from here on, as was the default before Keras 1.1. If that is wrong, "
            "call keras.backend.set_image_data_format('channels_last') at the beginning of the script."
        )
    return _rows_and_columns(name, args, kwargs)


class Convolution2D(Conv2D, metaclass=_OldName):
    """`Conv2D` with the positional arguments of Keras 1: `Convolution2D(filters, rows, columns)`."""

    _positions = staticmethod(_early_convolution)


class AtrousConvolution2D(Conv2D, metaclass=_OldName):
    """`Conv2D` with `atrous_rate` for `dilation_rate`."""

    _positions = staticmethod(_rows_and_columns)


class AtrousConvolution1D(Conv1D, metaclass=_OldName):
    """`Conv1D` with `atrous_rate` for `dilation_rate`."""

    _positions = staticmethod(lambda name, args, kwargs: (args, kwargs))


class Deconvolution2D(Conv2DTranspose, metaclass=_OldName):
    """`Conv2DTranspose` with the positional arguments of Keras 1: `Deconvolution2D(filters, rows, columns)`."""

    _positions = staticmethod(_rows_and_columns)


class SeparableConvolution2D(SeparableConv2D, metaclass=_OldName):
    """`SeparableConv2D` with the positional arguments of Keras 1: `SeparableConvolution2D(filters, rows, columns)`."""

    _positions = staticmethod(_rows_and_columns)


def _units_only(name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    if len(args) > 1:
        raise TypeError(f"{name}(units) takes no more arguments by position; name the others")
    return args, kwargs


class CuDNNLSTM(LSTM, metaclass=_OldName):
    """`LSTM`, by the name of Keras 2's layer for GPUs."""

    _positions = staticmethod(_units_only)


class CuDNNGRU(GRU, metaclass=_OldName):
    """`GRU`, by the name of Keras 2's layer for GPUs."""

    _positions = staticmethod(_units_only)


_MODES = {"sum": Add, "mul": Multiply, "ave": Average, "max": Maximum}


def merge(inputs, mode="sum", concat_axis=-1, dot_axes=-1, arguments=None, name=None):
    """Combines several tensors into one, as in Keras 1.

    Args:
        inputs: list of tensors.
        mode: "sum" (default), "mul", "ave", "max", "concat", "dot", "cos", or a callable that takes the list.
        concat_axis: int, the axis for "concat". Default -1.
        dot_axes: int or tuple of two ints, the axes for "dot" and "cos". Default -1.
        arguments: dict of keyword arguments for a callable.
        name: str, the name of the layer.

    Returns:
        A tensor.

    Raises:
        ValueError: another mode.
    """
    if callable(mode):
        return Lambda(mode, arguments=arguments, name=name)(inputs)
    if mode == "concat":
        return Concatenate(axis=concat_axis, name=name)(inputs)
    if mode in ("dot", "cos"):
        return Dot(axes=dot_axes, normalize=mode == "cos", name=name)(inputs)
    if mode not in _MODES:
        known = ", ".join((*_MODES, "concat", "dot", "cos"))
        raise ValueError(f"Invalid merge mode: {mode!r}. Expected a function or one of {known}")
    return _MODES[mode](name=name)(inputs)
