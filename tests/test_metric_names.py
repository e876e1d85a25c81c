"""What metrics are called in logs, histories and `metrics_names` by every Keras, and how they were asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pykernels import callbacks, config, layers, metrics, models
from pykernels.callbacks import Logs

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)).astype("float32"), np.eye(3, dtype="float32")[RNG.integers(0, 3, 30)]


def classifier(**options):
    model = models.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile(**{"optimizer": "sgd", "loss": "categorical_crossentropy", **options})
    return model


# --- histories ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("accuracy", "acc"),
        ("val_acc", "val_accuracy"),
        ("val_mae", "val_mean_absolute_error"),
        ("mean_absolute_error", "MAE"),
        ("head_mse", "head_mean_squared_error"),
        ("val_head_mse", "val_head_mean_squared_error"),
        ("kullback_leibler_divergence", "kld"),
        ("learning_rate", "lr"),
    ],
)
def test_another_name_of_the_same_metric(key, asked):
    logs = Logs({key: [1.0], "loss": [2.0]})
    assert logs[asked] == logs.get(asked) == [1.0] and asked in logs
    assert list(logs) == [key, "loss"]
    for other in ("val_loss", "mse" if "mse" not in key else "mae", "binary_mae", 3):
        assert other not in logs and logs.get(other) is None
    with pytest.raises(KeyError):
        logs["val_loss"]


def test_long_names_find_what_was_asked_for_in_short():
    model = classifier(metrics=["mae", "acc"])
    watch = callbacks.EarlyStopping(monitor="val_mean_absolute_error", patience=5)
    history = model.fit(X, Y, epochs=2, validation_split=0.2, callbacks=[watch], verbose=0).history
    assert history["val_mean_absolute_error"] == history["val_mae"] and watch.best == min(history["val_mae"])
    assert history["accuracy"] == history["acc"]


# --- compile -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "metric", ["accuracy", metrics.CategoricalAccuracy(name="accuracy"), metrics.categorical_accuracy]
)
def test_one_metric_without_a_list(metric):
    model = classifier(metrics=metric)
    results = model.evaluate(X, Y, verbose=0)
    assert results[1] == classifier_accuracy(model)


def test_a_metric_of_a_user_may_have_a_method_called_build():
    class Own(metrics.Mean):
        def build(self, input_shape):
            raise AssertionError("nobody calls it")

        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_pred)

    assert classifier(metrics=[Own(name="own")]).evaluate(X, Y, verbose=0)[1] == pytest.approx(1 / 3, rel=1e-5)


def classifier_accuracy(model):
    return pytest.approx(np.mean(model.predict(X, verbose=0).argmax(1) == Y.argmax(1)), rel=1e-6)


def test_names_before_the_first_data_are_those_after_them():
    inputs = layers.Input((4,))
    two = models.Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])
    two.compile("sgd", ["mse", "mae"], metrics={"b": ["mae", metrics.RootMeanSquaredError()], "a": "mse"})
    one = classifier(metrics=["acc", metrics.AUC(name="area")], weighted_metrics=["acc"])
    assert one.metrics_names == ["loss", "acc", "area", "weighted_acc"]
    for model, y in ((two, [X[:, 0], X[:, 1]]), (one, Y)):
        before = model.metrics_names
        model.fit(X, y, verbose=0)
        assert before == model.metrics_names
    own = models.Sequential([layers.Dense(2)])
    assert own.metrics_names == []


# --- Keras 0.3 ---------------------------------------------------------------------------------------------
def test_the_accuracy_is_shown_where_it_is_asked_for():
    model = classifier(class_mode="categorical")
    loss = model.evaluate(X, Y, verbose=0)
    history = model.fit(X, Y, nb_epoch=1, show_accuracy=True, validation_data=(X, Y), verbose=0).history
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    score, accuracy = model.evaluate(X, Y, show_accuracy=True, verbose=0)
    assert accuracy == history["val_acc"][-1] == classifier_accuracy(model) and score < loss
    assert model.evaluate(X, Y, verbose=0) == score
    assert model.evaluate(X, Y, verbose=0, show_accuracy=False, return_dict=True) == {"loss": score}
    assert model.test_on_batch(X, Y, accuracy=True) == pytest.approx([score, accuracy], rel=1e-5)
    assert isinstance(model.train_on_batch(X, Y, accuracy=False), float)
    assert len(model.train_on_batch(X, Y, accuracy=True)) == 2


def test_an_accuracy_of_compile_stays():
    model = classifier(metrics=["accuracy"])
    assert len(model.evaluate(X, Y, show_accuracy=True, verbose=0)) == len(model.evaluate(X, Y, verbose=0)) == 2
    with pytest.raises(ValueError, match="compile"):
        models.Sequential([layers.Dense(2)]).fit(X, Y, show_accuracy=True)
    with pytest.raises(TypeError, match="show_accuracy"):
        model.predict(X, show_accuracy=True)


# --- tracebacks --------------------------------------------------------------------------------------------
def test_traceback_filtering_is_remembered():
    assert config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled()


def test_scripts_may_ask_for_whole_tracebacks():
    script = """
import tensorflow as tf, keras
from keras.src.utils import traceback_utils
tf.debugging.disable_traceback_filtering()
assert not keras.config.is_traceback_filtering_enabled()
keras.config.enable_traceback_filtering()
assert tf.debugging.is_traceback_filtering_enabled() and traceback_utils.is_traceback_filtering_enabled()
assert traceback_utils.filter_traceback(len)([1]) == 1
assert traceback_utils.inject_argument_info_in_traceback(len, object_name="len")([1]) == 1
"""
    subprocess.run([sys.executable, "-m", "pykernels", "-c", script], check=True)
