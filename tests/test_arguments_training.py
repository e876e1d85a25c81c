"""Every argument of compile, fit, evaluate, predict and the *_on_batch methods acts, and of every callback.

A row gives the arguments of two calls that differ in one; what a user could see of them must differ.
"""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from argument_rows import parameters, same

from pykernels import backend, callbacks, layers, losses, models, utils

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
LABELS = RNG.integers(0, 3, 20)
HELD_X, HELD_LABELS = RNG.normal(size=(9, 4)).astype("float32"), RNG.integers(0, 3, 9)
WEIGHT = np.linspace(0.1, 2.0, 20)


class Watch(callbacks.Callback):
    """What a callback sees: how often it is called, and for how many batches."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(("epoch", epoch))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("train", batch))

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(("test", batch))

    def on_predict_batch_end(self, batch, logs=None):
        self.seen.append(("predict", batch, len(logs["outputs"])))


class Batches(utils.Sequence):
    """Records in which threads and processes its batches are made, and how far it is ahead of the training."""

    def __init__(self):
        super().__init__()
        self.log = []
        self.made = 0

    def __len__(self):
        return 8

    def __getitem__(self, i):
        self.log.append((threading.current_thread() is threading.main_thread(), os.getpid()))
        self.made += 1
        time.sleep(0.002)
        y = LABELS[:4] if os.getpid() == MAIN else (LABELS[:4] + 1) % 3
        return X[:4], y


MAIN = os.getpid()


def network(**compile_options):
    backend.clear_session()
    utils.set_random_seed(5)
    model = models.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile(
        **{"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compile_options}
    )
    return model


def observe_fit(capsys, model=None, **arguments):
    model = model or network()
    watch = Watch()
    data = {"x": X, "y": LABELS, "verbose": 0, **arguments}
    if isinstance(data["x"], Batches):
        del data["y"]
    given = data.pop("callbacks", None)
    history = model.fit(**data, callbacks=[watch] if given is None else [watch, *given])
    threads = sorted({main for main, _ in data["x"].log}) if isinstance(data["x"], Batches) else []
    printed = "".join(c for c in capsys.readouterr().out if not c.isdigit())  # without times
    return [history.history, history.epoch, watch.seen, [w.numpy() for w in model.weights], threads, printed]


class StopAtOnce(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


HELD = (HELD_X, HELD_LABELS)
# argument -> (arguments of both calls, value of the second)
FIT = {
    "x": ({}, X[::-1].copy()),
    "y": ({}, LABELS[::-1].copy()),
    "batch_size": ({}, 7),
    "epochs": ({}, 2),
    "verbose": ({}, 2),
    "callbacks": ({"epochs": 3}, [StopAtOnce()]),
    "validation_split": ({}, 0.25),
    "validation_data": ({}, HELD),
    "shuffle": ({"batch_size": 4}, False),
    "class_weight": ({}, {0: 3.0, 1: 0.5}),
    "sample_weight": ({}, WEIGHT),
    "initial_epoch": ({"epochs": 3}, 1),
    "steps_per_epoch": ({"batch_size": 4}, 2),
    "validation_steps": ({"validation_data": HELD, "batch_size": 2}, 2),
    "validation_batch_size": ({"validation_data": HELD}, 4),
    "validation_freq": ({"validation_data": HELD, "epochs": 4}, 2),
}


@pytest.mark.parametrize("argument", FIT)
def test_arguments_of_fit(argument, capsys):
    also, value = FIT[argument]
    assert not same(observe_fit(capsys, **also), observe_fit(capsys, **{**also, argument: value}))
    assert same(observe_fit(capsys, **also), observe_fit(capsys, **also))


def test_how_batches_are_fetched():
    """`workers`, `use_multiprocessing` and `max_queue_size`: where batches are made, and how far ahead."""
    main_only, threads = Batches(), Batches()
    network().fit(main_only, workers=0, verbose=0)
    network().fit(threads, workers=2, verbose=0)
    assert {main for main, _ in main_only.log} == {True}
    assert False in {main for main, _ in threads.log}
    processes = Batches()
    here = network().fit(Batches(), workers=1, shuffle=False, verbose=0).history["loss"]
    there = network().fit(processes, workers=1, use_multiprocessing=True, shuffle=False, verbose=0).history["loss"]
    assert here != there  # batches made in another process have other labels
    for method in ("evaluate", "predict"):
        batches = Batches()
        getattr(network(), method)(batches, workers=2, verbose=0)
        assert False in {main for main, _ in batches.log}, method
        assert not same(
            network().evaluate(Batches(), workers=1, use_multiprocessing=False, verbose=0),
            network().evaluate(Batches(), workers=1, use_multiprocessing=True, verbose=0),
        )


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_how_far_batches_are_fetched_ahead(method):
    ahead = {}
    for size in (1, 8):
        batches, _most = Batches(), 0

        class Slow(callbacks.Callback):
            def look(self, batch, logs=None, batches=batches, size=size):
                time.sleep(0.02)
                ahead[size] = max(ahead.get(size, 0), batches.made - batch - 1)

            on_train_batch_end = on_test_batch_end = on_predict_batch_end = look

        getattr(network(), method)(batches, workers=2, max_queue_size=size, verbose=0, callbacks=[Slow()])
    assert ahead[1] <= 3 < ahead[8]


def observe_evaluate(capsys, **arguments):
    watch = Watch()
    data = {"x": X, "y": LABELS, "verbose": 0, "callbacks": [watch], **arguments}
    result = network().evaluate(**data)
    return [
        result,
        watch.seen,
        data["callbacks"] == [watch],
        "".join(c for c in capsys.readouterr().out if not c.isdigit()),
    ]


EVALUATE = {
    "x": ({}, X[::-1].copy()),
    "y": ({}, LABELS[::-1].copy()),
    "batch_size": ({}, 7),
    "verbose": ({}, 2),
    "sample_weight": ({}, WEIGHT),
    "steps": ({"batch_size": 4}, 2),
    "callbacks": ({}, None),
    "return_dict": ({}, True),
}


@pytest.mark.parametrize("argument", EVALUATE)
def test_arguments_of_evaluate(argument, capsys):
    also, value = EVALUATE[argument]
    assert not same(observe_evaluate(capsys, **also), observe_evaluate(capsys, **{**also, argument: value}))


def observe_predict(capsys, **arguments):
    watch = Watch()
    data = {"x": X, "verbose": 0, "callbacks": [watch], **arguments}
    result = network().predict(**data)
    return [result, watch.seen, "".join(c for c in capsys.readouterr().out if not c.isdigit())]


PREDICT = {
    "x": ({}, X[::-1].copy()),
    "batch_size": ({}, 7),
    "verbose": ({}, 1),
    "steps": ({"batch_size": 4}, 2),
    "callbacks": ({}, None),
}


@pytest.mark.parametrize("argument", PREDICT)
def test_arguments_of_predict(argument, capsys):
    also, value = PREDICT[argument]
    assert not same(observe_predict(capsys, **also), observe_predict(capsys, **{**also, argument: value}))


ON_BATCH = {
    "train_on_batch": {
        "x": X[::-1].copy(),
        "y": LABELS[::-1].copy(),
        "sample_weight": WEIGHT,
        "class_weight": {0: 3.0, 1: 0.5},
        "return_dict": True,
    },
    "test_on_batch": {
        "x": X[::-1].copy(),
        "y": LABELS[::-1].copy(),
        "sample_weight": WEIGHT,
        "return_dict": True,
    },
    "predict_on_batch": {"x": X[::-1].copy()},
}


@pytest.mark.parametrize(("method", "argument"), [(m, a) for m, rows in ON_BATCH.items() for a in rows])
def test_arguments_on_batch(method, argument):
    def observe(**changed):
        given = {"x": X, "y": LABELS, **changed}
        model = network()
        result = getattr(model, method)(**{k: v for k, v in given.items() if k in parameters(getattr(model, method))})
        return [result, model.get_weights()]

    assert not same(observe(), observe(**{argument: ON_BATCH[method][argument]}))


def observe_compile(capsys, **options):
    calls = []

    def loss(y, p):
        calls.append(1)
        return losses.sparse_categorical_crossentropy(y, p)

    model = network(**{"loss": loss, **options})
    seen = observe_fit(capsys, model, batch_size=5, sample_weight=WEIGHT)
    traced = len(calls)
    memory = model.memory(20, "train").activations
    return [*seen, traced, memory]


# argument -> value, or what is refused, or why nothing can be seen
COMPILE = {
    "optimizer": "adam",
    "loss": "mse",
    "loss_weights": 0.5,
    "metrics": [],
    "weighted_metrics": ["accuracy"],
    "run_eagerly": True,
    "steps_per_execution": 4,
}
COMPILE_NOT_SEEN = {
    "jit_compile": "steps are compiled in any case",
    "auto_scale_loss": "concerns float16, in which nothing is computed",
    "checkpoint_activations": "tested in test_checkpoint.py",
}


@pytest.mark.parametrize("argument", COMPILE)
def test_arguments_of_compile(argument, capsys):
    changed = {argument: COMPILE[argument]}
    if argument == "loss":
        changed = {"loss": lambda y, p: losses.sparse_categorical_crossentropy(y, p) * 2}
    assert not same(observe_compile(capsys), observe_compile(capsys, **changed))


def test_refusals_of_compile():
    for name, value in (("jit_compile", "often"), ("steps_per_execution", 0)):
        with pytest.raises(ValueError, match=name):
            network(**{name: value})


FETCHED = {"workers", "use_multiprocessing", "max_queue_size"}


def test_every_argument_has_a_row():
    model = models.Model
    assert set(FIT) | FETCHED | {"cache_frozen"} == parameters(model.fit)  # cache_frozen: test_cache_frozen.py
    assert set(EVALUATE) | FETCHED == parameters(model.evaluate)
    assert set(PREDICT) | FETCHED == parameters(model.predict)
    assert set(COMPILE) | set(COMPILE_NOT_SEEN) == parameters(model.compile)
    for method, rows in ON_BATCH.items():
        assert set(rows) == parameters(getattr(model, method)), method
