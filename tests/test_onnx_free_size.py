"""Images of any height and width: ops recorded before those are known, in exported models and in graphs of ops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from layer_cases import CASES

import pykernels as pk
from pykernels import layers, ops

SIZES = ((9, 8), (12, 11), (5, 13), (6, 6))


def images(*size, channels=4, rows=2):
    return np.random.default_rng(sum(size)).normal(size=(rows, *size, channels)).astype("float32")


def randomized(model):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(-1, 1, w.shape) for w in model.get_weights()])
    return model


class Exported:
    """A model in onnxruntime."""

    def __init__(self, model, path):
        runtime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
        model.export(path)
        self.session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def __call__(self, x):
        return self.session.run(None, {self.session.get_inputs()[0].name: x})[0]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.onnx")


def same(model, exported, xs):
    for x in xs:
        want, have = model.predict(x, verbose=0), exported(x)
        assert have.shape == want.shape
        # float32 sums of at most 5 * 5 * 4 terms of order 1
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4, err_msg=str(x.shape))


WINDOWED = {
    "Conv2D": lambda window, stride, padding, **more: layers.Conv2D(3, window, stride, padding, **more),
    "DepthwiseConv2D": lambda window, stride, padding, **more: layers.DepthwiseConv2D(window, stride, padding, **more),
    "SeparableConv2D": lambda window, stride, padding, **more: layers.SeparableConv2D(
        3, window, stride, padding, **more
    ),
    "Conv2DTranspose": lambda window, stride, padding, **more: layers.Conv2DTranspose(
        3, window, stride, padding, **more
    ),
    "MaxPooling2D": layers.MaxPooling2D,
    "AveragePooling2D": layers.AveragePooling2D,
    "Conv1D": lambda window, stride, padding, **more: layers.Conv1D(3, window, stride, padding, **more),
    "MaxPooling1D": layers.MaxPooling1D,
}


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("name", WINDOWED)
def test_windows_of_every_kind(name, padding, path):
    """Windows, strides and dilations, on images of several sizes; window below, at and above the stride."""
    flat = name.endswith("1D")
    dilated = () if "Pool" in name else ((3, 1, 2), (2, 1, 3))
    for window, stride, dilation in (*((w, s, 1) for w, s in itertools.product((1, 2, 3, 5), (1, 2, 3))), *dilated):
        more = {"dilation_rate": dilation} if dilation > 1 else {}
        layer = WINDOWED[name](window, stride, padding, **more)
        model = randomized(pk.Sequential([pk.Input((None, 4) if flat else (None, None, 4)), layer]))
        if "Pool" in name and padding == "same" and 1 < window < stride:
            with pytest.raises(NotImplementedError, match=f"Layer '{layer.name}' cannot be exported .*'same' for pool"):
                model.export(path)
            continue
        same(model, Exported(model, path), [images(*size[: 1 if flat else 2]) for size in SIZES])


@pytest.mark.parametrize("shape", [(None, 8, 4), (9, None, 4)], ids=["height", "width"])
def test_one_extent_is_unknown(shape, path):
    stack = [layers.Conv2D(6, 3, strides=2, padding="same"), layers.MaxPooling2D(3, 2, padding="same")]
    model = randomized(pk.Sequential([pk.Input(shape), *stack, layers.GlobalAveragePooling2D()]))
    same(model, Exported(model, path), [images(shape[0] or n, shape[1] or n) for n in (7, 10)])


def test_channels_first(path):
    stack = [
        layers.Conv2D(6, 3, strides=2, padding="same", data_format="channels_first"),
        layers.AveragePooling2D(2, padding="same", data_format="channels_first"),
        layers.UpSampling2D(2, data_format="channels_first"),
    ]
    model = randomized(pk.Sequential([pk.Input((4, None, None)), *stack]))
    same(model, Exported(model, path), [images(*size).transpose(0, 3, 1, 2) for size in SIZES])


def test_a_network_that_makes_images_of_images(path):
    inputs = pk.Input((None, None, 4))
    down = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu")(inputs)
    down = layers.BatchNormalization()(down)
    up = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(down)
    sharp = layers.UpSampling2D(2)(layers.Cropping2D(((1, 0), (0, 1)))(layers.ZeroPadding2D(1)(down)))
    model = randomized(pk.Model(inputs, [up, layers.Conv2D(2, 1)(sharp)]))
    exported = Exported(model, path)
    for size in ((8, 8), (10, 6)):
        x = images(*size)
        wanted = model.predict(x, verbose=0)
        for have, want in zip(exported.session.run(None, {model.input_names[0]: x}), wanted, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


def free(shape, options):
    if options.get("data_format") == "channels_first":
        return (shape[0], *[None] * (len(shape) - 1))
    return (*[None] * (len(shape) - 1), shape[-1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [case for case in CASES if len(case[1]) > 1],
    ids=[f"{n}-{i}" for i, (n, s, _) in enumerate(CASES) if len(s) > 1],
)
def test_every_layer_is_right_or_refused(name, shape, options, path):
    """Layers that need to know their input's extents refuse to be built; what ONNX cannot say is refused by name."""
    layer = getattr(layers, name)(**options)
    try:
        model = randomized(pk.Sequential([pk.Input(free(shape, options)), layer]))
    except ValueError as error:
        assert layer.name in str(error) or "defined dimension" in str(error)
        return
    try:
        exported = Exported(model, path)
    except NotImplementedError as error:
        assert f"ayer '{layer.name}'" in str(error)
        return
    fits = SIZES if name != "Reshape" else [(9, 8), (9, 12)]
    last = shape[0] if options.get("data_format") == "channels_first" else shape[-1]
    for size in fits:
        x = images(*(*size, 3)[: len(shape) - 1], channels=last)
        if options.get("data_format") == "channels_first":
            x = np.moveaxis(x, -1, 1)
        same(model, exported, [x])


