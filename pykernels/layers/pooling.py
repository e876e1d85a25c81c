"""Pooling layers: the maximum or the mean of each window, or of the whole image."""

from __future__ import annotations

from .. import config, ops
from ..compat.arguments import accepts_old_names
from ..ops.windows import join_shape, pooling_output_shape, split_shape, standardize_padding, tuple_of
from .input_spec import InputSpec
from .layer import Layer


class _Pooling(Layer):
    makes_nothing = True
    rank = 2

    def __init__(self, pool_size, strides, padding, data_format, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = tuple_of(pool_size, self.rank, "pool_size")
        self.strides = tuple_of(pool_size if strides is None else strides, self.rank, "strides")
        self.padding = standardize_padding(padding)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _pool(self, inputs, **options):
        raise NotImplementedError

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)  # what cannot work is refused in the layer's name
        return self._pool(
            inputs,
            pool_size=self.pool_size,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
        )

    def compute_output_shape(self, input_shape):
        try:
            return pooling_output_shape(input_shape, self.pool_size, self.strides, self.padding, self.data_format)
        except ValueError as error:
            raise ValueError(f"{error} (layer '{self.name}')") from None

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class _MaxPooling(_Pooling):
    def _pool(self, inputs, **options):
        return ops.max_pool(inputs, **options)


class _AveragePooling(_Pooling):
    def _pool(self, inputs, **options):
        return ops.average_pool(inputs, **options)


class MaxPooling1D(_MaxPooling):
    """The maximum of each window of a sequence.

    Args:
        pool_size: int, the length of the window. Default 2.
        strides: int, the distance between windows. Default None: `pool_size`.
        padding: "valid" (default: no padding) or "same" (ceil(steps / strides) windows).
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        name, **kwargs: arguments of `Layer`.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, channels).

    Raises:
        ValueError: an invalid argument; at the call, a window longer than the sequence.
    """

    rank = 1

    @accepts_old_names("MaxPooling1D")
    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class MaxPooling2D(_MaxPooling):
    """The maximum of each window of an image.

    Args:
        pool_size: int or (height, width), the size of the window. Default (2, 2).
        strides: int or (height, width), the distance between windows. Default None: `pool_size`.
        padding: "valid" (default: no padding) or "same" (ceil(size / strides) windows).
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        name, **kwargs: arguments of `Layer`.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, channels).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the image.
    """

    @accepts_old_names("MaxPooling2D")
    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling1D(_AveragePooling):
    """The mean of each window of a sequence; padding is left out of the mean.

    Args:
        pool_size: int, the length of the window. Default 2, as in Keras 2 (Keras 3 has no default).
        strides, padding, data_format, name, **kwargs: as in `MaxPooling1D`.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, channels).

    Raises:
        ValueError: as in `MaxPooling1D`.
    """

    rank = 1

    @accepts_old_names("AveragePooling1D")
    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling2D(_AveragePooling):
    """The mean of each window of an image; padding is left out of the mean.

    Args:
        pool_size: int or (height, width), the size of the window. Default (2, 2), as in Keras 2 (Keras 3 has no
            default).
        strides, padding, data_format, name, **kwargs: as in `MaxPooling2D`.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, channels).

    Raises:
        ValueError: as in `MaxPooling2D`.
    """

    @accepts_old_names("AveragePooling2D")
    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class _GlobalPooling(Layer):
    makes_nothing = True
    rank = 2

    @accepts_old_names("GlobalPooling2D")
    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def compute_output_shape(self, input_shape):
        batch, spatial, channels = split_shape(tuple(input_shape), self.data_format)
        ones = (1,) * len(spatial) if self.keepdims else ()
        return join_shape(batch, ones, channels, self.data_format)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class _GlobalMaxPooling(_GlobalPooling):
    def call(self, inputs):
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs):
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The maximum of each channel of a sequence.

    Args:
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        keepdims: whether the axis of steps is kept with size 1. Default False.

    Input shape: (batch, steps, channels). Output shape: (batch, channels).
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The maximum of each channel of an image.

    Args:
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with size 1. Default False.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).
    """


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel of a sequence.

    Args:
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        keepdims: whether the axis of steps is kept with size 1. Default False.

    Input shape: (batch, steps, channels). Output shape: (batch, channels).

    Call arguments: inputs; mask: bool tensor (batch, steps), True for the steps to average.
    """

    rank = 1

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(data_format=data_format, keepdims=keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        axis = self._axes[0]
        counted = ops.cast(ops.expand_dims(mask, 3 - axis), "bool")
        weights = ops.cast(counted, self.compute_dtype)
        kept = ops.where(counted, inputs, ops.cast(0.0, self.compute_dtype))
        total = ops.sum(kept, axis=axis, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(weights, axis=axis, keepdims=self.keepdims))

    def compute_mask(self, inputs, mask=None):
        """None: there are no steps left."""
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel of an image.

    Args:
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with size 1. Default False.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).
    """
