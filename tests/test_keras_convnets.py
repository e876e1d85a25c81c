"""Whole convolutional networks against real Keras (JAX backend): training with regularizers and constraints in both
layouts, shared layers, several inputs and outputs.
"""

import numpy as np
import pytest
from oracle import assert_close, twins

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own

N = 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 9, 8, 3)).astype("float32")
CLASSES = RNG.integers(0, 5, N)
# 8 steps of some 10 layers, each with roundings of about 1e-6 of its largest value
TOLERANCE = 2e-4


def compare_training(build, x, y, **options):
    """Losses, metrics, weights and predictions after a few epochs; from the same weights in both."""
    ours, theirs = twins(build)
    for model in (ours, theirs):  # the variance that a moving average starts with is not negative
        for v in model.weights:
            if v.name == "moving_variance":
                v.assign(np.abs(np.asarray(v)) + 0.5)
    options = {"batch_size": 10, "epochs": 2, "shuffle": False, "verbose": 0, **options}
    have, want = ours.fit(x, y, **options).history, theirs.fit(x, y, **options).history
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key, TOLERANCE)
    for v, a, b in zip(ours.weights, ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(a, b, v.name, TOLERANCE)
    have, want = ours.predict(x, verbose=0), theirs.predict(x, verbose=0)
    for a, b in zip(*([p] if isinstance(p, np.ndarray) else p for p in (have, want)), strict=True):
        assert_close(a, b, "predictions", TOLERANCE)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_regularizers_and_constraints(data_format):
    axis = -1 if data_format == "channels_last" else 1
    x = X if axis == -1 else X.transpose(0, 3, 1, 2)
    layout = {"data_format": data_format}

    def build(k):
        layers, constraints = k.layers, k.constraints
        model = k.Sequential(
            [
                layers.Input(x.shape[1:]),
                layers.ZeroPadding2D(((1, 0), (0, 2)), **layout),
                layers.Conv2D(
                    6,
                    3,
                    activation="relu",
                    kernel_regularizer=k.regularizers.L2(0.01),
                    bias_regularizer="l1",
                    kernel_constraint=constraints.MaxNorm(0.8, axis=[0, 1, 2]),
                    **layout,
                ),
                layers.BatchNormalization(axis, momentum=0.9, gamma_regularizer="l2", beta_constraint="non_neg"),
                layers.MaxPooling2D(2, padding="same", **layout),
                layers.SeparableConv2D(
                    8,
                    (2, 3),
                    padding="same",
                    depth_multiplier=2,
                    activation="tanh",
                    depthwise_regularizer="l2",  # l1 has, at the zeros of "non_neg", the slope 1 in JAX and 0 elsewhere
                    pointwise_regularizer=k.regularizers.L1(0.003),
                    depthwise_constraint="non_neg",
                    pointwise_constraint=constraints.UnitNorm(axis=2),
                    **layout,
                ),
                layers.DepthwiseConv2D(
                    3,
                    padding="same",
                    depthwise_regularizer=k.regularizers.L1L2(0.001, 0.002),
                    depthwise_constraint=constraints.MinMaxNorm(0.2, 0.9, 0.7, axis=[0, 1]),
                    activity_regularizer=k.regularizers.L2(0.01),
                    **layout,
                ),
                layers.Conv2DTranspose(4, 3, strides=2, padding="same", bias_constraint="non_neg", **layout),
                layers.GroupNormalization(2, axis),
                layers.AveragePooling2D((3, 2), padding="same", **layout),
                layers.Cropping2D(((0, 1), (0, 0)), **layout),
                layers.LayerNormalization(axis),
                layers.Flatten(**layout),
                layers.Dense(5, activation="softmax"),
            ]
        )
        model.compile(k.optimizers.SGD(0.02, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    compare_training(build, x, CLASSES)


def test_shared_layers_and_several_inputs_and_outputs():
    other = RNG.normal(size=(N, 9, 8, 3)).astype("float32")
    real = RNG.normal(size=(N, 2)).astype("float32")

    def build(k):
        layers = k.layers
        a, b = layers.Input((9, 8, 3), name="a"), layers.Input((9, 8, 3), name="b")
        conv, norm = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"), layers.BatchNormalization()
        u, v = (norm(conv(t)) for t in (a, b))  # both statistics join the moving averages, one after the other
        merged = layers.Concatenate()(
            [
                layers.Add()([u, v]),
                layers.Subtract()([u, v]),
                layers.Multiply()([u, v]),
                layers.Maximum()([u, v]),
                layers.Average()([u, v]),
                layers.Minimum()([u, v]),
            ]
        )
        rows = layers.Permute((2, 1))(layers.Reshape((42, 24))(layers.SpatialDropout2D(0.0)(merged)))
        similar = layers.Dot(1, normalize=True)([layers.GlobalAveragePooling2D()(t) for t in (u, v)])
        scale = layers.RepeatVector(3)(similar)
        y = layers.Dense(5, activation="softmax", name="y")(layers.GlobalAveragePooling1D()(rows))
        z = layers.Dense(2, name="z")(layers.Flatten()(scale))
        model = k.Model([a, b], [y, z])
        model.compile(k.optimizers.SGD(0.05), ["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.3])
        return model

    compare_training(build, [X, other], [CLASSES, real])


class _Twice:
    """A layer that calls a model: the phase reaches it."""

    @staticmethod
    def of(k, model):
        class Calling(k.layers.Layer):
            def __init__(self):
                super().__init__()
                self.model = model

            def call(self, inputs):
                return self.model(self.model(inputs))

        return Calling()


@pytest.mark.parametrize("wrap", [lambda k, m: m, _Twice.of], ids=["model", "layer"])
def test_a_model_within_a_model_is_told_the_phase(wrap):
    x = RNG.normal(2, 1, size=(6, 5, 4, 3)).astype("float32")

    def build(k):
        inner = k.Sequential([k.Input((5, 4, 3)), k.layers.BatchNormalization(momentum=0.5)])
        inputs = k.Input((5, 4, 3))
        return k.Model(inputs, wrap(k, inner)(inputs))

    ours, theirs = twins(build)
    for model in (ours, theirs):
        model.weights[-1].assign([0.5, 1.0, 2.0])
    for training in (True, False, None, True):
        have, want = ours(x, training=training), theirs(x, training=training)
        assert_close(have, want, f"training={training}", TOLERANCE)
    for v, a, b in zip(ours.weights, ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(a, b, v.name, TOLERANCE)
