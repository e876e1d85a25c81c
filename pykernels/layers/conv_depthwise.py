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
    """Convolution of each channel of a sequence with filters of its own.

    Args:
        kernel_size: int, the steps of a window.
        strides: int, from window to window. Default 1.
        padding: "valid" (whole windows only) or "same" (ceil(steps / strides) windows).
        depth_multiplier: positive int, the filters of each channel: channel c under filter i becomes channel
            c * depth_multiplier + i. Default 1.
        data_format: "channels_last" (batch, steps, channels) or "channels_first" (batch, channels, steps). Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance of a window's elements.
        activation: name or function; None is linear.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer: "glorot_uniform" and "zeros" by default.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties that join the loss.
        depthwise_constraint, bias_constraint: applied after each update.

    Weights: kernel (kernel_size, channels, depth_multiplier), bias (channels * depth_multiplier,).

    Raises:
        ValueError: arguments that are not these; later, a window larger than the input, other channels than before.
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of an image with filters of its own.

    Args:
        kernel_size: int, or (height, width) of a window.
        strides: int or (height, width), from window to window. Default 1.
        padding: "valid" (whole windows only) or "same" (ceil(extent / stride) windows; of an odd number of zeros the
            larger half is below and on the right).
        depth_multiplier: positive int, the filters of each channel: channel c under filter i becomes channel
            c * depth_multiplier + i. Default 1.
        data_format: "channels_last" (batch, height, width, channels) or "channels_first". Default:
            `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance of a window's elements.

    The other arguments are those of `DepthwiseConv1D`. Weights: kernel (height, width, channels, depth_multiplier),
    bias (channels * depth_multiplier,).

    Raises:
        ValueError: arguments that are not these; later, a window larger than the image, other channels than before.
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
    """Depthwise convolution of sequences followed by a convolution over the channels of each step.

    Args:
        filters: positive int, the channels of the output.
        kernel_size: int, the steps of a window.
        strides: int, from window to window. Default 1.
        padding: "valid" (whole windows only) or "same" (ceil(steps / strides) windows).
        data_format: "channels_last" (batch, steps, channels) or "channels_first" (batch, channels, steps). Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance of a window's elements.
        depth_multiplier: positive int, the filters of each channel in the depthwise convolution. Default 1.
        activation: name or function; None is linear. Nothing stands between the two convolutions.
        use_bias: whether there is a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: "glorot_uniform" twice and "zeros" by default.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: penalties that join the
            loss.
        depthwise_constraint, pointwise_constraint, bias_constraint: applied after each update.

    Weights: depthwise_kernel (kernel_size, channels, depth_multiplier), pointwise_kernel (1, channels *
    depth_multiplier, filters), bias (filters,).

    Raises:
        ValueError: arguments that are not these; later, a window larger than the input, other channels than before.
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """Depthwise convolution of images followed by a convolution over the channels of each pixel.

    Args:
        filters: positive int, the channels of the output.
        kernel_size: int, or (height, width) of a window.
        strides: int or (height, width), from window to window. Default 1.
        padding: "valid" (whole windows only) or "same" (ceil(extent / stride) windows; of an odd number of zeros the
            larger half is below and on the right).
        data_format: "channels_last" (batch, height, width, channels) or "channels_first". Default:
            `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance of a window's elements.
        depth_multiplier: positive int, the filters of each channel in the depthwise convolution. Default 1.

    The other arguments are those of `SeparableConv1D`. Weights: depthwise_kernel (height, width, channels,
    depth_multiplier), pointwise_kernel (1, 1, channels * depth_multiplier, filters), bias (filters,).

    Raises:
        ValueError: arguments that are not these; later, a window larger than the image, other channels than before.
    """
