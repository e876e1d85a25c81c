"""Training: results, batches, weights, determinism, resources."""

import gc
import resource
import warnings

import numpy as np
import pytest

from pykernels import backend, callbacks, layers, losses, metrics, models, ops, optimizers
from pykernels.utils import set_random_seed


def x_of(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def classifier(inputs=4, classes=3, **options):
    model = models.Sequential(
        [layers.Dense(8, activation="tanh", input_dim=inputs), layers.Dense(classes, activation="softmax")]
    )
    options.setdefault("metrics", ["accuracy"])
    model.compile(options.pop("optimizer", "adam"), options.pop("loss", "sparse_categorical_crossentropy"), **options)
    return model


def blobs(n=300, classes=3, inputs=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centers = 3 * rng.normal(size=(classes, inputs))
    return (centers[y] + rng.normal(size=(n, inputs))).astype("float32"), y


def test_learns_and_reports():
    set_random_seed(1)
    x, y = blobs()
    model = classifier()
    history = model.fit(x, y, epochs=20, batch_size=16, validation_split=0.2, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == list(range(20))
    assert history.history["acc"] is history.history["accuracy"]
    assert history.history["val_acc"][-1] > 0.95
    assert history.params == {"verbose": 0, "epochs": 20, "steps": 15}
    assert model.history is history
    assert model.metrics_names == ["loss", "accuracy"]
    assert isinstance(history.history["loss"][0], float)


def test_evaluate_agrees_with_the_validation_line():
    x, y = blobs()
    model = classifier()
    history = model.fit(x, y, epochs=1, validation_data=(x[:77], y[:77]), verbose=0, batch_size=32)
    loss, accuracy = model.evaluate(x[:77], y[:77], verbose=0, batch_size=32)
    assert loss == history.history["val_loss"][-1]
    assert accuracy == history.history["val_accuracy"][-1]
    assert model.evaluate(x[:77], y[:77], verbose=0, return_dict=True) == {"loss": loss, "accuracy": accuracy}


@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000])
def test_loss_is_weighted_by_the_size_of_the_batch(batch_size):
    x, y = blobs(n=45)
    model = classifier(optimizer=optimizers.SGD(0.0))
    p = model.predict(x, verbose=0)
    expected = -np.log(p[np.arange(45), y]).mean()
    history = model.fit(x, y, batch_size=batch_size, verbose=0)
    np.testing.assert_allclose(history.history["loss"][0], expected, rtol=1e-5)
    np.testing.assert_allclose(history.history["accuracy"][0], (p.argmax(1) == y).mean(), rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(x, y, batch_size=batch_size, verbose=0)[0], expected, rtol=1e-5)


def test_the_short_last_batch_is_trained():
    model = models.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros", input_dim=1)])
    model.compile(optimizers.SGD(0.5), "mse")
    x = np.array([[0.0], [0.0], [0.0], [1.0]])
    model.fit(x, np.ones(4), batch_size=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [[1.0]])
    assert int(model.optimizer.iterations) == 2


def test_shuffle():
    x = np.arange(10, dtype="float32")[:, None]

    def seen(shuffle):
        order = []

        class Model(models.Sequential):
            pass

        model = models.Sequential([layers.Dense(1, kernel_initializer="ones", use_bias=False, input_dim=1)])
        model.compile(optimizers.SGD(0.0), lambda y_true, y_pred: ops.mean(y_true + 0.0 * y_pred, axis=-1))
        before = [0.0]

        def end(batch, logs):
            order.append(round(logs["loss"] * (batch + 1) - before[0]))
            before[0] = logs["loss"] * (batch + 1)

        watch = callbacks.LambdaCallback(on_batch_end=end, on_epoch_begin=lambda e, logs: before.__setitem__(0, 0.0))
        model.fit(x, x, batch_size=1, epochs=2, shuffle=shuffle, verbose=0, callbacks=[watch])
        return order[:10], order[10:]

    assert seen(False) == (list(range(10)), list(range(10)))
    set_random_seed(3)
    first, second = seen(True)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    set_random_seed(3)
    assert seen(True) == (first, second)
    np.random.seed(5)
    third = seen(True)
    np.random.seed(5)
    assert seen(True) == third


def test_shuffle_batch_keeps_batches_together():
    x = np.repeat(np.arange(5.0), 4)[:, None]
    model = models.Sequential([layers.Dense(1, input_dim=1)])
    model.compile("sgd", "mse", metrics=[spread := Spread()])
    model.fit(x, x, batch_size=4, shuffle="batch", verbose=0)
    assert float(spread.result()) == 0


class Spread(metrics.Metric):
    def __init__(self):
        super().__init__(name="spread")
        self.worst = self.add_weight(name="worst", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.worst.assign(ops.maximum(self.worst, ops.max(y_true) - ops.min(y_true)))

    def result(self):
        return self.worst


def test_same_seed_same_bits():
    x, y = blobs()

    def run():
        set_random_seed(7)
        model = models.Sequential(
            [
                layers.Dense(16, activation="relu", input_dim=4),
                layers.Dropout(0.3),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(x, y, epochs=3, batch_size=20, verbose=0)
        return history.history["loss"], model.get_weights()

    (a, wa), (b, wb) = run(), run()
    assert a == b
    for u, v in zip(wa, wb, strict=True):
        np.testing.assert_array_equal(u, v)


def test_batch_hooks_change_nothing():
    x, y = blobs()
    results = []
    for extra in ([], [callbacks.LambdaCallback(on_batch_end=lambda b, logs: None)]):
        set_random_seed(2)
        model = classifier()
        model.fit(x, y, epochs=2, verbose=0, callbacks=extra)
        results.append(model.get_weights())
    for u, v in zip(*results, strict=True):
        np.testing.assert_array_equal(u, v)


def test_sample_weight_and_class_weight_agree():
    x, y = blobs(n=60)
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    per_sample = np.array([weights[c] for c in y], "float32")
    one_hot = np.eye(3)[y]
    losses_seen = []
    for target, options, loss in (
        (y, {"sample_weight": per_sample}, "sparse_categorical_crossentropy"),
        (y, {"class_weight": weights}, "sparse_categorical_crossentropy"),
        (one_hot, {"class_weight": weights}, "categorical_crossentropy"),
        (y[:, None], {"class_weight": weights}, "sparse_categorical_crossentropy"),
    ):
        set_random_seed(4)
        model = classifier(loss=loss, weighted_metrics=["accuracy"], metrics=["acc"])
        history = model.fit(x, target, epochs=2, batch_size=16, verbose=0, **options).history
        losses_seen.append((history["loss"], dict(history)["acc"], dict(history)["accuracy"]))
    set_random_seed(4)
    model = classifier(loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"], metrics=["acc"])
    order = np.random.get_state()

    def batches():
        np.random.set_state(order)
        while True:
            p = np.random.permutation(60)
            for i in range(0, 60, 16):
                rows = p[i : i + 16]
                yield x[rows], y[rows], per_sample[rows]

    history = model.fit(batches(), epochs=2, steps_per_epoch=4, verbose=0).history
    losses_seen.append((history["loss"], dict(history)["acc"], dict(history)["accuracy"]))
    for seen in losses_seen[1:]:
        np.testing.assert_allclose(seen[0], losses_seen[0][0], rtol=1e-5)
        np.testing.assert_allclose(seen[1], losses_seen[0][1], rtol=1e-5)
        np.testing.assert_allclose(seen[2], losses_seen[0][2], rtol=1e-5)
    assert losses_seen[0][1] != losses_seen[0][2]
    p = model.predict(x, verbose=0)
    want = (per_sample * -np.log(p[np.arange(60), y])).mean()
    np.testing.assert_allclose(model.evaluate(x, y, sample_weight=per_sample, verbose=0)[0], want, rtol=1e-5)


def test_steps_per_epoch_goes_on_and_wraps():
    x = np.arange(10, dtype="float32")[:, None]
    model = models.Sequential([layers.Dense(1, input_dim=1)])
    model.compile(optimizers.SGD(0.0), lambda t, p: ops.mean(t + 0.0 * p, axis=-1))
    history = model.fit(x, x, batch_size=2, steps_per_epoch=2, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [1.5, 5.5, (8.5 * 2 + 0.5 * 2) / 4])
    with pytest.warns(UserWarning, match="used again from the start") as seen:
        history = model.fit(x, x, batch_size=4, steps_per_epoch=7, epochs=2, verbose=0)
    assert len(seen) == 1
    assert int(model.optimizer.iterations) == 6 + 14


def test_initial_epoch_and_validation_freq():
    x, y = blobs(n=40)
    model = classifier()
    history = model.fit(x, y, initial_epoch=3, epochs=6, verbose=0, validation_data=(x, y), validation_freq=2)
    assert history.epoch == [3, 4, 5]
    assert len(history.history["val_loss"]) == 2
    history = model.fit(x, y, epochs=4, verbose=0, validation_data=(x, y), validation_freq=[1, 4])
    assert len(history.history["val_loss"]) == 2
    assert model.fit(x, y, epochs=0, verbose=0).history == {}


def test_accuracy_is_chosen_by_shapes():
    x = x_of(20, 4)
    cases = [
        (layers.Dense(1, activation="sigmoid"), np.ones(20), "binary_crossentropy", metrics.BinaryAccuracy),
        (layers.Dense(3, activation="softmax"), np.zeros(20, int), "sparse_categorical_crossentropy", None),
        (layers.Dense(3, activation="softmax"), np.eye(3)[np.zeros(20, int)], "categorical_crossentropy", None),
    ]
    kinds = [metrics.BinaryAccuracy, metrics.SparseCategoricalAccuracy, metrics.CategoricalAccuracy]
    for (last, y, loss, _), kind in zip(cases, kinds, strict=True):
        model = models.Sequential([last])
        model.compile("sgd", loss, metrics=["accuracy", "acc"])
        model.fit(x, y, verbose=0)
        assert [type(m) for m in model.metrics[1:]] == [kind, kind]
        assert model.metrics_names == ["loss", "accuracy", "acc"]


def test_metrics_and_losses_as_objects_functions_and_dicts():
    x, y = x_of(20, 4), x_of(20, 2, seed=1)

    def worst(y_true, y_pred):
        return ops.max(ops.abs(y_true - y_pred), axis=-1)

    model = models.Sequential([layers.Dense(2, name="out", input_dim=4)])
    model.compile(
        optimizers.Adam(0.01),
        {"out": losses.MeanSquaredError()},
        metrics={"out": ["mae", worst, metrics.MeanSquaredError(name="again")]},
    )
    results = model.fit(x, y, verbose=0).history
    assert set(results) == {"loss", "mae", "worst", "again"}
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0)
    np.testing.assert_allclose(values["loss"], ((p - y) ** 2).mean(), rtol=1e-5)
    np.testing.assert_allclose(values["again"], values["loss"], rtol=1e-5)
    np.testing.assert_allclose(values["mae"], np.abs(p - y).mean(), rtol=1e-5)
    np.testing.assert_allclose(values["worst"], np.abs(p - y).max(-1).mean(), rtol=1e-5)
    model.compile("sgd", worst, loss_weights=2.0)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), 2 * np.abs(p - y).max(-1).mean(), rtol=1e-5)


def test_on_batch_methods():
    x, y = blobs(n=30)
    model = classifier()
    loss, accuracy = model.train_on_batch(x, y)
    assert int(model.optimizer.iterations) == 1
    named = model.train_on_batch(x, y, return_dict=True)
    assert set(named) == {"loss", "accuracy"}
    tested = model.test_on_batch(x, y)
    np.testing.assert_allclose(tested, model.evaluate(x, y, verbose=0), rtol=1e-6)
    np.testing.assert_array_equal(model.predict_on_batch(x), model.predict(x, verbose=0))
    assert model.predict_on_batch(x[:1]).shape == (1, 3)
    model.train_on_batch(x, y, class_weight={0: 2.0})
    model.train_on_batch(x, y, sample_weight=np.ones(30))
    assert loss > 0
    assert 0 <= accuracy <= 1


def test_predict_classes_and_proba():
    x, _ = blobs(n=10)
    model = classifier()
    np.testing.assert_array_equal(model.predict_classes(x), model.predict_proba(x).argmax(-1))
    binary = models.Sequential([layers.Dense(1, activation="sigmoid", input_dim=4)])
    assert binary.predict_classes(x).shape == (10, 1)


def test_learning_rate_can_change_during_fit():
    x, y = x_of(8, 2), x_of(8, 1)
    model = models.Sequential([layers.Dense(1, input_dim=2)])
    model.compile(optimizers.SGD(lr=0.1), "mse")
    rates = []

    def stop_learning(epoch, logs):
        rates.append(float(backend.get_value(model.optimizer.lr)))
        backend.set_value(model.optimizer.lr, 0.0)

    watch = callbacks.LambdaCallback(on_epoch_end=stop_learning)
    history = model.fit(x, y, epochs=4, verbose=0, shuffle=False, callbacks=[watch])
    assert history.history["loss"][1] == history.history["loss"][2] == history.history["loss"][3]
    np.testing.assert_allclose(rates, [0.1, 0, 0, 0], rtol=1e-6)


def test_freezing():
    x, y = blobs(n=40)
    model = classifier()
    model.fit(x, y, verbose=0)
    frozen = model.layers[0].get_weights()
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="trainable` state of .* has changed since"):
        model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen[0])
    model.layers[0].trainable = True
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert not np.array_equal(model.layers[0].get_weights()[0], frozen[0])


