"""Convolution layers that treat each channel by itself first: DepthwiseConv1D/2D and SeparableConv1D/2D."""

from __future__ import annotations

from .. import ops
from .conv_base import Convolution, positive


class _DepthwiseConv(Convolution):
    _old_names = "DepthwiseConv2D"

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            {
                "depthwise": (depthwise_initializer, depthwise_regularizer, depthwise_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        positive("depth_multiplier", depth_multiplier)
        self.depth_multiplier = int(depth_multiplier)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self._add_bias(channels * self.depth_multiplier)

    def _convolve(self, x):
        return ops.depthwise_conv(
            x,
            self._lift(self.kernel),
            strides=self._pair(self.strides),
            padding=self.padding,
            data_format="channels_last",
            dilation_rate=self._pair(self.dilation_rate),
        )

    def compute_output_shape(self, input_shape):
        channels = input_shape[self._channel_axis]
        return self._output_shape(input_shape, None if channels is None else channels * self.depth_multiplier)

    def get_config(self):
        return {**super().get_config(), "depth_multiplier": self.depth_multiplier}


class DepthwiseConv1D(_DepthwiseConv):
    """Depthwise convolution of sequences: each channel has filters of its own.

    Args:
        kernel_size: int, the length of the window.
        strides: int, the distance between windows. Default 1.
        padding: "valid" (default: no padding) or "same" (zeros on both sides, ceil(steps / strides) outputs).
        depth_multiplier: positive int, the number of filters per channel: filter i of input channel c gives output
            channel c * depth_multiplier + i. Default 1.
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance between the elements of the window. Default 1.
        activation: name or callable. Default None: linear.
        use_bias: whether a bias is added. Default True.
        depthwise_initializer, bias_initializer: initializers, "glorot_uniform" and "zeros" by default.
        depthwise_regularizer, bias_regularizer, activity_regularizer: regularizers, whose values are added to the loss.
            Default None.
        depthwise_constraint, bias_constraint: constraints, applied after each update. Default None.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, channels * depth_multiplier).
    Weights: kernel (kernel_size, channels, depth_multiplier), bias (channels * depth_multiplier,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the input or another number of channels.
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Depthwise convolution of images: each channel has filters of its own.

    Args:
        kernel_size: int or (height, width), the size of the window.
        strides: int or (height, width), the distance between windows. Default 1.
        padding: "valid" (default: no padding) or "same" (zeros on all sides, ceil(size / strides) outputs; if their
            number is odd, the extra row or column is added at the bottom or on the right).
        depth_multiplier: positive int, the number of filters per channel: filter i of input channel c gives output
            channel c * depth_multiplier + i. Default 1.
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance between the elements of the window. Default 1.
        activation, use_bias: as in `DepthwiseConv1D`.
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer: as in
            `DepthwiseConv1D`.
        depthwise_constraint, bias_constraint: as in `DepthwiseConv1D`.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, channels *
    depth_multiplier).
    Weights: kernel (height, width, channels, depth_multiplier), bias (channels * depth_multiplier,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the image or another number of channels.
    """


class _SeparableConv(Convolution):
    _old_names = "SeparableConv2D"

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            {
                "depthwise": (depthwise_initializer, depthwise_regularizer, depthwise_constraint),
                "pointwise": (pointwise_initializer, pointwise_regularizer, pointwise_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        positive("depth_multiplier", depth_multiplier)
        positive("filters", filters)
        self.depth_multiplier = int(depth_multiplier)
        self.filters = int(filters)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        between = channels * self.depth_multiplier
        self.depthwise_kernel = self._weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self.pointwise_kernel = self._weight(
            "pointwise_kernel", (*(1,) * self.rank, between, self.filters), "pointwise"
        )
        self._add_bias(self.filters)

    def _convolve(self, x):
        return ops.separable_conv(
            x,
            self._lift(self.depthwise_kernel),
            self._lift(self.pointwise_kernel),
            strides=self._pair(self.strides),
            padding=self.padding,
            data_format="channels_last",
            dilation_rate=self._pair(self.dilation_rate),
        )

    def compute_output_shape(self, input_shape):
        return self._output_shape(input_shape, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "depth_multiplier": self.depth_multiplier}


class SeparableConv1D(_SeparableConv):
    """Depthwise convolution of sequences followed by a pointwise one, which mixes the channels.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int, the length of the window.
        strides: int, the distance between windows. Default 1.
        padding: "valid" (default: no padding) or "same" (zeros on both sides, ceil(steps / strides) outputs).
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance between the elements of the window. Default 1.
        depth_multiplier: positive int, the number of filters per channel in the depthwise convolution. Default 1.
        activation: name or callable, applied after the second convolution. Default None: linear.
        use_bias: whether a bias is added. Default True.
        depthwise_initializer, pointwise_initializer, bias_initializer: initializers, "glorot_uniform", "glorot_uniform"
            and "zeros" by default.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: regularizers, whose values
            are added to the loss. Default None.
        depthwise_constraint, pointwise_constraint, bias_constraint: constraints, applied after each update. Default
            None.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, filters).
    Weights: depthwise_kernel (kernel_size, channels, depth_multiplier), pointwise_kernel (1, channels *
    depth_multiplier, filters), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the input or another number of channels.
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """Depthwise convolution of images followed by a pointwise one, which mixes the channels.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int or (height, width), the size of the window.
        strides: int or (height, width), the distance between windows. Default 1.
        padding: "valid" (default: no padding) or "same" (zeros on all sides, ceil(size / strides) outputs; if their
            number is odd, the extra row or column is added at the bottom or on the right).
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance between the elements of the window. Default 1.
        depth_multiplier: positive int, the number of filters per channel in the depthwise convolution. Default 1.
        activation, use_bias: as in `SeparableConv1D`.
        depthwise_initializer, pointwise_initializer, bias_initializer: as in `SeparableConv1D`.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: as in `SeparableConv1D`.
        depthwise_constraint, pointwise_constraint, bias_constraint: as in `SeparableConv1D`.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, filters).
    Weights: depthwise_kernel (height, width, channels, depth_multiplier), pointwise_kernel (1, 1, channels *
    depth_multiplier, filters), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the image or another number of channels.
    """
