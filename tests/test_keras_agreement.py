"""Whole models against real Keras (JAX backend): regularizers, constraints, class weights, validation, files, errors,
configurations. (Every activation, loss and optimizer: test_keras_oracle.py.)
"""

import numpy as np
import pytest
from oracle import assert_close, keras, message, pk, twins

RNG = np.random.default_rng(0)
N = 100  # a short last batch costs Keras a second compilation: one test below has it
X = RNG.normal(size=(N, 12)).astype("float32")
CLASSES = RNG.integers(0, 5, N)
ONE_HOT = np.eye(5, dtype="float32")[CLASSES]
REAL = RNG.normal(size=(N, 5)).astype("float32")
BITS = (RNG.random((N, 5)) < 0.4).astype("float32")
FIT = {"batch_size": 10, "epochs": 5, "shuffle": False, "verbose": 0}  # 50 steps


def test_weights_regularizers_constraints_metrics_and_splits():
    def build(k):
        layers = k.layers
        model = k.Sequential(
            [
                layers.Input((12,)),
                layers.Dense(
                    8,
                    activation="relu",
                    kernel_regularizer=k.regularizers.L1L2(0.001, 0.01),
                    bias_regularizer="l2",
                    kernel_constraint=k.constraints.MaxNorm(1.0),
                ),
                layers.PReLU(alpha_initializer="ones", alpha_regularizer="l1"),
                layers.Dense(5, activity_regularizer=k.regularizers.L2(0.01)),
                layers.Softmax(),
            ]
        )
        model.compile(
            k.optimizers.Adam(0.002),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=["sparse_categorical_crossentropy"],
            loss_weights=0.7,
        )
        return model

    a, b = twins(build)
    options = {**FIT, "validation_split": 0.3, "class_weight": {0: 2.0, 3: 0.5}}
    have, want = a.fit(X, CLASSES, **options).history, b.fit(X, CLASSES, **options).history
    assert list(have) == list(want)
    for key, values in want.items():
        assert_close(have[key], values, key)
    for v, x, y in zip(a.weights, a.get_weights(), b.get_weights(), strict=True):
        assert_close(x, y, v.name)
    assert_close(a.predict(X, verbose=0), b.predict(X, verbose=0), "predictions")
    weight = np.linspace(0, 2, N).astype("float32")
    assert_close(
        a.evaluate(X, CLASSES, sample_weight=weight, verbose=0),
        b.evaluate(X, CLASSES, sample_weight=weight, verbose=0),
        "evaluate",
    )
    for _ in range(2):
        assert_close(a.train_on_batch(X[:7], CLASSES[:7]), b.train_on_batch(X[:7], CLASSES[:7]), "train_on_batch")
    assert_close(a.test_on_batch(X[:7], CLASSES[:7]), b.test_on_batch(X[:7], CLASSES[:7]), "test_on_batch")


def test_weights_files_go_both_ways(tmp_path):
    def build(k):
        inner = k.Sequential([k.layers.Input((6,)), k.layers.Dense(4, activation="tanh")], name="inner")
        i = k.layers.Input((6,), name="i")
        return k.Model(i, k.layers.Dense(3, name="out")(k.layers.PReLU()(inner(i))))

    a, b = twins(build)
    b.set_weights([w + 1 for w in b.get_weights()])
    b.save_weights(tmp_path / "b.weights.h5")
    a.load_weights(tmp_path / "b.weights.h5")
    x = X[:, :6]
    assert_close(a.predict(x, verbose=0), b.predict(x, verbose=0), "keras to pykernels")
    a.set_weights([w * 0.5 for w in a.get_weights()])
    a.save_weights(tmp_path / "a.weights.h5")
    b.load_weights(tmp_path / "a.weights.h5")
    assert_close(a.predict(x, verbose=0), b.predict(x, verbose=0), "pykernels to keras")

    def compiled(k):
        model = k.Sequential([k.layers.Input((6,)), k.layers.Dense(4, activation="tanh"), k.layers.Dense(2)])
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)  # Keras does not load state before
        return model

    a, b = twins(compiled)
    for model, other in ((a, b), (b, a)):
        model.fit(x, REAL[:, :2], epochs=2, shuffle=False, verbose=0)
        model.save_weights(tmp_path / "c.weights.h5")
        other.load_weights(tmp_path / "c.weights.h5")
        states = [np.asarray(v) for v in model.optimizer.variables], [np.asarray(v) for v in other.optimizer.variables]
        for u, v in zip(*states, strict=True):
            assert_close(u, v, "optimizer state")
    b.save(tmp_path / "whole.h5")
    a.load_weights(tmp_path / "whole.h5")
    assert_close(a.predict(x, verbose=0), b.predict(x, verbose=0), "legacy whole model")
    a.save_weights(tmp_path / "legacy.h5")
    b.load_weights(tmp_path / "legacy.h5")
    assert_close(a.predict(x, verbose=0), b.predict(x, verbose=0), "legacy weights")


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (lambda k: k.layers.Dense(-3), None),
        (lambda k: k.layers.Dense(3, foo=2), None),
        (lambda k: k.layers.Dropout(3), None),
        (lambda k: k.layers.LeakyReLU(-1.0), None),
        (lambda k: k.Sequential([k.layers.Dense(3, name="a"), k.layers.Dense(3, name="a")]), None),
        (lambda k: k.layers.Dense(3, name="a"), lambda layer: layer(np.ones(3, "float32"))),
        (lambda k: k.Sequential([k.layers.Dense(3)], name="s"), lambda m: m.count_params()),
        (lambda k: k.Sequential([k.layers.Input((3,)), k.layers.Dense(3)], name="s"), lambda m: m.set_weights([1])),
        (lambda k: k.Sequential([k.layers.Input((3,)), k.layers.Dense(3, name="a")]), lambda m: m.get_layer("b")),
        (lambda k: k.Sequential([k.layers.Input((3,)), k.layers.Dense(3)], name="s"), lambda m: m.build((None, 7))),
        (lambda k: k.callbacks.ReduceLROnPlateau(factor=2), None),
    ],
)
def test_errors_are_keras_s(make, call):
    def fails(k):
        call(make(k))

    assert message(fails, pk) == message(fails, keras)


def test_configs_are_keras_s():
    def configs(k):
        k.backend.clear_session()
        layers = k.layers
        return [
            layer.get_config()
            for layer in (
                layers.Dense(3, activation="relu", kernel_regularizer="l2"),
                layers.Activation("tanh"),
                layers.Flatten(),
                layers.Reshape((2, 3)),
                layers.Dropout(0.3),
                layers.ReLU(6.0),
                layers.LeakyReLU(),
                layers.ELU(),
                layers.PReLU(),
                layers.Softmax(),
                layers.InputLayer((3,)),
            )
        ]

    for have, want in zip(configs(pk), configs(keras), strict=True):
        want.pop("quantization_config", None)
        assert have == want
