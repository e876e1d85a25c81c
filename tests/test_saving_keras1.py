"""Files of Keras 1, in Theano's order and TensorFlow's, written by hand as Keras 1 wrote them."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, models

ROWS, COLUMNS, CHANNELS, FILTERS, WINDOW, UNITS = 6, 7, 2, 3, (2, 3), 4
# (backend in the file, dim_ordering, whether the backend turns filters round)
KINDS = [
    ("theano", "th", True),
    ("theano", "tf", True),
    ("tensorflow", "th", False),
    ("tensorflow", "tf", False),
    (None, "th", True),
]


def values(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def convolved(x, kernel, turned):
    """x (N, C, H, W), kernel (K, C, R, S): valid windows; `turned` is the textbook's convolution, Theano's."""
    kernel = kernel[:, :, ::-1, ::-1] if turned else kernel
    n, _, h, w = x.shape
    k, _, r, s = kernel.shape
    y = np.zeros((n, k, h - r + 1, w - s + 1))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = np.einsum("ncrs,kcrs->nk", x[:, :, i : i + r, j : j + s], kernel)
    return y


def deconvolved(x, kernel, turned, stride):
    """The adjoint: x (N, C, H, W), kernel (K, C, R, S), in which K are the channels that come out."""
    kernel = kernel[:, :, ::-1, ::-1] if turned else kernel
    n, _, h, w = x.shape
    k, _, r, s = kernel.shape
    y = np.zeros((n, k, (h - 1) * stride + r, (w - 1) * stride + s))
    for i in range(h):
        for j in range(w):
            place = y[:, :, i * stride : i * stride + r, j * stride : j * stride + s]
            place += np.einsum("nc,kcrs->nkrs", x[:, :, i, j], kernel)
    return y


def write(path, groups, backend, version=b"1.2.2", **attributes):
    """A weights file: groups of (layer name, {weight name: array})."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if attributes else file
        root.attrs["layer_names"] = [name.encode() for name, _ in groups]
        for holder in {file, root}:
            holder.attrs["keras_version"] = version
            if backend is not None:
                holder.attrs["backend"] = backend.encode()
        for name, value in attributes.items():
            file.attrs[name] = json.dumps(value).encode()
        for name, arrays in groups:
            group = root.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array


def stored(kernel, ordering):
    """(K, C, R, S) as Keras 1 stored it."""
    return kernel if ordering == "th" else kernel.transpose(2, 3, 1, 0)


@pytest.mark.parametrize(("backend", "ordering", "turned"), KINDS)
def test_images(tmp_path, backend, ordering, turned):
    """A network of convolution, pooling and a Dense layer behind Flatten computes what it computed."""
    kernel, bias = values(FILTERS, CHANNELS, *WINDOW), values(FILTERS)
    x = values(5, CHANNELS, ROWS, COLUMNS)
    y = np.maximum(convolved(x, kernel, turned) + bias[:, None, None], 0)
    y = y[:, :, :4, :4].reshape(5, FILTERS, 2, 2, 2, 2).max((3, 5))
    flat = y.reshape(5, -1) if ordering == "th" else y.transpose(0, 2, 3, 1).reshape(5, -1)
    dense, offset = values(flat.shape[1], UNITS), values(UNITS)
    want = flat @ dense + offset
    groups = [
        ("convolution2d_1", {"convolution2d_1_W": stored(kernel, ordering), "convolution2d_1_b": bias}),
        ("activation_1", {}),
        ("maxpooling2d_1", {}),
        ("flatten_1", {}),
        ("dense_1", {"dense_1_W": dense, "dense_1_b": offset}),
    ]
    write(tmp_path / "w.h5", groups, backend)
    model = pk.Sequential(
        [
            pk.Input((ROWS, COLUMNS, CHANNELS)),
            layers.Conv2D(FILTERS, WINDOW),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(UNITS),
        ]
    )
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_allclose(model.predict(x.transpose(0, 2, 3, 1), verbose=0), want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("backend", "ordering", "turned"), KINDS)
def test_transposed_convolution(tmp_path, backend, ordering, turned):
    kernel, bias = values(FILTERS, CHANNELS, 3, 2), values(FILTERS)
    x = values(4, CHANNELS, 5, 4)
    want = deconvolved(x, kernel, turned, 2) + bias[:, None, None]
    write(tmp_path / "w.h5", [("deconvolution2d_1", {"W": stored(kernel, ordering), "b": bias})], backend)
    model = pk.Sequential([pk.Input((5, 4, CHANNELS)), layers.Conv2DTranspose(FILTERS, (3, 2), strides=2)])
    model.load_weights(tmp_path / "w.h5")
    have = model.predict(x.transpose(0, 2, 3, 1), verbose=0).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize("form", ["1.1", "1.2"])
