"""Every argument of every layer's constructor acts: a row for each, and an argument without a row is red.

`observe` trains a small net with the layer and returns everything that a user could see of it; a row gives a value for
which that differs from the base case.
"""

from __future__ import annotations

import numpy as np
import pytest
from argument_rows import parameters, same
from layer_cases import IMAGE, LAYERS

from pykernels import layers, models, utils

_BASES = {
    "Activation": {"activation": "relu"},
    "BatchNormalization": {},
    "Conv2D": {"filters": 4, "kernel_size": 3},
    "Conv1D": {"filters": 4, "kernel_size": 2},
    "Cropping1D": {"cropping": 1},
    "Cropping2D": {"cropping": 1},
    "Conv1DTranspose": {"filters": 4, "kernel_size": 2},
    "Conv2DTranspose": {"filters": 4, "kernel_size": 3},
    "Dense": {"units": 3},
    "Dot": {"axes": -1},
    "SeparableConv2D": {"filters": 4, "kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3},
    "Flatten": {},
    "GroupNormalization": {"groups": 2},
    "LayerNormalization": {},
    "MaxPooling2D": {},
    "AveragePooling2D": {},
    "MaxPooling1D": {},
    "AveragePooling1D": {},
    "Normalization": {"mean": 0.5, "variance": 2.0},
    "PReLU": {},
    "RandomBrightness": {"factor": 0.3, "seed": 1, "value_range": (-2.0, 3.0)},
    "RandomContrast": {"factor": 0.3, "seed": 1, "value_range": (-2.0, 3.0)},
    "RandomCrop": {"height": 5, "width": 5, "seed": 1},
    "RandomFlip": {"seed": 1},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3, "seed": 1},
    "RandomZoom": {"height_factor": 0.3, "seed": 1},
    "RandomRotation": {"factor": 0.2, "seed": 1},
    "ReLU": {},
    "Resizing": {"height": 5, "width": 6},
    "UpSampling2D": {},
    "UpSampling1D": {},
}
_INPUTS = {
    "Attention": (7, 4),
    "AdditiveAttention": (7, 4),
    "Normalization": (4, 4),
    "Dot": (3, 4),
    "UnitNormalization": (3, 4),
}

