"""Small models with all kinds of optimizers, losses and metrics, and with classes of the user's own."""

from __future__ import annotations

# ruff: noqa: N806 - L, R, C, M and E are modules of the library that is passed in
import numpy as np
from families import Case, Lacks, family, rate, sequence
from families_functions import double, scaled


# --- compile --------------------------------------------------------------------------------------------------
def _trained_by(name, make):
    def build(keras):
        L = keras.layers
        model = sequence(
            keras, [L.Dense(4, activation="relu", input_shape=(4,)), L.BatchNormalization(), L.Dense(4), L.Dense(2)]
        )
        try:
            optimizer = make(keras)
        except (TypeError, ValueError, AttributeError, ImportError) as error:
            raise Lacks(f"{name}: {error}") from error
        model.compile(optimizer, "mse")
        return Case(model, (4,), (2,))

    build.__name__ = f"optimizer_{name}"
    family(build)


_trained_by("adam", lambda k: k.optimizers.Adam(beta_1=0.8, beta_2=0.9, epsilon=1e-6, **rate(k, 0.02)))
_trained_by("amsgrad", lambda k: k.optimizers.Adam(amsgrad=True))
_trained_by("adam_decay", lambda k: _old(k).Adam(decay=0.1, **rate(k, 0.05)))
_trained_by("sgd", lambda k: k.optimizers.SGD(**rate(k, 0.1)))
_trained_by("sgd_momentum", lambda k: k.optimizers.SGD(momentum=0.8, **rate(k, 0.1)))
_trained_by("sgd_decay", lambda k: _old(k).SGD(decay=0.5, momentum=0.9, nesterov=True, **rate(k, 0.1)))
_trained_by("clip", lambda k: k.optimizers.SGD(clipnorm=0.5, **rate(k, 0.1)))
_trained_by("clipvalue", lambda k: k.optimizers.Adam(clipvalue=0.01))
_trained_by("rmsprop", lambda k: k.optimizers.RMSprop(rho=0.8, **rate(k, 0.01)))
_trained_by("rmsprop_momentum", lambda k: k.optimizers.RMSprop(momentum=0.5, **rate(k, 0.01)))
_trained_by("rmsprop_centered", lambda k: k.optimizers.RMSprop(centered=True, momentum=0.5, **rate(k, 0.01)))
_trained_by("adamw", lambda k: k.optimizers.AdamW(weight_decay=0.1, **rate(k, 0.01)))
_trained_by("legacy_adam", lambda k: k.optimizers.legacy.Adam(amsgrad=True))
_trained_by("legacy_sgd", lambda k: k.optimizers.legacy.SGD(momentum=0.9))
_trained_by("legacy_rmsprop", lambda k: k.optimizers.legacy.RMSprop(momentum=0.5))
_trained_by("ema", lambda k: k.optimizers.SGD(use_ema=True, ema_momentum=0.9, momentum=0.9, **rate(k, 0.1)))
_trained_by(
    "schedule",
    lambda k: k.optimizers.SGD(learning_rate=k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True)),
)
_trained_by("cosine", lambda k: k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.1, 10)))
_trained_by(
    "piecewise", lambda k: k.optimizers.Adam(k.optimizers.schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2, 0.3]))
)
_trained_by("polynomial", lambda k: k.optimizers.SGD(k.optimizers.schedules.PolynomialDecay(0.1, 10, 0.01, power=2.0)))
_trained_by("inverse", lambda k: k.optimizers.SGD(k.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.5)))


def _old(keras):
    """Optimizers that take `decay`."""
    if keras.version >= (3,):
        raise AttributeError("decay")
    return keras.optimizers.legacy if keras.version >= (2, 11) else keras.optimizers


