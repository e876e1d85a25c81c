"""Conv1D, Conv2D and their transposes."""

from __future__ import annotations

from .. import ops
from ..ops.conv import conv_transpose_length
from ..ops.windows import join_shape, split_shape, tuple_of
from .conv_base import Convolution, positive


def _refuse_strided_dilation(strides, dilation_rate) -> None:
    if max(strides) > 1 and max(dilation_rate) > 1:
        raise ValueError(
            "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
            f"Received: strides={strides} and dilation_rate={dilation_rate}"
        )


class _Conv(Convolution):
    _old_names = "Conv2D"

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
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
                "kernel": (kernel_initializer, kernel_regularizer, kernel_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            paddings=("causal", "full") if self.rank == 1 else ("full",),
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        positive("filters", filters)
        if groups <= 0:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if filters % groups != 0:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={groups}, filters={filters}."
            )
        _refuse_strided_dilation(self.strides, self.dilation_rate)
        self.filters = int(filters)
        self.groups = int(groups)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. Received "
                f"groups={self.groups}, but the input has {channels} channels (full input shape is "
                f"{tuple(input_shape)}) (layer '{self.name}')."
            )
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters), "kernel")
        self._add_bias(self.filters)

    def _convolve(self, x):
        padding = self.padding
        if padding == "full":
            around = [(p, p) for p in self._full_pads()]
            x = ops.pad(x, [(0, 0)] * (3 - len(around)) + around + [(0, 0)])
            padding = "valid"
        return ops.conv(
            x,
            self._lift(self.kernel),
            strides=self._pair(self.strides),
            padding=padding,
            data_format="channels_last",
            dilation_rate=self._pair(self.dilation_rate),
        )

    def compute_output_shape(self, input_shape):
        return self._output_shape(input_shape, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "groups": self.groups}


class Conv1D(_Conv):
    """Convolution of sequences: `activation(conv(inputs, kernel) + bias)`.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int, the length of the window.
        strides: int, the distance between windows. Default 1.
        padding: "valid" (default: no padding), "same" (zeros on both sides, ceil(steps / strides) outputs), "causal"
            (zeros before the first step: an output depends on no later step), or "full" (zeros on both sides, so that
            each window with a step in it counts; of early Keras on Theano, unknown to Keras 3).
        data_format: "channels_last": (batch, steps, channels), or "channels_first": (batch, channels, steps). Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance between the elements of the window. Above 1 only with strides of 1. Default 1.
        groups: positive int that divides the input channels and the filters. Each group of filters is applied to its
            group of channels. Default 1.
        activation: name or callable. Default None: linear.
        use_bias: whether a bias is added. Default True.
        kernel_initializer, bias_initializer: initializers, "glorot_uniform" and "zeros" by default.
        kernel_regularizer, bias_regularizer, activity_regularizer: regularizers, whose values are added to the loss.
            Default None.
        kernel_constraint, bias_constraint: constraints, applied after each update. Default None.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, filters).
    Weights: kernel (kernel_size, channels / groups, filters), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the input or another number of channels.
    """

    rank = 1


class Conv2D(_Conv):
    """Convolution of images: `activation(conv(inputs, kernel) + bias)`.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int or (height, width), the size of the window.
        strides: int or (height, width), the distance between windows. Default 1.
        padding: "valid" (default: no padding), "same" (zeros on all sides, ceil(size / strides) outputs; if their
            number is odd, the extra row or column is added at the bottom or on the right), or "full" (zeros on all
            sides, so that each window with a pixel in it counts; of early Keras on Theano, unknown to Keras 3).
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance between the elements of the window. Above 1 only with
            strides of 1. Default 1.
        groups: positive int that divides the input channels and the filters. Each group of filters is applied to its
            group of channels. Default 1.
        activation: name or callable. Default None: linear.
        use_bias: whether a bias is added. Default True.
        kernel_initializer, bias_initializer: initializers, "glorot_uniform" and "zeros" by default.
        kernel_regularizer, bias_regularizer, activity_regularizer: regularizers, whose values are added to the loss.
            Default None.
        kernel_constraint, bias_constraint: constraints, applied after each update. Default None.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, filters).
    Weights: kernel (height, width, channels / groups, filters), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, a window larger than the image or another number of channels.
    """


