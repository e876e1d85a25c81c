"""Every layer against real Keras (JAX backend): configuration, shapes, weights, outputs, gradients.

The shapes are chosen, not drawn, since XLA compiles for each: extents of 1, odd, around the widths of SIMD vectors,
windows as large as the image or larger. (Drawn shapes: test_layers_windows.py,
test_layers_reference.py. Errors: test_keras_layers_errors.py.)
"""

import numpy as np
import pytest
from oracle import assert_close, keras, pk, same_layer

FORMATS = ("channels_last", "channels_first")


def arranged(shape, data_format):
    """A shape (batch, ..., channels) in that layout."""
    return shape if data_format == "channels_last" else (shape[0], shape[-1], *shape[1:-1])


# --- merging ---------------------------------------------------------------------------------------------------------


MERGED = (
    [(3, 4, 5, 2)] * 2,
    [(2, 1, 7, 17), (2, 3, 1, 1)],
    [(2, 9, 4), (2, 1)],
    [(1, 1), (1, 1), (1, 1)],
    [(2, 3, 5, 8), (2, 5, 1), (2, 8)],
)


@pytest.mark.parametrize("shapes", MERGED)
@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
def test_merging(name, shapes):
    same_layer(lambda k: getattr(k.layers, name)(), shapes[:2] if name == "Subtract" else shapes)


@pytest.mark.parametrize(
    ("axis", "shapes"),
    [
        (-1, [(2, 3, 4, 1), (2, 3, 4, 17), (2, 3, 4, 3)]),
        (1, [(2, 1, 5), (2, 6, 5)]),
        (2, [(1, 3, 2, 4), (1, 3, 1, 4)]),
        (-2, [(3, 2, 4), (3, 5, 4)]),
        (3, [(2, 3, 4, 5)]),
    ],
)
def test_concatenate(axis, shapes):
    same_layer(lambda k: k.layers.Concatenate(axis=axis), shapes)


@pytest.mark.parametrize(
    ("axes", "first", "second"),
    [
        (1, (3, 4), (3, 4)),
        (-1, (3, 4), (3, 5, 4)),
        ((1, 2), (2, 3, 5), (2, 10, 3)),
        ((2, 1), (2, 3, 5, 4), (2, 5)),
        ((3, 1), (2, 3, 5, 4), (2, 4, 2, 3)),
        ([1, 1], (2, 6, 3), (2, 6)),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(axes, first, second, normalize):
    same_layer(lambda k: k.layers.Dot(axes=axes, normalize=normalize), [first, second])


@pytest.mark.parametrize(
    ("name", "options"),
    [(n, {}) for n in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot")]
    + [("concatenate", {"axis": 1}), ("dot", {"axes": 1, "normalize": True})],
)
def test_merging_functions(name, options):
    x, y = (np.random.default_rng(i).normal(size=(2, 3)).astype("float32") for i in range(2))
    have, want = (getattr(k.layers, name)([x, y], **options) for k in (pk, keras))
    np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-6)


# --- reshaping -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [(1, 2, 3), (2, 1, 3), (3, 1, 2), (3, 2, 1)])
def test_permute(dims):
    same_layer(lambda k: k.layers.Permute(dims), (2, 3, 17, 5))


@pytest.mark.parametrize(("n", "shape"), [(1, (2, 5)), (4, (3, 1)), (3, (1, 17))])
def test_repeat_vector(n, shape):
    same_layer(lambda k: k.layers.RepeatVector(n), shape)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("edges", [0, 1, (2, 0), (0, 2), ((1, 0), (0, 2)), ((2, 2), (1, 0))])
def test_padding_and_cropping_of_images(edges, data_format):
    shape = arranged((2, 5, 7, 3), data_format)
    same_layer(lambda k: k.layers.ZeroPadding2D(edges, data_format=data_format), shape)
    same_layer(lambda k: k.layers.Cropping2D(edges, data_format=data_format), shape)


@pytest.mark.parametrize("ends", [0, 2, (1, 0), (0, 3)])
def test_padding_and_cropping_of_sequences(ends):
    for data_format in FORMATS:
        shape = arranged((2, 5, 3), data_format)
        same_layer(lambda k, f=data_format: k.layers.ZeroPadding1D(ends, data_format=f), shape)
    same_layer(lambda k: k.layers.Cropping1D(ends), (2, 5, 3))


@pytest.mark.parametrize(("size", "shape"), [(1, (2, 3, 4)), (3, (1, 1, 1)), (2, (2, 5, 17))])
def test_up_sampling_1d(size, shape):
    same_layer(lambda k: k.layers.UpSampling1D(size), shape)


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (2, -1), ([1.0, 2.0, 3.0], [0.5, 0.0, -1.0])])
def test_rescaling(scale, offset):
    same_layer(lambda k: k.layers.Rescaling(scale, offset), (2, 4, 4, 3))
    x = np.arange(48, dtype="uint8").reshape(1, 4, 4, 3)
    have, want = (k.layers.Rescaling(scale, offset)(x) for k in (pk, keras))
    assert str(have.dtype) == "float32"
    np.testing.assert_allclose(have, want, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": (1, 3)},
        {"axis": None},
        {"axis": 1, "invert": True},
        {"mean": 2.0, "variance": 3.0},
        {"axis": (2, 3), "mean": [1.0, 2.0, 3.0], "variance": [1.0, 0.0, 4.0], "invert": True},
    ],
)
def test_normalization(options):
    same_layer(lambda k: k.layers.Normalization(**options), (2, 4, 5, 3))
    if "mean" in options:
        return
    x = np.random.default_rng(0).normal(2.0, 3.0, (6, 4, 5, 3)).astype("float32")
    at_once, in_parts, theirs = (k.layers.Normalization(**options) for k in (pk, pk, keras))
    at_once.adapt(x)
    in_parts.adapt(batch for batch in [x[:1], (x[1:5], None), x[5:]])
    theirs.adapt(x)
    for ours in (at_once, in_parts):
        assert_close(ours(x), theirs(x), "adapted")
        for v, want in zip(ours.weights, theirs.weights, strict=True):
            assert_close(v, want, v.name)