def test_sequences(tmp_path, backend, form):
    """Filters had four axes: (length, 1, C, K), and (K, C, length, 1) before."""
    kernel, x = values(FILTERS, CHANNELS, 3, 1), values(4, CHANNELS, 9, 1)
    want = convolved(x, kernel, backend == "theano")[..., 0].transpose(0, 2, 1)
    array = kernel if form == "1.1" else kernel.transpose(2, 3, 1, 0)
    write(tmp_path / "w.h5", [("convolution1d_1", {"W": array})], backend, version=f"{form}.0".encode())
    model = pk.Sequential([pk.Input((9, CHANNELS)), layers.Conv1D(FILTERS, 3, use_bias=False)])
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_allclose(model.predict(x[..., 0].transpose(0, 2, 1), verbose=0), want, rtol=1e-4, atol=1e-4)


def test_keras_2_on_theano(tmp_path):
    """Keras 2 stored filters in today's order, and Theano's were still turned round; TensorFlow's stay."""
    kernel, x = values(FILTERS, CHANNELS, *WINDOW), values(3, CHANNELS, ROWS, COLUMNS)
    model = pk.Sequential([pk.Input((ROWS, COLUMNS, CHANNELS)), layers.Conv2D(FILTERS, WINDOW, use_bias=False)])
    for backend in ("theano", "tensorflow"):
        write(tmp_path / "w.h5", [("conv2d_1", {"kernel:0": stored(kernel, "tf")})], backend, version=b"2.1.6")
        model.load_weights(tmp_path / "w.h5")
        have = model.predict(x.transpose(0, 2, 3, 1), verbose=0).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(have, convolved(x, kernel, backend == "theano"), rtol=1e-4, atol=1e-4)


def old_config(ordering):
    first = ordering == "th"
    shape = [None, CHANNELS, ROWS, COLUMNS] if first else [None, ROWS, COLUMNS, CHANNELS]
    common = {"W_regularizer": None, "b_regularizer": None, "activity_regularizer": None, "trainable": True}
    common |= {"W_constraint": None, "b_constraint": None, "init": "glorot_uniform", "bias": True}
    convolution = {
        **common,
        "name": "convolution2d_1",
        "nb_filter": FILTERS,
        "nb_row": WINDOW[0],
        "nb_col": WINDOW[1],
        "border_mode": "valid",
        "subsample": [1, 1],
        "dim_ordering": ordering,
        "activation": "relu",
        "batch_input_shape": shape,
        "input_dtype": "float32",
    }
    dense = {**common, "name": "dense_1", "output_dim": UNITS, "input_dim": None, "activation": "linear"}
    return {
        "class_name": "Sequential",
        "keras_version": "1.2.2",
        "config": [
            {"class_name": "Convolution2D", "config": convolution},
            {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
            {"class_name": "Dense", "config": dense},
        ],
    }


@pytest.mark.parametrize(("backend", "ordering", "turned"), KINDS[:4])
def test_whole_model(tmp_path, backend, ordering, turned):
    """The model keeps the order of its images; the optimizer's state, which is not converted, starts afresh."""
    kernel, bias, offset = values(FILTERS, CHANNELS, *WINDOW), values(FILTERS), values(UNITS)
    x = values(5, CHANNELS, ROWS, COLUMNS)
    y = np.maximum(convolved(x, kernel, turned) + bias[:, None, None], 0)
    flat = y.reshape(5, -1) if ordering == "th" else y.transpose(0, 2, 3, 1).reshape(5, -1)
    dense = values(flat.shape[1], UNITS)
    groups = [
        ("convolution2d_1", {"W": stored(kernel, ordering), "b": bias}),
        ("flatten_1", {}),
        ("dense_1", {"W": dense, "b": offset}),
    ]
    write(tmp_path / "m.h5", groups, backend, model_config=old_config(ordering))
    model = models.load_model(tmp_path / "m.h5", compile=False)
    x = x if ordering == "th" else x.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), flat @ dense + offset, rtol=1e-4, atol=1e-4)
    model.save(tmp_path / "new.keras")
    again = models.load_model(tmp_path / "new.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_optimizer_of_converted_filters(tmp_path):
    kernel, bias, offset = values(FILTERS, CHANNELS, *WINDOW), values(FILTERS), values(UNITS)
    dense = values(FILTERS * 25, UNITS)
    groups = [
        ("convolution2d_1", {"W": kernel, "b": bias}),
        ("flatten_1", {}),
        ("dense_1", {"W": dense, "b": offset}),
    ]
    training = {
        "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.01, "momentum": 0.9, "decay": 0.0}},
        "loss": "mse",
        "metrics": [],
        "sample_weight_mode": None,
        "loss_weights": None,
    }
    write(tmp_path / "m.h5", groups, "theano", model_config=old_config("th"), training_config=training)
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [b"iterations", *(f"m{i}".encode() for i in range(4))]
        group["iterations"] = np.float32(7)
        for i, array in enumerate((kernel, bias, dense, offset)):
            group[f"m{i}"] = array
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = models.load_model(tmp_path / "m.h5")
    assert int(model.optimizer.iterations) == 7
    for slot, weight in zip(model.optimizer.momentums, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(slot.numpy(), weight.numpy())  # the same numbers, and turned and ordered alike
