"""What all convolution layers share: arguments, image layouts, bias and activation."""

from __future__ import annotations

import functools
import inspect
import numbers
import types

from .. import activations, config, constraints, initializers, ops, regularizers
from ..compat.arguments import accepts_old_names
from ..ops.pooling import to_channels_first, to_channels_last
from ..ops.windows import conv_output_shape, extent, join_shape, split_shape, standardize_padding, tuple_of
from ..utils.error_origin import brief
from .assignment import tracked_init
from .explain import explained
from .input_spec import InputSpec
from .layer import Layer

# Activations that look at more than one element: they see the output in the layout that the user asked for.
_ACROSS_ELEMENTS = frozenset((activations.softmax, activations.log_softmax, activations.glu))
_ELEMENTWISE = (
    frozenset(
        function
        for name in activations.__all__
        if callable(function := getattr(activations, name)) and name not in ("get", "serialize", "deserialize")
    )
    - _ACROSS_ELEMENTS
)


_MOST = (1 << 31) - 1


def positive(name: str, value) -> None:
    """Raises ValueError unless `value` is a positive int."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value}."
        )
    if value > _MOST:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected at most {_MOST}. Received {name}={brief(value)}."
        )


def _init_of(cls, shared):
    """A copy of the function `shared` under the name of `cls`: Python's messages about missing arguments show it."""
    own = types.FunctionType(shared.__code__, shared.__globals__, "__init__", shared.__defaults__, shared.__closure__)
    functools.update_wrapper(own, shared)
    del own.__wrapped__
    own.__qualname__ = f"{cls.__qualname__}.__init__"
    return own


class Convolution(Layer):
    """A layer whose windows slide over `rank` spatial axes. Computed with channels last and two spatial axes."""

    rank = 2
    decides_weights = frozenset(("filters", "kernel_size", "groups", "use_bias", "depth_multiplier", "data_format"))
    _weight_arguments: tuple[str, ...] = ()  # names of the weights, for `<name>_initializer` and so on
    _old_names = ""  # whose entry in the tables of old argument names is that of a family of layers

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.__init__.__qualname__.startswith("_") and not cls.__name__.startswith("_"):
            own = _init_of(cls, inspect.unwrap(cls.__init__))
            cls.__init__ = tracked_init(explained(accepts_old_names(cls._old_names)(own)))

    def __init__(
        self,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        activation,
        use_bias,
        weight_options,
        paddings=(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = tuple_of(kernel_size, self.rank, "kernel_size")
        self.strides = tuple_of(strides, self.rank, "strides")
        self.dilation_rate = tuple_of(dilation_rate, self.rank, "dilation_rate")
        self.padding = standardize_padding(padding, paddings)
        self.data_format = config.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        for name, (initializer, regularizer, constraint) in weight_options.items():
            setattr(self, f"{name}_initializer", initializers.get(initializer))
            setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{name}_constraint", constraints.get(constraint))
        self._weight_arguments = tuple(weight_options)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)
        self.bias = None

    # --- weights ----------------------------------------------------------------------------------------
    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _channels(self, input_shape) -> int:
        """The number of input channels, from now on demanded of every input. Raises ValueError where it is unknown."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(
                f"The channel dimension of the inputs to layer '{self.name}' should be defined. Received: "
                f"input_shape={tuple(input_shape)}, data_format='{self.data_format}'"
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def _weight(self, name: str, shape, argument: str):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{argument}_initializer"),
            regularizer=getattr(self, f"{argument}_regularizer"),
            constraint=getattr(self, f"{argument}_constraint"),
        )

    def _add_bias(self, channels: int) -> None:
        if self.use_bias:
            self.bias = self._weight("bias", (channels,), "bias")

    # --- computing --------------------------------------------------------------------------------------
    def _pair(self, values: tuple) -> tuple:
        """Strides or dilation for two axes."""
        return (1, *values) if self.rank == 1 else values

    def _lift(self, kernel):
        """A kernel for two axes."""
        return ops.expand_dims(kernel, 0) if self.rank == 1 else kernel

    def _convolve(self, x):
        """The convolution of x (batch, height, width, channels)."""
        raise NotImplementedError

    def call(self, inputs):
        self.compute_output_shape(inputs.shape)  # what cannot work is refused in the layer's name
        x = ops.cast(inputs, self.compute_dtype)
        if self.data_format == "channels_first":
            x = to_channels_last(x)
        y = self._convolve(ops.expand_dims(x, 1) if self.rank == 1 else x)
        # bias and elementwise activations right behind the convolution, which takes them into its kernel
        if self.bias is not None:
            y = ops.add(y, self.bias)
        elementwise = self.activation in _ELEMENTWISE
        if elementwise:
            y = self.activation(y)
        if self.rank == 1:
            y = ops.squeeze(y, 1)
        if self.data_format == "channels_first":
            y = to_channels_first(y)
        return y if elementwise or self.activation is None else self.activation(y)

    def _full_pads(self) -> list[int]:
        """The zeros at both ends of each axis with padding "full": each window that holds an element counts."""
        return [extent(w, d) - 1 for w, d in zip(self.kernel_size, self.dilation_rate, strict=True)]

    def _output_shape(self, input_shape, filters: int) -> tuple:
        """The shape of the output. Raises ValueError, naming the layer, where there is none."""
        kernel = (*self.kernel_size, input_shape[self._channel_axis], filters)
        shape, padding = tuple(input_shape), self.padding
        if padding == "full":
            batch, spatial, channels = split_shape(shape, self.data_format)
            wider = (n if n is None else n + 2 * p for n, p in zip(spatial, self._full_pads(), strict=True))
            shape, padding = join_shape(batch, tuple(wider), channels, self.data_format), "valid"
        try:
            return conv_output_shape(shape, kernel, self.strides, padding, self.data_format, self.dilation_rate)
        except ValueError as error:
            raise ValueError(f"{error} (layer '{self.name}')") from None

    def get_config(self):
        own = {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
        for name in self._weight_arguments:
            own[f"{name}_initializer"] = initializers.serialize(getattr(self, f"{name}_initializer"))
            own[f"{name}_regularizer"] = regularizers.serialize(getattr(self, f"{name}_regularizer"))
            own[f"{name}_constraint"] = constraints.serialize(getattr(self, f"{name}_constraint"))
        return {**super().get_config(), **own}
