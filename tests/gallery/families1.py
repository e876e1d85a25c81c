"""Small models of the families of layers that Keras 1 had, in its spelling."""

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
from __future__ import annotations

from families import Case, Lacks
from families_functions import double, scaled

FAMILIES = {}


def family(function):
    FAMILIES[function.__name__] = function
    return function


def sequence(keras, items):
    model = keras.models.Sequential()
    for item in items:
        model.add(item)
    return model


@family
def dense(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.Dense(5, activation="relu", input_dim=4, init="he_normal"),
            L.Dense(4, activation="tanh", bias=False),
            L.Dropout(0.0),
            L.Dense(output_dim=3),
            L.Activation("softmax"),
        ],
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return Case(model, (4,), (3,), one_hot=True)


def _images(keras, ordering):
    L = keras.layers
    shape = (2, 6, 7) if ordering == "th" else (6, 7, 2)
    given = {"dim_ordering": ordering}
    items = [
        L.ZeroPadding2D((1, 1), input_shape=shape, **given),
        L.Convolution2D(3, 3, 2, border_mode="valid", **given),
        L.BatchNormalization(axis=1 if ordering == "th" else -1),
        L.Activation("relu"),
        L.MaxPooling2D((2, 2), strides=(1, 2), **given),
        L.Convolution2D(
            4, 2, 2, subsample=(2, 1), border_mode="same", W_regularizer=keras.regularizers.l2(0.01), **given
        ),
        L.AveragePooling2D((2, 1), border_mode="valid", **given),
        L.UpSampling2D((1, 2), **given),
        L.Flatten(),
        L.Dense(3),
        L.Activation("sigmoid"),
    ]
    model = sequence(keras, items)
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(lr=0.1, momentum=0.9, nesterov=True))
    return Case(model, shape, (3,))


@family
def images_th(keras):
    return _images(keras, "th")


@family
def images_tf(keras):
    return _images(keras, "tf")


@family
def global_pooling(keras):
    L = keras.layers
    x = inputs = L.Input(shape=(3, 8, 8))
    x = L.Convolution2D(4, 3, 3, dim_ordering="th", activation="elu")(x)
    x = L.GlobalAveragePooling2D(dim_ordering="th")(x)
    model = keras.models.Model(input=inputs, output=L.Dense(2)(x))
    model.compile("rmsprop", "mse")
    return Case(model, (3, 8, 8), (2,))


@family
def sequences(keras):
    L = keras.layers
    model = sequence(
        keras,
        [
            L.Convolution1D(4, 3, input_shape=(12, 3), activation="relu"),
            L.MaxPooling1D(pool_length=2, stride=2),
            L.ZeroPadding1D(1),
            L.UpSampling1D(length=2),
            L.AveragePooling1D(2),
            L.Convolution1D(nb_filter=3, filter_length=2, border_mode="same"),
            L.Flatten(),
            L.RepeatVector(2),
            L.Permute((2, 1)),
            L.Reshape((-1,)),
            L.Dense(2),
        ],
    )
    model.compile("adam", "mae")
    return Case(model, (12, 3), (2,))


@family
def merges(keras):
    L = keras.layers
    merge = keras.merge
    a, b = L.Input((4,)), L.Input((4,))
    c, d = L.Dense(4)(a), L.Dense(4)(b)
    parts = [merge([c, d], mode=mode) for mode in ("sum", "mul", "ave", "max")]
    parts.append(merge([c, d], mode="dot", dot_axes=1))
    x = merge(parts, mode="concat", concat_axis=-1)
    model = keras.models.Model(input=[a, b], output=L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, [(4,), (4,)], (2,))