# --- pooling ---------------------------------------------------------------------------------------------------------


# (pool_size, strides, padding, (height, width, channels))
POOLED = (
    (2, None, "valid", (5, 7, 3)),
    ((2, 3), None, "same", (5, 7, 3)),
    (3, 1, "same", (4, 2, 17)),
    ((3, 2), 2, "valid", (3, 9, 8)),
    (1, 3, "valid", (7, 4, 1)),
    ((2, 1), (3, 2), "same", (7, 8, 5)),
    (4, 4, "same", (3, 1, 2)),
)


def first_axis(value):
    """What a sequence has of the options of an image."""
    return value[0] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", range(len(POOLED)))
@pytest.mark.parametrize("kind", ["MaxPooling", "AveragePooling"])
def test_pooling(kind, case):
    pool_size, strides, padding, sample = POOLED[case]
    data_format, other = FORMATS[case % 2], FORMATS[1 - case % 2]
    integers = kind == "MaxPooling"  # ties
    same_layer(
        lambda k: getattr(k.layers, f"{kind}2D")(pool_size, strides, padding, data_format),
        arranged((2, *sample), data_format),
        integers=integers,
    )
    same_layer(
        lambda k: getattr(k.layers, f"{kind}1D")(first_axis(pool_size), first_axis(strides), padding, other),
        arranged((3, sample[0], sample[2]), other),
        integers=integers,
    )


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("kind", ["GlobalMaxPooling", "GlobalAveragePooling"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", FORMATS)
def test_global_pooling(kind, rank, keepdims, data_format):
    shape = (2, *((3, 5) if rank == 1 else (3, 4, 5)))
    same_layer(
        lambda k: getattr(k.layers, f"{kind}{rank}D")(data_format=data_format, keepdims=keepdims), shape, integers=True
    )


def test_global_average_of_masked_steps():
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    mask = np.array([[1, 1, 0, 0, 1], [0, 1, 0, 0, 0]], bool)
    have, want = (k.layers.GlobalAveragePooling1D()(x, mask=mask) for k in (pk, keras))
    np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-7)


# --- convolution -----------------------------------------------------------------------------------------------------

# (options, (height, width, channels), filters)
CONVOLUTIONS = (
    ({"kernel_size": 1}, (1, 1, 1), 1),
    ({"kernel_size": 3, "padding": "same", "activation": "relu"}, (9, 7, 3), 5),
    ({"kernel_size": 3, "padding": "same", "strides": 2, "activation": "tanh"}, (9, 6, 5), 8),
    ({"kernel_size": (3, 1), "strides": (1, 3), "use_bias": False}, (5, 8, 8), 3),
    ({"kernel_size": (2, 3), "dilation_rate": 2, "padding": "same", "activation": "softmax"}, (6, 5, 2), 3),
    ({"kernel_size": (2, 3), "dilation_rate": (1, 2), "activation": "relu"}, (4, 7, 3), 17),
    ({"kernel_size": (5, 4), "padding": "same", "activation": "relu"}, (3, 2, 4), 2),
    ({"kernel_size": (4, 3)}, (4, 3, 17), 1),
    ({"kernel_size": 2, "strides": 3, "padding": "same"}, (7, 5, 16), 16),
)


def options_for(rank, options, data_format):
    """The options of a layer over images or, of their first axis, over sequences."""
    result = {key: first_axis(value) for key, value in options.items()} if rank == 1 else dict(options)
    if options.get("activation") == "softmax" and data_format == "channels_first":
        result["use_bias"] = False  # softmax is over places then: the bias's gradient is 0 but for rounding
    return {**result, "data_format": data_format}


def chosen(rank, case):
    """A line of `CONVOLUTIONS` with a layout: both take turns, and images have another one than sequences."""
    return *CONVOLUTIONS[case], FORMATS[(rank + case) % 2]


def same_convolution(name, rank, options, sample, data_format, *arguments, **more):
    """The layer `name` of that rank, over 2 images (or sequences: without the width) of shape `sample`."""
    shape = arranged((2, *sample), data_format) if rank == 2 else arranged((2, sample[0], sample[2]), data_format)
    options = {**options_for(rank, options, data_format), **more}
    same_layer(lambda k: getattr(k.layers, name)(*arguments, **options), shape, terms=256)


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
@pytest.mark.parametrize("rank", [1, 2])
def test_conv(rank, case):
    options, sample, filters, data_format = chosen(rank, case)
    same_convolution(f"Conv{rank}D", rank, options, sample, data_format, filters)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize(("groups", "seen", "made"), [(2, 3, 2), (3, 1, 1), (5, 1, 3)])
def test_conv_in_groups(rank, groups, seen, made, data_format):
    options = {"kernel_size": (3, 2), "padding": "same", "activation": "relu", "groups": groups}
    same_convolution(f"Conv{rank}D", rank, options, (5, 4, groups * seen), data_format, groups * made)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 3)])
