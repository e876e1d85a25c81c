"""Small models, one per family of layers, in the spelling that Keras 2.0 to 3 and tf.keras understand."""

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
from __future__ import annotations

import numpy as np

FAMILIES = {}


class Lacks(Exception):  # noqa: N818 - not an error: that version of Keras has no such thing
    """What a family needs came later, or is gone."""


def family(function):
    FAMILIES[function.__name__] = function
    return function


class Case:
    """A model, its inputs and targets.

    Args:
        x, y: shapes of a sample, or lists of them; `y` None for models that are not trained.
        step: whether a further step of training is the same for everybody (no dropout, no augmentation).
        labels: number of classes when the targets are class numbers.
        one_hot: whether the targets are one-hot rows.
        random: whether the weights may be replaced (not those that `adapt` set).
    """

    def __init__(self, model, x, y=None, step=True, labels=None, one_hot=False, random=True):
        rng = np.random.RandomState(7)
        several = isinstance(x, list)
        xs = [rng.uniform(-1, 1, (6, *shape)).astype("float32") for shape in (x if several else [x])]
        self.model, self.x, self.step = model, xs if several else xs[0], step and y is not None
        self.random = random
        self.y = None
        if labels:
            self.y = rng.randint(0, labels, (6, 1)).astype("float32")
        elif one_hot:
            self.y = np.eye(y[-1], dtype="float32")[rng.randint(0, y[-1], 6)]
        elif y is not None:
            ys = [rng.uniform(0, 1, (6, *shape)).astype("float32") for shape in (y if isinstance(y, list) else [y])]
            self.y = ys if isinstance(y, list) else ys[0]


def rate(keras, value):
    """The learning rate under the name that this version knows."""
    return {"lr" if keras.version < (2, 3) else "learning_rate": value}


def need(keras, *names):
    for name in names:
        if not hasattr(keras.layers, name):
            raise Lacks(name)


def sequence(keras, items):
    model = keras.models.Sequential()
    for item in items:
        model.add(item)
    return model


# --- plain ----------------------------------------------------------------------------------------------------
@family
def dense(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.Dense(5, activation="relu", input_shape=(4,)),
            L.Dense(4, activation="tanh", use_bias=False),
            L.Dropout(0.0),
            L.Dense(3),
            L.Activation("softmax"),
        ],
    )
    model.compile(keras.optimizers.Adam(**rate(keras, 0.01)), "categorical_crossentropy", metrics=["accuracy"])
    return Case(model, (4,), (3,), one_hot=True)


@family
def dense_input_dim(keras):
    model = sequence(keras, [keras.layers.Dense(5, input_dim=4, activation="sigmoid"), keras.layers.Dense(2)])
    model.compile("rmsprop", "mse", metrics=["mae", "mse"])
    return Case(model, (4,), (2,))


@family
def no_input_shape(keras):
    """A Sequential that learns the shape of its input from the data."""
    if keras.version < (2, 2, 3):
        raise Lacks("models without an input shape")
    L = keras.layers
    model = sequence(keras, [L.Conv2D(2, 3), L.Flatten(), L.Dense(3), L.Dense(2)])
    model.compile("sgd", "mse")
    return Case(model, (5, 5, 2), (2,))


@family
def convnet(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.Conv2D(3, (3, 3), padding="same", input_shape=(6, 7, 2), kernel_initializer="he_normal"),
            L.BatchNormalization(),
            L.Activation("relu"),
            L.MaxPooling2D((2, 2)),
            L.Conv2D(2, 2, strides=(1, 2), activation="elu"),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ],
    )
    optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **rate(keras, 0.05))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Case(model, (6, 7, 2), (1,), labels=3)