class _ConvTranspose(Convolution):
    _old_names = "Conv2DTranspose"

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
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
                "kernel": (kernel_initializer, kernel_regularizer, kernel_constraint),
                "bias": (bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        positive("filters", filters)
        self.filters = int(filters)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = tuple_of(output_padding, self.rank, "output_padding", allow_zero=True)
            for i, (added, stride) in enumerate(zip(self.output_padding, self.strides, strict=True)):
                if added >= stride:
                    raise ValueError(
                        "`output_padding` must be strictly less than `strides` for all dimensions. At dimension "
                        f"{i}, `output_padding` is {added} but `strides` is {stride}. Received: "
                        f"output_padding={self.output_padding}, strides={self.strides}"
                    )
        _refuse_strided_dilation(self.strides, self.dilation_rate)

    def build(self, input_shape):
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels), "kernel")
        self._add_bias(self.filters)

    def _convolve(self, x):
        added = self.output_padding
        if added is not None and self.rank == 1:
            added = (0, *added)
        return ops.conv_transpose(
            x,
            self._lift(self.kernel),
            strides=self._pair(self.strides),
            padding=self.padding,
            output_padding=added,
            data_format="channels_last",
            dilation_rate=self._pair(self.dilation_rate),
        )

    def compute_output_shape(self, input_shape):
        batch, spatial, _ = split_shape(tuple(input_shape), self.data_format)
        if len(spatial) != self.rank:
            raise ValueError(
                f"Layer '{self.name}' expects inputs of rank {self.rank + 2}. Received: input_shape={input_shape}"
            )
        added = self.output_padding or (None,) * self.rank
        axes = zip(spatial, self.kernel_size, self.strides, self.dilation_rate, added, strict=True)
        spatial = tuple(conv_transpose_length(n, k, s, d, self.padding, extra) for n, k, s, d, extra in axes)
        if any(n is not None and n <= 0 for n in spatial):
            raise ValueError(
                f"Computed output size would be zero or negative. Received: input_shape={tuple(input_shape)}, "
                f"kernel_size={self.kernel_size}, strides={self.strides}, padding={self.padding}, "
                f"output_padding={self.output_padding} (layer '{self.name}')"
            )
        return join_shape(batch, spatial, self.filters, self.data_format)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "output_padding": self.output_padding}


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of sequences: the gradient of `Conv1D` with respect to its input. Makes them longer.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int, the length of the window.
        strides: int, the factor by which the length grows. Default 1.
        padding: "valid" (default) or "same" (steps * strides outputs).
        output_padding: int below `strides`, the steps added at the end. Default None: determined by `padding`.
        data_format: "channels_last" (batch, steps, channels) or "channels_first". Default:
            `config.image_data_format()`.
        dilation_rate: int, the distance between the elements of the window. Above 1 only with strides of 1. Default 1.
        activation, use_bias: as in `Conv1D`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer: as in
            `Conv1D`.
        kernel_constraint, bias_constraint: as in `Conv1D`.

    Input shape: (batch, steps, channels). Output shape: (batch, new_steps, filters).
    Weights: kernel (kernel_size, filters, channels), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, another number of channels.
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images: the gradient of `Conv2D` with respect to its input. Makes them larger.

    Args:
        filters: positive int, the number of output channels.
        kernel_size: int or (height, width), the size of the window.
        strides: int or (height, width), the factors by which the image grows. Default 1.
        padding: "valid" (default) or "same" (size * strides outputs).
        output_padding: int or (height, width) below the strides, the rows and columns added at the end. Default None:
            determined by `padding`.
        data_format: "channels_last": (batch, height, width, channels), or "channels_first": (batch, channels, height,
            width). Default: `config.image_data_format()`.
        dilation_rate: int or (height, width), the distance between the elements of the window. Above 1 only with
            strides of 1. Default 1.
        activation, use_bias: as in `Conv2D`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer: as in
            `Conv2D`.
        kernel_constraint, bias_constraint: as in `Conv2D`.

    Input shape: (batch, height, width, channels). Output shape: (batch, new_height, new_width, filters).
    Weights: kernel (height, width, filters, channels), bias (filters,).

    Raises:
        ValueError: an invalid argument; at the call, another number of channels.
    """