def test_causal_conv(strides, dilation, data_format):
    options = {"kernel_size": 3, "padding": "causal", "strides": strides, "dilation_rate": dilation}
    same_convolution("Conv1D", 1, options, (5, 1, 3), data_format, 4)


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
@pytest.mark.parametrize("rank", [1, 2])
def test_conv_transpose(rank, case):
    options, sample, filters, data_format = chosen(rank, case)
    same_convolution(f"Conv{rank}DTranspose", rank, options, sample, data_format, filters)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel_size", "strides", "added"), [(3, 2, 0), (3, 2, 1), ((2, 5), (3, 2), (2, 0)), (1, 3, 2), (4, 2, (1, 0))]
)
def test_output_padding(kernel_size, strides, added, padding):
    options = {"kernel_size": kernel_size, "strides": strides, "padding": padding, "output_padding": added}
    for rank in (1, 2):
        same_convolution(f"Conv{rank}DTranspose", rank, options, (3, 4, 3), "channels_last", 2)


@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_and_separable_conv(rank, case):
    options, sample, filters, data_format = chosen(rank, case)
    multiplier = 1 + filters % 2
    same_convolution(f"DepthwiseConv{rank}D", rank, options, sample, data_format, depth_multiplier=multiplier)
    same_convolution(f"SeparableConv{rank}D", rank, options, sample, data_format, filters, depth_multiplier=multiplier)