@family
def losses(keras):
    """Losses and metrics as objects."""
    if not hasattr(keras.losses, "CategoricalCrossentropy"):
        raise Lacks("losses as objects")
    L, M = keras.layers, keras.metrics
    model = sequence(keras, [L.Dense(4, activation="relu", input_shape=(4,)), L.Dense(3)])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    names = ("CategoricalAccuracy", "TopKCategoricalAccuracy", "MeanSquaredError", "CategoricalCrossentropy")
    metrics = [getattr(M, name)(**({"k": 2} if name[0] == "T" else {})) for name in names]
    model.compile(keras.optimizers.Adam(), loss, metrics=[*metrics, "mae"])
    return Case(model, (4,), (3,), one_hot=True)


@family
def losses_by_output(keras):
    if not hasattr(keras.losses, "CategoricalCrossentropy"):
        raise Lacks("losses as objects")
    L, M = keras.layers, keras.metrics
    a = L.Input((4,))
    one, two = L.Dense(2, activation="sigmoid", name="p")(a), L.Dense(1, name="q")(a)
    model = keras.models.Model(a, [one, two])
    model.compile(
        keras.optimizers.Adam(),
        loss=[keras.losses.BinaryCrossentropy(), keras.losses.MeanAbsoluteError()],
        metrics=[[M.BinaryAccuracy(threshold=0.4)], [M.MeanSquaredError(name="squares"), "mae"]],
    )
    return Case(model, (4,), [(2,), (1,)])


# --- the user's own -------------------------------------------------------------------------------------------
def custom_objects(keras):
    """Classes and functions of the families below, made for this library."""
    L = keras.layers

    class Scale(L.Layer):
        def __init__(self, start=1.0, groups=1, mode=0, **kwargs):
            super().__init__(**kwargs)
            self.start, self.groups, self.mode = start, groups, mode

        def build(self, input_shape):
            self.factor = self.add_weight(
                name="factor", shape=(int(input_shape[-1]),), initializer="ones", trainable=True
            )
            super().build(input_shape)

        def call(self, inputs):
            return inputs * self.factor * self.start * self.groups

        def compute_output_shape(self, input_shape):
            return input_shape

        def get_config(self):
            config = {"start": self.start, "groups": self.groups, "mode": self.mode}
            return dict(list(super().get_config().items()) + list(config.items()))

    class Block(keras.models.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = L.Dense(units, activation="relu")
            self.second = L.Dense(units)
            self.norm = L.BatchNormalization()
            self.rest = [L.Dense(units), L.Dense(2)]
            if keras.version < (2, 4):  # which finds no layers in lists
                self.third, self.last = self.rest

        def call(self, inputs, training=None):
            x = self.norm(self.second(self.first(inputs)), training=training)
            for layer in self.rest:
                x = layer(x)
            return x

        def get_config(self):
            return {"units": self.units}

        @classmethod
        def from_config(cls, config, custom_objects=None):
            return cls(**{k: v for k, v in config.items() if k in ("units", "name")})

    def halved(y_true, y_pred):
        error = y_true - y_pred
        return keras.mean(error * error, -1) / 2.0

    def cubic(x):
        return x * x * x

    return {"Scale": Scale, "Block": Block, "halved": halved, "cubic": cubic, "double": double, "scaled": scaled}


@family
def custom_layer(keras):
    L, own = keras.layers, keras.custom
    x = inputs = L.Input((4,))
    x = own["Scale"](0.5)(x)
    x = own["Scale"](groups=3, mode=0)(x)
    x = L.Dense(3, activation=own["cubic"])(x)
    model = keras.models.Model(inputs, L.Dense(2)(x))
    model.compile("sgd", own["halved"], metrics=[own["halved"]])
    return Case(model, (4,), (2,))


@family
def subclass(keras):
    if keras.version < (2, 2):
        raise Lacks("subclassed models")
    model = keras.custom["Block"]()
    if keras.version >= (2, 4):
        model(np.zeros((1, 4), "float32"))
    model.compile("adam", "mse")
    return Case(model, (4,), (2,))