@family
def convnet_functional(keras):
    L = keras.layers
    x = inputs = L.Input(shape=(8, 8, 3), name="image")
    for filters in (2, 3):
        x = L.Conv2D(filters, 3, padding="same", activation="relu", dilation_rate=2)(x)
        x = L.MaxPooling2D(padding="same")(x)
    skip = L.Conv2D(3, 1, strides=4, use_bias=False)(inputs)
    x = L.add([x, skip])
    x = L.GlobalAveragePooling2D()(x)
    model = keras.models.Model(inputs, L.Dense(1, activation="sigmoid", name="answer")(x))
    model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
    return Case(model, (8, 8, 3), (1,))


@family
def depthwise(keras):
    L = keras.layers
    need(keras, "DepthwiseConv2D")
    model = sequence(
        keras,
        [
            L.DepthwiseConv2D((3, 3), depth_multiplier=2, padding="same", input_shape=(6, 6, 2)),
            L.BatchNormalization(scale=False),
            L.ReLU(6.0),
            L.SeparableConv2D(3, 3, depth_multiplier=2, activation="relu", use_bias=False),
            L.BatchNormalization(center=False, epsilon=1e-4),
            L.DepthwiseConv2D(2, strides=2, use_bias=False),
            L.GlobalAveragePooling2D(),
            L.Dense(2),
        ],
    )
    model.compile("sgd", "mean_squared_error")
    return Case(model, (6, 6, 2), (2,))


@family
def separable(keras):
    L = keras.layers
    model = sequence(
        keras,
        [L.SeparableConv2D(3, (3, 3), depth_multiplier=2, input_shape=(5, 6, 2), padding="same"), L.Flatten()],
    )
    model.compile("sgd", "mse")
    return Case(model, (5, 6, 2), (90,))


@family
def sequences(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.Conv1D(4, 3, activation="relu", input_shape=(16, 3)),
            L.MaxPooling1D(2),
            L.ZeroPadding1D((1, 2)),
            L.Cropping1D((1, 0)),
            L.UpSampling1D(2),
            L.AveragePooling1D(3, strides=2, padding="same"),
            L.Conv1D(3, 2, padding="causal", dilation_rate=2),
            L.GlobalMaxPooling1D(),
            L.RepeatVector(3),
            L.GlobalAveragePooling1D(),
        ],
    )
    model.compile("adam", "mae")
    return Case(model, (16, 3), (3,))


@family
def windows(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.ZeroPadding2D(((1, 0), (2, 1)), input_shape=(6, 5, 2)),
            L.Conv2DTranspose(3, 3, strides=2, padding="same"),
            L.Cropping2D(((1, 2), (0, 1))),
            L.AveragePooling2D((2, 3), strides=1, padding="same"),
            L.MaxPooling2D(3, strides=2, padding="valid"),
            L.UpSampling2D((2, 3)),
            L.Permute((3, 1, 2)),
            L.Reshape((-1, 6)),
            L.Flatten(),
            L.Dense(2),
        ],
    )
    model.compile("sgd", "mse")
    return Case(model, (6, 5, 2), (2,))


# --- parts of layers ------------------------------------------------------------------------------------------
@family
def regularizers(keras):
    L, R, C = keras.layers, keras.regularizers, keras.constraints
    model = sequence(
        keras,
        [
            L.Dense(
                4,
                input_shape=(4,),
                kernel_regularizer=R.l2(0.01),
                bias_regularizer=R.l1(0.02),
                kernel_constraint=C.max_norm(2.0) if hasattr(C, "max_norm") else C.MaxNorm(2.0),
                bias_constraint=C.non_neg() if hasattr(C, "non_neg") else C.NonNeg(),
            ),
            L.Dense(3, kernel_constraint=C.MinMaxNorm(0.1, 0.9, rate=0.5, axis=0)),
            L.Dense(3, kernel_constraint=C.UnitNorm(axis=0), bias_regularizer="l2"),
        ],
    )
    model.compile("sgd", "mse")
    return Case(model, (4,), (3,))