def test_profile():
    x, y = blobs(n=64)
    model = classifier()
    before = model.get_weights()
    texts = []
    table = model.profile(x, y, print_fn=texts.append)
    assert {"op", "label", "shape", "bytes", "flops", "ns", "share"} <= set(table[0])
    assert "matmul" in texts[0]
    assert "batch 32" in texts[0]
    np.testing.assert_allclose(sum(row["share"] for row in table), 1, rtol=1e-6)
    for u, v in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(u, v)
    assert int(model.optimizer.iterations) == 0
    assert len(model.profile(x, print_fn=None)) < len(table)


def test_run_eagerly_runs_python_each_step():
    calls = []

    class Noisy(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    model = models.Sequential([Noisy(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(x_of(20, 2), x_of(20, 1), batch_size=5, verbose=0, shuffle=False)
    before = len(calls)
    model.fit(x_of(20, 2), x_of(20, 1), batch_size=5, verbose=0)
    assert len(calls) - before == 4
    model.compile("sgd", "mse")
    model.fit(x_of(20, 2), x_of(20, 1), batch_size=5, verbose=0)
    before = len(calls)
    model.fit(x_of(20, 2), x_of(20, 1), batch_size=5, verbose=0)
    assert len(calls) == before


def test_compute_loss_may_be_overridden():
    class Doubled(models.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training) + ops.mean(x)

    x, y = x_of(8, 2), x_of(8, 1)
    model = Doubled([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    expected = 2 * ((model.predict(x, verbose=0) - y) ** 2).mean() + x.mean()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)


def test_steps_per_execution():
    seen = []
    model = models.Sequential([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse", steps_per_execution=4)
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(x_of(20, 2), x_of(20, 1), batch_size=2, verbose=0, callbacks=[watch])
    assert seen == [3, 7, 9]


def test_not_a_number_is_reported_once():
    x, y = x_of(40, 3), x_of(40, 2)
    model = models.Sequential([layers.Dense(4, input_dim=3, name="first"), layers.Dense(2, name="second")])
    model.compile("sgd", "mse")
    bad = x.copy()
    bad[17] = np.inf
    with pytest.warns(RuntimeWarning, match=r"epoch 1, batch 5: the input x has 3 infinite values") as seen:
        history = model.fit(bad, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert len([w for w in seen if w.category is RuntimeWarning]) == 1
    assert not np.isfinite(history.history["loss"][-1])
    model = models.Sequential([layers.Dense(4, input_dim=3, name="first"), layers.Dense(2, name="second")])
    model.compile(optimizers.SGD(1e30), "mse")
    with pytest.warns(RuntimeWarning, match=r"first layer whose output is not finite is '(first|second)'"):
        model.fit(x, y, batch_size=4, epochs=3, verbose=0)


def test_interrupt_leaves_a_usable_model():
    x, y = blobs()
    model = classifier()

    def stop(batch, logs):
        if batch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[callbacks.LambdaCallback(on_batch_end=stop)])
    assert int(model.optimizer.iterations) == 4
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.predict(x, verbose=0)).all()


def _rss() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_memory_stays_flat():
    x, y = blobs(n=64)
    model = classifier()

    def round_of_work():
        for n in range(1, 41):
            model.predict(x[: n % 32 + 1], verbose=0)
        for _ in range(10):
            model.fit(x, y, verbose=0)
        for _ in range(3):
            classifier().fit(x, y, verbose=0)
        gc.collect()

    for _ in range(3):
        round_of_work()
    before = _rss()
    for _ in range(10):
        round_of_work()
    assert _rss() - before < 4e6


def test_one_program_per_batch_size():
    x, y = blobs(n=70)
    model = classifier()
    model.fit(x, y, epochs=3, verbose=0)
    assert sorted((kind, types.batch) for kind, types, _ in model._programs._kept) == [("train", 6), ("train", 32)]
    for n in range(1, 60):
        model.predict(x[:n], verbose=0, batch_size=100)
    assert len(model._programs._kept) == 32  # the latest ones: serving any batch size takes no more memory


def test_calls_keep_a_bounded_number_of_batch_sizes():
    model = classifier()
    model(np.zeros((1, *model.input_shape[1:]), "float32"))
    for n in range(1, 100):
        x = np.full((n, *model.input_shape[1:]), n, "float32")
        np.testing.assert_allclose(model(x)[0], model.predict(x, verbose=0)[0], rtol=1e-6)
    assert len(model._direct_runs) == 64


@pytest.mark.parametrize("batch", [1, 4, 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_epochs_that_nobody_watches_give_what_watched_ones_give(batch, shuffle):
    """fit with verbose=0 and no callbacks goes a shorter way; a callback, even an idle one, takes the general way."""
    x = np.random.default_rng(1).normal(size=(30, 4)).astype("float32")
    y = np.arange(30) % 3
    results = []
    for given in (
        None,
        [callbacks.Callback()],
        [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)],
    ):
        set_random_seed(3)
        model = models.Sequential([layers.Input((4,)), layers.Dense(6), layers.Dropout(0.3)])
        model.add(layers.Dense(3, activation="softmax"))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        options = {"batch_size": batch, "shuffle": shuffle, "verbose": 0, "callbacks": given}
        first = model.fit(x, y, epochs=3, **options)
        second = model.fit(x, y, epochs=5, initial_epoch=3, **options)
        assert first.epoch == [0, 1, 2] and second.epoch == [3, 4]
        assert int(model.optimizer.iterations) == model._steps_done == 5 * -(-30 // batch)
        results.append((first.history, second.history, model.get_weights(), np.random.rand()))
    for other in results[1:]:
        assert results[0][:2] == other[:2]
        assert results[0][3] == other[3]
        for a, b in zip(results[0][2], other[2], strict=True):
            assert np.array_equal(a, b)


def test_classes_of_weights_are_the_nearest():
    """Targets that are floats may be a little off."""
    y = np.array([0.0, 0.9999999, 1.0000001, 2.0], "float32")
    assert y[1] < 1 < y[2]
    seen = []
    for options in ({"class_weight": {0: 1.0, 1: 4.0, 2: 0.5}}, {"sample_weight": np.array([1.0, 4.0, 4.0, 0.5])}):
        model = models.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        seen.append(model.train_on_batch(np.zeros((4, 1)), y, **options))
    assert seen[0] == pytest.approx(seen[1], rel=1e-6)


def test_training_draws_the_same_numbers_however_many_were_drawn_before():
    x, y = x_of(16, 4), x_of(16, 1)

    def losses_after(draws):
        set_random_seed(1)
        model = models.Sequential([layers.Input((4,)), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("sgd", "mse")
        for _ in range(draws):
            model(x, training=True)
        return model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]

    assert losses_after(0) == losses_after(3)
