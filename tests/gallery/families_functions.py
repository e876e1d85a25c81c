"""Small models with functions in them: Lambda layers, and operations on symbolic tensors."""

from __future__ import annotations

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
import importlib

from families import Case, Lacks, family


@family
def functions(keras):
    """Lambdas by name and as code."""
    L = keras.layers
    x = inputs = L.Input((4,))
    x = L.Dense(4)(x)
    x = L.Lambda(double, name="doubled")(x)
    x = L.Lambda(lambda t: t * 3.0 - 1.0, name="tripled")(x)
    x = L.Lambda(scaled, arguments={"factor": 0.5}, output_shape=(4,), name="scaled")(x)
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("sgd", "mse")
    return Case(model, (4,), (2,))


def double(x):
    return x * 2.0


def scaled(x, factor):
    return x * factor


@family
def operators(keras):
    """Arithmetic on symbolic tensors: layers TFOpLambda in tf.keras, operations in Keras 3."""
    if keras.version < (2, 4):
        raise Lacks("arithmetic on symbolic tensors")
    L = keras.layers
    a, b = L.Input((4, 4, 3)), L.Input((4, 4, 3))
    c = L.Dense(3)(a)
    x = a * 2.0 + b
    x = x - c / 4.0
    x = 1.0 - x
    x = -x
    x = abs(x) ** 2
    y = x[:, 1:, ::2, 0]
    y = L.Flatten()(y)
    z = L.Dense(6)(L.Flatten()(c))
    model = keras.models.Model([a, b], L.Dense(2)(y * z))
    model.compile("sgd", "mse")
    return Case(model, [(4, 4, 3), (4, 4, 3)], (2,))


def _tensorflow(keras):
    """TensorFlow, for models of tf.keras that call its functions."""
    if not (2, 4) <= keras.version < (3,):
        raise Lacks("TensorFlow's functions on symbolic tensors")
    return importlib.import_module("tensorflow")


@family
def tf_functions(keras):
    """Functions of TensorFlow on symbolic tensors."""
    tf, L = _tensorflow(keras), keras.layers
    a, b = L.Input((4, 6)), L.Input((4, 6))
    x = tf.nn.relu(tf.concat([a, b], axis=-1))
    x = tf.reduce_mean(x, axis=1, keepdims=True) + tf.math.reduce_max(x, axis=[1], keepdims=True)
    x = tf.reshape(x, [-1, 3, 4])
    x = tf.transpose(x, perm=[0, 2, 1])
    x = tf.nn.softmax(x) * tf.cast(a, "float32")[:, :, 3:]
    x = tf.clip_by_value(x, -0.5, 0.5) ** 2
    x = tf.stack([x, x * 0.5], axis=1)
    x = tf.expand_dims(tf.squeeze(x[:, :1], axis=1), -1)
    one, two = tf.split(x, 2, axis=1)
    x = tf.maximum(one, two) - tf.minimum(one, 0.1)
    x = tf.math.l2_normalize(x, axis=1) + tf.sqrt(tf.abs(x)) + tf.exp(-x)
    x = tf.where(x > 0.3, x, tf.zeros_like(x))
    x = tf.tile(x, [1, 1, 2, 1])
    x = tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])
    y = tf.matmul(a, b, transpose_b=True)
    z = tf.sigmoid(tf.reduce_sum(a, axis=-1)) + tf.tanh(b[..., 0]) + tf.math.squared_difference(a[:, :, 1], 0.5)
    flat = [L.Flatten()(t) for t in (x, y, z)]
    model = keras.models.Model([a, b], L.Dense(2)(L.concatenate(flat)))
    model.compile("sgd", "mse")
    return Case(model, [(4, 6), (4, 6)], (2,))


@family
def tf_preprocessing(keras):
    """What `preprocess_input` of the applications does to a symbolic tensor."""
    tf, L = _tensorflow(keras), keras.layers
    x = inputs = L.Input((6, 6, 3))
    x = keras.applications.vgg16.preprocess_input(x)
    y = keras.applications.mobilenet_v2.preprocess_input(inputs)
    z = keras.applications.densenet.preprocess_input(inputs)
    x = L.add([x, y, z])
    x = tf.image.resize(x, (4, 5))
    model = keras.models.Model(inputs, L.Flatten()(x))
    return Case(model, (6, 6, 3))
