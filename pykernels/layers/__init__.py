"""Layers (`keras.layers`)."""

from ..utils import serialization as _serialization
from . import experimental
from .activation_layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .attention import AdditiveAttention, Attention, MultiHeadAttention
from .batch_normalization import BatchNormalization
from .category_encoding import CategoryEncoding
from .conv import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose
from .conv_depthwise import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from .dense import Dense
from .discretization import Discretization
from .dropout import Dropout
from .einsum_dense import EinsumDense
from .embedding import Embedding, Masking
from .identity import Identity
from .input_layer import Input, InputLayer
from .input_spec import InputSpec
from .keras1 import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Convolution2D,
    CuDNNGRU,
    CuDNNLSTM,
    Deconvolution2D,
    SeparableConvolution2D,
)
from .keras1 import (
    merge as merge,
)
from .lambda_layer import Lambda
from .layer import Layer
from .layer_normalization import GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization
from .lookup import HashedCrossing, Hashing, IntegerLookup, StringLookup, TextVectorization
from .merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .noise import AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
from .padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from .pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from .random_color import RandomBrightness, RandomContrast
from .random_geometry import RandomCrop, RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from .recurrent import GRU, LSTM, SimpleRNN
from .resampling import UpSampling1D, UpSampling2D, UpSampling3D
from .rescaling import Normalization, Rescaling
from .reshaping import Flatten, Permute, RepeatVector, Reshape
from .resizing import CenterCrop, Resizing
from .rnn import RNN, StackedRNNCells
from .rnn_cells import GRUCell, LSTMCell, SimpleRNNCell
from .wrappers import Bidirectional, TimeDistributed, Wrapper

_ALL = {
    cls.__name__: cls
    for cls in (
        Activation,
        Add,
        AdditiveAttention,
        AlphaDropout,
        Attention,
        Average,
        AveragePooling1D,
        AveragePooling2D,
        BatchNormalization,
        Bidirectional,
        CategoryEncoding,
        CenterCrop,
        Concatenate,
        Conv1D,
        Conv1DTranspose,
        Conv2D,
        Conv2DTranspose,
        Cropping1D,
        Cropping2D,
        Dense,
        DepthwiseConv1D,
        DepthwiseConv2D,
        Discretization,
        Dot,
        Dropout,
        EinsumDense,
        ELU,
        Embedding,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
        GRU,
        GRUCell,
        GroupNormalization,
        HashedCrossing,
        Hashing,
        Identity,
        InputLayer,
        IntegerLookup,
        Lambda,
        LayerNormalization,
        LeakyReLU,
        LSTM,
        LSTMCell,
        Masking,
        Maximum,
        MaxPooling1D,
        MaxPooling2D,
        Minimum,
        MultiHeadAttention,
        Multiply,
        Normalization,
        Permute,
        PReLU,
        RandomBrightness,
        RandomContrast,
        RandomCrop,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        ReLU,
        RepeatVector,
        Rescaling,
        Reshape,
        Resizing,
        RMSNormalization,
        RNN,
        SeparableConv1D,
        SeparableConv2D,
        SimpleRNN,
        SimpleRNNCell,
        Softmax,
        SpatialDropout1D,
        SpatialDropout2D,
        StackedRNNCells,
        StringLookup,
        Subtract,
        TextVectorization,
        TimeDistributed,
        UnitNormalization,
        UpSampling1D,
        UpSampling2D,
        UpSampling3D,
        Wrapper,
        ZeroPadding1D,
        ZeroPadding2D,
    )
}
#: The other names that Keras has, or had, for these.
_ALIASES = {
    "AtrousConvolution1D": AtrousConvolution1D,
    "AtrousConvolution2D": AtrousConvolution2D,
    "AvgPool1D": AveragePooling1D,
    "AvgPool2D": AveragePooling2D,
    "Convolution1D": Conv1D,
    "Convolution1DTranspose": Conv1DTranspose,
    "Convolution2D": Convolution2D,
    "Convolution2DTranspose": Conv2DTranspose,
    "CuDNNGRU": CuDNNGRU,
    "CuDNNLSTM": CuDNNLSTM,
    "Deconvolution2D": Deconvolution2D,
    "GlobalAvgPool1D": GlobalAveragePooling1D,
    "GlobalAvgPool2D": GlobalAveragePooling2D,
    "GlobalMaxPool1D": GlobalMaxPooling1D,
    "GlobalMaxPool2D": GlobalMaxPooling2D,
    "MaxPool1D": MaxPooling1D,
    "MaxPool2D": MaxPooling2D,
    "SeparableConvolution1D": SeparableConv1D,
    "SeparableConvolution2D": SeparableConvolution2D,
}
globals().update(_ALIASES)
_serialization.register_module("keras.layers", {**_ALL, "Layer": Layer})

#: Without `merge`, whose name is also that of a module: `keras.layers.merge`.
__all__ = [
    *_ALL,
    *_ALIASES,
    "Input",
    "InputSpec",
    "Layer",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "experimental",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer):
    """The configuration of a layer as a dict of plain values, for `deserialize`.

    Args:
        layer: a `Layer`.

    Returns:
        A dict with the class name and the configuration.
    """
    return _serialization.serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """Makes the layer that `serialize` described.

    Args:
        config: dict that `serialize` returned.
        custom_objects: dict of name -> class or function. Default None.

    Raises:
        TypeError: an unknown class.
    """
    return _serialization.deserialize_keras_object(config, custom_objects, module_objects=_ALL)
