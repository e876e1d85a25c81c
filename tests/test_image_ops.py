"""Resizing of images: values and gradients against NumPy in float64 and against Keras; the layers built on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_testing import check_forward, check_gradient
from oracle import assert_close, keras, pk, same_layer

from pykernels import _core, ops

EXAMPLES = settings(max_examples=8)
METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def kernel(method, x):
    if method == "bilinear":
        return np.maximum(0, 1 - x)
    if method == "bicubic":
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        return np.where(x >= 2, 0, np.where(x >= 1, far, (1.5 * x - 2.5) * x * x + 1))
    radius = int(method[-1])
    return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def matrix(size, target, method, antialias):
    """The (target, size) matrix that resizes one axis, in float64."""
    if size == target:
        return np.eye(size)
    if method == "nearest":
        return np.eye(size)[(2 * np.arange(target) + 1) * size // (2 * target)]
    scale = size / target
    centre = (np.arange(target) + 0.5) * scale - 0.5
    distance = np.abs(centre[:, None] - np.arange(size)) / (max(scale, 1) if antialias else 1)
    w = kernel(method, distance)
    return w / w.sum(1, keepdims=True)


def reference(x, size, method, antialias=False):
    rows, cols = (matrix(n, t, method, antialias) for n, t in zip(x.shape[1:3], size, strict=True))
    return np.einsum("ph,qw,nhwc->npqc", rows, cols, x)


SHAPES = st.tuples(*(st.integers(1, 12) for _ in range(2)), st.sampled_from((1, 2, 3, 4, 5, 17)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("antialias", [False, True])
@given(shape=SHAPES, size=st.tuples(st.integers(1, 25), st.integers(1, 25)), batch=st.integers(0, 2))
@EXAMPLES
def test_resize_against_its_definition(method, antialias, shape, size, batch):
    x = np.random.default_rng(1).normal(size=(batch, *shape))
    # at most 12 terms along each axis; weights may add up to 2 in magnitude
    check_forward(
        lambda t: ops.image.resize(t, size, method, antialias),
        lambda t: reference(t, size, method, antialias),
        [x],
        length=48,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("shape", "size"), [((2, 3, 4, 2), (6, 8)), ((1, 5, 4, 3), (3, 7)), ((1, 7, 6, 1), (2, 2))])
def test_gradients(method, shape, size):
    x = np.random.default_rng(2).normal(size=shape)
    for antialias in (False, True):
        check_gradient(lambda t, a=antialias: ops.image.resize(t, size, method, a), [x])


@given(data=st.data())
@EXAMPLES
def test_resize_is_that_of_keras(data):
    draw = data.draw
    shape = [draw(st.integers(1, 20)), draw(st.integers(1, 20)), draw(st.integers(1, 4))]
    data_format = draw(st.sampled_from(("channels_last", "channels_first")))
    if data_format == "channels_first":
        shape = [shape[2], *shape[:2]]
    if draw(st.booleans()):
        shape = [draw(st.integers(1, 3)), *shape]
    dtype = draw(st.sampled_from(("float32", "uint8", "int32")))
    x = (255 * np.random.default_rng(3).uniform(size=shape)).astype(dtype)
    options = {
        "size": (draw(st.integers(1, 30)), draw(st.integers(1, 30))),
        "interpolation": draw(st.sampled_from(METHODS)),
        "antialias": draw(st.booleans()),
        "data_format": data_format,
        **draw(st.sampled_from(({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 7}))),
    }
    have, want = ops.image.resize(x, **options), np.asarray(keras.ops.image.resize(x, **options))
    assert (have.dtype, have.shape) == (want.dtype, want.shape)
    if dtype == "float32":
        # JAX computes weights in float32, at distances of up to 30 pixels
        np.testing.assert_allclose(have, want, atol=255 * 30 * 2**-23 * 8)
    else:
        assert np.abs(have.astype(int) - want.astype(int)).max(initial=0) <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"interpolation": "area"},
        {"fill_mode": "wrap"},
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        {"size": (3,)},
        {"x": np.zeros((3, 3))},
        {"data_format": "channels"},
    ],
)
def test_errors_are_those_of_keras(options):
    options = {"x": np.zeros((3, 3, 3), "float32"), "size": (2, 2), **options}
    x, size = options.pop("x"), options.pop("size")
    for library in (keras, pk):
        with pytest.raises(ValueError) as caught:
            library.ops.image.resize(x, size, **options)
        if library is keras:
            said = str(caught.value)
    if "data_format" not in options and "x" not in options:
        assert str(caught.value) == said


def test_empty_sizes_are_refused():
    with pytest.raises(ValueError, match="positive"):
        ops.image.resize(np.zeros((3, 3, 1), "float32"), (0, 2))


def test_same_bits_for_any_number_of_threads():
    x = np.random.default_rng(4).normal(size=(3, 150, 130, 8)).astype("float32")
    threads = _core.num_threads()
    try:
        for method in METHODS:
            results = []
            for n in (1, 2, 5):
                _core.set_num_threads(n)
                results.append(ops.image.resize(x, (270, 201), method).tobytes())
            assert len(set(results)) == 1
    finally:
        _core.set_num_threads(threads)


# --- layers ---------------------------------------------------------------------------------------------------------


@given(data=st.data())
@EXAMPLES
def test_up_sampling(data):
    draw = data.draw
    size = draw(st.one_of(st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4))))
    data_format = draw(st.sampled_from(("channels_last", "channels_first")))
    interpolation = draw(st.sampled_from(METHODS))
    shape = (draw(st.integers(1, 3)), *(draw(st.integers(1, 7)) for _ in range(3)))
    same_layer(lambda k: k.layers.UpSampling2D(size, data_format, interpolation), shape, terms=512)
    sizes = draw(st.one_of(st.integers(1, 3), st.tuples(*(st.integers(1, 3) for _ in range(3)))))
    same_layer(lambda k: k.layers.UpSampling3D(sizes, data_format=data_format), (*shape, 2))


def test_up_sampling_keeps_the_dtype():
    x = np.arange(24, dtype="uint8").reshape(1, 4, 3, 2)
    for interpolation in ("nearest", "bilinear"):
        have, want = (k.layers.UpSampling2D((2, 3), interpolation=interpolation)(x) for k in (pk, keras))
        np.testing.assert_array_equal(have, want)
        assert have.dtype == "uint8"


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.UpSampling2D(0),
        lambda k: k.layers.UpSampling2D("a"),
        lambda k: k.layers.UpSampling2D((1, 2, 3)),
        lambda k: k.layers.UpSampling2D(1.5),
        lambda k: k.layers.UpSampling3D((1, 2)),
    ],
)
def test_sizes_that_cannot_be(make):
    said = []
    for library in (keras, pk):
        with pytest.raises(ValueError) as caught:
            make(library)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_calls_that_cannot_be():
    with pytest.raises(ValueError, match="ndim=4"):
        pk.layers.UpSampling2D()(np.zeros((1, 3, 3), "float32"))
    with pytest.raises(ValueError, match="interpolation=area"):
        pk.layers.UpSampling2D(interpolation="area")(np.zeros((1, 3, 3, 3), "float32"))
    with pytest.raises(ValueError, match="rank 3"):
        pk.layers.CenterCrop(2, 2)(np.zeros((3, 3), "float32"))
    with pytest.raises(ValueError, match="does not take a `factor`"):
        pk.layers.Resizing(2, 2, factor=0.5)


@given(data=st.data())
@EXAMPLES
def test_resizing_and_center_crop(data):
    draw = data.draw
    size = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    data_format = draw(st.sampled_from(("channels_last", "channels_first")))
    shape = (draw(st.integers(1, 2)), *(draw(st.integers(1, 10)) for _ in range(3)))
    same_layer(lambda k: k.layers.CenterCrop(*size, data_format=data_format), shape, terms=512)
    options = draw(
        st.sampled_from(({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}, {"antialias": True}))
    )
    method = draw(st.sampled_from(METHODS))
    same_layer(lambda k: k.layers.Resizing(*size, method, data_format=data_format, **options), shape, terms=512)


def test_single_images_integers_and_dicts():
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (2, 9, 7, 3)).astype("uint8")
    masks = rng.integers(0, 5, (2, 9, 7, 1)).astype("uint8")
    for make in (lambda k: k.layers.Resizing(5, 6), lambda k: k.layers.CenterCrop(4, 5)):
        for x in (images, images[0]):
            have, want = (np.asarray(make(k)(x)) for k in (pk, keras))
            assert have.dtype == want.dtype
            assert np.abs(have.astype(float) - want).max() <= (1 if have.dtype == "uint8" else 0)
        given = {"images": images, "labels": np.arange(2), "segmentation_masks": masks}
        have, want = (make(k)(dict(given)) for k in (pk, keras))
        assert set(have) == set(want)
        np.testing.assert_array_equal(have["segmentation_masks"], want["segmentation_masks"])
        np.testing.assert_array_equal(have["labels"], want["labels"])
    with pytest.raises(NotImplementedError, match="bounding boxes"):
        pk.layers.Resizing(4, 4, bounding_box_format="xyxy")({"images": images, "bounding_boxes": {}})


def test_in_a_model_of_unknown_extents():
    def build(k):
        inputs = k.Input((None, None, 3))
        x = k.layers.Resizing(8, 8)(inputs)
        x = k.layers.UpSampling2D(2, interpolation="bilinear")(x)
        return k.Model(inputs, k.layers.CenterCrop(5, 5)(k.layers.UpSampling2D(2)(x)))

    ours, theirs = build(pk), build(keras)
    assert ours.output_shape == theirs.output_shape
    for extent in (5, 11):
        x = np.random.default_rng(6).normal(size=(2, extent, extent + 2, 3)).astype("float32")
        assert_close(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), "outputs")


def test_old_addresses():
    import pykernels.layers.experimental.preprocessing as old

    for name in old.__all__:
        assert getattr(old, name) is getattr(pk.layers, name)
    assert pk.layers.experimental.preprocessing is old
