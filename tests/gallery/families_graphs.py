"""Small models with several inputs or outputs, shared layers, and models within models."""

from __future__ import annotations

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
from families import Case, family, rate, sequence


@family
def merges(keras):
    L = keras.layers
    a, b = L.Input((4,)), L.Input((4,))
    c, d = L.Dense(4)(a), L.Dense(4, activation="tanh")(b)
    parts = [
        L.Add()([c, d]),
        L.Multiply()([c, d, a]),
        L.Average()([c, d]),
        L.Maximum()([c, d]),
        L.Dot(axes=1)([c, d]),
        L.Dot(axes=-1, normalize=True)([a, b]),
    ]
    for name in ("Subtract", "Minimum"):
        if hasattr(L, name):
            parts.append(getattr(L, name)()([c, d]))
    x = L.Concatenate(axis=-1)(parts)
    model = keras.models.Model([a, b], L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, [(4,), (4,)], (2,))


@family
def multi_output(keras):
    L = keras.layers
    a, b = L.Input((4,), name="left"), L.Input((3,), name="right")
    x = L.concatenate([L.Dense(3, activation="relu")(a), b])
    one = L.Dense(2, activation="sigmoid", name="one")(x)
    two = L.Dense(1, name="two")(x)
    model = keras.models.Model(inputs=[a, b], outputs=[one, two])
    model.compile(
        keras.optimizers.SGD(**rate(keras, 0.1)),
        loss={"one": "binary_crossentropy", "two": "mse"},
        loss_weights={"one": 0.25, "two": 2.0},
        metrics={"one": ["binary_accuracy"], "two": ["mae"]},
    )
    return Case(model, [(4,), (3,)], [(2,), (1,)])


@family
def multi_output_lists(keras):
    L = keras.layers
    a = L.Input((4,))
    one, two = L.Dense(2, activation="sigmoid", name="p")(a), L.Dense(1, name="q")(a)
    model = keras.models.Model(a, [one, two])
    model.compile("adam", ["binary_crossentropy", "mae"], loss_weights=[1.0, 0.5])
    return Case(model, (4,), [(2,), (1,)])


@family
def shared(keras):
    L = keras.layers
    a, b = L.Input((6, 6, 1)), L.Input((6, 6, 1))
    tower = sequence(keras, [L.Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1)), L.Flatten(), L.Dense(3)])
    x = L.concatenate([tower(a), tower(b)])
    model = keras.models.Model([a, b], L.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return Case(model, [(6, 6, 1), (6, 6, 1)], (1,))


@family
def nested(keras):
    """A base whose first half is frozen, as in transfer learning; layers of equal shapes."""
    L = keras.layers
    inputs = L.Input((4, 4, 2))
    x = inputs
    for _ in range(4):
        x = L.Conv2D(2, 3, padding="same", activation="relu")(x)
        x = L.BatchNormalization()(x)
    base = keras.models.Model(inputs, x, name="base")
    for layer in base.layers[:5]:
        layer.trainable = False
    model = sequence(keras, [base, L.Flatten(), L.Dense(3), L.Dense(3, activation="softmax")])
    if keras.version < (2, 2, 3):
        model.build((None, 4, 4, 2))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    # Before tf.keras of TensorFlow 2, a frozen BatchNormalization went on normalizing by the batch in training.
    return Case(model, (4, 4, 2), (3,), one_hot=True, step=keras.version >= (2, 4))


@family
def nested_functional(keras):
    L = keras.layers
    inner_in = L.Input((4,))
    hidden = L.Dense(4, activation="relu")(inner_in)
    inner = keras.models.Model(inner_in, [hidden, L.Dense(4)(hidden)], name="inner")
    head = sequence(keras, [L.Dense(4, activation="tanh", input_shape=(4,)), L.Dense(4)])
    inputs = L.Input((4,))
    one, two = inner(inputs)
    x = L.add([head(one), two])
    x = head(x)
    for layer in head.layers:
        layer.trainable = False
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("sgd", "mse")
    return Case(model, (4,), (2,))
