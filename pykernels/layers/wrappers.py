"""Layers around other layers: Wrapper, TimeDistributed, Bidirectional."""

from __future__ import annotations

import copy

from .. import ops
from ..utils import serialization
from ..utils.tree import flatten
from .batch_normalization import BatchNormalization
from .explain import is_own
from .layer import Layer
from .rnn import RNN


class Wrapper(Layer):
    """The base class of layers around another layer.

    Args:
        layer: the layer, whose weights are those of the wrapper.
        **kwargs: arguments of `Layer`.

    Raises:
        ValueError: `layer` is not a layer.
    """

    remade_to_assign = False

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a "
                "valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self):
        return {**super().get_config(), "layer": serialization.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        layer = serialization.deserialize_keras_object(config.pop("layer"), custom_objects)
        return cls(layer, **config)


class TimeDistributed(Wrapper):
    """Calls a layer on every step of sequences.

    Steps and batch become one batch, where that gives what calls step by step would give; a layer that looks beyond
    a sample (BatchNormalization), one with states, one that takes masks, and users' own are called step by step.

    Args:
        layer: the layer.
        **kwargs: arguments of `Layer`.

    Call arguments: inputs (batch, steps, ...); training; mask: bool (batch, steps, ...), handed to the layer step by
    step where it takes masks. Output shape: (batch, steps, ...).

    Raises:
        ValueError: `layer` is not a layer; inputs with fewer than 3 dimensions, or a mask of another shape.
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. Received: {layer}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    @staticmethod
    def _step_shape(shape) -> tuple:
        if not isinstance(shape, (tuple, list)) or len(shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions, received: "
                f"{shape}"
            )
        return (shape[0], *shape[2:])

    def compute_output_shape(self, input_shape):
        step = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (step[0], input_shape[1], *step[1:])

    def build(self, input_shape):
        super().build(self._step_shape(input_shape))

    def call(self, inputs, training=None, mask=None):
        if mask is not None:
            self._check_mask(mask, inputs)
        given = self.layer._parameters_of("call")
        options = {"training": training} if "training" in given else {}
        masked = mask is not None and "mask" in given
        if inputs.shape[1] is None or not (masked or self._looks_beyond_samples()):
            shape = tuple(inputs.shape)
            y = self.layer.call(ops.reshape(inputs, (-1, *shape[2:])), **options)
            return ops.reshape(y, (*shape[:2], *y.shape[1:]))
        steps = []
        for t in range(inputs.shape[1]):
            if masked:
                options["mask"] = mask[:, t]
            steps.append(self.layer.call(inputs[:, t], **options))
        return ops.stack(steps, axis=1)

    def _looks_beyond_samples(self) -> bool:
        """Whether a batch of all steps may give something else than one batch after another."""
        return any(
            isinstance(x, BatchNormalization) or (isinstance(x, RNN) and x.stateful) or not is_own(type(x))
            for x in self.layer._flatten_layers()
        )

    @staticmethod
    def _check_mask(mask, inputs) -> None:
        if len(mask.shape) < 2:
            raise ValueError(
                "The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., `(batch_size, "
                f"timesteps)`), but it has {len(mask.shape)} dimension(s) with shape {tuple(mask.shape)}."
            )
        if any(None not in (a, b) and a != b for a, b in zip(mask.shape[:2], inputs.shape[:2], strict=True)):
            raise ValueError(
                f"The `mask` passed to the `TimeDistributed` layer has a shape {tuple(mask.shape)} that is "
                f"incompatible with the input shape {tuple(inputs.shape)}. The first two dimensions of the mask (batch "
                "size and timesteps) must match the input's first two dimensions. Expected mask shape prefix: "
                f"({inputs.shape[0]}, {inputs.shape[1]})."
            )


_MERGES = {
    "sum": ops.add,
    "mul": ops.multiply,
    "ave": lambda a, b: ops.multiply(ops.add(a, b), 0.5),
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1),
    None: lambda a, b: (a, b),
}


class Bidirectional(Layer):
    """A recurrent layer and its twin that runs backwards, with their outputs merged.

    Args:
        layer: an `RNN`, `LSTM`, `GRU`, `SimpleRNN`, or another layer with `go_backwards`, `return_sequences`,
            `return_state` and `stateful`. It is the pattern of both: it is copied, by its configuration.
        merge_mode: "concat" (default), "sum", "mul", "ave", or None: both outputs.
        weights: list of arrays, the initial weights of the forward layer, then those of the backward one. Default None.
        backward_layer: the layer for the way back. Default None: made from `layer`.
        **kwargs: arguments of `Layer`.

    Call arguments: as in `RNN`; `initial_state` holds the states of the forward layer, then those of the backward one.
    Returns the merged outputs; with `return_state` a tuple with the states of both behind them.

    Raises:
        ValueError: `layer` or `backward_layer` is not a layer, an unknown `merge_mode`, or two layers that do not fit.
    """

    remade_to_assign = False

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. Received: {layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(f"`backward_layer` need to be a `keras.layers.Layer` instance. Received: {backward_layer}")
        if merge_mode not in _MERGES:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        if "input_shape" not in kwargs and "batch_input_shape" not in kwargs and layer._batch_shape_arg is not None:
            kwargs["batch_input_shape"] = layer._batch_shape_arg  # Keras 1 and 2 wrote it on the inner layer
        super().__init__(**kwargs)
        self.forward_layer = _copied(layer, "forward")
        self.backward_layer = backward_layer or _copied(layer, "backward", go_backwards=True)
        self._check_layers()
        for one in (self.forward_layer, self.backward_layer):
            if getattr(one, "zero_output_for_mask", None) is not None:
                one.__dict__["zero_output_for_mask"] = one.return_sequences
        self.merge_mode = merge_mode
        if weights:
            half = len(weights) // 2
            self.forward_layer._initial_weights = list(weights[:half])
            self.backward_layer._initial_weights = list(weights[half:])
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_layers(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Forward layer and backward layer should have different `go_backwards` value. Received: "
                f"forward_layer.go_backwards {forward.go_backwards}, "
                f"backward_layer.go_backwards={backward.go_backwards}"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            a, b = getattr(forward, name), getattr(backward, name)
            if a != b:
                raise ValueError(
                    "Forward layer and backward layer are expected to have the same value for attribute "
                    f'"{name}", got "{a}" for forward layer and "{b}" for backward layer'
                )

    # --- states -------------------------------------------------------------------------------------
    @property
    def states(self):
        """The states of both layers, if they are stateful and built; else None."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def reset_state(self):
        """Sets the states of both layers to zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self):
        """`reset_state`."""
        self.reset_state()

    # --- calling ------------------------------------------------------------------------------------
    def build(self, sequences_shape, initial_state_shape=None):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
                layer.built = True

    def call(self, sequences, initial_state=None, mask=None, training=None):
        half = 0 if initial_state is None else len(initial_state) // 2
        y, states = [], []
        for layer, part in ((self.forward_layer, slice(0, half)), (self.backward_layer, slice(half, None))):
            given = layer._parameters_of("call")
            options = {name: value for name, value in (("training", training), ("mask", mask)) if name in given}
            if initial_state is not None:
                options["initial_state"] = list(initial_state[part])
            result = layer(sequences, **options)
            if self.return_state:
                states += result[1:]
                result = result[0]
            y.append(result)
        forward, backward = y
        if self.return_sequences:
            backward = ops.flip(backward, axis=1)
        output = _MERGES[self.merge_mode](forward, backward)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def compute_mask(self, inputs, mask=None):
        """The mask of the sequences where those are returned; states have none."""
        mask = next(iter(flatten(mask)), None) if self.return_sequences else None
        outputs = (mask, mask) if self.merge_mode is None else (mask,)
        if not self.return_state:
            return outputs if self.merge_mode is None else mask
        return (*outputs, *[None] * 2 * len(flatten(self.forward_layer.state_size)))

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        output = self.forward_layer.compute_output_shape(sequences_shape)
        states = ()
        if self.return_state:
            output, *states = output
        if self.merge_mode == "concat":
            output = (*output[:-1], 2 * output[-1])
        outputs = (output, output) if self.merge_mode is None else (output,)
        if self.return_state:
            return (*outputs, *states, *states)
        return list(outputs) if self.merge_mode is None else output

    def get_config(self):
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialization.serialize_keras_object(self.forward_layer),
            "backward_layer": serialization.serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = copy.deepcopy(config)
        for key in ("layer", "backward_layer"):
            if config.get(key) is not None:
                config[key] = serialization.deserialize_keras_object(config[key], custom_objects)
        return cls(**config)


def _copied(layer, way: str, **changes):
    """A new layer like this one, named after its way."""
    config = serialization.serialize_keras_object(layer)
    name = f"{way}_{layer.name.removeprefix(way + '_')}"
    config["config"] = {**config["config"], **changes, "name": name}
    return serialization.deserialize_keras_object(config)