# What an argument of this name is set to, in every layer that has it.
_VALUES = {
    "activation": "tanh",
    "activity_regularizer": "l2",
    "alpha": 0.3,
    "alpha_constraint": "non_neg",
    "alpha_initializer": "ones",
    "alpha_regularizer": "l1",
    "axis": 1,
    "beta_constraint": "non_neg",
    "beta_initializer": "ones",
    "beta_regularizer": "l1",
    "bias_constraint": "non_neg",
    "bias_initializer": "ones",
    "bias_regularizer": "l1",
    "center": False,
    "data_format": "channels_first",
    "depth_multiplier": 2,
    "depthwise_constraint": "non_neg",
    "depthwise_initializer": "ones",
    "depthwise_regularizer": "l1",
    "dilation_rate": 2,
    "embeddings_constraint": "non_neg",
    "embeddings_initializer": "ones",
    "embeddings_regularizer": "l1",
    "epsilon": 0.3,
    "factor": 0.45,
    "fill_mode": "constant",
    "fill_value": 0.7,
    "filters": 2,
    "gamma_constraint": "max_norm",
    "gamma_initializer": "zeros",
    "gamma_regularizer": "l1",
    "groups": 4,
    "height": 4,
    "height_factor": 0.45,
    "interpolation": "nearest",
    "invert": True,
    "input_dim": 4,
    "keepdims": True,
    "kernel_constraint": "non_neg",
    "kernel_initializer": "ones",
    "kernel_regularizer": "l1",
    "kernel_size": 1,
    "max_value": 0.5,
    "mean": 1.5,
    "mode": "vertical",
    "momentum": 0.3,
    "moving_mean_initializer": "ones",
    "moving_variance_initializer": "zeros",
    "name": "other_name",
    "negative_slope": 0.4,
    "noise_shape": (None, 1),
    "output_dim": 2,
    "padding": "same",
    "pointwise_constraint": "non_neg",
    "pointwise_initializer": "ones",
    "pointwise_regularizer": "l1",
    "pool_size": 3,
    "rate": 0.7,
    "recurrent_activation": "hard_sigmoid",
    "recurrent_constraint": "non_neg",
    "recurrent_dropout": 0.5,
    "recurrent_initializer": "ones",
    "recurrent_regularizer": "l1",
    "reset_after": False,
    "return_sequences": True,
    "scale": False,
    "seed": 12345,
    "size": 3,
    "stddev": 0.7,
    "strides": 2,
    "threshold": 0.4,
    "units": 2,
    "use_bias": False,
    "value_range": (-1.0, 0.5),
    "variance": 4.0,
    "width": 4,
    "width_factor": 0.45,
    "antialias": True,
    "crop_to_aspect_ratio": True,
    "pad_to_aspect_ratio": True,
    "output_padding": 0,
    "shared_axes": [1, 2],
    "dropout": 0.5,
    "dtype": "float64",
    "go_backwards": True,
    "unit_forget_bias": False,
}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
# (layer, argument) -> (value, further arguments of both cases)
_SPECIAL = {
    ("AlphaDropout", "noise_shape"): ((None, 1), {"seed": 1}),
    **{(f"{kind}Pooling{rank}D", "strides"): (1, {}) for kind in ("Max", "Average") for rank in (1, 2)},
    ("AveragePooling1D", "padding"): ("same", {"pool_size": 4}),
    ("AveragePooling2D", "padding"): ("same", {}),
    ("BatchNormalization", "beta_constraint"): ("unit_norm", {}),
    ("BatchNormalization", "beta_regularizer"): ("l1", {"beta_initializer": "ones"}),
    ("BatchNormalization", "gamma_constraint"): ("unit_norm", {}),
    ("CenterCrop", "data_format"): ("channels_first", {"height": 3, "width": 3}),
    ("Conv1D", "data_format"): ("channels_first", {}),
    ("Conv1D", "groups"): (2, {}),
    ("Conv1DTranspose", "output_padding"): (0, {"strides": 3}),
    ("Conv2D", "groups"): (2, {}),
    ("Conv2DTranspose", "output_padding"): ((1, 0), {"strides": (3, 1)}),
    ("Conv2DTranspose", "strides"): (2, {}),
    ("Conv1D", "bias_constraint"): ("max_norm", {"bias_initializer": "ones"}),
    ("Conv1DTranspose", "bias_constraint"): ("max_norm", {"bias_initializer": "ones"}),
    ("DepthwiseConv2D", "bias_constraint"): ("max_norm", {"bias_initializer": "ones"}),
    ("SimpleRNN", "bias_constraint"): ("max_norm", {"bias_initializer": "ones"}),
    ("Dot", "axes"): (-2, {}),
    ("Dot", "normalize"): (True, {}),
    ("Cropping1D", "cropping"): (2, {}),
    ("Cropping2D", "cropping"): (2, {}),
    ("DepthwiseConv1D", "data_format"): ("channels_first", {}),
    ("Dropout", "noise_shape"): ((None, 1), {"seed": 1}),
    ("AdditiveAttention", "use_scale"): (False, {}),
    ("Attention", "score_mode"): ("concat", {}),
    ("Attention", "seed"): (5, {"dropout": 0.5}),
    ("Attention", "use_scale"): (True, {}),
    ("EinsumDense", "bias_axes"): ("bd", {}),
    ("EinsumDense", "bias_constraint"): ("max_norm", {"bias_initializer": "ones"}),
    ("EinsumDense", "equation"): ("abc,bcd->abd", {}),
    ("EinsumDense", "output_shape"): ((7, 3), {}),
    ("Embedding", "weights"): ([np.ones((9, 3), "float32")], {}),
    ("Flatten", "data_format"): ("channels_first", {}),
    ("GroupNormalization", "axis"): (1, {"groups": 1}),
    ("GroupNormalization", "beta_constraint"): ("unit_norm", {}),
    ("GroupNormalization", "beta_regularizer"): ("l1", {"beta_initializer": "ones"}),
    ("GroupNormalization", "gamma_constraint"): ("unit_norm", {}),
    ("LayerNormalization", "beta_constraint"): ("unit_norm", {}),
    ("LayerNormalization", "beta_regularizer"): ("l1", {"beta_initializer": "ones"}),
    ("LayerNormalization", "gamma_constraint"): ("unit_norm", {}),
    **{(name, "activation"): ("relu", {}) for name in _RECURRENT},
    **{(name, "seed"): (5, {"dropout": 0.5, "recurrent_dropout": 0.5}) for name in _RECURRENT},
    ("MaxPooling1D", "padding"): ("same", {"pool_size": 4}),
    ("Normalization", "axis"): (1, {"mean": [0.1, 0.2, 0.3, 0.4], "variance": [1.0, 2.0, 3.0, 4.0]}),
    ("PReLU", "alpha_regularizer"): ("l1", {"alpha_initializer": "ones"}),
    ("PReLU", "alpha_constraint"): ("unit_norm", {"alpha_initializer": "ones"}),
    ("Permute", "dims"): ((2, 1, 3), {}),
    ("RandomContrast", "value_range"): ((-1.0, 1.0), {}),
    ("RandomFlip", "data_format"): ("channels_first", {}),
    ("RandomRotation", "interpolation"): ("nearest", {}),
    ("RandomRotation", "fill_value"): (0.7, {"fill_mode": "constant"}),
    ("RandomTranslation", "fill_value"): (0.7, {"fill_mode": "constant"}),
    ("RandomZoom", "fill_value"): (0.7, {"fill_mode": "constant", "height_factor": (0.2, 0.4)}),
    ("RandomZoom", "fill_mode"): ("constant", {"height_factor": (0.2, 0.4)}),
    ("RepeatVector", "n"): (2, {}),
    ("Rescaling", "offset"): (0.5, {}),
    ("Rescaling", "scale"): (0.7, {}),
    ("Reshape", "target_shape"): ((4, -1), {}),
    ("Resizing", "antialias"): (True, {}),
    ("Resizing", "fill_value"): (0.7, {"width": 9, "pad_to_aspect_ratio": True}),
    ("Resizing", "pad_to_aspect_ratio"): (True, {"width": 9}),
    ("SeparableConv1D", "data_format"): ("channels_first", {}),
    ("SpatialDropout1D", "dtype"): ("float64", {}),
    ("UpSampling2D", "interpolation"): ("bilinear", {"size": 2}),
    ("ZeroPadding1D", "padding"): (3, {}),
    ("ZeroPadding2D", "padding"): (3, {}),
}
# Arguments that Keras has and pykernels refuses, or that change nothing by design: (value, message) or the reason.
_REFUSED = {
    ("BatchNormalization", "renorm"): (True, "renorm"),
    ("BatchNormalization", "synchronized"): (True, "synchronized"),
    ("Dense", "lora_rank"): (2, "lora_rank"),
    ("Dense", "lora_alpha"): (2.0, "lora"),
    ("Dense", "quantization_config"): ("int8", "quantization_config"),
    ("EinsumDense", "gptq_unpacked_column_size"): (2, "gptq"),
    ("EinsumDense", "lora_rank"): (2, "lora_rank"),
    ("EinsumDense", "lora_alpha"): (2.0, "lora"),
    ("EinsumDense", "quantization_config"): ("int8", "quantization_config"),
    ("Embedding", "lora_rank"): (2, "lora_rank"),
    ("Embedding", "lora_alpha"): (2.0, "lora"),
    ("Embedding", "quantization_config"): ("int8", "quantization_config"),
    ("GRU", "use_cudnn"): (True, "use_cudnn"),
    ("LSTM", "use_cudnn"): (True, "use_cudnn"),
    ("Resizing", "fill_mode"): ("reflect", "fill_mode"),
}
_NO_EFFECT = {
    ("BatchNormalization", "renorm_clipping"): "belongs to renorm, which is refused",
    ("BatchNormalization", "renorm_momentum"): "belongs to renorm, which is refused",
    ("Embedding", "mask_zero"): "masks are tested in test_embedding.py",
    ("Masking", "mask_value"): "masks are tested in test_embedding.py",
    **{
        (name, argument): "tested in test_recurrent_layers.py"
        for name in _RECURRENT
        for argument in ("return_state", "stateful", "unroll")
    },
    ("InputLayer", "input_tensor"): "tested in test_layers.py, as are the others of InputLayer",
}


