"""What layers cannot do: errors of the type and with the words of real Keras, naming the layer."""

import numpy as np
import pytest
from oracle import keras, message, pk


def call_twice(layer, *shapes):
    for shape in shapes:
        layer(np.ones(shape, "float32"))


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.RepeatVector(0),
        lambda k: k.layers.RepeatVector(1.5),
        lambda k: k.layers.Permute((1, 3)),
        lambda k: k.layers.Permute((2, 1), name="p")(np.ones((2, 3, 4, 5), "float32")),
        lambda k: k.layers.ZeroPadding1D(-1),
        lambda k: k.layers.ZeroPadding2D((1, 2, 3)),
        lambda k: k.layers.ZeroPadding2D(1.5),
        lambda k: k.layers.ZeroPadding2D(((1, 2), (1, -1))),
        lambda k: k.layers.ZeroPadding2D(1, name="z")(np.ones((2, 3, 4), "float32")),
        lambda k: k.layers.Cropping1D((1, 2, 3)),
        lambda k: k.layers.Cropping2D(-1),
        lambda k: k.layers.Cropping2D((1, 2, 3)),
        lambda k: k.layers.UpSampling1D(0),
        lambda k: k.layers.UpSampling1D(1.5),
        lambda k: k.layers.GaussianNoise(-0.1),
        lambda k: k.layers.GaussianDropout(1.1),
        lambda k: k.layers.AlphaDropout(-1),
        lambda k: k.layers.SpatialDropout2D(2),
        lambda k: k.layers.SpatialDropout1D(0.5, name="s")(np.ones((2, 3), "float32")),
        lambda k: k.layers.Dot(axes="a"),
        lambda k: k.layers.Dot(axes=(1, 2, 3)),
        lambda k: k.layers.Dot(axes=(1, 2.0)),
        lambda k: k.layers.Add(foo=1),
        lambda k: k.layers.Normalization(mean=1.0),
        lambda k: k.layers.Normalization(mean=[1.0, 2.0], variance=1.0),
        lambda k: k.layers.Normalization(mean=[[1.0]], variance=[[1.0]]),
        lambda k: k.layers.Normalization(axis=3).build((None, 3)),
        lambda k: k.layers.Normalization(axis=1).build((None, None, 3)),
        lambda k: k.layers.Conv2D(0, 3),
        lambda k: k.layers.Conv2D(4, 0),
        lambda k: k.layers.Conv2D(4, (3, 3, 3)),
        lambda k: k.layers.Conv2D(4, 3, strides=0),
        lambda k: k.layers.Conv2D(4, 3, strides="a"),
        lambda k: k.layers.Conv2D(4, 3, strides=2, dilation_rate=2),
        lambda k: k.layers.Conv2D(4, 3, groups=0),
        lambda k: k.layers.Conv2D(4, 3, groups=3),
        lambda k: k.layers.Conv2D(4, 3, foo=1),
        lambda k: k.layers.Conv2D(4, 3, name="c")(np.ones((2, 5, 5), "float32")),
        lambda k: k.layers.Conv1D(4, 3, name="c")(np.ones((2, 5), "float32")),
        lambda k: k.layers.Conv2DTranspose(-1, 3),
        lambda k: k.layers.Conv2DTranspose(4, 3, strides=2, output_padding=2),
        lambda k: k.layers.Conv2DTranspose(4, 3, strides=2, dilation_rate=2),
        lambda k: k.layers.Conv2D(4, (3, -1)),
        lambda k: k.layers.Conv2D(4, None),
        lambda k: k.layers.Conv2D(4),
        lambda k: k.layers.Conv1D(),
        lambda k: k.layers.Conv2D(4, 3, 1, "valid", None, 1, 1, None, True, *[None] * 8),
        lambda k: k.layers.Conv2DTranspose(4),
        lambda k: k.layers.DepthwiseConv1D(),
        lambda k: k.layers.SeparableConv2D(4),
        lambda k: type("Mine", (k.layers.Conv2D,), {})(4),
        lambda k: k.layers.Conv2D(4, 3, dilation_rate=0),
        lambda k: k.Sequential([k.layers.Conv2D(4, 3, input_shape=(28, 28), name="c")]),
        lambda k: call_twice(k.layers.Conv2D(4, 3, name="c"), (2, 5, 5, 3), (2, 5, 5, 4)),
        lambda k: call_twice(k.layers.SeparableConv1D(4, 3, name="c"), (2, 5, 3), (2, 5, 4)),
        lambda k: k.layers.Conv2DTranspose(4, 3, name="c")(np.ones((2, 5, 5), "float32")),
        lambda k: k.layers.DepthwiseConv2D(3, depth_multiplier=0),
        lambda k: k.layers.DepthwiseConv2D(3, name="c")(np.ones((2, 5, 5), "float32")),
        lambda k: k.layers.DepthwiseConv2D(3, kernel_regularizer=None),
        lambda k: k.layers.SeparableConv2D(0, 3),
        lambda k: k.layers.SeparableConv2D(4, 3, depth_multiplier=-1),
        lambda k: k.layers.BatchNormalization(synchronized=True),
        lambda k: k.layers.LayerNormalization(axis="a"),
        lambda k: k.layers.GroupNormalization(0),
        lambda k: k.layers.UnitNormalization("a"),
        lambda k: k.layers.MaxPooling2D(0),
        lambda k: k.layers.MaxPooling2D((2, 2, 2)),
        lambda k: k.layers.AveragePooling1D(-1),
        lambda k: k.layers.MaxPooling2D(2, name="p")(np.ones((2, 3, 4), "float32")),
        lambda k: k.layers.GlobalAveragePooling2D(name="p")(np.ones((2, 3), "float32")),
    ],
)
def test_errors_are_keras_s(make):
    """Both to the letter."""
    assert message(make, pk) == message(make, keras)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda k: k.layers.Add(name="a")([k.Input((3,)), k.Input((4,))]), ["incompatible shapes"]),
        (lambda k: k.layers.Add(name="a")(k.Input((3,))), ["should be called on a list of inputs"]),
        (
            lambda k: k.layers.Add(name="a")([k.Input((3,), batch_size=2), k.Input((3,), batch_size=3)]),
            ["Cannot merge tensors with different batch sizes"],
        ),
        (lambda k: k.layers.Subtract(name="a")([k.Input((3,))] * 3), ["exactly 2 inputs"]),
        (lambda k: k.layers.Concatenate(name="a")(k.Input((3,))), ["on a list of at least 1 input"]),
        (
            lambda k: k.layers.Concatenate(name="a")([k.Input((3, 4)), k.Input((2, 4))]),
            ["matching shapes except for the concatenation axis", "(None, 3, 4)", "(None, 2, 4)"],
        ),
        (lambda k: k.layers.Dot(1, name="a")([k.Input((3,)), k.Input((4,))]), ["Incompatible input shapes", "3", "4"]),
        (lambda k: k.layers.Dot(1, name="a")([k.Input((3,))]), ["called on a list of 2 inputs"]),
        (lambda k: k.layers.Conv2D(4, 3, name="a")(k.Input((2, 5, 1))), ["output size would be zero or negative"]),
        (lambda k: k.layers.Conv2D(4, 7, name="a")(np.ones((2, 5, 9, 1), "float32")), ["output size would be zero or"]),
        (
            lambda k: k.layers.DepthwiseConv2D(7, name="a")(k.Input((5, 5, 1))),
            ["output size would be zero or negative"],
        ),
        (lambda k: k.layers.Conv1D(4, 3, name="a")(k.Input((2, 1))), ["output size would be zero or negative"]),
        (lambda k: k.layers.Conv2D(4, 3, groups=2, name="a")(k.Input((5, 5, 3))), ["number of groups", "3 channels"]),
        (lambda k: k.layers.Conv2D(4, 3, name="a")(k.Input((5, 5, 5, 1))), ["Kernel shape must have the same length"]),
        (
            lambda k: k.layers.SeparableConv2D(4, 3, dilation_rate=2, name="a")(k.Input((4, 5, 1))),
            ["output size would be zero or negative"],
        ),
        (lambda k: k.layers.GroupNormalization(3, name="a")(k.Input((8,))), ["must be a multiple of the number of"]),
        (lambda k: k.layers.GroupNormalization(32, name="a")(k.Input((8,))), ["more than the number of channels (8)"]),
        (lambda k: k.layers.MaxPooling2D(3, name="a")(k.Input((2, 5, 1))), ["output size would be zero or negative"]),
        (lambda k: k.layers.AveragePooling1D(6, name="a")(k.Input((5, 1))), ["output size would be zero or negative"]),
        (lambda k: k.layers.Cropping1D(2, name="a")(k.Input((4, 1))), ["must be smaller than the input length"]),
        (lambda k: k.layers.Cropping2D(2, name="a")(k.Input((4, 5, 1))), ["smaller than the corresponding spatial"]),
    ],
)
def test_errors_of_calls_are_keras_s_and_name_the_layer(make, parts):
    (have, text), (want, theirs) = message(make, pk), message(make, keras)
    assert have is want
    for part in parts:
        assert part in text and part in theirs
    assert "layer 'a'" in text