@family
def merge_of_models(keras):
    """A Sequential that begins with the merge of two others."""
    L = keras.layers
    left = sequence(keras, [L.Dense(3, input_dim=4), L.Activation("relu")])
    right = sequence(keras, [L.Flatten(input_shape=(2, 2)), L.Dense(2, activation="hard_sigmoid")])
    model = sequence(keras, [L.Merge([left, right], mode="concat"), L.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    return Case(model, [(4,), (2, 2)], (3,), one_hot=True)


@family
def multi_output(keras):
    L = keras.layers
    a = L.Input((4,), name="left")
    one, two = L.Dense(2, activation="sigmoid", name="one")(a), L.Dense(1, name="two")(a)
    model = keras.models.Model(input=a, output=[one, two])
    model.compile("sgd", {"one": "binary_crossentropy", "two": "mse"}, loss_weights={"one": 0.5, "two": 1.0})
    return Case(model, (4,), [(2,), (1,)])


@family
def nested(keras):
    L = keras.layers
    x = inputs = L.Input((4,))
    for _ in range(4):
        x = L.Dense(4, activation="tanh")(x)
        x = L.BatchNormalization()(x)
    base = keras.models.Model(input=inputs, output=x, name="base")
    for layer in base.layers[:5]:
        layer.trainable = False
    head = sequence(keras, [L.Dense(4, input_dim=4, activation="relu"), L.Dense(3)])
    outer = L.Input((4,))
    model = keras.models.Model(input=outer, output=L.Activation("softmax")(head(base(outer))))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return Case(model, (4,), (3,), one_hot=True, step=False)


@family
def regularizers(keras):
    L, R = keras.layers, keras.regularizers
    C = keras.constraints
    model = sequence(
        keras,
        [
            L.Dense(
                4,
                input_dim=4,
                W_regularizer=R.l1l2(l1=0.01, l2=0.02),
                b_regularizer=R.l2(0.1),
                W_constraint=C.maxnorm(2),
                b_constraint=C.nonneg(),
            ),
            L.Dense(3, W_regularizer=R.l1(0.01), W_constraint=C.unitnorm()),
            L.Dense(3, activity_regularizer=R.activity_l2(0.01)),
        ],
    )
    model.compile("sgd", "mse")
    return Case(model, (4,), (3,), step=False)


@family
def activations(keras):
    L = keras.layers
    x = inputs = L.Input((5, 4))
    x = L.Activation("softplus")(x)
    x = L.Activation("hard_sigmoid")(x)
    x = L.LeakyReLU(alpha=0.2)(x)
    x = L.PReLU()(x)  # `shared_axes` is not in the files of Keras 1
    x = L.ELU(alpha=0.7)(x)
    x = L.Activation("softsign")(x)
    return Case(keras.models.Model(input=inputs, output=x), (5, 4))


@family
def noise(keras):
    L = keras.layers
    x = inputs = L.Input((2, 4, 4))
    if hasattr(L, "SpatialDropout2D"):
        x = L.SpatialDropout2D(0.25, dim_ordering="th")(x)
    x = L.GaussianNoise(0.1)(x)
    x = L.GaussianDropout(0.3)(x)
    x = L.Dropout(0.5)(x)
    x = L.Flatten()(x)
    model = keras.models.Model(input=inputs, output=L.Dense(2)(x))
    model.compile("adam", "mse")
    return Case(model, (2, 4, 4), (2,), step=False)


@family
def atrous(keras):
    L = keras.layers
    if not hasattr(L, "AtrousConvolution2D"):
        raise Lacks("AtrousConvolution2D")
    model = sequence(
        keras,
        [
            L.AtrousConvolution2D(2, 3, 3, atrous_rate=(2, 2), dim_ordering="th", input_shape=(2, 7, 7)),
            L.Flatten(),
            L.Dense(2),
        ],
    )
    model.compile("sgd", "mse")
    return Case(model, (2, 7, 7), (2,))


@family
def functions(keras):
    L = keras.layers
    x = inputs = L.Input((4,))
    x = L.Lambda(double, name="doubled", output_shape=(4,))(x)
    x = L.Lambda(scaled, arguments={"factor": 0.5}, output_shape=(4,), name="scaled")(x)
    model = keras.models.Model(input=inputs, output=L.Dense(2)(x))
    model.compile("sgd", "mse")
    return Case(model, (4,), (2,))


for _name, _optimizer in {
    "adam": lambda k: k.optimizers.Adam(lr=0.02, beta_1=0.8, epsilon=1e-7),
    "sgd": lambda k: k.optimizers.SGD(lr=0.1),
    "sgd_decay": lambda k: k.optimizers.SGD(lr=0.1, decay=0.5, momentum=0.9),
    "rmsprop": lambda k: k.optimizers.RMSprop(lr=0.01, rho=0.8, epsilon=1e-7),
    "clip": lambda k: k.optimizers.SGD(lr=0.1, clipnorm=0.5),
}.items():

    def _trained(keras, optimizer=_optimizer):
        L = keras.layers
        model = sequence(keras, [L.Dense(4, activation="tanh", input_dim=4), L.BatchNormalization(), L.Dense(2)])
        model.compile(optimizer(keras), "mse")
        return Case(model, (4,), (2,))

    _trained.__name__ = f"optimizer_{_name}"
    family(_trained)