KERNEL = np.random.default_rng(3).normal(size=(3, 3, 4, 4)).astype("float32")
FUNCTIONS = {
    "max_pool": lambda x: ops.max_pool(x, 3, 2, "same"),
    "average_pool": lambda x: ops.average_pool(x, 2, 3, "same"),
    "conv": lambda x: ops.conv(x, KERNEL, 2, "same"),
    "depthwise_conv": lambda x: ops.depthwise_conv(x, KERNEL[..., :2], 2, "same"),
    "separable_conv": lambda x: ops.separable_conv(x, KERNEL[..., :1], KERNEL[:1, :1], 2, "same"),
    "conv_transpose": lambda x: ops.conv_transpose(x, KERNEL, 2, "same"),
    "conv_transpose valid": lambda x: ops.conv_transpose(x, KERNEL, 4, "valid", output_padding=1),
    "repeat": lambda x: ops.repeat(x, 3, axis=2),
    "tile": lambda x: ops.tile(x, (1, 2, 3, 1)),
    "expand_dims": lambda x: ops.squeeze(ops.expand_dims(x, 2), 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ops_of_a_graph_of_any_size(name):
    """A functional model keeps the ops that were called on symbolic tensors, whose height and width were unknown."""
    inputs, function = pk.Input((None, None, 4)), FUNCTIONS[name]
    model = pk.Model(inputs, function(inputs))
    for size in SIZES:
        x = images(*size)
        want = np.asarray(function(x))
        np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model(x), want, rtol=1e-5, atol=1e-5)


def test_strides_and_dilation_at_once_are_refused(path):
    inputs = pk.Input((None, None, 4))
    x = ops.conv(inputs, KERNEL, strides=2, padding="same", dilation_rate=2)
    model = pk.Model(inputs, x)
    np.testing.assert_allclose(
        model.predict(images(9, 8), verbose=0),
        np.asarray(ops.conv(images(9, 8), KERNEL, strides=2, padding="same", dilation_rate=2)),
        rtol=1e-5,
        atol=1e-5,
    )
    pytest.importorskip("onnx")
    with pytest.raises(NotImplementedError, match="no padding 'same' with both strides and dilation"):
        model.export(path)
