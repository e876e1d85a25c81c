"""Positional arguments of Keras 1 and 2 in places where Keras 3 has others."""

from __future__ import annotations

import numpy as np
import pytest

from pykernels import Input, Model, Sequential, layers, metrics, ops

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.arange(24) % 2


def classifier():
    return Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")])


def batches(x=X, y=Y):
    while True:
        for i in range(0, len(x), 8):
            yield x[i : i + 8], y[i : i + 8]


@pytest.mark.parametrize(
    ("third", "names"),
    [
        (["accuracy"], ["loss", "accuracy"]),
        (("mae", metrics.BinaryAccuracy(name="right")), ["loss", "mae", "right"]),
        ([lambda y_true, y_pred: ops.mean(y_pred)], None),
        ([metrics.binary_accuracy], ["loss", "binary_accuracy"]),
        ([], ["loss"]),
        (None, ["loss"]),
    ],
)
def test_metrics_come_third_in_keras_1_and_2(third, names):
    net = classifier()
    net.compile("sgd", "binary_crossentropy", third)
    result = net.evaluate(X, Y, verbose=0, return_dict=True)
    assert set(result) == set(names) if names else len(result) == 2


def two_outputs():
    inputs = Input((3,))
    return Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])


def test_their_fourth_is_loss_weights():
    results = []
    for args, options in (
        (([["mae"], None], [1.0, 0.25]), {}),
        (({"a": "mae"}, {"a": 1.0, "b": 0.25}), {}),
        (([["mae"], None],), {"loss_weights": [1.0, 0.25]}),
        (([1.0, 0.25], [["mae"], None]), {}),  # the order of Keras 3
        (([1.0, 0.25],), {"metrics": [["mae"], None]}),
        ((), {"metrics": [["mae"], None], "loss_weights": [1.0, 0.25]}),
    ):
        net = two_outputs()
        net.set_weights([np.full(w.shape, 0.5) for w in net.get_weights()])
        net.compile("sgd", ["mse", "mse"], *args, **options)
        result = net.evaluate(X, [Y, Y], verbose=0, return_dict=True)
        assert sorted(result) == ["a_loss", "a_mae", "b_loss", "loss"]
        np.testing.assert_allclose(result["loss"], result["a_loss"] + 0.25 * result["b_loss"], rtol=1e-6)
        results.append([result[name] for name in sorted(result)])
    np.testing.assert_array_equal(results, results[:1] * len(results))


def test_mixtures_are_refused():
    net = classifier()
    with pytest.raises(TypeError, match=r"metrics=.*third argument"):
        net.compile("sgd", "mse", ["mae"], metrics=["mse"])
    with pytest.raises(ValueError, match="loss_weights"):
        net.compile("sgd", "mse", ["mae", 0.5])


def test_defaults_that_only_keras_2_had():
    net = classifier()
    net.compile("sgd", "mse", sample_weight_mode=None, target_tensors=None)
    with pytest.raises(TypeError, match="sample_weight_mode"):
        net.compile("sgd", "mse", sample_weight_mode="temporal")


def test_generator_methods_in_the_order_of_keras_2():
    class_weight = {0: 1.0, 1: 3.0}
    validation = (X, Y)
    results = []
    for places in (
        (1, class_weight, 10, 1, False, True, 1),  # validation_freq, ..., shuffle, initial_epoch
        (class_weight, 10, 1, False, True, 1),  # before 2.2.3
        (1, class_weight),
    ):
        net = classifier()
        net.set_weights([np.full(w.shape, 0.5) for w in net.get_weights()])
        net.compile("sgd", "mse", ["accuracy"])
        epochs = 3 if len(places) > 2 else 2
        history = net.fit_generator(batches(), 3, epochs, 0, None, validation, None, *places)
        assert history.epoch == ([1, 2] if len(places) > 2 else [0, 1])
        results.append(history.history["loss"] + history.history["val_loss"])
    np.testing.assert_array_equal(results, results[:1] * 3)
    net.fit_generator(batches(), 3, 1, 0, None, validation, None, None)  # class_weight=None
    for places in ((None, 10, 1, False, 0), (10, 1, False, 0), (10,), ()):
        assert net.evaluate_generator(batches(), 3, *places) == net.evaluate(X, Y, 8, verbose=0)
        np.testing.assert_array_equal(net.predict_generator(batches(), 3, *places), net.predict(X, 8, verbose=0))