@family
def activity_regularizers(keras):
    L, R = keras.layers, keras.regularizers
    l1_l2 = getattr(R, "l1_l2", None) or R.L1L2
    model = sequence(
        keras,
        [
            L.Dense(4, input_shape=(4,), activity_regularizer=l1_l2(l1=0.01, l2=0.02)),
            L.Dense(3, activity_regularizer="l1", kernel_regularizer=l1_l2(0.1, 0.2)),
        ],
    )
    model.compile("sgd", "mse")
    # By the size of the batch its value is divided in tf.keras and here, not in Keras before and in some of Keras 3.
    return Case(model, (4,), (3,), step=(2, 4) <= keras.version < (3,))


@family
def initializers(keras):
    L, init = keras.layers, keras.initializers
    given = [
        init.Zeros(),
        init.Ones(),
        init.Constant(0.5),
        init.RandomNormal(0.0, 0.1, seed=1),
        init.RandomUniform(-0.1, 0.1, seed=2),
        init.TruncatedNormal(stddev=0.2),
        init.VarianceScaling(scale=2.0, mode="fan_out", distribution="uniform"),
        init.Orthogonal(gain=0.5),
        init.Identity(gain=0.5),
        *("lecun_uniform", "glorot_normal", "he_uniform", "lecun_normal", "random_uniform"),
    ]
    items = [L.Dense(4, kernel_initializer=x, input_shape=(4,)) for x in given[:1]]
    items += [L.Dense(4, kernel_initializer=x) for x in given[1:]]
    return Case(sequence(keras, items), (4,))


@family
def activations(keras):
    L = keras.layers
    x = inputs = L.Input((5, 4))
    for name in ("elu", "selu", "softplus", "softsign", "relu", "tanh", "sigmoid", "linear", "hard_sigmoid"):
        x = L.Dense(4, activation=name)(x)
    for name in ("exponential", "swish", "gelu"):
        if hasattr(keras.activations, name):
            x = L.Activation(name)(x)
    slope = "alpha" if keras.version < (3,) else "negative_slope"
    x = L.LeakyReLU(**{slope: 0.2})(x)
    x = L.ELU(alpha=0.7)(x)
    x = L.PReLU(shared_axes=[1])(x)
    if hasattr(L, "ReLU"):
        x = L.ReLU(max_value=3.0)(x)
        x = L.ReLU(negative_slope=0.1, threshold=0.05)(x) if keras.version >= (2, 2, 3) else x
    if hasattr(L, "Softmax"):
        x = L.Softmax(axis=1)(x)
    return Case(keras.models.Model(inputs, x), (5, 4))


@family
def normalizations(keras):
    L = keras.layers
    x = inputs = L.Input((4, 4, 6))
    x = L.BatchNormalization(axis=-1, beta_initializer="ones", gamma_regularizer="l2")(x)
    x = L.BatchNormalization(axis=3)(x)
    for name in ("LayerNormalization", "UnitNormalization", "GroupNormalization", "RMSNormalization"):
        if hasattr(L, name):
            x = getattr(L, name)(**({"groups": 3} if name[0] == "G" else {}))(x)
    if hasattr(L, "LayerNormalization"):
        x = L.LayerNormalization(epsilon=1e-4, center=False)(x)
    model = keras.models.Model(inputs, x)
    model.compile("sgd", "mse")
    return Case(model, (4, 4, 6), (4, 4, 6))


@family
def noise(keras):
    L = keras.layers
    x = inputs = L.Input((4, 4, 2))
    x = L.SpatialDropout2D(0.25)(x)
    x = L.GaussianNoise(0.1)(x)
    x = L.GaussianDropout(0.3)(x)
    x = L.AlphaDropout(0.2)(x)
    x = L.Dropout(0.5, noise_shape=None, seed=3)(x)
    x = L.Reshape((16, 2))(x)
    x = L.SpatialDropout1D(0.4)(x)
    x = L.Flatten()(x)
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, (4, 4, 2), (2,), step=False)