# They take states, other layers or several inputs: test_recurrent_layers.py, test_attention.py.
_OF_LAYERS = (
    "RNN",
    "StackedRNNCells",
    "LSTMCell",
    "GRUCell",
    "SimpleRNNCell",
    "Wrapper",
    "Bidirectional",
    "TimeDistributed",
    "MultiHeadAttention",
    # rows in tests/lookup_cases.py
    *("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"),
    *("IntegerLookup", "StringLookup", "TextVectorization"),
)


def subjects() -> dict:
    """{name: class} of the layers with arguments, each class once."""
    found = {}
    for name in layers.__all__:
        cls = getattr(layers, name)
        known = isinstance(cls, type) and issubclass(cls, layers.Layer) and cls.__name__ == name
        if known and name not in ("Layer", "InputLayer", "Lambda", *_OF_LAYERS) and not hasattr(cls, "_positions"):
            found[name] = cls
    return found


def base(name) -> tuple[tuple, dict]:
    """(shape of the input without the batch, arguments) of the case that a row changes."""
    shape, cases = LAYERS.get(name, (IMAGE, [{}]))
    return _INPUTS.get(name, shape), dict(_BASES.get(name, cases[0] if cases else {}))


MERGING = (
    *("Add", "AdditiveAttention", "Attention", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply"),
    "Subtract",
)


def observe(name, options, shape) -> list:
    """What there is to see of a layer: names, dtypes, shapes, weights, results in training and prediction, losses, and
    the weights after two epochs in which its result is pulled to 0."""
    utils.set_random_seed(3)
    x = np.random.default_rng(1).uniform(-1.5, 2.5, (4, *shape)).astype("float32")
    merge = name in MERGING
    layer = getattr(layers, name)(**options)
    inputs = [layers.Input(shape), layers.Input(shape)] if merge else layers.Input(shape)
    outputs = layer(inputs)
    model = models.Model(inputs, layers.Flatten()(outputs) if len(outputs.shape) != 2 else outputs)
    data = [x, x[::-1] * 0.5] if merge else x
    seen = [name_of(layer), layer.compute_dtype, tuple(outputs.shape)]
    seen += [(w.shape, w.dtype, w.numpy()) for w in layer.weights]
    seen += [np.asarray(layer(data)), np.asarray(layer(data, training=True) if takes_training(layer) else 0.0)]
    seen += [float(np.sum([np.asarray(loss) for loss in layer.losses]))]
    if layer.trainable_weights:
        model.compile("sgd", "mse")
        target = np.zeros((4, model.output_shape[-1]))
        seen += [model.fit(data, target, epochs=2, verbose=0).history["loss"], [w.numpy() for w in layer.weights]]
    return seen


def name_of(layer) -> str:
    return layer.name if layer.name == "other_name" else ""


def takes_training(layer) -> bool:
    return "training" in parameters(type(layer).call)


SUBJECTS = subjects()
ROWS = [(name, argument) for name, cls in SUBJECTS.items() for argument in sorted(parameters(cls))]


@pytest.mark.parametrize(("name", "argument"), ROWS)
def test_the_argument_acts(name, argument):
    if (name, argument) in _NO_EFFECT:
        return
    shape, options = base(name)
    if (name, argument) in _REFUSED:
        value, message = _REFUSED[name, argument]
        with pytest.raises(ValueError, match=message):
            observe(name, {**options, argument: value}, shape)
        return
    assert (name, argument) in _SPECIAL or argument in _VALUES, f"no row for {name}({argument}=...)"
    value, also = _SPECIAL.get((name, argument)) or (_VALUES[argument], {})
    options = {**options, **also}
    assert not same(observe(name, options, shape), observe(name, {**options, argument: value}, shape))


def test_the_base_cases_are_repeatable():
    """Else a difference between two cases would show nothing."""
    for name in SUBJECTS:
        shape, options = base(name)
        assert same(observe(name, options, shape), observe(name, options, shape)), name


def test_every_row_belongs_to_an_argument():
    rows = {*_SPECIAL, *_REFUSED, *_NO_EFFECT} - {key for key in _NO_EFFECT if key[0] == "InputLayer"}
    assert rows <= set(ROWS)
    assert set(_VALUES) <= {argument for _, argument in ROWS}
