"""Every layer against real Keras (JAX backend): configuration, shapes, weights, outputs, gradients.

(Errors: test_keras_layers_errors.py.)
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_close, keras, pk, same_layer

EXAMPLES = settings(max_examples=8, deadline=None, derandomize=True)
FORMATS = st.sampled_from(("channels_last", "channels_first"))
SMALL = st.integers(1, 4)


def image(draw, data_format="channels_last", low=3, high=9, channels=None, rank=2):
    """A batch shape of images (or sequences)."""
    spatial = [draw(st.integers(low, high)) for _ in range(rank)]
    c = draw(SMALL) if channels is None else channels
    batch = draw(st.integers(1, 3))
    return (batch, c, *spatial) if data_format == "channels_first" else (batch, *spatial, c)


# --- merging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
@given(data=st.data())
@EXAMPLES
def test_merging(name, data):
    full = image(data.draw)
    count = 2 if name == "Subtract" else data.draw(st.integers(2, 3))
    shapes = [full]
    for _ in range(count - 1):
        sample = tuple(1 if data.draw(st.booleans()) else d for d in full[1:])
        shapes.append((full[0], *sample[data.draw(st.integers(0, 2)) :]))
    same_layer(lambda k: getattr(k.layers, name)(), shapes)


@given(data=st.data())
@EXAMPLES
def test_concatenate(data):
    shape = image(data.draw)
    axis = data.draw(st.sampled_from((1, 2, 3, -1, -2)))
    shapes = []
    for _ in range(data.draw(st.integers(1, 3))):
        part = list(shape)
        part[axis] = data.draw(SMALL)
        shapes.append(tuple(part))
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


@given(data=st.data())
@EXAMPLES
def test_permute_and_repeat_vector(data):
    dims = tuple(data.draw(st.permutations((1, 2, 3))))
    same_layer(lambda k: k.layers.Permute(dims), image(data.draw))
    n = data.draw(SMALL)
    same_layer(lambda k: k.layers.RepeatVector(n), (2, data.draw(SMALL)))


PAIR = st.tuples(st.integers(0, 2), st.integers(0, 1))
EDGES = st.one_of(st.integers(0, 1), PAIR, st.tuples(PAIR, PAIR))


@given(data=st.data())
@EXAMPLES
def test_padding_and_cropping(data):
    data_format = data.draw(FORMATS)
    shape, edges = image(data.draw, data_format, low=5), data.draw(EDGES)
    same_layer(lambda k: k.layers.ZeroPadding2D(edges, data_format=data_format), shape)
    same_layer(lambda k: k.layers.Cropping2D(edges, data_format=data_format), shape)
    sequence, ends = image(data.draw, data_format, low=5, rank=1), data.draw(st.one_of(st.integers(0, 2), PAIR))
    same_layer(lambda k: k.layers.ZeroPadding1D(ends, data_format=data_format), sequence)
    same_layer(lambda k: k.layers.Cropping1D(ends), image(data.draw, low=5, rank=1))


@given(data=st.data())
@EXAMPLES
def test_up_sampling_1d(data):
    size = data.draw(SMALL)
    same_layer(lambda k: k.layers.UpSampling1D(size), image(data.draw, rank=1))


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


def one_or(draw, values, rank):
    """An int for all axes, or one for each."""
    return draw(values) if draw(st.booleans()) else tuple(draw(values) for _ in range(rank))


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("kind", ["MaxPooling", "AveragePooling"])
@given(data=st.data())
@EXAMPLES
def test_pooling(kind, rank, data):
    draw = data.draw
    options = {
        "pool_size": one_or(draw, st.integers(1, 3), rank),
        "strides": draw(st.one_of(st.none(), st.integers(1, 3))),
        "padding": draw(st.sampled_from(("valid", "same"))),
        "data_format": draw(FORMATS),
    }
    shape = image(draw, options["data_format"], rank=rank)
    same_layer(lambda k: getattr(k.layers, f"{kind}{rank}D")(**options), shape, integers=kind == "MaxPooling")


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("kind", ["GlobalMaxPooling", "GlobalAveragePooling"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
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

CHANNELS = st.sampled_from((1, 2, 3, 5, 8))
ACTIVATIONS = st.sampled_from((None, "relu", "tanh", "softmax"))


def convolution(draw, rank, strided_dilation=False):
    """Options that convolution layers share, with a shape that they have an output for."""
    options = {
        "kernel_size": one_or(draw, st.integers(1, 3), rank),
        "strides": one_or(draw, st.integers(1, 3), rank),
        "padding": draw(st.sampled_from(("valid", "same"))),
        "data_format": draw(FORMATS),
        "activation": draw(ACTIVATIONS),
        "use_bias": draw(st.booleans()),
    }
    if options["activation"] == "softmax" and options["data_format"] == "channels_first":
        options["use_bias"] = False  # over places: the bias's gradient is 0 but for rounding
    if draw(st.booleans()):
        options["dilation_rate"] = one_or(draw, st.integers(1, 2), rank)
        if not strided_dilation:
            options["strides"] = 1
    return options


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_conv(rank, data):
    draw = data.draw
    options = convolution(draw, rank)
    groups = options["groups"] = draw(st.sampled_from((1, 1, 2, 3)))
    if rank == 1 and draw(st.booleans()):
        options["padding"] = "causal"
    shape = image(draw, options["data_format"], low=5, channels=groups * draw(CHANNELS), rank=rank)
    filters = groups * draw(CHANNELS)
    same_layer(lambda k: getattr(k.layers, f"Conv{rank}D")(filters, **options), shape, terms=256)


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_conv_transpose(rank, data):
    draw = data.draw
    options = convolution(draw, rank)
    strides = options["strides"]
    if draw(st.booleans()):
        options["output_padding"] = draw(st.integers(0, (strides if isinstance(strides, int) else min(strides)) - 1))
    shape = image(draw, options["data_format"], low=3, high=6, channels=draw(CHANNELS), rank=rank)
    filters = draw(CHANNELS)
    same_layer(lambda k: getattr(k.layers, f"Conv{rank}DTranspose")(filters, **options), shape, terms=256)


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_depthwise_conv(rank, data):
    draw = data.draw
    options = convolution(draw, rank, strided_dilation=True)
    options["depth_multiplier"] = draw(st.integers(1, 3))
    shape = image(draw, options["data_format"], low=5, channels=draw(CHANNELS), rank=rank)
    same_layer(lambda k: getattr(k.layers, f"DepthwiseConv{rank}D")(**options), shape, terms=256)


@pytest.mark.parametrize("rank", [1, 2])
@given(data=st.data())
@EXAMPLES
def test_separable_conv(rank, data):
    draw = data.draw
    options = convolution(draw, rank, strided_dilation=True)
    options.update(filters=draw(CHANNELS), depth_multiplier=draw(st.integers(1, 2)))
    shape = image(draw, options["data_format"], low=5, channels=draw(CHANNELS), rank=rank)
    same_layer(lambda k: getattr(k.layers, f"SeparableConv{rank}D")(**options), shape, terms=256)


# --- normalization ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
@given(data=st.data())
@EXAMPLES
def test_batch_normalization(training, data):
    draw = data.draw
    options = {
        "axis": draw(st.sampled_from((-1, 1, 2))),
        "momentum": draw(st.sampled_from((0.99, 0.5))),
        "epsilon": draw(st.sampled_from((1e-3, 0.1))),
        "center": draw(st.booleans()),
        "scale": draw(st.booleans()),
        "trainable": draw(st.sampled_from((True, True, False))),
    }
    shape = draw(st.sampled_from(((7, 5, 3), (4, 3, 5, 2), (6, 4, 17))))
    same_layer(lambda k: k.layers.BatchNormalization(**options), shape, training=training)
    same_layer(lambda k: k.layers.BatchNormalization(), (9, draw(CHANNELS)), training=training)


def test_batch_normalization_of_masked_positions():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(4, 5, 3)).astype("float32"), rng.random((4, 5)) < 0.6
    ours, theirs = pk.layers.BatchNormalization(), keras.layers.BatchNormalization()
    assert_close(ours(x, training=True, mask=mask), theirs(x, training=True, mask=mask), "outputs")
    for v, want in zip(ours.weights, theirs.weights, strict=True):
        assert_close(v, want, v.name)


@given(data=st.data())
@EXAMPLES
def test_layer_normalization(data):
    draw = data.draw
    options = {
        "axis": draw(st.sampled_from((-1, 1, [1, 2], [2, 3], [1, 2, 3], (-2, -1), [1, 3]))),
        "epsilon": draw(st.sampled_from((1e-3, 0.1))),
        "center": draw(st.booleans()),
        "scale": draw(st.booleans()),
    }
    same_layer(lambda k: k.layers.LayerNormalization(**options), image(draw))
    same_layer(lambda k: k.layers.LayerNormalization(), (3, 17))


@given(data=st.data())
@EXAMPLES
def test_group_normalization(data):
    draw = data.draw
    options = {
        "groups": draw(st.sampled_from((1, 2, 4, -1))),
        "axis": draw(st.sampled_from((-1, 1, 2))),
        "epsilon": draw(st.sampled_from((1e-3, 0.1))),
        "center": draw(st.booleans()),
        "scale": draw(st.booleans()),
    }
    shape = [draw(st.integers(1, 3)), *(draw(st.integers(2, 4)) for _ in range(3))]
    shape[options["axis"]] = 8
    same_layer(lambda k: k.layers.GroupNormalization(**options), tuple(shape))


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
