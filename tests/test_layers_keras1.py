"""Layers under the names and with the arguments of earlier Keras versions."""

import numpy as np
import pytest

from pykernels import backend, config, initializations, layers, models


@pytest.fixture(autouse=True)
def fresh_names():
    backend.clear_session()


def own(layer):
    config = layer.get_config()
    return {key: value for key, value in config.items() if key != "name"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda: layers.Convolution2D(8, 3, 2), lambda: layers.Conv2D(8, (3, 2))),
        (lambda: layers.Convolution2D(8, 3, nb_col=2), lambda: layers.Conv2D(8, (3, 2))),
        (lambda: layers.Convolution2D(nb_filter=8, nb_row=3, nb_col=2), lambda: layers.Conv2D(8, (3, 2))),
        (lambda: layers.Convolution2D(8, (3, 2), 2), lambda: layers.Conv2D(8, (3, 2), 2)),
        (lambda: layers.Convolution2D(8, kernel_size=3), lambda: layers.Conv2D(8, 3)),
        (lambda: layers.Conv2D(8, 3, 3), lambda: layers.Conv2D(8, 3, strides=3)),
        (
            lambda: layers.Convolution2D(
                *(8, 3, 3),
                border_mode="same",
                subsample=(2, 2),
                dim_ordering="th",
                init="he_normal",
                W_regularizer="l2",
                b_regularizer="l1",
                W_constraint="non_neg",
                b_constraint="max_norm",
                bias=False,
                activation="relu",
            ),
            lambda: layers.Conv2D(
                8,
                3,
                padding="same",
                strides=2,
                data_format="channels_first",
                kernel_initializer="he_normal",
                kernel_regularizer="l2",
                bias_regularizer="l1",
                kernel_constraint="non_neg",
                bias_constraint="max_norm",
                use_bias=False,
                activation="relu",
            ),
        ),
        (lambda: layers.AtrousConvolution2D(8, 3, 3, atrous_rate=(2, 2)), lambda: layers.Conv2D(8, 3, dilation_rate=2)),
        (lambda: layers.AtrousConvolution1D(8, 3, atrous_rate=2), lambda: layers.Conv1D(8, 3, dilation_rate=2)),
        (
            lambda: layers.Convolution1D(nb_filter=8, filter_length=3, subsample_length=2),
            lambda: layers.Conv1D(8, 3, strides=2),
        ),
        (lambda: layers.Deconvolution2D(8, 3, 3, subsample=(2, 2)), lambda: layers.Conv2DTranspose(8, 3, strides=2)),
        (
            lambda: layers.SeparableConvolution2D(
                *(8, 3, 2), init="he_normal", border_mode="same", subsample=(2, 2), dim_ordering="th", bias=False
            ),
            lambda: layers.SeparableConv2D(
                *(8, (3, 2), 2, "same", "channels_first"),
                depthwise_initializer="he_normal",
                pointwise_initializer="he_normal",
                use_bias=False,
            ),
        ),
        (lambda: layers.SeparableConvolution1D(8, 3), lambda: layers.SeparableConv1D(8, 3)),
        (
            lambda: layers.DepthwiseConv2D((3, 3), border_mode="same", init="he_normal", dim_ordering="th"),
            lambda: layers.DepthwiseConv2D(
                3, padding="same", depthwise_initializer="he_normal", data_format="channels_first"
            ),
        ),
        (
            lambda: layers.MaxPooling2D((2, 2), (2, 2), border_mode="same", dim_ordering="th"),
            lambda: layers.MaxPooling2D(2, 2, "same", "channels_first"),
        ),
        (lambda: layers.MaxPooling2D((2, 2), (2, 2), "same"), lambda: layers.MaxPooling2D(padding="same")),
        (lambda: layers.MaxPooling1D(pool_length=3, stride=2), lambda: layers.MaxPooling1D(3, 2)),
        (lambda: layers.AveragePooling2D(dim_ordering="tf"), lambda: layers.AveragePooling2D((2, 2))),
        (
            lambda: layers.GlobalAveragePooling2D(dim_ordering="th"),
            lambda: layers.GlobalAveragePooling2D("channels_first"),
        ),
        (lambda: layers.ZeroPadding2D((1, 1), dim_ordering="th"), lambda: layers.ZeroPadding2D(1, "channels_first")),
        (lambda: layers.Cropping2D(1, dim_ordering="default"), lambda: layers.Cropping2D(1)),
        (lambda: layers.UpSampling1D(length=3), lambda: layers.UpSampling1D(3)),
        (
            lambda: layers.BatchNormalization(mode=0, axis=1, beta_init="ones", gamma_init="zeros"),
            lambda: layers.BatchNormalization(1, beta_initializer="ones", gamma_initializer="zeros"),
        ),
        (lambda: layers.GaussianNoise(sigma=0.2), lambda: layers.GaussianNoise(0.2)),
        (lambda: layers.GaussianDropout(p=0.2), lambda: layers.GaussianDropout(0.2)),
        (
            lambda: layers.SpatialDropout2D(p=0.2, dim_ordering="th"),
            lambda: layers.SpatialDropout2D(0.2, "channels_first"),
        ),
    ],
)
def test_old_and_new_make_the_same_layer(old, new):
    assert type(old()) is type(new())
    assert own(old()) == own(new())