@pytest.mark.parametrize("name", ["DepthwiseConv2D", "SeparableConv2D"])
def test_strides_together_with_dilation(name):
    arguments = (4,) if name == "SeparableConv2D" else ()
    options = {"kernel_size": (3, 2), "strides": (2, 1), "dilation_rate": (1, 2), "padding": "same"}
    same_convolution(name, 2, options, (6, 7, 3), "channels_last", *arguments)


# --- normalization ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (9, 1)),
        ({}, (7, 17)),
        ({"axis": 1, "momentum": 0.5}, (4, 3, 5, 2)),
        ({"axis": 2, "epsilon": 0.1, "center": False}, (6, 4, 17)),
        ({"scale": False}, (3, 5, 7, 3)),
        ({"center": False, "scale": False, "momentum": 0.0}, (7, 5, 3)),
        ({"trainable": False}, (7, 5, 3)),
    ],
)
def test_batch_normalization(options, shape, training):
    same_layer(lambda k: k.layers.BatchNormalization(**options), shape, training=training)


def test_batch_normalization_of_masked_positions():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(4, 5, 3)).astype("float32"), rng.random((4, 5)) < 0.6
    ours, theirs = pk.layers.BatchNormalization(), keras.layers.BatchNormalization()
    assert_close(ours(x, training=True, mask=mask), theirs(x, training=True, mask=mask), "outputs")
    for v, want in zip(ours.weights, theirs.weights, strict=True):
        assert_close(v, want, v.name)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (3, 17)),
        ({"axis": 1, "epsilon": 0.1}, (2, 3, 5, 2)),
        ({"axis": [1, 2], "center": False}, (2, 3, 5, 2)),
        ({"axis": [2, 3], "scale": False}, (1, 4, 3, 5)),
        ({"axis": [1, 2, 3]}, (2, 3, 5, 7)),
        ({"axis": (-2, -1), "center": False, "scale": False}, (3, 1, 4, 2)),
        ({"axis": [1, 3]}, (2, 3, 4, 5)),
    ],
)
def test_layer_normalization(options, shape):
    same_layer(lambda k: k.layers.LayerNormalization(**options), shape)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"groups": 1}, (2, 3, 5, 8)),
        ({"groups": 4, "axis": 1, "epsilon": 0.1}, (1, 8, 3, 2)),
        ({"groups": 2, "axis": 2, "center": False}, (2, 3, 6, 4)),
        ({"groups": -1, "scale": False}, (3, 4, 2, 3)),
        ({"groups": 17}, (2, 5, 17)),
        ({"groups": 3}, (4, 9)),
    ],
)
def test_group_normalization(options, shape):
    same_layer(lambda k: k.layers.GroupNormalization(**options), shape)


def test_identity():
    same_layer(lambda k: k.layers.Identity(), (3, 4, 5))
    for k in (keras, pk):
        x = k.Input((3,))
        y = k.layers.Identity()({"a": x, "b": [x, k.Input((2, 2), dtype="int32")]})
        assert (y["a"].shape, y["b"][1].shape, y["b"][1].dtype) == ((None, 3), (None, 2, 2), "int32")
        assert k.layers.Identity().compute_output_shape((None, 4)) == (None, 4)
        assert k.layers.Identity().supports_masking


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_unit_and_rms_normalization(axis):
    same_layer(lambda k: k.layers.UnitNormalization(axis=axis), (3, 4, 5))
    if axis != 1:  # Keras multiplies along the last axis there
        same_layer(lambda k: k.layers.RMSNormalization(axis=axis), (3, 4, 5))


# --- layers that draw: what they do not change, and their configuration --------------------------------------------


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda k: k.layers.SpatialDropout1D(0.4), (2, 5, 3)),
        (lambda k: k.layers.SpatialDropout2D(0.4, seed=3), (2, 5, 4, 3)),
        (lambda k: k.layers.SpatialDropout2D(0.4, data_format="channels_first"), (2, 5, 4, 3)),
        (lambda k: k.layers.GaussianNoise(0.4), (2, 5)),
        (lambda k: k.layers.GaussianDropout(0.4), (2, 5)),
        (lambda k: k.layers.AlphaDropout(0.4), (2, 5)),
    ],
)
def test_noise_outside_training(make, shape):
    same_layer(make, shape)
