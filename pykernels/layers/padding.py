"""Layers that add zeros around images and sequences, or cut their edges off."""

from __future__ import annotations

from .. import config, ops
from ..compat.arguments import accepts_old_names
from ..graph import apply
from ..ops.array import TO_END
from ..ops.windows import tuple_of
from .input_spec import InputSpec
from .layer import Layer

_TWO_BY_TWO = (
    "`{name}` should be either an int, a tuple of 2 ints (symmetric_height_crop, symmetric_width_crop), or a tuple of "
    "2 tuples of 2 ints ((top_crop, bottom_crop), (left_crop, right_crop)). Received: {name}={value}."
)


def _edges(value, name: str) -> tuple[tuple[int, ...], ...]:
    """((top, bottom), (left, right)) of an int, (height, width), or that itself."""
    if isinstance(value, int):
        value = (value, value)
    elif not hasattr(value, "__len__"):
        raise ValueError(_TWO_BY_TWO.format(name=name, value=value))
    elif len(value) != 2:
        raise ValueError(f"`{name}` should have two elements. Received: {name}={value}.")
    return tuple(
        tuple_of(entry, 2, f"{order} entry of {name}", allow_zero=True)
        for entry, order in zip(value, ("1st", "2nd"), strict=True)
    )


def _first_spatial_axis(data_format: str) -> int:
    return 2 if data_format == "channels_first" else 1


class ZeroPadding1D(Layer):
    """Adds zeros before and after a sequence.

    Args:
        padding: int for both ends, or a tuple (before, after). Default 1.
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.

    Input shape: (batch, steps, channels). Output shape: (batch, before + steps + after, channels).

    Raises:
        ValueError: `padding` has another form or a negative number.
    """

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.padding = tuple_of(padding, 2, "padding", allow_zero=True)
        self.input_spec = InputSpec(ndim=3)

    def _widths(self) -> list[tuple[int, ...]]:
        widths = [(0, 0)] * 3
        widths[_first_spatial_axis(self.data_format)] = self.padding
        return widths

    def call(self, inputs):
        return ops.pad(inputs, self._widths())

    def compute_output_shape(self, input_shape):
        widths = self._widths()
        return tuple(None if d is None else d + sum(w) for d, w in zip(input_shape, widths, strict=True))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding2D(Layer):
    """Adds zeros around an image.

    Args:
        padding: int for all sides, (height, width), or ((top, bottom), (left, right)). Default 1.
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.

    Raises:
        ValueError: `padding` has another form or a negative number.
    """

    @accepts_old_names("ZeroPadding2D")
    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.padding = _edges(padding, "padding")
        self.input_spec = InputSpec(ndim=4)

    def _widths(self) -> list[tuple[int, ...]]:
        widths = [(0, 0)] * 4
        first = _first_spatial_axis(self.data_format)
        widths[first : first + 2] = self.padding
        return widths

    def call(self, inputs):
        return ops.pad(inputs, self._widths())

    def compute_output_shape(self, input_shape):
        widths = self._widths()
        return tuple(None if d is None else d + sum(w) for d, w in zip(input_shape, widths, strict=True))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class Cropping1D(Layer):
    """Crops a sequence (batch, steps, channels).

    Args:
        cropping: int for both ends, or (before, after). Default (1, 1).

    Raises:
        ValueError: at the call, the result would be empty.
    """

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.cropping = tuple_of(cropping, 2, "cropping", allow_zero=True)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)
        return _cut(inputs, {1: self.cropping})

    def compute_output_shape(self, input_shape):
        batch, steps, channels = input_shape
        if steps is not None and sum(self.cropping) >= steps:
            raise ValueError(
                "`cropping` parameter of `Cropping1D` layer must be smaller than the input length. Received: "
                f"input_shape={tuple(input_shape)}, cropping={self.cropping} (layer '{self.name}')"
            )
        return (batch, None if steps is None else steps - sum(self.cropping), channels)

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping}


class Cropping2D(Layer):
    """Crops an image.

    Args:
        cropping: int for all sides, (height, width), or ((top, bottom), (left, right)). Default 0.
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.

    Raises:
        ValueError: `cropping` has another form or a negative number; at the call, the result would be empty.
    """

    @accepts_old_names("Cropping2D")
    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        if isinstance(cropping, int) and cropping < 0:
            raise ValueError(f"`cropping` cannot be negative. Received: cropping={cropping}.")
        self.cropping = _edges(cropping, "cropping")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)
        first = _first_spatial_axis(self.data_format)
        return _cut(inputs, {first: self.cropping[0], first + 1: self.cropping[1]})

    def compute_output_shape(self, input_shape):
        first = _first_spatial_axis(self.data_format)
        shape = list(input_shape)
        for axis, cut in enumerate(self.cropping, first):
            if shape[axis] is None:
                continue
            shape[axis] -= sum(cut)
            if shape[axis] <= 0:
                raise ValueError(
                    "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the "
                    f"input. Received: input_shape={tuple(input_shape)}, cropping={self.cropping} "
                    f"(layer '{self.name}')"
                )
        return tuple(shape)

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


def _cut(x, cuts: dict[int, tuple]):
    """x without `before` and `after` elements along the axes in `cuts`."""
    if all(x.shape[axis] is not None for axis in cuts):
        key = [slice(None)] * len(x.shape)
        for axis, (before, after) in cuts.items():
            key[axis] = slice(before, x.shape[axis] - after)
        return x[tuple(key)]
    # Only while a shape is inferred, or the model is exported: there the end of an unknown extent is counted from it.
    start, stop = [0] * len(x.shape), [TO_END] * len(x.shape)
    for axis, (before, after) in cuts.items():
        start[axis], stop[axis] = before, -after if after else TO_END
    return apply("slice", [x], start=tuple(start), stop=tuple(stop), step=(1,) * len(x.shape))