def test_old_names_are_classes():
    layer = layers.Convolution2D(4, 3, 3)
    assert type(layer) is layers.Conv2D
    assert isinstance(layer, layers.Convolution2D)
    assert not isinstance(layers.Dense(1), layers.Convolution2D)

    class Mine(layers.Convolution2D):
        pass

    mine = Mine(4, 3, strides=2)
    assert type(mine) is Mine and mine.strides == (2, 2)
    assert not isinstance(layer, Mine)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Convolution2D(8, 3, 3, "he_normal"), TypeError, "name the others"),
        (lambda: layers.Convolution2D(nb_filter=8, nb_row=3), TypeError, "together"),
        (lambda: layers.BatchNormalization(mode=2), TypeError, "mode"),
        (lambda: layers.Deconvolution2D(8, 3, 3, output_shape=(None, 4, 4, 8)), TypeError, "output_padding"),
        (lambda: layers.merge([], mode="subtract"), ValueError, "Invalid merge mode"),
    ],
)
def test_what_cannot_be_honoured_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: layers.Conv1D(4, 3, **options),
        lambda **options: layers.Convolution2D(4, 3, 3, **options),
        lambda **options: layers.Conv2DTranspose(4, 3, **options),
        lambda **options: layers.DepthwiseConv2D(3, **options),
        lambda **options: layers.SeparableConv2D(4, 3, **options),
        lambda **options: layers.BatchNormalization(**options),
        lambda **options: layers.PReLU(**options),
    ],
)
def test_initial_weights_as_a_list_of_arrays(make):
    shape = (5, 2) if isinstance(make(), layers.Conv1D) else (5, 6, 2)
    first = make()
    first.build((None, *shape))
    given = [np.random.default_rng(i).random(w.shape) for i, w in enumerate(first.weights)]
    model = models.Sequential([make(weights=given, input_shape=shape)])
    for have, want in zip(model.get_weights(), given, strict=True):
        np.testing.assert_array_equal(have, want.astype("float32"))


def test_merge():
    x, y = (np.random.default_rng(i).normal(size=(2, 3)).astype("float32") for i in range(2))
    for mode, want in (
        ("sum", x + y),
        ("mul", x * y),
        ("ave", (x + y) / 2),
        ("max", np.maximum(x, y)),
        ("concat", np.concatenate([x, y], 1)),
        ("dot", (x * y).sum(1, keepdims=True)),
        ("cos", (x * y).sum(1, keepdims=True) / np.sqrt((x**2).sum(1) * (y**2).sum(1))[:, None]),
        (lambda pair: pair[0] - pair[1], x - y),
    ):
        np.testing.assert_allclose(layers.merge([x, y], mode=mode), want, rtol=1e-5, atol=1e-6)
    a, b = layers.Input((3, 2)), layers.Input((4, 2))
    assert layers.merge([a, b], mode="concat", concat_axis=1, name="m").shape == (None, 7, 2)


@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (1, 2)])
def test_full_padding_counts_every_window_with_a_pixel_in_it(stride, dilation):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 2, 3, 4))
    layer = layers.Convolution2D(4, 3, 2, border_mode="full", subsample=(stride, stride), dilation_rate=dilation)
    found = layer(x.astype("float32"))
    layer.set_weights([w.astype("float32"), np.zeros(4, "float32")])
    found = layer(x.astype("float32"))
    rows, columns = 2 * dilation, dilation
    wide = np.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
    height, width = (wide.shape[1] - rows - 1) // stride + 1, (wide.shape[2] - columns - 1) // stride + 1
    expected = np.zeros((2, height, width, 4))
    for i in range(height):
        for j in range(width):
            r, c = i * stride, j * stride
            window = wide[:, r : r + rows + 1 : dilation, c : c + columns + 1 : dilation]
            expected[:, i, j] = np.einsum("nhwc,hwcf->nf", window, w)
    np.testing.assert_allclose(found, expected, rtol=0, atol=18 * 2e-7 * np.abs(expected).max())
    assert layer.compute_output_shape((2, 5, 6, 3)) == expected.shape
    line = layers.Conv1D(4, 3, padding="full", data_format="channels_first")
    assert line(np.zeros((1, 2, 5), "float32")).shape == line.compute_output_shape((1, 2, 5)) == (1, 4, 7)


@pytest.fixture
def no_layout_chosen(monkeypatch):
    monkeypatch.setitem(config._settings, "image_data_format", None)


def test_images_that_can_only_have_their_channels_first_make_that_the_layout(no_layout_chosen):
    with pytest.warns(UserWarning, match="the channels come first from here on"):
        first = layers.Convolution2D(4, 3, 3, input_shape=(1, 28, 28))
    assert (first.data_format, layers.MaxPooling2D().data_format) == ("channels_first", "channels_first")


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_shape": (28, 28, 1)},
        {"input_shape": (3, 28, 20)},
        {"input_shape": (3, 3, 3)},
        {"input_shape": (1, 28, 28), "dim_ordering": "tf"},
        {},
    ],
)
def test_the_layout_stays_where_the_images_do_not_tell(arguments, no_layout_chosen):
    assert layers.Convolution2D(4, 2, 2, **arguments).data_format == "channels_last"
    assert not config.image_data_format_is_chosen()


def test_a_chosen_layout_stays(no_layout_chosen):
    config.set_image_data_format("channels_last")
    assert layers.Convolution2D(4, 1, 1, input_shape=(1, 28, 28)).data_format == "channels_last"


def test_an_initializer_of_shape_and_name():
    kernel = layers.Dense(3, init=lambda shape, name: initializations.identity(shape, scale=2.0, name=name))
    kernel.build((None, 3))
    np.testing.assert_array_equal(kernel.kernel.numpy(), 2 * np.eye(3))
