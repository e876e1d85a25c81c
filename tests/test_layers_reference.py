"""Layers without windows, forward and backward, against NumPy in float64 on drawn shapes.

(Convolution and pooling: test_layers_windows.py. Layers that draw: test_layers_noise.py.)
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_testing import BATCHES, CHANNELS, FORMATS, SMOOTH, check_layer, np_activation
from op_testing import EXTENTS
from test_ops_normalization import np_normalize

import pykernels as pk
from pykernels.ops.windows import join_shape

L = pk.layers
EXAMPLES = settings(max_examples=20)

# --- normalization ---------------------------------------------------------------------------------------------------

AFFINE = st.fixed_dictionaries(
    {"center": st.booleans(), "scale": st.booleans(), "epsilon": st.sampled_from((1e-3, 0.1))}
)


def affine(y, weights, options, axes):
    """gamma and beta, in this order, of the extents of `axes`."""
    weights = list(weights)
    shape = [n if i in [a % y.ndim for a in axes] else 1 for i, n in enumerate(y.shape)]
    if options["scale"]:
        y = y * weights.pop(0).reshape(shape)
    return y + weights.pop(0).reshape(shape) if options["center"] else y


def sample(draw, rank, low=1, empty=True):
    """A batch of samples of `rank` axes with extents around the widths of vectors."""
    batch = draw(BATCHES) if empty else draw(st.sampled_from((2, 3, 7)))
    return (
        batch,
        *(draw(st.sampled_from([n for n in EXTENTS if low <= n <= (17 if rank < 3 else 8)])) for _ in range(rank)),
    )


@given(data=st.data())
@EXAMPLES
def test_batch_normalization_in_training(data):
    options = data.draw(AFFINE)
    shape = sample(data.draw, data.draw(st.integers(1, 3)), empty=False)
    axis = data.draw(st.integers(1, len(shape) - 1))
    others = tuple(i for i in range(len(shape)) if i != axis)
    check_layer(
        lambda dtype: L.BatchNormalization(axis, dtype=dtype, **options),
        lambda x, *w: affine(np_normalize(x, others, options["epsilon"]), w, options, [axis]),
        shape,
        16,
        ulp=128,
        phase={"training": True},
    )


@given(data=st.data())
@EXAMPLES
def test_batch_normalization_at_prediction(data):
    options = data.draw(AFFINE)
    shape = sample(data.draw, data.draw(st.integers(1, 3)))
    axis = data.draw(st.integers(1, len(shape) - 1))

    def reference(x, *weights):
        *own, mean, variance = weights
        along = [n if i == axis else 1 for i, n in enumerate(x.shape)]
        y = (x - mean.reshape(along)) / np.sqrt(variance.reshape(along) + options["epsilon"])
        return affine(y, own, options, [axis])

    check_layer(lambda dtype: L.BatchNormalization(axis, dtype=dtype, **options), reference, shape)


@given(data=st.data())
@EXAMPLES
def test_layer_normalization(data):
    options = data.draw(AFFINE)
    shape = sample(data.draw, data.draw(st.integers(1, 3)), low=2)
    axes = sorted(data.draw(st.sets(st.integers(1, len(shape) - 1), min_size=1)))
    check_layer(
        lambda dtype: L.LayerNormalization(axes, dtype=dtype, **options),
        lambda x, *w: affine(np_normalize(x, tuple(axes), options["epsilon"]), w, options, axes),
        shape,
        16,
        ulp=128,
    )


@given(data=st.data())
@EXAMPLES
def test_group_normalization(data):
    options, groups = data.draw(AFFINE), data.draw(st.sampled_from((1, 2, 3, 5)))
    shape = list(sample(data.draw, data.draw(st.integers(1, 3)), low=2))
    axis = data.draw(st.integers(1, len(shape) - 1))
    shape[axis] = groups * data.draw(st.sampled_from((2, 3, 8)))

    def reference(x, *weights):
        moved = np.moveaxis(x, axis, 1)
        split = moved.reshape(x.shape[0], groups, moved.shape[1] // groups, *moved.shape[2:])
        y = np_normalize(split, tuple(range(2, split.ndim)), options["epsilon"]).reshape(moved.shape)
        return affine(np.moveaxis(y, 1, axis), weights, options, [axis])

    check_layer(
        lambda dtype: L.GroupNormalization(groups, axis, dtype=dtype, **options), reference, tuple(shape), 16, ulp=128
    )


@given(data=st.data())
@EXAMPLES
def test_unit_and_rms_normalization(data):
    shape = sample(data.draw, 2, low=2)
    check_layer(
        lambda dtype: L.UnitNormalization(dtype=dtype),
        lambda x: x / np.sqrt(np.sum(x**2, -1, keepdims=True)),
        shape,
        17,
    )
    check_layer(
        lambda dtype: L.RMSNormalization(dtype=dtype),
        lambda x, scale: x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6) * scale,
        shape,
        17,
    )


# --- merging ---------------------------------------------------------------------------------------------------------

MERGES = {
    "Add": lambda *xs: sum(xs),
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda *xs: np.multiply.reduce(np.broadcast_arrays(*xs)),
    "Average": lambda *xs: sum(xs) / len(xs),
    "Maximum": lambda *xs: np.maximum.reduce(np.broadcast_arrays(*xs)),
    "Minimum": lambda *xs: np.minimum.reduce(np.broadcast_arrays(*xs)),
}


@pytest.mark.parametrize("name", MERGES)
@given(data=st.data())
@EXAMPLES
def test_merging(name, data):
    full = sample(data.draw, data.draw(st.integers(1, 3)))
    shapes = [full]
    for _ in range(1 if name == "Subtract" else data.draw(st.integers(1, 2))):
        shapes.append((full[0], *(1 if data.draw(st.booleans()) else d for d in full[1:])))
    check_layer(lambda dtype: getattr(L, name)(dtype=dtype), MERGES[name], shapes, 3, distinct=True)


@given(data=st.data())
@EXAMPLES
def test_concatenate(data):
    full = sample(data.draw, data.draw(st.integers(1, 3)))
    axis = data.draw(st.integers(1, len(full) - 1))
    shapes = [(*full[:axis], data.draw(st.sampled_from((1, 3, 8))), *full[axis + 1 :]) for _ in range(3)]
    check_layer(lambda dtype: L.Concatenate(axis, dtype=dtype), lambda *xs: np.concatenate(xs, axis), shapes)


@given(data=st.data())
@EXAMPLES
def test_dot(data):
    n, a, b = (data.draw(st.sampled_from((1, 3, 8, 17))) for _ in range(3))
    batch, normalize = data.draw(BATCHES), n > 1 and data.draw(st.booleans())  # of one element only the sign is left

    def reference(x, y):
        if normalize:
            x, y = (v / np.sqrt(np.sum(v**2, axis, keepdims=True)) for v, axis in ((x, 2), (y, 1)))
        return x @ y

    shapes = [(batch, a, n), (batch, n, b)]
    check_layer(lambda dtype: L.Dot((2, 1), normalize, dtype=dtype), reference, shapes, 4 * n)


# --- layers that move elements ---------------------------------------------------------------------------------------


@given(data=st.data())
@EXAMPLES
def test_permute_reshape_flatten_repeat(data):
    shape = sample(data.draw, 3)
    dims = tuple(data.draw(st.permutations((1, 2, 3))))
    check_layer(lambda dtype: L.Permute(dims, dtype=dtype), lambda x: x.transpose(0, *dims), shape)
    _, a, b, c = shape
    check_layer(lambda dtype: L.Reshape((c, a * b), dtype=dtype), lambda x: x.reshape(-1, c, a * b), shape)
    check_layer(lambda dtype: L.Flatten(dtype=dtype), lambda x: x.reshape(len(x), a * b * c), shape)
    first = {"data_format": "channels_first"}
    check_layer(
        lambda dtype: L.Flatten(dtype=dtype, **first), lambda x: np.moveaxis(x, 1, -1).reshape(len(x), a * b * c), shape
    )
    n = data.draw(st.integers(1, 5))
    check_layer(
        lambda dtype: L.RepeatVector(n, dtype=dtype), lambda x: np.repeat(x[:, None], n, axis=1), (shape[0], c), n
    )


ENDS = st.tuples(st.integers(0, 2), st.integers(0, 2))


@given(data=st.data())
@EXAMPLES
def test_padding_and_cropping(data):
    data_format, rows, columns = data.draw(FORMATS), data.draw(ENDS), data.draw(ENDS)
    spatial = tuple(data.draw(st.integers(sum(ends) + 1, 9)) for ends in (rows, columns))
    channels, batch = data.draw(CHANNELS), data.draw(BATCHES)

    def edges(widths):
        return [(0, 0), *(((0, 0), *widths) if data_format == "channels_first" else (*widths, (0, 0)))]

    def cut(x, widths):
        return x[tuple(slice(before, n - after) for n, (before, after) in zip(x.shape, edges(widths), strict=True))]

    shape = join_shape((batch,), spatial, channels, data_format)
    options = {"data_format": data_format}
    both = (rows, columns)
    check_layer(lambda dtype: L.ZeroPadding2D(both, dtype=dtype, **options), lambda x: np.pad(x, edges(both)), shape)
    check_layer(lambda dtype: L.Cropping2D(both, dtype=dtype, **options), lambda x: cut(x, both), shape)
    shape = join_shape((batch,), spatial[:1], channels, data_format)
    check_layer(lambda dtype: L.ZeroPadding1D(rows, dtype=dtype, **options), lambda x: np.pad(x, edges((rows,))), shape)
    shape, end = (batch, spatial[0], channels), spatial[0] - rows[1]
    check_layer(lambda dtype: L.Cropping1D(rows, dtype=dtype), lambda x: x[:, rows[0] : end], shape)
    check_layer(lambda dtype: L.UpSampling1D(3, dtype=dtype), lambda x: np.repeat(x, 3, axis=1), shape, 3)


# --- dense and activations -------------------------------------------------------------------------------------------


@given(data=st.data())
@EXAMPLES
def test_dense_and_rescaling(data):
    shape, units = sample(data.draw, data.draw(st.integers(1, 2))), data.draw(CHANNELS)
    activation, bias = data.draw(SMOOTH), data.draw(st.booleans())
    check_layer(
        lambda dtype: L.Dense(units, activation, bias, dtype=dtype),
        lambda x, w, *b: np_activation(x @ w + (b[0] if b else 0), activation),
        shape,
        shape[-1],
    )
    check_layer(lambda dtype: L.Rescaling(1 / 127.5, -1, dtype=dtype), lambda x: x / 127.5 - 1, shape)


def np_softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (lambda dtype: L.ReLU(dtype=dtype), lambda x: np.maximum(x, 0)),
        (
            lambda dtype: L.ReLU(1.0, 0.25, 0.5, dtype=dtype),
            lambda x: np.where(x < 0.5, 0.25 * (x - 0.5), np.minimum(x, 1)),
        ),
        (lambda dtype: L.LeakyReLU(0.25, dtype=dtype), lambda x: np.where(x < 0, 0.25 * x, x)),
        (lambda dtype: L.ELU(0.5, dtype=dtype), lambda x: np.where(x < 0, 0.5 * np.expm1(x), x)),
        (lambda dtype: L.PReLU(dtype=dtype), lambda x, alpha: np.where(x < 0, alpha * x, x)),
        (lambda dtype: L.Softmax(dtype=dtype), np_softmax),
        (lambda dtype: L.Softmax(1, dtype=dtype), lambda x: np_softmax(x, 1)),
        (lambda dtype: L.Activation("sigmoid", dtype=dtype), lambda x: 1 / (1 + np.exp(-x))),
    ],
)
@given(data=st.data())
@EXAMPLES
@pytest.mark.filterwarnings("ignore:You are using a softmax")
def test_activations(make, reference, data):
    check_layer(make, reference, sample(data.draw, data.draw(st.integers(1, 2))), 17, distinct=True)
